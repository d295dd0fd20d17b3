"""The most that can be carried of the first class; of what that leaves, of the second; and so on.

    stage r:  maximise  sum_{k <= r} M^(r - k) x_k              x_k: what all demands of rank k get; M = 8; loads <= C

A unit of a class is given up only for M units of the next. With B_r the bound of stage r, and X_k = x_0 + ... + x_k,
all up to r of a plan that carries no less of all up to any k < r carry

    X_r <= B_r - sum_{k < r} (M^(r - k) - M^(r - k - 1)) X_k                                 (summation by parts)

Where a unit of a class stands in the way of more than M of the next the first class is a little short: its own bound,
of stage 0, says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits, Progress, gap_of
from highroad.planning.solve.problem import Problem, commodities

PRIORITY = 8.0
FINEST = 1e-7
"""No stage is asked for a smaller gap."""


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
    stages = np.unique(ranks).tolist()
    begun_s = clock()
    answer: Answer | None = None
    bounds: list[float] = []
    for number, rank in enumerate(stages):
        worth = np.zeros(len(ranks))
        for place, earlier in enumerate(stages[: number + 1]):
            worth[ranks == earlier] = PRIORITY ** (number - place)
        asked = float((made.amount_gbps * worth).sum())
        new = float(made.amount_gbps[ranks == rank].sum())
        share = Limits(
            gap=max(FINEST, limits.gap * new / asked) if new > 0 else limits.gap,
            time_s=(limits.time_s - (clock() - begun_s)) / (len(stages) - number),
            threads=limits.threads,
        )
        start = None if answer is None else answer.flows
        price = None if answer is None else answer.price * PRIORITY
        answer = total.solve(problem, made, worth, share, clock, progress, seed=seed, start=start, price=price)
        bounds.append(answer.bound)
    if answer is None:
        return Ranked(answer=total.total(problem, limits, clock=clock), classes=())
    served = answer.flows.served
    sums = [float(served[ranks <= rank].sum()) for rank in stages]
    classes = []
    for number, (rank, bound) in enumerate(zip(stages, bounds, strict=True)):
        before = sum(
            (PRIORITY ** (number - place) - PRIORITY ** (number - place - 1)) * sums[place] for place in range(number)
        )
        classes.append(Cumulative(rank=rank, value=sums[number], bound=bound - before))
    return Ranked(answer=answer, classes=tuple(classes))
