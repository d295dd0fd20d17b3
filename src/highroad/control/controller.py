"""The controller: the planner, the loop and everything that may be asked of them, behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from heapq import nsmallest
from operator import attrgetter

from highroad.control import accounts, maintain, reload, safety
from highroad.control import order as orders
from highroad.control.accounts import Caller, Role
from highroad.control.book import Book
from highroad.control.live import Live
from highroad.control.loop import Loop
from highroad.control.names import service_id
from highroad.control.order import Idempotency
from highroad.control.planner import Planner
from highroad.control.reload import NetworkChange
from highroad.control.safety import Blast
from highroad.errors import Conflict, NotFound
from highroad.model.freeze import Freeze
from highroad.model.incident import Maintenance, MaintenanceId
from highroad.model.lifecycle import CARRYING, ENDED, State
from highroad.model.network import Network
from highroad.model.service import Port, Protection, Request, Service, ServiceId, Tenant, TenantId
from highroad.ports import (
    Clock,
    Echo,
    EventRecord,
    Executor,
    Fabric,
    Lab,
    Prober,
    Sample,
    Store,
    TokenRecord,
    Trace,
)

LOT = 500
"""How many services are read at once where only some of them may be wanted."""


class Controller:
    """Everything that doors may ask for. All of it runs on one event loop; nothing here is acknowledged before the
    store has it.
    """

    def __init__(
        self,
        *,
        store: Store,
        fabric: Fabric,
        clock: Clock,
        lab: Lab | None = None,
        prober: Prober | None = None,
        fabric_name: str = "twin",
        carries_tags: bool = True,
        new_service_id: Callable[[], ServiceId] = service_id,
        execute: Executor = asyncio.to_thread,
        blast: Blast | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_service_id = new_service_id
        self._execute = execute
        self._live = Live()
        self._planner = Planner(store, clock, self._published, execute, carries_tags=carries_tags)
        self._fabric = fabric
        self._loop = Loop(self._planner, fabric, clock, self._live, blast or Blast())
        self._live.last_sequence = self._planner.book.last_sequence
        self.lab = lab
        self._prober = prober
        self.fabric_name = fabric_name

    async def start(self) -> None:
        """Begin to decide and to reconcile."""
        self._planner.start()
        await self._loop.start()
        await self._plug()

    async def stop(self) -> None:
        """Stop; the fabric goes on carrying."""
        await self._loop.stop()
        await self._planner.stop()

    @property
    def ready(self) -> bool:
        """Whether the fabric has been read and the loop runs."""
        return self._loop.ready

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s: 1 but in a lab that is smaller than what it models."""
        return self._fabric.rate_scale

    # --- reading ----------------------------------------------------------------------------------------------

    async def settled(self) -> Book:
        """What is known, with nothing in it that is not yet in the store. Read it before the next await."""
        return await self._planner.settled()

    @property
    def last_sample(self) -> Sample | None:
        """The newest reading of the fabric's counters."""
        return self._live.sample

    async def find_service(self, service_id: ServiceId, tenant: TenantId | None) -> Service:
        """A service, live or ended, of a tenant, or of anybody for None. Raises NotFound."""
        book = await self.settled()
        service = book.services.get(service_id)
        if service is None:
            service = await self._execute(self._store.service, service_id)
        if service is None or (tenant is not None and service.tenant != tenant):
            raise NotFound(f"there is no service {service_id}")
        return service

    async def services(
        self, tenant: TenantId | None, after: str | None, limit: int, state: State | None = None
    ) -> list[Service]:
        """Services by id, live and ended; up to `limit` of those after an id, of one state if one is given."""
        if state is not None and state not in ENDED:
            live = (await self.settled()).services.values()
            chosen = (one for one in live if one.state is state and tenant in (None, one.tenant))
            return nsmallest(limit, (one for one in chosen if after is None or one.id > after), key=attrgetter("id"))
        found: list[Service] = []
        lot = limit if state is None else max(limit, LOT)
        while len(found) < limit:
            page = await self._execute(self._store.services, tenant=tenant, after=after, limit=lot)
            found += [one for one in page if state is None or one.state is state]
            if len(page) < lot:
                break
            after = page[-1].id
        return found[:limit]

    async def events(self, *, after: int, limit: int, caller: Caller) -> Sequence[EventRecord]:
        """Events after a sequence number that the caller may see, in order."""
        operator = caller.role is Role.OPERATOR
        return await self._execute(
            self._store.events, after=after, limit=limit, tenant=caller.tenant, operator=operator
        )

    def live(self, after: int | None = None) -> AsyncIterator[EventRecord | Sample]:
        """Everything that happens, from an event on (from now on, for None), and samples as they are taken."""
        start = self._live.last_sequence if after is None else after
        return self._live.watch(start, lambda at, limit: self._store.events(after=at, limit=limit, operator=True))

    # --- who --------------------------------------------------------------------------------------------------

    def authenticate(self, token: str) -> Caller:
        """Who sent a token. Raises Unauthenticated."""
        return accounts.caller(self._planner.book, token)

    async def issue_token(self, *, tenant: TenantId | None, label: str = "") -> tuple[TokenRecord, str]:
        """A new token, and its secret. Raises Invalid."""
        return await self._planner.submit(lambda draft: accounts.issue(draft, tenant=tenant, label=label))

    async def revoke_token(self, token_id: str) -> TokenRecord:
        """Make a token invalid. Raises NotFound."""
        return await self._planner.submit(lambda draft: accounts.revoke(draft, token_id))

    async def add_tenant(self, tenant: Tenant, ports: Sequence[Port] = ()) -> Tenant:
        """Add a customer, and ports of its own with it. Raises Invalid, Conflict; then nothing was added."""
        added = await self._planner.submit(lambda draft: accounts.add_tenant(draft, tenant, ports))
        await self._plug()
        return added

    async def add_port(self, port: Port) -> Port:
        """Give a tenant a port. Raises Invalid, Conflict."""
        added = await self._planner.submit(lambda draft: accounts.add_port(draft, port))
        await self._plug()
        return added

    async def _plug(self) -> None:
        if self.lab is not None:
            await self.lab.plug(list((await self.settled()).ports))

    # --- services ---------------------------------------------------------------------------------------------

    async def order(
        self, request: Request, *, dry_run: bool = False, idempotency: Idempotency | None = None
    ) -> tuple[Service, bool]:
        """Order connectivity: the service, and whether its key had come before.

        Raises Invalid with every finding; Refused with `binding` and `offers` among its facts; KeyReused.
        """
        if dry_run:
            book = await self.settled()
            book.look_from(self._clock.now_s())
            return orders.preview(book, request, self._clock.now_s()), False
        if idempotency is None:
            return await self._planner.submit(lambda draft: orders.order(draft, request, self._new_service_id)), False
        key = idempotency
        made, was_made = await self._planner.submit(
            lambda draft: orders.order_once(draft, request, self._new_service_id, key, self._store.answer)
        )
        if isinstance(made, Service):
            return made, was_made
        return await self.find_service(made, None), True

    async def change(
        self,
        service_id: ServiceId,
        *,
        tenant: TenantId | None,
        if_version: int | None,
        bandwidth_gbps: float | None = None,
        protection: Protection | None = None,
        description: str | None = None,
        dry_run: bool = False,
    ) -> Service:
        """Change a live service in place. Raises NotFound, VersionConflict, Conflict, Invalid, Refused."""
        if dry_run:
            book = await self.settled()
            return orders.changed(book, service_id, tenant, if_version, bandwidth_gbps, description, protection)
        await self._exists(service_id, tenant)
        return await self._planner.submit(
            lambda draft: orders.change(
                draft,
                service_id,
                tenant=tenant,
                if_version=if_version,
                bandwidth_gbps=bandwidth_gbps,
                protection=protection,
                description=description,
            )
        )

    async def release(
        self, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None
    ) -> Service:
        """Give a service back. Raises NotFound, VersionConflict, Conflict."""
        await self._exists(service_id, tenant)
        return await self._planner.submit(
            lambda draft: orders.release(draft, service_id, tenant=tenant, if_version=if_version)
        )

    async def ping(self, service: Service, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """Send packets of our own along a service. Raises Conflict where nothing carries it, Unavailable."""
        prober = self._prober_of(service)
        try:
            return await prober.ping(service.id, count=count, interval_ms=interval_ms, size_bytes=size_bytes)
        except NotFound as error:
            raise Conflict(f"routers do not carry {service.id}") from error

    async def trace(self, service: Service) -> Trace:
        """Every router on a service's way. Raises Conflict where nothing carries it, Unavailable."""
        prober = self._prober_of(service)
        try:
            return await prober.trace(service.id)
        except NotFound as error:
            raise Conflict(f"routers do not carry {service.id}") from error

    def _prober_of(self, service: Service) -> Prober:
        if service.state not in CARRYING:
            raise Conflict(f"{service.id} is {service.state}: nothing carries it", state=service.state.value)
        if self._prober is None:
            raise Conflict(f"the fabric {self.fabric_name} sends no packets of its own")
        return self._prober

    # --- operating --------------------------------------------------------------------------------------------

    async def load_network(
        self, network: Network, *, confirm: str | None = None, dry_run: bool = False
    ) -> NetworkChange:
        """Put a network in force. Raises Invalid, Conflict, and ConfirmationRequired where services live on it."""
        if dry_run:
            return reload.compare(await self.settled(), network)
        return await self._planner.submit(lambda draft: reload.load(draft, network, confirm))

    async def drain(self, target: str) -> Maintenance:
        """Move traffic away from a fibre, a risk group or a site. Raises Invalid, Conflict."""
        return await self._planner.submit(lambda draft: maintain.drain(draft, target))

    async def end_maintenance(self, maintenance_id: MaintenanceId) -> Maintenance:
        """End a drain. Raises NotFound, Conflict."""
        return await self._planner.submit(lambda draft: maintain.end(draft, maintenance_id))

    async def freeze(self, reason: str = "") -> Freeze:
        """Begin no planned change on routers until `thaw`; repairs go on. Raises Invalid."""
        return await self._planner.submit(lambda draft: safety.freeze(draft, reason))

    async def thaw(self) -> Freeze | None:
        """Let planned changes go on: the freeze that has ended, None where there was none."""
        return await self._planner.submit(safety.thaw)

    def _published(self, events: Sequence[EventRecord]) -> None:
        self._live.events(events)
        self._loop.wake()

    async def _exists(self, service_id: ServiceId, tenant: TenantId | None) -> None:
        """Tell what has ended (a conflict, said by the planner's own words) from what never was."""
        book = await self.settled()
        if service_id not in book.services:
            service = await self.find_service(service_id, tenant)
            raise orders.has_ended(service)
