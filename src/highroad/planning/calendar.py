"""The calendar: what of each link and port is promised, when.

A resource (a link, a port) has a capacity and a step function of time, keyed by event, with an endless tail.
Everything is whole Mbit/s, so sums are exact. A holder (a service) keeps a set of claims, which are replaced as
one; so the calendar is a function of what services hold, however it came about.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from highroad.model.service import Window


@dataclass(frozen=True, slots=True)
class Claim:
    """So much of a resource in [start, until)."""

    resource: str
    start_s: float
    until_s: float
    rate_mbps: int


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that is claimed of a resource in a window, and the first instant at which it is."""

    rate_mbps: int
    at_s: float


class Steps:
    """One step function: `levels[i]` holds from `times[i]` until `times[i + 1]`, the last for ever."""

    __slots__ = ("levels", "times")

    def __init__(self) -> None:
        self.times: list[float] = [-math.inf]
        self.levels: list[int] = [0]

    def add(self, start_s: float, until_s: float, rate_mbps: int) -> None:
        """Raise (or lower) the function by a rate in [start, until)."""
        if start_s == -math.inf and until_s == math.inf:
            self.levels = [level + rate_mbps for level in self.levels]
            return
        first = self._break_at(start_s)
        last = len(self.times) if until_s == math.inf else self._break_at(until_s)
        levels = self.levels
        for index in range(first, last):
            levels[index] += rate_mbps
        self._join(last)
        self._join(first)

    def peak(self, start_s: float, until_s: float) -> Peak:
        """The highest level in [start, until)."""
        first = bisect_right(self.times, start_s) - 1
        last = max(first + 1, bisect_left(self.times, until_s))
        level = max(self.levels[first:last])
        index = self.levels.index(level, first, last)
        return Peak(level, max(start_s, self.times[index]))

    def most(self, start_s: float, until_s: float) -> int:
        """The highest level in [start, until), without saying when."""
        levels = self.levels
        if len(levels) == 1:
            return levels[0]
        first = bisect_right(self.times, start_s) - 1
        last = bisect_left(self.times, until_s)
        return levels[first] if last <= first + 1 else max(levels[first:last])

    def falls(self, after_s: float) -> list[float]:
        """The instants after a time at which the level falls, in order."""
        first = bisect_right(self.times, after_s)
        return [self.times[i] for i in range(max(1, first), len(self.times)) if self.levels[i] < self.levels[i - 1]]

    def _break_at(self, time_s: float) -> int:
        index = bisect_left(self.times, time_s)
        if index == len(self.times) or self.times[index] != time_s:
            self.times.insert(index, time_s)
            self.levels.insert(index, self.levels[index - 1])
        return index

    def _join(self, index: int) -> None:
        if 0 < index < len(self.times) and self.levels[index] == self.levels[index - 1]:
            del self.times[index], self.levels[index]


class Calendar:
    """What is promised of every resource, by holder."""

    def __init__(self, capacity_mbps: Mapping[str, int]) -> None:
        self._capacity = dict(capacity_mbps)
        self._steps: dict[str, Steps] = {}
        self._claims: dict[str, tuple[Claim, ...]] = {}

    def set_capacity(self, resource: str, rate_mbps: int) -> None:
        """Give a resource its capacity; what is claimed of it stays."""
        self._capacity[resource] = rate_mbps

    def capacity(self, resource: str) -> int:
        """Mbit/s; 0 for what is not known."""
        return self._capacity.get(resource, 0)

    def keep(self, holder: str, claims: Iterable[Claim]) -> None:
        """Make these the holder's claims, in place of those that it had."""
        before = self._claims.pop(holder, ())
        after = tuple(claim for claim in claims if claim.rate_mbps and claim.until_s > claim.start_s)
        self._apply(before, -1)
        self._apply(after, +1)
        if after:
            self._claims[holder] = after

    def claims(self, holder: str) -> tuple[Claim, ...]:
        """What a holder keeps."""
        return self._claims.get(holder, ())

    def peak(self, resource: str, window: Window) -> Peak:
        """The most that is claimed in a window, and when first."""
        steps = self._steps.get(resource)
        return Peak(0, window.start_s) if steps is None else steps.peak(window.start_s, window.until_s)

    def free(self, resource: str, window: Window) -> int:
        """The least that is free throughout a window, Mbit/s; negative where a link shrank under its claims."""
        steps = self._steps.get(resource)
        used = 0 if steps is None else steps.most(window.start_s, window.until_s)
        return self._capacity.get(resource, 0) - used

    def at(self, resource: str, time_s: float) -> int:
        """What is claimed at one instant."""
        return self.peak(resource, Window(start_s=time_s, end_s=math.nextafter(time_s, math.inf))).rate_mbps

    def falls(self, resources: Iterable[str], after_s: float) -> list[float]:
        """The instants after a time at which anything is given back on any of the resources, in order."""
        return sorted({t for name in resources if name in self._steps for t in self._steps[name].falls(after_s)})

    @contextmanager
    def without(self, holder: str) -> Iterator[None]:
        """The calendar as it would be without a holder's claims, for as long as the context lasts."""
        claims = self._claims.pop(holder, ())
        self._apply(claims, -1)
        try:
            yield
        finally:
            self._apply(claims, +1)
            if claims:
                self._claims[holder] = claims

    def oversold(self) -> list[tuple[str, Peak]]:
        """Resources that are claimed above their capacity at any time, with the worst of it. Empty, always."""
        everything = Window(start_s=-math.inf)
        peaks = ((name, self.peak(name, everything)) for name in self._steps)
        return [(name, peak) for name, peak in peaks if peak.rate_mbps > self.capacity(name)]

    def _apply(self, claims: Iterable[Claim], sign: int) -> None:
        for claim in claims:
            steps = self._steps.get(claim.resource)
            if steps is None:
                steps = self._steps[claim.resource] = Steps()
            steps.add(claim.start_s, claim.until_s, sign * claim.rate_mbps)
