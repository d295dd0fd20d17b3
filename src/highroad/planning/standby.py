"""Reserve for backups, shared by services that no single risk group takes down together.

A backup stands by on a link for the risk groups that take its primary down. When group g fails, all that stand by for
g move in at once, so a link has to keep

    reserve(link, t) = max over g of S(g, t),   S(g, t) = sum of the rates that stand by there for g at t

(Kodialam and Lakshman, "Dynamic routing of bandwidth guaranteed tunnels with restoration", INFOCOM 2000, with risk
groups for links and with time). Single failures are covered: two groups that fail together may want more.

Most standbys have no end, as most services have none: of these a link keeps only the sum of each group, which one that
comes or goes changes by its rate. The others it keeps as rows, from which S(g, t) is added up when it is asked for; and
`reserve` as steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from highroad.planning.steps import Floats, Ints

Groups = NDArray[np.int32]
"""Numbers of risk groups, in order."""

MOST_CELLS = 200_000
"""Of groups times instants: where there are more, it is not looked which standbys of a group are there together."""


class Standby(NamedTuple):
    """So much of a resource in [start, until) if any of these risk groups fails. Without groups it takes nothing."""

    resource: str
    start_s: float
    until_s: float
    rate_mbps: int
    groups: frozenset[str]


class GroupNumbers:
    """A number for each name of a risk group, from 0."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._known: dict[frozenset[str], Groups] = {}
        self._listed: dict[frozenset[str], list[int]] = {}

    def __len__(self) -> int:
        return len(self._number)

    def of(self, groups: frozenset[str]) -> Groups:
        """The numbers of some groups. A set that is asked for again costs a look-up."""
        known = self._known.get(groups)
        if known is None:
            number = self._number
            known = np.array(sorted(number.setdefault(group, len(number)) for group in groups), dtype=np.int32)
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[groups] = known
        return known

    def listed(self, groups: frozenset[str]) -> list[int]:
        """The same as a list."""
        known = self._listed.get(groups)
        if known is None:
            known = self.of(groups).tolist()
            if len(self._listed) > 1000:
                self._listed.clear()
            self._listed[groups] = known
        return known


@dataclass(frozen=True, slots=True)
class Curve:
    """A step function from `times[0]` on: `levels[i]` from `times[i]`. Neighbouring levels differ."""

    times: Floats
    levels: Ints

    def at(self, times: Floats) -> Ints:
        """The levels at some instants, none before the first of its own."""
        return self.levels[self.times.searchsorted(times, "right") - 1]


@dataclass(frozen=True, slots=True)
class Change:
    """So much more is needed in [start, until), or less."""

    start_s: float
    until_s: float
    rate_mbps: int


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest S(g, t) of some groups, which are in order; of any other it is 0."""

    groups: Groups
    levels: Ints

    def of(self, groups: Groups) -> Ints:
        """Those of some groups."""
        at = np.minimum(self.groups.searchsorted(groups), len(self.groups) - 1)
        return np.where(self.groups[at] == groups, self.levels[at], 0)


def flat(start_s: float, level: int = 0) -> Curve:
    """The same level for ever."""
    return Curve(np.array([start_s]), np.array([level]))


class Reserve:
    """What stands by on one link: the sums of what does for ever, and rows of the rest.

    Row i is a standby; entry k says that row `_row[k]` is there for `_group[k]`.
    """

    __slots__ = ("_always", "_endless", "_group", "_peaks", "_rates", "_row", "_starts", "_untils", "curve")

    def __init__(self, starts: Floats, untils: Floats, rates: Ints, row: Groups, group: Groups, numbers: int) -> None:
        """Of rows and entries, those of a row together and in the order of their groups."""
        endless = (starts == -math.inf) & (untils == math.inf)
        self._endless = int(np.count_nonzero(endless))
        """How many have neither beginning nor end."""
        of_these = endless[row]
        sums = np.bincount(group[of_these], rates[row[of_these]].astype(np.float64), numbers)  # exact below 2**53
        self._always: Ints = sums.astype(np.int64)
        """By the number of a group, what they come to."""
        kept = np.cumsum(~endless, dtype=np.int32) - 1
        self._starts, self._untils, self._rates = starts[~endless], untils[~endless], rates[~endless]
        self._row, self._group = kept[row[~of_these]].astype(np.int32), group[~of_these]
        self._peaks: Peaks | None = None
        """Of the rows, what is known of each group; None after one has come or gone, until it is asked for."""
        self.curve = flat(-math.inf)
        """The reserve that is kept."""
        if len(group):
            self.curve = self._added_up()

    @classmethod
    def empty(cls) -> Reserve:
        """Nothing stands by."""
        none = np.zeros(0, dtype=np.int32)
        return cls(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), none, none, 0)

    def __len__(self) -> int:
        return self._endless + len(self._starts)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        curve = (self.curve.times, self.curve.levels)
        arrays = (self._always, self._starts, self._untils, self._rates, self._row, self._group, *curve)
        return sum(array.nbytes for array in arrays)

    def at(self, time_s: float) -> int:
        """What is kept at one instant."""
        return int(self.curve.levels[self.curve.times.searchsorted(time_s, "right") - 1])

    def changes(self, after_s: float, before_s: float) -> list[float]:
        """The instants strictly between two at which a standby begins or ends, whether or not more is kept then."""
        edges = np.concatenate((self._starts, self._untils))
        found: list[float] = np.unique(edges[(edges > after_s) & (edges < before_s)]).tolist()
        return found

    def at_most(self, groups: Groups) -> int:
        """No less than max over some groups g and all t of S(g, t), and 0 where none of them has anything; at once."""
        if not len(groups):
            return 0
        most = self._of(groups)
        if len(self._starts):
            peaks = self._peaks
            if peaks is None:
                with_rows = np.unique(self._group)
                large = self._cells(with_rows) > MOST_CELLS
                peaks = self._peaks = self._totals(with_rows) if large else self._summed(with_rows)[2]
            most += peaks.of(groups)
        return int(most.max())

    def _of(self, groups: Groups) -> Ints:
        """What stands by for ever for each of some groups, which are in order."""
        if len(groups) and groups[-1] >= len(self._always):
            more = np.zeros(len(groups), dtype=np.int64)
            known = groups[groups < len(self._always)]
            more[: len(known)] = self._always[known]
            return more
        return self._always[groups]

    def _added_up(self) -> Curve:
        """max over all groups of S(g, t); notes the peaks of the rows, which come with it."""
        least = int(self._always.max(initial=0))
        if not len(self._starts):
            return flat(-math.inf, least)
        groups = np.bincount(self._group).nonzero()[0].astype(np.int32)
        axis, sums, peaks = self._summed(groups)
        self._peaks = peaks if self._cells(groups) <= MOST_CELLS else self._totals(groups)
        sums += self._of(groups)[:, None]
        return _joined(axis, np.maximum(sums.max(axis=0), least).astype(np.int64))

    def _cells(self, groups: Groups) -> int:
        return len(groups) * (1 + 2 * len(self._starts))

    def _summed(self, groups: Groups) -> tuple[Floats, Floats, Peaks]:
        """Instants, what the rows come to for each of all their groups from each of these on, and the most of it."""
        at = self._places(groups)
        axis = np.concatenate(([-math.inf], self._starts, self._untils[self._untils < math.inf]))
        axis.sort()
        width, rates = len(axis) + 1, self._rates[self._row].astype(np.float64)  # exact below 2**53
        offset, size = at * width, len(groups) * width
        steps = np.bincount(offset + axis.searchsorted(self._starts)[self._row], rates, size)
        steps -= np.bincount(offset + axis.searchsorted(self._untils)[self._row], rates, size)
        sums = steps.reshape(len(groups), width).cumsum(axis=1)[:, :-1]
        return axis, sums, Peaks(groups, sums.max(axis=1, initial=0).astype(np.int64))

    def _totals(self, groups: Groups) -> Peaks:
        """No less than the peaks, where it is not looked which rows are there together."""
        rates = self._rates[self._row].astype(np.float64)
        return Peaks(groups, np.bincount(self._places(groups), rates, len(groups)).astype(np.int64))

    def _places(self, groups: Groups) -> Ints:
        """Of each entry, the place of its group."""
        place = np.zeros(int(groups[-1]) + 1, dtype=np.int64)
        place[groups] = np.arange(len(groups))
        found: Ints = place[self._group]
        return found

    def sums(self, start_s: float, until_s: float) -> tuple[Groups, Floats, Ints]:
        """The groups g that something stands by for in [start, until), instants, and S(g, t) from each of these on."""
        inside = (self._starts < until_s) & (self._untils > start_s)
        hit = inside[self._row].nonzero()[0]
        groups = np.unique(np.concatenate((self._group[hit], self._always.nonzero()[0].astype(np.int32))))
        always = self._of(groups)[:, None]
        if not len(hit):
            return groups, np.array([start_s]), always
        at = groups.searchsorted(self._group[hit])
        starts, untils = self._starts[inside], self._untils[inside]
        axis = np.unique(np.concatenate(([start_s], starts[starts > start_s], untils[untils < until_s])))
        width = len(axis) + 1
        rates, row, offset, size = self._rates.astype(np.float64), self._row[hit], at * width, len(groups) * width
        steps = np.bincount(offset + axis.searchsorted(self._starts)[row], rates[row], size)
        steps -= np.bincount(offset + axis.searchsorted(self._untils)[row], rates[row], size)
        sums = steps.reshape(len(groups), width).cumsum(axis=1)[:, :-1]
        return groups, axis, sums.astype(np.int64) + always

    def envelope(self, groups: Groups, numbers: int, start_s: float, until_s: float) -> Curve:
        """max over some groups g of S(g, t), for t in [start, until). `numbers` is how many groups have one."""
        always = self._of(groups)
        least = int(always.max(initial=0))
        if not len(self._starts):
            return flat(start_s, least)
        place = np.full(numbers, -1, dtype=np.int32)
        place[groups] = np.arange(len(groups), dtype=np.int32)
        at = place[self._group]
        hit = (at >= 0).nonzero()[0]
        row = self._row[hit]
        if start_s > -math.inf or until_s < math.inf:
            inside = ((self._starts < until_s) & (self._untils > start_s))[row]
            hit, row = hit[inside], row[inside]
        if not len(hit):
            return flat(start_s, least)
        wanted = np.zeros(len(self._starts), dtype=np.bool_)
        wanted[row] = True
        starts, untils = self._starts[wanted], self._untils[wanted]
        axis = np.concatenate(([start_s], starts[starts > start_s], untils[untils < until_s]))
        rates = self._rates[row].astype(np.float64)  # exact below 2**53
        if len(axis) == 1:
            return flat(start_s, int((np.bincount(at[hit], rates, len(groups)) + always).max()))
        axis.sort()
        width = len(axis) + 1
        offset = at[hit].astype(np.int64) * width
        size = len(groups) * width
        up, down = axis.searchsorted(self._starts)[row], axis.searchsorted(self._untils)[row]
        steps = np.bincount(offset + up, rates, size) - np.bincount(offset + down, rates, size)
        sums = steps.reshape(len(groups), width).cumsum(axis=1) + always[:, None]
        return _joined(axis, sums[:, :-1].max(axis=0).astype(np.int64))

    def put(self, standby: Standby, groups: Groups, numbers: int) -> list[Change]:
        """Let a standby in, and say how the reserve changed."""
        start_s, until_s, rate = standby.start_s, standby.until_s, standby.rate_mbps
        endless = start_s == -math.inf and until_s == math.inf
        if endless and not len(self._starts):
            most = self._raise(groups, rate, numbers)
            return self._become_flat(max(int(self.curve.levels[0]), most))
        own = self.envelope(groups, numbers, start_s, until_s)
        if endless:
            self._raise(groups, rate, numbers)
        else:
            self._peaks = None
            self._row = np.concatenate((self._row, np.full(len(groups), len(self._starts), dtype=np.int32)))
            self._group = np.concatenate((self._group, groups))
            self._starts = np.concatenate((self._starts, [start_s]))
            self._untils = np.concatenate((self._untils, [until_s]))
            self._rates = np.concatenate((self._rates, [rate]))
        axis = self._axis(own.times, start_s, until_s)
        before = self.curve.at(axis)
        return self._become(axis, before, np.maximum(before, own.at(axis) + rate), until_s)

    def take(self, standby: Standby, groups: Groups, numbers: int) -> list[Change]:
        """Take out a standby that was put in, and say how the reserve changed.

        Where another group needed more than the standby's, nothing changes. Elsewhere the reserve falls by the rate
        at most, and only groups that could need more than that are added up again.
        """
        start_s, until_s, rate = standby.start_s, standby.until_s, standby.rate_mbps
        endless = start_s == -math.inf and until_s == math.inf
        if endless and not len(self._starts):
            if self._lower(standby, groups) < self.curve.levels[0]:
                return []
            return self._become_flat(int(self._always.max()))
        own = self.envelope(groups, numbers, start_s, until_s)
        if endless:
            self._lower(standby, groups)
        else:
            self._drop(self._find(standby, groups))
        axis = self._axis(own.times, start_s, until_s)
        before = self.curve.at(axis)
        binding = np.flatnonzero(own.at(axis) == before)
        if not len(binding):
            return []
        from_s = float(axis[binding[0]])
        to_s = until_s if binding[-1] + 1 == len(axis) else float(axis[binding[-1] + 1])
        others = self._above(int(before[binding].min()) - rate, groups, numbers, from_s, to_s)
        if others is None:
            return self._become(axis, before, np.where(own.at(axis) == before, before - rate, before), until_s)
        axis = np.concatenate((axis, others.times))
        axis.sort()
        before = self.curve.at(axis)
        left = np.zeros(len(axis), dtype=np.int64)
        inside = (axis >= from_s) & (axis < to_s)
        left[inside] = others.at(axis[inside])
        after = np.where(own.at(axis) == before, np.maximum(before - rate, left), before)
        return self._become(axis, before, after, until_s)

    def _above(self, floor: int, without: Groups, numbers: int, start_s: float, until_s: float) -> Curve | None:
        """The envelope of other groups than some, if any can rise above a level; lower ones may be left out."""
        meets = (self._starts < until_s) & (self._untils > start_s)
        at_most = np.bincount(self._group, (self._rates * meets)[self._row], numbers)
        at_most[: len(self._always)] += self._always
        at_most[without] = 0
        groups = np.flatnonzero(at_most > floor)
        return self.envelope(groups.astype(np.int32), numbers, start_s, until_s) if len(groups) else None

    def _raise(self, groups: Groups, rate: int, numbers: int) -> int:
        """Let one in that has no end. Returns the most that there is for one of its groups then."""
        if numbers > len(self._always):
            self._always = np.concatenate((self._always, np.zeros(numbers - len(self._always), dtype=np.int64)))
        sums = self._always[groups] + rate
        self._always[groups] = sums
        self._endless += 1
        return int(sums.max())

    def _lower(self, standby: Standby, groups: Groups) -> int:
        """Take one out that has no end. Returns the most that there was for one of its groups before."""
        sums = self._of(groups)
        if not self._endless or sums.min() < standby.rate_mbps:
            raise KeyError(standby)
        self._always[groups] = sums - standby.rate_mbps
        self._endless -= 1
        return int(sums.max())

    def _become_flat(self, level: int) -> list[Change]:
        """Change the reserve where nothing has an end."""
        more = level - int(self.curve.levels[0])
        if not more:
            return []
        self.curve = flat(-math.inf, level)
        return [Change(-math.inf, math.inf, more)]

    def _axis(self, times: Floats, start_s: float, until_s: float) -> Floats:
        """The instants in [start, until) at which a curve that starts there or the reserve changes, in order."""
        own = self.curve.times
        axis = np.concatenate((times, own[own.searchsorted(start_s, "right") : own.searchsorted(until_s)]))
        axis.sort()
        return axis

    def _become(self, axis: Floats, before: Ints, after: Ints, until_s: float) -> list[Change]:
        """Change the reserve in [axis[0], until)."""
        if not (before != after).any():
            return []
        times, levels = self.curve.times, self.curve.levels
        first, last = times.searchsorted((axis[0], until_s)).tolist()
        goes_on = slice(
            last - 1, last if until_s < math.inf and (last == len(times) or times[last] > until_s) else last - 1
        )
        resumed = np.full(len(levels[goes_on]), until_s)
        self.curve = _joined(
            np.concatenate((times[:first], axis, resumed, times[last:])),
            np.concatenate((levels[:first], after, levels[goes_on], levels[last:])),
        )
        more = _joined(axis, after - before)
        starts = more.times.tolist()
        ends = [*starts[1:], until_s]
        return [Change(*one) for one in zip(starts, ends, more.levels.tolist(), strict=True) if one[2]]

    def _find(self, standby: Standby, groups: Groups) -> int:
        same = (
            (self._starts == standby.start_s) & (self._untils == standby.until_s) & (self._rates == standby.rate_mbps)
        )
        for row in np.flatnonzero(same).tolist():
            if np.array_equal(self._group[self._row == row], groups):
                return int(row)
        raise KeyError(standby)

    def _drop(self, row: int) -> None:
        self._peaks = None
        stays = self._row != row
        self._group = self._group[stays]
        self._row = self._row[stays]
        self._row -= self._row > row
        self._starts = np.concatenate((self._starts[:row], self._starts[row + 1 :]))
        self._untils = np.concatenate((self._untils[:row], self._untils[row + 1 :]))
        self._rates = np.concatenate((self._rates[:row], self._rates[row + 1 :]))


def _joined(times: Floats, levels: Ints) -> Curve:
    """A curve of steps in order, of which some may be no change, or be followed by another at the same instant."""
    if len(times) > 1:
        differs = np.ones(len(times), dtype=np.bool_)
        np.not_equal(times[1:], times[:-1], out=differs[:-1])
        times, levels = times[differs], levels[differs]
        differs = np.ones(len(times), dtype=np.bool_)
        np.not_equal(levels[1:], levels[:-1], out=differs[1:])
        times, levels = times[differs], levels[differs]
    return Curve(times, levels)
