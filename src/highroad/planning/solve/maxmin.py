"""Weighted max-min shares: nobody gets more where somebody with less for its weight could get it.

All rise together, each to `min(w t, D)` at level t, until something is in the way; who has to cross it stays where it
is, and the others rise on. For any prices y >= 0 the level is bounded (linear programming duality):

    sum_d x_d(t) dist_y(d) <= sum_e C_e y_e          x_d(t) = min(w_d t, D_d), or what it has if it rises no more

and where both sides are equal nobody rises who is at a distance above 0. That is what a sequence of linear programs
finds, one bottleneck after the other; here one basis goes through all of it (`_kernels.Levels`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows
from highroad.planning.solve.rising import GAP, Rise
from highroad.planning.solve.shared import NOT_JOINED, utilisation

STEPS = 100
"""So many between two looks at the clock."""

MOST = 50_000
"""Of more demands shares are found nearly (`rising`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What each demand gets, as flows too, and how many levels it took.

    `least` is what who gets least a unit of weight gets; no plan gives that one more than `least_bound`.
    """

    answer: Answer
    levels: int

    @property
    def served_gbps(self) -> Reals:
        """What each demand gets."""
        return self.answer.served_gbps

    @property
    def load_gbps(self) -> Reals:
        """What each link carries."""
        return self.answer.load_gbps

    @property
    def least(self) -> float:
        """As above."""
        return self.answer.value

    @property
    def least_bound(self) -> float:
        """As above."""
        return self.answer.bound


def maxmin(problem: Problem, limits: Limits | None = None, *, clock: Clock = lambda: 0.0, seed: int = 0) -> Shares:
    """The shares, by `weight`; those with the same ends share as everybody does. ValueError where no way leads from end
    to end of a demand (`problem.checked` says which).
    """
    limits = limits or Limits()
    apart = replace(problem, rank=_apart(problem))
    single = commodities(apart, ranked=True)
    count = len(single.target)
    if not count or not problem.links:
        return Shares(answer=total.total(problem, limits, clock=clock), levels=0)
    weight = np.empty(count)
    weight[single.of] = problem.weight
    if count > MOST:
        return _nearly(problem, single, weight, limits, clock, seed)
    begun_s = clock()
    rising = _kernels.Levels(
        problem.network,
        problem.capacity_gbps,
        single.source,
        single.start,
        single.target,
        single.amount_gbps,
        weight,
        single.fence,
        problem.fences.astype(np.uint8).ravel(),
        seed,
    )
    if not rising.begin():
        raise ValueError(NOT_JOINED)
    while not rising.rise(STEPS) and clock() - begun_s < limits.time_s:
        pass
    price = rising.price if rising.levels else np.ones(problem.links)
    price /= float((price * problem.capacity_gbps).sum())
    cost = float((weight * rising.distances(price)).sum())
    bound = 1.0 / cost if cost > 0 else np.inf
    return _shares(problem, single, weight, rising.served, rising.flow, price, bound, rising.steps, rising.levels)


def _nearly(problem: Problem, single: Commodities, weight: Reals, limits: Limits, clock: Clock, seed: int) -> Shares:
    begun_s = clock()
    apart = replace(problem, rank=_apart(problem))
    first = Limits(gap=GAP, time_s=limits.time_s / 4, threads=limits.threads)
    together = utilisation(replace(apart, amount_gbps=weight[single.of]), first, clock=clock, seed=seed, ranked=True)
    rise = Rise(apart, single, weight, together)
    levels = 0
    while rise.open.any() and clock() - begun_s < limits.time_s:
        levels += 1
        left_s = limits.time_s - (clock() - begun_s)
        rise.step(Limits(gap=GAP, time_s=left_s, threads=limits.threads), clock, seed)
    served, flow = rise.fits()
    bound = 1.0 / together.bound if together.bound > 0 else np.inf
    return _shares(problem, single, weight, served, flow, together.price, bound, together.sweeps, levels)


def _shares(
    problem: Problem,
    single: Commodities,
    weight: Reals,
    served: Reals,
    flow: Reals,
    price: Reals,
    bound: float,
    sweeps: int,
    levels: int,
) -> Shares:
    over = max(1.0, float((flow.reshape(-1, problem.links).sum(axis=0) / problem.capacity_gbps).max()))  # by rounding
    served = served / over
    best = flows(problem, single, np.full(len(single.target), np.inf))
    best.set(flow / over, served)
    best.clean()
    answer = Answer(
        problem=problem,
        commodities=single,
        flows=best,
        served_gbps=served[single.of],
        load_gbps=best.load,
        price=price,
        value=float((served / weight).min()),
        bound=min(float((single.amount_gbps / weight).min()), bound),
        moments=(),
        sweeps=sweeps,
    )
    return Shares(answer=answer, levels=levels)


def _apart(problem: Problem) -> Ints:
    """A number for each demand, other than that of those before it with the same ends and fence."""
    key = (problem.source.astype(np.int64) * problem.nodes + problem.target) * (len(problem.fences) + 1) + problem.fence
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    numbers = np.empty(problem.demands, np.int32)
    numbers[order] = np.arange(problem.demands) - np.repeat(first, np.diff(first, append=problem.demands))
    return numbers
