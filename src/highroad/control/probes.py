"""What probes say of a service on trial: packets of the routers' own measure its new path when it sends nothing itself.

Whole intervals count, since routers confirmed the move, path by path. What they lost or took before is no harm of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from highroad.model.measurement import Measurement, Way
from highroad.model.service import ServiceId

INTERVALS = 3
"""So many of a path are needed before they say anything."""

WELL_ABOVE = 0.1
"""So much larger a share than before, or what counters are allowed if that is more, is lost by harm, not by chance."""

LEAST_LOST = 3
"""Packets: fewer are lost by chance."""

NOISE_MS = 1.0
"""What a busy host may add to a latency that it measures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One interval of a path that was in use. `latency_ms` is what one way of it takes at least, None if unknown."""

    service: ServiceId
    way: Way
    path: str
    at_s: float
    until_s: float
    sent: int
    lost: int
    latency_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Of one service: whether there is enough to tell, the share that was lost and whether it was all, and the latency
    in ms if it is above the bound.
    """

    enough: bool = False
    lost: float | None = None
    late_ms: float | None = None

    @property
    def harmed(self) -> bool:
        """Whether the new path does harm."""
        return self.lost is not None or self.late_ms is not None


@dataclass(slots=True)
class Probes:
    """The intervals of those that are on trial, or are to be."""

    _kept: dict[ServiceId, dict[tuple[Way, str, float], Probe]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._kept)

    def take(self, probes: Iterable[Probe]) -> None:
        """Here is more; what is known already is not taken twice."""
        for one in probes:
            self._kept.setdefault(one.service, {})[one.way, one.path, one.at_s] = one

    def new(self, measurements: Iterable[Measurement]) -> list[Probe]:
        """What is not known yet."""
        found = (probe_of(one) for one in measurements if one.in_use and one.sent)
        return [one for one in found if (one.way, one.path, one.at_s) not in self._kept.get(one.service, {})]

    def knows(self, service: ServiceId) -> bool:
        """Whether a service is measured."""
        return service in self._kept

    def forget(self, services: Collection[ServiceId] | None = None) -> None:
        """Of some services, or of all, nothing is needed any more."""
        for one in list(self._kept) if services is None else services:
            self._kept.pop(one, None)

    def of(self, service: ServiceId, *, begun_s: float, since_s: float, bound_ms: float | None, allowed: float) -> Said:
        """What they say of a service that was asked of routers at `begun_s`, and confirmed by `since_s`."""
        known = self._kept.get(service, {}).values()
        before = [one for one in known if one.until_s <= begun_s]
        after: dict[tuple[Way, str], list[Probe]] = {}
        for one in known:
            if one.at_s >= since_s:
                after.setdefault((one.way, one.path), []).append(one)
        paths = {key: rows for key, rows in after.items() if len(rows) >= INTERVALS}
        if not paths:
            return Said()
        lost_before = {way: _lost([one for one in before if one.way is way]) for way in Way}
        limit = max(allowed, WELL_ABOVE)
        lost = [
            share
            for (way, _), rows in paths.items()
            if sum(one.lost for one in rows) >= LEAST_LOST and (share := _lost(rows)) > lost_before[way] + limit
        ]
        late = None if bound_ms is None else _late_ms(paths, before, bound_ms + NOISE_MS)
        enough = {way for way, _ in paths} == set(Way)
        return Said(enough=enough, lost=max(lost, default=None), late_ms=late)


def probe_of(one: Measurement) -> Probe:
    """An interval as it is judged. Where clocks do not tell what one way takes, half of what both take is a floor of
    the longer one, if the answer came by the service's own way back.
    """
    latency_ms = None
    if one.out_ms is not None:
        latency_ms = one.out_ms - (one.clock_error_ms or 0.0)
    elif one.pinned and one.rtt_p50_ms is not None:
        latency_ms = one.rtt_p50_ms / 2
    return Probe(
        service=one.service,
        way=one.way,
        path=one.path,
        at_s=one.at_s,
        until_s=one.at_s + one.for_s,
        sent=one.sent,
        lost=one.lost,
        latency_ms=latency_ms,
    )


def _lost(rows: Sequence[Probe]) -> float:
    sent = sum(one.sent for one in rows)
    return sum(one.lost for one in rows) / sent if sent else 0.0


def _late_ms(
    paths: Mapping[tuple[Way, str], Sequence[Probe]], before: Sequence[Probe], limit_ms: float
) -> float | None:
    """The longest of what took too long in the last intervals, each of them, and did not before."""
    worst: float | None = None
    for (way, _), rows in paths.items():
        last = sorted(rows, key=lambda one: one.at_s)[-INTERVALS:]
        taken = [one.latency_ms for one in last if one.latency_ms is not None]
        was = [one.latency_ms for one in before if one.way is way and one.latency_ms is not None]
        if len(taken) == len(last) and min(taken) > limit_ms and not (was and min(was) > limit_ms):
            worst = max(worst or 0.0, min(taken))
    return worst
