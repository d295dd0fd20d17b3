"""The twin beside the lab: the same orders, the same offers, the same drain; rates and latencies of every service.

Each is a controller of its own over the shipped lab network, in one process, one after the other. What routers and
hosts measured is the truth; the error is the twin's.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Literal

from bench.figure import Figure, quantile
from highroad.control.controller import Controller
from highroad.fabric.clock import SystemClock
from highroad.lab.needs import missing
from highroad.main import fabrics, first
from highroad.main.home import Home
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, LinkId, Network, SiteKind
from highroad.model.service import End, Request, Service, ServiceId
from highroad.ports import Fabric, Lab, ServiceCounters
from highroad.settings import Settings
from highroad.storage.store import SqlStore

NETWORK = "us-lab"
OFFERED_SHARE = 0.8
SAMPLES = 8
WAYS = ("carried_gbps_there", "carried_gbps_back", "latency_ms_there", "latency_ms_back")
SETTLING_S = 3.0
PATIENCE_S = 30.0

Seen = Mapping[ServiceId, ServiceCounters]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one fabric said of every service, before a drain and during it, and along which links."""

    before: Seen
    during: Seen
    moved: int
    paths: Mapping[ServiceId, tuple[LinkId, ...]]


def figures() -> Iterator[Figure]:
    """Errors of rates and latencies, before a drain and during it."""
    if sentences := missing():
        yield Figure(what="the twin beside the lab", ours=" ".join(sentences))
        return
    network = first.read_network(NETWORK)
    twin, lab = (asyncio.run(_run(kind, network)) for kind in ("twin", "linux"))
    same = sum(twin.paths[service] == lab.paths[service] for service in lab.paths)
    for name, model, truth in (("", twin.before, lab.before), (", one fibre drained", twin.during, lab.during)):
        rates = [
            abs(getattr(model[one], way) - getattr(truth[one], way)) / getattr(truth[one], way)
            for one in truth
            for way in WAYS[:2]
        ]
        late = [abs(getattr(model[one], way) - getattr(truth[one], way)) for one in truth for way in WAYS[2:]]
        yield Figure(
            what=f"twin against lab{name}: {len(truth)} services, each offering {OFFERED_SHARE:.0%} of its rate",
            ours=f"rates off by {quantile(rates, 0.5):.2%} median, {max(rates):.2%} worst; one-way latencies by "
            f"{quantile(late, 0.5):.2f} ms median, {max(late):.2f} ms worst",
            peer=f"same paths for {same} of {len(lab.paths)}; the drain moved {twin.moved} on the twin, {lab.moved} in "
            "the lab",
        )


async def _run(kind: Literal["twin", "linux"], network: Network) -> Run:
    async with _world(kind, network) as (controller, fabric, lab):
        services = [service async for service in _orders(controller, network)]
        for service, rate_gbps in services:
            await lab.offer(service, rate_gbps * OFFERED_SHARE)
        before = await _measured(fabric)
        book = await controller.settled()
        paths = {one: _path(book.services[one]) for one, _ in services}
        drained = await controller.drain(_busiest(network, paths))
        await _settled(controller)
        during = await _measured(fabric)
        book = await controller.settled()
        after = {one: _path(book.services[one]) for one, _ in services}
        await controller.end_maintenance(drained.id)
    return Run(before=before, during=during, moved=sum(after[one] != paths[one] for one in paths), paths=paths)


@asynccontextmanager
async def _world(kind: Literal["twin", "linux"], network: Network) -> AsyncIterator[tuple[Controller, Fabric, Lab]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        store = SqlStore(home.store)
        clock = SystemClock()
        carrier, _, _ = await fabrics.start(
            Settings(fabric=kind, network=NETWORK, home=home.path), home, store, network, clock
        )
        numbers = count(1)
        controller = Controller(
            store=store,
            fabric=carrier.fabric,
            prober=carrier.fabric,
            clock=clock,
            lab=carrier.lab,
            fabric_name=carrier.name,
            new_service_id=lambda: ServiceId(f"svc-{next(numbers):03d}"),
        )
        try:
            await controller.start()
            await first.furnish(controller, network, bare=True)
            assert carrier.lab is not None
            yield controller, carrier.fabric, carrier.lab
        finally:
            await controller.stop()
            await carrier.close()
            store.close()


async def _orders(controller: Controller, network: Network) -> AsyncIterator[tuple[ServiceId, float]]:
    """The made-up standing traffic, ordered by the tenant, at a rate that the lab's hosts can send together."""
    for number, (a, b, rate_gbps, traffic_class) in enumerate(first.standing_traffic(network)):
        if number % 2:
            continue
        request = Request(
            tenant=first.TENANT.id, a=End(at=a), b=End(at=b), bandwidth_gbps=rate_gbps, traffic_class=traffic_class
        )
        service, _ = await controller.order(request)
        yield service.id, rate_gbps
    await _settled(controller)


async def _settled(controller: Controller) -> None:
    """Until everything is carried where it is wanted."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            book = await controller.settled()
            if all(one.state is State.ACTIVE and not one.leaving for one in book.services.values()):
                return
            await asyncio.sleep(0.05)


async def _measured(fabric: Fabric) -> Seen:
    """What each service carries and how late, as means over a while."""
    await asyncio.sleep(SETTLING_S)
    taken: list[Seen] = []
    for _ in range(SAMPLES):
        await asyncio.sleep(1.0)
        taken.append((await fabric.sample()).services)
    return {
        service: replace(last, **{way: fmean(getattr(one[service], way) for one in taken) for way in WAYS})
        for service, last in taken[-1].items()
    }


def _busiest(network: Network, paths: Mapping[ServiceId, tuple[LinkId, ...]]) -> FibreId:
    """The fibre between two pops that most of them use."""
    pops = {site.id for site in network.sites if site.kind is SiteKind.POP}
    used = Counter(
        fibre
        for links in paths.values()
        for link in links
        for fibre in network.link[link].fibres
        if {network.link[link].tail, network.link[link].head} <= pops
    )
    return used.most_common(1)[0][0]


def _path(service: Service) -> tuple[LinkId, ...]:
    return () if service.placement is None else (*service.placement.there, *service.placement.back)
