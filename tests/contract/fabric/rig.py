"""What the contract needs of a fabric under test: a lab to break it, and a way to let its time pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from highroad.fabric.clock import VirtualClock
from highroad.fabric.twin.twin import Twin
from highroad.lab.needs import missing
from highroad.model.network import Network
from highroad.ports import Fabric, Lab, Prober
from highroad.ports.telemetry import Measures
from tests.contract.fabric.routers import Up, converged, fabric_over, lab_up, looking, settled
from tests.unit.fabric.small import START_S, backbone, in_duct

T = TypeVar("T")


class FabricAndLab(Fabric, Lab, Measures, Prober, Protocol):
    """A fabric that can be broken on purpose, and measured."""


class Run(Protocol):
    """Waits for something in the fabric's time."""

    async def __call__(self, work: Awaitable[T]) -> T:
        """What the work returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A fabric over `network`, a square a-b-d-c.

    `noticing_s` is the longest that a cut or splice goes unseen, `reviving_s` that a router takes to be back;
    `handling_ms` is what all its routers together may add to the time of light. `converged` waits until routers know
    ways to each other of their own, by which a trace is answered.
    """

    fabric: FabricAndLab
    network: Network
    now_s: Callable[[], float]
    run: Run
    pass_s: Callable[[float], Awaitable[None]]
    noticing_s: float
    reviving_s: float
    handling_ms: float
    converged: Callable[[], Awaitable[None]]


Opener = Callable[[Path], AbstractAsyncContextManager[Rig]]
"""A rig on which nothing was done yet, that keeps its files in a folder of its own."""

Ground = Callable[[Path], AbstractContextManager[Opener]]
"""What openers may stand on together, for as long as it takes to be made."""

Play = Callable[[Callable[[Rig], Awaitable[None]]], None]
"""Plays a scene on a fresh rig."""


async def _at_once() -> None:
    """A model knows every way."""


@asynccontextmanager
async def twin_in_virtual_time(folder: Path) -> AsyncIterator[Rig]:
    """The twin, with its journal in the folder."""
    clock = VirtualClock(START_S)
    network = in_duct(backbone("a-b", "b-d", "a-c", "c-d"), "duct", "b-d", "c-d")
    twin = Twin(network, clock, journal=folder / "plant.db")
    try:
        yield Rig(
            fabric=twin,
            network=network,
            now_s=clock.now_s,
            run=clock.run,
            pass_s=clock.advance,
            noticing_s=0.06,
            reviving_s=0.06,
            handling_ms=0.0,
            converged=_at_once,
        )
    finally:
        await twin.aclose()


@contextmanager
def on_nothing(_: Path) -> Iterator[Opener]:
    """A model is made anew each time."""
    yield twin_in_virtual_time


@contextmanager
def routers_in_a_lab(folder: Path) -> Iterator[Opener]:
    """Linux routers, packets, and the machine's own time: a lab, until something of it was broken, and then another."""
    network = in_duct(backbone("a-b", "b-d", "a-c", "c-d"), "duct", "b-d", "c-d")
    with ExitStack() as standing:
        labs: list[Up] = []

        @asynccontextmanager
        async def opener(own: Path) -> AsyncIterator[Rig]:
            if not labs:
                labs.append(await asyncio.to_thread(standing.enter_context, lab_up(folder, network)))
            (lab,) = labs
            whole = False
            try:
                async with fabric_over(lab, own) as fabric:
                    yield Rig(
                        fabric=fabric,
                        network=network,
                        now_s=time.time,
                        run=settled,
                        pass_s=looking(fabric),
                        noticing_s=0.25,
                        reviving_s=4.0,
                        handling_ms=5.0,
                        converged=lambda: converged(lab),
                    )
                whole = not fabric.broken
            finally:
                if not whole:
                    labs.clear()
                    await asyncio.to_thread(standing.close)

        yield opener


GROUNDS: dict[str, Ground] = {"twin": on_nothing, "linux": routers_in_a_lab}
"""Every fabric that there is; a new one joins here."""


def lacking(name: str) -> list[str]:
    """What this machine lacks to open one, a sentence each."""
    return missing() if name == "linux" else []
