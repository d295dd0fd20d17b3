"""Services that are alike put together, and the ways inside their bound that each such lot may take.

Services of a family whose bounds lie between the same two multiples of its least latency are a lot, held to the
least of their bounds: what that loses is less than a step of `STEP`. `apart`, each bound is a lot of its own.
With ranks, classes are lots apart.
"""

from __future__ import annotations

import math
from copy import copy

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.live import Offsets, ragged
from highroad.planning.solve.problem import Flags, Ints, Reals
from highroad.planning.solve.ways import Found, Places, Ways, joined

STEP, MOST = 1.01, 3.0
WIDE_STEP, WIDEST = 1.05, 300.0
"""Bounds are told apart by so much, and up to so many times the least latency; further by more. Who may take longer
than the widest is a lot with all such.
"""

_NARROW = STEP ** np.arange(math.ceil(math.log(MOST, STEP)) + 1)
_WIDE = _NARROW[-1] * WIDE_STEP ** np.arange(1, math.ceil(math.log(WIDEST / MOST, WIDE_STEP)) + 1)
EDGES: Reals = np.concatenate((_NARROW, _WIDE, [np.inf]))


class Lots:
    """The lots of a network's services. `low_ms` is what a lot is held to, and no service in it may take longer than
    `high_ms`; `possible` says whether its least latency is inside the bound at all.
    """

    def __init__(self, ways: Ways, least_ms: Reals, *, ranked: bool, apart: bool = False) -> None:
        """`apart`: each bound is a lot of its own."""
        live = ways.live
        self.ways = ways
        least = least_ms[ways.of]
        ratio = np.divide(
            live.bound_ms, least, out=np.full(live.services, np.inf), where=np.isfinite(least) & (least > 0)
        )
        bucket = np.searchsorted(EDGES, ratio * (1 + 1e-12), "right") - 1
        own = np.unique(live.bound_ms, return_inverse=True)[1] if apart else np.zeros(live.services, np.int64)
        owns = int(own.max(initial=0)) + 1
        rank = live.rank if ranked else np.zeros_like(live.rank)
        ranks = int(rank.max(initial=0)) + 1
        key = ((ways.of * ranks + rank) * (len(EDGES) + 1) + bucket + 1) * owns + own
        keys, of = np.unique(key, return_inverse=True)
        self.of: Places = of.astype(np.int64)
        """The lot of each service."""
        keys //= owns
        bucket = keys % (len(EDGES) + 1) - 1
        self.rank: Ints = (keys // (len(EDGES) + 1) % ranks).astype(np.int32)
        self.family: Places = keys // (len(EDGES) + 1) // ranks
        fastest = least_ms[self.family]
        self.possible: Flags = np.isfinite(fastest) & (bucket >= 0)
        order = np.argsort(self.of, kind="stable")
        first = np.searchsorted(self.of[order], np.arange(len(keys)))
        bounds = live.bound_ms[order]
        self.low_ms: Reals = np.minimum.reduceat(bounds, first) if len(keys) else np.zeros(0)
        self.high_ms: Reals = np.maximum.reduceat(bounds, first) if len(keys) else np.zeros(0)
        self.gbps: Reals = np.where(self.possible, np.bincount(self.of, live.gbps, len(keys)), 0.0)
        self._first: Offsets = np.zeros(len(keys) + 1, np.int64)
        self._way: Places = np.zeros(0, np.int64)
        self.flow: Reals = np.zeros(0)
        self._offered = 0
        self._order: Places = np.zeros(0, np.int64)
        self._apart_ms = 4.0 * float(live.latency_ms.sum()) + 1.0

    def __len__(self) -> int:
        return len(self.family)

    @property
    def way(self) -> Places:
        """The way of each path that is offered, lot by lot."""
        return self._way

    @property
    def lot(self) -> Places:
        """The lot of each path that is offered."""
        return np.repeat(np.arange(len(self)), np.diff(self._first))

    @property
    def first(self) -> Offsets:
        """Where the paths of each lot begin."""
        return self._first

    def of_now(self, ways: Ways) -> Lots:
        """The same lots, for the same services with other rates; nothing is carried yet."""
        now = copy(self)
        now.ways = ways
        now.gbps = np.where(self.possible, np.bincount(self.of, ways.live.gbps, len(self)), 0.0)
        now.flow = np.zeros(len(self._way))
        return now

    def loads(self) -> Reals:
        """What every span carries."""
        start, places = ragged(self.ways.start, self._way)
        load = np.bincount(self.ways.span[places], np.repeat(self.flow, np.diff(start)), self.ways.live.spans)
        return load.astype(np.float64)

    def offer(self) -> None:
        """Offer all ways that are known by now; what is carried stays where it is."""
        if len(self.ways) == self._offered:
            return
        before, self._offered = self._offered, len(self.ways)
        ways, flow = self.ways, self.flow
        # By family, the fastest first: those of before are in order, and stay so among each other.
        order = np.concatenate((self._order, np.arange(before, self._offered)))
        place = ways.family[order] * self._apart_ms + ways.latency_ms[order]
        order = self._order = order[np.argsort(place, kind="stable")]
        latency = ways.latency_ms[order]
        begin = np.searchsorted(ways.family[order], np.arange(ways.families + 1)).astype(np.int64)
        allowed = np.where(self.possible, self.low_ms * (1 + 1e-9), -np.inf)
        start, places = ragged(begin, self.family)
        lot = np.repeat(np.arange(len(self)), np.diff(start))
        fits = latency[places] <= allowed[lot]
        self._way = order[places[fits]]
        self._first = np.concatenate((np.zeros(1, np.int64), np.bincount(lot[fits], minlength=len(self)).cumsum()))
        self.flow = self.kept(flow, before)

    def kept(self, flow: Reals, ways: int) -> Reals:
        """What was carried when only the first so many ways were offered, on the paths that are: among each other they
        are where they were.
        """
        now = np.zeros(len(self._way))
        now[self._way < ways] = flow
        return now

    def carried(self, way: Places) -> Reals:
        """What every path that is offered carries where each service goes its way; who has none, or one that is not
        offered, goes the first that is.
        """
        live, ways = self.ways.live, np.int64(max(1, len(self.ways)))
        key = self.lot * ways + self._way
        order = np.argsort(key)
        asked = self.of * ways + np.maximum(way, 0)
        place = np.minimum(key[order].searchsorted(asked), max(0, len(key) - 1))
        found = (key[order][place] == asked) & (way >= 0) if len(key) else np.zeros(len(way), np.bool_)
        some = np.diff(self._first)[self.of] > 0
        at = np.where(found, order[place] if len(key) else 0, self._first[self.of])
        return np.bincount(at[some], live.gbps[some], len(key)).astype(np.float64)

    def flows(self, worth: Reals) -> _kernels.PathFlows:
        """The kernel on what is offered."""
        ways = self.ways
        made = _kernels.PathFlows(
            ways.live.capacity_gbps, self._amounts(), worth, self._first, ways.start, ways.span, self._way
        )
        made.set(self.flow)
        return made

    def within(self, price: Reals, some: Places, enough: Reals) -> tuple[Reals, Found]:
        """What ways inside their bounds cost some lots at least at prices of spans, as far as that is below a cost that
        is `enough`; and the cheapest such ways that were found.
        """
        ways, low, high = self.ways, self.low_ms[some], self.high_ms[some]
        cost, found = ways.within(price, self.family[some], high, enough)
        held = low < high
        if held.any():
            found = joined([found, ways.within(price, self.family[some[held]], low[held], enough[held])[1]])
        return cost, found

    def _amounts(self) -> Reals:
        return np.where(np.diff(self._first) > 0, self.gbps, 0.0)

    def paid(self, price: Reals) -> tuple[Reals, Reals]:
        """Of each lot what its cheapest way that is offered costs at prices of spans (infinity: none is), and of each
        way.
        """
        ways = self.ways
        each = np.concatenate((np.zeros(1), price[ways.span].cumsum()))
        cost = (each[ways.start[1:]] - each[ways.start[:-1]])[self._way]
        least = np.full(len(self), np.inf)
        some = np.diff(self._first) > 0
        if some.any():
            least[some] = np.minimum.reduceat(cost, self._first[:-1][some])
        return least, cost
