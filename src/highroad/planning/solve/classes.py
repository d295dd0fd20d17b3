"""The most that can be carried of the first class; of what that leaves, of the second; and so on.

    stage r:  maximise  sum_{k <= r} w_k x_k            x_k: what all demands of rank k get;  w_r = 1;  loads <= C

with the weights of `ratios`. The last stage is gone through first. Its prices y bound every stage before it too,

    B_r <= 1 / w_r (sum_e C_e y_e + sum_{d of rank <= r} D_d max(0, w_d - dist_y(d)))

and a class that this, or what it asks for, proves to have all it can needs no stage of its own. Each of the others has
one, and where the plan gives it less than its stage found a unit of it weighs more, and the last stage is gone through
again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.problem import Problem, Reals, by_class
from highroad.planning.solve.ratios import Ratios, better, bound_of
from highroad.planning.solve.rising import distances

RATIO = 2.0
"""A unit weighs so many of the next class at first, and each time it is short so many times as much."""

AGAIN = 12
"""A stage is gone through again so many times at most."""

NEARER = 0.5
"""Of the gap that is wanted of each class: its own stage has as much, and as much may be lost in those after it."""

FINEST = 1e-7
"""No stage is asked for a smaller gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulative:
    """What is carried of all classes up to `rank` together, and what of a plan that gives no less to those before.

    `worth` is what a Gbit/s of this class weighs in the sum of the last stage, whose prices are those of the answer.
    """

    rank: int
    value: float
    bound: float
    worth: float = 1.0

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most."""
        return gap_of(self.value, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A plan by classes: the answer of the last stage, and each cumulative class."""

    answer: Answer
    classes: tuple[Cumulative, ...]


def lexicographic(
    problem: Problem,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
) -> Ranked:
    """The classes of a problem, `rank` 0 first, each with its share of what time there is.

    Progress is told after each: what is carried of all up to it, and the bound of that. When time is up, the plan for
    all is what it was, and bounds are those of the stages until then.
    """
    limits = limits or Limits()
    search = _Stages(problem, limits, clock, progress, seed)
    if not search.ranks:
        return Ranked(answer=total.total(problem, limits, clock=clock), classes=())
    plan = search.run()
    return Ranked(answer=plan.answer, classes=search.classes(plan))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The answer of a stage, what each class weighs in it, and what all up to each class get."""

    answer: Answer
    worth: Reals
    sums: list[float]


class _Stages:
    """What each stage proves."""

    def __init__(self, problem: Problem, limits: Limits, clock: Clock, progress: Progress | None, seed: int) -> None:
        self._problem, self._limits, self._clock, self._progress, self._seed = problem, limits, clock, progress, seed
        self._begun_s = clock()
        self._made, self._rank = by_class(problem)
        self.ranks: list[int] = np.unique(self._rank).tolist()
        amount = self._made.amount_gbps
        self._asked = [float(amount[self._rank <= rank].sum()) for rank in self.ranks]
        self._ratios = Ratios(len(self.ranks), RATIO, short=NEARER * limits.gap)
        self._proven: list[list[tuple[float, Reals]]] = [[] for _ in self.ranks]
        """Of each stage its bounds, and the worth of each class in each."""
        self._parts = len(self.ranks)

    def run(self) -> _Plan:
        """All stages: the plan for all, and what is proven of each class."""
        last = len(self.ranks) - 1
        plan = self._stage(last, None)
        part: _Plan | None = None
        for number in range(last):
            if gap_of(plan.sums[number], self._bound(plan, number)) <= NEARER * self._limits.gap:
                self._ratios.reached.append(plan.sums[number])
                self._told(plan, number)
                continue
            if self._left_s <= 0:
                break
            self._parts = last - number + 1
            part = self._settled(self._stage(number, part or plan), number)
            self._ratios.reached.append(part.sums[number])
            self._told(part, number)
        self._parts = 1
        plan = self._settled(plan, last)
        self._told(plan, last)
        return plan

    def classes(self, plan: _Plan) -> tuple[Cumulative, ...]:
        """Each cumulative class of a plan for all, with what is proven of it."""
        return tuple(
            Cumulative(
                rank=rank, value=plan.sums[number], bound=self._bound(plan, number), worth=float(plan.worth[number])
            )
            for number, rank in enumerate(self.ranks)
        )

    def _settled(self, plan: _Plan, number: int) -> _Plan:
        """A plan of a stage, found again as often as it takes from classes before what they could have."""
        for _ in range(AGAIN):
            if self._left_s <= 0 or not self._ratios.raised(plan.sums):
                break
            then = self._stage(number, plan)
            if better(then.sums, plan.sums, number, NEARER * self._limits.gap):
                plan = then
        return plan

    @property
    def _left_s(self) -> float:
        return self._limits.time_s - (self._clock() - self._begun_s)

    def _stage(self, number: int, start: _Plan | None) -> _Plan:
        """The plan of a stage, from another plan: what later classes get in that is taken off."""
        by_rank = self._ratios.worth(number)
        worth, amount = np.zeros(len(self._rank)), self._made.amount_gbps
        for rank, one in zip(self.ranks, by_rank.tolist(), strict=False):
            worth[self._rank == rank] = one
        made = replace(self._made, amount_gbps=np.where(worth > 0, amount, 0.0))
        asked = float((amount * worth).sum())
        share = Limits(
            gap=max(FINEST, NEARER * self._limits.gap * self._asked[number] / asked) if asked > 0 else self._limits.gap,
            time_s=self._left_s / self._parts,
            threads=self._limits.threads,
        )
        price: Reals | None = None
        if start is not None:
            both = min(len(start.worth), len(by_rank)) - 1
            price = start.answer.price * (by_rank[both] / start.worth[both])
        answer = total.solve(
            self._problem,
            made,
            worth,
            share,
            self._clock,
            seed=self._seed,
            start=None if start is None else start.answer.flows,
            price=price,
        )
        self._proven[number].append((answer.bound, by_rank))
        earned = amount * np.maximum(0.0, worth - distances(self._problem, made, answer.price))
        paid = float((answer.price * self._problem.capacity_gbps).sum())
        for before, (rank, one) in enumerate(zip(self.ranks[:number], by_rank.tolist(), strict=False)):
            bound = (paid + float(earned[self._rank <= rank].sum())) / one
            self._proven[before].append((bound, by_rank[: before + 1] / one))
        served = answer.flows.served
        sums = [float(served[self._rank <= rank].sum()) for rank in self.ranks]
        return _Plan(answer=answer, worth=by_rank, sums=sums)

    def _bound(self, plan: _Plan, number: int) -> float:
        """What all classes up to this one get at most where those before get what they do in a plan: of all together
        what the plan's own prices prove, which are told with it.
        """
        if number == len(self.ranks) - 1:
            return max(plan.sums[number], bound_of(number, plan.answer.bound, plan.worth, plan.sums))
        proven = [bound_of(number, bound, worth, plan.sums) for bound, worth in self._proven[number]]
        return max(plan.sums[number], min([self._asked[number], *proven]))

    def _told(self, plan: _Plan, number: int) -> None:
        if self._progress is not None:
            value, bound = plan.sums[number], self._bound(plan, number)
            self._progress(Moment(after_s=self._clock() - self._begun_s, value=value, bound=bound))
