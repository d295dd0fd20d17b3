"""Ways that services could go, found as prices ask for them: each is inside its fence, and has a latency.

Services of the same ends, fence and protection are a family, and share their ways. A family's cheapest way at prices
is read off a tree (`Network.ways`): of the whole network first, and inside the fence only where that one leaves it. A
way of a family that is protected is kept with a backup: the cheapest one that shares no risk group with it.

Ways that are too long for a bound are not in the way of it. What the cheapest way inside a bound costs is found
exactly, family by family (`Network.within`), as far as labels are not too many; or for all at once from trees at prices
with a price on latency besides, which may prove less: for any rate m a millisecond, a way inside it costs at least

    dist_{y + m latency}(s) - m bound(s)                                        (Lagrangian relaxation; Handler 1980)
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.graph import _kernels
from highroad.planning.solve.live import Live, Offsets, distinct, ragged
from highroad.planning.solve.problem import Flags, Ints, Reals

Places = NDArray[np.int64]
RATES = (0.1, 0.4, 1.6, 6.4)
"""Prices of latency that are tried, in units of what a family's way costs for its latency."""

LABELS = 20
"""Of a way inside a bound so many are looked at for each node and each link of a network: beyond that less is proven.
"""

INSIDE = 1 + 1e-9
"""What a way may take, as a share of its bound: sums differ by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Some ways: of which family, and the spans of way k at [start[k], start[k + 1])."""

    family: Places
    start: Offsets
    span: Ints

    def only(self, which: Flags) -> Found:
        """Some of them."""
        start, places = ragged(self.start, np.flatnonzero(which))
        return Found(family=self.family[which], start=start, span=self.span[places])

    def sums(self, values: Reals) -> Reals:
        """Of each way, the sum of a value by span."""
        if not len(self.family):
            return np.zeros(0)
        return np.add.reduceat(values[self.span], self.start[:-1])


class Ways:
    """The families of a network's services, and the ways that are known of each.

    Of way w: its family, the spans of the primary, those of the backup (none where it has none), and the latency of the
    slower of both.
    """

    def __init__(self, live: Live) -> None:
        self.live = live
        spans = live.spans
        self._both = 1 if live.directed else 2
        """How many links a span is to the network: one each way, unless it goes one way only."""
        tail, head = (live.a, live.b), (live.b, live.a)
        self._span = np.tile(np.arange(spans, dtype=np.int32), self._both)
        self.network = _kernels.Network(
            live.nodes,
            np.concatenate(tail[: self._both]).astype(np.int32),
            np.concatenate(head[: self._both]).astype(np.int32),
        )
        self._allowed = np.tile(live.fences, self._both).astype(np.uint8).ravel()
        low, high = live.source, live.target
        if not live.directed:
            low, high = np.minimum(low, high), np.maximum(low, high)
        fences, nodes = len(live.fences) + 1, live.nodes
        key = ((live.protected.astype(np.int64) * fences + live.fence + 1) * nodes + low) * nodes + high
        keys, of = np.unique(key, return_inverse=True)
        self.of: Places = of.astype(np.int64)
        """The family of each service."""
        self.target = (keys % nodes).astype(np.int32)
        self.source = (keys // nodes % nodes).astype(np.int32)
        self.fence = (keys // nodes // nodes % fences - 1).astype(np.int32)
        self.protected = keys // nodes // nodes // fences > 0
        self._mark = np.random.default_rng(0).integers(1, 2**62, spans).astype(np.uint64)
        self._known: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self.family: Places = np.zeros(0, np.int64)
        self.start: Offsets = np.zeros(1, np.int64)
        self.span: Ints = np.zeros(0, np.int32)
        self.backup_start: Offsets = np.zeros(1, np.int64)
        self.backup: Ints = np.zeros(0, np.int32)
        self.latency_ms: Reals = np.zeros(0)
        count = np.bincount(
            live.group, minlength=int(max(live.group.max(initial=-1), live.node_group.max(initial=-1)) + 1)
        )
        self._in_group = np.concatenate((np.zeros(1, np.int64), count.cumsum()))
        self._of_group = np.repeat(np.arange(spans, dtype=np.int32), np.diff(live.group_first))[
            np.argsort(live.group, kind="stable")
        ]

    def of_now(self, live: Live) -> Ways:
        """The same ways, for the same services on the same spans with other rates and capacities."""
        now = copy(self)
        now.live = live
        return now

    @property
    def families(self) -> int:
        """How many families there are."""
        return len(self.source)

    def __len__(self) -> int:
        return len(self.family)

    def cheapest(self, price: Reals, which: Places | None = None) -> tuple[Reals, Found]:
        """What the cheapest way of some families costs at prices of spans, infinity without one; and these."""
        rows = np.arange(self.families) if which is None else which
        cost, start, arcs = self.network.ways(
            price[self._span], self.source[rows], self.target[rows], self.fence[rows], self._allowed
        )
        found = Found(family=rows, start=start, span=self._span[arcs])
        there = np.diff(start) > 0
        return cost, found if there.all() else found.only(there)

    def dearer(
        self, price: Reals, families: Places, cost: Reals, latency_ms: Reals
    ) -> tuple[list[tuple[float, Reals]], Found]:
        """At several prices of latency besides: (the price a millisecond, what the cheapest way of each of the families
        costs then), and the ways.
        """
        unit = float(cost.sum() / max(latency_ms.sum(), 1e-12))
        costs, parts = [], []
        for rate in RATES:
            then, found = self.cheapest(price + rate * unit * self.live.latency_ms, families)
            costs.append((rate * unit, then))
            parts.append(found)
        return costs, joined(parts)

    def within(self, price: Reals, families: Places, bound_ms: Reals, enough: Reals) -> tuple[Reals, Found]:
        """What a way of each of some families, which may come several times, costs at least at prices of spans if it
        takes no longer than its bound, infinity without one; and the cheapest such ways that were found. Where that
        many labels did not suffice, or no way is below a cost that is `enough`, it may be less than these cost.
        """
        live = self.live
        cost, _, start, arcs = self.network.within(
            price[self._span],
            live.latency_ms[self._span],
            self.source[families],
            self.target[families],
            self.fence[families],
            self._allowed,
            bound_ms * INSIDE,
            enough,
            LABELS * (live.nodes + len(self._span)),
        )
        found = Found(family=families, start=start, span=self._span[arcs])
        return cost, found.only(np.diff(start) > 0)

    def add(self, found: Found, price: Reals) -> int:
        """Keep ways that are not known yet, with a backup that is cheapest at some prices where one is wanted; a way
        that has none is not kept. Returns how many are new.
        """
        if not len(found.family):
            return 0
        guarded = self.protected[found.family]
        backup = self._backups(found, np.flatnonzero(guarded), price)
        there = np.diff(backup.start) > 0
        found, backup = (
            (found, backup) if there[guarded].all() else (found.only(there | ~guarded), backup.only(there | ~guarded))
        )
        mark = self._marked(found, 0x9E3779B97F4A7C15) + np.where(
            np.diff(backup.start) > 0, self._marked(backup, 0xC2B2AE3D27D4EB4F), np.uint64(0)
        )
        _, first = np.unique(mark, return_index=True)
        new = np.zeros(len(mark), np.bool_)
        new[first] = True
        known = self._known
        if len(known):
            new &= known[np.minimum(known.searchsorted(mark), len(known) - 1)] != mark
        if not new.any():
            return 0
        self._known = np.sort(np.concatenate((known, mark[new])))
        self._keep(found.only(new), backup.only(new))
        return int(new.sum())

    def _keep(self, fresh: Found, aside: Found) -> None:
        slow = np.maximum(fresh.sums(self.live.latency_ms), _sums(aside, self.live.latency_ms))
        self.family = np.concatenate((self.family, fresh.family))
        self.start = np.concatenate((self.start, self.start[-1] + fresh.start[1:]))
        self.span = np.concatenate((self.span, fresh.span))
        self.backup_start = np.concatenate((self.backup_start, self.backup_start[-1] + aside.start[1:]))
        self.backup = np.concatenate((self.backup, aside.span))
        self.latency_ms = np.concatenate((self.latency_ms, slow))

    def again(self, ways: Places, price: Reals) -> Places:
        """Of each of some ways one with the backup that is cheapest at some prices; -1 where there is none."""
        start, places = ragged(self.start, ways)
        found = Found(family=self.family[ways], start=start, span=self.span[places])
        backup = self._backups(found, np.arange(len(ways)), price)
        there = np.diff(backup.start) > 0
        at = np.full(len(ways), -1, np.int64)
        at[there] = len(self) + np.arange(int(there.sum()))
        self._keep(found.only(there), backup.only(there))
        return at

    def rescue(self, price: Reals) -> int:
        """Look for ways of families that are protected and have none, as the cheapest has no backup: the cheapest ones
        without each of its spans in turn. Returns how many were found.
        """
        has = np.zeros(self.families, np.bool_)
        has[self.family] = True
        lacking = np.flatnonzero(self.protected & ~has)
        if not len(lacking):
            return 0
        _, found = self.cheapest(price, lacking)
        of = np.repeat(np.arange(len(found.family)), np.diff(found.start))
        parts = []
        for fence in sorted(set(self.fence[found.family].tolist())):
            mine = np.flatnonzero(self.fence[found.family][of] == fence)
            family, barred = found.family[of[mine]], found.span[mine]
            inside = price if fence < 0 else np.where(self.live.fences[fence], price, np.inf)
            both = self._links_of(barred)
            start, arcs = self.network.detours(
                inside[self._span],
                self.source[family],
                self.target[family],
                self._both * np.arange(len(mine) + 1, dtype=np.int64),
                both,
            )
            some = Found(family=family, start=start, span=self._span[arcs])
            parts.append(some.only(np.diff(start) > 0))
        return self.add(joined(parts), price)

    def reserve(self, ways: Places, gbps: Reals) -> Reals:
        """What every span has to keep for backups where these ways carry so much: max over groups of what stands by."""
        groups, spans = len(self._in_group) - 1, self.live.spans
        held = np.diff(self.backup_start)[ways] > 0
        ways, gbps = ways[held], gbps[held]
        if not len(ways):
            return np.zeros(spans)
        first, places = ragged(self.start, ways)
        deep, at = ragged(self.live.group_first, self.span[places].astype(np.int64))
        of = np.repeat(np.repeat(np.arange(len(ways)), np.diff(first)), np.diff(deep))
        of, group = self._not_ends(of, self.live.group[at].astype(np.int64), self.family[ways])
        once = distinct(of * groups + group)
        of, group = once // groups, once % groups
        first, places = ragged(self.backup_start, ways[of])
        each = np.repeat(np.arange(len(of)), np.diff(first))
        key = self.backup[places].astype(np.int64) * groups + group[each]
        order = np.argsort(key)
        key, rate = key[order], gbps[of[each]][order]
        begins = np.flatnonzero(np.diff(key, prepend=-1))
        sums, span = np.add.reduceat(rate, begins), key[begins] // groups
        begins = np.flatnonzero(np.diff(span, prepend=-1))
        kept = np.zeros(spans)
        kept[span[begins]] = np.maximum.reduceat(sums, begins)
        return kept

    def spans_in(self, group: int) -> Ints:
        """The spans that a risk group takes down."""
        return self._of_group[self._in_group[group] : self._in_group[group + 1]]

    def _links_of(self, spans: Ints) -> Ints:
        """The links of some spans, those of a span side by side."""
        if self._both == 1:
            return spans.astype(np.int32)
        return np.stack((spans, spans + self.live.spans), axis=1).ravel().astype(np.int32)

    def _marked(self, found: Found, factor: int) -> NDArray[np.uint64]:
        """A number for each way that no other has, but with the odds of 64 bits."""
        none = len(self._mark)
        marks = np.append(self._mark, np.uint64(0))
        empty = np.diff(found.start) == 0
        sums = np.add.reduceat(marks[np.append(found.span, none)], found.start[:-1])
        sums[empty] = 0
        marked: NDArray[np.uint64] = (sums ^ (found.family.astype(np.uint64) + np.uint64(1))) * np.uint64(factor)
        return marked

    def _not_ends(self, of: Places, group: Places, family: Places) -> tuple[Places, Places]:
        ends = self.live.node_group
        keep = (group != ends[self.source[family]][of]) & (group != ends[self.target[family]][of])
        return of[keep], group[keep]

    def _backups(self, found: Found, rows: Places, price: Reals) -> Found:
        """For some of the ways a backup each, nothing where there is none or none is wanted."""
        spans = self.live.spans
        part = found.only(np.isin(np.arange(len(found.family)), rows))
        deep, at = ragged(self.live.group_first, part.span.astype(np.int64))
        of = np.repeat(np.repeat(np.arange(len(rows)), np.diff(part.start)), np.diff(deep))
        of, group = self._not_ends(of, self.live.group[at].astype(np.int64), part.family)
        groups = len(self._in_group) - 1
        once = distinct(of * groups + group) if groups else np.zeros(0, np.int64)
        of, group = (once // groups, once % groups) if groups else (once, once)
        first, places = ragged(self._in_group, group)
        shut = self._of_group[places]
        of = np.repeat(of, np.diff(first))
        own = np.repeat(np.arange(len(rows)), np.diff(part.start))
        of, shut = np.concatenate((of, own)), np.concatenate((shut, part.span))
        once = distinct(of * spans + shut)
        of, shut = once // spans, (once % spans).astype(np.int32)
        parts: list[Ints] = []
        who: list[Places] = []
        for fence in sorted(set(self.fence[part.family].tolist())):
            mine = np.flatnonzero(self.fence[part.family] == fence)
            inside = price if fence < 0 else np.where(self.live.fences[fence], price, np.inf)
            begin, barred = ragged(np.searchsorted(of, np.arange(len(rows) + 1)).astype(np.int64), mine)
            both = self._links_of(shut[barred])
            ends = part.family[mine]
            start, arcs = self.network.detours(
                inside[self._span], self.source[ends], self.target[ends], self._both * begin, both
            )
            parts.append(self._span[arcs])
            who.append(np.repeat(rows[mine], np.diff(start)))
        if not who:
            return Found(
                family=found.family, start=np.zeros(len(found.family) + 1, np.int64), span=np.zeros(0, np.int32)
            )
        whom, span = np.concatenate(who), np.concatenate(parts)
        order = np.argsort(whom, kind="stable")
        begins = np.searchsorted(whom[order], np.arange(len(found.family) + 1)).astype(np.int64)
        return Found(family=found.family, start=begins, span=span[order])


def joined(parts: list[Found]) -> Found:
    """One after the other."""
    if not parts:
        return Found(family=np.zeros(0, np.int64), start=np.zeros(1, np.int64), span=np.zeros(0, np.int32))
    lengths = np.concatenate([np.diff(part.start) for part in parts])
    return Found(
        family=np.concatenate([part.family for part in parts]),
        start=np.concatenate((np.zeros(1, np.int64), lengths.cumsum())),
        span=np.concatenate([part.span for part in parts]),
    )


def _sums(found: Found, values: Reals) -> Reals:
    """As `Found.sums`, where ways may have no spans."""
    sums = np.concatenate((np.zeros(1), values[found.span].cumsum()))
    each: Reals = sums[found.start[1:]] - sums[found.start[:-1]]
    return each
