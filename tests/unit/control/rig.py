"""A whole controller over the twin in virtual time, with a store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.control.names import by_chance
from highroad.control.replanning import Rules
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.fabric.clock import VirtualClock
from highroad.fabric.twin.twin import Twin
from highroad.model.incident import Incident
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, Network
from highroad.model.plan import Optimising
from highroad.model.service import Service, ServiceId
from highroad.ports import Commit, EventRecord, Store
from highroad.ports.solver import Solver
from tests.support.country import country, ports, request, tenants
from tests.support.stores import in_memory
from tests.unit.planning.ground import NOW_S

T = TypeVar("T")


@dataclass
class Rig:
    """What a test of the loop holds in its hands."""

    controller: Controller
    twin: Twin
    clock: VirtualClock
    store: Store
    optimising: Optimising = Optimising.OFF
    news: bool = True
    """Whether something may have been stored since whoever unsets this has looked."""

    def notice(self) -> None:
        """Set `news` with each commit from now on."""
        write = self.store.commit

        def noticed(commit: Commit) -> Sequence[EventRecord]:
            self.news = True
            return write(commit)

        self.store.commit = noticed  # type: ignore[method-assign]

    async def run(self, work: Awaitable[T]) -> T:
        """Wait for something in virtual time."""
        return await self.clock.run(work)

    async def pass_s(self, duration_s: float) -> None:
        """Let time pass, and whatever it brings."""
        await self.clock.run(self.clock.sleep(duration_s))

    async def book(self) -> Book:
        """What is committed."""
        return await self.run(self.controller.settled())

    async def order(self, *args: object, settle: bool = True, **kwargs: object) -> Service:
        """Order, and let it be activated."""
        service, _ = await self.run(self.controller.order(request(*args, **kwargs)))  # type: ignore[arg-type]
        if settle:
            await self.pass_s(0.5)
        return await self.now(service.id)

    async def now(self, service: ServiceId) -> Service:
        """A service as it stands."""
        return await self.run(self.controller.find_service(service, None))

    async def cut(self, fibre: str, settle_s: float = 0.5) -> None:
        """Cut a fibre and let the loop do what it does."""
        await self.run(self.twin.cut(FibreId(fibre)))
        await self.pass_s(settle_s)

    async def uncut(self, fibre: str, settle_s: float = 1.5) -> None:
        """Splice it, likewise."""
        await self.run(self.twin.uncut(FibreId(fibre)))
        await self.pass_s(settle_s)

    async def incident(self) -> Incident:
        """The only incident."""
        (incident,) = (await self.book()).incidents.values()
        return incident

    async def lost(self, service: ServiceId) -> float:
        """Bytes that a service has lost."""
        return (await self.run(self.twin.sample())).services[service].lost_bytes


async def at_once(work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Blocking work, done on the spot: virtual time does not wait for threads."""
    return work(*args, **kwargs)


@asynccontextmanager
async def rig(
    network: Network | None = None,
    *,
    store: Store | None = None,
    furnish: bool = True,
    blast: Blast | None = None,
    check: Check | None = None,
    watched: bool = True,
    wait_to_restore_s: float = 0.0,
    rules: Rules | None = None,
    solver: Solver | None = None,
    optimising: Optimising = Optimising.OFF,
) -> AsyncIterator[Rig]:
    """A controller on the small country, with two tenants and their ports; `watched` as the twin has it. With
    `optimising` orders may make others move, and nothing is planned besides.
    """
    clock = VirtualClock(NOW_S)
    network = network or country()
    kept = store or in_memory()
    twin = Twin(network, clock, watched=watched)
    numbers = count(1)
    controller = Controller(
        store=kept,
        fabric=twin,
        clock=clock,
        lab=twin,
        prober=twin,
        new_service_id=lambda: ServiceId("svc-" + by_chance(lambda: f"{next(numbers):03}")),
        execute=at_once,
        blast=blast,
        check=check,
        wait_to_restore_s=wait_to_restore_s,
        rules=rules,
        solver=solver,
    )
    if optimising is not Optimising.OFF:
        controller._loop._optimising = optimising
    here = Rig(controller=controller, twin=twin, clock=clock, store=kept, optimising=optimising)
    await clock.run(controller.start())
    try:
        if furnish:
            await here.run(controller.load_network(network))
            for tenant in tenants():
                await here.run(controller.add_tenant(tenant, [port for port in ports() if port.tenant == tenant.id]))
        yield here
    finally:
        await clock.run(controller.stop())
        await twin.aclose()
        if store is None:
            kept.close()


def carried(service: Service) -> tuple[str, ...]:
    """The way there of a service that is ACTIVE and has let go of everything else."""
    assert service.state is State.ACTIVE, (service.state, service.reason)
    assert service.leaving == ()
    assert service.placement is not None
    return service.placement.there
