"""What is free between two ends hour by hour, and in which stretch of hours one order moves most.

It takes a search or two an hour, so others are let in between; every figure is right for the book as it stood when it
was found.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from highroad.control.book import Book
from highroad.errors import Finding, Invalid
from highroad.model.service import Window
from highroad.planning.free import Free, Question, stretches

HOUR_S = 3600.0

WEEK_HOURS = 168

MOST_HOURS = 31 * 24

LOOKS = 150
"""Stretches that are looked at for the best one, the most promising first."""

GROWS = 50
"""And so many that are longer than the best of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeWindow:
    """The most that one order over just this window would be admitted with."""

    window: Window
    mbps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Hour by hour; `best` is the stretch in which one order at one rate moves most, of those that were looked at."""

    question: Question
    step_mbps: int
    hours: tuple[FreeWindow, ...]
    best: FreeWindow | None


Look = Callable[[float, float], Awaitable[FreeWindow | None]]
"""What is free from one time to another; None where that is over."""


async def capacity(
    settled: Callable[[], Awaitable[Book]],
    now_s: Callable[[], float],
    question: Question,
    start_s: float | None = None,
    hours: int = WEEK_HOURS,
) -> Capacity:
    """So many whole hours of UTC from the one that a time is in (now, if None); the first begins now if it has begun.

    Raises Invalid, with every finding, where no order between these ends would make sense.
    """
    free = Free(question)
    asked_s = now_s() if start_s is None else start_s
    if wrong := _wrong_hours(asked_s, now_s(), hours):
        raise Invalid([*wrong, *_wrong_ends(await settled(), free, now_s())])
    first_s = asked_s // HOUR_S * HOUR_S

    async def look(begin_s: float, end_s: float) -> FreeWindow | None:
        book = await settled()
        now = now_s()
        book.look_from(now)
        window = Window(start_s=max(begin_s, math.ceil(now * 1000) / 1000), end_s=end_s)
        mbps = free.most_mbps(book.ground, window, now) if window.start_s < end_s else None
        await asyncio.sleep(0)
        return None if mbps is None else FreeWindow(window=window, mbps=mbps)

    looked = [await look(first_s + HOUR_S * at, first_s + HOUR_S * (at + 1)) for at in range(hours)]
    found = tuple(one for one in looked if one is not None)
    return Capacity(question=question, step_mbps=free.step_mbps, hours=found, best=await _best(found, look))


async def _best(hours: Sequence[FreeWindow], look: Look) -> FreeWindow | None:
    """The stretch in which one order moves most, of those that are looked at: a stretch whose hours all have room has
    not always ways for all of them, and is halved then; what was found so is made longer while that is more.
    """
    if not any(one.mbps for one in hours):
        return None
    at = max(range(len(hours)), key=lambda place: _volume(hours[place]))
    best, found = hours[at], (at, at + 1)
    waiting = [(-least * (end - first), first, end) for first, end, least in stretches([one.mbps for one in hours])]
    left = LOOKS

    async def better(first: int, end: int) -> bool:
        nonlocal best, found, left
        left -= 1
        one = await look(hours[first].window.start_s, hours[end - 1].window.until_s)
        if one is None or _volume(one) <= _volume(best):
            return False
        best, found = one, (first, end)
        return True

    heapq.heapify(waiting)
    while waiting and left > 0:
        _, first, end = heapq.heappop(waiting)
        least = min(one.mbps for one in hours[first:end])
        if end - first < 2 or _volume(best) >= least * (hours[end - 1].window.until_s - hours[first].window.start_s):
            continue
        if await better(first, end) and best.mbps >= least:
            continue
        middle = (first + end) // 2
        for half in ((first, middle), (middle, end)):
            lowest = min(one.mbps for one in hours[half[0] : half[1]])
            heapq.heappush(waiting, (-lowest * (half[1] - half[0]), *half))
    left += GROWS
    while left > 0 and found[0] > 0 and await better(found[0] - 1, found[1]):
        pass
    while left > 0 and found[1] < len(hours) and await better(found[0], found[1] + 1):
        pass
    return best


def _wrong_ends(book: Book, free: Free, now_s: float) -> Sequence[Finding]:
    """What is wrong with a question besides its hours."""
    try:
        free.most_mbps(book.ground, Window(start_s=math.ceil(now_s), end_s=now_s + HOUR_S), now_s)
    except Invalid as error:
        return error.findings
    return ()


def _wrong_hours(start_s: float, now_s: float, hours: int) -> list[Finding]:
    findings = []
    if not 1 <= hours <= MOST_HOURS:
        findings.append(Finding(code="hours", place="hours", message=f"is from 1 to {MOST_HOURS}"))
    if start_s // HOUR_S * HOUR_S + HOUR_S <= now_s:
        findings.append(Finding(code="window-past", place="start", message="is in an hour that is over"))
    return findings


def _volume(one: FreeWindow) -> float:
    return one.mbps * (one.window.until_s - one.window.start_s)
