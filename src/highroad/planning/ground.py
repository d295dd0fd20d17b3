"""What a decision stands on: the network, what is out of use, what is promised, who is plugged in where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from highroad.graph.paths import Graph, graph_of
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import Order, Placement, Port, PortId, Service, ServiceId, Window
from highroad.planning.calendar import Calendar, Claim
from highroad.units import mbps_from_gbps

CARRIES_OTHERS = frozenset({SiteKind.POP, SiteKind.EDGE})
"""Kinds of site that carry traffic in transit; a campus, a cloud on-ramp or an enterprise only ends it."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """The planner's view, kept current by whoever owns it; nothing here reads a clock.

    `avoid` are the links that may not be used now, because they are dark or being drained, numbered as in
    `graph.links`. `plugged` has, for each port, when a tag on it is taken (a tag of None takes the whole port).
    """

    network: Network
    calendar: Calendar
    ports: dict[PortId, Port] = field(default_factory=dict)
    avoid: frozenset[int] = frozenset()
    plugged: dict[PortId, dict[ServiceId, tuple[Window, int | None]]] = field(default_factory=dict)
    graph: Graph = field(init=False)
    transit: tuple[bool, ...] = field(init=False)
    _touches: tuple[frozenset[str], ...] = field(init=False, repr=False)
    _inside: dict[Fence, tuple[bool, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = graph_of(self.network)
        self.transit = tuple(site.kind in CARRIES_OTHERS for site in self.network.sites)
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
        for port in (service.order.a.port, service.order.b.port):
            self.plugged.get(port, {}).pop(service.id, None)
        if service.holds:
            for end in (service.order.a, service.order.b):
                self.plugged.setdefault(end.port, {})[service.id] = (service.order.window, end.vlan)


def capacities_of(network: Network, ports: Mapping[PortId, Port]) -> dict[str, int]:
    """Mbit/s of every link and port, as the calendar's resources."""
    capacity: dict[str, int] = {link.id: mbps_from_gbps(link.capacity_gbps) for link in network.links}
    capacity.update({port_resource(port.id): mbps_from_gbps(port.rate_gbps) for port in ports.values()})
    return capacity


def port_resource(port: PortId) -> str:
    """The calendar's name of a port; link names cannot start so."""
    return f"port:{port}"


def claims_of(service: Service) -> list[Claim]:
    """What a service keeps of every link and port: the equation of never overselling.

    In its window it keeps its placement; until its window ends, or routers have confirmed that they let go, it
    keeps every placement that it is leaving; on a link in both it is one stream and keeps the larger:
    claim(link, t) = max(leaving(link), placement(link) if t in window). Past the end of the window its room is
    somebody else's by right; that they do not meet on a link is then the reconciler's doing, which installs nothing
    before it fits beside what routers still hold.
    """
    always: dict[str, int] = {}
    for leaving in service.leaving:
        for link, rate in leaving.load_mbps().items():
            always[link] = max(rate, always.get(link, 0))
    window = service.order.window
    claims = [Claim(link, float("-inf"), window.until_s, rate) for link, rate in always.items()]
    placement = service.placement
    if service.holds and placement is not None:
        for link, rate in placement.load_mbps().items():
            more = rate - always.get(link, 0)
            if more > 0:
                claims.append(Claim(link, window.start_s, window.until_s, more))
        rate = mbps_from_gbps(service.order.bandwidth_gbps)
        ports = (port_resource(end.port) for end in (service.order.a, service.order.b))
        claims.extend(Claim(port, window.start_s, window.until_s, rate) for port in ports)
    return claims
