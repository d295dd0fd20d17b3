"""How long a thousand planned moves take, checked with a canary first, and unchecked; and what harm one does.

In one process on the twin, in real time, with a store on disk: services across the US, and a drain of the fibre that
most of them cross.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench import world
from bench.figure import Figure
from highroad.control.accounts import port_id
from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.model.incident import MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, SiteKind
from highroad.model.service import End, Port, Request, ServiceId, Tenant
from highroad.storage.store import SqlStore

MOVES = 1_000
RATE_GBPS = 0.1
WARM_S = 3.0
PATIENCE_S = 120.0


def figures() -> Iterator[Figure]:
    """A drain of a thousand services: unchecked, checked, and onto a fibre that is dark in silence."""
    unchecked_s, blind = asyncio.run(_drained(Check(for_s=0.0)))
    check = Check()
    checked_s, _ = asyncio.run(_drained(check))
    yield Figure(
        what=f"{MOVES:,} planned moves on the twin, US, from the drain to the last one confirmed and checked",
        ours=f"{checked_s:.1f} s: a canary of {check.first(MOVES)}, then steps of 200, each checked for "
        f"{check.for_s:g} s; {unchecked_s:.1f} s unchecked",
    )
    back_s, moved, lost = asyncio.run(_harmed(blind))
    yield Figure(
        what=f"the same, the fibre that most of them move to dark in silence ({blind})",
        ours=f"{moved} of {MOVES:,} were moved, {lost} of them lost anything; all back and changes frozen after "
        f"{back_s:.1f} s",
        bar=f"at most {check.first(MOVES)} moved",
        met=0 < lost <= moved <= check.first(MOVES),
    )


async def _drained(check: Check) -> tuple[float, FibreId]:
    """How long it takes, and the fibre that most services move to."""
    async with _world(check) as (controller, _, fibre):
        before = _crossing(await controller.settled())
        began = time.perf_counter()
        drain = await controller.drain(fibre)
        done = MaintenanceState.DRAINED
        book = await _until(controller, lambda book: book.maintenances[drain.id].state is done or bool(book.freeze))
        took_s = time.perf_counter() - began
        assert book.freeze is None, book.freeze
        assert len(book.maintenances[drain.id].moved) >= MOVES
        return took_s, (_crossing(book) - before).most_common(1)[0][0]


async def _harmed(blind: FibreId) -> tuple[float, int, int]:
    """How long until all is back, how many were moved, and how many of them lost anything."""
    async with _world(Check()) as (controller, twin, fibre):
        await twin.cut(blind, silent=True)
        await asyncio.sleep(WARM_S)
        before = (await controller.settled()).services
        lost = {one: counters.lost_bytes for one, counters in (await twin.sample()).services.items()}
        crossing = {one for one, counters in (await twin.sample()).services.items() if counters.dark_s > 0}
        moved: set[ServiceId] = set()
        began = time.perf_counter()
        await controller.drain(fibre)

        def back(book: Book) -> bool:
            moved.update(one for step in book.trials.steps for one in step.trials)
            return book.freeze is not None and not any(one.leaving for one in book.services.values())

        book = await _until(controller, back)
        took_s = time.perf_counter() - began
        same = [one for one, service in book.services.items() if service.placement == before[one].placement]
        assert len(same) == len(before), "what was not begun is where it was as well"
        now = (await twin.sample()).services
        return took_s, len(moved), sum(now[one].lost_bytes > lost[one] for one in now.keys() - crossing)


def _crossing(book: Book) -> Counter[FibreId]:
    """How many services cross each fibre between pops: there are ways around those."""
    network = book.network
    pops = {site.id for site in network.sites if site.kind is SiteKind.POP}
    count: Counter[FibreId] = Counter()
    for service in book.services.values():
        links = () if service.placement is None else service.placement.links
        count.update(
            {
                fibre
                for link in links
                if {network.link[link].tail, network.link[link].head} <= pops
                for fibre in network.link[link].fibres
            }
        )
    return count


async def _until(controller: Controller, done: Callable[[Book], bool]) -> Book:
    """The book once it is as wished."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            book = await controller.settled()
            if done(book):
                return book
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _world(check: Check) -> AsyncIterator[tuple[Controller, Twin, FibreId]]:
    """A controller, and a fibre that a thousand of its services cross."""
    network = world.us()
    with tempfile.TemporaryDirectory() as folder:
        store, clock = SqlStore(Path(folder) / "highroad.db"), SystemClock()
        twin = Twin(network, clock, watched=False)
        controller = Controller(store=store, fabric=twin, clock=clock, lab=twin, check=check, blast=Blast(share=0.0))
        await controller.start()
        try:
            await controller.load_network(network)
            ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
            ports = [
                Port(id=port_id(world.TENANT, at), tenant=world.TENANT, site=at, rate_gbps=100_000.0) for at in ends
            ]
            await controller.add_tenant(Tenant(id=world.TENANT, name="Bench"), ports)
            dice = world.dice_of(network, seed=3)
            fibre, busiest = FibreId(""), 0
            while busiest < MOVES:
                for _ in range(100):
                    a, b = dice.sample(ends, 2)
                    asked = Request(tenant=world.TENANT, a=End(at=a), b=End(at=b), bandwidth_gbps=RATE_GBPS)
                    await controller.order(asked)
                crossing = _crossing(await controller.settled())
                fibre, busiest = crossing.most_common(1)[0]
            await _until(controller, lambda book: all(one.state is State.ACTIVE for one in book.services.values()))
            await asyncio.sleep(WARM_S)
            yield controller, twin, fibre
        finally:
            await controller.stop()
            await twin.aclose()
            store.close()
