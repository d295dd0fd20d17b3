"""Weighted max-min shares: nobody gets more where somebody with less for its weight could get it.

All rise together, each to `min(w t, D)` at level t, until something is in the way; who has to cross it stays where it
is, and the others rise on. For any prices y >= 0 the level is bounded (linear programming duality):

    sum_d x_d(t) dist_y(d) <= sum_e C_e y_e          x_d(t) = min(w_d t, D_d), or what it has if it rises no more

and where both sides are equal nobody rises who is at a distance above 0. That is what a sequence of linear programs
finds, one bottleneck after the other; here one basis goes through all of it (`_kernels.Levels`). Where demands have
bounds of latency, dist_y(d) is the least over ways that keep to them, found exactly, and so is what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.live import Live
from highroad.planning.solve.maxmin_ways import on_ways
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows
from highroad.planning.solve.rising import GAP, Rise, allowed, highest
from highroad.planning.solve.routed import Routed
from highroad.planning.solve.shared import NOT_JOINED, utilisation

STEPS = 100
"""So many between two looks at the clock."""

TOLD_S = 0.25
"""Progress is told as often at most."""

SAME = 1e-9

MOST = 50_000
"""Of more demands shares are found nearly (`rising`), unless they have bounds of latency."""

INSIDE = 1 + 1e-9
"""What a way may take, as a share of its bound: sums differ by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """Where time was up: how many demands would rise still, how high they are, and what no plan betters that gives no
    less to the others; both in Gbit/s a unit of weight.
    """

    demands: int
    level: float
    bound: float

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most."""
        return gap_of(self.level, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What each demand gets, as flows too, and how many levels it took.

    `least` is what who gets least a unit of weight gets; no plan gives that one more than `least_bound`. `rising` is
    None where everybody has come to the end.
    """

    answer: Answer | Routed
    levels: int
    rising: Rising | None = None

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


def maxmin(
    problem: Problem,
    limits: Limits | None = None,
    *,
    live: Live | None = None,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
) -> Shares:
    """The shares, by `weight`; those with the same ends share as everybody does. ValueError where no way leads from end
    to end of a demand (`problem.checked` says which), or none that keeps to the bound of latency that it has in `live`,
    which is of the same demands and links. With `live` the answer is of ways.

    Progress is told now and then: how high those are who rise still, and what no plan betters of that.
    """
    limits = limits or Limits()
    apart = replace(problem, rank=_apart(problem))
    single = commodities(apart, ranked=True)
    count = len(single.target)
    if not count or not problem.links:
        return Shares(answer=total.total(problem, limits, clock=clock), levels=0)
    weight = _by_commodity(single, problem.weight)
    if count > MOST and live is None:
        return _nearly(problem, single, weight, limits, clock, progress, seed)
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
        None if live is None else live.latency_ms,
        None if live is None else _by_commodity(single, live.bound_ms * INSIDE),
    )
    if not rising.begin():
        raise ValueError(NOT_JOINED)
    looks, told_s, left = 1, begun_s, None
    while not rising.rise(STEPS):
        looks += 1
        now_s = clock()
        late = now_s - begun_s >= limits.time_s
        if late or (progress is not None and now_s - told_s >= TOLD_S):
            told_s = now_s
            left = _left(problem, single, weight, rising)
            if progress is not None:
                progress(Moment(after_s=now_s - begun_s, value=left.level, bound=left.bound))
        if late:
            break
    else:
        left = None
    price = rising.price if rising.levels else np.ones(problem.links)
    price /= float((price * problem.capacity_gbps).sum())
    cost = float((weight * rising.distances(price)).sum())
    bound = 1.0 / cost if cost > 0 else np.inf
    if live is not None:
        bound = min(float((single.amount_gbps / weight).min()), bound)
        plan = on_ways(problem, live, single, weight, rising, price, bound, looks)
        return Shares(answer=plan, levels=rising.levels, rising=left)
    return _shares(problem, single, weight, rising.served, rising.flow, price, bound, looks, rising.levels, left)


def _by_commodity(single: Commodities, values: Reals) -> Reals:
    """Of values by demand, where each is a commodity of its own."""
    found = np.empty(len(single.target))
    found[single.of] = values
    return found


def _left(problem: Problem, single: Commodities, weight: Reals, levels: _kernels.Levels) -> Rising:
    held = levels.served
    still = (held >= weight * levels.level * (1 - SAME)) & (held < single.amount_gbps * (1 - SAME))
    load = levels.flow.reshape(-1, problem.links).sum(axis=0)
    price = levels.price if levels.levels else np.ones(problem.links)
    bound = highest(problem, single, weight, held, still, load, price)
    paid = float((price * problem.capacity_gbps).sum())
    if levels.levels and paid > 0:  # these distances are inside bounds of latency, too
        bound = min(bound, allowed(single, weight, held, still, levels.distances(price / paid)))
    return Rising(demands=int(still.sum()), level=levels.level, bound=max(bound, levels.level))


def _nearly(
    problem: Problem,
    single: Commodities,
    weight: Reals,
    limits: Limits,
    clock: Clock,
    progress: Progress | None,
    seed: int,
) -> Shares:
    begun_s = clock()
    apart = replace(problem, rank=_apart(problem))
    first = Limits(gap=GAP, time_s=limits.time_s / 4, threads=limits.threads)
    together = utilisation(replace(apart, amount_gbps=weight[single.of]), first, clock=clock, seed=seed, ranked=True)
    rise = Rise(apart, single, weight, together)
    levels = 0
    while rise.open.any() and not rise.stopped and clock() - begun_s < limits.time_s:
        levels += 1
        left_s = limits.time_s - (clock() - begun_s)
        rise.step(Limits(gap=GAP, time_s=left_s, threads=limits.threads), clock, seed)
        if progress is not None and rise.open.any():
            left = _stopped(problem, single, weight, rise)
            progress(Moment(after_s=clock() - begun_s, value=left.level, bound=left.bound))
    served, flow = rise.fits()
    still = _stopped(problem, single, weight, rise) if rise.open.any() else None
    bound = 1.0 / together.bound if together.bound > 0 else np.inf
    return _shares(problem, single, weight, served, flow, together.price, bound, together.sweeps, levels, still)


def _stopped(problem: Problem, single: Commodities, weight: Reals, rise: Rise) -> Rising:
    served, flow = rise.fits()
    still = rise.open & (served < single.amount_gbps * (1 - SAME))
    level = float((served / weight)[still].max(initial=0.0))
    load = flow.reshape(-1, problem.links).sum(axis=0)
    bound = highest(problem, single, weight, served, still, load, rise.price)
    return Rising(demands=int(still.sum()), level=level, bound=max(bound, level))


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
    rising: Rising | None,
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
    return Shares(answer=answer, levels=levels, rising=rising)


def _apart(problem: Problem) -> Ints:
    """A number for each demand, other than that of those before it with the same ends and fence."""
    key = (problem.source.astype(np.int64) * problem.nodes + problem.target) * (len(problem.fences) + 1) + problem.fence
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    numbers = np.empty(problem.demands, np.int32)
    numbers[order] = np.arange(problem.demands) - np.repeat(first, np.diff(first, append=problem.demands))
    return numbers
