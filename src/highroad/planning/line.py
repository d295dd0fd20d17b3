"""One resource of the calendar: its capacity, what is claimed of it, the reserve for backups, and what both need."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from highroad.model.window import Window
from highroad.planning.standby import GroupNumbers, Groups, Reserve, Standby
from highroad.planning.steps import Floats, Ints, Steps, summed


class Claim(NamedTuple):
    """So much of a resource in [start, until). A tuple: there are millions, and a start makes them all."""

    resource: str
    start_s: float
    until_s: float
    rate_mbps: int


class Line:
    """need(t) = claimed(t) + reserve(t), at every instant. Where nothing stands by, both are the same steps."""

    __slots__ = ("capacity_mbps", "claimed", "need", "reserve")

    def __init__(self, capacity_mbps: int) -> None:
        self.capacity_mbps = capacity_mbps
        self.claimed = self.need = Steps()
        self.reserve: Reserve | None = None

    def claim(self, start_s: float, until_s: float, rate_mbps: int) -> None:
        """Claim more in [start, until), or less."""
        self.claimed.add(start_s, until_s, rate_mbps)
        if self.reserve is not None:
            self.need.add(start_s, until_s, rate_mbps)

    def claim_all(self, claims: Sequence[Claim], sign: int) -> None:
        """Claim many at once: of a window in very many pieces."""
        rates = np.array([sign * claim.rate_mbps for claim in claims], dtype=np.int64)
        starts = np.array([claim.start_s for claim in claims], dtype=np.float64)
        untils = np.array([claim.until_s for claim in claims], dtype=np.float64)
        (more,) = summed(1, np.zeros(len(claims), dtype=np.int64), starts, untils, rates)
        times, levels = np.array(more.times), np.array(more.levels)
        shared = self.need is self.claimed
        self.claimed = self.claimed.plus(times, levels)
        self.need = self.claimed if shared else self.need.plus(times, levels)

    def stand_by(self, standby: Standby, groups: Groups, numbers: int) -> None:
        """Let a backup stand by."""
        if self.reserve is None:
            self.reserve, self.need = Reserve.empty(), self.claimed.copy()
        for change in self.reserve.put(standby, groups, numbers):
            self.need.add(change.start_s, change.until_s, change.rate_mbps)

    def stand_down(self, standby: Standby, groups: Groups, numbers: int) -> None:
        """Let one go that stood by."""
        if self.reserve is None:
            raise KeyError(standby)
        for change in self.reserve.take(standby, groups, numbers):
            self.need.add(change.start_s, change.until_s, change.rate_mbps)
        if not len(self.reserve):
            self.reserve, self.need = None, self.claimed

    def changes(self, after_s: float, before_s: float) -> set[float]:
        """The instants strictly between two at which anything that is asked of the line may be answered otherwise."""
        found = set(self.claimed.changes(after_s, before_s))
        if self.reserve is not None:
            found.update(self.reserve.changes(after_s, before_s))
        return found

    def spare(self, window: Window, groups: Groups, numbers: int) -> int:
        """The highest rate of a new standby with these risk groups that fits throughout a window."""
        start_s, until_s = window.start_s, window.until_s
        free = self.capacity_mbps - most(self.need, window)
        if free < 0 or self.reserve is None:
            return free
        called = self.reserve.envelope(groups, numbers, start_s, until_s)
        if window.pieces:
            times = np.append(-math.inf, called.times[1:])
            return self.capacity_mbps - most(self.claimed.plus(times, called.levels), window)
        if len(called.levels) == 1:
            return self.capacity_mbps - self.claimed.most(start_s, until_s) - int(called.levels[0])
        ends = [*called.times[1:].tolist(), until_s]
        pieces = sorted(zip(called.levels.tolist(), called.times.tolist(), ends, strict=True), reverse=True)
        at_most = self.claimed.most(start_s, until_s)
        used = 0
        for level, begin_s, end_s in pieces:
            if level + at_most <= used:
                break
            used = max(used, level + self.claimed.most(begin_s, end_s))
        return self.capacity_mbps - used

    def spares(self, start_s: float, until_s: float) -> dict[int, int]:
        """`spare` for each group by itself that something stands by for in [start, until); of more the least counts."""
        if self.reserve is None:
            return {}
        groups, axis, sums = self.reserve.sums(start_s, until_s)
        if not len(groups):
            return {}
        claimed = self.claimed.most_each(list(zip(axis.tolist(), [*axis[1:].tolist(), until_s], strict=True)))
        used = (sums + claimed).max(axis=1)
        return dict(zip(groups.tolist(), (self.capacity_mbps - used).tolist(), strict=True))


def most(steps: Steps, window: Window) -> int:
    """The highest level in a window, in its pieces where it has some."""
    if window.pieces:
        return steps.most_in([(piece.start_s, piece.until_s) for piece in window.pieces])
    return steps.most(window.start_s, window.until_s)


def fill(lines: dict[str, Line], claims: Sequence[Claim], standbys: Sequence[Standby], numbers: GroupNumbers) -> None:
    """Make all claims and standbys at once, of lines of which nothing is claimed yet; adds lines that are missing."""
    of_claims, of_standbys = _columns(claims), _columns(standbys)
    for missing in {*of_claims.resources, *of_standbys.resources} - lines.keys():
        lines[missing] = Line(0)
    number = {resource: index for index, resource in enumerate(lines)}
    for line, steps in zip(lines.values(), summed(len(number), *of_claims.numbered(number)), strict=True):
        line.claimed = line.need = steps
    if standbys:
        _fill_reserves(list(lines.values()), standbys, of_standbys.numbered(number), numbers)


def _fill_reserves(
    lines: Sequence[Line],
    standbys: Sequence[Standby],
    columns: tuple[Ints, Floats, Floats, Ints],
    numbers: GroupNumbers,
) -> None:
    of, starts, untils, rates = columns
    order = np.argsort(of, kind="stable")
    groups = [numbers.of(standby.groups) for standby in standbys]
    bounds = np.searchsorted(of[order], np.arange(len(lines) + 1)).tolist()
    for line, begin, end in zip(lines, bounds[:-1], bounds[1:], strict=True):
        if begin < end:
            rows = order[begin:end]
            of_rows = [groups[row] for row in rows.tolist()]
            row = np.repeat(np.arange(end - begin, dtype=np.int32), [len(one) for one in of_rows])
            line.reserve = Reserve(starts[rows], untils[rows], rates[rows], row, np.concatenate(of_rows), len(numbers))
            line.need = line.claimed.plus(line.reserve.curve.times, line.reserve.curve.levels)


class _Columns(NamedTuple):
    """Claims or standbys, column by column."""

    resources: tuple[str, ...]
    starts: tuple[float, ...]
    untils: tuple[float, ...]
    rates: tuple[int, ...]

    def numbered(self, number: Mapping[str, int]) -> tuple[Ints, Floats, Floats, Ints]:
        """The same as arrays, resources by their numbers."""
        return (
            np.fromiter(map(number.__getitem__, self.resources), np.int64, len(self.resources)),
            np.array(self.starts, np.float64),
            np.array(self.untils, np.float64),
            np.array(self.rates, np.int64),
        )


def _columns(held: Sequence[Claim] | Sequence[Standby]) -> _Columns:
    return _Columns(*tuple(zip(*held, strict=True))[:4]) if held else _Columns((), (), (), ())
