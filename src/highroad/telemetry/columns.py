"""What the loop and the routers tell, as columns of figures. What is a difference between two samples is made here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from highroad.model.measurement import Measurement
from highroad.model.network import LinkId, Network
from highroad.model.service import Protection, Service, ServiceId
from highroad.model.tracks import Subject, series_of
from highroad.ports import Sample, ServiceCounters
from highroad.telemetry.gaps import TOTALS
from highroad.telemetry.rows import Rows

NOTHING = math.nan

LONGEST_S = 10.0
"""Of samples that are farther apart nobody watched in between: what was lost then is a gap's (`gaps`)."""


UNTOUCHED = ServiceCounters(
    offered_bytes=0.0, carried_bytes=0.0, lost_bytes=0.0, dark_s=0.0, offered_gbps=0.0, carried_gbps_there=0.0,
    carried_gbps_back=0.0, latency_ms_there=0.0, latency_ms_back=0.0,
)  # fmt: skip
"""Where the counters of every service begin."""


class Columns:
    """Remembers the sample before."""

    def __init__(self) -> None:
        self._before: Mapping[ServiceId, ServiceCounters] = {}
        self._before_s = float("-inf")
        self._since_s = float("inf")
        """Since when samples have come without a break."""
        self._met: set[ServiceId] = set()
        """Those services that were created since then and have been in a sample."""

    def of_sample(self, sample: Sample, network: Network, services: Mapping[ServiceId, Service]) -> list[Rows]:
        """Of every link and service of a sample."""
        at_s, before, before_s = sample.at_s, self._before, self._before_s
        if not 0 < at_s - before_s <= LONGEST_S:
            before, self._since_s = {}, at_s
            self._met.clear()
        self._before, self._before_s = sample.services, at_s
        counted = dict(sample.services)  # a fabric may make each value anew whenever it is looked at
        values = []
        for name, one in counted.items():
            service, earlier, earlier_s = services.get(name), before.get(name), before_s
            if earlier is None and service is not None and at_s > self._since_s and self._is_new(service):
                earlier, earlier_s = UNTOUCHED, min(at_s, max(before_s, service.created_s))
            values.append(_service(one, earlier, at_s - earlier_s, service))
        capacity = {link.id: link.capacity_gbps for link in network.links}
        links = [
            (one.carried_gbps, _share(one.carried_gbps, capacity.get(link)), float(one.up))
            for link, one in sample.links.items()
        ]
        return [
            _rows(Subject.LINK, sample.links, links, sample.at_s),
            replace(_rows(Subject.SERVICE, counted, values, sample.at_s), totals=_totals(counted)),
        ]

    def of_measurements(self, measurements: Iterable[Measurement]) -> list[Rows]:
        """Of every path, at the beginning of its interval."""
        every = list(measurements)
        names = [path_of(one) for one in every]
        rows = _rows(Subject.PATH, names, [_path(one) for one in every], 0.0)
        times = np.array([one.at_s for one in every], np.float64)
        return [Rows(subject=rows.subject, names=rows.names, at_s=times, columns=rows.columns)]

    def _is_new(self, service: Service) -> bool:
        """Whether its counters began after the sample before. Of one that was in a sample, and then in none, nobody
        knows here why it was left out.
        """
        if service.created_s <= self._since_s or service.id in self._met:
            return False
        self._met.add(service.id)
        return True


def path_of(one: Measurement) -> str:
    """What a path is called: those in use by service and way, so that their figures go on when another is in use."""
    name = f"{one.service}/{one.way.value}"
    return name if one.in_use else f"{name}/{one.preference}.{one.list_index}"


def _service(
    one: ServiceCounters, before: ServiceCounters | None, apart_s: float, service: Service | None
) -> tuple[float, ...]:
    lost, dark_ms, watched_ms = NOTHING, NOTHING, NOTHING
    # Counters that went back are those of another life of the service: of the time in between nothing is known.
    if before is not None and one.lost_bytes >= before.lost_bytes and one.dark_s >= before.dark_s:
        lost, dark_ms = one.lost_bytes - before.lost_bytes, (one.dark_s - before.dark_s) * 1000.0
        watched_ms = apart_s * 1000.0
    promised: tuple[float, float, float] = (NOTHING, NOTHING, NOTHING)
    if service is not None:
        bound = service.order.latency_bound_ms
        protected = service.order.protection is not Protection.NONE
        promised = (service.order.bandwidth_gbps, NOTHING if bound is None else bound, float(protected))
    return (
        one.offered_gbps,
        one.carried_gbps_there,
        one.carried_gbps_back,
        lost,
        dark_ms,
        watched_ms,
        one.latency_ms_there,
        one.latency_ms_back,
        *promised,
    )


def _totals(services: Mapping[ServiceId, ServiceCounters]) -> dict[str, NDArray[np.float64]]:
    stand = [(one.offered_bytes, one.lost_bytes, one.dark_s * 1000.0) for one in services.values()]
    table = np.array(stand, np.float64).reshape(len(stand), len(TOTALS))
    return {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(TOTALS)}


def _path(one: Measurement) -> tuple[float, ...]:
    figures = (
        one.rtt_min_ms, one.rtt_p50_ms, one.rtt_p99_ms, one.rtt_max_ms, one.jitter_ms, one.out_ms, one.home_ms
    )  # fmt: skip
    known = (NOTHING if value is None else value for value in figures)
    return (float(one.sent), float(one.lost), float(one.lost_out), *known, one.for_s * 1000.0)


def _share(carried_gbps: float, capacity_gbps: float | None) -> float:
    return NOTHING if not capacity_gbps else carried_gbps / capacity_gbps


def _rows(
    subject: Subject,
    names: Iterable[LinkId] | Iterable[ServiceId] | Sequence[str],
    values: Sequence[tuple[float, ...]],
    at_s: float,
) -> Rows:
    table = np.array(values, np.float32).reshape(len(values), len(series_of(subject)))
    columns = {name: np.ascontiguousarray(table[:, at]) for at, name in enumerate(series_of(subject))}
    return Rows(subject=subject, names=[str(one) for one in names], at_s=np.full(len(values), at_s), columns=columns)
