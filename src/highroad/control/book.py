"""What the controller knows: the store's truth in memory, with the calendar that follows from it.

A `Draft` is the book being changed: what it records goes into one commit. If the commit fails the book is read
from the store again, so the store is always right.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from highroad.control.detours import Detours, closure_of
from highroad.control.draft import Draft as Draft
from highroad.control.draft import in_order_of_need as in_order_of_need
from highroad.control.index import Index
from highroad.control.present import Present
from highroad.control.protected import Protected
from highroad.control.rooms import Rooms
from highroad.control.tally import Tally
from highroad.control.trial import Trials
from highroad.control.underway import Underway
from highroad.graph.paths import Graph
from highroad.model.freeze import Freeze
from highroad.model.incident import Fault, Incident, IncidentId, Maintenance, MaintenanceId
from highroad.model.lifecycle import ENDED, HOLDING, State
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.plan import Optimising
from highroad.model.policy import LocalRepair, Policy, loads_of, policy_of
from highroad.model.service import Placement, Port, PortId, Protection, Service, ServiceId, Tenant, TenantId
from highroad.model.webhook import Webhook, WebhookId
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of, port_resource
from highroad.planning.placement import latency_ms
from highroad.ports import Answer, Observed, ServiceCounters, Snapshot, TokenRecord
from highroad.units import mbps_from_gbps

EMPTY = Network(name="empty", sites=(), fibres=(), links=())

NOTICED_WITHIN_S = 0.3
"""A reading so long before a failure was noticed has nothing of its darkness in it."""

MENDED_AFTER_S = 7 * 86400.0
"""What is dark or drained now is counted on for windows that start so much later."""

REMEMBERED = 200_000
"""Latencies and policies that are kept once computed."""

RECENT = 200
"""Incidents that are closed and still listed; every event of the older ones is in the store."""


class Book:
    """The truth in memory. Read it freely between awaits; change it through a `Draft`."""

    def __init__(self, snapshot: Snapshot, *, carries_tags: bool = True, before: Book | None = None) -> None:
        """`before` is the book that this one takes the place of: what routers hold is not in the store."""
        self.carries_tags = carries_tags
        self.network = snapshot.network or EMPTY
        self.revision = snapshot.network_revision
        self.tenants: dict[TenantId, Tenant] = {one.id: one for one in snapshot.tenants}
        self.ports: dict[PortId, Port] = {one.id: one for one in snapshot.ports}
        self.services: dict[ServiceId, Service] = {one.id: one for one in snapshot.services}
        self.tally = Tally(self.services)
        self.protected = Protected(self.services.values())
        """Ways around links, for local repair."""
        self._elastic: dict[ServiceId, None] = {}
        self._held: dict[ServiceId, None] = {}
        for service in snapshot.services:
            self.note(service)
        self.incidents: dict[IncidentId, Incident] = {}
        self.unhealed: dict[IncidentId, int] = {}
        """Of open incidents, how many services are dark yet; none where there are none."""
        self.wait_to_restore_s: float = 0.0 if before is None else before.wait_to_restore_s
        """How long a fibre that failed has to be good before it is used again."""
        self.optimising: Optimising = Optimising.OFF if before is None else before.optimising
        """Whether services may be moved for a better plan of all that is carried."""
        self.last_fault: dict[FibreId, Fault] = {}
        """Of each fibre that has failed, the last time."""
        self.stands_back: dict[ServiceId, ServiceId] = {}
        """Services that stand back in open incidents, and for whom."""
        self.yielding: set[ServiceId] = set()
        """Services that were moved out of the way of one that goes first, and whose routers have not confirmed it."""
        self.room_looked: dict[ServiceId, int] = {}
        """At which count of `changes` it was last looked whether somebody stands back for a service."""
        self.waiting: frozenset[FibreId] = frozenset()
        """Fibres that are good again, and not trusted yet."""
        self._dark_after_ms: dict[ServiceId, float] = {}
        for incident in snapshot.incidents:
            self.put_incident(incident)
        self.maintenances: dict[MaintenanceId, Maintenance] = {one.id: one for one in snapshot.maintenances}
        self.touched: set[ServiceId] = set(self.services)
        """Services that changed since what maintenances have booked for them was last looked at."""
        self.underway: Underway | None = None
        """A change of several services that is being made in steps."""
        self.rooms = Rooms.of(self.services)
        """Who waits for others that make room for it."""
        self.considered: tuple[int, set[ServiceId]] = (-1, set())
        """At which count of `changes` which services were last looked at together."""
        self.nowhere: set[ServiceId] = set()
        """Services that were dark when no repair was found for them."""
        self.looked: dict[MaintenanceId, int] = {}
        """At which count of `changes` a maintenance last looked for detours for what is stuck."""
        self.on_detour: set[ServiceId] = {one.id for one in self.services.values() if one.home is not None}
        """Services that have a home to go back to."""
        self.freeze: Freeze | None = snapshot.freeze
        """In force: then nothing planned is begun."""
        self.trials = Trials()
        """What was moved by choice and not yet found to be carried as before."""
        self.tokens: dict[str, TokenRecord] = {one.id: one for one in snapshot.tokens}
        self.webhooks: dict[WebhookId, Webhook] = {one.id: one for one in snapshot.webhooks}
        self._by_hash = {one.hash: one.id for one in snapshot.tokens}
        self.last_sequence = snapshot.last_sequence
        self.down: frozenset[FibreId] = frozenset(
            fibre for one in self.incidents.values() if one.open for fibre in one.fibres
        ) - frozenset(
            fault.fibre
            for one in self.incidents.values()
            if one.open
            for fault in one.faults
            if fault.back_s is not None
        )
        self.fresh_answers: dict[tuple[str, str], Answer] = {}
        """Answers that may not be in the store yet: two requests with one key may be in one batch."""
        self.readings: deque[tuple[float, Mapping[ServiceId, ServiceCounters]]] = deque(maxlen=4)
        """Each service's counters as the fabric's last few samples had them, with when they were taken."""
        self.tried: dict[ServiceId, int] = {}
        """What found no place, and at which count of `changes`: it is not worth trying before that rises."""
        self.openings = 0
        """Raised whenever links are in use again, or others are there: what is away may have a better path."""
        self.homed = -1
        """The count of `openings` at which everything that is away was looked at until nobody went any more."""
        self.home_looked = (-1, -1, -1)
        """At which counts of `openings` and `changes` how many of those were last looked at."""
        self.home_left: list[ServiceId] = []
        """Of those the ones that are yet to be looked at this time."""
        self.home_moved = False
        """Whether any of those before them went."""
        self.one_by_one = -1
        """The count of `openings` at which a change of several of them broke off: they go one by one."""
        self.unfinished = False
        """Whether the last look left something for the next one, so that orders come in between."""
        self.changes = 0
        """Raised whenever capacity may have become free or a path usable: what failed before may fit now."""
        self._loads: dict[ServiceId, tuple[Policy, Mapping[LinkId, int]]] = {}
        self._policies: dict[ServiceId, tuple[Service, Policy | None]] = {}
        self.ground = self._ground()
        self.present = Present(self.wanted)
        """What routers hold, and where that is not what is wanted."""
        self.present.start(self.services.keys(), None if before is None else before.present)

    @property
    def graph(self) -> Graph:
        """The network's links as the searches see them."""
        return self.ground.graph

    @property
    def drained(self) -> frozenset[FibreId]:
        """Fibres that are kept free of traffic on purpose."""
        return frozenset(fibre for one in self.maintenances.values() if one.in_force for fibre in one.fibres)

    @property
    def booked(self) -> list[Maintenance]:
        """Maintenances that are to come, or go on, and that the calendar knows the time of."""
        return [one for one in self.maintenances.values() if one.open and not self._avoided(one)]

    def _avoided(self, one: Maintenance) -> bool:
        """Whether nobody knows until when fibres are drained: then they are avoided for now."""
        return one.in_force and one.end_s is None

    def on_the_way(self, service: ServiceId) -> bool:
        """Whether a service is part of a change that is being made in steps."""
        return self.underway is not None and service in self.underway.parts

    def booked_mbps(self, resource: str, at_s: float) -> int:
        """What the calendar keeps of a link at one instant."""
        return self.ground.calendar.at(resource, at_s)

    def loads(self, policy: Policy) -> Mapping[LinkId, int]:
        """What a policy may put on each link, Mbit/s."""
        known = self._loads.get(policy.service)
        if known is None or known[0] is not policy:
            if len(self._loads) > REMEMBERED:
                self._loads.clear()
            known = self._loads[policy.service] = (policy, loads_of(policy))
        return known[1]

    def confirmed(self, service: Service, observed: Observed) -> bool:
        """Whether routers hold exactly what is wanted for a service."""
        return observed.policies.get(service.id) == self.policy(service)

    def note(self, service: Service) -> None:
        """Know whether a service is held, and whether it follows its load."""
        elastic = service.order.autoscale is not None and service.state not in ENDED
        for known, is_one in ((self._elastic, elastic), (self._held, service.state is State.HELD)):
            if is_one:
                known[service.id] = None
            elif known:
                known.pop(service.id, None)

    def held(self, tenant: TenantId) -> list[Service]:
        """What a tenant holds and has not taken."""
        return [one for name in self._held if (one := self.services[name]).tenant == tenant]

    def elastic(self) -> list[Service]:
        """What follows its load."""
        return [self.services[name] for name in self._elastic]

    def put_service(self, service: Service, *, live: bool = True) -> None:
        """Know a service as it is now, or, where it does not live any more, no longer."""
        before = self.services.get(service.id)
        if live:
            self.services[service.id] = service
        else:
            self.services.pop(service.id, None)
            self._policies.pop(service.id, None)
            self.tried.pop(service.id, None)
            self.room_looked.pop(service.id, None)
        self.index.put(before, service if live else None)
        self.tally.put(before, service if live else None)
        self.protected.put(before, service if live else None)
        self.present.change(service.id)

    def lives(self, service: Service) -> bool:
        """Whether there is still something to do for a service: it has not ended, or routers may hold it yet."""
        return service.state not in ENDED or bool(service.leaving)

    def keep_service(self, service: Service) -> None:
        """Know a service as it is now, and keep what it holds."""
        ended = service.state in ENDED
        self.ground.keep(service)
        self.note(service)
        self.touched.add(service.id)
        self.changes += ended
        self.put_service(service, live=self.lives(service))
        self.on_detour.discard(service.id)
        if service.home is not None and not ended:
            self.on_detour.add(service.id)

    def put_webhook(self, webhook: Webhook) -> None:
        """Know a webhook as it is now; one that was removed is not known."""
        if webhook.removed_s is None:
            self.webhooks[webhook.id] = webhook
        else:
            self.webhooks.pop(webhook.id, None)

    def keep_port(self, port: Port) -> None:
        """Know a port."""
        self.ports[port.id] = port
        self.ground.calendar.set_capacity(port_resource(port.id), mbps_from_gbps(port.rate_gbps))

    def wanted(self, service: ServiceId) -> Policy | None:
        """What routers are to hold for whatever service that is."""
        known = self.services.get(service)
        return None if known is None else self.policy(known)

    def over(self, links: Iterable[LinkId]) -> list[Service]:
        """The services that are placed on any of some links, backed up by it, leaving it, or at home on it."""
        return [self.services[service] for service in self.index.over(links)]

    def is_broken(self, service: Service) -> bool:
        """Whether a service that holds capacity is without a promise, or was and has not been confirmed whole."""
        if service.state not in HOLDING:
            return False
        return (
            service.state is State.DEGRADED
            or self.is_dark(service)
            or self.is_slow(service)
            or self.is_unprotected(service)
        )

    def is_dark(self, service: Service) -> bool:
        """Whether it has no path, or one that something is in the way of."""
        return service.placement is None or self.dark(service.placement)

    def is_slow(self, service: Service) -> bool:
        """Whether its path is over its bound."""
        bound_ms = service.order.latency_bound_ms
        return bound_ms is not None and service.placement is not None and self.latency_ms(service.placement) > bound_ms

    def is_unprotected(self, service: Service) -> bool:
        """Whether a service that is to survive a failure would not survive one now."""
        here = service.placement
        return service.order.protection is Protection.PATH and here is not None and not self.covered(here)

    def dark(self, placement: Placement) -> bool:
        """Whether a placement crosses a fibre that is known to be down, or a link that there is no more."""
        return self._out(placement.links)

    def covered(self, placement: Placement) -> bool:
        """Whether a placement has a backup that nothing known is in the way of."""
        backup = placement.backup
        if backup is None:
            return False
        ways = (*backup.there, *backup.back)
        return not self._out(ways) and self._drained_links.isdisjoint(ways)

    def _out(self, links: Collection[LinkId]) -> bool:
        return not self.dark_links.isdisjoint(links) or not self._links.issuperset(links)

    def dark_before_ms(self, service: ServiceId, at_s: float) -> float:
        """What a service's dark time stood at before a failure was noticed: as last read well before it, or as its
        last outage left it, whichever is later. The counter only rises, so that is the larger.
        """
        before = self._dark_after_ms.get(service, 0.0)
        for read_s, readings in reversed(self.readings):
            if read_s <= at_s - NOTICED_WITHIN_S and service in readings:
                return max(before, readings[service].dark_s * 1e3)
        return before

    def put_incident(self, incident: Incident) -> None:
        """Know an incident as it is now."""
        self.incidents[incident.id] = incident
        self.unhealed.pop(incident.id, None)
        if incident.open and (dark := sum(not outage.healed for outage in incident.outages)):
            self.unhealed[incident.id] = dark
        self.stands_back = {
            shed.service: shed.goes_first for one in self.incidents.values() if one.open for shed in one.shed
        }
        for fault in incident.faults:
            known = self.last_fault.get(fault.fibre)
            if known is None or known.since_s <= fault.since_s:
                self.last_fault[fault.fibre] = fault
        self.waiting = frozenset(
            fault.fibre for one in self.incidents.values() if one.open for fault in one.faults if fault.waits
        )
        for outage in incident.outages:
            if outage.healed:
                after_ms = outage.dark_before_ms + outage.dark_ms
                self._dark_after_ms[outage.service] = max(after_ms, self._dark_after_ms.get(outage.service, 0.0))
        closed = [one.id for one in self.incidents.values() if not one.open]
        for old in closed[:-RECENT]:
            del self.incidents[old]

    def put_maintenance(self, maintenance: Maintenance) -> None:
        """Know a maintenance as it is now, and keep what it has booked."""
        before = self.maintenances.get(maintenance.id)
        self.maintenances[maintenance.id] = maintenance
        self.detours.follow(before, maintenance)

    def look_from(self, now_s: float) -> None:
        """What is decided is decided at this time: windows far enough ahead count on what is dark or drained now."""
        self.ground.mended_s = now_s + MENDED_AFTER_S

    @property
    def dead(self) -> frozenset[SiteId]:
        """The sites of several fibres of which none carries."""
        ends = {end for fibre in self.down if (one := self.network.fibre.get(fibre)) for end in (one.a, one.b)}
        around = {site: self.network.fibres_of(site) for site in ends}
        return frozenset(site for site, fibres in around.items() if len(fibres) > 1 and self.down.issuperset(fibres))

    def goes_around(self, site: SiteId, fibre: FibreId) -> bool:
        """Whether a router may have a way around a fibre, by what is dark: nothing leads around to or from a router
        that is cut off, and no way over a link that is dark itself.
        """
        network, dead = self.network, self.dead
        for name in network.links_on.get(fibre, ()):
            link = network.link[name]
            if link.tail != site or dead & {link.tail, link.head}:
                continue
            ways = self.protected.around(name)
            if not ways or any(self.dark_links.isdisjoint(way) for way in ways):
                return True
        return False

    def repairs(self, now_s: float) -> tuple[LocalRepair, ...]:
        """The ways around links that routers are to have ready: the same object as long as nothing has changed."""
        return self.protected.repairs(self.ground, self._out_of_use, now_s)

    def ways_around(self) -> dict[tuple[LinkId, str], tuple[LinkId, ...] | None]:
        """Every link in use, for each fence (by its label), and where traffic goes while it is lost; None: nowhere."""
        return self.protected.uses(self.ground, self._out_of_use)

    def unrepairable(self, service: Service) -> list[LinkId]:
        """The links of a service that there is no way around inside its fence."""
        return self.protected.bare(service, self.ground, self._out_of_use)

    @property
    def _out_of_use(self) -> frozenset[int]:
        numbers = self.graph.link_number
        return frozenset(numbers[link] for link in self.dark_links | self._drained_links)

    def links_over(self, fibres: Iterable[FibreId]) -> frozenset[LinkId]:
        """The links that go down with any of the fibres."""
        return frozenset(link for fibre in fibres for link in self.network.links_on.get(fibre, ()))

    def latency_ms(self, placement: Placement) -> float:
        """The worse of the two directions; infinite where a link is gone."""
        known = self._latencies.get(placement)
        if known is None:
            gone = any(link not in self.network.link for link in placement.links)
            if len(self._latencies) > REMEMBERED:
                self._latencies.clear()
            known = self._latencies[placement] = math.inf if gone else latency_ms(self.ground, placement)
        return known

    def policy(self, service: Service) -> Policy | None:
        """What routers are to hold for a service as it stands."""
        known = self._policies.get(service.id)
        if known is None or known[0] is not service:
            if len(self._policies) > REMEMBERED:
                self._policies.clear()
            known = self._policies[service.id] = (service, policy_of(service, self.ports))
        return known[1]

    def policy_at(self, service: Service, placement: Placement) -> Policy | None:
        """What routers hold for a service that is carried along some placement."""
        return policy_of(replace(service, placement=placement), self.ports)

    def token_by_hash(self, digest: str) -> TokenRecord | None:
        """The token of a hash, revoked or not."""
        token = self._by_hash.get(digest)
        return None if token is None else self.tokens[token]

    def put_token(self, token: TokenRecord) -> None:
        """Know a token."""
        self.tokens[token.id] = token
        self._by_hash[token.hash] = token.id

    @contextmanager
    def trusting(self) -> Iterator[None]:
        """As if what is good again could be used already: for what would else be dark."""
        ground = self.ground
        avoid = ground.avoid
        try:
            ground.avoid = avoid - self._not_trusted
            yield
        finally:
            ground.avoid = avoid

    def avoid_again(self) -> None:
        """Bring what placements avoid in line with what is down and drained."""
        before = self.dark_links, self._drained_links
        self._avoid()
        changed = (before[0] ^ self.dark_links) | (before[1] ^ self._drained_links)
        self.index.look_again(self.over(changed))

    def _avoid(self) -> None:
        numbers = self.graph.link_number
        self.dark_links = self.links_over(self.down)
        self._drained_links = self.links_over(self.drained)
        avoided = (fibre for one in self.maintenances.values() if self._avoided(one) for fibre in one.fibres)
        closures = tuple(closure_of(one, self.network, self.graph) for one in self.booked)
        out = frozenset(numbers[link] for link in self.dark_links | self.links_over(avoided))
        self._not_trusted = frozenset(numbers[link] for link in self.links_over(self.waiting)) - out
        avoid = out | self._not_trusted
        now = avoid.union(*(one.links for one in closures))
        before = self.ground.avoid.union(*(one.links for one in self.ground.closures))
        self.openings += not now >= before
        self.ground.avoid, self.ground.closures = avoid, closures
        self.changes += 1

    def use(self, network: Network) -> None:
        """Stand on another network."""
        self.network = network
        self.openings += 1
        self.ground = self._ground()

    def _ground(self) -> Ground:
        self._latencies: dict[Placement, float] = {}
        ground = Ground(
            network=self.network,
            calendar=Calendar(capacities_of(self.network, self.ports)),
            ports=self.ports,
            carries_tags=self.carries_tags,
        )
        self.ground = ground
        ground.keep_all(self.services.values())
        self.detours = Detours(ground, self.services)
        for maintenance in self.maintenances.values():
            self.detours.follow(None, maintenance)
        self._links = frozenset(self.network.link)
        self._avoid()
        self.index = Index(self.services.values(), self.is_broken)
        return ground
