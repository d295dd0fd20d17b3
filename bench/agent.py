"""What one router's agent takes: a change with many services there, counters, a loss of light, a restart, idling."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figure import Figure, quantile

if TYPE_CHECKING:
    from highroad.gnmi.client import GnmiClient
    from tests.unit.agent.rig import Rig

SERVICES = (100, 900)
CHANGES = 100
FLASHES = 15
APART_S = 1.2
"""Linux tells of carriers at once, but for some kinds of ports only once a second."""
IDLE_S = 30.0


def figures() -> Iterator[Figure]:
    """Of an agent in a namespace, with kernel objects of as many services as a large router has."""
    if os.geteuid() != 0:
        yield Figure(what="agent", ours="needs root")
        return
    from tests.unit.agent.rig import Rig

    with tempfile.TemporaryDirectory() as name, Rig(Path(name)) as rig, asyncio.Runner() as runner:
        measuring = aiter(_measured(rig))
        while True:
            try:
                yield runner.run(_next(measuring))
            except StopAsyncIteration:
                return


async def _next(measuring: AsyncIterator[Figure]) -> Figure:
    return await anext(measuring)


async def _measured(rig: Rig) -> AsyncIterator[Figure]:
    from highroad.netlink import link
    from highroad.netlink.kernel import Kernel

    with Kernel(rig.names["a"]) as kernel:
        kernel.do_many([link.veth(f"c{index}", f"d{index}", mtu=9000) for index in range(max(SERVICES) + CHANGES)])
    rig.start("a")
    pid = rig.agents["a"]
    yield Figure(what="agent: memory, forked from a process that has all imported", ours=_memory(pid))
    before_s = _cpu_s(pid)
    await asyncio.sleep(IDLE_S)
    share = 100 * (_cpu_s(pid) - before_s) / IDLE_S
    yield Figure(what="agent: CPU with nobody to speak to", ours=f"{share:.2f}% of a core")
    client = rig.client("a")
    told = 0
    for services in SERVICES:
        while told < services:
            await client.set(replace=dict(entry for index in range(told, told + 50) for entry in _service(index)))
            told += 50
        took_ms = []
        for index in range(services, services + CHANGES):
            began_s = time.perf_counter()
            await client.set(replace=dict(_service(index)))
            took_ms.append(1e3 * (time.perf_counter() - began_s))
        yield Figure(
            what=f"agent: a service more, with {services:,} on the router: on disk and in the kernel",
            ours=f"p50 {statistics.median(took_ms):.1f} ms, p99 {quantile(took_ms, 0.99):.1f} ms",
        )
        await client.set(delete=[path for index in range(services, services + CHANGES) for path, _ in _service(index)])
    yield Figure(
        what=f"agent: counters of {told:,} services, over gNMI", ours=f"{await _get_ms(client, 'policy'):.1f} ms"
    )
    yield Figure(what=f"agent: memory, with {told:,} services", ours=_memory(pid))
    await rig.close()
    yield await _light(rig)
    began_s = time.perf_counter()
    rig.end("a", signal.SIGKILL)
    rig.start("a")
    yield Figure(
        what=f"agent: killed with {told:,} services, compared and serving again",
        ours=f"{time.perf_counter() - began_s:.1f} s",
    )


async def _get_ms(client: GnmiClient, part: str) -> float:
    took_ms = []
    for _ in range(10):
        began_s = time.perf_counter()
        await client.get(f"/router/state/{part}")
        took_ms.append(1e3 * (time.perf_counter() - began_s))
    return min(took_ms)


async def _light(rig: Rig) -> Figure:
    """From the moment that the far end of a wire goes down to the moment that a subscriber hears of it."""
    from highroad.gnmi.client import OnChange, Synced
    from highroad.netlink import link
    from highroad.netlink.kernel import Kernel

    heard: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    client = rig.client("a")

    async def listen() -> None:
        async for news in client.subscribe([OnChange(path="/router/state/core-port[interface=right]/oper-status")]):
            if not isinstance(news, Synced):
                for _, value in news.updates:
                    heard.put_nowait((time.perf_counter(), str(value)))

    listening = asyncio.create_task(listen())
    took_ms = []
    with Kernel(rig.names["b"]) as kernel:
        far = kernel.index("left")
        await _until(heard, "UP")
        for _ in range(FLASHES):
            await asyncio.sleep(APART_S)
            began_s = time.perf_counter()
            kernel.do([link.set_link(far, up=False)])
            took_ms.append(1e3 * (await _until(heard, "DOWN") - began_s))
            await asyncio.sleep(APART_S)
            kernel.do([link.set_link(far, up=True)])
            await _until(heard, "UP")
    listening.cancel()
    await rig.close()
    return Figure(
        what="agent: loss of light, until a subscriber hears of it",
        ours=f"p50 {statistics.median(took_ms):.2f} ms, p99 {quantile(took_ms, 0.99):.2f} ms",
    )


async def _until(heard: asyncio.Queue[tuple[float, str]], status: str) -> float:
    while True:
        at_s, value = await asyncio.wait_for(heard.get(), 10)
        if value == status:
            return at_s


def _service(index: int) -> list[tuple[str, Any]]:
    """A service's end, as a controller tells it."""
    from highroad.gnmi.router import attachment_to_json, policy_to_json
    from tests.unit.agent.told import attachment, policy

    one = replace(attachment(index, prefixes=(f"10.{64 + (index >> 8)}.{index & 255}.0/24",)), interface=f"c{index}")
    two = policy(index)
    return [
        (f"/router/attachment[id={one.id}]", attachment_to_json(one)),
        (f"/router/policy[service={two.service}]", policy_to_json(two)),
    ]


def _memory(pid: int) -> str:
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size = line.split()[:2]
        sizes[name] = int(size) / 1024
    own = sizes["Private_Dirty:"] + sizes["Private_Clean:"]
    return f"{own:.0f} MB of its own, {sizes['Rss:']:.0f} MB resident"


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
