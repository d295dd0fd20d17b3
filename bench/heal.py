"""From a cut to the last service carried again on the twin, in real time, with 1,000 services: less detection.

The peers are quoted: FRR 8 with BFD at 10 ms x 3, measured on namespaces of one Linux machine (docs/figures.md).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import world
from bench.figure import Figure, quantile
from highroad.control.controller import Controller
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.model.network import FibreId, SiteKind
from highroad.model.service import Port, PortId, Tenant
from highroad.storage.store import SqlStore

DETECTION_MS = 15.0
SERVICES = 1_000
CUTS = 12


def figures() -> Iterator[Figure]:
    """Dark time beyond detection of every service that a cut struck, over the busiest fibres."""
    with tempfile.TemporaryDirectory() as folder:
        ours, struck = asyncio.run(_cut(Path(folder)))
    yield Figure(
        what=f"cut to healed on the twin beyond {DETECTION_MS:.0f} ms of detection, {SERVICES:,} services, "
        f"the {CUTS} busiest fibres ({struck} outages)",
        ours=f"median {quantile(ours, 0.5):.0f} ms, worst {max(ours):.0f} ms",
        bar="<= 100 ms",
        peer="FRR with BFD to netlink 27-31 ms, IS-IS with BFD 44-55 ms, detection of 30 ms included (quoted)",
        met=max(ours) <= 100.0,
    )


async def _cut(folder: Path) -> tuple[list[float], int]:
    network = world.us()
    clock = SystemClock()
    store = SqlStore(folder / "store.db")
    twin = Twin(network, clock, detection_ms=DETECTION_MS, journal=folder / "twin.db")
    controller = Controller(store=store, fabric=twin, clock=clock, lab=twin)
    await controller.start()
    try:
        await controller.load_network(network)
        ports = [
            Port(id=PortId(f"bench.{site.id}"), tenant=world.TENANT, site=site.id, rate_gbps=100_000.0)
            for site in network.sites
            if site.kind is not SiteKind.POP
        ]
        await controller.add_tenant(Tenant(id=world.TENANT, name="Bench"), ports)
        dice = world.dice_of(network, seed=7)
        held = 0
        while held < SERVICES:
            asked = world.request(network, dice, 0.3)
            asked = type(asked)(tenant=asked.tenant, a=asked.a, b=asked.b, bandwidth_gbps=asked.bandwidth_gbps)
            answers = await asyncio.gather(controller.order(asked), return_exceptions=True)
            held += not isinstance(answers[0], BaseException)
        await asyncio.sleep(3)
        book = await controller.settled()
        crossing: Counter[FibreId] = Counter()
        for service in book.services.values():
            if service.placement is not None:
                for link in service.placement.there:
                    crossing.update(network.link[link].fibres)
        beyond: list[float] = []
        for fibre, _ in crossing.most_common(CUTS):
            await asyncio.sleep(1.5)
            await twin.cut(fibre)
            await asyncio.sleep(2.0)
            await twin.uncut(fibre)
            await asyncio.sleep(2.0)
        for incident in (await controller.settled()).incidents.values():
            beyond += [outage.dark_ms - DETECTION_MS for outage in incident.outages if outage.healed]
        unhealed = [one for one in (await controller.settled()).incidents.values() if one.open]
        if unhealed:
            raise RuntimeError(f"{len(unhealed)} incidents are still open")
        return beyond, len(beyond)
    finally:
        await controller.stop()
        await twin.aclose()
        store.close()
