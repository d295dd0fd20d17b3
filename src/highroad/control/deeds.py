"""What the fabric, or what keeps figures, is asked to do: nothing is decided by it, and nothing written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from highroad.control.book import Book
from highroad.control.commands import PATIENCE_S, Deed, Means
from highroad.control.sending import Load, Sending, sending
from highroad.errors import Conflict, NotFound
from highroad.model.lifecycle import CARRYING
from highroad.model.measurement import Measurement
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.plan import Optimiser, PlanId
from highroad.model.service import ServiceId
from highroad.model.tracks import Moments, Subject, Tracks, series_of
from highroad.ports import Echo, LabStatus, Trace
from highroad.ports.telemetry import Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class PingService(Deed[Sequence[Echo]]):
    """Send packets of our own along a service."""

    service: ServiceId
    count: int
    interval_ms: float
    size_bytes: int
    result: ClassVar[Any] = tuple[Echo, ...]

    @property
    def patience_s(self) -> float:
        """Besides, as long as the packets take."""
        return PATIENCE_S + self.count * self.interval_ms / 1000.0

    async def do(self, means: Means) -> Sequence[Echo]:
        """Raises Conflict where nothing carries it, Unavailable."""
        try:
            return await means.probing().ping(
                self.service, count=self.count, interval_ms=self.interval_ms, size_bytes=self.size_bytes
            )
        except NotFound as error:
            raise Conflict(f"routers do not carry {self.service}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTracks(Deed[Tracks]):
    """Read what was measured over time, where it is kept: with the leader."""

    subject: Subject
    names: tuple[str, ...]
    series: tuple[str, ...]
    from_s: float
    until_s: float
    step_s: int
    result: ClassVar[Any] = Tracks

    async def do(self, means: Means) -> Tracks:
        """Raises Conflict where nothing is kept, Invalid, Unavailable."""
        return await asyncio.to_thread(self._read, means.keeping())

    def _read(self, kept: Telemetry) -> Tracks:
        found, step_s = Tracks(from_s=0, until_s=0, step_s=0), self.step_s
        for subject in (self.subject, Subject.GAP):
            series = [one for one in self.series if one in series_of(subject)]
            if series:
                more = kept.read(subject, self.names, series, from_s=self.from_s, until_s=self.until_s, step_s=step_s)
                found, step_s = replace(more, tracks=(*found.tracks, *more.tracks)), more.step_s
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMoments(Deed[Moments]):
    """Read what every link carried over a time, where that is kept: with the leader."""

    from_s: float
    until_s: float
    step_s: int
    result: ClassVar[Any] = Moments

    async def do(self, means: Means) -> Moments:
        """Raises Conflict where nothing is kept, Invalid, Unavailable."""
        kept = means.keeping()
        return await asyncio.to_thread(kept.moments, from_s=self.from_s, until_s=self.until_s, step_s=self.step_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSending(Deed[Sending]):
    """Read what services have sent until a time, where figures are kept: with the leader."""

    services: tuple[ServiceId, ...]
    until_s: float
    load: Load
    result: ClassVar[Any] = Sending

    @classmethod
    def of(cls, book: Book, until_s: float, load: Load) -> ReadSending:
        """Of all that are carried. Raises Invalid."""
        load.check()
        services = tuple(one.id for one in book.services.values() if one.state in CARRYING)
        return cls(services=services, until_s=until_s, load=load)

    async def do(self, means: Means) -> Sending:
        """Raises Conflict where nothing is kept, Unavailable."""
        return await asyncio.to_thread(sending, means.keeping(), self.services, self.until_s, self.load)


async def read_sending(
    do: Callable[[ReadSending], Awaitable[Sending]], book: Book, until_s: float, load: Load | None
) -> Sending | None:
    """What is sent, where a load is asked for. Raises as the deed does."""
    return None if load is None else await do(ReadSending.of(book, until_s, load))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan(Deed[Optimiser]):
    """Look at what the optimiser would change, or at one of its last plans: where they are kept, with the leader."""

    plan: PlanId | None = None
    result: ClassVar[Any] = Optimiser

    async def do(self, means: Means) -> Optimiser:
        """Raises NotFound where there is no such plan any more, Conflict where nothing plans."""
        return await means.planning().show(self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceService(Deed[Trace]):
    """Find every router on a service's way."""

    service: ServiceId
    result: ClassVar[Any] = Trace

    async def do(self, means: Means) -> Trace:
        """Raises Conflict where nothing carries it, Unavailable."""
        try:
            return await means.probing().trace(self.service)
        except NotFound as error:
            raise Conflict(f"routers do not carry {self.service}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureService(Deed[Sequence[Measurement]]):
    """Look at what is measured of a service's paths all the time."""

    service: ServiceId
    result: ClassVar[Any] = tuple[Measurement, ...]

    async def do(self, means: Means) -> Sequence[Measurement]:
        """Raises Conflict where nothing carries it, Unavailable."""
        try:
            return await means.probing().measurements(self.service)
        except NotFound as error:
            raise Conflict(f"routers do not carry {self.service}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CutFibre(Deed[None]):
    """Cut a fibre of a lab."""

    fibre: FibreId
    silent: bool = False
    towards: SiteId | None = None
    loss: float = 1.0

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().cut(self.fibre, silent=self.silent, towards=self.towards, loss=self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpliceFibre(Deed[None]):
    """Splice it."""

    fibre: FibreId

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().uncut(self.fibre)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutGroup(Deed[None]):
    """Cut all fibres of a risk group of a lab."""

    group: RiskGroupId
    silent: bool = False
    loss: float = 1.0

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().cut_group(self.group, silent=self.silent, loss=self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpliceGroup(Deed[None]):
    """Splice them."""

    group: RiskGroupId

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().uncut_group(self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillRouter(Deed[None]):
    """End a router of a lab."""

    site: SiteId
    silent: bool = False

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().kill_router(self.site, silent=self.silent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviveRouter(Deed[None]):
    """Start it again."""

    site: SiteId

    async def do(self, means: Means) -> None:
        """Raises NotFound."""
        await means.breaking().revive_router(self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLoad(Deed[None]):
    """Let a service of a lab offer so much each way; None for the lab's own traffic model."""

    service: ServiceId
    offered_gbps: float | None

    async def do(self, means: Means) -> None:
        """Set it."""
        await means.breaking().offer(self.service, self.offered_gbps)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtLab(Deed[LabStatus]):
    """The lab's routers and what is broken in it."""

    result: ClassVar[Any] = LabStatus

    async def do(self, means: Means) -> LabStatus:
        """Raises Unavailable."""
        return await means.breaking().status()
