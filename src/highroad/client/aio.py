"""The client for asyncio: the same calls as `highroad.client.sync`, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, TypeVar, Unpack

import httpx

from highroad.client import calls, flight, hooks, views
from highroad.client.calls import Ask, Changes, Ordering
from highroad.client.faults import Unreachable, error_of
from highroad.client.foreseen import AsyncForeseen
from highroad.client.home import DEFAULT_URL, Credentials, read_credentials
from highroad.client.planned import AsyncPlanned
from highroad.client.retry import wait_s
from highroad.client.sse import Parser
from highroad.client.streams import EVENTS, LIVE, STREAM_RETRIES, STREAM_TIMEOUT, pause_s, read_message, stream_headers
from highroad.client.waiting import check_waited, poll_s
from highroad.errors import Unauthenticated
from highroad.model.lifecycle import State
from highroad.wire.audit import AuditHeadOut, AuditRowOut
from highroad.wire.flight import ExplanationOut, ReplayOut
from highroad.wire.networks import (
    CutOut,
    GroupCutOut,
    LabOut,
    LoadOut,
    LocalRepairsOut,
    NetworkOut,
    ReachOut,
    RouterOut,
)
from highroad.wire.operations import (
    EventOut,
    EventPage,
    FreezeOut,
    HealthOut,
    IncidentOut,
    MaintenanceOut,
    PortOut,
    SampleOut,
    TenantOut,
    TokenIssuedOut,
    TokenOut,
    WhoOut,
)
from highroad.wire.probes import MeasurementsOut, PingOut, TraceOut
from highroad.wire.problems import NetworkChangeOut
from highroad.wire.services import (
    AutoscaleIn,
    CountersOut,
    EndIn,
    OfferOut,
    OrderIn,
    PreviewOut,
    RecurrenceIn,
    ServiceOut,
    WindowIn,
)
from highroad.wire.views import CapacityOut, LinkCalendarOut
from highroad.wire.webhooks import AttemptOut, WebhookMadeOut, WebhookOut, WebhookTestOut

T = TypeVar("T")


class AsyncClient(AsyncForeseen, AsyncPlanned):
    """A controller, through its API. Raises the errors of `highroad.errors`; `OrderRefused` has the offers.

    async with AsyncClient(token="highroad_...") as client:
        service = await client.order("campus-sioux-falls", "aws-us-west-2", 400, latency_bound_ms=40, fence=["US"])
        await client.wait_active(service.id)
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        retries: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout_s,
            transport=transport,
            trust_env=False,
        )

    @classmethod
    def from_home(cls, role: str = "tenant", credentials: Credentials | None = None) -> AsyncClient:
        """A client with the credentials that `highroad up` left: as `tenant` or `operator`."""
        known = credentials or read_credentials()
        token = known.operator_token if role == "operator" else known.tenant_token
        if token is None:
            raise Unauthenticated(f"there is no {role} token in the credentials: start a controller with `highroad up`")
        return cls(known.url, token)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # --- services ---------------------------------------------------------------------------------------------

    async def order(
        self,
        a: str | EndIn,
        b: str | EndIn,
        bandwidth_gbps: float | None = None,
        *,
        burst_gbps: float | None = None,
        latency_bound_ms: float | None = None,
        fence: Sequence[str] | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        windows: Sequence[WindowIn] | None = None,
        recurrence: RecurrenceIn | None = None,
        max_paths: int | None = None,
        kind: str = "ip",
        traffic_class: str = "assured",
        protection: str = "none",
        hold_s: float | None = None,
        autoscale: AutoscaleIn | None = None,
        description: str = "",
        tenant: str | None = None,
        idempotency_key: str | None = None,
    ) -> ServiceOut:
        """Order connectivity; safe against lost answers. Raises OrderRefused with what binds and what is possible."""
        more = Ordering(
            burst_gbps=burst_gbps,
            latency_bound_ms=latency_bound_ms,
            fence=fence,
            start=start,
            end=end,
            windows=windows,
            recurrence=recurrence,
            max_paths=max_paths,
            kind=kind,
            traffic_class=traffic_class,
            protection=protection,
            hold_s=hold_s,
            autoscale=autoscale,
            description=description,
        )
        body = calls.order_body(a, b, bandwidth_gbps, more)
        return await self.send(calls.order(body, tenant=tenant, key=idempotency_key))

    async def submit(
        self, order: OrderIn | Mapping[str, Any], *, tenant: str | None = None, idempotency_key: str | None = None
    ) -> ServiceOut:
        """Order by a body that is made already."""
        return await self.send(calls.order(order, tenant=tenant, key=idempotency_key))

    async def preview(self, order: OrderIn | Mapping[str, Any], *, tenant: str | None = None) -> PreviewOut:
        """What an order would come to, without ordering."""
        return await self.send(calls.preview(order, tenant=tenant))

    async def take(
        self, offer: OfferOut, *, tenant: str | None = None, idempotency_key: str | None = None
    ) -> ServiceOut:
        """Order a counter-offer of a refusal."""
        return await self.send(calls.take(offer, tenant=tenant, key=idempotency_key))

    async def service(self, service_id: str) -> ServiceOut:
        """A service as it stands."""
        return await self.send(calls.service(service_id))

    def services(self, *, state: State | str | None = None, tenant: str | None = None) -> AsyncIterator[ServiceOut]:
        """Every service, page after page."""
        return self._pages(lambda cursor: calls.services(cursor, state=state, tenant=tenant))

    async def change(
        self, service: ServiceOut | str, *, version: int | None = None, **changes: Unpack[Changes]
    ) -> ServiceOut:
        """Change a service in place. Of a service that was read, its version is used; of an id, the newest is read."""
        service_id, at = await self._version(service, version)
        return await self.send(calls.change(service_id, at, changes))

    async def preview_change(
        self, service: ServiceOut | str, *, version: int | None = None, **changes: Unpack[Changes]
    ) -> PreviewOut:
        """What a change would come to."""
        service_id, at = await self._version(service, version)
        return await self.send(calls.preview_change(service_id, at, changes))

    async def release(self, service: ServiceOut | str, *, version: int | None = None) -> ServiceOut:
        """Give a service back, whatever its version unless one is given."""
        service_id = service if isinstance(service, str) else service.id
        return await self.send(calls.release(service_id, version))

    async def confirm(self, service: ServiceOut | str) -> ServiceOut:
        """Take what was ordered with `hold_s`; again does nothing. Raises Conflict where it has expired."""
        return await self.send(calls.confirm(service if isinstance(service, str) else service.id))

    async def wait_active(self, service: ServiceOut | str, *, timeout_s: float = 30.0) -> ServiceOut:
        """Wait until a service is ACTIVE. Raises Conflict if it never will be, TimeoutError if it takes longer."""
        service_id = service if isinstance(service, str) else service.id
        deadline = asyncio.get_running_loop().time() + timeout_s
        wait = 0.0
        while True:
            found = await self.service(service_id)
            if check_waited(found, asyncio.get_running_loop().time() > deadline, timeout_s):
                return found
            wait = poll_s(wait)
            await asyncio.sleep(wait)

    async def counters(self, service: ServiceOut | str) -> CountersOut:
        """What was carried of a service, by the newest sample."""
        return await self.send(calls.counters(service if isinstance(service, str) else service.id))

    async def ping(
        self, service: ServiceOut | str, *, count: int = 5, interval_ms: float = 200.0, size_bytes: int = 64
    ) -> PingOut:
        """Send packets along a service, and wait for them. Raises Conflict where nothing carries it."""
        service_id = service if isinstance(service, str) else service.id
        return await self.send(calls.ping(service_id, count=count, interval_ms=interval_ms, size_bytes=size_bytes))

    async def trace(self, service: ServiceOut | str) -> TraceOut:
        """Every router on a service's way, there and back. Raises Conflict where nothing carries it."""
        return await self.send(calls.trace(service if isinstance(service, str) else service.id))

    async def measurements(self, service: ServiceOut | str) -> MeasurementsOut:
        """What was measured of a service's paths within the last seconds. Raises Conflict where nothing carries it."""
        return await self.send(calls.measurements(service if isinstance(service, str) else service.id))

    # --- the network ------------------------------------------------------------------------------------------

    async def network(self) -> NetworkOut:
        """The network in force."""
        return await self.send(calls.network())

    async def load_network(self, text: str, *, confirm: str | None = None, dry_run: bool = False) -> NetworkChangeOut:
        """Put a network file in force. Raises NeedsYes with a preview where services live on the present one."""
        return await self.send(calls.load_network(text, confirm=confirm, dry_run=dry_run))

    async def reach(self, rtt_ms: float, *, kind: str = "edge", without: Sequence[str] = ()) -> ReachOut:
        """The population within a round trip of a site of a kind, without some fibres."""
        return await self.send(calls.reach(rtt_ms, kind=kind, without=without))

    async def capacity(
        self,
        a: str,
        b: str,
        *,
        start: datetime | str | None = None,
        hours: int = 168,
        latency_bound_ms: float | None = None,
        fence: Sequence[str] | None = None,
        protection: str = "none",
        max_paths: int | None = None,
    ) -> CapacityOut:
        """What is free between two ends, hour by hour: what one order over just that hour would be admitted with."""
        return await self.send(
            views.capacity(
                a,
                b,
                start=start,
                hours=hours,
                latency_bound_ms=latency_bound_ms,
                fence=fence,
                protection=protection,
                max_paths=max_paths,
            )
        )

    async def local_repairs(self) -> LocalRepairsOut:
        """Of every link in use, for each fence of services on it: where traffic goes in the moment it is lost."""
        return await self.send(views.local_repairs())

    async def link_calendar(
        self, link: str, *, start: datetime | str | None = None, end: datetime | str | None = None
    ) -> LinkCalendarOut:
        """What a link's calendar holds over a time (a week from now, if none is given), and who holds it."""
        return await self.send(views.link_calendar(link, start=start, end=end))

    async def lab(self) -> LabOut:
        """The lab's routers, and what is broken."""
        return await self.send(calls.lab())

    async def cut(self, fibre: str, *, silent: bool = False, one_way: str | None = None, loss: float = 1.0) -> CutOut:
        """Cut a fibre; silently: without loss of light; only one way (`a>b`, or a link); or lose a share of all."""
        return await self.send(calls.cut(fibre, silent=silent, one_way=one_way, loss=loss))

    async def uncut(self, fibre: str) -> LabOut:
        """Splice a fibre."""
        return await self.send(calls.uncut(fibre))

    async def cut_group(self, group: str, *, silent: bool = False, loss: float = 1.0) -> GroupCutOut:
        """Cut every fibre of a risk group at once; silently: without loss of light."""
        return await self.send(calls.cut_group(group, silent=silent, loss=loss))

    async def uncut_group(self, group: str) -> LabOut:
        """Splice them; a fibre that was cut by itself stays cut."""
        return await self.send(calls.uncut_group(group))

    async def kill_router(self, site: str, *, silent: bool = False) -> RouterOut:
        """Kill a router: every fibre there goes dark; silently: light stays on, and nothing passes."""
        return await self.send(calls.kill_router(site, silent=silent))

    async def revive_router(self, site: str) -> LabOut:
        """Start a router again."""
        return await self.send(calls.revive_router(site))

    async def load(self, service: ServiceOut | str, offered_gbps: float | None) -> LoadOut:
        """Let a service's hosts in a lab offer so much each way; None for the lab's own traffic."""
        return await self.send(calls.load(service if isinstance(service, str) else service.id, offered_gbps))

    # --- operating --------------------------------------------------------------------------------------------

    async def incident(self, incident_id: str) -> IncidentOut:
        """An incident and its time line."""
        return await self.send(calls.incident(incident_id))

    def incidents(self) -> AsyncIterator[IncidentOut]:
        """Incidents, the newest first."""
        return self._pages(calls.incidents)

    async def maintenance(self, maintenance_id: str) -> MaintenanceOut:
        """A drain."""
        return await self.send(calls.maintenance(maintenance_id))

    def maintenances(self) -> AsyncIterator[MaintenanceOut]:
        """Drains, the newest first."""
        return self._pages(calls.maintenances)

    async def drain(
        self,
        target: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        lead_s: float | None = None,
        dry_run: bool = False,
    ) -> MaintenanceOut:
        """Move traffic away from a fibre, a site or a risk group, losing nothing; with a start it is booked, with an
        end it ends by itself. `dry_run` only says what would move and what not.
        """
        return await self.send(calls.drain(target, start=start, end=end, lead_s=lead_s, dry_run=dry_run))

    async def end_maintenance(self, maintenance_id: str) -> MaintenanceOut:
        """End a drain, or cancel one that is booked."""
        return await self.send(calls.end_maintenance(maintenance_id))

    async def frozen(self) -> FreezeOut:
        """Whether changes on routers are frozen."""
        return await self.send(calls.frozen())

    async def freeze(self, reason: str = "") -> FreezeOut:
        """Begin no planned change on routers from now on; repairs go on."""
        return await self.send(calls.freeze(reason))

    async def thaw(self) -> FreezeOut:
        """Let planned changes go on."""
        return await self.send(calls.thaw())

    async def explain(self, service: ServiceOut | str, at: int | None = None) -> ExplanationOut:
        """What happened to a service, and why it is where it is, or was after an event."""
        return await self.send(flight.explain(service if isinstance(service, str) else service.id, at))

    async def replay(self, incident_id: str) -> ReplayOut:
        """Decide an incident again, and compare to the byte."""
        return await self.send(flight.replay(incident_id))

    def tenants(self) -> AsyncIterator[TenantOut]:
        """Every tenant."""
        return self._pages(calls.tenants)

    async def add_tenant(self, tenant_id: str, name: str) -> TenantOut:
        """Add a tenant."""
        return await self.send(calls.add_tenant(tenant_id, name))

    async def tenant(self, tenant_id: str) -> TenantOut:
        """A tenant, with what it has and may have; a tenant sees itself."""
        return await self.send(calls.tenant(tenant_id))

    async def set_quota(self, tenant_id: str, **limits: float | None) -> TenantOut:
        """Set `services`, `gbps`, `ports`, `tokens`, `webhooks`, `holds`, whichever are given; None is no limit."""
        return await self.send(calls.set_quota(tenant_id, limits))

    def ports(self) -> AsyncIterator[PortOut]:
        """Every port that the caller may see."""
        return self._pages(calls.ports)

    async def add_port(
        self, tenant: str, site: str, rate_gbps: float, *, port_id: str | None = None, mtu_bytes: int = 9000
    ) -> PortOut:
        """Give a tenant a port."""
        return await self.send(calls.add_port(tenant, site, rate_gbps, port_id=port_id, mtu_bytes=mtu_bytes))

    def tokens(self) -> AsyncIterator[TokenOut]:
        """Every token, without its secret."""
        return self._pages(calls.tokens)

    async def issue_token(
        self,
        tenant: str | None = None,
        label: str = "",
        *,
        role: str | None = None,
        scopes: Sequence[str] | None = None,
        expires_s: float | None = None,
    ) -> TokenIssuedOut:
        """Issue a token: `member` of a tenant or, if none is named, `operator`, unless a role is given.

        `scopes` such as `services:read` narrow it; what is left out is as it is of the token that issues it.
        """
        return await self.send(calls.issue_token(tenant, label, role=role, scopes=scopes, expires_s=expires_s))

    async def revoke_token(self, token_id: str) -> None:
        """Revoke a token."""
        await self.send(calls.revoke_token(token_id))

    def audit(self) -> AsyncIterator[AuditRowOut]:
        """The audit log, the oldest row first."""
        return self._pages(calls.audit)

    async def audit_head(self) -> AuditHeadOut | None:
        """The newest row of the audit log, for an operator: note it elsewhere."""
        return (await self.send(calls.audit(None))).head

    async def who(self) -> WhoOut:
        """Who the token belongs to."""
        return await self.send(calls.who())

    async def ready(self) -> bool:
        """Whether the controller takes orders. Raises Unavailable where it does not."""
        return (await self.send(calls.ready())).status == "ok"

    async def alive(self) -> HealthOut:
        """Whether its process is alive: its event loop runs in time."""
        return await self.send(calls.alive())

    async def metrics(self) -> str:
        """What the controller counts of itself, as Prometheus text (docs/metrics.md)."""
        return await self.send(calls.metrics())

    # --- webhooks ---------------------------------------------------------------------------------------------

    def webhooks(self) -> AsyncIterator[WebhookOut]:
        """Every webhook that the caller may see."""
        return self._pages(hooks.webhooks)

    async def webhook(self, webhook_id: str) -> WebhookOut:
        """A webhook, and how it is doing."""
        return await self.send(hooks.webhook(webhook_id))

    async def add_webhook(
        self,
        url: str,
        *,
        kinds: Sequence[str] = (),
        start: str | int = "now",
        description: str = "",
        tenant: str | None = None,
    ) -> WebhookMadeOut:
        """Have events sent to an address; the secret is in this answer only. `start` is `now`, `beginning`, or the
        sequence of the last event that is known.
        """
        ask = hooks.add_webhook(url, kinds=kinds, start=start, description=description, tenant=tenant)
        return await self.send(ask)

    async def change_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        kinds: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> WebhookOut:
        """Change what is given; `enabled=True` goes on where deliveries stopped."""
        changes = {"url": url, "kinds": kinds and list(kinds), "description": description, "enabled": enabled}
        return await self.send(hooks.change_webhook(webhook_id, changes))

    async def remove_webhook(self, webhook_id: str) -> None:
        """Send nothing there any more."""
        await self.send(hooks.remove_webhook(webhook_id))

    async def rotate_webhook(self, webhook_id: str, *, overlap_s: float = 86400.0) -> WebhookMadeOut:
        """Sign with a new secret, and for a while with the old one besides."""
        return await self.send(hooks.rotate_webhook(webhook_id, overlap_s))

    async def test_webhook(self, webhook_id: str) -> WebhookTestOut:
        """Send a test event at once."""
        return await self.send(hooks.test_webhook(webhook_id))

    async def replay_webhook(
        self, webhook_id: str, *, after: int | None = None, start: datetime | str | None = None
    ) -> WebhookOut:
        """Deliver everything after a sequence, or from a time on, again."""
        return await self.send(hooks.replay_webhook(webhook_id, after=after, start=start))

    async def webhook_deliveries(self, webhook_id: str) -> list[AttemptOut]:
        """The newest attempts, the newest first."""
        return (await self.send(hooks.deliveries(webhook_id))).items

    # --- streams ----------------------------------------------------------------------------------------------

    async def past_events(self, after: int = 0, limit: int = 100, *, subject: str | None = None) -> EventPage:
        """A page of what happened after a sequence number; to one subject, if one is given."""
        return await self.send(calls.past_events(after, limit, subject))

    async def events(self, after: int | None = None) -> AsyncIterator[EventOut]:
        """What happens, without end: after a sequence number, or from now on; none is missed or told twice."""
        async for item in self._follow(EVENTS, after):
            if isinstance(item, EventOut):
                yield item

    def live(self, after: int | None = None) -> AsyncIterator[SampleOut | EventOut]:
        """Samples of everything that moves, and events, without end."""
        return self._follow(LIVE, after)

    # --- how it is sent ---------------------------------------------------------------------------------------

    async def send(self, ask: Ask[T]) -> T:
        """Send a request, again where that is safe, and read its answer. Raises HighroadError."""
        attempt = 0
        while True:
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(
                    ask.method,
                    ask.path,
                    params=dict(ask.params),
                    headers=dict(ask.headers),
                    content=ask.content,
                    timeout=httpx.USE_CLIENT_DEFAULT if ask.timeout_s is None else ask.timeout_s,
                )
            except httpx.TransportError as error:
                outcome = error
            wait = wait_s(ask, attempt, self._retries, outcome)
            if wait is None:
                break
            attempt += 1
            await asyncio.sleep(wait)
        if isinstance(outcome, httpx.TransportError):
            raise Unreachable(f"nothing answers at {self.url}: {outcome}", url=self.url) from outcome
        if outcome.is_success:
            return ask.read(outcome.content)
        raise error_of(outcome.status_code, outcome.content)

    async def _pages(self, page: Callable[[str | None], Ask[Any]]) -> AsyncIterator[Any]:
        cursor: str | None = None
        while True:
            found = await self.send(page(cursor))
            for item in found.items:
                yield item
            cursor = found.next_cursor
            if cursor is None:
                return

    async def _version(self, service: ServiceOut | str, version: int | None) -> tuple[str, int]:
        if isinstance(service, ServiceOut):
            return service.id, service.version if version is None else version
        return service, (await self.service(service)).version if version is None else version

    async def _follow(self, path: str, after: int | None) -> AsyncIterator[SampleOut | EventOut]:
        """A stream that is opened again where it broke off, for as long as the controller comes back."""
        parser = Parser(last_id="" if after is None else str(after))
        failures = 0
        while True:
            try:
                headers = stream_headers(parser)
                async with self._http.stream("GET", path, headers=headers, timeout=STREAM_TIMEOUT) as answer:
                    if not answer.is_success:
                        await answer.aread()
                        error = error_of(answer.status_code, answer.content)
                        if not error.retryable or failures >= STREAM_RETRIES:
                            raise error
                    else:
                        failures = 0
                        async for line in answer.aiter_lines():
                            message = parser.feed(line)
                            item = None if message is None else read_message(message)
                            if item is not None:
                                yield item
            except httpx.TransportError as error:
                if failures >= STREAM_RETRIES:
                    raise Unreachable(f"nothing answers at {self.url}: {error}", url=self.url) from error
            parser.reset()
            failures += 1
            await asyncio.sleep(pause_s(failures))
