"""How evenly services could be carried at most: a bound that no placement of them betters.

    U >= the U at which  sum_e y_e max(0, U C_e - F_e) = sum_s D_s dist_y(s)         for any prices y >= 0

C_e is the capacity of link e, F_e what is on it that does not move, D_s the rate of a way of service s and dist_y(s)
its length at the prices: whoever is carried pays at least that, on links that hold no more than U C_e (by linear
programming duality). The bound is over all placements, split as one likes, inside fences and on links in use; bounds of
latency, windows in time and backups are relaxed: they only ask for more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.solve.answer import Clock, Limits
from highroad.planning.solve.problem import MOST_GBPS, TINY, Flags, Ints, Problem, Reals, checked, problem
from highroad.planning.solve.shared import utilisation

FAINT = 1e-200
"""So small a share of the largest price of a link's capacity is lost in rounding, and too small to divide by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """The bound, and the prices that prove it, by link; their sum with the capacities is 1."""

    utilisation: float
    price: Reals


def least(
    given: Problem,
    fixed_gbps: Reals,
    used: float,
    limits: Limits,
    *,
    aside: Flags | None = None,
    clock: Clock = lambda: 0.0,
    seed: int = 0,
) -> Least:
    """The bound for the demands of a problem beside what is fixed on its links, where all are at `used` at most now.

    Links that are left `aside` may be as full as one likes: the bound is of the fullest of the others. Demands that
    nothing leads to count as nothing.
    """
    if aside is not None and aside.any():
        roomy = given.amount_gbps.sum() + fixed_gbps[np.isfinite(fixed_gbps)].sum() + given.capacity_gbps.max()
        given = replace(
            given, capacity_gbps=np.where(aside, min(roomy / max(used, TINY), MOST_GBPS), given.capacity_gbps)
        )
    open_ = fixed_gbps < used * given.capacity_gbps
    every = np.flatnonzero(open_).astype(np.int32)
    whole = _with_fixed(given, every, np.minimum(fixed_gbps, used * given.capacity_gbps))
    ready = checked(whole)
    none = Least(utilisation=0.0, price=np.zeros(given.links))
    if not ready.problem.demands or not ready.problem.links:
        return none
    answer = utilisation(ready.problem, limits, clock=clock, seed=seed)
    moving = ready.demands < given.demands
    part = _only(ready.problem, moving)
    place = every[ready.links]
    capacity, fixed = given.capacity_gbps[place], fixed_gbps[place]
    carries = answer.load_gbps > fixed + 1e-9 * capacity
    counted = answer.price if aside is None else np.where(aside[place], 0.0, answer.price)
    best, best_price = 0.0, none.price
    for price in (counted, np.where(carries, counted, 0.0)):
        level = proven(part, fixed, price)
        if level > best:
            best, best_price = level, np.zeros(given.links)
            best_price[place] = price / float((price * capacity).sum())
    return Least(utilisation=best, price=best_price)


def proven(of: Problem, fixed_gbps: Reals, price: Reals) -> float:
    """The bound at some prices."""
    cost = 0.0
    network = of.network
    for fence in np.unique(of.fence).tolist():
        mine = np.flatnonzero(of.fence == fence)
        inside = price if fence < 0 else np.where(of.fences[fence], price, np.inf)
        sources, row = np.unique(of.source[mine], return_inverse=True)
        distance, _ = network.trees(inside, sources.astype(np.int32))
        cost += float((of.amount_gbps[mine] * distance[row, of.target[mine]]).sum())
    return level_of(price * of.capacity_gbps, price * fixed_gbps, cost)


def level_of(slope: Reals, start: Reals, cost: float) -> float:
    """The least U >= 0 with sum max(0, U slope - start) >= cost; 0 where the slopes are. A slope that is nothing beside
    the largest counts for nothing.
    """
    paid = slope > FAINT * slope.max(initial=0.0)
    if not paid.any() or cost <= 0:
        return 0.0
    from_u = start[paid] / slope[paid]
    order = np.argsort(from_u)
    slopes, starts = slope[paid][order].cumsum(), start[paid][order].cumsum()
    levels = (cost + starts) / slopes
    ends = np.append(from_u[order][1:], np.inf)
    return float(levels[int(np.argmax(levels <= ends))])


def _with_fixed(given: Problem, links: Ints, fixed_gbps: Reals) -> Problem:
    """The same on some links, with a demand beside each link for what is fixed on it, in a fence of its own."""
    held = np.flatnonzero(fixed_gbps[links] > 0).astype(np.int32)
    own: Flags = np.zeros((len(held), len(links)), np.bool_)
    own[np.arange(len(held)), held] = True
    at = links[held]
    return problem(
        given.nodes,
        given.tail[links],
        given.head[links],
        given.capacity_gbps[links],
        np.concatenate((given.source, given.tail[at])),
        np.concatenate((given.target, given.head[at])),
        np.concatenate((given.amount_gbps, fixed_gbps[at])),
        fence=np.concatenate((given.fence, len(given.fences) + np.arange(len(held), dtype=np.int32))),
        fences=np.concatenate((given.fences[:, links], own)),
    )


def _only(of: Problem, demands: Flags) -> Problem:
    return Problem(
        nodes=of.nodes,
        tail=of.tail,
        head=of.head,
        capacity_gbps=of.capacity_gbps,
        source=of.source[demands],
        target=of.target[demands],
        amount_gbps=of.amount_gbps[demands],
        fence=of.fence[demands],
        fences=of.fences,
        rank=of.rank[demands],
        weight=of.weight[demands],
    )
