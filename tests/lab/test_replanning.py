"""The optimiser on real routers: services are moved to where there is more room while packets go, and none is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.control.replanning import Rules
from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.plan import Optimising
from highroad.model.service import End, Port, PortId, Request, ServiceId, Tenant, TenantId
from tests.contract.fabric.routers import lab_of, settled
from tests.lab.rig import needs_root
from tests.support.stores import in_memory
from tests.unit.fabric.small import backbone

pytestmark = needs_root

TRIANGLE = backbone("a-b", "a-c", "b-c")
ACME = TenantId("acme")
DIRECT, AROUND = ("a>b",), ("a>c", "c>b")
DIRECT_MS = 1.5
"""Less than the way around takes: until it is taken back, both are where the other is."""

PATIENCE_S = 30.0
SENT, EACH_MS = 1000, 5.0
"""Packets of the routers' own of each service, and how far apart, beside those of its hosts."""


@asynccontextmanager
async def controller_of(folder: Path) -> AsyncIterator[tuple[Controller, LinuxFabric]]:
    """A controller over a lab, that applies what is worth it, with a customer that has a port at two corners."""
    store = in_memory()
    async with lab_of(folder, TRIANGLE) as (fabric, _):
        controller = Controller(
            store=store,
            fabric=fabric,
            clock=SystemClock(),
            lab=fabric,
            prober=fabric,
            rules=Rules(mode=Optimising.AUTO, every_s=0.5),
        )
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
        assert time.monotonic() < until_s, (list(book.services.values()), await controller.plan())
        assert book.ground.calendar.oversold() == []
        await asyncio.sleep(0.02)
    return book


def way(book: Book, service: ServiceId) -> tuple[str, ...] | None:
    """Where a service is carried; None while it is moved, or on trial."""
    now = book.services[service]
    is_settled = now.state is State.ACTIVE and not now.leaving
    return now.placement.there if is_settled and now.placement is not None else None


def test_a_service_is_rerouted_to_level_links_and_no_packet_is_lost(tmp_path: Path) -> None:
    async def scene() -> None:
        async with controller_of(tmp_path) as (controller, fabric):
            asked = Request(tenant=ACME, a=End(at="a"), b=End(at="b"), bandwidth_gbps=40.0, latency_bound_ms=DIRECT_MS)
            names = [(await controller.order(asked))[0].id for _ in range(2)]
            book = await until(controller, lambda book: all(way(book, one) == DIRECT for one in names))
            packets = [
                asyncio.create_task(fabric.ping(one, count=SENT, interval_ms=EACH_MS, size_bytes=64)) for one in names
            ]
            await asyncio.sleep(1.0)
            before = await fabric.sample()
            for one in names:
                await controller.change(one, Change(latency_bound_ms=None), tenant=ACME, if_version=None)
            book = await until(
                controller, lambda book: sorted(str(way(book, one)) for one in names) == [str(DIRECT), str(AROUND)]
            )
            assert book.freeze is None
            echoes = await asyncio.gather(*packets)
            assert [len(one) for one in echoes] == [SENT, SENT]
            assert [sum(echo.rtt_ms is None for echo in one) for one in echoes] == [0, 0]
            after = await settled(fabric.sample())
            for one in names:
                was, now = before.services[one], after.services[one]
                assert now.offered_bytes > was.offered_bytes
                assert now.lost_bytes == was.lost_bytes
                assert now.dark_s == was.dark_s
            told = (await controller.plan()).outcome
            assert told in ("", "done: 1 moved")

    asyncio.run(scene())
