"""Where not everything fits, as after failures: the most of the first class, then of the second, and so on.

    stage r:  maximise  sum_{k <= r} w_k x_k     x_k: what services of rank k get;  loads <= C

As in `classes`, with the weights and the bounds of cumulative classes of `ratios`. What is lost now counts more than
what could be lost next: nothing is kept in reserve for backups, and the protected go one way. The bound of a stage, at
prices y >= 0:

    sum_e C_e y_e + sum_s D_s max(0, worth_s - cost_y(s))

over all ways inside fence and bound, split as one likes, with cost_y as in `even`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Clock, Course, Limits
from highroad.planning.solve.classes import Cumulative
from highroad.planning.solve.even import TIED, whole
from highroad.planning.solve.live import Live, distinct, ragged
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.ratios import Ratios, better, bound_of
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.total import ROUNDED
from highroad.planning.solve.ways import Places, Ways

PRIORITY = 4.0
AGAIN = 4
"""A stage is gone through again so many times at most, each time a class short has PRIORITY times its ratio."""

FIRST_SLOPE, WARM_SLOPE = 15.0, 60.0
SWEEPS = 4
ROUNDS = 24
NEARER = 0.5
"""Of the gap that is wanted: the rest is for what whole services lose."""

LATE, CHEAP = 0.1, 0.05
"""What bounds cost is looked into for all but this share of the gap; lots that pay next to nothing, together this share
of it, are taken to pay nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overloaded:
    """Who is carried: `way` is a row of `ways`, -1 for who is not. `classes` are what each cumulative class gets in
    Gbit/s one way, of whole services, and `split` what it would get where services may be split.
    """

    ways: Ways
    way: Places
    load_gbps: Reals
    classes: tuple[Cumulative, ...]
    split: tuple[Cumulative, ...]
    rounds: int


def overload(live: Live, limits: Limits | None = None, *, clock: Clock = lambda: 0.0) -> Overloaded:
    """The plan by classes, each stage with its share of the time that there is."""
    limits = limits or Limits(gap=1e-2)
    live = replace(live, protected=np.zeros(live.services, np.bool_))
    ways = Ways(live)
    least, found = ways.cheapest(live.latency_ms)
    ways.add(found, live.latency_ms)
    lots = Lots(ways, least, ranked=True)
    lots.offer()
    ranks = np.unique(live.rank).tolist()
    stages = _Stages(lots, ranks, limits, clock)
    for number in range(len(ranks)):
        stages.go_through(number)
    shares = stages.sums()
    way = whole(live, lots, lots.lot, lots.way, lots.flow)
    load = _fitted(live, ways, lots, way)
    carried = [float(live.gbps[(way >= 0) & (live.rank <= rank)].sum()) for rank in ranks]
    asked_for = [float(live.gbps[live.rank <= rank].sum()) for rank in ranks]
    return Overloaded(
        ways=ways,
        way=way,
        load_gbps=load,
        classes=stages.cumulative(carried, asked_for),
        split=stages.cumulative(shares, asked_for),
        rounds=stages.rounds,
    )


class _Stages:
    """One stage after the other: what each proves, and in the lots the plan so far."""

    def __init__(self, lots: Lots, ranks: list[int], limits: Limits, clock: Clock) -> None:
        self.rounds = 0
        self._lots, self._ranks, self._limits, self._clock = lots, ranks, limits, clock
        self._begun_s = clock()
        self._ratios = Ratios(len(ranks), PRIORITY, short=NEARER * limits.gap)
        self._proven: list[tuple[float, Reals]] = []
        self._price: Reals | None = None

    def go_through(self, number: int) -> None:
        """One stage; again, where it takes from classes before what they could have."""
        lots = self._lots
        bound, worth = self._stage(number)
        for _ in range(AGAIN):
            if self._left_s <= 0 or not self._ratios.raised(sums := self.sums()):
                break
            before, of, price = lots.flow, len(lots.ways), self._price
            then, heavier = self._stage(number, again=True)
            if better(self.sums(), sums, number, NEARER * self._limits.gap):
                bound, worth = then, heavier
            else:
                lots.flow, self._price = lots.kept(before, of), price
        self._proven.append((bound, worth))
        self._ratios.reached.append(self.sums()[number])

    def sums(self) -> list[float]:
        """What all classes up to each get together."""
        rank = self._lots.rank[self._lots.lot]
        return [float(self._lots.flow[rank <= one].sum()) for one in self._ranks]

    def cumulative(self, sums: list[float], asked: list[float]) -> tuple[Cumulative, ...]:
        """What is proven of classes that together get so much, of what they ask for."""
        found = []
        for number, (rank, (bound, worth)) in enumerate(zip(self._ranks, self._proven, strict=True)):
            most = min(asked[number], bound_of(number, bound, worth, sums))
            found.append(Cumulative(rank=rank, value=sums[number], bound=max(most, sums[number])))
        return tuple(found)

    @property
    def _left_s(self) -> float:
        return self._limits.time_s - (self._clock() - self._begun_s)

    def _stage(self, number: int, *, again: bool = False) -> tuple[float, Reals]:
        """The bound of a stage, and what each class weighs in it."""
        lots, by_class = self._lots, self._ratios.worth(number)
        worth = np.zeros(len(lots))
        for rank, one in zip(self._ranks, by_class.tolist(), strict=False):
            worth[lots.rank == rank] = one
        asked = float((lots.gbps * worth).sum())
        cumulative = float(lots.gbps[lots.rank <= self._ranks[number]].sum())
        share = Limits(
            gap=NEARER * self._limits.gap * cumulative / asked if asked > 0 else self._limits.gap,
            time_s=self._left_s / (len(self._ranks) - number + again),
            threads=self._limits.threads,
        )
        stage = _Stage(lots, worth, share, self._clock)
        price = self._price
        self._price = stage.run(price if price is None or again else price * PRIORITY)
        self.rounds += stage.rounds
        return stage.bound, by_class


class _Stage:
    """One run with a worth for each lot; what is carried is left in the lots."""

    def __init__(self, lots: Lots, worth: Reals, limits: Limits, clock: Clock) -> None:
        self.lots, self.worth, self.limits = lots, worth, limits
        self.live = lots.ways.live
        self.course = Course(limits, clock)
        self.capacity = self.live.capacity_gbps
        self.most = float((lots.gbps * worth).sum())
        self.bound, self.value, self.rounds = self.most, -1.0, 0
        self.price = np.zeros(self.live.spans)
        self.tie = self.live.latency_ms * (TIED / max(float((self.live.latency_ms * self.capacity).sum()), 1e-300))

    def run(self, price: Reals | None) -> Reals:
        """Until the gap is proven, or time is up. Begins at the prices of the stage before; returns its own."""
        lots, capacity = self.lots, self.capacity
        slope = Slope(capacity_gbps=capacity, slope=FIRST_SLOPE)
        if price is not None and price.any():
            slope.warm(price, WARM_SLOPE)
        best, best_of, regret = lots.flow, len(lots.ways), 1.0
        spare: Reals = np.zeros(len(capacity))
        while self.most > 0 and self.rounds < ROUNDS:
            self.course.sweeps()
            self.rounds += 1
            flows = lots.flows(self.worth)
            for _ in range(SWEEPS):
                moved, _ = flows.sweep(
                    slope.weight, slope.slope, 1.0, slope.tolerance, slope.sweeps, self.limits.threads
                )
                now = slope.at(flows.load)
                spare = now * (capacity - flows.load) / self.most
                slope.swept(now, max(regret, max(0.0, moved) / self.most), float(np.abs(spare).sum()))
            fitted = flows.copy()
            fitted.fit(np.minimum(slope.mean, self.worth.max()))
            value = float((fitted.flow * self.worth[lots.lot]).sum())
            if value > self.value and (fitted.load <= capacity * ROUNDED).all():
                self.value, best = value, fitted.flow
                best_of = len(lots.ways)
            lots.flow = flows.flow
            if self._done():
                break
            carried = float((flows.flow * self.worth[lots.lot]).sum())
            regret = max(0.0, (self._look(flows, slope.mean) - carried) / self.most - float(spare.sum()))
            self.course.tell(self.value, self.bound)
            if self._done() or self.course.is_late():
                break
        if self.value >= 0:
            lots.flow = lots.kept(best, best_of)
        return self.price

    def _done(self) -> bool:
        return self.bound - self.value <= self.limits.gap * self.bound

    @property
    def _wide(self) -> float:
        """How far value and bound are apart: what counts next to nothing beside it can be looked into later."""
        return max(self.limits.gap, 1.0 - max(0.0, self.value) / self.bound)

    def _look(self, flows: _kernels.PathFlows, y: Reals) -> float:
        lots, ways, worth = self.lots, self.lots.ways, self.worth
        price = np.minimum(y, worth.max(initial=1.0)) + self.tie
        paid = flows.least(price, self.limits.threads)
        wide = self._wide * self.most
        some = _most(lots.gbps * np.minimum(paid, worth), CHEAP * wide)
        rows = distinct(lots.family[some])
        cost = np.zeros(ways.families)
        cost[rows], found = ways.cheapest(price, rows)
        least = np.zeros(len(lots))
        least[some] = cost[lots.family[some]]
        latency = np.zeros(ways.families)
        latency[found.family] = found.sums(self.live.latency_ms)
        wanted = np.zeros(len(lots), np.bool_)
        wanted[some] = least[some] < worth[some]
        cheaper = np.zeros(ways.families, np.bool_)
        cheaper[lots.family[wanted & (least < paid * (1 - 1e-3))]] = True
        ways.add(found.only(cheaper[found.family]), price)
        late = wanted & (latency[lots.family] > lots.low_ms * (1 + 1e-9))
        loss = np.zeros(len(lots))
        loss[late] = lots.gbps[late] * (np.minimum(paid[late], worth[late]) - least[late])
        some = _most(loss, LATE * wide)
        if len(some):
            families = distinct(lots.family[some])
            costs, more = ways.dearer(price, families, cost[families], latency[families])
            ways.add(more, price)
            place = np.searchsorted(families, lots.family[some])
            for rate, then in costs:
                fits = np.isfinite(lots.high_ms[some])
                proven = then[place] - rate * np.where(fits, lots.high_ms[some], 0.0)
                least[some] = np.where(fits, np.maximum(least[some], proven), least[some])
        earned = lots.gbps * np.maximum(0.0, worth - least)
        bound = float(earned.sum() + (price * self.capacity).sum())
        if bound < self.bound:
            self.bound, self.price = bound, price
        lots.offer()
        return bound


def _most(values: Reals, little: float) -> Places:
    """The fewest of some values that are all but so little of their sum, the largest first; none that is 0."""
    some = np.flatnonzero(values > 0)
    some = some[np.argsort(-values[some])]
    left = values[some].sum() - values[some].cumsum()
    return some[: int(np.count_nonzero(left > little)) + 1]


def _fitted(live: Live, ways: Ways, lots: Lots, way: Places) -> Reals:
    """Whole services made to fit: where a span is over, the last class goes first, and what room is left is given to
    whoever it suffices for, the first class first. Changes `way`; returns the loads.
    """
    held = np.flatnonzero(way >= 0)
    first, places = ragged(ways.start, way[held])
    on, who = ways.span[places], np.repeat(held, np.diff(first))
    load = np.bincount(on, live.gbps[who], live.spans)
    order = np.argsort(on, kind="stable")
    begin = np.searchsorted(on[order], np.arange(live.spans + 1))
    for span in np.flatnonzero(load > live.capacity_gbps).tolist():
        here = who[order[begin[span] : begin[span + 1]]]
        here = here[way[here] >= 0]
        for service in here[np.lexsort((live.gbps[here], -live.rank[here]))].tolist():
            over = load[span] - live.capacity_gbps[span]
            if over <= 0:
                break
            load[ways.span[ways.start[way[service]] : ways.start[way[service] + 1]]] -= live.gbps[service]
            way[service] = -1
    room = live.capacity_gbps - load
    least = np.minimum.reduceat(np.append(room[ways.span], np.inf), ways.start[:-1]) if len(ways) else np.zeros(0)
    out = np.flatnonzero(way < 0)
    lot = lots.of[out]
    count = np.diff(lots.first)[lot]
    start = np.concatenate((np.zeros(1, np.int64), count.cumsum()))
    option = lots.way[np.repeat(lots.first[lot] - start[:-1], count) + np.arange(start[-1])]
    whose = np.repeat(out, count)
    fits = least[option] >= live.gbps[whose]
    whose, option = whose[fits], option[fits]
    for place in np.lexsort((-live.gbps[whose], live.rank[whose])).tolist():
        service, other = int(whose[place]), int(option[place])
        if way[service] >= 0:
            continue
        spans = ways.span[ways.start[other] : ways.start[other + 1]]
        if (room[spans] >= live.gbps[service]).all():
            room[spans] -= live.gbps[service]
            way[service] = other
    return live.capacity_gbps - room
