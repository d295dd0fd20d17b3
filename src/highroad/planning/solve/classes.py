"""The most that can be carried of the first class; of what that leaves, of the second; and so on.

    stage r:  maximise  sum_{k <= r} w_k x_k            x_k: what all demands of rank k get;  w_r = 1;  loads <= C

A unit of a class is given up only for w_k / w_{k+1} units of the next: M = 8 at first. Where that is too little, as
where one long way stands in the way of many short ones, and a class gets less than its own stage found for it, the
stage is gone through again with that ratio M times as large. With B_r the bound of stage r, and X_k = x_0 + ... + x_k,
all up to r of a plan that carries no less of all up to any k < r carry

    X_r <= B_r - sum_{k < r} (w_k - w_{k+1}) X_k                                             (summation by parts)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.problem import Problem, Reals, commodities

PRIORITY = 8.0
AGAIN, HIGHEST = 3, 4096.0
"""A stage is gone through again so many times at most, and no unit weighs more than so many of the next class."""

SHORT = 4.0
"""A class that lacks more than so many times the gap that is wanted of what its own stage found is short."""

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

    Progress is told after each: what is carried of all up to it, and the bound of that.
    """
    limits = limits or Limits()
    search = _Stages(problem, limits, clock, progress, seed)
    for number in range(len(search.ranks)):
        search.go_through(number)
    if search.answer is None:
        return Ranked(answer=total.total(problem, limits, clock=clock), classes=())
    return Ranked(answer=search.answer, classes=search.classes())


class _Stages:
    """One stage after the other: what each proves, and the plan so far."""

    def __init__(self, problem: Problem, limits: Limits, clock: Clock, progress: Progress | None, seed: int) -> None:
        self._problem, self._limits, self._clock, self._progress, self._seed = problem, limits, clock, progress, seed
        self._begun_s = clock()
        self._made = commodities(problem, ranked=True)
        self._rank = self._made.ranks
        self.ranks: list[int] = np.unique(self._rank).tolist()
        self._ratio = np.full(max(0, len(self.ranks) - 1), PRIORITY)
        self._proven: list[tuple[float, Reals]] = []
        """Of each stage its bound, and the worth of each class in it."""
        self._reached: list[float] = []
        """What each stage got for all classes up to its own."""
        self.answer: Answer | None = None

    def go_through(self, number: int) -> None:
        """One stage; again, where it takes from classes before what they could have."""
        answer, worth = self._stage(number)
        for _ in range(AGAIN):
            short = self._short(answer, number)
            if short is None or self._ratio[short] >= HIGHEST or self._left_s <= 0:
                break
            self._ratio[short] *= PRIORITY
            then, heavier = self._stage(number, answer)
            if self._better(then, answer, number):
                answer, worth = then, heavier
        self.answer = answer
        self._proven.append((answer.bound, worth))
        self._reached.append(self._sums(answer)[number])
        if self._progress is not None:
            now = self.classes()[number]
            self._progress(Moment(after_s=self._clock() - self._begun_s, value=now.value, bound=now.bound))

    @property
    def _left_s(self) -> float:
        return self._limits.time_s - (self._clock() - self._begun_s)

    def _worth(self, number: int) -> Reals:
        """Of each class up to this one what a unit of it weighs: 1 for the last."""
        worth: Reals = np.ones(number + 1)
        worth[:-1] = np.cumprod(self._ratio[:number][::-1])[::-1]
        return worth

    def _stage(self, number: int, before: Answer | None = None) -> tuple[Answer, Reals]:
        """The plan of a stage, and what each class weighs in it; `before` is one of the same stage."""
        by_class = self._worth(number)
        worth = np.zeros(len(self._rank))
        for rank, one in zip(self.ranks, by_class.tolist(), strict=False):
            worth[self._rank == rank] = one
        amount = self._made.amount_gbps
        asked, new = float((amount * worth).sum()), float(amount[self._rank == self.ranks[number]].sum())
        stages = len(self.ranks) - number + (before is not None)
        share = Limits(
            gap=max(FINEST, self._limits.gap * new / asked) if new > 0 else self._limits.gap,
            time_s=self._left_s / stages,
            threads=self._limits.threads,
        )
        start = self.answer if before is None else before
        answer = total.solve(
            self._problem,
            self._made,
            worth,
            share,
            self._clock,
            seed=self._seed,
            start=None if start is None else start.flows,
            price=None if start is None else start.price * PRIORITY,
        )
        return answer, by_class

    def _sums(self, answer: Answer) -> list[float]:
        """What all classes up to each get together."""
        served = answer.flows.served
        return [float(served[self._rank <= rank].sum()) for rank in self.ranks]

    def _short(self, answer: Answer, number: int) -> int | None:
        """The first class before this one that gets less than its own stage found for it and those before it."""
        sums, most = self._sums(answer), SHORT * self._limits.gap
        return next((one for one in range(number) if sums[one] < self._reached[one] * (1 - most)), None)

    def _better(self, one: Answer, other: Answer, number: int) -> bool:
        """Whether the first class that differs by more than is asked for gets more."""
        for a, b in zip(self._sums(one)[: number + 1], self._sums(other)[: number + 1], strict=True):
            if abs(a - b) > self._limits.gap * max(a, b):
                return a > b
        return False

    def classes(self) -> tuple[Cumulative, ...]:
        """Each cumulative class of the last plan, with what its stage proves."""
        if self.answer is None:
            return ()
        sums = self._sums(self.answer)
        last = self._proven[-1][1]
        found = []
        for number, (rank, (bound, worth)) in enumerate(zip(self.ranks, self._proven, strict=False)):
            before = float(((worth[:-1] - worth[1:]) * sums[:number]).sum())
            found.append(Cumulative(rank=rank, value=sums[number], bound=bound - before, worth=float(last[number])))
        return tuple(found)
