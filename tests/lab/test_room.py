"""An order that nothing has room for, on real routers: another makes room for it, and none of its packets is lost."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from highroad.errors import Refused
from highroad.lab.client import LabClient
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.plan import Optimising
from highroad.model.service import End, Port, PortId, Request, ServiceId, Tenant, TenantId
from tests.lab.rig import needs_root
from tests.lab.test_rollback import controller_of, until
from tests.support.outage.backbone import wires_in
from tests.support.outage.probes import Lost, Probe, Probes, probing

pytestmark = needs_root

RIVAL = TenantId("rival")
DIRECT, AROUND = ("a>b",), ("a>c", "c>b")
OLD_GBPS, NEW_GBPS = 60.0, 60.0
"""Of links of 100: there is room for one of them on each."""

QUICK_MS = 1.5
"""Only the direct way is so fast."""


async def probe_of(folder: Path, service: ServiceId) -> Probe:
    """Where the hosts of a service are."""
    client = await LabClient.connect(folder / "lab")
    info = await client.info()
    ends = {alias: (space, name, own) for space in info.hosts.values() for alias, name, own in wires_in(space)}
    near, far = ends[f"{service}.a"], ends[f"{service}.b"]
    return Probe(
        name=service,
        namespace=near[0],
        interface=near[1],
        address=near[2],
        far_namespace=far[0],
        far_address=far[2],
    )


async def sent_for(probes: Probes, service: ServiceId, duration_s: float) -> tuple[int, Lost]:
    """How many packets were sent in a while, and which of them did not come."""
    first = probes.now()
    await asyncio.sleep(duration_s)
    after = probes.now()
    return after - first, (await asyncio.to_thread(probes.lost, first, after))[service]


@pytest.mark.timeout(120)
def test_a_thousand_packets_a_second_move_out_of_the_way_and_none_is_lost(tmp_path: Path) -> None:
    async def scene() -> None:
        async with controller_of(tmp_path) as (controller, fabric):
            ends = [Port(id=PortId(f"rival.{at}"), tenant=RIVAL, site=SiteId(at), rate_gbps=100.0) for at in "ab"]
            await controller.add_tenant(Tenant(id=RIVAL, name="Rival"), ends)
            asked = Request(tenant=TenantId("acme"), a=End(at="a"), b=End(at="b"), bandwidth_gbps=OLD_GBPS)
            old, _ = await controller.order(asked)
            await until(controller, lambda book: book.services[old.id].state is State.ACTIVE)
            await fabric.offer(old.id, 0.0)
            wanted = Request(
                tenant=RIVAL, a=End(at="a"), b=End(at="b"), bandwidth_gbps=NEW_GBPS, latency_bound_ms=QUICK_MS
            )
            with pytest.raises(Refused):
                await controller.order(wanted)

            with probing(tmp_path / "old", [await probe_of(tmp_path, old.id)]) as probes:
                await asyncio.to_thread(probes.send, [old.id])
                first = probes.now()
                await asyncio.sleep(1.0)
                controller._loop._optimising = Optimising.AUTO
                controller._loop.wake()
                await until(controller, lambda book: book.optimising is Optimising.AUTO)
                begun = time.monotonic()
                new, _ = await controller.order(wanted, asker=RIVAL)
                yes_ms = (time.monotonic() - begun) * 1e3
                book = await until(controller, lambda book: book.services[new.id].state is State.ACTIVE)
                carried_s = time.monotonic() - begun
                here, there = book.services[new.id].placement, book.services[old.id].placement
                assert here is not None
                assert there is not None
                assert (here.there, there.there) == (DIRECT, AROUND)
                assert book.services[old.id].leaving == ()
                await fabric.offer(new.id, 0.0)
                await asyncio.sleep(1.0)
                after = probes.now()
                lost = (await asyncio.to_thread(probes.lost, first, after))[old.id]

            with probing(tmp_path / "new", [await probe_of(tmp_path, new.id)]) as probes:
                await asyncio.to_thread(probes.send, [new.id])
                sent, missed = await sent_for(probes, new.id, 1.0)
            print(
                f"{after - first} packets sent while it moved, {len(lost.ticks)} lost; yes after {yes_ms:.0f} ms, "
                f"carried after {carried_s:.1f} s; the new one sent {sent}, {len(missed.ticks)} lost"
            )
            assert after - first > 3000
            assert not lost.ticks, lost.ticks
            assert sent > 900
            assert not missed.ticks, missed.ticks

    asyncio.run(scene())
