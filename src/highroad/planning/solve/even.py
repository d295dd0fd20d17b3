"""The least maximum utilisation of a live network: every service carried, inside bound and fence, with its backup.

    minimise    U
    subject to  load_e <= U C_e  and  load_e + reserve_e <= C_e      for every span e
                all of every service on ways inside its bound and fence, with a disjoint backup where it is protected

    reserve_e = max over risk groups g of what stands by on e for g;  load_e is what is carried, both ways the same

    bound, for any prices y >= 0:   U >= sum_s D_s cost_y(s) / sum_e C_e y_e

The bound is over all ways, split as one likes: cost_y(s) is the least price of a way inside the fence of s, or, where
that one is too long for its bound, what latency priced besides proves of the ways inside it (`ways`). That a backup has
to exist and to fit is relaxed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from highroad.planning.solve.answer import Clock, Course, Limits, Moment, gap_of
from highroad.planning.solve.aside import aside
from highroad.planning.solve.live import Live, distinct, ragged
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.ways import Places, Ways

FIRST_SLOPE, WARM_SLOPE, STEEP = 100.0, 200.0, 400.0
FORGOTTEN = 0.03
"""Of the dearest: a span that cost nothing in a plan of before may be the fullest now."""

SWEEPS = 3
ROUNDS, IN_VAIN = 60, 8
"""So many rounds at most, and so many without progress."""

LITTLE = 0.05
"""Progress is by this share of the gap that is wanted."""

TIED = 1e-4
"""Ways of one price are told apart by latency: all of it weighs this share of the prices."""

LATE = 0.1
"""What bounds cost is looked into for all but this share of the gap."""

CHEAP = 0.05
"""Lots that pay next to nothing, together this share of the gap, are taken to pay nothing."""

MADE_ROOM, ASIDE, DEARER = 12, 4, 12.0
"""So often backups are looked for anew, and then so often ways aside; and so steeply a span is avoided that is full."""

POLISHES, POLISHED, ENOUGH = 12, 5000, 0.2
"""When services are made whole: so often are so many looked at that are on spans fuller than when split, until all are
within so much of the gap."""

STEEPER, MOST_PRICE = 300.0, 60.0
"""Prices for that: steep, as one service may be a part of a span that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Even:
    """A plan that carries every service that can be: which way each takes whole, and how near that is to the best.

    `way` is a row of `ways`, -1 where a service has none (`left`). `split` is what U is while lots may be split,
    `value` of whole services; `bound` is what neither betters.
    """

    ways: Ways
    lots: Lots
    way: Places
    left: Places
    load_gbps: Reals
    reserve_gbps: Reals
    price: Reals
    split: float
    value: float
    bound: float
    moments: tuple[Moment, ...]
    rounds: int

    @property
    def gap(self) -> float:
        """The share of the utilisation that is missing, at most, to the best."""
        return gap_of(self.value, self.bound)


def even(live: Live, limits: Limits | None = None, *, clock: Clock = lambda: 0.0, before: Even | None = None) -> Even:
    """The plan. It begins with the ways and prices of a plan `before` for the same services on the same spans, whatever
    their rates and the capacities were.
    """
    limits = limits or Limits(gap=1e-2)
    search = _Search(live, limits, clock, before)
    search.run()
    return search.plan()


class _Search:
    def __init__(self, live: Live, limits: Limits, clock: Clock, before: Even | None) -> None:
        self.course = Course(limits, clock)
        self.live, self.limits = live, limits
        self.before = before
        self.ways = Ways(live) if before is None else before.ways.of_now(live)
        if before is None:
            least, found = self.ways.cheapest(live.latency_ms)
            self.ways.add(found, live.latency_ms)
            self.ways.rescue(live.latency_ms)
            self.lots = Lots(self.ways, least, ranked=False)
        else:
            self.lots = before.lots.of_now(self.ways)
        self.capacity = live.capacity_gbps
        self.slope = Slope(capacity_gbps=self.capacity, slope=FIRST_SLOPE)
        self.tie = live.latency_ms * (TIED / max(float((live.latency_ms * self.capacity).sum()), 1e-300))
        self.value, self.bound = np.inf, 0.0
        self.price = np.zeros(live.spans)
        self.best = self.lots.flow
        self.best_way = self.lots.way
        self.best_lot = self.lots.lot
        self._load = np.zeros(live.spans)
        self.rounds = 0
        self.stays = False

    def run(self) -> None:
        lots, slope, capacity = self.lots, self.slope, self.capacity
        lots.offer()
        some = np.diff(lots.first) > 0
        if self.before is None:
            lots.flow[lots.first[:-1][some]] = lots.gbps[some]
        else:
            lots.flow = lots.carried(self.before.way)
            most = max(float(self.before.price.max(initial=0.0)), 1e-300)
            slope.warm(np.maximum(self.before.price / most, FORGOTTEN), WARM_SLOPE)
        if not some.any():
            self.value = 0.0
            return
        if self.before is not None and self._still(self.before):
            return
        regret, left, vain = 1.0, np.inf, 0
        while self.rounds < ROUNDS:
            self.course.sweeps()
            self.rounds += 1
            y = self._sweep(regret)
            used = slope.unit
            if used < self.value:
                self.value, self.best, self.best_way, self.best_lot = used, lots.flow, lots.way, lots.lot
            proven = self._look(y)
            bias = 1.0 - float((y * self._load).sum()) / (float((y * capacity).sum()) * used)
            regret = max(0.0, 1.0 - proven / used - bias)
            self.course.tell(self.value, self.bound)
            if self.value - self.bound <= 0.5 * self.limits.gap * self.value or self.course.is_late():
                return
            if self.value - self.bound < left - LITTLE * self.limits.gap * self.value:
                left, vain = self.value - self.bound, 0
            vain += 1
            if (vain > IN_VAIN and self.value - self.bound <= self.limits.gap * self.value) or vain > 2 * IN_VAIN:
                return

    def _still(self, before: Even) -> bool:
        """Whether the plan of before is near enough to the best as it is: then nobody moves."""
        load = self.lots.loads()
        self.value = float((load / self.capacity).max())
        if not before.price.any() or (load + before.reserve_gbps > self.capacity).any():
            return False
        self._look(before.price / float((before.price * self.capacity).sum()))
        self.stays = self.value - self.bound <= self.limits.gap * self.value
        self.course.tell(self.value, self.bound)
        if not self.stays:
            self.best, self.best_way, self.best_lot = self.lots.flow, self.lots.way, self.lots.lot
        return self.stays

    @property
    def _wide(self) -> float:
        """How far value and bound are apart: what counts next to nothing beside it can be looked into later."""
        return max(self.limits.gap, 1.0 - self.bound / self.value)

    def _sweep(self, regret: float) -> Reals:
        """Move flow at prices a few times; returns prices for the next look, in units in which capacity costs 1."""
        lots, slope, capacity = self.lots, self.slope, self.capacity
        flows = lots.flows(np.full(len(lots), np.inf))
        slope.unit = float((flows.load / capacity).max())
        for _ in range(SWEEPS):
            moved, _ = flows.sweep(
                slope.weight, slope.slope, slope.unit, slope.tolerance, slope.sweeps, self.limits.threads
            )
            load = flows.load
            used = float((load / capacity).max())
            price = slope.at(load)
            full = float((price * capacity).sum()) * used
            bias = 1.0 - float((price * load).sum()) / full
            slope.swept(price / price.max(), max(regret, moved / full), bias)
            slope.slope = min(slope.slope, STEEP)
            slope.unit = used
        lots.flow, self._load = flows.flow, flows.load
        y = slope.mean
        return y / float((y * capacity).sum())

    def _look(self, y: Reals) -> float:
        """What prices prove, and the ways that they ask for."""
        lots, ways = self.lots, self.ways
        price = y + self.tie
        total = float((price * self.capacity).sum())
        paid, _ = lots.paid(price)
        owed = lots.gbps * np.where(np.isfinite(paid), paid, 0.0)
        most = np.argsort(-owed)
        little = owed.sum() - owed[most].cumsum() <= CHEAP * self._wide * self.value * total
        some = most[: int(np.argmax(little)) + 1]
        some = some[owed[some] > 0]
        rows = distinct(lots.family[some])
        cost = np.zeros(ways.families)
        cost[rows], found = ways.cheapest(price, rows)
        least = np.zeros(len(lots))
        least[some] = cost[lots.family[some]]
        latency = np.zeros(ways.families)
        latency[found.family] = found.sums(self.live.latency_ms)
        cheaper = np.zeros(ways.families, np.bool_)
        cheaper[lots.family[some[least[some] < paid[some] * (1 - 1e-3)]]] = True
        ways.add(found.only(cheaper[found.family]), price)
        least = self._late(price, total, paid, least, cost, latency)
        proven = float((lots.gbps[some] * least[some]).sum()) / total
        if proven > self.bound:
            self.bound, self.price = proven, price / total
        lots.offer()
        return proven

    def _late(self, price: Reals, total: float, paid: Reals, least: Reals, cost: Reals, latency: Reals) -> Reals:
        """What lots cost at least whose family's cheapest way is too long for them."""
        lots, ways = self.lots, self.ways
        late = (least > 0) & (latency[lots.family] > lots.low_ms * (1 + 1e-9))
        late &= np.isfinite(paid)
        loss = np.zeros(len(lots))
        loss[late] = lots.gbps[late] * (paid[late] - least[late])
        order = np.argsort(-loss)
        little = loss.sum() - loss[order].cumsum() <= LATE * self._wide * total * self.value
        some = order[: int(np.argmax(little)) + 1]
        some = some[loss[some] > 0]
        if not len(some):
            return least
        families = distinct(lots.family[some])
        costs, found = ways.dearer(price, families, cost[families], latency[families])
        ways.add(found, price)
        least = least.copy()
        place = np.searchsorted(families, lots.family[some])
        for rate, then in costs:
            fits = np.isfinite(lots.high_ms[some])
            proven = then[place] - rate * np.where(fits, lots.high_ms[some], 0.0)
            least[some] = np.where(fits, np.maximum(least[some], proven), least[some])
        return least

    def plan(self) -> Even:
        """Whole services on the ways of the best."""
        live, ways, lots = self.live, self.ways, self.lots
        if self.before is not None and self.stays:
            way = self.before.way.copy()
        else:
            way = whole(live, lots, self.best_lot, self.best_way, self.best)
            _fastest(live, ways, way)
            _polish(self, way)
        load, reserve = _make_room(self, way)
        return Even(
            ways=ways,
            lots=lots,
            way=way,
            left=np.flatnonzero(way < 0),
            load_gbps=load,
            reserve_gbps=reserve,
            price=self.price,
            split=float(self.value),
            value=float((load / self.capacity).max(initial=0.0)),
            bound=self.bound,
            moments=tuple(self.course.moments),
            rounds=self.rounds,
        )


def _fastest(live: Live, ways: Ways, way: Places) -> None:
    """Who has no way yet, because its lot is held to a tighter bound than its own, takes the fastest there is."""
    if not len(ways):
        return
    order = np.lexsort((-ways.latency_ms, ways.family))
    fastest = np.full(ways.families, -1, np.int64)
    fastest[ways.family[order]] = order
    out = np.flatnonzero(way < 0)
    found = fastest[ways.of[out]]
    fits = (found >= 0) & (ways.latency_ms[np.maximum(found, 0)] <= live.bound_ms[out] * (1 + 1e-9))
    way[out[fits]] = found[fits]


def _polish(search: _Search, way: Places) -> None:
    """Services on spans that are fuller than where they are split, or nearly so, take another of their ways where that
    makes the sum of steep prices less: one after the other, the largest first, again and again.
    """
    live, ways, lots = search.live, search.ways, search.lots
    if not (way >= 0).any():
        return
    full = (search.capacity * search.value).tolist()
    enough = 1 + ENOUGH * search.limits.gap
    choices = np.diff(lots.first)[lots.of] > 1
    for _ in range(POLISHES):
        held = np.flatnonzero(way >= 0)
        first, places = ragged(ways.start, way[held])
        on, who = ways.span[places], np.repeat(held, np.diff(first))
        load = np.bincount(on, live.gbps[who], live.spans) / np.array(full)
        if load.max() <= enough:
            return
        near = distinct(who[(load[on] > 1.0) & choices[who]])
        near = near[np.argsort(-live.gbps[near])][:POLISHED]
        spans = _Spans(load.tolist(), full)
        changed = [_change(live, ways, lots, spans, way, service) for service in near.tolist()]
        if not any(changed):
            return


class _Spans:
    """How full spans are, and what that costs."""

    def __init__(self, load: list[float], full: list[float]) -> None:
        self.load, self.full = load, full

    def cost(self, spans: list[int], gbps: float) -> float:
        """By how much the sum of prices rises with so much more."""
        total = 0.0
        for span in spans:
            now = self.load[span]
            total += _price(now + gbps / self.full[span]) - _price(now)
        return total

    def put(self, spans: list[int], gbps: float) -> None:
        """Carry so much more."""
        for span in spans:
            self.load[span] += gbps / self.full[span]


def _price(load: float) -> float:
    return math.exp(min(MOST_PRICE, STEEPER * (load - 1.0)))


def _change(live: Live, ways: Ways, lots: Lots, spans: _Spans, way: Places, service: int) -> bool:
    """One service takes the cheapest of its ways, if that is another."""
    lot, rate, now = int(lots.of[service]), float(live.gbps[service]), int(way[service])
    own = ways.span[ways.start[now] : ways.start[now + 1]].tolist()
    spans.put(own, -rate)
    best, least = now, spans.cost(own, rate) * (1 - 1e-9)
    chosen = own
    for other in lots.way[lots.first[lot] : lots.first[lot + 1]].tolist():
        then = ways.span[ways.start[other] : ways.start[other + 1]].tolist()
        cost = spans.cost(then, rate)
        if cost < least:
            best, least, chosen = other, cost, then
    spans.put(chosen, rate)
    way[service] = best
    return best != now


def _make_room(search: _Search, way: Places) -> tuple[Reals, Reals]:
    """Where a span has too little room for its reserve beside its load, backups go elsewhere, and where that is not
    enough, services do; loads and reserve.
    """
    live, ways = search.live, search.ways
    load, reserve = np.zeros(live.spans), np.zeros(live.spans)
    for last in range(MADE_ROOM + ASIDE + 1):
        held = np.flatnonzero(way >= 0)
        first, places = ragged(ways.start, way[held])
        load = np.bincount(ways.span[places], np.repeat(live.gbps[held], np.diff(first)), live.spans).astype(np.float64)
        reserve = ways.reserve(way[held], live.gbps[held])
        over = load + reserve > search.capacity
        if last == MADE_ROOM + ASIDE or not over.any():
            break
        price = live.latency_ms * (1.0 + ((load + reserve) / search.capacity) ** DEARER)
        if last >= MADE_ROOM:
            if not aside(live, search.lots, way, load, reserve, price):
                break
            continue
        first, places = ragged(ways.backup_start, way[held])
        there = distinct(np.repeat(held, np.diff(first))[over[ways.backup[places]]])
        there = there[:: 2 if len(there) > 1 else 1]
        asked = distinct(way[there])
        if not len(asked):
            break
        at = ways.again(asked, price)
        then = at[np.searchsorted(asked, way[there])]
        bound = live.bound_ms[there] * (1 + 1e-9)
        fits = (then >= 0) & (ways.latency_ms[np.maximum(then, 0)] <= bound)
        way[there[fits]] = then[fits]
    return load, reserve


def whole(live: Live, lots: Lots, lot: Places, way: Places, flow: Reals) -> Places:
    """The way of each service, whole, so that lots are split as a plan has it as nearly as may be; -1 for what is not
    carried: services of a lot are laid end to end, and each goes where its middle is.
    """
    order = np.argsort(lots.of, kind="stable")
    gbps = live.gbps[order]
    ends = gbps.cumsum()
    begin = np.searchsorted(lots.of[order], np.arange(len(lots)))
    before = np.append(0.0, ends)[begin]
    middle = ends - gbps / 2 - before[lots.of[order]]
    chosen = np.full(live.services, -1, np.int64)
    if not len(way):
        return chosen
    filled = flow.cumsum()
    start = np.searchsorted(lot, np.arange(len(lots) + 1))
    base = np.append(0.0, filled)[start]
    carried = base[1:] - base[:-1]
    mine = lots.of[order]
    at = np.minimum(middle, np.inf)
    place = np.searchsorted(filled, base[mine] + at, "right")
    inside = (at < carried[mine] * (1 + 1e-9)) & (carried[mine] > 0)
    last = np.maximum(start[mine + 1] - 1, 0)
    place = np.minimum(place, last)
    chosen[order[inside]] = way[place[inside]]
    return chosen
