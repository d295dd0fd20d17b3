"""Demands one way each, on ways inside their bounds of latency and fences, with backups: the most, or the most even.

    maximise    sum_d worth_d x_d       0 <= x_d <= D_d        or    minimise U with x_d = D_d
    subject to  load_e + max_g R_eg <= C_e   (or U C_e)        for every link e

R_eg is what stands by on e for risk group g (`standing`); who is not protected has no backup. Traffic is split over any
number of ways. For any prices y >= 0 (of rows, with Y_e what a unit of link e costs at them):

    total   sum_e C_e Y_e + sum_d D_d max(0, worth_d - cost_d)          share   U >= sum_d D_d cost_d / sum_e C_e Y_e

Of all that is asked from one node to one other no more counts in a total than the links out of the one have, or those
into the other. cost_d is the least price of a way of d inside its fence and its bound; where ways inside bounds are too
many to look at them all, what latency priced besides proves of them (`ways`), which may be less; for whoever is
protected no less than `standing.lone` adds up. That one and the same backup has to do for all groups that take a way
down is relaxed.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Clock, Course, Limits, Moment, Progress, gap_of
from highroad.planning.solve.ends import Ends
from highroad.planning.solve.few import Paths
from highroad.planning.solve.live import Live, distinct, ragged
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Commodities, Flags, Problem, Reals, shared_out
from highroad.planning.solve.slope import STEEPEST, Slope
from highroad.planning.solve.standing import FIRST_PART, Standing
from highroad.planning.solve.total import ROUNDED
from highroad.planning.solve.ways import Places, Ways

TOTAL_SLOPE, SHARE_SLOPE, STEEP = 15.0, 20.0, 400.0
SWEEPS = 4
ROUNDS, IN_VAIN = 150, 25
"""So many rounds at most, and so many in which value and bound come no nearer by a twentieth of the gap."""

TIED = 1e-6
"""Ways of one price are told apart by latency: all of it weighs this share of the prices."""

CREEPS, LEAST = 0.5, 1e-5
"""Multipliers that wait go on as slowly as that, and none is less: two ways that cost nothing would take turns."""

LONG = 12
"""After so many sweeps prices are remembered, though most of what is asked for may stay away: then the regret is large
until they have come to it.
"""

SEEN = 1e-3
"""What a row that is new costs, as a share of the dearest: so that its price can rise."""

OFTEN = 1.5
"""A plan on the way is kept after so many times as many rounds as the one before."""

LOOKED = 0.05
"""Of the gap that is wanted: of those who pay so little together, no bound of latency is looked into."""

REACH, FARTHER, FARTHEST = 2_000_000, 2, 10**12
"""The cheapest ways inside bounds are looked for one by one in a round for so many nodes and links in all, those first
that matter most; for so many times as many in the next, where value and bound come no nearer. What those cost who are
left is proven from trees for all of them.
"""

FIRST_FEW = 16
"""So many are looked into before it is asked whether there is time for twice as many more, and so on."""

APART = 20_000
"""Of so many demands each bound is kept to and proven as it is; of more, bounds that differ little are put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A plan on ways: what each path of every lot carries. `commodities` has a commodity for each lot.

    `paths` are rows of links (in any order); `way` says which of `ways` each is, where its backup is. `price` is that
    of links, `by_group` the part of it that each risk group has (-1: nothing has failed) where anybody is protected.
    `least` is what a Gbit/s of each lot costs at these prices at least, where not all has to be carried. `ends` is what
    a Gbit/s more on a link adds to the bound besides its price, as no more of a demand counts than the links at its
    ends have. `before` are plans that there were on the way, that without any time first: they are on
    fewer ways, and may lose less on few.
    """

    problem: Problem
    commodities: Commodities
    ways: Ways
    standing: Standing
    paths: Paths
    way: Places
    flow_gbps: Reals
    served_gbps: Reals
    load_gbps: Reals
    reserve_gbps: Reals
    price: Reals
    least: Reals
    ends: Reals
    by_group: tuple[tuple[int, Reals], ...]
    value: float
    bound: float
    moments: tuple[Moment, ...]
    sweeps: int
    before: tuple[Routed, ...] = ()

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best."""
        return gap_of(self.value, self.bound)


class Begun:
    """What is known of the demands of a network before any search, and the ways that searches find: they share them."""

    def __init__(self, live: Live, *, ranked: bool) -> None:
        self.ways = Ways(live)
        least, found = self.ways.cheapest(live.latency_ms)
        self.ways.add(found, live.latency_ms)
        self.ways.rescue(live.latency_ms)
        self.lots = Lots(self.ways, least, ranked=ranked, apart=live.services <= APART)
        self.standing = Standing(self.ways)


def most(
    problem: Problem,
    live: Live,
    limits: Limits | None = None,
    *,
    worth: Reals | None = None,
    price: Reals | None = None,
    later: Callable[[], Reals | None] | None = None,
    begun: Begun | None = None,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
) -> Routed:
    """The most that is carried; `worth` is by rank, and ranks are told apart where it is given. `price` is that of
    links in a plan without bounds and backups: what it proves is proven, as of those that come `later`, after a first
    plan (None: there is no time). `begun` is of the same demands, and of a search before this one: no less is carried
    than what that one left.
    """
    course = Course(limits or Limits(), clock, progress)
    begun = begun or Begun(live, ranked=worth is not None)
    search = _Search(begun, limits or Limits(), course, must=False, worth=worth, price=price)
    return search.run(problem, later)


def evenest(
    problem: Problem,
    live: Live,
    limits: Limits | None = None,
    *,
    price: Reals | None = None,
    later: Callable[[], Reals | None] | None = None,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
) -> Routed:
    """The least U at which all is carried, and what is kept for backups counted. `price` and `later` as above."""
    course = Course(limits or Limits(), clock, progress)
    search = _Search(Begun(live, ranked=False), limits or Limits(), course, must=True, worth=None, price=price)
    return search.run(problem, later)


class _Search:
    def __init__(
        self,
        begun: Begun,
        limits: Limits,
        course: Course,
        *,
        must: bool,
        worth: Reals | None,
        price: Reals | None,
    ) -> None:
        self.course, self.limits, self.must = course, limits, must
        self.ways, self.lots, self.standing = begun.ways, begun.lots, begun.standing
        self.live = live = self.ways.live
        self.worth = np.ones(len(self.lots)) if worth is None else worth[self.lots.rank]
        self.ends = Ends(self.lots)
        self.asked = self.lots.gbps if must else np.minimum(self.lots.gbps, self.ends.most_gbps)
        self.whole = float((self.asked * self.worth).sum()) if must else self.ends.earned(self.worth)
        self.slope = Slope(capacity_gbps=self.standing.capacity(), slope=SHARE_SLOPE if must else TOTAL_SLOPE, far=LONG)
        self.slope.weight[live.spans :] = SEEN
        if not must and not self.standing.guarded:
            self.slope.falls, self.slope.creeps, self.slope.least = STEEPEST, CREEPS, LEAST
        self.value = np.inf if must else -1.0
        self.bound = 0.0 if must else self.whole
        self.price = np.zeros(live.spans)
        self.by_group: list[tuple[int, Reals]] = []
        self.reach = REACH
        self.least: Reals = np.zeros(len(self.lots))
        self.tie = live.latency_ms * (TIED / max(float((live.latency_ms * live.capacity_gbps).sum()), 1e-300))
        self.best, self.best_of = self.lots.flow, 0
        self.begin = price if price is not None and price.any() else None

    def run(self, problem: Problem, later: Callable[[], Reals | None] | None) -> Routed:
        """The best that there is when the gap is proven, nothing gets better, or time is up."""
        self._offer()
        if not self.whole > 0:
            self.value = self.bound = 0.0
            return self._plan(problem, self.lots.flow)
        if self.begin is not None:
            self._begin(self.begin)
        self.best, self.best_of = self.lots.flow, len(self.ways)
        if self.lots.flow.any():  # of the search before, and of what there is room for besides
            filled = self._flows()
            filled.fit(np.zeros(self.standing.rows))
            self._keep(filled.flow, filled.load)
            self.lots.flow = np.zeros_like(self.lots.flow)
            self.standing.part = np.where(self.standing.part > 0, FIRST_PART, 0.0)
            self.slope.capacity_gbps = self.standing.capacity()
        if self.must:
            some = np.diff(self.lots.first) > 0
            self.lots.flow[self.lots.first[:-1][some]] = self.asked[some]
        regret, near, vain, rounds, kept = 1.0, np.inf, 0, 0, 1
        before: list[Routed] = []
        while rounds < ROUNDS:
            self.course.sweeps()
            rounds += 1
            regret = self._round(regret)
            self.course.tell(self.value if self.must else max(0.0, self.value), self.bound)
            if self._done():
                break
            late = self.course.is_late()
            if rounds == 1 and later is not None and (price := later()) is not None:
                self._begin(price)
                self.course.tell(self.value if self.must else max(0.0, self.value), self.bound)
            if late:
                break
            if rounds >= kept:
                kept = max(kept + 1, int(OFTEN * kept))
                now = self._plan(problem, self.lots.kept(self.best, self.best_of))
                before.append(replace(now, standing=copy(self.standing)))
            left = abs(self.bound - self.value) / max(self.bound, self.value)
            vain = 0 if left < near * (1 - LOOKED) else vain + 1
            self.reach = REACH if not vain else min(self.reach * FARTHER, FARTHEST)
            near = min(near, left)
            if vain > IN_VAIN:
                break
        self.lots.flow = self.lots.kept(self.best, self.best_of)
        return replace(self._plan(problem, self.lots.flow), before=tuple(before))

    def _done(self) -> bool:
        return abs(self.bound - self.value) <= self.limits.gap * max(self.bound, self.value)

    def _begin(self, price: Reals) -> None:
        """At prices of links: what they prove, and the ways that they ask for."""
        rows = np.zeros(self.standing.rows)
        rows[: self.live.spans] = price
        self._look(rows)
        self._offer()

    def _offer(self) -> None:
        self.lots.offer()
        moved = self.standing.take_in()
        capacity = self.standing.capacity()
        slope = self.slope
        if moved is not None:
            new = moved < 0
            seen = SEEN * float(slope.weight.max(initial=1.0))
            slope.weight = np.where(new, seen, slope.weight[np.maximum(moved, 0)])
            slope.prices = [np.where(new, 0.0, one[np.maximum(moved, 0)]) for one in slope.prices]
        slope.capacity_gbps = capacity

    def _flows(self) -> _kernels.PathFlows:
        lots, standing = self.lots, self.standing
        worth = np.full(len(lots), np.inf) if self.must else self.worth
        amount = np.where(np.diff(lots.first) > 0, self.asked, 0.0)
        made = _kernels.PathFlows(
            standing.capacity(), amount, worth, lots.first, standing.start, standing.row, lots.way
        )
        made.set(lots.flow)
        return made

    def _round(self, regret: float) -> float:
        """Some sweeps at prices, what fits, and a look at what prices prove."""
        slope, lots, threads = self.slope, self.lots, self.limits.threads
        flows, capacity = self._flows(), slope.capacity_gbps
        bias = 0.0
        if self.must:
            slope.unit = float((flows.load / capacity).max())
        for _ in range(SWEEPS):
            moved, _ = flows.sweep(slope.weight, slope.slope, slope.unit, slope.tolerance, slope.sweeps, threads)
            load = flows.load
            price = slope.at(load)
            if self.must:
                used = float((load / capacity).max())
                full = float((price * capacity).sum()) * used
                bias = 1.0 - float((price * load).sum()) / full
                slope.swept(price / price.max(), max(regret, moved / full), bias)
                slope.slope, slope.unit = min(slope.slope, STEEP), used
                self._keep(flows.flow, load)
            else:
                bias = float((price * (capacity - load)).sum()) / self.whole
                lost = max(regret, max(0.0, moved) / self.whole)
                slope.swept(price, lost, abs(bias), pressed=slope.pressed(load))
        lots.flow = flows.flow
        carried = 0.0 if self.must else float((lots.flow * self.worth[lots.lot]).sum())
        if not self.must:
            fitted = flows.copy()
            fitted.fit(np.minimum(slope.mean, self.worth.max()))
            self._keep(fitted.flow, fitted.load)
        mean = slope.mean
        proven = self._look(mean if self.must else np.minimum(mean, self.worth.max()))
        self.standing.follow(mean, flows.load)
        self._offer()
        if self.must:
            return max(0.0, 1.0 - proven / slope.unit - bias)
        return max(0.0, (proven - carried) / self.whole - abs(bias))

    def _keep(self, flow: Reals, load: Reals) -> None:
        """What was found, if it is the best so far."""
        lots = self.lots
        full = float(self.standing.fullest(load).max(initial=0.0))
        if self.must:
            better, value = full < self.value, full
        else:
            value = float((flow * self.worth[lots.lot]).sum())
            better = value > self.value and full <= ROUNDED
        if better:
            self.value, self.best, self.best_of = value, flow, len(self.ways)

    def _look(self, rows: Reals) -> float:
        """What prices of rows prove, and the ways that they ask for."""
        lots, ways, standing, live = self.lots, self.ways, self.standing, self.live
        scale = float((standing.of_links(rows) * live.capacity_gbps).sum())
        if not scale > 0:
            return 0.0 if self.must else self.whole
        rows = standing.levelled(rows)
        rows[: live.spans] += self.tie * scale
        price, aside = standing.of_links(rows), standing.aside(rows) + self.tie * scale
        total = float((price * live.capacity_gbps).sum())
        cost, found = ways.cheapest(price)
        latency = np.zeros(ways.families)
        latency[found.family] = found.sums(live.latency_ms)
        least, paid = cost[lots.family], self._paid(rows)
        wanted = np.isfinite(least) & (self.asked > 0) & ((least < self.worth) | self.must)
        asks = np.zeros(ways.families, np.bool_)
        asks[lots.family[wanted & (least < paid * (1 - 1e-4))]] = True
        ways.add(found.only(asks[found.family]), aside)
        least = self._late(price, least, latency, paid, wanted, aside)
        groups: list[tuple[int, Reals]] = []
        if standing.guarded:
            groups = standing.by_group(rows)
            guarded = np.flatnonzero(ways.protected[lots.family] & (self.asked > 0))
            least[guarded] = np.maximum(least[guarded], standing.lone(groups, lots, guarded, self.reach))
        least = np.where(np.isfinite(least), np.maximum(least, 0.0), 0.0)
        if self.must:
            bound = float((self.asked * least).sum()) / total
            if bound > self.bound:
                self.bound, self.price = bound, price / total
                self.by_group = [(group, one / total) for group, one in groups]
            return bound
        bound = total + self.ends.earned(self.worth - least)
        if bound < self.bound:
            self.bound, self.price, self.by_group = bound, price, groups
            self.least = least
        return bound

    def _paid(self, rows: Reals) -> Reals:
        """What the cheapest way that is offered costs each lot, its backup counted."""
        standing, lots = self.standing, self.lots
        each = np.concatenate((np.zeros(1), rows[standing.row].cumsum()))
        cost = (each[standing.start[1:]] - each[standing.start[:-1]])[lots.way]
        paid = np.full(len(lots), np.inf)
        some = np.diff(lots.first) > 0
        if some.any():
            paid[some] = np.minimum.reduceat(cost, lots.first[:-1][some])
        return paid

    def _late(self, price: Reals, least: Reals, latency: Reals, paid: Reals, wanted: Flags, aside: Reals) -> Reals:
        """What lots cost at least whose family's cheapest way is too long for them."""
        lots, ways, live = self.lots, self.ways, self.live
        late = wanted & (latency[lots.family] > lots.low_ms * (1 + 1e-9))
        if not late.any():
            return least
        limit = np.full(len(lots), np.inf) if self.must else self.worth
        scale = self.whole if not self.must else float((self.asked * np.where(np.isfinite(paid), paid, 0.0)).sum())
        some = self._dearest(late, np.minimum(paid, limit) - least, scale)
        if not len(some):
            return least
        least = least.copy()
        most = 1 + int(self.reach / (live.nodes + len(price)))
        if len(some) > most:  # latency is worth about what it takes to make the next way fast enough the cheapest
            families = distinct(lots.family[some])
            saved = np.minimum(paid[some], limit[some]) - least[some]
            excess = latency[lots.family[some]] - lots.low_ms[some]
            costs, found = ways.dearer(price, families, np.where(np.isfinite(saved), saved, 0.0), excess)
            ways.add(found, aside)
            place = np.searchsorted(families, lots.family[some])
            for rate, then in costs:
                fits = np.isfinite(lots.high_ms[some])
                proven = then[place] - rate * np.where(fits, lots.high_ms[some], 0.0)
                least[some] = np.where(fits, np.maximum(least[some], proven), least[some])
            some = self._dearest(late, np.minimum(paid, limit) - least, scale)[:most]
        begin, count = 0, FIRST_FEW
        while begin < len(some) and not self.course.is_over:  # who is left is proven less of
            now = some[begin : begin + count]
            cost, found = lots.within(price, now, limit[now])
            least[now] = np.maximum(least[now], cost)
            ways.add(found, aside)
            begin, count = begin + count, 2 * count
        return least

    def _dearest(self, late: Flags, more: Reals, scale: float) -> Places:
        """Those of some lots that matter most where each Gbit/s of them may cost so much more, but for a little."""
        loss = np.zeros(len(late))
        loss[late] = self.asked[late] * more[late]
        loss = np.where(np.isfinite(loss), loss, 0.0)
        order = np.argsort(-loss)
        little = loss.sum() - loss[order].cumsum() <= LOOKED * self.limits.gap * scale
        some = order[: int(np.argmax(little)) + 1]
        return some[loss[some] > 0]

    def _plan(self, problem: Problem, flow: Reals) -> Routed:
        """The plan in which paths that are offered carry so much, with what is proven by now."""
        lots, standing, live = self.lots, self.standing, self.live
        served = np.bincount(lots.lot, flow, len(lots)).astype(np.float64)
        made = _as_commodities(problem, lots)
        start, places = ragged(standing.start, lots.way)
        load = np.bincount(standing.row[places], np.repeat(flow, np.diff(start)), standing.rows).astype(np.float64)
        start, places = ragged(self.ways.start, lots.way)
        paths = Paths(first=lots.first, start=start, link=self.ways.span[places])
        return Routed(
            problem=problem,
            commodities=made,
            ways=self.ways,
            standing=standing,
            paths=paths,
            way=lots.way,
            flow_gbps=flow,
            served_gbps=shared_out(problem, made, served),
            load_gbps=load[: live.spans],
            reserve_gbps=standing.kept(load),
            price=self.price,
            least=self.least,
            ends=np.zeros(live.spans) if self.must else self.ends.worth(self.worth - self.least),
            by_group=tuple(self.by_group),
            value=float(self.value),
            bound=float(self.bound),
            moments=tuple(self.course.moments),
            sweeps=self.slope.sweeps,
        )


def _as_commodities(problem: Problem, lots: Lots) -> Commodities:
    """A commodity for each lot, each in a set of its own."""
    ways, count = lots.ways, len(lots)
    return Commodities(
        source=ways.source[lots.family].astype(np.int32),
        fence=ways.fence[lots.family].astype(np.int32),
        rank=lots.rank,
        start=np.arange(count + 1, dtype=np.int64),
        target=ways.target[lots.family].astype(np.int32),
        amount_gbps=np.bincount(lots.of, problem.amount_gbps, count).astype(np.float64),
        of=lots.of,
    )
