"""The calendar: what of each link and port is promised, when.

A resource (a link, a port) has a capacity and a step function of time, keyed by event, with an endless tail. What is
needed of it is what is claimed, and the reserve for backups that stand by (`standby`). Everything is whole Mbit/s, so
sums are exact. A holder (a service) keeps a set of claims and standbys, which are replaced as one; so the calendar is
a function of what services hold, however it came about.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from highroad.model.window import Window
from highroad.planning.line import Claim, Line, fill, most
from highroad.planning.standby import GroupNumbers, Standby
from highroad.planning.steps import Peak
from highroad.planning.stream import NOTHING, Kept, parts

__all__ = ["Calendar", "Claim", "Peak", "Standby"]


MANY = 200
"""Claims of one holder before and after, from which on only the difference is made."""


class Calendar:
    """What is promised of every resource, by holder."""

    def __init__(self, capacity_mbps: Mapping[str, int]) -> None:
        self._lines = {resource: Line(rate) for resource, rate in capacity_mbps.items()}
        self._numbers = GroupNumbers()
        self._claims: dict[str, tuple[Claim, ...]] = {}
        self._standbys: dict[str, tuple[Standby, ...]] = {}
        self._aside: dict[str, Kept] = {}
        """What holders had that the calendar is at the moment seen without."""
        self.edits = 0
        """How often anything was kept or a capacity given: while it stays, every answer does."""
        self._beside: dict[str, set[str]] = {}
        """Who keeps something for a holder, and is set aside with it: together they are one stream."""
        self._keeps_for: dict[str, str] = {}
        """The same the other way about."""
        self._parts: dict[str, Kept] = {}
        """Of each of a stream of several what counts: what it keeps beyond those before it."""
        self._stream_edits = 0
        """How often one of several in a stream was kept."""

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
        self.edits += 1
        self._line(resource).capacity_mbps = rate_mbps

    def capacity(self, resource: str) -> int:
        """Mbit/s; 0 for what is not known."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps

    def keep(self, holder: str, claims: Iterable[Claim], standbys: Iterable[Standby] = ()) -> None:
        """Make these the holder's claims and standbys, in place of those that it had."""
        self.edits += 1
        self._aside.pop(holder, None)
        wanted = _claims(claims), _standbys(standbys)
        stream = self._stream(holder)
        if len(stream) > 1:
            self._stream_edits += 1
            before = [self._part(one) for one in stream]
            self._hold(holder, *wanted)
            self._part_again(stream)
            self._become(before, [self._part(one) for one in stream])
            return
        had = self._part(holder)
        self._hold(holder, *wanted)
        self._become([had], [wanted])

    def claims(self, holder: str) -> tuple[Claim, ...]:
        """What a holder keeps for certain use."""
        return self._claims.get(holder, ())

    def standbys(self, holder: str) -> tuple[Standby, ...]:
        """Where a holder stands by, whatever is kept beside it."""
        return self._standbys.get(holder, ())

    def standing(self, holder: str) -> tuple[Standby, ...]:
        """Where a holder stands by but for what is kept for it anyway: claimed beside it, or by those before it."""
        return self._part(holder)[1]

    def peak(self, resource: str, window: Window) -> Peak:
        """The most that is needed in a window, claims and reserve, and when first."""
        line = self._lines.get(resource)
        if line is None:
            return Peak(0, window.start_s)
        peaks = (line.need.peak(piece.start_s, piece.until_s) for piece in window.parts)
        return max(peaks, key=lambda peak: (peak.rate_mbps, -peak.at_s))

    def free(self, resource: str, window: Window) -> int:
        """The least that is free throughout a window, Mbit/s; negative where a link shrank under its claims."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps - most(line.need, window)

    def asking(self, window: Window) -> Callable[[str], int]:
        """`free` of any resource in one window, for who asks it of very many."""
        if window.pieces:
            return lambda resource: self.free(resource, window)
        lines, start_s, until_s = self._lines, window.start_s, window.until_s

        def free(resource: str) -> int:
            line = lines.get(resource)
            return 0 if line is None else line.capacity_mbps - line.need.most(start_s, until_s)

        return free

    def unclaimed(self, resource: str, window: Window) -> int:
        """The least that nobody claims throughout a window, Mbit/s, whatever stands by: for a backup that is called."""
        line = self._lines.get(resource)
        return 0 if line is None else line.capacity_mbps - most(line.claimed, window)

    def full(self, resource: str, rate_mbps: int, start_s: float, until_s: float) -> Iterator[tuple[float, float]]:
        """The stretches of [start, until) in which less than a rate is free, in order, found as they are asked for."""
        line = self._lines.get(resource)
        if line is None:
            return iter(((start_s, until_s),) if rate_mbps > 0 else ())
        room = line.capacity_mbps - rate_mbps
        return iter(()) if line.need.top <= room else line.need.above(room, start_s, until_s)

    def fits_each(self, resource: str, pieces: Sequence[Window], rate_mbps: int) -> list[bool]:
        """Of some windows without pieces, in order and apart, whether a rate fits throughout each."""
        line = self._lines.get(resource)
        if line is None or line.need.top <= line.capacity_mbps - rate_mbps:
            return [line is not None or rate_mbps <= 0] * len(pieces)
        room = line.capacity_mbps - rate_mbps
        most_each = line.need.most_each([(piece.start_s, piece.until_s) for piece in pieces])
        return [bool(level <= room) for level in most_each.tolist()]

    def holders(self, resource: str, at_s: float) -> list[tuple[str, int, bool]]:
        """Who has how much of a resource at one instant, Mbit/s, the most first; and whether it only stands by.

        Looks at everybody: for an operator's eyes, not for a search.
        """
        found: dict[tuple[str, bool], int] = {}
        claims, standbys = self._counted()
        for held, stands in ((claims, False), (standbys, True)):
            for holder, ones in held.items():
                for one in ones:
                    if one.resource == resource and one.start_s <= at_s < one.until_s:
                        found[holder, stands] = found.get((holder, stands), 0) + one.rate_mbps
        held_by = [(holder, rate, stands) for (holder, stands), rate in found.items()]
        return sorted(held_by, key=lambda one: (one[2], -one[1], one[0]))

    def fits(self, resource: str, window: Window, rate_mbps: int) -> bool:
        """Whether `free` is at least a rate; for searches, which ask it of every link."""
        line = self._lines.get(resource)
        if line is None:
            return rate_mbps <= 0
        room = line.capacity_mbps - rate_mbps
        return line.need.top <= room or most(line.need, window) <= room

    def spare_for(self, resource: str, window: Window, groups: frozenset[str]) -> int:
        """The highest rate of a new standby with these risk groups that fits throughout a window.

        min over t in the window of capacity - claimed(t) - max over g in groups of S(g, t); at least `free`, and
        just that where it is negative.
        """
        line = self._lines.get(resource)
        if line is None:
            return 0
        return line.spare(window, self._numbers.of(groups), len(self._numbers))

    def spares(self, resource: str, window: Window) -> dict[int, int]:
        """What a link has to spare for each group by itself that anything stands by for in a window without pieces, by
        the group's number (`numbered`). Of several groups the least counts, and that of no other is less than what
        nobody claims; where `free` is negative all have that.
        """
        line = self._lines.get(resource)
        return {} if line is None else line.spares(window.start_s, window.until_s)

    def numbered(self, groups: frozenset[str]) -> list[int]:
        """The numbers of some groups."""
        return self._numbers.listed(groups)

    def surely_spare_for(self, resource: str, unclaimed_mbps: int, groups: frozenset[str]) -> int:
        """No more than `spare_for` where so much is unclaimed in the window, at a hundredth of its price; exact where
        nothing stands by for any of the groups.
        """
        line = self._lines.get(resource)
        if line is None or line.reserve is None:
            return unclaimed_mbps
        return unclaimed_mbps - line.reserve.at_most(self._numbers.of(groups))

    def roomy(self, resource: str, rate_mbps: int) -> bool:
        """Whether a rate fits at any time at all: a glance, after which `free` need not be asked."""
        line = self._lines.get(resource)
        return line is not None and line.need.top <= line.capacity_mbps - rate_mbps

    def fits_standby(self, resource: str, window: Window, rate_mbps: int, groups: frozenset[str]) -> bool:
        """Whether `spare_for` is at least a rate; for searches, because most links say so at a glance."""
        line = self._lines.get(resource)
        if line is None or line.reserve is None:
            return self.fits(resource, window, rate_mbps)
        if self.fits(resource, window, rate_mbps):
            return True
        if line.capacity_mbps - most(line.claimed, window) < rate_mbps:
            return False
        return self.spare_for(resource, window, groups) >= rate_mbps

    def at(self, resource: str, time_s: float) -> int:
        """What is needed at one instant: claims and reserve."""
        line = self._lines.get(resource)
        return 0 if line is None else line.need.most(time_s, time_s)

    def course(self, resource: str, start_s: float, until_s: float) -> list[tuple[float, int]]:
        """What is needed at one instant, claims and reserve, and at each later one before another where it changes."""
        line = self._lines.get(resource)
        return [(start_s, 0)] if line is None else line.need.course(start_s, until_s)

    def claimed_at(self, resource: str, time_s: float) -> int:
        """What is claimed at one instant."""
        line = self._lines.get(resource)
        return 0 if line is None else line.claimed.most(time_s, time_s)

    def reserve_at(self, resource: str, time_s: float) -> int:
        """What is kept for backups at one instant."""
        line = self._lines.get(resource)
        return 0 if line is None or line.reserve is None else line.reserve.at(time_s)

    def changes(self, resource: str, after_s: float, before_s: float) -> list[float]:
        """The instants strictly between two at which anything that is kept of a resource begins or ends, in order."""
        line = self._lines.get(resource)
        return [] if line is None else sorted(line.changes(after_s, before_s))

    def quiet(self, resources: Iterable[str], after_s: float, before_s: float) -> bool:
        """Whether none of the resources changes strictly between two instants: one answer holds for all of the time."""
        return not any(self.changes(resource, after_s, before_s) for resource in resources)

    def held(self) -> list[tuple[str, tuple[Claim, ...], tuple[Standby, ...]]]:
        """What every holder keeps, as values; of those in one stream each what it keeps beyond those before it."""
        claims, standbys = self._counted()
        found = [(holder, mine, standbys.get(holder, ())) for holder, mine in claims.items()]
        return found + [(holder, (), rest) for holder, rest in standbys.items() if holder not in claims]

    def _counted(self) -> tuple[Mapping[str, tuple[Claim, ...]], Mapping[str, tuple[Standby, ...]]]:
        """What counts of whom, of holders of which anything does."""
        if not self._parts:
            return self._claims, self._standbys
        claims = self._claims | {name: mine for name, (mine, _) in self._parts.items()}
        standbys = self._standbys | {name: stands for name, (_, stands) in self._parts.items()}
        return (
            {name: mine for name, mine in claims.items() if mine},
            {name: stands for name, stands in standbys.items() if stands},
        )

    def keep_beside(self, other: str, holder: str, claims: Iterable[Claim], standbys: Iterable[Standby] = ()) -> None:
        """Keep something for a holder under another name, which `without` sets aside with it; nothing lets it go.

        It is kept for the same stream, which is in one place at a time: of each resource, for each risk group, it needs
        at an instant the most that any of its names keeps there then (`planning.stream`), and not their sum.
        """
        self._keeps_for[other] = holder
        self._beside.setdefault(holder, set()).add(other)
        self.keep(other, claims, standbys)
        if self.claims(other) or self.standbys(other):
            return
        del self._keeps_for[other]
        self._beside[holder].discard(other)
        self._parts.pop(other, None)
        if not self._beside[holder]:
            del self._beside[holder]
            self._parts.pop(holder, None)

    def beyond(self, holder: str, claims: Iterable[Claim], standbys: Iterable[Standby] = ()) -> Kept:
        """What more a holder's stream would need if this were kept beside it too."""
        known = [(self.claims(one), self.standbys(one)) for one in self._stream(holder)]
        return parts([*known, (_claims(claims), _standbys(standbys))])[-1]

    def all_beside(self) -> frozenset[str]:
        """Every holder that anything is kept for under another name."""
        return frozenset(self._beside)

    @contextmanager
    def without(self, holder: str, *, alone: bool = False) -> Iterator[None]:
        """The calendar as it would be without a holder, for as long as the context lasts.

        What is kept beside it is set aside too, unless it is to be taken out `alone`: then that stays as it is. What is
        kept for either meanwhile stays, and takes the place of what it had.
        """
        stream = self._stream(holder)
        gone = [one for one in (stream if stream[0] == holder and not alone else (holder,)) if one not in self._aside]
        held = {one: (self.claims(one), self.standbys(one)) for one in gone}
        before = {one: self._part(one) for one in stream}
        for one in gone:
            self._hold(one, (), ())
            self._aside[one] = held[one]
        if alone and len(stream) > 1:
            self._parts.update({one: NOTHING if one in gone else before[one] for one in stream})
        else:
            self._part_again(stream)
        edits, left = self._stream_edits, {one: self._part(one) for one in stream}
        self._become(before.values(), left.values())
        try:
            yield
        finally:
            self._bring_back(holder, held, before if self._stream_edits == edits else None)

    def _bring_back(self, holder: str, held: Mapping[str, Kept], known: Mapping[str, Kept] | None) -> None:
        """End `without`; `known` are the parts that there were before, where nothing of the stream was kept since."""
        stream = self._stream(holder)
        before = [self._part(one) for one in stream]
        back = [one for one, had in held.items() if self._aside.get(one) is had]
        for one in back:
            self._hold(one, *self._aside.pop(one))
        if known is not None and len(stream) > 1 and len(back) == len(held) and known.keys() == set(stream):
            self._parts.update(known)
        else:
            self._part_again(stream)
        self._become(before, [self._part(one) for one in stream])

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

    def _stream(self, name: str) -> tuple[str, ...]:
        """Everybody who keeps something for the same holder: that first."""
        holder = self._keeps_for.get(name, name)
        beside = self._beside.get(holder)
        return (holder, *sorted(beside)) if beside else (holder,)

    def _part(self, name: str) -> Kept:
        """What of a holder's counts: all, but for what others of its stream keep anyway."""
        part = self._parts.get(name)
        return (self._claims.get(name, ()), self._standbys.get(name, ())) if part is None else part

    def _part_again(self, stream: Sequence[str]) -> None:
        if len(stream) > 1:
            kept = [(self._claims.get(one, ()), self._standbys.get(one, ())) for one in stream]
            self._parts.update(zip(stream, parts(kept), strict=True))

    def _become(self, before: Iterable[Kept], after: Iterable[Kept]) -> None:
        """Have lines hold what some holders keep now instead of what they kept."""
        changes = [(had, has) for had, has in zip(before, after, strict=True) if had != has]
        for had, has in changes:
            if had[1] != has[1]:
                self._stand_down(had[1])
        for had, has in changes:
            if had[0] != has[0]:
                gone, come = _difference(had[0], has[0])
                self._claim(gone, -1)
                self._claim(come, +1)
        for had, has in changes:
            if had[1] != has[1]:
                self._stand_by(has[1])

    def _line(self, resource: str) -> Line:
        line = self._lines.get(resource)
        if line is None:
            line = self._lines[resource] = Line(0)
        return line

    def _claim(self, claims: Iterable[Claim], sign: int) -> None:
        claims = tuple(claims)
        if len(claims) > MANY:
            by_resource: dict[str, list[Claim]] = {}
            for claim in claims:
                by_resource.setdefault(claim.resource, []).append(claim)
            for resource, some in by_resource.items():
                self._line(resource).claim_all(some, sign)
            return
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
    return tuple([claim for claim in claims if claim.rate_mbps and claim.until_s > claim.start_s])


def _difference(before: tuple[Claim, ...], after: tuple[Claim, ...]) -> tuple[Iterable[Claim], Iterable[Claim]]:
    """What is to be taken back and what is new: few are not worth comparing, of many most are the same."""
    if len(before) + len(after) <= MANY:
        return before, after
    had, has = Counter(before), Counter(after)
    return (had - has).elements(), (has - had).elements()


def _standbys(standbys: Iterable[Standby]) -> tuple[Standby, ...]:
    return tuple(
        standby for standby in standbys if standby.rate_mbps and standby.until_s > standby.start_s and standby.groups
    )
