"""What a decision stands on: the network, what is out of use, what is promised, who is plugged in where."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field

from highroad.graph.disjoint import Risks, risks_of, site_group
from highroad.graph.paths import Graph, graph_of
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import CARRYING, State
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import Attachment, Home, Order, Placement, Port, PortId, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.calendar import Calendar, Claim, Standby
from highroad.planning.chances import chances_of
from highroad.planning.closure import EVER_S, Closure, in_turn
from highroad.units import mbps_from_gbps

CARRIES_OTHERS = frozenset({SiteKind.POP, SiteKind.EDGE})
"""Kinds of site that carry traffic in transit; a campus, a cloud on-ramp or an enterprise only ends it."""


VLAN_TAGS = range(1, 4095)
"""IEEE 802.1Q: 0 and 4095 are reserved."""

FOUND_TAGS = VLAN_TAGS[1:]
"""Those given to who names none: switches make 1 their default."""

LEAVES = CARRYING | {State.SUSPENDED, State.TERMINATED, State.FAILED}
"""States of a service in pieces in which what it is leaving is its own to the end of the piece that was open."""


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
    `graph.links`; a window that starts at `mended_s` or later counts on them all the same. Who is placed in the time of
    one of the `closures` keeps out of its links. Where routers do not carry VLAN tags (`carries_tags`) nobody may name
    one; the one that is found for an end is then only its number.
    """

    network: Network
    calendar: Calendar
    ports: dict[PortId, Port] = field(default_factory=dict)
    avoid: frozenset[int] = frozenset()
    closures: tuple[Closure, ...] = ()
    mended_s: float = float("inf")
    carries_tags: bool = True
    _tags: dict[PortId, Tags] = field(init=False, repr=False, default_factory=dict)
    _ends: dict[ServiceId, tuple[tuple[Attachment, Window], ...]] = field(init=False, repr=False, default_factory=dict)
    """What each service has plugged in, and when."""
    graph: Graph = field(init=False)
    capacity_mbps: tuple[int, ...] = field(init=False, repr=False)
    """Of each link, numbered as in `graph.links`."""
    widths_mbps: tuple[int, ...] = field(init=False, repr=False)
    """The capacities that there are, the narrowest first."""
    _touches: tuple[frozenset[str], ...] = field(init=False, repr=False)
    _risks: Risks | None = field(init=False, repr=False, default=None)
    _chances: Mapping[str, float] | None = field(init=False, repr=False, default=None)
    _called: dict[tuple[tuple[LinkId, ...], tuple[LinkId, ...], frozenset[str]], frozenset[str]] = field(
        init=False, repr=False, default_factory=dict
    )
    _inside: dict[Fence, tuple[bool, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = graph_of(self.network, lambda site: site.kind in CARRIES_OTHERS)
        self.capacity_mbps = tuple(mbps_from_gbps(link.capacity_gbps) for link in self.network.links)
        self.widths_mbps = tuple(sorted(set(self.capacity_mbps)))
        self._touches = tuple(self.network.jurisdictions_of(link) for link in self.graph.links)

    @property
    def risks(self) -> Risks:
        """What takes which links down."""
        if self._risks is None:
            self._risks = risks_of(self.network, self.graph)
        return self._risks

    @property
    def chances(self) -> Mapping[str, float]:
        """How often each risk group is down."""
        if self._chances is None:
            self._chances = chances_of(self.network)
        return self._chances

    def groups_of(self, link: LinkId) -> frozenset[str]:
        """The risk groups of a link: its fibres, what they share with others, and the sites that it touches.

        Empty for a link that is no longer there.
        """
        number = self.graph.link_number.get(link)
        return frozenset() if number is None else self.risks.groups[number]

    def called_by(self, links: tuple[LinkId, ...], backup: tuple[LinkId, ...], ends: frozenset[str]) -> frozenset[str]:
        """The risk groups of some links that neither a backup nor its ends share: services on one route ask for the
        same.
        """
        asked = links, backup, ends
        known = self._called.get(asked)
        if known is None:
            theirs = frozenset[str]().union(*map(self.groups_of, backup))
            known = frozenset[str]().union(*map(self.groups_of, links)) - theirs - ends
            if len(self._called) > 10_000:
                self._called.clear()
            self._called[asked] = known
        return known

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
            self.calendar.spare_for(one.resource, window.stood_by, one.groups) >= one.rate_mbps
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

    def port_room(self, order: Order, window: Window | None = None) -> bool:
        """Whether both ports have room for an order throughout its window, or another."""
        rate, when = mbps_from_gbps(order.bandwidth_gbps), window or order.window
        return all(self.calendar.free(port_resource(end.port), when) >= rate for end in (order.a, order.b))

    def keep_all(self, services: Collection[Service]) -> None:
        """Make the calendar and the ports hold what these services hold, and nothing else: many times quicker than one
        by one.
        """
        holders = ((one.id, claims_of(one), standbys_of(one, self)) for one in services)
        self.calendar = Calendar.build(capacities_of(self.network, self.ports), holders)
        self._tags.clear()
        self._ends.clear()
        for service in services:
            self._plug(service)

    def keep(self, service: Service) -> None:
        """Make the calendar and the ports hold what a service holds."""
        self.calendar.keep(service.id, claims_of(service), standbys_of(service, self))
        self._plug(service)

    def keep_detour(self, holder: str, service: Service, detour: Placement, window: Window) -> bool:
        """Let a holder keep a detour in a window for a service, if what that needs beside what is kept for it already
        fits; else the holder keeps nothing. Where it is and wherever it goes it is one stream: of a link it needs the
        most of these, not their sum.
        """
        self.calendar.keep_beside(holder, service.id, ())
        ends = frozenset({site_group(service.order.a_site), site_group(service.order.b_site)})
        load = detour.load_mbps().items()
        claims = [
            Claim(link, piece.start_s, piece.until_s, rate) for piece in window.parts for link, rate in load if rate
        ]
        standbys = [one for piece in window.parts for one in standbys_over(self, detour, ends, piece)]
        more, called = self.calendar.beyond(service.id, claims, standbys)
        self.calendar.keep_beside(holder, service.id, claims, standbys)
        grown: list[Claim | Standby] = [*more, *called]
        if any(self.calendar.free(one.resource, _time(one)) < 0 for one in grown):
            self.calendar.keep_beside(holder, service.id, ())
            return False
        return True

    def give_up_detour(self, holder: str, service: ServiceId) -> None:
        """Let a holder keep nothing for a service any more."""
        self.calendar.keep_beside(holder, service, ())

    def _plug(self, service: Service) -> None:
        """Its ends are in use in its window, those that it was moved away from until routers have let go of them."""
        window = service.order.window
        held = [(end, window) for end in (service.order.a, service.order.b)] if service.holds else []
        if service.leaving_ends:
            leaving = Window(start_s=EVER_S, end_s=window.end_s)
            held += [(end, leaving) for end in service.leaving_ends]
        if service.id in self._ends:
            self._unplug(service.id)
        self._plug_all(service.id, held)

    def _plug_all(self, service: ServiceId, ends: Iterable[tuple[Attachment, Window]]) -> None:
        kept = tuple(ends)
        for end, window in kept:
            self.tags(end.port).plug(end.vlan, service, window)
        if kept:
            self._ends[service] = kept

    def _unplug(self, service: ServiceId) -> tuple[tuple[Attachment, Window], ...]:
        ends = self._ends.pop(service, ())
        for end, _ in ends:
            self.tags(end.port).unplug(end.vlan, service)
        return ends

    @contextmanager
    def without(self, service: ServiceId) -> Iterator[None]:
        """The ground as it would be without a service, its capacity and its tags, for as long as the context lasts."""
        ends = self._unplug(service)
        try:
            with self.calendar.without(service):
                yield
        finally:
            self._plug_all(service, ends)

    def seen_with(self, ports: Mapping[PortId, Port]) -> Ground:
        """The same ground, to read from, as it would be with these ports besides; nothing is plugged into new ones."""
        view = copy(self)
        view.ports, view._tags = {**self.ports, **ports}, dict(self._tags)
        return view

    def tags(self, port: PortId) -> Tags:
        """What is plugged into a port."""
        known = self._tags.get(port)
        if known is None:
            known = self._tags[port] = Tags()
        return known


def _time(one: Claim | Standby) -> Window:
    return Window(start_s=one.start_s, end_s=None if one.until_s == math.inf else one.until_s)


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

    In each piece of its window it keeps its placement; until the piece that is open ends, or routers have confirmed
    that they let go, it keeps every placement that it is leaving; on a link in both it is one stream and keeps the
    larger: claim(link, t) = max(leaving(link), placement(link) if t in window). Past the end its room is somebody
    else's by right; that they do not meet on a link is then the reconciler's doing, which installs nothing
    before it fits beside what routers still hold.

    A window that has opened claims from ever on: nobody asks about the past, and so it takes no step of its own.
    One that is on a detour keeps where it is until it has had time to leave, and its home from when it goes back.
    """
    if service.ended_s is not None and service.ended_s >= service.window.until_s:
        return []
    if service.home is not None:
        return _claims_in_turn(service, service.home)
    if service.stays:
        return _claims_of_who_stays(service)
    always: dict[LinkId, int] = {}
    for leaving in service.leaving:
        for link, rate in leaving.load_mbps().items():
            always[link] = max(rate, always.get(link, 0))
    rate = mbps_from_gbps(service.order.bandwidth_gbps)
    claims: list[Claim] = []
    gone_s = left_by_s(service)
    if gone_s is not None:
        claims = [Claim(link, EVER_S, gone_s, left) for link, left in always.items()]
        claims += [Claim(port_resource(end.port), EVER_S, gone_s, rate) for end in service.leaving_ends]
    if service.holds:
        wanted = {} if service.placement is None else service.placement.load_mbps()
        ports = [port_resource(end.port) for end in (service.order.a, service.order.b)]
        for stretch, beside in _stretches(service, gone_s):
            start_s, until_s = stretch.start_s, stretch.until_s
            for link, need in wanted.items():
                more = need - always.get(link, 0) if beside else need
                if more > 0:
                    claims.append(Claim(link, start_s, until_s, more))
            claims.extend(Claim(port, start_s, until_s, rate) for port in ports)
    return claims


def _claims_of_who_stays(service: Service) -> list[Claim]:
    """Of most services: one window in one piece, one placement, and nothing that is left."""
    if not service.holds:
        return []
    order = service.order
    start_s = EVER_S if service.state in CARRYING else order.window.start_s
    until_s, rate = order.window.until_s, mbps_from_gbps(order.bandwidth_gbps)
    wanted = {} if service.placement is None else service.placement.load_mbps()
    new = tuple.__new__  # as `Claim(...)` does, for less than it takes to call that
    claims = [new(Claim, (link, start_s, until_s, need)) for link, need in wanted.items() if need > 0]
    claims += [Claim(port_resource(end.port), start_s, until_s, rate) for end in (order.a, order.b)]
    return claims


def left_by_s(service: Service) -> float | None:
    """Until when what a service is leaving is its own: to the end of the piece that is open, or was when it left.

    None where its time is over, or it gave that up to others at once: what routers may still hold is in nobody's way by
    right.
    """
    if service.gave_way or (service.order.window.pieces and service.state not in LEAVES):
        return None
    until_s = service.piece.until_s
    return until_s if service.leaves_by_s is None else min(until_s, service.leaves_by_s)


def _stretches(service: Service, gone_s: float | None) -> Iterator[tuple[Window, bool]]:
    """The pieces of a window that are still to come, and whether what the service is leaving is kept beside each."""
    for place, piece in enumerate(service.window.parts):
        start_s = EVER_S if service.state in CARRYING and not place else piece.start_s
        if place or gone_s is None:
            yield Window(start_s=start_s, end_s=piece.end_s), False
        elif gone_s >= piece.until_s:
            yield Window(start_s=start_s, end_s=piece.end_s), True
        else:
            if start_s < gone_s:
                yield Window(start_s=start_s, end_s=gone_s), True
            yield Window(start_s=max(start_s, gone_s), end_s=piece.end_s), False


def _stood(service: Service, gone_s: float | None) -> list[tuple[Window, bool]]:
    """The stretches in which a backup stands by: those of the pieces, or of very many one over all that are left."""
    stretches = list(_stretches(service, gone_s))
    if service.window.stood_by.pieces or not service.window.pieces:
        return stretches
    last_s, beside = service.window.end_s, [one for one in stretches if one[1]]
    start_s = stretches[len(beside)][0].start_s if beside else stretches[0][0].start_s
    return [*beside, (Window(start_s=start_s, end_s=last_s), False)]


def standbys_of(service: Service, ground: Ground) -> list[Standby]:
    """What a protected service keeps for when its primary fails: on each link of its backup the whole rate.

    It is called upon by any group that takes the primary down, but for those that both share and those of its ends,
    which no backup covers; on links that it is carried over already it needs no more. Of a placement that it is
    leaving the backup is kept as long as the placement; a link that both back up on keeps one stream, for the groups
    of either.
    """
    here = service.placement if service.holds else None
    if (here is None or here.backup is None) and not any(one.backup for one in service.leaving):
        return []
    if service.stays:
        return _standbys_of_who_stays(service, here, ground)
    if service.ended_s is not None and service.ended_s >= service.window.until_s:
        return []
    gone_s = left_by_s(service)
    stands: list[tuple[Placement, Window, bool]] = []
    if gone_s is not None and service.leaving:
        now = Window(start_s=EVER_S, end_s=None if gone_s == math.inf else gone_s)
        stands = [(one, now, True) for one in service.leaving]
    if here is not None:
        stands += [(here, stretch, beside) for stretch, beside in _stood(service, gone_s)]
    if not any(placement.backup for placement, _, _ in stands):
        return []
    ends = frozenset({site_group(service.order.a_site), site_group(service.order.b_site)})
    if service.home is not None:
        turns = in_turn(service, service.home, gone_s)
        return [one for stay, held in turns for one in _standing_by(ground, held, ends, stay)]
    own = {} if here is None else here.load_mbps()
    both = dict(own)
    for placement in service.leaving:
        for link, rate in placement.load_mbps().items():
            both[link] = max(rate, both.get(link, 0))
    kept: dict[tuple[LinkId, float], Standby] = {}
    for placement, stretch, beside in stands:
        claimed = both if beside else own
        for one in standbys_over(ground, placement, ends, stretch):
            link = LinkId(one.resource)
            held = claimed.get(link, 0)
            more = one._replace(rate_mbps=one.rate_mbps - held) if held else one
            at = (link, one.until_s)
            if more.rate_mbps > 0:
                kept[at] = _one_stream(kept[at], more) if at in kept else more
    return list(kept.values())


def _standbys_of_who_stays(service: Service, here: Placement | None, ground: Ground) -> list[Standby]:
    """Of most that are protected: one window in one piece, and one placement."""
    order = service.order
    if here is None or (service.ended_s is not None and service.ended_s >= order.window.until_s):
        return []
    start_s = EVER_S if service.state in CARRYING else order.window.start_s
    ends = frozenset({site_group(order.a_site), site_group(order.b_site)})
    return standbys_over(ground, here, ends, Window(start_s=start_s, end_s=order.window.end_s))


def _claims_in_turn(service: Service, home: Home) -> list[Claim]:
    claims = []
    for stay, held in in_turn(service, home, left_by_s(service)):
        most: dict[str, int] = {}
        for placement in held:
            for link, rate in placement.load_mbps().items():
                most[link] = max(rate, most.get(link, 0))
        claims += [Claim(link, stay.start_s, stay.until_s, rate) for link, rate in most.items()]
    rate, gone_s = mbps_from_gbps(service.order.bandwidth_gbps), left_by_s(service)
    if gone_s is not None:
        claims += [Claim(port_resource(end.port), EVER_S, gone_s, rate) for end in service.leaving_ends]
    if service.holds:
        ports = [port_resource(end.port) for end in (service.order.a, service.order.b)]
        claims += [
            Claim(port, stretch.start_s, stretch.until_s, rate)
            for stretch, _ in _stretches(service, None)
            for port in ports
        ]
    return claims


def _standing_by(ground: Ground, held: list[Placement], ends: frozenset[str], window: Window) -> list[Standby]:
    claimed: dict[str, int] = {}
    for placement in held:
        for link, rate in placement.load_mbps().items():
            claimed[link] = max(rate, claimed.get(link, 0))
    kept: dict[str, Standby] = {}
    for placement in held:
        for one in standbys_over(ground, placement, ends, window):
            stand = one.resource
            more = one._replace(rate_mbps=one.rate_mbps - claimed.get(stand, 0))
            if more.rate_mbps > 0:
                kept[stand] = _one_stream(kept[stand], more) if stand in kept else more
    return list(kept.values())


def standbys_over(ground: Ground, placement: Placement, ends: frozenset[str], window: Window) -> list[Standby]:
    """What one placement keeps for its backup in a window; `ends` are the groups of its end sites."""
    if placement.backup is None:
        return []
    backup, links = (*placement.backup.there, *placement.backup.back), placement.links
    groups = ground.called_by(links, backup, ends)
    rate = mbps_from_gbps(placement.bandwidth_gbps)
    return [
        Standby(link, window.start_s, window.until_s, rate, groups)
        for link in dict.fromkeys(backup)
        if link not in links
    ]


def _one_stream(one: Standby, other: Standby) -> Standby:
    return Standby(
        one.resource,
        min(one.start_s, other.start_s),
        max(one.until_s, other.until_s),
        max(one.rate_mbps, other.rate_mbps),
        one.groups | other.groups,
    )
