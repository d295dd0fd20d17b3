"""The most of the first class on ways inside bounds, fences and with backups; then of the second; and so on.

As in `classes`: stage r makes the most of w_0 x_0 + ... + w_r x_r, with the weights of `ratios` and w_r = 1. The last
stage is gone through first, and what its prices prove of all up to each class is proven of that,

    B_r <= 1 / w_r (sum_e C_e Y_e + sum_{d of rank <= r} D_d max(0, w_d - cost_d))        cost_d as in `routed`

A class that has all this, or all it asks for, needs no stage of its own; the others have one, and the last is gone
through again. Where time is up before a stage, no more is proven.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.solve.answer import Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.classes import FINEST, NEARER, RATIO, Cumulative
from highroad.planning.solve.ends import Ends
from highroad.planning.solve.live import Live
from highroad.planning.solve.problem import Problem, Reals
from highroad.planning.solve.ratios import Ratios, better, bound_of
from highroad.planning.solve.routed import Begun, Routed, most

AGAIN = 12
"""A stage is gone through again so many times at most."""

GUARDED_RATIO, GUARDED_AGAIN = 8.0, 2
"""The same where anybody is protected: what a class lacks may be for lack of pairs of ways, whatever it weighs."""


def in_turn(
    problem: Problem,
    live: Live,
    limits: Limits,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
) -> tuple[Routed, tuple[Cumulative, ...], Reals]:
    """The plan for all, each cumulative class, and what a unit of each commodity weighs in the last stage."""
    stages = _Stages(problem, live, limits, clock, progress)
    if not stages.ranks:
        plan = most(problem, live, limits, begun=stages.begun, clock=clock)
        return plan, (), np.ones(len(plan.commodities.target))
    made = stages.run()
    return made.plan, stages.classes(made), stages.by_rank(made.worth)[made.plan.commodities.rank]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The plan of a stage, what each class weighs in it, and what all up to each class get."""

    plan: Routed
    worth: Reals
    sums: list[float]


class _Stages:
    """What each stage proves."""

    def __init__(self, problem: Problem, live: Live, limits: Limits, clock: Clock, progress: Progress | None) -> None:
        self._problem, self._limits, self._clock, self._progress = problem, limits, clock, progress
        self._begun_s = clock()
        self.begun = Begun(live, ranked=True)
        self._ends = Ends(self.begun.lots)
        self.ranks: list[int] = np.unique(live.rank).tolist()
        self._asked = [float(problem.amount_gbps[problem.rank <= rank].sum()) for rank in self.ranks]
        guarded = bool(live.protected.any())
        self._again = GUARDED_AGAIN if guarded else AGAIN
        self._ratios = Ratios(len(self.ranks), GUARDED_RATIO if guarded else RATIO, short=NEARER * limits.gap)
        self._proven: list[list[tuple[float, Reals]]] = [[] for _ in self.ranks]
        """Of each stage its bounds, and the worth of each class in each."""
        self._parts = len(self.ranks)

    def run(self) -> _Made:
        """All stages: the plan for all, and what is proven of each class."""
        last = len(self.ranks) - 1
        made = self._stage(last)
        for number in range(last):
            if gap_of(made.sums[number], self._bound(made, number)) <= NEARER * self._limits.gap:
                self._ratios.reached.append(made.sums[number])
                self._told(made, number)
                continue
            if self._left_s <= 0:
                break
            self._parts = last - number + 1
            part = self._settled(self._stage(number), number)
            self._ratios.reached.append(part.sums[number])
            self._told(part, number)
        self._parts = 1
        made = self._settled(made, last)
        if 0 < self._left_s < np.inf and gap_of(made.sums[last], self._bound(made, last)) > self._limits.gap:
            then = self._stage(last)  # it had a part of the time, and who came between left some
            if not better(made.sums, then.sums, last, NEARER * self._limits.gap):
                made = then
        self._told(made, last)
        return made

    def classes(self, made: _Made) -> tuple[Cumulative, ...]:
        """Each cumulative class of a plan for all, with what is proven of it."""
        return tuple(
            Cumulative(
                rank=rank, value=made.sums[number], bound=self._bound(made, number), worth=float(made.worth[number])
            )
            for number, rank in enumerate(self.ranks)
        )

    def by_rank(self, worth: Reals) -> Reals:
        """The worth of each rank from that of classes."""
        found: Reals = np.zeros(max(self.ranks) + 1)
        found[self.ranks[: len(worth)]] = worth
        return found

    def _settled(self, made: _Made, number: int) -> _Made:
        """A plan of a stage, found again as often as it takes from classes before what they could have."""
        for _ in range(self._again):
            if self._left_s <= 0 or not self._ratios.raised(made.sums):
                break
            then = self._stage(number)
            if better(then.sums, made.sums, number, NEARER * self._limits.gap):
                made = then
        return made

    @property
    def _left_s(self) -> float:
        return self._limits.time_s - (self._clock() - self._begun_s)

    def _stage(self, number: int) -> _Made:
        """The plan of a stage, from that of the stage before: what later classes get in that is taken off."""
        lots, worth = self.begun.lots, self._ratios.worth(number)
        by_rank = self.by_rank(worth)
        if len(lots.flow):
            lots.flow = np.where(by_rank[lots.rank[lots.lot]] > 0, lots.flow, 0.0)
        weighed = float((self._problem.amount_gbps * by_rank[self._problem.rank]).sum())
        finer = NEARER * self._limits.gap * self._asked[number] / weighed if weighed > 0 else self._limits.gap
        share = replace(self._limits, gap=max(FINEST, finer), time_s=self._left_s / self._parts)
        plan = most(self._problem, self.begun.ways.live, share, worth=by_rank, begun=self.begun, clock=self._clock)
        plan = replace(plan, standing=copy(plan.standing))
        self._proven[number].append((plan.bound, worth))
        paid, gain = float((plan.price * self.begun.ways.live.capacity_gbps).sum()), by_rank[lots.rank] - plan.least
        for before, (rank, one) in enumerate(zip(self.ranks[:number], worth.tolist(), strict=False)):
            bound = (paid + self._ends.earned(np.where(lots.rank <= rank, gain, 0.0))) / one
            self._proven[before].append((bound, worth[: before + 1] / one))
        return _Made(plan=plan, worth=worth, sums=carried_up_to(plan, self.ranks, plan.served_gbps))

    def _bound(self, made: _Made, number: int) -> float:
        """What all classes up to this one get at most where those before get what they do in a plan: of all together
        what the plan's own prices prove, which are told with it.
        """
        asked = self._asked[number]
        if number == len(self.ranks) - 1:
            proven = bound_of(number, made.plan.bound, made.worth, made.sums)
        else:
            proven = min(bound_of(number, bound, worth, made.sums) for bound, worth in self._proven[number])
        return max(made.sums[number], min(asked, proven))

    def _told(self, made: _Made, number: int) -> None:
        if self._progress is not None:
            value, bound = made.sums[number], self._bound(made, number)
            self._progress(Moment(after_s=self._clock() - self._begun_s, value=value, bound=bound))


def carried_up_to(plan: Routed, ranks: list[int], served: Reals) -> list[float]:
    """What all classes up to each get together of what is served of every demand."""
    return [float(served[plan.problem.rank <= rank].sum()) for rank in ranks]
