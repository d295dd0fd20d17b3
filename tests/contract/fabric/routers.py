"""Linux routers: a lab with agents, packets and real time, in which one scene may follow another."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.fabric.linux.inventory import Reach
from highroad.gnmi.client import Election, GnmiClient
from highroad.lab import run
from highroad.lab.client import LabClient
from highroad.lab.talk import Info, Options
from highroad.model.network import FibreId, Network, RiskGroupId, SiteId
from highroad.netlink.kernel import Kernel
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Pki
from highroad.ports import Withdraw

T = TypeVar("T")

LOOKS_S = 0.1
"""The controller samples by the second; here rates are to be of now."""

SETTLING_S = 0.2
"""After so long nothing is on its way any more: it has come, or is counted as lost."""


@dataclass(frozen=True, slots=True)
class Up:
    """A lab that is up, as whoever steers its routers finds it; nothing of it belongs to an event loop."""

    network: Network
    panel: LabClient
    info: Info
    credentials: Credentials


@contextmanager
def lab_up(folder: Path, network: Network) -> Iterator[Up]:
    """A lab of a network, which is gone afterwards."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")

    async def up() -> Up:
        panel = await run.start(folder / "lab", network, Options(entry=run.ENTRY))
        info = await panel.info()
        pki = Pki.ensure(folder / "lab" / "pki", at_s=time.time())
        credentials = pki.ensure_issued("controller", Role.CONTROLLER, at_s=time.time())
        return Up(network, panel, info, credentials)

    try:
        yield asyncio.run(up())
    finally:
        asyncio.run(run.down(folder / "lab"))


class Breakable(LinuxFabric):
    """Knows whether its lab was ever broken: the more often a port was dark, the later routers trust it again."""

    broken = False

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre."""
        self.broken = True
        await super().cut(fibre, silent=silent, towards=towards, loss=loss)

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group."""
        self.broken = True
        await super().cut_group(group, silent=silent, loss=loss)

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router."""
        self.broken = True
        await super().kill_router(site, silent=silent)


@asynccontextmanager
async def lab_of(folder: Path, network: Network) -> AsyncIterator[tuple[LinuxFabric, Callable[[], Awaitable[None]]]]:
    """The fabric over a lab of a network, which is gone afterwards; and what waits for its routers' own routing."""
    with ExitStack() as standing:
        lab = await asyncio.to_thread(standing.enter_context, lab_up(folder, network))
        try:
            async with fabric_over(lab, folder, again=False) as fabric:
                yield fabric, lambda: converged(lab)
        finally:
            await asyncio.to_thread(standing.close)


@asynccontextmanager
async def fabric_over(lab: Up, folder: Path, *, again: bool = True) -> AsyncIterator[Breakable]:
    """A fabric of its own over the lab, with what it remembers in the folder. Another may follow if it breaks nothing,
    unless none is to.
    """

    def connect(reach: Reach) -> GnmiClient:
        return GnmiClient(reach.address, reach.name, lab.credentials, election=Election(id=1), timeout_s=3.0)

    fabric = Breakable(
        lab.network,
        {one.site: Reach(site=one.site, address=one.address, name=one.name) for one in lab.info.routers},
        SystemClock(),
        connect=connect,
        panel=lab.panel,
        instance=lab.info.instance,
        memory=folder / "routers.json",
    )
    await fabric.start()
    try:
        yield fabric
        if again and not fabric.broken:
            await _put_in_order(fabric)
    finally:
        await fabric.aclose()


async def _put_in_order(fabric: LinuxFabric, within_s: float = 30.0) -> None:
    """Nothing is carried, and nothing gone around."""
    await fabric.protect(())
    until_s = time.monotonic() + within_s
    while left := (await fabric.read()).policies:
        assert time.monotonic() < until_s, left
        await fabric.apply([Withdraw(service=service) for service in left])


async def converged(lab: Up) -> None:
    """Wait until every router has a way to every other: what a trace is answered by. Services do not need it."""
    await _reachable([one.namespace for one in lab.info.routers])


async def _reachable(namespaces: Sequence[str], within_s: float = 30.0) -> None:
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
