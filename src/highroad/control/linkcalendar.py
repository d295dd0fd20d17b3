"""The calendar of a link over a time and what closes it then, read on the spot, and who holds it, looked up aside."""

from __future__ import annotations

import math
from dataclasses import dataclass

from highroad.control.book import Book
from highroad.errors import Finding, Invalid, NotFound, did_you_mean
from highroad.model.incident import Maintenance
from highroad.model.network import Link, LinkId
from highroad.model.window import Window
from highroad.planning.held import Holding, Step, holdings, steps
from highroad.ports import Executor

WEEK_S = 7 * 86400.0

LONGEST_S = 366 * 86400.0

PAST_S = 60.0
"""A time may lie so long ago and still mean now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCalendar:
    """What is kept of a link, and for whom; while it is `closed` nothing is placed on it, whatever is free."""

    link: Link
    steps: tuple[Step, ...]
    holdings: tuple[Holding, ...]
    closed: tuple[Maintenance, ...] = ()


async def link_calendar(
    book: Book, execute: Executor, now_s: float, link: LinkId, start_s: float | None, end_s: float | None
) -> LinkCalendar:
    """From a time (now, if None) to another (a week later). Raises NotFound, and Invalid with every finding."""
    known = book.network.link.get(link)
    if known is None:
        raise NotFound(f"there is no link {link[:100]}{did_you_mean(link, book.network.link)}")
    window = _window(now_s, start_s, end_s)
    calendar = book.ground.calendar
    found = tuple(steps(calendar, link, window))
    # A walk over every holder is nothing for the loop: it is made over values, elsewhere.
    held, services = calendar.held(), dict(book.services)
    closed = _closed(book, link, window)
    holders = tuple(await execute(holdings, held, services, link, window))
    return LinkCalendar(link=known, steps=found, holdings=holders, closed=closed)


def _closed(book: Book, link: LinkId, window: Window) -> tuple[Maintenance, ...]:
    """The maintenances of a time that keep a link free, going on or booked, by their start."""
    met = (one for one in book.maintenances.values() if one.open and one.window.meets(window))
    closing = (one for one in met if link in book.links_over(one.fibres))
    return tuple(sorted(closing, key=lambda one: one.window.start_s))


def _window(now_s: float, start_s: float | None, end_s: float | None) -> Window:
    findings: list[Finding] = []
    begin_s = math.ceil(now_s * 1000) / 1000 if start_s is None else start_s
    until_s = begin_s + WEEK_S if end_s is None else end_s
    if begin_s < now_s - PAST_S:
        findings.append(Finding(code="window-past", place="start", message="the calendar does not keep the past"))
    if until_s <= begin_s:
        findings.append(Finding(code="window-empty", place="end", message="is not after the start"))
    if until_s - begin_s > LONGEST_S:
        findings.append(Finding(code="window-long", place="end", message="is more than 366 days after the start"))
    if findings:
        raise Invalid(findings)
    return Window(start_s=begin_s, end_s=until_s)
