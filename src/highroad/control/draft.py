"""What a batch changes: decided on the book, recorded here, and given to the store in one commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from highroad.control.before import Before
from highroad.model.audit import Row
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Incident, IncidentId, Maintenance, MaintenanceId
from highroad.model.lifecycle import ENDED, Event, advance
from highroad.model.network import Network
from highroad.model.service import Port, PortId, Service, ServiceId, Tenant, TenantId
from highroad.model.webhook import Attempt, Webhook, WebhookId
from highroad.ports import Answer, Commit, EventRecord, TokenRecord

if TYPE_CHECKING:
    from highroad.control.book import Book

FRESH = 1000
"""More answers than a batch has: older ones are in the store."""


@dataclass(slots=True)
class Draft:
    """A change of the book in the making, at one instant: everything it records is committed together."""

    book: Book
    now_s: float
    before: Before = field(default_factory=Before)
    """What it puts something else in the place of is noted here."""
    network: Network | None = None
    tenants: dict[TenantId, Tenant] = field(default_factory=dict)
    ports: dict[PortId, Port] = field(default_factory=dict)
    services: dict[ServiceId, Service] = field(default_factory=dict)
    incidents: dict[IncidentId, Incident] = field(default_factory=dict)
    maintenances: dict[MaintenanceId, Maintenance] = field(default_factory=dict)
    freezes: dict[FreezeId, Freeze] = field(default_factory=dict)
    tokens: dict[str, TokenRecord] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    webhooks: dict[WebhookId, Webhook] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    audits: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.book.look_from(self.now_s)

    def put(self, service: Service) -> Service:
        """Record a service as it is now. Its version goes up with its order, not with what routers do for it."""
        before = self.book.services.get(service.id)
        self.before.services.setdefault(service.id, before)
        edited = before is None or before.order != service.order
        service = replace(service, version=service.version + edited, changed_s=self.now_s)
        if service.state in ENDED and service.ended_s is None:
            service = replace(service, ended_s=self.now_s)
        self.services[service.id] = service
        self.book.keep_service(service)
        for booked in self.book.detours.of(service.id):
            self._keep_detour(self.book.maintenances[booked], service.id)
        return service

    def _keep_detour(self, maintenance: Maintenance, service: ServiceId) -> None:
        """Keep what a service needs for its detour as it is now, or give the detour up: then another is looked for."""
        detour = next(one for one in maintenance.detours if one.service == service)
        if not self.book.detours.keep(maintenance, detour):
            others = tuple(one for one in maintenance.detours if one.service != service)
            self.put_maintenance(replace(maintenance, detours=others))

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

    def audit(self, row: Row) -> None:
        """Add a row to the audit log."""
        self.audits.append(row)

    def put_incident(self, incident: Incident) -> Incident:
        """Record an incident as it is now."""
        self.before.incidents.setdefault(incident.id, self.book.incidents.get(incident.id))
        self.incidents[incident.id] = incident
        self.book.put_incident(incident)
        return incident

    def put_maintenance(self, maintenance: Maintenance) -> Maintenance:
        """Record a maintenance as it is now."""
        self.before.maintenances.setdefault(maintenance.id, self.book.maintenances.get(maintenance.id))
        self.maintenances[maintenance.id] = maintenance
        self.book.put_maintenance(maintenance)
        return maintenance

    def put_freeze(self, freeze: Freeze) -> Freeze:
        """Record a freeze as it is now."""
        self.before.freeze.append(self.book.freeze)
        self.freezes[freeze.id] = freeze
        self.book.freeze = freeze if freeze.open else None
        return freeze

    def put_port(self, port: Port) -> None:
        """Record a port."""
        self.before.ports.setdefault(port.id, self.book.ports.get(port.id))
        self.ports[port.id] = port
        self.book.keep_port(port)

    def put_tenant(self, tenant: Tenant) -> None:
        """Record a tenant."""
        self.before.tenants.setdefault(tenant.id, self.book.tenants.get(tenant.id))
        self.tenants[tenant.id] = tenant
        self.book.tenants[tenant.id] = tenant

    def put_token(self, token: TokenRecord) -> None:
        """Record a token."""
        self.before.tokens.setdefault(token.id, self.book.tokens.get(token.id))
        self.tokens[token.id] = token
        self.book.put_token(token)

    def put_webhook(self, webhook: Webhook) -> Webhook:
        """Record a webhook as it is now."""
        self.webhooks[webhook.id] = webhook
        self.book.put_webhook(webhook)
        return webhook

    def put_answer(self, answer: Answer) -> None:
        """Record what was answered to a request with an Idempotency-Key."""
        self.answers.append(answer)
        fresh = self.book.fresh_answers
        fresh[(answer.scope, answer.key)] = answer
        while len(fresh) > FRESH:
            del fresh[next(iter(fresh))]

    def put_network(self, network: Network) -> None:
        """Put another network in force."""
        self.before.network.append((self.book.network, self.book.revision))
        self.network = network
        self.book.revision += 1
        self.book.use(network)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        recorded = (self.tenants, self.ports, self.services, self.incidents, self.maintenances)
        return self.network is None and not any(
            (*recorded, self.freezes, self.tokens, self.answers, self.webhooks, self.attempts, self.events, self.audits)
        )

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
            webhooks=tuple(self.webhooks.values()),
            attempts=tuple(self.attempts),
            events=tuple(self.events),
            audits=tuple(self.audits),
        )


def in_order_of_need(services: Iterable[Service]) -> list[Service]:
    """Who is served first where there is too little: by class, then who came first."""
    return sorted(services, key=lambda one: (one.order.traffic_class.rank, one.created_s, one.id))
