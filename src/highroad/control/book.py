"""What the controller knows: the store's truth in memory, with the calendar that follows from it.

A `Draft` is the book being changed: what it records goes into one commit. If the commit fails the book is read
from the store again, so the store is always right.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from highroad.graph.paths import Graph
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Incident, IncidentId, Maintenance, MaintenanceId, MaintenanceState
from highroad.model.lifecycle import ENDED, Event, advance
from highroad.model.network import FibreId, LinkId, Network
from highroad.model.policy import Policy, loads_of, policy_of
from highroad.model.service import Placement, Port, PortId, Service, ServiceId, Tenant, TenantId
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of, port_resource
from highroad.planning.placement import latency_ms
from highroad.ports import Answer, Commit, EventRecord, Observed, Snapshot, TokenRecord
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

FRESH = 1000
"""More answers than a batch has: older ones are in the store."""


class Book:
    """The truth in memory. Read it freely between awaits; change it through a `Draft`."""

    def __init__(self, snapshot: Snapshot, *, carries_tags: bool = True) -> None:
        self.carries_tags = carries_tags
        self.network = snapshot.network or EMPTY
        self.revision = snapshot.network_revision
        self.tenants: dict[TenantId, Tenant] = {one.id: one for one in snapshot.tenants}
        self.ports: dict[PortId, Port] = {one.id: one for one in snapshot.ports}
        self.services: dict[ServiceId, Service] = {one.id: one for one in snapshot.services}
        self.incidents: dict[IncidentId, Incident] = {}
        self._dark_after_ms: dict[ServiceId, float] = {}
        for incident in snapshot.incidents:
            self.put_incident(incident)
        self.maintenances: dict[MaintenanceId, Maintenance] = {one.id: one for one in snapshot.maintenances}
        self.freeze: Freeze | None = snapshot.freeze
        """In force: then nothing planned is begun."""
        self.tokens: dict[str, TokenRecord] = {one.id: one for one in snapshot.tokens}
        self._by_hash = {one.hash: one.id for one in snapshot.tokens}
        self.last_sequence = snapshot.last_sequence
        self.down: frozenset[FibreId] = frozenset(
            fibre for one in self.incidents.values() if one.open for fibre in one.fibres
        )
        self.fresh_answers: dict[tuple[str, str], Answer] = {}
        """Answers that may not be in the store yet: two requests with one key may be in one batch."""
        self.readings: deque[tuple[float, Mapping[ServiceId, float]]] = deque(maxlen=4)
        """Each service's dark time in ms as the fabric's last few samples had it, with when they were taken."""
        self.tried: dict[ServiceId, int] = {}
        """What found no place, and at which count of `changes`: it is not worth trying before that rises."""
        self.openings = 0
        """Raised whenever links are in use again, or others are there: what is away may have a better path."""
        self.homed = -1
        """The count of `openings` at which everything that is away was last looked at."""
        self.changes = 0
        """Raised whenever capacity may have become free or a path usable: what failed before may fit now."""
        self._loads: dict[ServiceId, tuple[Policy, Mapping[LinkId, int]]] = {}
        self._policies: dict[ServiceId, tuple[Service, Policy | None]] = {}
        self.ground = self._ground()

    @property
    def graph(self) -> Graph:
        """The network's links as the searches see them."""
        return self.ground.graph

    @property
    def drained(self) -> frozenset[FibreId]:
        """Fibres that are kept free of traffic on purpose."""
        return frozenset(
            fibre
            for one in self.maintenances.values()
            if one.state is not MaintenanceState.RETURNED
            for fibre in one.fibres
        )

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
                return max(before, readings[service])
        return before

    def put_incident(self, incident: Incident) -> None:
        """Know an incident as it is now."""
        self.incidents[incident.id] = incident
        for outage in incident.outages:
            if outage.healed:
                after_ms = outage.dark_before_ms + outage.dark_ms
                self._dark_after_ms[outage.service] = max(after_ms, self._dark_after_ms.get(outage.service, 0.0))
        closed = [one.id for one in self.incidents.values() if not one.open]
        for old in closed[:-RECENT]:
            del self.incidents[old]

    def look_from(self, now_s: float) -> None:
        """What is decided is decided at this time: windows far enough ahead count on what is dark or drained now."""
        self.ground.mended_s = now_s + MENDED_AFTER_S

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

    def token_by_hash(self, digest: str) -> TokenRecord | None:
        """The token of a hash, revoked or not."""
        token = self._by_hash.get(digest)
        return None if token is None else self.tokens[token]

    def put_token(self, token: TokenRecord) -> None:
        """Know a token."""
        self.tokens[token.id] = token
        self._by_hash[token.hash] = token.id

    def avoid_again(self) -> None:
        """Bring what placements avoid in line with what is down and drained."""
        numbers = self.graph.link_number
        self._links = frozenset(self.network.link)
        self.dark_links = self.links_over(self.down)
        self._drained_links = self.links_over(self.drained)
        avoid = frozenset(numbers[link] for link in self.dark_links | self._drained_links)
        self.openings += not avoid >= self.ground.avoid
        self.ground.avoid = avoid
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
        self.avoid_again()
        return ground


@dataclass(slots=True)
class Draft:
    """A change of the book in the making, at one instant: everything it records is committed together."""

    book: Book
    now_s: float
    network: Network | None = None
    tenants: dict[TenantId, Tenant] = field(default_factory=dict)
    ports: dict[PortId, Port] = field(default_factory=dict)
    services: dict[ServiceId, Service] = field(default_factory=dict)
    incidents: dict[IncidentId, Incident] = field(default_factory=dict)
    maintenances: dict[MaintenanceId, Maintenance] = field(default_factory=dict)
    freezes: dict[FreezeId, Freeze] = field(default_factory=dict)
    tokens: dict[str, TokenRecord] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book.look_from(self.now_s)

    def put(self, service: Service) -> Service:
        """Record a service as it is now. Its version goes up with its order, not with what routers do for it."""
        before = self.book.services.get(service.id)
        edited = before is None or before.order != service.order
        service = replace(service, version=service.version + edited, changed_s=self.now_s)
        if service.state in ENDED and service.ended_s is None:
            service = replace(service, ended_s=self.now_s)
        self.services[service.id] = service
        self.book.ground.keep(service)
        if service.state in ENDED:
            self.book.changes += 1
        if service.state in ENDED and not service.leaving:
            self.book.services.pop(service.id, None)
        else:
            self.book.services[service.id] = service
        return service

    def move(self, service: Service, event: Event, kind: str | None = None, **data: Any) -> Service:
        """Record a service in the state that an event leads to, and say so. Raises Conflict."""
        moved = self.put(replace(service, state=advance(service.state, event)))
        self.tell_of(moved, kind or moved.state.value.lower(), **data)
        return moved

    def tell_of(self, service: Service, kind: str, **data: Any) -> None:
        """Tell what happened to a service: its tenant may see it."""
        self.tell(
            f"highroad.service.{kind}",
            service.id,
            tenant=service.tenant,
            state=service.state.value,
            reason=service.reason,
            **data,
        )

    def tell(self, kind: str, subject: str, *, tenant: str | None = None, **data: Any) -> None:
        """Add an event; without a tenant only operators see it."""
        self.events.append(EventRecord(kind=kind, subject=subject, at_s=self.now_s, tenant=tenant, data=data))

    def put_incident(self, incident: Incident) -> Incident:
        """Record an incident as it is now."""
        self.incidents[incident.id] = incident
        self.book.put_incident(incident)
        return incident

    def put_maintenance(self, maintenance: Maintenance) -> Maintenance:
        """Record a maintenance as it is now."""
        self.maintenances[maintenance.id] = maintenance
        self.book.maintenances[maintenance.id] = maintenance
        return maintenance

    def put_freeze(self, freeze: Freeze) -> Freeze:
        """Record a freeze as it is now."""
        self.freezes[freeze.id] = freeze
        self.book.freeze = freeze if freeze.open else None
        return freeze

    def put_port(self, port: Port) -> None:
        """Record a port."""
        self.ports[port.id] = port
        self.book.ports[port.id] = port
        self.book.ground.calendar.set_capacity(port_resource(port.id), mbps_from_gbps(port.rate_gbps))

    def put_tenant(self, tenant: Tenant) -> None:
        """Record a tenant."""
        self.tenants[tenant.id] = tenant
        self.book.tenants[tenant.id] = tenant

    def put_token(self, token: TokenRecord) -> None:
        """Record a token."""
        self.tokens[token.id] = token
        self.book.put_token(token)

    def put_answer(self, answer: Answer) -> None:
        """Record what was answered to a request with an Idempotency-Key."""
        self.answers.append(answer)
        fresh = self.book.fresh_answers
        fresh[(answer.scope, answer.key)] = answer
        while len(fresh) > FRESH:
            del fresh[next(iter(fresh))]

    def put_network(self, network: Network) -> None:
        """Put another network in force."""
        self.network = network
        self.book.revision += 1
        self.book.use(network)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        recorded = (self.tenants, self.ports, self.services, self.incidents, self.maintenances)
        return self.network is None and not any((*recorded, self.freezes, self.tokens, self.answers, self.events))

    def commit(self) -> Commit:
        """All of it, as the store takes it."""
        return Commit(
            network=self.network,
            tenants=tuple(self.tenants.values()),
            ports=tuple(self.ports.values()),
            services=tuple(self.services.values()),
            incidents=tuple(self.incidents.values()),
            maintenances=tuple(self.maintenances.values()),
            freezes=tuple(self.freezes.values()),
            tokens=tuple(self.tokens.values()),
            answers=tuple(self.answers),
            events=tuple(self.events),
        )


def in_order_of_need(services: Iterable[Service]) -> list[Service]:
    """Who is served first where there is too little: by class, then who came first."""
    return sorted(services, key=lambda one: (one.order.traffic_class.rank, one.created_s, one.id))
