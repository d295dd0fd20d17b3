"""What protection asks of every placement, over what `least` proves: a backup needs room too.

    U >= the U at which  sum_e y_e max(0, U C_e - F_e - S_e(g)) = sum_s D_s dist_y(s, g)

for any one risk group g and any prices y >= 0. F_e is what is claimed of link e by those who do not move, S_e(g) what
stands by there for g of them, D_s the rate of a way of service s, and dist_y(s, g) its length at the prices: over all
ways, but outside of g where s is protected against g. For what is needed of a link is what is claimed of it and the
most that stands by for any group, so no less than with what stands by for g; and whoever is protected either goes
around g, or over it, and then stands by for g with its whole rate on a way around it. Without a group it is the bound
of `least`.

So the bound is over all placements, split as one likes, inside fences and on links in use, that survive g. That they
survive every other group too, bounds of latency and windows in time are relaxed: they only ask for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.least import Least, least, level_of
from highroad.planning.solve.answer import Clock, Limits
from highroad.planning.solve.problem import Flags, Ints, Problem, Reals

LOOKED_AT = 48
"""Groups whose bound is looked at with the prices of before,"""

TRIED = 2
"""and for which prices of their own are sought: those of which most is to be hoped."""

SHARE = 0.25
"""So much of its time may be spent on looking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """A risk group: its links by number, the number of the site that it is (-1: none), and what stands by for it of
    those who do not move, Gbit/s by link.
    """

    name: str
    links: Ints
    site: int
    stood_gbps: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheltered:
    """Which demands survive every risk group but those of their ends, and at which sites each ends, by number."""

    protected: Flags
    source: Ints
    target: Ints

    def against(self, risk: Risk) -> Flags:
        """Which survive a group."""
        found: Flags = self.protected & (self.source != risk.site) & (self.target != risk.site)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Backed:
    """A bound, and the group that it stands on; empty where no group says more than prices alone do."""

    least: Least
    group: str = ""


def backed(
    given: Problem,
    fixed_gbps: Reals,
    sheltered: Sheltered,
    risks: Sequence[Risk],
    plain: Least,
    used: float,
    limits: Limits,
    *,
    aside: Flags | None = None,
    clock: Clock = lambda: 0.0,
    seed: int = 0,
) -> Backed:
    """The best bound that is found for any of some groups, no less than the plain one. `fixed_gbps` is endless where a
    link is out of use for backups too.
    """
    best = Backed(least=plain)
    if not sheltered.protected.any():
        return best
    begun_s, hopes = clock(), list[tuple[float, int]]()
    price = plain.price * given.capacity_gbps
    dearest = sorted(range(len(risks)), key=lambda number: (-float(price[risks[number].links].sum()), number))
    for number in dearest[:LOOKED_AT]:
        if clock() - begun_s > SHARE * limits.time_s:
            break
        hopes.append((-_hoped(given, fixed_gbps, sheltered, risks[number], plain.price), number))
    for _, number in sorted(hopes)[:TRIED]:
        left_s = limits.time_s - (clock() - begun_s)
        if left_s <= 0:
            break
        risk = risks[number]
        found = least(
            without(given, sheltered, risk),
            fixed_gbps + _stood(given, risk),
            used,
            replace(limits, time_s=left_s / 2),
            aside=aside,
            clock=clock,
            seed=seed,
        )
        if found.utilisation > best.least.utilisation:
            best = Backed(least=found, group=risk.name)
    return best


def without(given: Problem, sheltered: Sheltered, risk: Risk) -> Problem:
    """The demands of a problem, those that are protected against a group in a fence that has none of its links."""
    inside = sheltered.against(risk)
    outside: Flags = np.ones(given.links, np.bool_)
    outside[risk.links] = False
    fence, rows = given.fence.copy(), [given.fences]
    for number, old in enumerate(np.unique(given.fence[inside]).tolist(), len(given.fences)):
        rows.append((outside if old < 0 else given.fences[old] & outside)[np.newaxis, :])
        fence[inside & (given.fence == old)] = number
    return replace(given, fence=fence, fences=np.concatenate(rows))


def _stood(given: Problem, risk: Risk) -> Reals:
    stood: Reals = np.zeros(given.links)
    for link, gbps in risk.stood_gbps.items():
        stood[link] = gbps
    return stood


def _hoped(given: Problem, fixed_gbps: Reals, sheltered: Sheltered, risk: Risk, price: Reals) -> float:
    """The bound of a group at prices for all: the group's own links cost nothing, since who counts goes around it."""
    cheap = price.copy()
    cheap[risk.links] = 0.0
    of, network, cost = without(given, sheltered, risk), given.network, 0.0
    open_ = np.isfinite(fixed_gbps)
    for fence in np.unique(of.fence).tolist():
        mine = np.flatnonzero(of.fence == fence)
        inside = np.where(open_ if fence < 0 else open_ & of.fences[fence], cheap, np.inf)
        sources, row = np.unique(of.source[mine], return_inverse=True)
        distance, _ = network.trees(inside, sources.astype(np.int32))
        far = distance[row, of.target[mine]]
        cost += float((of.amount_gbps[mine] * np.where(np.isfinite(far), far, 0.0)).sum())
    fixed = np.where(open_, fixed_gbps, 0.0) + _stood(given, risk)
    return level_of(np.where(open_, cheap, 0.0) * given.capacity_gbps, cheap * fixed, cost)
