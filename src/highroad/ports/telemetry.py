"""Who measures paths, and where figures are kept over time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from highroad.model.measurement import Measurement
from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.model.tracks import Keeping, Moments, Subject, Tracks
from highroad.ports import Sample


class Measures(Protocol):
    """Measures every path all the time, with packets of its own; a model tells what it models."""

    async def measured(self) -> Sequence[Measurement]:
        """What was measured since this was last asked, interval by interval. What nobody asked for in time is gone: it
        is a gap, and filled in by nobody.
        """

    async def lately(self, services: Collection[ServiceId]) -> Sequence[Measurement]:
        """What was measured of some services in whole intervals within the last seconds; asked again, it is told again.
        Routers are asked only if they were not just now.
        """


class MeasurementSink(Protocol):
    """Where measurements go."""

    def measured(self, measurements: Iterable[Measurement]) -> None:
        """Keep them. They come in the order of their intervals but for those of routers that answered late, and none
        twice.
        """


class Telemetry(MeasurementSink, Protocol):
    """Where figures are kept over time. Whoever tells never waits: what cannot be kept is dropped, counted and said."""

    @property
    def keeping(self) -> Keeping:
        """How it goes."""

    def sampled(self, sample: Sample, network: Network, services: Mapping[ServiceId, Service]) -> None:
        """Keep a sample, with what was promised to its services."""

    def read(
        self,
        subject: Subject,
        names: Sequence[str] | None,
        series: Sequence[str],
        *,
        from_s: float,
        until_s: float,
        step_s: int,
    ) -> Tracks:
        """Series of some things, or of all for None; a name that ends with `/` is of all that begin so. Blocking.

        What was not measured is a gap. Raises Invalid where that is too much, Unavailable.
        """

    def moments(self, *, from_s: float, until_s: float, step_s: int) -> Moments:
        """Every link that there ever was, over a time. Blocking. Raises Invalid where that is too much, Unavailable."""
