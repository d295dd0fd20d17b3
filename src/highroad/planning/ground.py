"""What a decision stands on: the network, what is out of use, what is promised, who is plugged in where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from highroad.graph.disjoint import Risks, risks_of, site_group
from highroad.graph.paths import Graph, graph_of
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import CARRYING
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import Order, Placement, Port, PortId, Service, ServiceId, Window
from highroad.planning.calendar import Calendar, Claim, Standby
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
    capacity_mbps: tuple[int, ...] = field(init=False, repr=False)
    """Of each link, numbered as in `graph.links`."""
    _touches: tuple[frozenset[str], ...] = field(init=False, repr=False)
    _risks: Risks | None = field(init=False, repr=False, default=None)
    _inside: dict[Fence, tuple[bool, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = graph_of(self.network, lambda site: site.kind in CARRIES_OTHERS)
        self.capacity_mbps = tuple(mbps_from_gbps(link.capacity_gbps) for link in self.network.links)
        self._touches = tuple(self.network.jurisdictions_of(link) for link in self.graph.links)

    @property
    def risks(self) -> Risks:
        """What takes which links down."""
        if self._risks is None:
            self._risks = risks_of(self.network, self.graph)
        return self._risks

    def groups_of(self, link: LinkId) -> frozenset[str]:
        """The risk groups of a link: its fibres, what they share with others, and the sites that it touches.

        Empty for a link that is no longer there.
        """
        number = self.graph.link_number.get(link)
        return frozenset() if number is None else self.risks.groups[number]

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
        if not all(self.calendar.free(link, window) >= rate for link, rate in placement.load_mbps().items()):
            return False
        return all(
            self.calendar.spare_for(one.resource, window, one.groups) >= one.rate_mbps
            for one in self._standbys(placement, window)
        )

    def spare_holds(self, placement: Placement, window: Window) -> bool:
        """Whether every link of a backup that is called has room for it beside what is claimed: the spare that it
        shares with others is there for whom a failure strikes.
        """
        loads = placement.load_mbps().items()
        return all(self.calendar.unclaimed(link, window) >= rate for link, rate in loads)

    def _standbys(self, placement: Placement, window: Window) -> list[Standby]:
        if placement.backup is None:
            return []
        ends = (self.network.link[way[0]].tail for way in (placement.there, placement.back))
        return standbys_over(self, placement, frozenset(map(site_group, ends)), window)

    def port_room(self, order: Order) -> bool:
        """Whether both ports have room for an order throughout its window."""
        rate = mbps_from_gbps(order.bandwidth_gbps)
        return all(self.calendar.free(port_resource(end.port), order.window) >= rate for end in (order.a, order.b))

    def keep_all(self, services: Collection[Service]) -> None:
        """Make the calendar and the ports hold what these services hold, and nothing else: many times quicker than one
        by one.
        """
        holders = ((one.id, claims_of(one), standbys_of(one, self)) for one in services)
        self.calendar = Calendar.build(capacities_of(self.network, self.ports), holders)
        self._tags.clear()
        for service in services:
            self._plug(service)

    def keep(self, service: Service) -> None:
        """Make the calendar and the ports hold what a service holds."""
        self.calendar.keep(service.id, claims_of(service), standbys_of(service, self))
        self._plug(service)

    def _plug(self, service: Service) -> None:
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


def standbys_of(service: Service, ground: Ground) -> list[Standby]:
    """What a protected service keeps for when its primary fails: on each link of its backup the whole rate.

    It is called upon by any group that takes the primary down, but for those that both share and those of its ends,
    which no backup covers; on links that it is carried over already it needs no more. Of a placement that it is
    leaving the backup is kept as long as the placement; a link that both back up on keeps one stream, for the groups
    of either.
    """
    window = service.order.window
    if service.ended_s is not None and service.ended_s >= window.until_s:
        return []
    kept: dict[LinkId, Standby] = {}
    start_s = EVER_S if service.state in CARRYING else window.start_s
    stands = [(one, EVER_S) for one in service.leaving]
    if service.holds and service.placement is not None:
        stands.append((service.placement, start_s))
    ends = frozenset({site_group(service.order.a_site), site_group(service.order.b_site)})
    claimed: dict[LinkId, int] = {}
    for placement, _ in stands:
        for link, rate in placement.load_mbps().items():
            claimed[link] = max(rate, claimed.get(link, 0))
    for placement, since_s in stands:
        for one in standbys_over(ground, placement, ends, Window(start_s=since_s, end_s=window.end_s)):
            link = LinkId(one.resource)
            more = replace(one, rate_mbps=one.rate_mbps - claimed.get(link, 0))
            if more.rate_mbps > 0:
                kept[link] = _one_stream(kept[link], more) if link in kept else more
    return list(kept.values())


def standbys_over(ground: Ground, placement: Placement, ends: frozenset[str], window: Window) -> list[Standby]:
    """What one placement keeps for its backup in a window; `ends` are the groups of its end sites."""
    if placement.backup is None:
        return []
    backup = (*placement.backup.there, *placement.backup.back)
    theirs = frozenset().union(*map(ground.groups_of, backup))
    groups = frozenset().union(*map(ground.groups_of, placement.links)) - theirs - ends
    rate = mbps_from_gbps(placement.bandwidth_gbps)
    return [
        Standby(link, window.start_s, window.until_s, rate, groups)
        for link in dict.fromkeys(backup)
        if link not in placement.links
    ]


def _one_stream(one: Standby, other: Standby) -> Standby:
    return Standby(
        one.resource,
        min(one.start_s, other.start_s),
        max(one.until_s, other.until_s),
        max(one.rate_mbps, other.rate_mbps),
        one.groups | other.groups,
    )
