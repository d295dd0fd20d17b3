"""Max-min shares of more demands than an exact basis can follow: from one full link to the next, by prices.

From above: at the level that the last prices allow (`maxmin`) the least maximum utilisation is found, and with it new
prices, until it is 1. Whoever is at a distance above 0 then crosses what is full. Bottlenecks that are within
`TOLERANCE` are one, and prices of what is not quite full hold a few demands too early.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from highroad.planning.solve.answer import Answer, Clock, Limits
from highroad.planning.solve.problem import Commodities, Flags, Problem, Reals
from highroad.planning.solve.shared import utilisation, with_more

TOLERANCE, GAP = 1e-3, 3e-4
"""Links count as full when the fullest is over 1 by no more than this; in the end all is scaled so that it fits."""

FAR = 0.1
"""Who is at this share of the greatest distance or more crosses what is full; nearer may be what prices do not know."""

STEEP = 60.0
"""Of prices by load."""

NEXT, WIDEST = 1.05, 2.0
"""Where nothing is known of the next bottleneck it is looked for this much higher, and then further."""

ROWS = 256


class Rise:
    """How far all have risen: who still does, what the others have, and the last plan, which fits."""

    def __init__(self, apart: Problem, single: Commodities, weight: Reals, together: Answer) -> None:
        self.open = np.ones(len(single.target), np.bool_)
        self._apart, self._single, self._weight, self._together = apart, single, weight, together
        self.stopped = False
        self.price = together.price
        self._held = np.zeros(len(single.target))
        self._level = 0.0
        self._flow: Reals | None = None
        self._distance = distances(apart, single, together.price)
        self._wider = np.inf

    def step(self, limits: Limits, clock: Clock, seed: int) -> None:
        """To the next bottleneck, or nearer to it: from below, or from above as soon as prices know it."""
        allowed = self._allowed()
        content = float((self._single.amount_gbps / self._weight)[self.open].max())
        level = min(allowed, content, self._level * self._wider if self._level > 0 else np.inf)
        answer = self._plan(level, limits, clock, seed)
        if answer.value > 1.0 + TOLERANCE:
            self._distance = distances(self._apart, self._single, answer.price)
            self._wider = np.inf
            if not self._allowed() < level:  # time was up: what is known does not bring it down
                self.stopped = True
            return
        over = max(1.0, answer.value)
        self._flow, self.price = answer.flows.flow / over, answer.price
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
        return with_more(given, now, self._flow, self._held, self.price, limits, clock=clock, seed=seed)

    def _allowed(self) -> float:
        single = self._single
        return max(self._level, allowed(single, self._weight, self._held, self.open, self._distance))


def allowed(single: Commodities, weight: Reals, held: Reals, rising: Flags, distance: Reals) -> float:
    """The highest level that prices allow those who rise, where others have what is `held`: `distance` is of every
    commodity, at prices at which all links together can carry 1.
    """
    cost = weight * distance
    mine = np.flatnonzero(rising & (cost > 0))
    left = 1.0 - float((held * distance)[~rising].sum())
    if not len(mine):
        return np.inf
    content = single.amount_gbps[mine] / weight[mine]
    order = np.argsort(content)
    content, rate = content[order], cost[mine][order]
    paid = np.cumsum(content * rate)
    more = rate.sum() - np.cumsum(rate)
    place = int(np.searchsorted(paid + content * more, left, side="right"))
    if place == len(mine):
        return np.inf
    before = float(paid[place - 1]) if place else 0.0
    return max(0.0, (left - before) / float(rate[place:].sum()))


def highest(
    problem: Problem, single: Commodities, weight: Reals, held: Reals, rising: Flags, load: Reals, price: Reals
) -> float:
    """What no level of those who rise betters where nobody else gets less: by the prices of before, and by such as rise
    with the load.
    """
    capacity = problem.capacity_gbps
    found = float((single.amount_gbps / weight)[rising].max(initial=0.0))
    for one in (price, np.exp(STEEP * (load / capacity - 1.0)), 1.0 / capacity):
        paid = float((one * capacity).sum())
        if paid > 0:
            found = min(found, allowed(single, weight, held, rising, distances(problem, single, one / paid)))
    return found


def distances(problem: Problem, made: Commodities, price: Reals) -> Reals:
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
