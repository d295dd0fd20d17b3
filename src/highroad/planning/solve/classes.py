"""The most that can be carried of the first class; of what that leaves, of the second; and so on.

    stage r:  maximise  sum_{rank < r} M x_d + sum_{rank = r} x_d       M = 8; loads <= C

A unit of an earlier class is worth M of the class at hand, so it is led another way, but hardly given up for it. With B
the bound of stage r, a plan that carries at least as much of the classes before, X, carries of all up to r

    sum_{rank <= r} x_d <= B - (M - 1) X
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits, Progress, gap_of
from highroad.planning.solve.problem import Problem, commodities, flows

PRIORITY = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulative:
    """What is carried of all classes up to `rank` together, and what of a plan that gives no less to those before."""

    rank: int
    value: float
    bound: float

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
    """The classes of a problem, `rank` 0 first, each with its share of what time there is."""
    limits = limits or Limits()
    made = commodities(problem, ranked=True)
    ranks = made.ranks
    stages = np.unique(ranks)
    begun_s = clock()
    answer: Answer | None = None
    bounds: list[float] = []
    for number, rank in enumerate(stages):
        worth = np.where(ranks < rank, PRIORITY, np.where(ranks == rank, 1.0, 0.0))
        left_s = limits.time_s - (clock() - begun_s)
        share = Limits(gap=limits.gap, time_s=left_s / (len(stages) - number), threads=limits.threads)
        start = price = None
        if answer is not None:
            price = answer.price * PRIORITY
            start = flows(problem, made, worth)
            start.set(answer.flows.flow, answer.flows.served)
        answer = total.solve(problem, made, worth, share, clock, progress, seed=seed, start=start, price=price)
        bounds.append(answer.bound)
    if answer is None:
        return Ranked(answer=total.total(problem, limits, clock=clock), classes=())
    served = answer.flows.served
    classes = []
    for rank, bound in zip(stages.tolist(), bounds, strict=True):
        before = float(served[ranks < rank].sum())
        value = float(served[ranks <= rank].sum())
        classes.append(Cumulative(rank=rank, value=value, bound=max(value, bound - (PRIORITY - 1) * before)))
    return Ranked(answer=answer, classes=tuple(classes))
