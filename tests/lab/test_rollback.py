"""A planned move on real routers: packets say whether it did harm, and it goes back without anybody asking."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.lab.client import LabClient
from highroad.model.incident import MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.measurement import Way
from highroad.model.network import FibreId, SiteId
from highroad.model.service import End, Port, PortId, Request, ServiceId, Tenant, TenantId
from tests.contract.fabric.routers import lab_of
from tests.lab.rig import needs_root
from tests.support.stores import in_memory
from tests.unit.fabric.small import backbone

pytestmark = needs_root

TRIANGLE = backbone("a-b", "a-c", "b-c")
ACME = TenantId("acme")
PATIENCE_S = 40.0


@asynccontextmanager
async def controller_of(folder: Path) -> AsyncIterator[tuple[Controller, LinuxFabric]]:
    """A controller over a lab, with a customer that has a port at two corners."""
    store = in_memory()
    async with lab_of(folder, TRIANGLE) as (fabric, _):
        controller = Controller(store=store, fabric=fabric, clock=SystemClock(), lab=fabric, prober=fabric)
        await controller.start()
        try:
            await controller.load_network(TRIANGLE)
            ends = [Port(id=PortId(f"acme.{at}"), tenant=ACME, site=SiteId(at), rate_gbps=100.0) for at in "ab"]
            await controller.add_tenant(Tenant(id=ACME, name="Acme"), ends)
            yield controller, fabric
        finally:
            await controller.stop()
    store.close()


async def until(controller: Controller, done: Callable[[Book], bool]) -> Book:
    """The book once it is as wished."""
    until_s = time.monotonic() + PATIENCE_S
    while not done(book := await controller.settled()):
        assert time.monotonic() < until_s, (list(book.services.values()), book.maintenances)
        assert book.ground.calendar.oversold() == []
        await asyncio.sleep(0.02)
    return book


def test_packets_that_a_move_loses_bring_it_back(tmp_path: Path) -> None:
    async def scene(folder: Path) -> bool:
        """False where neighbours took what was lost for a fault: it was repaired, and there is no move to judge."""
        async with controller_of(folder) as (controller, fabric):
            asked = Request(tenant=ACME, a=End(at="a"), b=End(at="b"), bandwidth_gbps=50.0)
            service, _ = await controller.order(asked)

            def way(book: Book) -> tuple[str, ...] | None:
                now = book.services[service.id]
                settled = now.state is State.ACTIVE and not now.leaving
                return now.placement.there if settled and now.placement is not None else None

            await until(controller, lambda book: way(book) == ("a>b",))
            await asyncio.sleep(3.0)  # what was carried before is known
            await fabric.cut(FibreId("b-c"), silent=True, loss=0.04)  # neighbours miss three greetings in a row seldom
            drain = await controller.drain("a-b")
            book = await until(controller, lambda book: book.freeze is not None or bool(book.incidents))
            if book.freeze is None:
                assert {fault.fibre for one in book.incidents.values() for fault in one.faults} == {"b-c"}
                return False
            assert f"rolled back: 1 of 1 moved services lost traffic ({service.id} " in book.freeze.reason
            await until(controller, lambda book: way(book) == ("a>b",))
            assert book.maintenances[drain.id].note == book.freeze.reason
            assert await arrives(fabric, service.id)
            await fabric.uncut(FibreId("b-c"))
            await controller.thaw()
            book = await until(controller, lambda book: way(book) == ("a>c", "c>b"))
            assert book.freeze is None
            drained = MaintenanceState.DRAINED
            await until(controller, lambda book: book.maintenances[drain.id].state is drained)
            assert await arrives(fabric, service.id)
            return True

    assert any(asyncio.run(scene(tmp_path / str(one))) for one in range(4))


def test_probes_bring_back_who_sends_nothing_from_a_path_that_swallows_packets(tmp_path: Path) -> None:
    async def scene() -> None:
        async with controller_of(tmp_path) as (controller, fabric):
            asked = Request(tenant=ACME, a=End(at="a"), b=End(at="b"), bandwidth_gbps=50.0)
            service, _ = await controller.order(asked)

            def way(book: Book) -> tuple[str, ...] | None:
                now = book.services[service.id]
                settled = now.state is State.ACTIVE and not now.leaving
                return now.placement.there if settled and now.placement is not None else None

            await until(controller, lambda book: way(book) == ("a>b",))
            await fabric.offer(service.id, 0.0)
            await measured(fabric, service.id)
            hole = await namespace_of(fabric, "c")
            in_namespace(hole, "nft", "add table ip6 hole")
            in_namespace(
                hole, "nft", "add chain ip6 hole through { type filter hook forward priority 0 ; policy drop ; }"
            )
            drain = await controller.drain("a-b")
            book = await until(controller, lambda book: book.freeze is not None or bool(book.incidents))
            assert not book.incidents, "neighbours see each other"
            assert book.freeze is not None
            said = f"rolled back: 1 of 1 moved services lost traffic ({service.id} dark by probes)"
            assert said in book.freeze.reason
            await until(controller, lambda book: way(book) == ("a>b",))
            assert book.maintenances[drain.id].moved == ()
            assert await arrives(fabric, service.id)
            in_namespace(hole, "nft", "delete table ip6 hole")
            await controller.thaw()
            await until(controller, lambda book: way(book) == ("a>c", "c>b"))
            assert await arrives(fabric, service.id)

    asyncio.run(scene())


async def measured(fabric: LinuxFabric, service: ServiceId) -> None:
    """Wait until it is known how its path is measured, each way."""
    until_s = time.monotonic() + PATIENCE_S
    ways: list[Way] = []
    while min(ways.count(way) for way in Way) < 3:
        assert time.monotonic() < until_s, ways
        await asyncio.sleep(0.5)
        ways = [one.way for one in await fabric.measurements(service) if one.in_use and one.sent]


async def namespace_of(fabric: LinuxFabric, site: str) -> str:
    """Where a router is."""
    panel = fabric._panel
    assert isinstance(panel, LabClient)
    return next(one.namespace for one in (await panel.info()).routers if one.site == site)


def in_namespace(name: str, *command: str) -> None:
    """Do something there."""
    subprocess.run(["ip", "netns", "exec", name, *command], check=True)


async def arrives(fabric: LinuxFabric, service: ServiceId) -> bool:
    """Whether a service's packets arrive now, both ways."""
    echoes = await fabric.ping(service, count=3, interval_ms=50.0, size_bytes=64)
    return all(echo.rtt_ms is not None for echo in echoes)
