"""Every service's counters at one instant, made into values one by one as they are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from highroad.model.service import ServiceId
from highroad.planning.fair import Floats
from highroad.ports import ServiceCounters
from highroad.units import bytes_from_gbps

_OFFERED, _CARRIED, _LOST, _DARK = range(4)


class Counters(Mapping[ServiceId, ServiceCounters]):
    """A reading of arrays in which each service has a row, and two directions of which each has one."""

    def __init__(
        self,
        rows: Mapping[ServiceId, int],
        *,
        counts: Floats,
        offered_gbps: Floats,
        carried_gbps: Floats,
        latency_ms: Floats,
    ) -> None:
        """`counts` are Gbit offered, carried and lost, and seconds dark."""
        self._rows = rows
        self._counts = counts
        self._offered_gbps = offered_gbps.reshape(-1, 2)
        self._carried_gbps = carried_gbps.reshape(-1, 2)
        self._latency_ms = latency_ms.reshape(-1, 2)

    def __getitem__(self, service: ServiceId) -> ServiceCounters:
        row = self._rows[service]
        counts = self._counts[row].tolist()
        offered_gbps = self._offered_gbps[row].tolist()
        carried_gbps, latency_ms = self._carried_gbps[row].tolist(), self._latency_ms[row].tolist()
        return ServiceCounters(
            offered_bytes=bytes_from_gbps(counts[_OFFERED], 1.0),
            carried_bytes=bytes_from_gbps(counts[_CARRIED], 1.0),
            lost_bytes=bytes_from_gbps(counts[_LOST], 1.0),
            dark_s=counts[_DARK],
            offered_gbps=offered_gbps[0] + offered_gbps[1],
            carried_gbps_there=carried_gbps[0],
            carried_gbps_back=carried_gbps[1],
            latency_ms_there=latency_ms[0],
            latency_ms_back=latency_ms[1],
        )

    def __iter__(self) -> Iterator[ServiceId]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


Total = tuple[float, float, float, float]
"""Gbit offered, carried and lost, and seconds dark."""


class Totals(Mapping[ServiceId, Total]):
    """What services' counters stand at, in the order of the rows of an array."""

    def __init__(self, services: Iterable[ServiceId], counts: Floats) -> None:
        self.counts = counts
        self._rows = {service: row for row, service in enumerate(services)}

    @classmethod
    def of(cls, totals: Mapping[ServiceId, Total]) -> Totals:
        """The same of another mapping."""
        if isinstance(totals, Totals):
            return totals
        return cls(totals, np.array(list(totals.values()), dtype=np.float64).reshape(-1, 4))

    def __getitem__(self, service: ServiceId) -> Total:
        offered, carried, lost, dark_s = self.counts[self._rows[service]].tolist()
        return offered, carried, lost, dark_s

    def __iter__(self) -> Iterator[ServiceId]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
