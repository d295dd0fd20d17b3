"""The opener of Linux routers: a lab with agents, packets and real time."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.fabric.linux.inventory import Reach
from highroad.gnmi.client import Election, GnmiClient
from highroad.lab import run
from highroad.lab.talk import Options
from highroad.model.network import Network
from highroad.netlink.kernel import Kernel
from highroad.pki.peer import Role
from highroad.pki.store import Pki

T = TypeVar("T")

LOOKS_S = 0.1
"""The controller samples by the second; here rates are to be of now."""

SETTLING_S = 0.2
"""After so long nothing is on its way any more: it has come, or is counted as lost."""


@asynccontextmanager
async def lab_of(folder: Path, network: Network) -> AsyncIterator[tuple[LinuxFabric, Callable[[], Awaitable[None]]]]:
    """The fabric over a lab of a network, which is gone afterwards; and what waits for its routers' own routing."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    pki = folder / "lab" / "pki"
    try:
        panel = await run.start(folder / "lab", network, Options(entry=run.ENTRY))
        info = await panel.info()
        credentials = Pki.ensure(pki, at_s=time.time()).ensure_issued("controller", Role.CONTROLLER, at_s=time.time())

        def connect(reach: Reach) -> GnmiClient:
            return GnmiClient(reach.address, reach.name, credentials, election=Election(id=1), timeout_s=3.0)

        fabric = LinuxFabric(
            network,
            {one.site: Reach(site=one.site, address=one.address, name=one.name) for one in info.routers},
            SystemClock(),
            connect=connect,
            panel=panel,
            instance=info.instance,
            memory=folder / "routers.json",
        )
        await fabric.start()

        async def converged() -> None:
            await _reachable([one.namespace for one in info.routers])

        try:
            yield fabric, converged
        finally:
            await fabric.aclose()
    finally:
        await run.down(folder / "lab")


async def _reachable(namespaces: Sequence[str], within_s: float = 30.0) -> None:
    """Wait until every router has a way to every other: what a trace is answered by. Services do not need it."""
    until_s = time.monotonic() + within_s
    for name in namespaces:
        with Kernel(name) as kernel:
            while (found := _locators(kernel)) < len(namespaces) - 1:
                if time.monotonic() > until_s:
                    raise TimeoutError(f"{name} knows the way to {found} routers of {len(namespaces) - 1}")
                await asyncio.sleep(0.05)


def _locators(kernel: Kernel) -> int:
    """How many other routers there is a way to."""
    return sum(route.dst.endswith("/48") and route.via is not None for route in kernel.routes(socket.AF_INET6))


async def settled(work: Awaitable[T]) -> T:
    """What the work returns, once what it set off has arrived."""
    done = await work
    await asyncio.sleep(SETTLING_S)
    return done


def looking(fabric: LinuxFabric) -> Callable[[float], Awaitable[None]]:
    """Lets time pass, while the fabric is sampled as the controller does, only quicker."""

    async def pass_(duration_s: float) -> None:
        until_s = time.monotonic() + duration_s
        while (left_s := until_s - time.monotonic()) > 0.0:
            await asyncio.sleep(min(LOOKS_S, left_s))
            await fabric.sample()

    return pass_
