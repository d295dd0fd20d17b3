"""The most of the first class on ways inside bounds, fences and with backups; then of the second; and so on.

As in `classes`: stage r makes the most of w_0 x_0 + ... + w_r x_r, w_r = 1. The ratio of two classes that follow one
another is PRIORITY at first, and as many times that as it takes until no class gets less than its own stage found. With
B_r the bound of stage r, and X_k what all classes up to k get, of a plan that gives no less to those before (where time
is up before a stage, no more than is asked for)

    X_r <= B_r - sum_{k < r} (w_k - w_{k+1}) X_k
"""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.answer import Clock, Limits, Moment, Progress
from highroad.planning.solve.classes import Cumulative
from highroad.planning.solve.live import Live
from highroad.planning.solve.problem import Problem, Reals
from highroad.planning.solve.routed import Routed, most

PRIORITY, AGAIN = 8.0, 2
SHORT = 4.0
"""A class that lacks more than so many times the gap that is wanted of what its own stage found is short."""


def in_turn(
    problem: Problem,
    live: Live,
    limits: Limits,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
) -> tuple[Routed, tuple[Cumulative, ...], Reals]:
    """The plan of the last stage, each cumulative class, and what a unit of each commodity weighs in that stage."""
    ranks = np.unique(live.rank).tolist()
    begun_s, ratio = clock(), PRIORITY
    proven: list[tuple[float, Reals]] = []
    reached: list[float] = []
    plan = None if ranks else most(problem, live, limits, clock=clock)
    if plan is not None:
        return plan, (), np.ones(len(plan.commodities.target))
    for number in range(len(ranks)):
        left_s = limits.time_s - (clock() - begun_s)
        if left_s <= 0 and number < len(ranks) - 1:  # nothing is proven of it, and the last has a plan for all
            proven.append((np.inf, ratio ** np.arange(number, -1, -1.0)))
            reached.append(0.0)
            continue
        share = Limits(gap=limits.gap, time_s=left_s / (len(ranks) - number), threads=limits.threads)
        plan, worth = _stage(problem, live, share, ranks, number, ratio, clock)
        for _ in range(AGAIN):
            sums = carried_up_to(plan, ranks, plan.served_gbps)
            short = any(sums[one] < reached[one] * (1 - SHORT * limits.gap) for one in range(number))
            if not short or limits.time_s - (clock() - begun_s) <= 0:
                break
            ratio *= PRIORITY
            then, heavier = _stage(problem, live, share, ranks, number, ratio, clock)
            if _better(carried_up_to(then, ranks, then.served_gbps), sums, number, limits.gap):
                plan, worth = then, heavier
        proven.append((plan.bound, worth[ranks[: number + 1]]))
        sums = carried_up_to(plan, ranks, plan.served_gbps)
        reached.append(sums[number])
        if progress is not None:
            now = cumulative(problem, ranks, sums, proven)[-1]
            progress(Moment(after_s=clock() - begun_s, value=now.value, bound=now.bound))
    weighs = np.zeros(max(ranks) + 1)
    weighs[ranks] = proven[-1][1]
    made: Routed = plan  # type: ignore[assignment]
    found = cumulative(problem, ranks, carried_up_to(made, ranks, made.served_gbps), proven)
    return made, found, weighs[made.commodities.rank]


def _stage(
    problem: Problem, live: Live, limits: Limits, ranks: list[int], number: int, ratio: float, clock: Clock
) -> tuple[Routed, Reals]:
    """The plan of a stage, and what a unit of each rank weighs in it."""
    worth: Reals = np.zeros(max(ranks) + 1)
    for place, rank in enumerate(ranks[: number + 1]):
        worth[rank] = ratio ** (number - place)
    return most(problem, live, limits, worth=worth, clock=clock), worth


def _better(one: list[float], other: list[float], number: int, gap: float) -> bool:
    """Whether the first class that differs by more than is asked for gets more."""
    for a, b in zip(one[: number + 1], other[: number + 1], strict=True):
        if abs(a - b) > gap * max(a, b):
            return a > b
    return False


def carried_up_to(plan: Routed, ranks: list[int], served: Reals) -> list[float]:
    """What all classes up to each get together of what is served of every demand."""
    return [float(served[plan.problem.rank <= rank].sum()) for rank in ranks]


def cumulative(
    problem: Problem, ranks: list[int], sums: list[float], proven: list[tuple[float, Reals]]
) -> tuple[Cumulative, ...]:
    """Each class up to which something is proven; none gets more than is asked for up to it."""
    last, found = proven[-1][1], []
    for number, (bound, worth) in enumerate(proven):
        before = float(((worth[:-1] - worth[1:]) * np.array(sums[:number])).sum())
        asked = float(problem.amount_gbps[problem.rank <= ranks[number]].sum())
        found.append(
            Cumulative(
                rank=ranks[number],
                value=sums[number],
                bound=max(min(bound - before, asked), sums[number]),
                worth=float(last[number]) if number < len(last) else 1.0,
            )
        )
    return tuple(found)
