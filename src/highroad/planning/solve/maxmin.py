"""Weighted max-min shares: nobody gets more where somebody with less for its weight could get it.

All rise together, each to `min(w t, D)` at level t, until a link is in the way; who has to cross what is full stays
where it is, and the others rise on. For any prices y >= 0 the level is bounded (linear programming duality):

    sum_d x_d(t) dist_y(d) <= sum_e C_e y_e          x_d(t) = min(w_d t, D_d), or what it has if it rises no more

So from above: at the level that the last prices allow the least maximum utilisation is found, and with it new prices,
until it is 1. Whoever is at a distance above 0 then crosses what is full. An exact sequence of linear programs does the
same one bottleneck after the other; here those that are within `TOLERANCE` are one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.solve import total
from highroad.planning.solve.answer import Answer, Clock, Limits
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows
from highroad.planning.solve.shared import utilisation, with_more

TOLERANCE, GAP = 1e-3, 3e-4
"""Links count as full when the fullest is over 1 by no more than this; in the end all is scaled so that it fits."""

FAR = 0.1
"""Who is at this share of the greatest distance or more crosses what is full; nearer may be what prices do not know."""

NEXT, WIDEST = 1.05, 2.0
"""Where nothing is known of the next bottleneck it is looked for this much higher, and then further."""

ROWS = 256


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
    """The shares, by `weight`; those with the same ends share as everybody does."""
    limits = limits or Limits()
    begun_s = clock()
    apart = replace(problem, rank=_apart(problem))
    single = commodities(apart, ranked=True)
    count = len(single.target)
    if not count or not problem.links:
        return Shares(answer=total.total(problem, limits, clock=clock), levels=0)
    weight = np.empty(count)
    weight[single.of] = problem.weight
    first = Limits(gap=GAP, time_s=limits.time_s / 4, threads=limits.threads)
    together = utilisation(replace(apart, amount_gbps=problem.weight), first, clock=clock, seed=seed, ranked=True)
    rise = _Rise(apart, single, weight, together)
    levels = 0
    while rise.open.any() and clock() - begun_s < limits.time_s:
        levels += 1
        left_s = limits.time_s - (clock() - begun_s)
        rise.step(Limits(gap=GAP, time_s=left_s, threads=limits.threads), clock, seed)
    served, flow = rise.fits()
    best = flows(problem, single, np.ones(count))
    best.set(flow, served)
    content = float((single.amount_gbps / weight).min())
    answer = Answer(
        problem=problem,
        commodities=single,
        flows=best,
        served_gbps=served[single.of],
        load_gbps=best.load,
        price=together.price,
        value=float((served / weight).min()),
        bound=min(content, 1.0 / together.bound if together.bound > 0 else np.inf),
        moments=(),
        sweeps=together.sweeps,
    )
    return Shares(answer=answer, levels=levels)


class _Rise:
    """How far all have risen: who still does, what the others have, and the last plan, which fits."""

    def __init__(self, apart: Problem, single: Commodities, weight: Reals, together: Answer) -> None:
        self.open = np.ones(len(single.target), np.bool_)
        self._apart, self._single, self._weight, self._together = apart, single, weight, together
        self._held = np.zeros(len(single.target))
        self._level = 0.0
        self._flow: Reals | None = None
        self._price = together.price
        self._distance = _distances(apart, single, together.price)
        self._wider = np.inf

    def step(self, limits: Limits, clock: Clock, seed: int) -> None:
        """To the next bottleneck, or nearer to it: from below, or from above as soon as prices know it."""
        allowed = self._allowed()
        content = float((self._single.amount_gbps / self._weight)[self.open].max())
        level = min(allowed, content, self._level * self._wider if self._level > 0 else np.inf)
        answer = self._plan(level, limits, clock, seed)
        if answer.value > 1.0 + TOLERANCE:
            self._distance = _distances(self._apart, self._single, answer.price)
            self._wider = np.inf
            if not self._allowed() < level:  # time was up: what is known does not bring it down
                self.open[:] = False
            return
        over = max(1.0, answer.value)
        self._flow, self._price = answer.flows.flow / over, answer.price
        self._held, self._level = self._at(level) / over, level / over
        met = self.open & (self._distance > 0) if level == allowed else np.zeros_like(self.open)
        self.open &= self._held < self._single.amount_gbps * (1 - TOLERANCE)
        if (met & self.open).any():
            furthest = float(self._distance[met & self.open].max())
            self.open &= self._distance < FAR * furthest
        self._distance = np.where(self.open, 0.0, self._distance)
        self._wider = min(WIDEST, self._wider**2) if np.isfinite(self._wider) and not met.any() else NEXT

    def fits(self) -> tuple[Reals, Reals]:
        """What each gets, and over which links."""
        if self._flow is not None:
            return self._held, self._flow
        # time was up before anything was found: as much as all can have who ask for least
        level, together = float((self._single.amount_gbps / self._weight).min()), self._together
        level = min(level, 1.0 / together.value if together.value > 0 else np.inf)
        return self._weight * level, together.flows.flow * level

    def _at(self, level: float) -> Reals:
        wanted = np.minimum(self._weight * level, self._single.amount_gbps)
        return np.where(self.open, wanted, self._held)

    def _plan(self, level: float, limits: Limits, clock: Clock, seed: int) -> Answer:
        amount = self._at(level)
        now = replace(self._single, amount_gbps=amount)
        given = replace(self._apart, amount_gbps=amount[self._single.of])
        if self._flow is None:
            return utilisation(given, limits, clock=clock, seed=seed, ranked=True)
        return with_more(given, now, self._flow, self._held, self._price, limits, clock=clock, seed=seed)

    def _allowed(self) -> float:
        """The highest level that the prices allow: they are of what all links together can carry, 1."""
        cost = self._weight * self._distance
        mine = np.flatnonzero(self.open & (cost > 0))
        left = 1.0 - float((self._held * self._distance)[~self.open].sum())
        if not len(mine):
            return np.inf
        content = self._single.amount_gbps[mine] / self._weight[mine]
        order = np.argsort(content)
        content, rate = content[order], cost[mine][order]
        paid = np.cumsum(content * rate)
        rising = rate.sum() - np.cumsum(rate)
        place = int(np.searchsorted(paid + content * rising, left, side="right"))
        if place == len(mine):
            return np.inf
        before = float(paid[place - 1]) if place else 0.0
        return max(self._level, (left - before) / float(rate[place:].sum()))


def _distances(problem: Problem, made: Commodities, price: Reals) -> Reals:
    """Of every commodity the least price from its source to its target."""
    found = np.empty(len(made.target))
    sizes = np.diff(made.start)
    each = np.repeat(np.arange(len(made.source)), sizes)
    network = problem.network
    for fence in np.unique(made.fence):
        inside = price if fence < 0 else np.where(problem.fences[fence], price, np.inf)
        sets = np.flatnonzero(made.fence == fence)
        for start in range(0, len(sets), ROWS):
            some = sets[start : start + ROWS]
            distance, _ = network.trees(inside, made.source[some])
            row = np.full(len(made.source), -1)
            row[some] = np.arange(len(some))
            mine = np.flatnonzero(row[each] >= 0)
            found[mine] = distance[row[each[mine]], made.target[mine]]
    return found


def _apart(problem: Problem) -> Ints:
    """A number for each demand, other than that of those before it with the same ends and fence."""
    key = (problem.source.astype(np.int64) * problem.nodes + problem.target) * (len(problem.fences) + 1) + problem.fence
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    numbers = np.empty(problem.demands, np.int32)
    numbers[order] = np.arange(problem.demands) - np.repeat(first, np.diff(first, append=problem.demands))
    return numbers
