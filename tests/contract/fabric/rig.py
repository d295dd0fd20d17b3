"""What the contract needs of a fabric under test: a lab to break it, and a way to let its time pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from highroad.fabric.clock import VirtualClock
from highroad.fabric.twin.twin import Twin
from highroad.model.network import Network
from highroad.ports import Fabric, Lab, Prober
from tests.unit.fabric.small import START_S, backbone

T = TypeVar("T")


class FabricAndLab(Fabric, Lab, Prober, Protocol):
    """A fabric that can be broken on purpose, and measured."""


class Run(Protocol):
    """Waits for something in the fabric's time."""

    async def __call__(self, work: Awaitable[T]) -> T:
        """What the work returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A fabric over `network`, a square a-b-d-c.

    `noticing_s` is the longest that a cut or splice goes unseen, `reviving_s` that a router takes to be back;
    `handling_ms` is what all its routers together may add to the time of light.
    """

    fabric: FabricAndLab
    network: Network
    now_s: Callable[[], float]
    run: Run
    pass_s: Callable[[float], Awaitable[None]]
    noticing_s: float
    reviving_s: float
    handling_ms: float


Opener = Callable[[Path], AbstractAsyncContextManager[Rig]]


@asynccontextmanager
async def twin_in_virtual_time(folder: Path) -> AsyncIterator[Rig]:
    """The twin, with its journal in the folder."""
    clock = VirtualClock(START_S)
    network = backbone("a-b", "b-d", "a-c", "c-d")
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
        )
    finally:
        await twin.aclose()


OPENERS: dict[str, Opener] = {"twin": twin_in_virtual_time}
"""Every fabric that there is; a new one joins here."""
