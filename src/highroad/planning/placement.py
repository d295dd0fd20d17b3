"""Where a service goes: the path there and back inside its bound and fence that leaves most room for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

from highroad.graph.cheapest import UNUSABLE, Prices, cheapest_path
from highroad.graph.paths import least_latency_path
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, SiteId
from highroad.model.service import Order, Placement, Protection
from highroad.model.window import Window
from highroad.planning.closure import Heed, closed
from highroad.planning.ground import Ground
from highroad.planning.price import room_price_ns
from highroad.units import mbps_from_gbps

Path = tuple[LinkId, ...]

SPARES_TOLD = 12
"""For so many sets of risk groups what a link has to spare is remembered."""

OUT = -1
"""What is free of a link that may not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a placement has to satisfy. None asks for nothing: no bound, no fence, no room.

    `fastest` asks for the least latency whatever room that leaves to others; so does asking for no room.
    """

    a: SiteId
    b: SiteId
    window: Window
    bandwidth_gbps: float | None
    bound_ms: float | None
    fence: Fence | None
    only_up: bool = True
    fastest: bool = False
    protected: bool = False
    max_paths: int = 1
    heed: Heed = Heed.ALL

    @property
    def rate_mbps(self) -> int | None:
        """The rate in the calendar's unit."""
        return None if self.bandwidth_gbps is None else mbps_from_gbps(self.bandwidth_gbps)

    @property
    def bound_ns(self) -> int | None:
        """The bound in the graph's unit."""
        return None if self.bound_ms is None else int(self.bound_ms * 1e6 + 1e-6)


def want_of(order: Order) -> Want:
    """All that an order asks of its path."""
    return Want(
        a=order.a_site,
        b=order.b_site,
        window=order.window,
        bandwidth_gbps=order.bandwidth_gbps,
        bound_ms=order.latency_bound_ms,
        fence=order.fence,
        protected=order.protection is Protection.PATH,
        max_paths=order.max_paths,
    )


def place(ground: Ground, want: Want, room: Room | None = None) -> Placement | None:
    """The path there and the path back, or None where one of them does not exist.

    Each is the one of least cost (`planning.price`), up to the factor of `graph.cheapest`, or of least latency where
    that is wanted. Both directions keep the bound, the fence and the rate; a link that both of them use has room for
    both. An order that fits on the fastest usable path is never refused. What a `room` of the same window and fence
    knows is not asked again.
    """
    room = room or Room(ground, want)
    there = one_way(ground, want, want.a, want.b, room, None)
    if there is None:
        return None
    back = one_way(ground, want, want.b, want.a, room, there)
    if back is None:
        return None
    return Placement(there=there, back=back, bandwidth_gbps=want.bandwidth_gbps or 0.0)


def latency_ms(ground: Ground, placement: Placement) -> float:
    """The worst of every branch and direction: what a bound is held against. The backup does not count."""
    graph = ground.graph
    return max(graph.latency_ms(way) for branch in placement.branches for way in (branch.there, branch.back))


def keeps(ground: Ground, placement: Placement, order: Order) -> bool:
    """Whether a placement is inside the bound and the fence of an order, and on no more paths than it allows."""
    if len(placement.branches) > order.max_paths:
        return False
    backup = placement.backup
    ways = [way for branch in placement.branches for way in (branch.there, branch.back)]
    ways += [] if backup is None else [backup.there, backup.back]
    bound = order.latency_bound_ms
    if bound is not None and any(ground.graph.latency_ms(way) > bound for way in ways):
        return False
    return order.fence is None or not any(order.fence.outside(ground.touched(way)) for way in ways)


class Room:
    """What is free of the links that may be used at all, each asked at most once: the ground as one want sees it.

    `taken` is what the want's own other branches hold of links already, Mbit/s; less than nothing where something that
    the calendar holds is the want's own.
    """

    __slots__ = (
        "_allowed",
        "_ask",
        "_calendar",
        "_each",
        "_free",
        "_links",
        "_spares",
        "_surely",
        "_unclaimed",
        "_window",
        "ground",
        "taken",
        "want",
    )

    def __init__(self, ground: Ground, want: Want) -> None:
        self.ground, self.want = ground, want
        self._calendar, self._links, self._window = ground.calendar, ground.graph.links, want.window
        self.taken: dict[int, int] = {}
        self._allowed = allowed(ground, want)
        self._ask = ground.calendar.asking(want.window)
        self._free: dict[int, int] = {}
        self._unclaimed: dict[int, int] = {}
        self._each: dict[int, dict[int, int]] = {}
        self._spares: dict[int, list[tuple[frozenset[str], int]]] = {}
        self._surely: dict[int, tuple[frozenset[str], int]] = {}
        """Of each link for which groups that was asked last, and what it is."""

    def beside(self) -> Room:
        """The same room, with what is known of it, for another that takes its own parts."""
        other = Room(self.ground, self.want)
        other._free = self._free
        return other

    def over(self, window: Window) -> Room:
        """The same links, asked what is free of them in another window."""
        other = Room(self.ground, self.want)
        other._window, other._ask = window, self._calendar.asking(window)
        return other

    def free(self, number: int) -> int:
        """Mbit/s throughout the window; -1 for a link outside the fence or out of use."""
        known = self._free.get(number)
        if known is None:
            known = self._free[number] = self._ask(self._links[number]) if self._allowed(number) else OUT
        return known - self.taken.get(number, 0) if self.taken else known

    def fits(self, number: int, rate_mbps: int) -> bool:
        """Whether so much is free, for less than it takes to say how much."""
        known = self._free.get(number)
        if known is None:
            if number not in self.taken and self._calendar.roomy(self._links[number], rate_mbps):
                return self._allowed(number)
            return self.free(number) >= rate_mbps
        return (known - self.taken.get(number, 0) if self.taken else known) >= rate_mbps

    def stands(self, number: int, rate_mbps: int, groups: frozenset[str]) -> bool:
        """Whether a link that may be used has room for a standby of a rate with these risk groups.

        More groups leave no more to spare, so most answers follow from those that were had for other groups.
        """
        if self.fits(number, rate_mbps):
            return True
        unclaimed = self.unclaimed(number)
        if unclaimed < rate_mbps or self.free(number) < 0:
            return False
        if self._surely_spare(number, unclaimed, groups) >= rate_mbps:
            return True
        for known, spare in self._spares.get(number, ()):
            if (known >= groups) if spare >= rate_mbps else (known <= groups):
                return spare >= rate_mbps
        return self._spare(number, groups) >= rate_mbps

    def unclaimed(self, number: int) -> int:
        """Mbit/s that nobody claims throughout the window, whatever stands by."""
        known = self._unclaimed.get(number)
        if known is None:
            known = self._unclaimed[number] = self._calendar.unclaimed(self._links[number], self._window)
        return known

    def spare(self, number: int, groups: frozenset[str], enough_mbps: int) -> int:
        """What a link that may be used has to spare for a standby with these risk groups: a lower bound where that is
        enough, and exact where it is not.
        """
        free = self.free(number)
        if free < 0:
            return free
        unclaimed = self.unclaimed(number)
        surely = self._surely_spare(number, unclaimed, groups)
        if surely == unclaimed or surely >= enough_mbps:
            return max(free, surely)
        return self._spare(number, groups)

    def _surely_spare(self, number: int, unclaimed_mbps: int, groups: frozenset[str]) -> int:
        known = self._surely.get(number)
        if known is None or known[0] is not groups:
            spare = self._calendar.surely_spare_for(self._links[number], unclaimed_mbps, groups)
            known = self._surely[number] = (groups, spare)
        return known[1]

    def _spare(self, number: int, groups: frozenset[str]) -> int:
        """Exact: of the first groups alone, and then of each one by itself, so that no others are asked for again."""
        told = self._spares.setdefault(number, [])
        for known, spare in told:
            if known == groups:
                return spare
        if told and not self._window.pieces:
            each = self._each.get(number)
            if each is None:
                each = self._each[number] = self._calendar.spares(self._links[number], self._window)
            most = self.unclaimed(number)
            return min(map(each.get, self._calendar.numbered(groups), repeat(most)), default=most)
        spare = self._calendar.spare_for(self._links[number], self._window, groups)
        told.insert(0, (groups, spare))
        del told[SPARES_TOLD:]
        return spare

    def allows(self, number: int) -> bool:
        """Whether a link may be used, whatever is free of it."""
        return self._allowed(number)

    def prices(self, rate_mbps: int, twice: frozenset[int] = frozenset()) -> Prices:
        """What a rate costs on each link, and twice the rate on some."""
        free_of, capacity, latency_ns = self.free, self.ground.capacity_mbps, self.ground.graph.latency_ns
        double = 2 * rate_mbps

        def ask(number: int) -> int:
            left = free_of(number) - (double if number in twice else rate_mbps)
            return room_price_ns(latency_ns[number], 1 - left / capacity[number]) if left >= 0 else UNUSABLE

        def may(number: int) -> bool:
            return fits(number, double if number in twice else rate_mbps)

        fits = self.fits
        return Prices(ask, may)


def one_way(
    ground: Ground, want: Want, source: SiteId, target: SiteId, room: Room, other: Path | None, rate: int | None = None
) -> Path | None:
    """One direction of a placement at a rate (the want's own if None); `other` is the one that is placed already."""
    graph = ground.graph
    rate = want.rate_mbps if rate is None else rate
    numbers = frozenset() if other is None else frozenset(graph.link_number[link] for link in other)
    if rate is None:
        return least_latency_path(graph, source, target, room.allows, bound_ns=want.bound_ns)
    if want.fastest:
        need = rate
        return least_latency_path(
            graph,
            source,
            target,
            lambda number: room.fits(number, 2 * need if number in numbers else need),
            bound_ns=want.bound_ns,
        )
    prices = room.prices(rate, numbers)
    if other is None:
        return cheapest_path(graph, source, target, prices, bound_ns=want.bound_ns)
    fair_ns = room.prices(rate).of(graph, other)
    return cheapest_path(
        graph, source, target, prices, bound_ns=want.bound_ns, hint=graph.turned(other), fair_ns=fair_ns
    )


def allowed(ground: Ground, want: Want) -> Callable[[int], bool]:
    """Whether a link is inside the fence, open throughout the window and, where that is wanted, in use."""
    inside = None if want.fence is None else ground.inside(want.fence)
    avoid = ground.avoid if want.only_up and want.window.start_s < ground.mended_s else frozenset()
    if ground.closures:
        avoid |= closed(ground.closures, want.window, want.heed)
    if inside is None:
        return lambda number: number not in avoid
    return lambda number: number not in avoid and inside[number]


def usable(ground: Ground, want: Want, besides: dict[int, int]) -> Callable[[int], bool]:
    """Whether a link may carry what is wanted. `besides` is what the other direction takes of it, Mbit/s."""
    room, rate = Room(ground, want), want.rate_mbps

    def test(number: int) -> bool:
        return room.allows(number) and (rate is None or room.free(number) >= rate + besides.get(number, 0))

    return test
