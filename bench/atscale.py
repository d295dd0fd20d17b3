"""A controller with very many services: how long it takes to start again, how much memory, and what a pass costs then.

The network and the services are those of bench/scale.py, in a store and in a twin's journal as a controller left them.
Then one starts again, in a process of its own: the store is read, the book and the calendar are made, the twin comes
back, and the first pass of the loop finds everything as it is to be. After that orders are made one after the other,
each through the planner and durable before its answer, and carried; and fibres are cut.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import scale
from bench.figure import Figure, quantile
from highroad.control.controller import Controller
from highroad.errors import Refused
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.main import first
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import (
    Attachment,
    Backup,
    End,
    Order,
    Placement,
    Port,
    PortId,
    Protection,
    Request,
    Service,
    ServiceId,
)
from highroad.model.window import Window
from highroad.planning.ground import FOUND_TAGS
from highroad.ports import Commit, Snapshot
from highroad.storage.store import SqlStore
from tests.support.postgres import postgres

SITES = 1_000
SERVICES = (1_000, 10_000, 100_000)
TENANT = first.TENANT
"""The tenant that a start finds where it looks for one."""
ORDERS, CUTS = 300, 5
LOT = 5_000
STORE, PLANT = "highroad.db", "twin.db"
"""As a home has them."""
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a start saw, in seconds, milliseconds and bytes."""

    services: int
    load_s: float
    book_s: float
    twin_s: float
    pass_s: float
    cpu_s: float
    """Of all of these, however many others had the processor meanwhile."""
    most_bytes: int
    order_ms: list[float]
    held_ms: list[float]
    idle_ms: list[float]
    cut_ms: list[float]
    cut_services: list[int]

    @property
    def start_s(self) -> float:
        """All of it."""
        return self.load_s + self.book_s + self.twin_s + self.pass_s


def figures() -> Iterator[Figure]:
    """Ever more services over the same network; the most of them on PostgreSQL too."""
    for services in SERVICES:
        yield from _told(measured(services), f"{SITES:,} sites, {services:,} services, 20% protected")
    with postgres(fast=False) as server:
        seen = measured(SERVICES[-1], server.create())
    yield from _told(seen, f"the same with {SERVICES[-1]:,} on PostgreSQL")


def _told(seen: Seen, what: str) -> Iterator[Figure]:
    most = seen.services == SERVICES[-1]
    yield Figure(
        what=f"{what}: started again, from the store to the end of the first pass",
        ours=(
            f"{seen.start_s:.1f} s (store {seen.load_s:.1f}, book {seen.book_s:.1f}, twin {seen.twin_s:.1f}, "
            f"pass {seen.pass_s:.2f}), {seen.cpu_s:.1f} s of a processor, {seen.most_bytes / GIB:.2f} GiB at most"
        ),
        bar="<= 10 s, <= 2 GiB" if most else "",
        met=seen.start_s <= 10.0 and seen.most_bytes <= 2 * GIB if most else None,
    )
    yield Figure(
        what=f"{what}: an order, durable; nothing else runs for as long as",
        ours=f"p50 {quantile(seen.order_ms, 0.5):.1f} ms, p99 {quantile(seen.order_ms, 0.99):.1f} ms; "
        f"p50 {quantile(seen.held_ms, 0.5):.1f} ms, p99 {quantile(seen.held_ms, 0.99):.1f} ms",
    )
    yield Figure(
        what=f"{what}: a pass that finds nothing to do; a cut, until all that it hit is carried elsewhere",
        ours=f"{quantile(seen.idle_ms, 0.5):.2f} ms; p50 {quantile(seen.cut_ms, 0.5):.0f} ms, "
        f"worst {max(seen.cut_ms):.0f} ms ({max(seen.cut_services):,} services)",
    )


def measured(services: int, database: str | None = None) -> Seen:
    """Two processes: one that fills a store and a twin, and one that starts on them."""
    with tempfile.TemporaryDirectory() as folder:
        where = database or str(Path(folder) / STORE)
        _part("fill", folder, services, where)
        return Seen(**json.loads(_part("start", folder, services, where).splitlines()[-1]))


def _part(part: str, folder: str, services: int, where: str) -> str:
    command = [sys.executable, "-m", "bench.atscale", part, folder, str(services), where]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def made(network: Network, services: int, now_s: float) -> tuple[list[Port], list[Service]]:
    """The ports and the services; the generator's now is this one."""
    ahead_s = now_s - scale.NOW_S
    dice = random.Random(f"at scale {services}")
    ports = {
        PortId(f"{site.id}-{number}"): Port(
            id=PortId(f"{site.id}-{number}"), tenant=TENANT.id, site=site.id, rate_gbps=400.0
        )
        for site in network.sites
        for number in range(1 + 2 * services // (scale.PORT_SERVICES * len(network.sites)))
    }
    ways = scale.routes(network, services)
    safe = [way for way in ways if way.backup]
    tags: Counter[PortId] = Counter()

    def end(site: SiteId) -> Attachment:
        port = PortId(f"{site}-{dice.randrange(len(ports) // len(network.sites))}")
        tags[port] += 1
        return Attachment(port=port, vlan=FOUND_TAGS[tags[port]])

    found: list[Service] = []
    for number in range(services):
        protected = dice.random() < 0.2
        way = dice.choice(safe if protected else ways)
        start_s, until_s = scale.window(dice)
        runs = start_s == scale.EVER_S
        rate_gbps = dice.randint(50, 1000) / 1000
        order = Order(
            tenant=TENANT.id,
            a=end(way.a),
            b=end(way.b),
            a_site=way.a,
            b_site=way.b,
            bandwidth_gbps=rate_gbps,
            window=Window(
                start_s=now_s - scale.DAY_S if runs else start_s + ahead_s,
                end_s=None if until_s == math.inf else until_s + ahead_s,
            ),
            protection=Protection.PATH if protected else Protection.NONE,
        )
        there, back = _halves(network, way.primary, way.b)
        spare = Backup(**dict(zip(("there", "back"), _halves(network, way.backup, way.b), strict=True)))
        found.append(
            Service(
                id=ServiceId(f"svc-{number:07}"),
                version=1,
                state=State.ACTIVE if runs else State.RESERVED,
                order=order,
                created_s=now_s - scale.DAY_S,
                changed_s=now_s - scale.DAY_S,
                placement=Placement(
                    there=there, back=back, bandwidth_gbps=rate_gbps, backup=spare if protected else None
                ),
            )
        )
    return list(ports.values()), found


def _halves(network: Network, links: tuple[LinkId, ...], b: SiteId) -> tuple[tuple[LinkId, ...], tuple[LinkId, ...]]:
    ends = [place for place, link in enumerate(links, 1) if network.link[link].head == b]
    place = ends[0] if ends else 0
    return links[:place], links[place:]


async def _fill(folder: Path, services: int, where: str) -> None:
    network = scale.network(SITES)
    store = SqlStore(where)
    ports, found = made(network, services, time.time())
    store.commit(Commit(network=network, tenants=[TENANT], ports=ports))
    for start in range(0, len(found), LOT):
        store.commit(Commit(services=found[start : start + LOT]))
    store.close()
    store, twin = SqlStore(where), Twin(network, SystemClock(), journal=folder / PLANT)
    controller = Controller(store=store, fabric=twin, clock=SystemClock(), lab=twin)
    await controller.start()
    while (await controller.settled()).present.differs:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.2)
    await controller.stop()
    await twin.aclose()
    store.close()


async def _start(folder: Path, services: int, where: str) -> Seen:
    network = scale.network(SITES)
    gc.collect()
    gc.disable()  # as `highroad up` does
    at, cpu_s = time.perf_counter(), time.process_time()
    store = SqlStore(where)
    twin = Twin(network, SystemClock(), journal=folder / PLANT)
    twin_s, at = time.perf_counter() - at, time.perf_counter()
    load = _Timed(store)
    controller = Controller(store=load, fabric=twin, clock=SystemClock(), lab=twin)
    load_s, book_s = load.took_s, time.perf_counter() - at - load.took_s
    at = time.perf_counter()
    await controller.start()
    pass_s, cpu_s = time.perf_counter() - at, time.process_time() - cpu_s
    gc.freeze()
    gc.enable()
    held = _Held()
    order_ms = await _orders(controller, network, held)
    held_ms = held.stop()
    idle_ms = []
    for _ in range(50):
        at = time.perf_counter()
        await controller._loop.step()
        idle_ms.append((time.perf_counter() - at) * 1e3)
    cut_ms, cut_services = await _cuts(controller, twin, network)
    seen = Seen(
        services=services,
        load_s=load_s,
        book_s=book_s,
        twin_s=twin_s,
        pass_s=pass_s,
        cpu_s=cpu_s,
        most_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        order_ms=order_ms,
        held_ms=held_ms,
        idle_ms=idle_ms,
        cut_ms=cut_ms,
        cut_services=cut_services,
    )
    await controller.stop()
    await twin.aclose()
    store.close()
    return seen


class _Timed(SqlStore):
    """A store that is open already, and knows how long it took to read it."""

    took_s = 0.0

    def __init__(self, store: SqlStore) -> None:
        self.__dict__.update(store.__dict__)

    def load(self) -> Snapshot:
        """Everything that the controller starts from."""
        at = time.perf_counter()
        snapshot = super().load()
        self.took_s = time.perf_counter() - at
        return snapshot


class _Held:
    """How late a task that sleeps a millisecond at a time is woken: for so long nothing else could run."""

    def __init__(self) -> None:
        self._late_ms: list[float] = []
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> list[float]:
        self._task.cancel()
        return self._late_ms

    async def _watch(self) -> None:
        while True:
            at = time.perf_counter()
            await asyncio.sleep(0.001)
            self._late_ms.append((time.perf_counter() - at) * 1e3 - 1.0)


async def _orders(controller: Controller, network: Network, held: _Held) -> list[float]:
    dice = random.Random("orders at scale")
    ways = scale.routes(network, 1000)
    took_ms: list[float] = []
    for number in range(ORDERS):
        way = dice.choice(ways)
        request = Request(
            tenant=TENANT.id,
            a=End(at=f"{way.a}-0"),
            b=End(at=f"{way.b}-0"),
            bandwidth_gbps=dice.randint(50, 1000) / 1000,
        )
        at = time.perf_counter()
        try:
            await controller.order(request)
        except Refused:
            continue
        if number >= ORDERS // 10:
            took_ms.append((time.perf_counter() - at) * 1e3)
        await asyncio.sleep(0.003)
    return took_ms


async def _cuts(controller: Controller, twin: Twin, network: Network) -> tuple[list[float], list[int]]:
    dice = random.Random("cuts at scale")
    took_ms, hit = [], []
    for fibre in dice.sample([one.id for one in network.fibres], CUTS):
        before = set((await controller.settled()).incidents)
        at = time.perf_counter()
        await twin.cut(fibre)
        while True:
            book = await controller.settled()
            new = [one for one in book.incidents if one not in before]
            if fibre in book.down and not book.unhealed and not book.present.differs:
                break
            await asyncio.sleep(0.002)
        took_ms.append((time.perf_counter() - at) * 1e3)
        hit.append(sum(len(book.incidents[one].outages) for one in new))
        await twin.uncut(fibre)
        while (await controller.settled()).down:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    return took_ms, hit


if __name__ == "__main__":
    _what, _folder, _services, _where = sys.argv[1:]
    if _what == "fill":
        asyncio.run(_fill(Path(_folder), int(_services), _where))
    else:
        print(json.dumps(asdict(asyncio.run(_start(Path(_folder), int(_services), _where)))))
