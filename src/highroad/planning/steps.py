"""One step function of time, with an endless tail: whole numbers between instants at which they change.

Steps are kept in blocks of at most `BLOCK_STEPS`; a block knows its highest level and has a lift that counts for all
of its levels. So to raise the function over a window, endless or not, touches the steps of two blocks and one number
of each block between them, and the highest level in a window is found in the same way.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_STEPS = 64

FEW_PIECES = 8
"""Of so many stretches the steps are looked up one by one, of more all at once."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that is needed of a resource in a window, and the first instant at which it is."""

    rate_mbps: int
    at_s: float


class Steps:
    """Block b has steps at `_times[b]`, the first at `_firsts[b]`, up to `_tops[b]` high.

    From `_times[b][i]` until the next step the function is `_levels[b][i] + _lifts[b]`; the last step is for ever, and
    the first one at minus infinity. Two steps that follow each other differ in level.
    """

    __slots__ = ("_firsts", "_levels", "_lifts", "_times", "_tops")

    def __init__(self, times: Sequence[float] = (-math.inf,), levels: Sequence[int] = (0,)) -> None:
        """Of steps that are in order, start at minus infinity and differ from their neighbours."""
        cuts = range(0, len(times), BLOCK_STEPS * 3 // 4 if len(times) > BLOCK_STEPS else BLOCK_STEPS)
        self._times = [list(times[cut : cut + cuts.step]) for cut in cuts]
        self._levels = [list(levels[cut : cut + cuts.step]) for cut in cuts]
        self._firsts = [block[0] for block in self._times]
        self._lifts = [0] * len(cuts)
        self._tops = [max(block) for block in self._levels]

    @property
    def times(self) -> list[float]:
        """The instants of all steps."""
        return [time_s for block in self._times for time_s in block]

    @property
    def levels(self) -> list[int]:
        """The levels from each of `times` on."""
        return [level + lift for block, lift in zip(self._levels, self._lifts, strict=True) for level in block]

    @property
    def top(self) -> int:
        """The highest level of all."""
        return max(self._tops)

    def __len__(self) -> int:
        return sum(map(len, self._times))

    def copy(self) -> Steps:
        """The same function, to be changed apart."""
        new = Steps.__new__(Steps)
        new._times = [block.copy() for block in self._times]
        new._levels = [block.copy() for block in self._levels]
        new._firsts, new._lifts, new._tops = self._firsts.copy(), self._lifts.copy(), self._tops.copy()
        return new

    def plus(self, times: Floats, levels: Ints) -> Steps:
        """The sum with other steps, whose first is at minus infinity too."""
        own_times, own_levels = np.array(self.times), np.array(self.levels)
        both = np.concatenate((own_times, times))
        both.sort()
        sums = own_levels[own_times.searchsorted(both, "right") - 1]
        sums += levels[times.searchsorted(both, "right") - 1]
        differs = np.ones(len(both), dtype=np.bool_)  # of an instant that is there twice the sum is the same
        np.not_equal(sums[1:], sums[:-1], out=differs[1:])
        return Steps(both[differs].tolist(), sums[differs].tolist())

    def add(self, start_s: float, until_s: float, rate_mbps: int) -> None:
        """Raise (or lower) the function by a rate in [start, until)."""
        if not rate_mbps or start_s >= until_s:
            return
        lifts, tops = self._lifts, self._tops
        if start_s == -math.inf and until_s == math.inf:
            self._lifts = [lift + rate_mbps for lift in lifts]
            self._tops = [top + rate_mbps for top in tops]
            return
        first, index = self._break_at(start_s)
        last, end = (len(tops), 0) if until_s == math.inf else self._break_at(until_s)
        if first == last:
            self._raise(first, index, end, rate_mbps)
        else:
            whole = first
            if index:
                self._raise(first, index, len(self._levels[first]), rate_mbps)
                whole += 1
            for block in range(whole, last):
                lifts[block] += rate_mbps
                tops[block] += rate_mbps
            if end:
                self._raise(last, 0, end, rate_mbps)
        if until_s != math.inf:
            self._join(last, end)
        self._join(first, index)
        for block in (last, first) if last > first else (first,):
            if block < len(self._times) and len(self._times[block]) > BLOCK_STEPS:
                self._split(block)

    def peak(self, start_s: float, until_s: float) -> Peak:
        """The highest level in [start, until), and when first."""
        level = self.most(start_s, until_s)
        block = bisect_right(self._firsts, start_s) - 1
        index = bisect_right(self._times[block], start_s) - 1
        while True:
            try:
                index = self._levels[block].index(level - self._lifts[block], index)
                break
            except ValueError:
                block, index = block + 1, 0
        return Peak(level, max(start_s, self._times[block][index]))

    def most(self, start_s: float, until_s: float) -> int:
        """The highest level in [start, until), without saying when; at the start, if that is not before the end."""
        firsts = self._firsts
        first = bisect_right(firsts, start_s) - 1
        last = bisect_left(firsts, until_s) - 1
        times, levels = self._times[first], self._levels[first]
        index = bisect_right(times, start_s) - 1
        if last <= first:
            end = bisect_left(times, until_s)
            return (levels[index] if end <= index + 1 else max(levels[index:end])) + self._lifts[first]
        best = self._tops[first] if index == 0 else max(levels[index:]) + self._lifts[first]
        if last > first + 1:
            best = max(best, max(self._tops[first + 1 : last]))
        if until_s == math.inf:
            return max(best, self._tops[last])
        end = bisect_left(self._times[last], until_s)
        return max(best, max(self._levels[last][:end]) + self._lifts[last])

    def most_in(self, pieces: Sequence[tuple[float, float]]) -> int:
        """The highest level in any of some stretches [start, until), which are in order and do not overlap."""
        if len(pieces) <= FEW_PIECES:
            return max(self.most(start_s, until_s) for start_s, until_s in pieces)
        return int(self.most_each(pieces).max())

    def most_each(self, pieces: Sequence[tuple[float, float]]) -> Ints:
        """The highest level in each of some stretches [start, until), which are in order and do not overlap."""
        times, levels = np.array(self.times), np.array(self.levels)
        bounds = np.array(pieces)
        begins = times.searchsorted(bounds[:, 0], "right") - 1
        ends = np.maximum(times.searchsorted(bounds[:, 1], "left"), begins + 1)
        # Of each pair the maximum from a begin to its end, and from there to the next begin, which is not looked at.
        cuts = np.column_stack((begins, ends)).ravel()
        found: Ints = np.maximum.reduceat(np.append(levels, levels[-1]), cuts)[::2]
        return found

    def above(self, level: int, start_s: float, until_s: float) -> Iterator[tuple[float, float]]:
        """The stretches of [start, until) in which the function is above a level, in order, as they are asked for."""
        block = bisect_right(self._firsts, start_s) - 1
        since: float | None = None
        while block < len(self._firsts) and self._firsts[block] < until_s:
            if self._tops[block] <= level:
                if since is not None:
                    yield max(since, start_s), self._firsts[block]
                    since = None
                block += 1
                continue
            lift = self._lifts[block]
            for time_s, relative in zip(self._times[block], self._levels[block], strict=True):
                if time_s >= until_s:
                    break
                if relative + lift > level:
                    since = time_s if since is None else since
                elif since is not None:
                    if time_s > start_s:
                        yield max(since, start_s), time_s
                    since = None
            block += 1
        if since is not None:
            yield max(since, start_s), until_s

    def course(self, start_s: float, until_s: float) -> list[tuple[float, int]]:
        """The level at an instant, and each that it has later, before another, with when it begins, in order."""
        firsts = self._firsts
        block = bisect_right(firsts, start_s) - 1
        times = self._times[block]
        index = bisect_right(times, start_s)
        found = [(start_s, self._levels[block][index - 1] + self._lifts[block])]
        last = bisect_left(firsts, until_s) - 1
        while block <= last:
            times, levels, lift = self._times[block], self._levels[block], self._lifts[block]
            found += [(times[at], levels[at] + lift) for at in range(index, bisect_left(times, until_s))]
            block, index = block + 1, 0
        return found

    def changes(self, after_s: float, before_s: float) -> list[float]:
        """The instants strictly between two at which the level changes, in order."""
        found: list[float] = []
        for block in range(max(0, bisect_right(self._firsts, after_s) - 1), bisect_left(self._firsts, before_s)):
            times = self._times[block]
            found += times[bisect_right(times, after_s) : bisect_left(times, before_s)]
        return found

    def _break_at(self, time_s: float) -> tuple[int, int]:
        """Where the step at an instant is, made if there was none. Splits no block, so earlier answers hold."""
        block = bisect_right(self._firsts, time_s) - 1
        times = self._times[block]
        index = bisect_left(times, time_s)
        if index == len(times) or times[index] != time_s:
            times.insert(index, time_s)
            levels = self._levels[block]
            levels.insert(index, levels[index - 1])
        return block, index

    def _raise(self, block: int, index: int, end: int, rate_mbps: int) -> None:
        levels = self._levels[block]
        raised = [level + rate_mbps for level in levels[index:end]]
        levels[index:end] = raised
        highest = max(raised if rate_mbps > 0 else levels) + self._lifts[block]
        if rate_mbps < 0 or highest > self._tops[block]:
            self._tops[block] = highest

    def _join(self, block: int, index: int) -> None:
        """Drop a step that does not differ from the one before it, and the block that is empty then."""
        times, levels, lift = self._times[block], self._levels[block], self._lifts[block]
        if index:
            if levels[index] == levels[index - 1]:
                del times[index], levels[index]
        elif block and levels[0] + lift == self._levels[block - 1][-1] + self._lifts[block - 1]:
            del times[0], levels[0]
            if times:
                self._firsts[block], self._tops[block] = times[0], max(levels) + lift
            else:
                for column in (self._times, self._levels, self._firsts, self._lifts, self._tops):
                    del column[block]

    def _split(self, block: int) -> None:
        """Make two blocks of one that is too large."""
        times, levels, lift = self._times[block], self._levels[block], self._lifts[block]
        half = len(times) // 2
        self._times[block : block + 1] = [times[:half], times[half:]]
        self._levels[block : block + 1] = [levels[:half], levels[half:]]
        self._firsts.insert(block + 1, times[half])
        self._lifts.insert(block, lift)
        self._tops[block : block + 1] = [max(levels[:half]) + lift, max(levels[half:]) + lift]


def summed(resources: int, resource: Ints, starts: Floats, untils: Floats, rates: Ints) -> list[Steps]:
    """The steps of each resource, numbered from 0, that many additions make: all at once, for a start."""
    ever = starts == -math.inf
    levels = np.zeros(resources, dtype=np.int64)
    np.add.at(levels, resource[ever], rates[ever])
    rises, falls = ~ever, untils < math.inf
    of = np.concatenate((resource[rises], resource[falls]))
    times = np.concatenate((starts[rises], untils[falls]))
    more = np.concatenate((rates[rises], -rates[falls]))
    order = np.lexsort((times, of))
    of, times, more = of[order], times[order], more[order]
    if len(of):
        begins = np.flatnonzero(np.append(True, (of[1:] != of[:-1]) | (times[1:] != times[:-1])))
        of, times, more = of[begins], times[begins], np.add.reduceat(more, begins)
        differs = more != 0
        of, times, more = of[differs], times[differs], more[differs]
    bounds = np.searchsorted(of, np.arange(resources + 1)).tolist()
    running = np.concatenate(([0], more.cumsum()))
    above = running[1:] + np.repeat(levels - running[bounds[:-1]], np.diff(bounds))
    all_times, all_levels = times.tolist(), above.tolist()
    return [
        Steps([-math.inf, *all_times[begin:end]], [level, *all_levels[begin:end]])
        for level, begin, end in zip(levels.tolist(), bounds[:-1], bounds[1:], strict=True)
    ]
