"""Everything that doors may ask for, whoever leads: what is read is read here, what is to be done is a command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from heapq import nsmallest
from operator import attrgetter
from typing import Protocol, TypeVar

from highroad.control import accounts, holds, maintain, reload
from highroad.control import order as orders
from highroad.control.accounts import Caller, viewer_of
from highroad.control.book import Book
from highroad.control.capacity import WEEK_HOURS, Capacity, capacity
from highroad.control.commands import (
    AddPort,
    AddTenant,
    ChangeService,
    Command,
    ConfirmHold,
    EndMaintenance,
    FreezeChanges,
    IssueToken,
    LoadNetwork,
    NoteAsked,
    NoteUses,
    PlaceOrder,
    ReleaseService,
    RevokeToken,
    SetQuota,
    StartDrain,
    ThawChanges,
)
from highroad.control.deeds import MeasureService, PingService, ReadMoments, ReadTracks, TraceService, read_sending
from highroad.control.explaining import Explanation, explain
from highroad.control.figures import Figures
from highroad.control.health import Health, Look
from highroad.control.linkcalendar import LinkCalendar, link_calendar
from highroad.control.live import Live
from highroad.control.lookback import lookback
from highroad.control.mailroom import Mailroom
from highroad.control.maintain import Times
from highroad.control.names import secret
from highroad.control.order import Idempotency
from highroad.control.outlook import Outlook, change_of, outlook
from highroad.control.planned import Planned
from highroad.control.quota import Patience, find, usage
from highroad.control.reload import NetworkChange
from highroad.control.replaying import Replay, replay_incident
from highroad.control.sending import Load
from highroad.control.showing import Leader
from highroad.control.whatif import Forecast, fibres_of, values_of, what_if
from highroad.errors import Conflict, Finding, Forbidden, NotFound
from highroad.mail import Mail
from highroad.model.access import Grant, Role, changing_implies_looking, default_role
from highroad.model.audit import Asked, Link, Row
from highroad.model.change import Change
from highroad.model.freeze import Freeze
from highroad.model.incident import Maintenance, MaintenanceId
from highroad.model.lifecycle import CARRYING, ENDED, State
from highroad.model.measurement import Measurement
from highroad.model.network import LinkId, Network
from highroad.model.proof import Entry
from highroad.model.quota import Usage
from highroad.model.service import Port, Request, Service, ServiceId, Tenant, TenantId
from highroad.model.tracks import Keeping, Moments, Subject, Tracks, shown_of
from highroad.planning.free import Question
from highroad.ports import Clock, Echo, EventRecord, Executor, Identified, Lab, Sample, Store, TokenRecord, Trace
from highroad.ports.proofs import Signs

T = TypeVar("T")

OIDC = "oidc:"
"""What the names of callers begin with whom an identity provider vouches for."""

LOT = 500
"""How many services are read at once where only some of them may be wanted."""


class Seat(Protocol):
    """Where a desk stands: with the leader, or beside it."""

    @property
    def book(self) -> Book:
        """What is known, perhaps with what is not yet in the store."""

    @property
    def why_not_ready(self) -> str | None:
        """Why orders are not taken now, in words; None where they are."""

    @property
    def checks(self) -> Mapping[str, Look]:
        """What has to be well for orders to be taken here, besides the store."""

    @property
    def waiting(self) -> int:
        """How many decisions wait for the planner."""

    @property
    def fabric_name(self) -> str:
        """What carries: `linux` or `twin`."""

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s."""

    @property
    def lab(self) -> Lab | None:
        """What can be broken on purpose, if anything."""

    @property
    def probes(self) -> bool:
        """Whether the fabric sends packets of its own."""

    @property
    def sample(self) -> Sample | None:
        """The newest reading of the fabric's counters."""

    @property
    def keeping(self) -> Keeping | None:
        """How the keeping of figures goes; None where nothing is kept by this process."""

    async def settled(self) -> Book:
        """What is known, with nothing in it that is not yet in the store. Read it before the next await."""

    async def do(self, command: Command[T]) -> T:
        """Have a command done. Raises what it raises, and Unavailable where nothing was done."""


class Desk(Planned):
    """What the API calls. All of it runs on one event loop; nothing is acknowledged before the store has it."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        execute: Executor,
        live: Live,
        mail: Mail | None = None,
        signer: Signs | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._execute = execute
        self._live = live
        self._patience = Patience()
        self.signer = signer
        self.webhooks = Mailroom(store=store, clock=clock, execute=execute, do=self.do, settled=self.settled, mail=mail)
        self.figures = Figures()
        """What this process counts of itself, whoever leads."""
        self.health = Health(self.figures, store, execute, lambda: self.seat.checks)
        self._viewing = asyncio.Lock()
        """Views take a while: one is worked out at a time."""

    @property
    def seat(self) -> Seat:
        """Where this desk stands now."""
        raise NotImplementedError

    async def do(self, command: Command[T]) -> T:
        """Have a command done, by whoever leads."""
        return await self.seat.do(command)

    name = ""
    """Of this process, where there are several."""

    @property
    def leader(self) -> Leader | None:
        """Which of several processes leads, as far as is known here; None where this one is alone."""
        return None

    @property
    def ready(self) -> bool:
        """Whether orders are taken."""
        return self.seat.why_not_ready is None

    @property
    def leads(self) -> bool:
        """Whether the control loop is this process's."""
        return "loop" in self.seat.checks

    @property
    def reloads(self) -> int:
        """How often this process has read everything from the store again."""
        return self.figures.reloads

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s: 1 but in a lab that is smaller than what it models."""
        return self.seat.rate_scale

    @property
    def fabric_name(self) -> str:
        """What carries: `linux` or `twin`."""
        return self.seat.fabric_name

    @property
    def lab(self) -> Lab | None:
        """What can be broken on purpose, where the fabric is a lab."""
        return self.seat.lab

    @property
    def waiting(self) -> int:
        """How many decisions wait for the planner."""
        return self.seat.waiting

    # --- reading ----------------------------------------------------------------------------------------------

    async def settled(self) -> Book:
        """What is known, with nothing in it that is not yet in the store. Read it before the next await."""
        return await self.seat.settled()

    @property
    def last_sample(self) -> Sample | None:
        """The newest reading of the fabric's counters."""
        return self.seat.sample

    async def find_service(self, service_id: ServiceId, tenant: TenantId | None) -> Service:
        """A service, live or ended, of a tenant, or of anybody for None. Raises NotFound."""
        book = await self.settled()
        service = book.services.get(service_id)
        if service is None or (tenant is not None and service.tenant != tenant):
            # Also for another's, which is known already: else it were told from none by how long this takes.
            service = await self._execute(self._store.service, service_id)
        if service is None or (tenant is not None and service.tenant != tenant):
            raise NotFound(f"there is no service {service_id}")
        return service

    async def services(
        self, tenant: TenantId | None, after: str | None, limit: int, states: frozenset[State] | None = None
    ) -> list[Service]:
        """Services by id, live and ended; up to `limit` of those after an id, in these states if some are given."""
        if states is not None and not states & ENDED:
            book = await self.settled()
            chosen = (one for one in map(book.services.__getitem__, book.index.within(states)))
            chosen = (one for one in chosen if tenant in (None, one.tenant))
            return nsmallest(limit, (one for one in chosen if after is None or one.id > after), key=attrgetter("id"))
        found: list[Service] = []
        lot = limit if states is None else max(limit, LOT)
        while len(found) < limit:
            page = await self._execute(self._store.services, tenant=tenant, after=after, limit=lot)
            found += [one for one in page if states is None or one.state in states]
            if len(page) < lot:
                break
            after = page[-1].id
        return found[:limit]

    async def events(
        self, *, after: int, limit: int, caller: Caller, subject: str | None = None
    ) -> Sequence[EventRecord]:
        """Events that the caller may see after a place in its sequence, in order; of one subject, if one is given."""
        return await self._events(after, limit, viewer_of(caller), subject)

    async def last_place(self, caller: Caller) -> int:
        """The place of the newest event in the caller's sequence."""
        viewer = viewer_of(caller)
        return await self._execute(self._store.last_place, tenant=viewer, operator=viewer is None)

    def live(self, after: int, caller: Caller, *, samples: bool = False) -> AsyncIterator[EventRecord | Sample]:
        """All that the caller may see, from a place in its sequence on, and, if wanted, samples as they are taken."""
        return self._live.watch(after, viewer_of(caller), self._events, samples=samples)

    async def _events(
        self, after: int, limit: int, viewer: str | None, subject: str | None = None
    ) -> Sequence[EventRecord]:
        who = {"tenant": viewer, "operator": viewer is None}
        return await self._execute(self._store.events, after=after, limit=limit, subject=subject, **who)

    # --- who --------------------------------------------------------------------------------------------------

    def authenticate(self, token: str) -> Caller:
        """Who sent a token. Raises Unauthenticated."""
        return accounts.caller(self.seat.book, token, self._clock.now_s())

    def identified(self, found: Identified) -> Caller:
        """Whom an identity provider vouches for. Raises Forbidden for who is of no tenant that there is."""
        tenant = found.grant.tenant
        if tenant is not None and TenantId(tenant) not in self.seat.book.tenants:
            raise Forbidden("the identity provider's token is of a tenant that is not known here")
        return Caller(grant=found.grant, token_id=f"{OIDC}{found.subject}", until_s=found.until_s)

    def now_s(self) -> float:
        """The time by which tokens end."""
        return self._clock.now_s()

    async def issue_token(
        self,
        *,
        tenant: TenantId | None,
        label: str = "",
        role: Role | None = None,
        scopes: Sequence[str] | None = None,
        expires_s: float | None = None,
        issuer: Caller | None = None,
    ) -> tuple[TokenRecord, str]:
        """A new token, good for `expires_s` from now, and its secret. Raises Invalid, Forbidden."""
        made = secret()
        grant = Grant(
            role=role or default_role(tenant),
            tenant=tenant,
            scopes=None if scopes is None else changing_implies_looking(scopes),
            expires_s=None if expires_s is None else self._clock.now_s() + expires_s,
        )
        record = await self.do(IssueToken(hash=accounts.hash_of(made), grant=grant, label=label, issuer=issuer))
        return record, made

    async def revoke_token(self, token_id: str, *, tenant: TenantId | None = None) -> TokenRecord:
        """Make a token, one of a tenant's if one is given, invalid. Raises NotFound."""
        return await self.do(RevokeToken(token=token_id, tenant=tenant))

    async def note_uses(self, used_s: Mapping[str, float]) -> None:
        """Note when tokens were last used."""
        await self.do(NoteUses(used_s=dict(used_s)))

    async def note_asked(self, asked: Sequence[tuple[Asked, int]], what: str) -> None:
        """Put into the audit log what is in no commit."""
        await self.do(NoteAsked(asked=tuple(asked), what=what))

    async def audit_head(self) -> tuple[int, str]:
        """The place and the hash of the audit log's newest row."""
        return await self._execute(self._store.log.head)

    async def audit_links(self, after: int | None, skip: int, limit: int) -> Sequence[Link]:
        """Rows of the audit log after a place, without the first so many, as they are stored."""
        return await self._execute(self._store.log.links, after=after, skip=skip, limit=limit)

    async def audit_rows(self, tenant: TenantId, skip: int, limit: int) -> Sequence[Row]:
        """Rows of the audit log that are a tenant's to see, without the first so many."""
        return await self._execute(self._store.log.rows, tenant, skip=skip, limit=limit)

    async def add_tenant(self, tenant: Tenant, ports: Sequence[Port] = ()) -> Tenant:
        """Add a customer, and ports of its own with it. Raises Invalid, Conflict; then nothing was added."""
        return await self.do(AddTenant(tenant=tenant, ports=tuple(ports)))

    async def set_quota(self, tenant: TenantId, limits: Mapping[str, float | None]) -> Tenant:
        """Set what is named of a tenant's quota; None is no limit. Raises NotFound, Invalid."""
        return await self.do(SetQuota(tenant=tenant, limits=dict(limits)))

    async def usage(self, tenants: Sequence[TenantId]) -> dict[TenantId, tuple[Tenant, Usage]]:
        """Tenants, and what they have now. Raises NotFound."""
        book = await self.settled()
        known = {one: find(book, one) for one in tenants}
        used = usage(book, known, self._clock.now_s())
        return {one: (tenant, used[one]) for one, tenant in known.items()}

    async def add_port(self, port: Port) -> Port:
        """Give a tenant a port. Raises Invalid, Conflict."""
        return await self.do(AddPort(port=port))

    # --- services ---------------------------------------------------------------------------------------------

    async def order(
        self,
        request: Request,
        *,
        dry_run: bool = False,
        idempotency: Idempotency | None = None,
        asker: TenantId | None = None,
        effects: list[str] | None = None,
    ) -> tuple[Service, bool]:
        """Order connectivity: the service, and whether its key had come before. `asker` None is an operator, who is
        told exact figures. Of a `dry_run` it is added to `effects` what it would do to others.

        Raises Invalid with every finding; Refused with `binding` and `offers` among its facts; HoldLimit,
        QuotaExceeded, SlowDown, KeyReused.
        """
        with self._patience.asking(asker, self._clock.now_s(), tells=dry_run or request.hold_s is not None):
            if not dry_run:
                return await self._order(request, idempotency, asker is None)
            book = await self.settled()
            book.look_from(self._clock.now_s())
            seen = orders.preview(book, request, self._clock.now_s(), exact=asker is None, effects=effects)
            return seen, False

    async def _order(self, request: Request, idempotency: Idempotency | None, exact: bool) -> tuple[Service, bool]:
        ordered = await self.do(PlaceOrder(request=request, key=idempotency, exact=exact))
        if ordered.made is not None:
            return ordered.made, False
        return await self.find_service(ordered.before or ServiceId(""), None), True

    async def change(
        self,
        service_id: ServiceId,
        change: Change,
        *,
        tenant: TenantId | None,
        if_version: int | None,
        dry_run: bool = False,
    ) -> Service:
        """Change a live service in place. Raises NotFound, VersionConflict, Conflict, Invalid, Refused, SlowDown."""
        with self._patience.asking(tenant, self._clock.now_s(), tells=dry_run):
            if dry_run:
                book, now_s = await self.settled(), self._clock.now_s()
                book.look_from(now_s)
                return orders.preview_change(
                    book, service_id, change, tenant=tenant, if_version=if_version, now_s=now_s
                )
            change_it = ChangeService(service=service_id, change=change, tenant=tenant, if_version=if_version)
            return await self._do_to(service_id, tenant, change_it)

    async def confirm(
        self, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None
    ) -> Service:
        """Take a hold: it is reserved. Raises NotFound, VersionConflict, Conflict where it has expired."""
        service = await self.find_service(service_id, tenant)
        if service.state in ENDED and service_id not in (await self.settled()).services:
            raise holds.not_held(service)
        return await self.do(ConfirmHold(service=service_id, tenant=tenant, if_version=if_version))

    async def release(
        self, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None
    ) -> Service:
        """Give a service back. Raises NotFound, VersionConflict, Conflict."""
        give_back = ReleaseService(service=service_id, tenant=tenant, if_version=if_version)
        return await self._do_to(service_id, tenant, give_back)

    async def ping(self, service: Service, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """Send packets of our own along a service. Raises Conflict where nothing carries it, Unavailable."""
        self._check_carried(service)
        return await self.do(
            PingService(service=service.id, count=count, interval_ms=interval_ms, size_bytes=size_bytes)
        )

    async def trace(self, service: Service) -> Trace:
        """Every router on a service's way. Raises Conflict where nothing carries it, Unavailable."""
        self._check_carried(service)
        return await self.do(TraceService(service=service.id))

    async def measurements(self, service: Service) -> Sequence[Measurement]:
        """What was measured of its paths within the last seconds. Raises Conflict where nothing carries it,
        Unavailable.
        """
        self._check_carried(service)
        return await self.do(MeasureService(service=service.id))

    async def tracks(
        self,
        subject: Subject,
        name: str | Sequence[str],
        *,
        series: Sequence[str] = (),
        from_s: float | None = None,
        until_s: float | None = None,
        step_s: int | None = None,
    ) -> Tracks:
        """What was measured of a thing, or of several: the last hour if nothing is said, all series if none is named.

        Raises Invalid with every finding, Conflict where nothing is kept, Unavailable.
        """
        known = shown_of(subject)
        strange = [
            Finding(code="series", place="series", message=f"there is no {one!r}: choose of {', '.join(known)}")
            for one in series
            if one not in known
        ]
        over = lookback(from_s, until_s, step_s, self._clock.now_s(), strange)
        return await self.do(
            ReadTracks(
                subject=subject,
                names=(name,) if isinstance(name, str) else tuple(name),
                series=tuple(dict.fromkeys(series)) or known,
                from_s=over.from_s,
                until_s=over.until_s,
                step_s=over.step_s,
            )
        )

    async def moments(self, *, from_s: float, until_s: float, step_s: int | None = None) -> Moments:
        """What every link carried, step by step. Raises Invalid with every finding, Conflict where nothing is kept,
        Unavailable.
        """
        over = lookback(from_s, until_s, step_s, self._clock.now_s())
        return await self.do(ReadMoments(from_s=over.from_s, until_s=over.until_s, step_s=over.step_s))

    async def proofs(
        self, service: ServiceId, *, after: int, limit: int, from_s: float | None, until_s: float | None
    ) -> Sequence[Entry]:
        """Entries of what was delivered of a service, in order after a place."""
        return await self._execute(
            self._store.proofs.entries, service, after=after, limit=limit, from_s=from_s, until_s=until_s
        )

    def _check_carried(self, service: Service) -> None:
        if service.state not in CARRYING:
            raise Conflict(f"{service.id} is {service.state}: nothing carries it", state=service.state.value)
        if not self.seat.probes:
            raise Conflict(f"the fabric {self.fabric_name} sends no packets of its own")

    # --- operating --------------------------------------------------------------------------------------------

    async def load_network(
        self, network: Network, *, confirm: str | None = None, dry_run: bool = False
    ) -> NetworkChange:
        """Put a network in force. Raises Invalid, Conflict, and ConfirmationRequired where services live on it."""
        if dry_run:
            return reload.compare(await self.settled(), network)
        return await self.do(LoadNetwork(network=network, confirm=confirm))

    async def drain(self, target: str, times: Times = maintain.AT_ONCE, *, dry_run: bool = False) -> Maintenance:
        """Move traffic away from a fibre, a risk group or a site, at once or at a time for which it is booked now.

        Raises Invalid with every finding, Conflict, Frozen.
        """
        if dry_run:
            return maintain.preview(await self.settled(), target, times, self._clock.now_s())
        return await self.do(StartDrain(target=target, times=times))

    async def end_maintenance(self, maintenance_id: MaintenanceId) -> Maintenance:
        """End a drain, or cancel one that is booked. Raises NotFound, Conflict."""
        return await self.do(EndMaintenance(maintenance=maintenance_id))

    async def freeze(self, reason: str = "") -> Freeze:
        """Begin no planned change on routers until `thaw`; repairs go on. Raises Invalid."""
        return await self.do(FreezeChanges(reason=reason))

    async def thaw(self) -> Freeze | None:
        """Let planned changes go on: the freeze that has ended, None where there was none."""
        return await self.do(ThawChanges())

    async def _do_to(self, service_id: ServiceId, tenant: TenantId | None, command: Command[T]) -> T:
        """Have something done to a service; it may end between the look at it and the decision."""
        await self._exists(service_id, tenant)
        try:
            return await self.do(command)
        except NotFound:
            await self._exists(service_id, tenant)
            raise

    async def _exists(self, service_id: ServiceId, tenant: TenantId | None) -> None:
        """Tell what has ended (a conflict, said by the planner's own words) from what never was, or is another's."""
        service = await self.find_service(service_id, tenant)
        if service.state in ENDED and service_id not in (await self.settled()).services:
            raise orders.has_ended(service)

    # --- the flight recorder ----------------------------------------------------------------------------------

    async def replay(self, incident: str) -> Replay:
        """Decide an incident again from what was noted, and compare. Raises NotFound."""
        async with self._viewing:
            return await self._execute(replay_incident, self._store.history, incident)

    async def explain(self, service_id: ServiceId, *, at: int | None, caller: Caller) -> Explanation:
        """What happened to a service until an event, or until now, and why it is where it is. Raises NotFound;
        SlowDown for a tenant.
        """
        tenant = viewer_of(caller)
        await self.find_service(service_id, caller.tenant)
        with self._patience.asking(caller.tenant, self._clock.now_s(), tells=True):
            async with self._viewing:
                return await self._execute(explain, self._store.history, service_id, at, tenant)

    # --- views of the calendar --------------------------------------------------------------------------------

    async def capacity(self, question: Question, *, start_s: float | None = None, hours: int = WEEK_HOURS) -> Capacity:
        """What is free between two ends, hour by hour. Raises Invalid, with every finding; SlowDown for a tenant."""
        with self._patience.asking(question.tenant, self._clock.now_s(), tells=True):
            return await self._capacity(question, start_s, hours)

    async def _capacity(self, question: Question, start_s: float | None, hours: int) -> Capacity:
        async with self._viewing:
            return await capacity(self.settled, self._clock.now_s, question, start_s, hours)

    async def what_if(self, target: str, load: Load | None = None) -> Forecast:
        """What would happen if a fibre, a risk group or a site failed now, with a load also to what is sent; nothing
        does. Raises Invalid; with a load also Conflict and Unavailable.
        """
        async with self._viewing:
            book, now_s = await self.settled(), self._clock.now_s()
            fibres_of(book.network, target)
            sending = await read_sending(self.do, book, now_s, load)
            return await self._execute(what_if, values_of(book), target, now_s, sending)

    async def outlook(self, growth: float, add: Sequence[str], cut: Sequence[str], load: Load | None = None) -> Outlook:
        """What would happen if what is admitted grew, or links were added; nothing does. Raises as `what_if`."""
        async with self._viewing:
            book, now_s = await self.settled(), self._clock.now_s()
            change = change_of(book.network, growth, add, cut)
            sending = await read_sending(self.do, book, now_s, load)
            return await self._execute(outlook, values_of(book), change, now_s, sending)

    async def link_calendar(
        self, link: LinkId, *, start_s: float | None = None, end_s: float | None = None
    ) -> LinkCalendar:
        """What is kept of a link over a time, and for whom. Raises NotFound, Invalid."""
        return await link_calendar(await self.settled(), self._execute, self._clock.now_s(), link, start_s, end_s)
