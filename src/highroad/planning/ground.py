"""What a decision stands on: the network, what is out of use, what is promised, who is plugged in where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from highroad.graph.paths import Graph, graph_of
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import CARRYING
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import Order, Placement, Port, PortId, Service, ServiceId, Window
from highroad.planning.calendar import Calendar, Claim
from highroad.units import mbps_from_gbps

CARRIES_OTHERS = frozenset({SiteKind.POP, SiteKind.EDGE})
"""Kinds of site that carry traffic in transit; a campus, a cloud on-ramp or an enterprise only ends it."""


VLAN_TAGS = range(1, 4095)
"""IEEE 802.1Q: 0 and 4095 are reserved."""

FOUND_TAGS = VLAN_TAGS[1:]
"""Those given to who names none: switches make 1 their default."""

EVER_S = float("-inf")


class Tags:
    """Who uses which VLAN tag of one port, and when; the tag None takes the whole port."""

    def __init__(self) -> None:
        self._windows: dict[int | None, dict[ServiceId, Window]] = {}
        self._first = FOUND_TAGS[0]
        """All found tags before this one have a user."""

    def taken(self, tag: int | None, window: Window) -> bool:
        """Whether a tag is in use at any time of a window."""
        return any(_meet(other, window) for other in self._windows.get(tag, {}).values())

    def in_use(self, window: Window) -> bool:
        """Whether any tag is."""
        return any(self.taken(tag, window) for tag in self._windows)

    def find(self, window: Window) -> int | None:
        """The first tag that nobody uses at any time, else one that is not in use in a window; None without any."""
        while self._first in self._windows:
            self._first += 1
        if self._first in FOUND_TAGS:
            return self._first
        return next((tag for tag in FOUND_TAGS if not self.taken(tag, window)), None)

    def plug(self, tag: int | None, service: ServiceId, window: Window) -> None:
        """Let a service use a tag."""
        self._windows.setdefault(tag, {})[service] = window

    def unplug(self, tag: int | None, service: ServiceId) -> None:
        """Let it go."""
        users = self._windows.get(tag, {})
        users.pop(service, None)
        if not users:
            self._windows.pop(tag, None)
            if tag is not None and tag in FOUND_TAGS:
                self._first = min(self._first, tag)


@dataclass(slots=True, kw_only=True)
class Ground:
    """The planner's view, kept current by whoever owns it; nothing here reads a clock.

    `avoid` are the links that may not be used now, because they are dark or being drained, numbered as in
    `graph.links`; a window that starts at `mended_s` or later counts on them all the same. Where routers do not carry
    VLAN tags (`carries_tags`) nobody may name one; the one that is found for an end is then only its number.
    """

    network: Network
    calendar: Calendar
    ports: dict[PortId, Port] = field(default_factory=dict)
    avoid: frozenset[int] = frozenset()
    mended_s: float = float("inf")
    carries_tags: bool = True
    _tags: dict[PortId, Tags] = field(init=False, repr=False, default_factory=dict)
    graph: Graph = field(init=False)
    _touches: tuple[frozenset[str], ...] = field(init=False, repr=False)
    _inside: dict[Fence, tuple[bool, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = graph_of(self.network, lambda site: site.kind in CARRIES_OTHERS)
        self._touches = tuple(self.network.jurisdictions_of(link) for link in self.graph.links)

    def inside(self, fence: Fence) -> tuple[bool, ...]:
        """For each link, whether all that it touches is inside a fence."""
        known = self._inside.get(fence)
        if known is None:
            known = tuple(all(map(fence.allows, touched)) for touched in self._touches)
            if len(self._inside) > 1000:
                self._inside.clear()
            self._inside[fence] = known
        return known

    def touched(self, path: tuple[LinkId, ...]) -> frozenset[str]:
        """Every jurisdiction that a path touches."""
        return frozenset().union(*(self._touches[self.graph.link_number[link]] for link in path))

    def room(self, placement: Placement, window: Window) -> bool:
        """Whether every link of a placement has room for it throughout a window."""
        return all(self.calendar.free(link, window) >= rate for link, rate in placement.load_mbps().items())

    def port_room(self, order: Order) -> bool:
        """Whether both ports have room for an order throughout its window."""
        rate = mbps_from_gbps(order.bandwidth_gbps)
        return all(self.calendar.free(port_resource(end.port), order.window) >= rate for end in (order.a, order.b))

    def keep(self, service: Service) -> None:
        """Make the calendar and the ports hold what a service holds."""
        self.calendar.keep(service.id, claims_of(service))
        for end in (service.order.a, service.order.b):
            if service.holds:
                self.tags(end.port).plug(end.vlan, service.id, service.order.window)
            else:
                self.tags(end.port).unplug(end.vlan, service.id)

    def tags(self, port: PortId) -> Tags:
        """What is plugged into a port."""
        known = self._tags.get(port)
        if known is None:
            known = self._tags[port] = Tags()
        return known


def capacities_of(network: Network, ports: Mapping[PortId, Port]) -> dict[str, int]:
    """Mbit/s of every link and port, as the calendar's resources."""
    capacity: dict[str, int] = {link.id: mbps_from_gbps(link.capacity_gbps) for link in network.links}
    capacity.update({port_resource(port.id): mbps_from_gbps(port.rate_gbps) for port in ports.values()})
    return capacity


def port_resource(port: PortId) -> str:
    """The calendar's name of a port; link names cannot start so."""
    return f"port:{port}"


def _meet(one: Window, other: Window) -> bool:
    return one.start_s < other.until_s and other.start_s < one.until_s


def claims_of(service: Service) -> list[Claim]:
    """What a service keeps of every link and port: the equation of never overselling.

    In its window it keeps its placement; until its window ends, or routers have confirmed that they let go, it
    keeps every placement that it is leaving; on a link in both it is one stream and keeps the larger:
    claim(link, t) = max(leaving(link), placement(link) if t in window). Past the end of the window its room is
    somebody else's by right; that they do not meet on a link is then the reconciler's doing, which installs nothing
    before it fits beside what routers still hold.

    A window that has opened claims from ever on: nobody asks about the past, and so it takes no step of its own.
    """
    window = service.order.window
    if service.ended_s is not None and service.ended_s >= window.until_s:
        return []
    always: dict[str, int] = {}
    for leaving in service.leaving:
        for link, rate in leaving.load_mbps().items():
            always[link] = max(rate, always.get(link, 0))
    claims = [Claim(link, EVER_S, window.until_s, rate) for link, rate in always.items()]
    if service.holds:
        start_s = EVER_S if service.state in CARRYING else window.start_s
        wanted = {} if service.placement is None else service.placement.load_mbps()
        for link, rate in wanted.items():
            more = rate - always.get(link, 0)
            if more > 0:
                claims.append(Claim(link, start_s, window.until_s, more))
        rate = mbps_from_gbps(service.order.bandwidth_gbps)
        ports = (port_resource(end.port) for end in (service.order.a, service.order.b))
        claims.extend(Claim(port, start_s, window.until_s, rate) for port in ports)
    return claims
