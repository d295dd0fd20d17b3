"""The calendar: what of each link and port is promised, when.

A resource (a link, a port) has a capacity and a step function of time, keyed by event, with an endless tail. What is
needed of it is what is claimed, and the reserve for backups that stand by (`standby`). Everything is whole Mbit/s, so
sums are exact. A holder (a service) keeps a set of claims and standbys, which are replaced as one; so the calendar is
a function of what services hold, however it came about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from highroad.model.service import Window
from highroad.planning.line import Claim, Line, fill
from highroad.planning.standby import GroupNumbers, Standby
from highroad.planning.steps import Peak

__all__ = ["Calendar", "Claim", "Peak", "Standby"]


class Calendar:
    """What is promised of every resource, by holder."""

    def __init__(self, capacity_mbps: Mapping[str, int]) -> None:
        self._lines = {resource: Line(rate) for resource, rate in capacity_mbps.items()}
        self._numbers = GroupNumbers()
        self._claims: dict[str, tuple[Claim, ...]] = {}
        self._standbys: dict[str, tuple[Standby, ...]] = {}
        self._aside: dict[str, tuple[tuple[Claim, ...], tuple[Standby, ...]]] = {}
        """What holders had that the calendar is at the moment seen without."""

    @classmethod
    def build(
        cls, capacity_mbps: Mapping[str, int], holders: Iterable[tuple[str, Iterable[Claim], Iterable[Standby]]]
    ) -> Calendar:
        """The calendar that `keep` of every holder would make, all at once; of two with one name the last counts."""
        calendar = cls(capacity_mbps)
        for holder, claims, standbys in holders:
            calendar._hold(holder, _claims(claims), _standbys(standbys))
        claims_of = [claim for held in calendar._claims.values() for claim in held]
        standbys_of = [standby for held in calendar._standbys.values() for standby in held]
        fill(calendar._lines, claims_of, standbys_of, calendar._numbers)
        return calendar

    def set_capacity(self, resource: str, rate_mbps: int) -> None:
        """Give a resource its capacity; what is claimed of it stays."""
        self._line(resource).capacity_mbps = rate_mbps

    def capacity(self, resource: str) -> int:
        """Mbit/s; 0 for what is not known."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps

    def keep(self, holder: str, claims: Iterable[Claim], standbys: Iterable[Standby] = ()) -> None:
        """Make these the holder's claims and standbys, in place of those that it had."""
        self._aside.pop(holder, None)
        held = self._claims.get(holder, ()), self._standbys.get(holder, ())
        wanted = _claims(claims), _standbys(standbys)
        if held[1] != wanted[1]:
            self._stand_down(held[1])
        if held[0] != wanted[0]:
            self._claim(held[0], -1)
            self._claim(wanted[0], +1)
        if held[1] != wanted[1]:
            self._stand_by(wanted[1])
        self._hold(holder, *wanted)

    def claims(self, holder: str) -> tuple[Claim, ...]:
        """What a holder keeps for certain use."""
        return self._claims.get(holder, ())

    def standbys(self, holder: str) -> tuple[Standby, ...]:
        """Where a holder stands by."""
        return self._standbys.get(holder, ())

    def peak(self, resource: str, window: Window) -> Peak:
        """The most that is needed in a window, claims and reserve, and when first."""
        line = self._lines.get(resource)
        return Peak(0, window.start_s) if line is None else line.need.peak(window.start_s, window.until_s)

    def free(self, resource: str, window: Window) -> int:
        """The least that is free throughout a window, Mbit/s; negative where a link shrank under its claims."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps - line.need.most(window.start_s, window.until_s)

    def unclaimed(self, resource: str, window: Window) -> int:
        """The least that nobody claims throughout a window, Mbit/s, whatever stands by: for a backup that is called."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps - line.claimed.most(window.start_s, window.until_s)

    def fits(self, resource: str, window: Window, rate_mbps: int) -> bool:
        """Whether `free` is at least a rate; for searches, which ask it of every link."""
        line = self._lines.get(resource)
        if line is None:
            return rate_mbps <= 0
        room = line.capacity_mbps - rate_mbps
        return line.need.top <= room or line.need.most(window.start_s, window.until_s) <= room

    def spare_for(self, resource: str, window: Window, groups: frozenset[str]) -> int:
        """The highest rate of a new standby with these risk groups that fits throughout a window.

        min over t in the window of capacity - claimed(t) - max over g in groups of S(g, t); at least `free`, and
        just that where it is negative.
        """
        line = self._lines.get(resource)
        if line is None:
            return 0
        return line.spare(window.start_s, window.until_s, self._numbers.of(groups), len(self._numbers))

    def fits_standby(self, resource: str, window: Window, rate_mbps: int, groups: frozenset[str]) -> bool:
        """Whether `spare_for` is at least a rate; for searches, because most links say so at a glance."""
        line = self._lines.get(resource)
        if line is None or line.reserve is None:
            return self.fits(resource, window, rate_mbps)
        if self.fits(resource, window, rate_mbps):
            return True
        if line.capacity_mbps - line.claimed.most(window.start_s, window.until_s) < rate_mbps:
            return False
        return self.spare_for(resource, window, groups) >= rate_mbps

    def at(self, resource: str, time_s: float) -> int:
        """What is needed at one instant: claims and reserve."""
        line = self._lines.get(resource)
        return 0 if line is None else line.need.most(time_s, time_s)

    def claimed_at(self, resource: str, time_s: float) -> int:
        """What is claimed at one instant."""
        line = self._lines.get(resource)
        return 0 if line is None else line.claimed.most(time_s, time_s)

    def reserve_at(self, resource: str, time_s: float) -> int:
        """What is kept for backups at one instant."""
        line = self._lines.get(resource)
        return 0 if line is None or line.reserve is None else line.reserve.at(time_s)

    def falls(self, resources: Iterable[str], after_s: float) -> list[float]:
        """The instants after a time at which anything is given back on any of the resources, in order."""
        lines = (self._lines[name] for name in resources if name in self._lines)
        return sorted({time_s for line in lines for time_s in line.need.falls(after_s)})

    @contextmanager
    def without(self, holder: str) -> Iterator[None]:
        """The calendar as it would be without a holder, for as long as the context lasts.

        What is kept for the holder meanwhile stays, and takes the place of what it had.
        """
        if holder in self._aside:
            yield
            return
        held = self._claims.pop(holder, ()), self._standbys.pop(holder, ())
        self._stand_down(held[1])
        self._claim(held[0], -1)
        self._aside[holder] = held
        try:
            yield
        finally:
            if self._aside.pop(holder, None) is held:
                self._claim(held[0], +1)
                self._stand_by(held[1])
                self._hold(holder, *held)

    def oversold(self) -> list[tuple[str, Peak]]:
        """Resources that are needed above their capacity at any time, with the worst of it. Empty, always."""
        return [
            (name, line.need.peak(-math.inf, math.inf))
            for name, line in self._lines.items()
            if line.need.top > line.capacity_mbps
        ]

    def _hold(self, holder: str, claims: tuple[Claim, ...], standbys: tuple[Standby, ...]) -> None:
        if claims:
            self._claims[holder] = claims
        else:
            self._claims.pop(holder, None)
        if standbys:
            self._standbys[holder] = standbys
        else:
            self._standbys.pop(holder, None)

    def _line(self, resource: str) -> Line:
        line = self._lines.get(resource)
        if line is None:
            line = self._lines[resource] = Line(0)
        return line

    def _claim(self, claims: Iterable[Claim], sign: int) -> None:
        for claim in claims:
            self._line(claim.resource).claim(claim.start_s, claim.until_s, sign * claim.rate_mbps)

    def _stand_by(self, standbys: Iterable[Standby]) -> None:
        for standby in standbys:
            groups = self._numbers.of(standby.groups)
            self._line(standby.resource).stand_by(standby, groups, len(self._numbers))

    def _stand_down(self, standbys: Iterable[Standby]) -> None:
        for standby in standbys:
            groups = self._numbers.of(standby.groups)
            self._line(standby.resource).stand_down(standby, groups, len(self._numbers))


def _claims(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    return tuple(claim for claim in claims if claim.rate_mbps and claim.until_s > claim.start_s)


def _standbys(standbys: Iterable[Standby]) -> tuple[Standby, ...]:
    return tuple(
        standby for standby in standbys if standby.rate_mbps and standby.until_s > standby.start_s and standby.groups
    )
