"""Bulk beside services: so many bytes from here to there, between a release and a deadline, over what is left of links.

    maximise    sum_d x_d,   x_d = sum over intervals t in [release_d, deadline_d) and ways p of what goes then
    subject to  0 <= x_d <= bytes_d, and in every interval no link carries more than is free of it

    bound, for any prices y >= 0:  sum_{e,t} free_et y_et + sum_d bytes_d max(0, 1 - min over t of dist_{y_t}(d))

Services are not touched: `free` is what they leave, interval by interval, so no promise is broken by what is shifted.
Nothing is stored on the way. The bound is over all ways, split as one likes over ways and intervals; ways are found as
prices ask for them (column generation), and flows are moved between them as in `solve.few`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Severity
from highroad.graph import _kernels
from highroad.planning.solve.answer import Clock, Course, Limits, Moment, gap_of
from highroad.planning.solve.problem import Flags, Ints, Reals
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.total import NEVER_FULL, ROUNDED

FIRST_SLOPE = 15.0
SWEEPS, ROUNDS, REFITTED = 4, 40, 4
NOTHING_FREE = 1e-9
"""A link of which less than this share of the smallest demand is free is closed."""

MOST_BYTES = 1e24
"""No demand is larger: sums of them stay far from what a double can hold."""

GBIT = 8e-9
"""Gbit of a byte."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Demands by column: nodes, bytes, and the intervals [release, deadline) in which they may go."""

    source: Ints
    target: Ints
    bytes: Reals
    release: Ints
    deadline: Ints

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """What goes when and where, and how near that is to the most that could.

    Part k is of demand `demand[k]`, in interval `interval[k]`, at `gbps[k]` over the links
    `link[start[k]:start[k + 1]]`. `load_gbps` is by interval and link.
    """

    demand: Places
    interval: Places
    start: Places
    link: Ints
    gbps: Reals
    load_gbps: Reals
    carried_bytes: Reals
    value_bytes: float
    bound_bytes: float
    moments: tuple[Moment, ...]
    rounds: int
    findings: tuple[Finding, ...]

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best."""
        return gap_of(self.value_bytes, self.bound_bytes)


def shift(
    nodes: int,
    tail: Ints,
    head: Ints,
    free_gbps: Reals,
    bulk: Bulk,
    interval_s: float,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
) -> Shifted:
    """The plan. `free_gbps` has a row of links for each interval, infinity for what has no limit; of what is no number
    nothing is free. What is wrong with a demand is said, and it is left out.
    """
    search = _Search(nodes, tail, head, np.asarray(free_gbps, np.float64), bulk, interval_s, limits or Limits(), clock)
    search.run()
    return search.shifted()


def wrong_with(bulk: Bulk, nodes: int, intervals: int) -> tuple[Flags, list[Finding]]:
    """Which demands can be worked on, and why the others cannot."""
    ends = np.stack((bulk.source, bulk.target)) if len(bulk) else np.zeros((2, 0), np.int32)
    checks = (
        ("no-such-node", ((ends < 0) | (ends >= nodes)).any(axis=0), f"nodes go from 0 to {nodes - 1}"),
        ("self-demand", bulk.source == bulk.target, "it is from a place to itself"),
        ("no-amount", ~((bulk.bytes >= 0) & (bulk.bytes <= MOST_BYTES)), f"its bytes are not from 0 to {MOST_BYTES:g}"),
        ("no-time", bulk.deadline <= bulk.release, "its deadline is not after its release"),
        ("out-of-time", (bulk.deadline <= 0) | (bulk.release >= intervals), f"there are {intervals} intervals"),
    )
    good, findings = np.ones(len(bulk), np.bool_), list[Finding]()
    for code, bad, sentence in checks:
        findings += [
            Finding(code=code, place=f"bulk[{place}]", message=f"{sentence}: left out", severity=Severity.WARNING)
            for place in np.flatnonzero(bad & good).tolist()
        ]
        good &= ~bad
    return good, findings


def wrong_with_free(free_gbps: Reals) -> list[Finding]:
    """Of which links it is not known at all times what is free."""
    unknown = np.isnan(free_gbps)
    return [
        Finding(
            code="not-a-number",
            place=f"links[{link}]",
            message=f"what is free of it is no number in {count} of {len(free_gbps)} intervals, the first of them "
            f"{int(unknown[:, link].argmax())}: nothing goes over it then",
            severity=Severity.WARNING,
        )
        for link, count in enumerate(unknown.sum(axis=0).tolist())
        if count
    ]


class _Search:
    def __init__(
        self,
        nodes: int,
        tail: Ints,
        head: Ints,
        free: Reals,
        bulk: Bulk,
        interval_s: float,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.course, self.limits = Course(limits, clock), limits
        self.intervals, self.links = free.shape
        good, self.findings = wrong_with(bulk, nodes, self.intervals)
        self.bulk, self.of = bulk, np.flatnonzero(good)
        self.unit_bytes = interval_s / GBIT
        """Bytes that 1 Gbit/s is in an interval: what is worked with."""
        self.source, self.target = bulk.source[self.of], bulk.target[self.of]
        self.amount = bulk.bytes[self.of] / self.unit_bytes
        self.release = np.maximum(0, bulk.release[self.of])
        self.deadline = np.minimum(self.intervals, bulk.deadline[self.of])
        self.tail = np.asarray(tail, np.int32)
        self.network = _kernels.Network(nodes, self.tail, np.asarray(head, np.int32))
        self.findings += wrong_with_free(free)
        free = np.minimum(np.where(np.isnan(free), 0.0, free), NEVER_FULL * float(self.amount.sum()))
        least = NOTHING_FREE * float(self.amount[self.amount > 0].min(initial=np.inf))
        self.closed = ~(free > (least if np.isfinite(least) else 0.0))
        self._shut = float(free[self.closed & (free > 0)].sum())
        """What goes over links that are closed at most."""
        self.capacity = np.where(self.closed, 1e-12, free).ravel()
        self._mark = np.random.default_rng(0).integers(1, 2**62, free.size).astype(np.uint64)
        self._known: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.demand: Places = np.zeros(0, np.int64)
        self.start: Places = np.zeros(1, np.int64)
        self.link: Ints = np.zeros(0, np.int32)
        self.flow: Reals = np.zeros(0)
        self.best: tuple[Places, Places, Ints, Reals] = (self.demand, self.start, self.link, self.flow)
        self.value, self.bound, self.rounds = 0.0, float(self.amount.sum()), 0

    def run(self) -> None:
        if not len(self.of) or self.bound <= 0:
            return
        if not self.links:
            self._leave_out(np.full(len(self.of), np.inf))
            return
        most = float(self.amount.sum())
        slope = Slope(capacity_gbps=self.capacity, slope=FIRST_SLOPE)
        regret, price = 1.0, np.zeros(len(self.capacity))
        spare: Reals = price
        open_ = self.capacity[~self.closed.ravel()]
        self._leave_out(self._look(1e-3 / self.capacity * float(open_.min(initial=np.inf))))
        while self.rounds < ROUNDS and len(self.demand):
            self.course.sweeps()
            self.rounds += 1
            flows = self._flows()
            for _ in range(SWEEPS):
                moved, _ = flows.sweep(
                    slope.weight, slope.slope, 1.0, slope.tolerance, slope.sweeps, self.limits.threads
                )
                price = slope.at(flows.load)
                spare = price * (self.capacity - flows.load) / most
                slope.swept(price, max(regret, max(0.0, moved) / most), float(np.abs(spare).sum()))
            fitted = flows.copy()
            fitted.fit(np.minimum(price, 1.0))
            value = float(fitted.flow.sum())
            if value > self.value and (fitted.load <= self.capacity * ROUNDED).all():
                self.value, self.best = value, (self.demand, self.start, self.link, fitted.flow)
            self.flow = fitted.flow if self.rounds % REFITTED == 0 else flows.flow
            if self._done():
                return
            proven = self._prove(np.minimum(slope.mean, 1.0), self._look(slope.mean))
            regret = max(0.0, (proven - float(self.flow.sum())) / most - float(spare.sum()))
            self.course.tell(self.value * self.unit_bytes, self.bound * self.unit_bytes)
            if self._done() or self.course.is_late():
                return

    def _done(self) -> bool:
        return self.bound - self.value <= self.limits.gap * self.bound

    def _flows(self) -> _kernels.PathFlows:
        """The kernel on what is known, paths in the order of their demands."""
        order = np.argsort(self.demand, kind="stable")
        length = np.diff(self.start)
        start = np.concatenate((np.zeros(1, np.int64), length[order].cumsum()))
        places = np.repeat(self.start[order] - start[:-1], length[order]) + np.arange(start[-1])
        self.demand, self.link, self.start = self.demand[order], self.link[places], start
        flow = np.concatenate((self.flow, np.zeros(len(order) - len(self.flow))))[order]
        first = np.searchsorted(self.demand, np.arange(len(self.of) + 1)).astype(np.int64)
        made = _kernels.PathFlows(self.capacity, self.amount, np.ones(len(self.of)), first, self.start, self.link)
        made.set(flow)
        return made

    def _leave_out(self, least: Reals) -> None:
        """Say of demands that no way leads there in their time."""
        out = (least == np.inf) & (self.amount > 0)
        message = "no way leads there in its time over links of which anything is free: left out"
        self.findings += [
            Finding(code="not-joined", place=f"bulk[{place}]", message=message, severity=Severity.WARNING)
            for place in self.of[out].tolist()
        ]
        self.bound = min(self.bound, float(self.amount[~out].sum()) + self._shut)

    def _prove(self, price: Reals, least: Reals) -> float:
        """What no plan carries more than, at these prices and what ways cost at least at them."""
        earned = float((self.amount * np.maximum(0.0, 1.0 - least)).sum())
        proven = earned + float((price * self.capacity)[~self.closed.ravel()].sum()) + self._shut
        self.bound = min(self.bound, proven)
        return proven

    def _look(self, price: Reals) -> Reals:
        """What each demand pays at least at these prices; and the ways that cost less than any that is known."""
        price = np.minimum(price, 1.0)
        at = price.reshape(self.intervals, self.links)
        least = np.full(len(self.of), np.inf)
        paid = np.full(len(self.of), np.inf)
        if len(self.demand):
            sums = np.concatenate((np.zeros(1), price[self.link].cumsum()))
            np.minimum.at(paid, self.demand, sums[self.start[1:]] - sums[self.start[:-1]])
        found: list[tuple[Places, Places, Ints]] = []
        for interval in range(self.intervals):
            mine = np.flatnonzero((self.release <= interval) & (interval < self.deadline))
            if not len(mine):
                continue
            sources, row = np.unique(self.source[mine], return_inverse=True)
            open_ = np.where(self.closed[interval], np.inf, at[interval])
            distance, into = self.network.trees(open_, sources.astype(np.int32))
            cost = distance[row, self.target[mine]]
            least[mine] = np.minimum(least[mine], cost)
            wanted = np.isfinite(cost) & (cost < np.minimum(paid[mine] * (1 - 1e-3), 1.0))
            if wanted.any():
                found.append(self._walk(mine[wanted], row[wanted], into, interval))
        self._add(found)
        return least

    def _walk(self, demand: Places, row: Places, into: Ints, interval: int) -> tuple[Places, Places, Ints]:
        """The ways that trees have for some demands."""
        place, node = np.arange(len(demand)), self.target[demand].astype(np.int64)
        passed, who = [], []
        while len(place):
            link = into[row[place], node]
            passed.append(link + np.int32(interval * self.links))
            who.append(place)
            node = self.tail[link].astype(np.int64)
            on = node != self.source[demand[place]]
            place, node = place[on], node[on]
        places, links = np.concatenate(who[::-1]), np.concatenate(passed[::-1])  # from the source on
        order = np.argsort(places, kind="stable")
        return demand, np.searchsorted(places[order], np.arange(len(demand) + 1)).astype(np.int64), links[order]

    def _add(self, found: list[tuple[Places, Places, Ints]]) -> None:
        if not found:
            return
        demand = np.concatenate([one[0] for one in found])
        length = np.concatenate([np.diff(one[1]) for one in found])
        link = np.concatenate([one[2] for one in found]).astype(np.int32)
        start = np.concatenate((np.zeros(1, np.int64), length.cumsum()))
        mark = np.add.reduceat(self._mark[link], start[:-1]) ^ (demand.astype(np.uint64) << np.uint64(32))
        _, once = np.unique(mark, return_index=True)
        new = np.zeros(len(mark), np.bool_)
        new[once] = True
        if len(self._known):
            new &= self._known[np.minimum(self._known.searchsorted(mark), len(self._known) - 1)] != mark
        self._known = np.sort(np.concatenate((self._known, mark[new])))
        self.demand = np.concatenate((self.demand, demand[new]))
        self.start = np.concatenate((self.start, self.start[-1] + length[new].cumsum()))
        self.link = np.concatenate((self.link, link[np.repeat(new, length)]))

    def shifted(self) -> Shifted:
        """The best that was found."""
        demand, start, link, flow = self.best
        used = np.flatnonzero(flow > 0)
        length = np.diff(start)
        begin = np.concatenate((np.zeros(1, np.int64), length[used].cumsum()))
        places = np.repeat(start[used] - begin[:-1], length[used]) + np.arange(begin[-1])
        over = link[places]
        load: Reals = np.bincount(over, np.repeat(flow[used], length[used]), self.intervals * self.links).astype(
            np.float64
        )
        carried = np.zeros(len(self.bulk))
        carried[self.of] = np.bincount(demand[used], flow[used], len(self.of)) * self.unit_bytes
        return Shifted(
            demand=self.of[demand[used]],
            interval=(over[begin[:-1]] // max(1, self.links)).astype(np.int64),
            start=begin,
            link=(over % max(1, self.links)).astype(np.int32),
            gbps=flow[used],
            load_gbps=load.reshape(self.intervals, self.links),
            carried_bytes=carried,
            value_bytes=self.value * self.unit_bytes,
            bound_bytes=self.bound * self.unit_bytes,
            moments=tuple(self.course.moments),
            rounds=self.rounds,
            findings=tuple(self.findings),
        )
