"""Figures over time kept in this process: what is told is written at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from highroad.model.measurement import Measurement
from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.model.tracks import Keeping, Moments, Subject, Tracks
from highroad.ports import Sample
from highroad.telemetry.columns import Columns
from highroad.telemetry.store import Store


class Kept:
    """A store, told and asked without a process in between."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.keeping = Keeping(limit_bytes=1 << 30)
        self._columns = Columns()

    def sampled(self, sample: Sample, network: Network, services: Mapping[ServiceId, Service]) -> None:
        self.store.add(self._columns.of_sample(sample, network, services))

    def measured(self, measurements: Iterable[Measurement]) -> None:
        self.store.add(self._columns.of_measurements(measurements))

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
        return self.store.read(subject, names, series, from_s=from_s, until_s=until_s, step_s=step_s)

    def moments(self, *, from_s: float, until_s: float, step_s: int) -> Moments:
        return self.store.moments(from_s=from_s, until_s=until_s, step_s=step_s)


@contextmanager
def kept() -> Iterator[Kept]:
    """An empty one, for as long as the context lasts."""
    with TemporaryDirectory(prefix="highroad-telemetry-") as folder:
        store = Store(Path(folder), limit_bytes=1 << 30)
        try:
            yield Kept(store)
        finally:
            store.close()
