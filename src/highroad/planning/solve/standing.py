"""Room for backups beside what is carried: each link is parted, and each risk group has its share of the second part.

    load_e <= C_e - r_e         what is carried over link e
    R_eg   <= r_e               what stands by on e for risk group g

which together are load_e + max_g R_eg <= C_e. The rows of the second kind are those that some way with a backup has: a
way is its links and, for each group that takes it down, the links of its backup with that group. `r` follows prices: a
link whose part for backups is dearer than the other gives it more.

Of prices y_e and y_eg of both kinds, all capacity of e costs Y_e = y_e, if those of backups are no more. What
sum_g y_eg lacks to it is the price when nothing has failed. Whoever is protected pays, with p its way and b the backup,

    sum_g ( y_g(p) + [g takes p down] y_g(b) ) >= sum_g dist_{y_g}(around g)

since either p is around g, or b is, and both are inside the bound: that is what `lone` adds up.
"""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.live import distinct, ragged
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.ways import Places, Ways

FIRST_PART, LEAST_PART = 0.3, 1e-3
"""Of a link, what backups have to begin with, and what they and the rest have at least."""

FOLLOWS, TILTS = 0.25, 1.5
"""How far the parts follow prices in one step, as a power and at most."""

LOOKED_AT = 400
"""Groups, the dearest, whose price is reckoned apart; what the others cost counts as when nothing has failed."""


class Standing:
    """The rows of a network's ways: links first, then links with groups. Without protection there are links alone."""

    def __init__(self, ways: Ways) -> None:
        live = ways.live
        self.ways, self.live = ways, live
        self.groups = int(max(live.group.max(initial=-1), live.node_group.max(initial=-1))) + 1
        self.guarded = bool(live.protected.any())
        self.part = np.zeros(live.spans)
        self.keys: Places = np.zeros(0, np.int64)
        """Of each row of the second kind, link * groups + group."""
        self.start, self.row = ways.start, ways.span
        self._known = -1

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.live.spans + len(self.keys)

    @property
    def link(self) -> Places:
        """The link of each row of the second kind."""
        return self.keys // max(1, self.groups)

    def take_in(self) -> Places | None:
        """The ways that are new since. Returns where each row was before, -1 for new ones; None if all is as it was."""
        ways = self.ways
        if len(ways) == self._known:
            return None
        self._known = len(ways)
        if not self.guarded:
            self.start, self.row = ways.start, ways.span
            return None
        before = self.keys
        way, key = self._backed()
        self.keys = distinct(key)
        rows = self.live.spans + np.searchsorted(self.keys, key)
        owner = np.concatenate((np.repeat(np.arange(len(ways)), np.diff(ways.start)), way))
        row = np.concatenate((ways.span.astype(np.int64), rows))
        order = np.argsort(owner, kind="stable")
        self.row = row[order].astype(np.int32)
        self.start = np.searchsorted(owner[order], np.arange(len(ways) + 1)).astype(np.int64)
        used = np.zeros(self.live.spans, np.bool_)
        used[self.link] = True
        self.part = np.where(used, np.where(self.part > 0, self.part, FIRST_PART), 0.0)
        found = np.searchsorted(before, self.keys)
        old = np.minimum(found, max(0, len(before) - 1))
        same = before[old] == self.keys if len(before) else np.zeros(len(self.keys), np.bool_)
        links = np.arange(self.live.spans)
        return np.concatenate((links, np.where(same, self.live.spans + old, -1)))

    def _backed(self) -> tuple[Places, Places]:
        """Of every way with a backup, once for each link of that and each group that takes the way down: the way, and
        the key.
        """
        ways, live, groups = self.ways, self.live, max(1, self.groups)
        held = np.flatnonzero(np.diff(ways.backup_start) > 0)
        first, places = ragged(ways.start, held)
        deep, at = ragged(live.group_first, ways.span[places].astype(np.int64))
        of = np.repeat(np.repeat(np.arange(len(held)), np.diff(first)), np.diff(deep))
        group = live.group[at].astype(np.int64)
        ends, family = live.node_group, ways.family[held]
        keep = (group != ends[ways.source[family]][of]) & (group != ends[ways.target[family]][of])
        once = distinct(of[keep] * groups + group[keep])
        of, group = once // groups, once % groups
        first, places = ragged(ways.backup_start, held[of])
        each = np.repeat(np.arange(len(of)), np.diff(first))
        return held[of[each]], ways.backup[places].astype(np.int64) * groups + group[each]

    def capacity(self) -> Reals:
        """What each row holds."""
        whole = self.live.capacity_gbps
        return np.concatenate((whole * (1.0 - self.part), (whole * self.part)[self.link]))

    def follow(self, price: Reals, load: Reals) -> None:
        """The parts are as full as each other at a load of rows, and then follow their prices."""
        if not self.guarded or not len(self.keys):
            return
        spans = self.live.spans
        kept = self.kept(load)
        own = np.divide(kept, load[:spans] + kept, out=self.part.copy(), where=load[:spans] + kept > 0)
        here, aside = price[:spans], np.bincount(self.link, price[spans:], spans)
        tilt = np.divide(aside, here, out=np.ones(spans), where=(here > 0) & (aside > 0)) ** FOLLOWS
        more = np.clip(own, LEAST_PART, 1 - LEAST_PART) * np.clip(tilt, 1 / TILTS, TILTS)
        now = more / (more + 1.0 - np.clip(own, LEAST_PART, 1 - LEAST_PART))
        self.part = np.where(self.part > 0, np.clip(now, LEAST_PART, 1.0 - LEAST_PART), 0.0)

    def fullest(self, load: Reals) -> Reals:
        """Of each link, what rows carry and keep, as a share of its capacity."""
        spans = self.live.spans
        kept = np.zeros(spans)
        np.maximum.at(kept, self.link, load[spans:])
        share: Reals = (load[:spans] + kept) / self.live.capacity_gbps
        return share

    def kept(self, load: Reals) -> Reals:
        """What links keep for backups."""
        kept = np.zeros(self.live.spans)
        np.maximum.at(kept, self.link, load[self.live.spans :])
        return kept

    def of_links(self, price: Reals) -> Reals:
        """What a unit of each link's capacity costs at prices of rows."""
        return price[: self.live.spans]

    def levelled(self, price: Reals) -> Reals:
        """The same prices with those of backups no more than their link's."""
        spans = self.live.spans
        here, aside = price[:spans], self.aside(price)
        part = np.divide(here, aside, out=np.ones(spans), where=aside > here)
        return np.concatenate((here, price[spans:] * part[self.link]))

    def aside(self, price: Reals) -> Reals:
        """What a unit that stands by for every group costs on each link."""
        spans = self.live.spans
        return np.bincount(self.link, price[spans:], spans).astype(np.float64)

    def by_group(self, price: Reals) -> list[tuple[int, Reals]]:
        """Prices apart by group: -1 is when nothing has failed. They add up to those of links."""
        spans, whole = self.live.spans, self.of_links(price)
        group = self.keys % max(1, self.groups)
        paid = np.bincount(group, price[spans:] * self.live.capacity_gbps[self.link], self.groups)
        found: list[tuple[int, Reals]] = []
        left = whole.copy()
        for one in np.argsort(-paid, kind="stable")[:LOOKED_AT].tolist():
            if not paid[one] > 0:
                break
            mine = group == one
            apart = np.bincount(self.link[mine], price[spans:][mine], spans).astype(np.float64)
            found.append((one, apart))
            left -= apart
        return [(-1, np.maximum(left, 0.0)), *found]

    def lone(self, prices: list[tuple[int, Reals]], lots: Lots, some: Places, reach: float) -> Reals:
        """What each of some lots that are protected pays at least, as above, on ways inside their bounds: those whose
        cheapest way is too long are looked into one by one, the largest first, for so many nodes and links in all.
        """
        ways, live = self.ways, self.live
        families = distinct(lots.family[some])
        place = np.searchsorted(families, lots.family[some])
        bound = lots.high_ms[some]
        cost, largest = np.zeros(len(some)), np.argsort(-lots.gbps[some], kind="stable")
        most = 1 + int(reach / (live.nodes + live.spans) / max(1, len(prices)))
        for group, price in prices:
            if not price.any():
                continue
            around = price.copy()
            if group >= 0:
                around[ways.spans_in(group)] = np.inf
            then, found = ways.cheapest(around, families)
            takes = np.zeros(len(families))
            takes[np.searchsorted(families, found.family)] = found.sums(live.latency_ms)
            each, late = then[place], takes[place] > bound * (1 + 1e-9)
            slow = largest[late[largest]][:most]
            if len(slow):
                each[slow] = ways.within(around, lots.family[some[slow]], bound[slow], np.full(len(slow), np.inf))[0]
            ends = live.node_group
            inside = (ends[ways.source[families]] != group) & (ends[ways.target[families]] != group)
            cost += np.where(np.isfinite(each) & (inside[place] | (group < 0)), each, 0.0)
        return cost
