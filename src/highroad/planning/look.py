"""What could be had between two sites: the fastest way, the widest, and the highest rate of all.

For refusals, which ask many such questions about the same links: each link is asked once a window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from highroad.graph.cheapest import widest_path
from highroad.graph.paths import UNREACHABLE
from highroad.model.jurisdiction import Fence
from highroad.model.network import SiteId
from highroad.model.position import great_circle_km
from highroad.model.service import Attachment, Placement, Port, TenantId
from highroad.model.window import Window
from highroad.planning.closure import Heed
from highroad.planning.find import find
from highroad.planning.ground import Ground, port_resource
from highroad.planning.placement import Path, Room, Want, one_way
from highroad.planning.protection import place_protected
from highroad.planning.sold import SOLD_STEP_MBPS, sold
from highroad.planning.spread import PARTS, most_ns
from highroad.units import gbps_from_mbps

PROTECTED_TRIES = 3
"""Higher rates at which a pair of ways is looked for: each takes as long as an order, the last one longer."""

PAIR_TRIES = 2
"""Primaries that are tried for a backup."""


class Look:
    """The ground of one refusal: nothing on it changes meanwhile."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._rooms: dict[tuple[Window, Fence | None, bool, Heed], Room] = {}
        self._most: dict[Want, int] = {}
        self._near: dict[tuple[TenantId, SiteId], list[tuple[float, Port]]] = {}

    def near(self, tenant: TenantId, site: SiteId) -> list[tuple[float, Port]]:
        """A tenant's ports at other sites, the nearest first, and how many kilometres away each is."""
        known = self._near.get((tenant, site))
        if known is None:
            ground, here, km_of = self.ground, self.ground.network.site[site], dict[SiteId, float]()
            known = self._near[tenant, site] = []
            for port in ground.ports.values():
                if port.tenant == tenant and port.site != site:
                    km = km_of.get(port.site)
                    if km is None:
                        there = ground.network.site[port.site]
                        km = km_of[port.site] = great_circle_km(here.lat, here.lon, there.lat, there.lon)
                    known.append((km, port))
            known.sort(key=lambda one: (one[0], one[1].id))
        return known

    def room(self, want: Want) -> Room:
        """What is free in a want's window and fence."""
        key = (want.window, want.fence, want.only_up, want.heed)
        known = self._rooms.get(key)
        if known is None:
            known = self._rooms[key] = Room(self.ground, want)
        return known

    def fastest(self, want: Want) -> Placement | None:
        """The fastest way there and back that has room for the want, backup and several ways aside."""
        room, quick = self.room(want), replace(want, fastest=True)
        there = one_way(self.ground, quick, want.a, want.b, room, None)
        back = None if there is None else one_way(self.ground, quick, want.b, want.a, room, there)
        if there is None or back is None:
            return None
        return Placement(there=there, back=back, bandwidth_gbps=want.bandwidth_gbps or 0.0)

    def pair(self, want: Want) -> Placement | None:
        """A primary with its backup, with fewer tries than an order has."""
        return place_protected(self.ground, want, room=self.room(want), tries=PAIR_TRIES)

    def found(self, want: Want) -> Placement | None:
        """A placement that keeps all that is wanted: the fastest single way where one does."""
        single = self.fastest(want)
        if want.protected:
            return None if single is None else self.pair(want)
        if single is None and want.max_paths > 1:
            return find(self.ground, want, self.room(want))
        return single

    def joined(self, want: Want, end: SiteId) -> frozenset[SiteId]:
        """Sites from which and to which links with room for the rate lead from and to an end, however far."""
        graph, fits, rate = self.ground.graph, self.room(want).fits, want.rate_mbps or 0
        both: list[set[int]] = []
        for turned in (False, True):
            seen = {graph.number[end]}
            waiting = list(seen)
            while waiting:
                here = waiting.pop()
                for arc in graph.out[here] if graph.transit[here] or len(seen) == 1 else ():
                    link = graph.opposite[arc.index] if turned else arc.index
                    if arc.head not in seen and (link < 0 or fits(link, rate)):
                        seen.add(arc.head)
                        waiting.append(arc.head)
            both.append(seen)
        return frozenset(graph.sites[number] for number in both[0] & both[1])

    def ports(self, ends: Iterable[Attachment], window: Window) -> int:
        """What the fuller of two ports has throughout a window, Mbit/s."""
        return min(self.ground.calendar.free(port_resource(end.port), window) for end in ends)

    def most(self, want: Want) -> int:
        """The highest rate up to the want's own at which a placement is found, Mbit/s; ports aside."""
        known = self._most.get(want)
        if known is None:
            widest = self._widest(want, self.room(want), want.rate_mbps or 0, _bound_ns(want))
            known = 0 if widest is None else widest[0]
            if want.protected:
                known = self._most_protected(want, known)
            elif want.max_paths > 1:
                known = self._most_spread(want, known)
            self._most[want] = known
        return known

    def _widest(self, want: Want, room: Room, enough: int, bound_ns: tuple[int, int]) -> tuple[int, Path, Path] | None:
        """The widest way there and back. Where both would use one link they share it, or one of them goes around."""
        graph = self.ground.graph
        numbers = graph.link_number

        def one(home: bool, most: int, barred: Path = ()) -> tuple[int, Path] | None:
            ends = (want.b, want.a) if home else (want.a, want.b)
            own = frozenset(map(numbers.__getitem__, barred))
            return widest_path(graph, *ends, room.free, bound_ns=bound_ns[home], enough=most, barred=own)

        there = one(False, enough)
        back = None if there is None else one(True, there[0])
        if there is None or back is None:
            return None
        shared = set(there[1]).intersection(back[1])
        if not shared:
            return back[0], there[1], back[1]
        half = min(room.free(numbers[link]) // 2 for link in shared)
        home, out = one(True, there[0], there[1]), one(False, back[0], back[1])
        found = [(min(back[0], half), there[1], back[1])]
        found += [(home[0], there[1], home[1])] if home else []
        found += [(out[0], out[1], back[1])] if out else []
        return max(found, key=lambda pair: pair[0])

    def _most_spread(self, want: Want, single: int) -> int:
        """Over several ways, the widest again and again; shares are whole parts of the rate, as in `spread`."""
        asked = want.rate_mbps or 0
        room, numbers = self.room(want).beside(), self.ground.graph.link_number
        bound_ns = most_ns(self.ground, want), most_ns(self.ground, want, home=True)
        widths: list[int] = []
        while len(widths) < want.max_paths:
            widest = self._widest(want, room, asked, bound_ns)
            if widest is None:
                break
            if widest[0] * PARTS < single:
                break
            widths.append(widest[0])
            for link in (*widest[1], *widest[2]):
                room.taken[numbers[link]] = room.taken.get(numbers[link], 0) + widest[0]
        for rate in _rates(widths, asked):
            if rate <= single:
                break
            if find(self.ground, replace(want, bandwidth_gbps=gbps_from_mbps(rate)), self.room(want)) is not None:
                return rate
        return single

    def _most_protected(self, want: Want, widest: int) -> int:
        """What the pair has that one would take if all were free, and then that of one for more, while there is one."""
        pair = self.pair(replace(want, bandwidth_gbps=None)) if widest else None
        if pair is None:
            return 0
        low, high = self._width(want, pair), min(widest, (want.rate_mbps or 0) - 1)
        for _ in range(PROTECTED_TRIES):
            more = sold(low) + SOLD_STEP_MBPS if low >= SOLD_STEP_MBPS else max(low + 1, min(high, SOLD_STEP_MBPS))
            if more > high:
                break
            pair = self.pair(replace(want, bandwidth_gbps=gbps_from_mbps(more)))
            if pair is None:
                break
            low = max(more, self._width(want, pair))
        return min(low, high)

    def _width(self, want: Want, pair: Placement) -> int:
        """The highest rate that a pair of ways has room for, as far as a link that both use in one direction tells."""
        ground, room, backup = self.ground, self.room(want), pair.backup
        numbers = ground.graph.link_number
        groups = ground.risks.of(map(numbers.__getitem__, pair.links))
        stands = () if backup is None else (*backup.there, *backup.back)
        spare = (ground.calendar.spare_for(link, want.window, groups) for link in stands)
        return max(0, min(*(room.free(numbers[link]) for link in pair.links), *spare))


def _bound_ns(want: Want) -> tuple[int, int]:
    bound_ns = UNREACHABLE - 1 if want.bound_ns is None else want.bound_ns
    return bound_ns, bound_ns


def _rates(widths: list[int], asked: int) -> list[int]:
    """The rates, the highest first and the three highest of them, that ways so wide can carry between them."""
    rates = sorted({min(asked, width * PARTS // parts) for width in widths for parts in range(1, PARTS + 1)})
    fitting = [rate for rate in rates if rate >= PARTS and sum(width * PARTS // rate for width in widths) >= PARTS]
    return fitting[::-1][:3]
