"""One resource of the calendar: its capacity, what is claimed of it, the reserve for backups, and what both need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from highroad.planning.standby import GroupNumbers, Groups, Reserve, Standby
from highroad.planning.steps import Floats, Ints, Steps, summed


@dataclass(frozen=True, slots=True)
class Claim:
    """So much of a resource in [start, until)."""

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

    def spare(self, start_s: float, until_s: float, groups: Groups, numbers: int) -> int:
        """The highest rate of a new standby with these risk groups that fits throughout [start, until)."""
        free = self.capacity_mbps - self.need.most(start_s, until_s)
        if free < 0 or self.reserve is None:
            return free
        called = self.reserve.envelope(groups, numbers, start_s, until_s)
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


def fill(lines: dict[str, Line], claims: Sequence[Claim], standbys: Sequence[Standby], numbers: GroupNumbers) -> None:
    """Make all claims and standbys at once, of lines of which nothing is claimed yet; adds lines that are missing."""
    for one in chain[Claim | Standby](claims, standbys):
        if one.resource not in lines:
            lines[one.resource] = Line(0)
    number = {resource: index for index, resource in enumerate(lines)}
    for line, steps in zip(lines.values(), summed(len(number), *_columns(claims, number)), strict=True):
        line.claimed = line.need = steps
    if standbys:
        _fill_reserves(list(lines.values()), standbys, number, numbers)


def _fill_reserves(
    lines: Sequence[Line], standbys: Sequence[Standby], number: Mapping[str, int], numbers: GroupNumbers
) -> None:
    of, starts, untils, rates = _columns(standbys, number)
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


def _columns(held: Sequence[Claim] | Sequence[Standby], number: Mapping[str, int]) -> tuple[Ints, Floats, Floats, Ints]:
    return (
        np.array([number[one.resource] for one in held], dtype=np.int64),
        np.array([one.start_s for one in held], dtype=np.float64),
        np.array([one.until_s for one in held], dtype=np.float64),
        np.array([one.rate_mbps for one in held], dtype=np.int64),
    )
