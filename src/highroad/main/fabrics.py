"""What carries the traffic of a controller: the twin, a lab of Linux routers, or routers on hosts of their own.

Which one is chosen once, at the first start of a home, and kept: a store goes on on the fabric that it began with.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from highroad.errors import Conflict, Forbidden, Unavailable
from highroad.ports import Clock, Fabric, Lab, Prober, Store
from highroad.systemd import go_first

if TYPE_CHECKING:
    from highroad.fabric.linux.fabric import LinuxFabric
    from highroad.fabric.linux.inventory import Reach
    from highroad.main.home import Home
    from highroad.model.network import Network, SiteId
    from highroad.pki.peer import Credentials
    from highroad.ports.panel import Panel
    from highroad.settings import Settings

Kind = Literal["linux", "twin"]

NETWORK: Mapping[Kind, str] = {"linux": "us-lab", "twin": "us"}
"""What a new store begins with where nobody says."""

NICE = -10
"""Of a controller of routers, where that is allowed: headends wait for its word when a router has died."""

ROUTERS_BY_THEMSELVES = 40
"""A lab of more routers is only started for who asks for it: each is a process of some 50 MB."""


class FabricAndProber(Fabric, Prober, Protocol):
    """What every fabric is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A fabric that runs, and what goes with it; `close` lets go of it, and a lab of our own is taken down."""

    fabric: FabricAndProber
    name: Kind
    lab: Lab | None
    carries_tags: bool
    close: Callable[[], Awaitable[None]] = field(repr=False)
    leave: Callable[[], Awaitable[None]] = field(repr=False)
    """Lets go of it and takes nothing down: somebody else goes on with it."""


async def start(
    settings: Settings,
    folder: Home,
    store: Store,
    in_force: Network | None,
    clock: Clock,
    epoch: int | None = None,
    *,
    shared: bool = False,
) -> tuple[Carrier, Network, list[str]]:
    """The fabric, running; the network that it runs on; and what there is to say about the choice, in sentences.

    `in_force` is the network of the store, None in a new one; `epoch` is what routers are shown, a new one without it.
    With `shared` other processes go on with it under later epochs.
    Raises Unavailable where what was asked for cannot run.
    """
    from highroad.main.first import read_network

    kind, said = _choose(settings, folder)
    network = in_force or read_network(settings.network or NETWORK[kind])
    unasked = kind == "linux" and settings.fabric == "auto" and settings.routers is None
    if unasked and len(network.sites) > ROUTERS_BY_THEMSELVES:
        kind, said = "twin", [_too_large(network)]
    if kind == "twin":
        carrier = await _twin(settings, folder, network, clock, epoch if shared else None)
    else:
        epoch = await asyncio.to_thread(store.raise_epoch) if epoch is None else epoch
        opening = _lab if settings.routers is None else _hosts
        carrier = await opening(settings, folder, network, clock, epoch, shared)
    if folder.fabric is None or settings.fabric != "auto":
        folder.keep_fabric(kind)
    return carrier, network, said


def _choose(settings: Settings, folder: Home) -> tuple[Kind, list[str]]:
    if settings.fabric == "twin" or (settings.fabric == "auto" and folder.fabric == "twin"):
        return "twin", []
    missing = [] if settings.routers is not None else _missing()
    if missing and settings.fabric == "linux":
        raise Unavailable(f"routers cannot run here. {' '.join(missing)}")
    return ("twin", [*missing, "So the traffic is the twin's: a model, no packets."]) if missing else ("linux", [])


async def _twin(settings: Settings, folder: Home, network: Network, clock: Clock, epoch: int | None) -> Carrier:
    """The twin, with its memory in the home. Raises Deposed where it has gone on under a later epoch."""
    from highroad.fabric.twin.twin import Twin

    twin = Twin(
        network, clock, seed=settings.seed, detection_ms=settings.detection_ms, journal=folder.twin, epoch=epoch
    )
    return Carrier(fabric=twin, name="twin", lab=twin, carries_tags=True, close=twin.aclose, leave=twin.aclose)


async def _hosts(settings: Settings, folder: Home, network: Network, clock: Clock, epoch: int, shared: bool) -> Carrier:
    """Routers on hosts of their own, as a file lists them. Raises Invalid, and Forbidden where they are fenced."""
    from highroad.fabric.linux.inventory import read_inventory
    from highroad.pki.peer import Role
    from highroad.pki.store import Pki

    if settings.routers is None:
        raise Conflict("no file says which routers there are: give it with --routers")
    pki = Pki.ensure(settings.pki or folder.path / "pki", at_s=time.time())
    credentials = pki.ensure_issued("controller", Role.CONTROLLER, at_s=time.time())
    fabric = await _linux(network, read_inventory(settings.routers), clock, credentials, epoch, folder.routers)
    return Carrier(fabric=fabric, name="linux", lab=None, carries_tags=True, close=fabric.aclose, leave=fabric.aclose)


async def _lab(settings: Settings, folder: Home, network: Network, clock: Clock, epoch: int, shared: bool) -> Carrier:
    """A lab: the one that is up in the home, or a new one of the network. Raises Unavailable, Conflict.

    One that we started is taken down at a clean end, ours too after the start that made it was killed; one that was
    there already stays, and so does one that other processes may go on with.
    """
    from highroad.fabric.linux.inventory import Reach
    from highroad.lab import run
    from highroad.lab.client import LabClient
    from highroad.lab.talk import Options
    from highroad.pki.peer import Role
    from highroad.pki.store import Pki

    pki = settings.pki or folder.path / "pki"
    try:
        panel = await LabClient.connect(folder.lab)
        await panel.ready()
    except Unavailable:
        scale = settings.rate_scale or Options().rate_scale
        panel = await run.start(folder.lab, network, Options(rate_scale=scale, entry=run.ENTRY, pki=str(pki)))
        folder.keep_lab((await panel.info()).instance)
    info = await panel.info()
    if settings.rate_scale not in (None, info.rate_scale):
        raise Conflict(f"the lab that is up carries 1 Gbit/s as {info.rate_scale:g}: `highroad lab down` ends it")
    ours = not shared and folder.our_lab == info.instance
    routers = {one.site: Reach(site=one.site, address=one.address, name=one.name) for one in info.routers}
    credentials = Pki.ensure(pki, at_s=time.time()).ensure_issued("controller", Role.CONTROLLER, at_s=time.time())
    try:
        fabric = await _linux(
            network, routers, clock, credentials, epoch, folder.routers, panel=panel, instance=info.instance
        )
    except BaseException:
        if ours:
            await run.down(folder.lab)
        raise

    async def close() -> None:
        await fabric.aclose()
        if ours:
            await run.down(folder.lab)

    return Carrier(fabric=fabric, name="linux", lab=fabric, carries_tags=False, close=close, leave=fabric.aclose)


async def _linux(
    network: Network,
    routers: Mapping[SiteId, Reach],
    clock: Clock,
    credentials: Credentials,
    epoch: int,
    memory: Path,
    *,
    panel: Panel | None = None,
    instance: str = "",
) -> LinuxFabric:
    # gRPC forks nothing here, and says of itself more than an operator wants to read.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from highroad.fabric.linux.fabric import LinuxFabric
    from highroad.gnmi.client import Election, GnmiClient

    def connect(reach: Reach) -> GnmiClient:
        return GnmiClient(reach.address, reach.name, credentials, election=Election(id=epoch), timeout_s=3.0)

    go_first(NICE)
    fabric = LinuxFabric(network, routers, clock, connect=connect, panel=panel, instance=instance, memory=memory)
    await fabric.start()
    fenced = [trouble for trouble in fabric.troubles.values() if isinstance(trouble, Forbidden)]
    if fenced:
        await fabric.aclose()
        raise Forbidden(f"{len(fenced)} routers do not take this controller, and nothing was changed: {fenced[0]}")
    return fabric


def _missing() -> list[str]:
    """What this machine lacks to run routers, a sentence each."""
    from highroad.lab.needs import missing

    return list(missing())


def _too_large(network: Network) -> str:
    return (
        f"{network.name} has {len(network.sites)} sites, and a lab of more than {ROUTERS_BY_THEMSELVES} routers is "
        "only started with --fabric linux; so this is the twin."
    )
