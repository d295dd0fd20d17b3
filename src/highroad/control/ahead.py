"""What the calendar has booked of every link at a moment to come, and what changes of that until another.

At one moment a step is looked up for each link, at once. Over a time links are read some at a time, with others let in
between, each as the calendar has it when it is read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from highroad.control.book import Book
from highroad.control.linkcalendar import PAST_S
from highroad.errors import Finding, Invalid
from highroad.model.incident import Maintenance
from highroad.model.network import LinkId
from highroad.model.window import Window
from highroad.units import TIMES_END_S

LONGEST_S = 31 * 86_400.0

LOT = 500
"""Links that are read before others have their turn."""

MOST_CHANGES = 50_000
"""Of all links together that are told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A link needs another rate from an instant on."""

    at_s: float
    link: LinkId
    mbps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What is needed of each link at an instant, claims and reserve for backups, and what changes of it before another.

    `until_s` is earlier than was asked for where more changes than are told at once. While a link is `closed` nothing
    is placed on it.
    """

    at_s: float
    until_s: float
    mbps: dict[LinkId, int]
    turns: tuple[Turn, ...]
    closed: tuple[tuple[Maintenance, tuple[LinkId, ...]], ...]


async def ahead(
    settled: Callable[[], Awaitable[Book]],
    now_s: float,
    at_s: float,
    until_s: float | None = None,
    *,
    most: int = MOST_CHANGES,
) -> Ahead:
    """Of every link of the network in force; with no end only at the moment. Raises Invalid, with every finding."""
    end_s = at_s if until_s is None else until_s
    if findings := _wrong(now_s, at_s, end_s):
        raise Invalid(findings)
    book = await settled()
    links = [link.id for link in book.network.links]
    mbps: dict[LinkId, int] = {}
    turns: list[Turn] = []
    for first in range(0, len(links), LOT):
        if first and end_s > at_s:
            await asyncio.sleep(0)
            book = await settled()
        calendar = book.ground.calendar
        for link in links[first : first + LOT]:
            (_, mbps[link]), *later = calendar.course(link, at_s, end_s)
            turns += [Turn(at_s=change_s, link=link, mbps=needed) for change_s, needed in later]
        if len(turns) > most:
            turns.sort(key=lambda turn: turn.at_s)
            # Of an instant all is told or nothing; of the first one all.
            end_s = max(turns[most].at_s, math.nextafter(turns[0].at_s, math.inf))
            turns = [turn for turn in turns if turn.at_s < end_s]
    turns.sort(key=lambda turn: turn.at_s)
    return Ahead(at_s=at_s, until_s=end_s, mbps=mbps, turns=tuple(turns), closed=_closed(book, at_s, end_s))


def _closed(book: Book, at_s: float, end_s: float) -> tuple[tuple[Maintenance, tuple[LinkId, ...]], ...]:
    """The maintenances, going on or booked, that meet a time, with the links that each keeps free, by their start."""
    window = Window(start_s=at_s, end_s=math.nextafter(end_s, math.inf))
    met = (one for one in book.maintenances.values() if one.open and one.window.meets(window))
    by_start = sorted(met, key=lambda one: (one.window.start_s, one.id))
    return tuple((one, tuple(sorted(book.links_over(one.fibres)))) for one in by_start)


def _wrong(now_s: float, at_s: float, end_s: float) -> Sequence[Finding]:
    findings = []
    if at_s < now_s - PAST_S:
        findings.append(Finding(code="window-past", place="at", message="the calendar does not keep the past"))
    if end_s < at_s:
        findings.append(Finding(code="window-empty", place="until", message="is before `at`"))
    if end_s - at_s > LONGEST_S:
        findings.append(Finding(code="window-long", place="until", message="is more than 31 days after `at`"))
    if max(at_s, end_s) >= TIMES_END_S:
        findings.append(Finding(code="range", place="at", message="has to be in the years 1970 to 2999"))
    return findings
