"""The last measurements of every service, for who looks at one now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from highroad.model.measurement import Measurement
from highroad.model.service import ServiceId

KEPT_S = 5.0


class Recent:
    """What came within the last few seconds, by service; of services that are gone nothing is left."""

    def __init__(self) -> None:
        self._kept: dict[ServiceId, list[Measurement]] = {}
        self._swept_s = 0.0

    def take(self, measurements: Iterable[Measurement]) -> None:
        """Here is more."""
        newest_s = self._swept_s
        for one in measurements:
            self._kept.setdefault(one.service, []).append(one)
            newest_s = max(newest_s, one.at_s)
        if newest_s > self._swept_s:
            self._swept_s = newest_s
            self._sweep(newest_s - KEPT_S)

    def of(self, service: ServiceId) -> Sequence[Measurement]:
        """What there is of one, the oldest first."""
        return sorted(self._kept.get(service, ()), key=lambda one: (one.at_s, one.way, -one.preference, one.list_index))

    def _sweep(self, since_s: float) -> None:
        for service, kept in list(self._kept.items()):
            left = [one for one in kept if one.at_s >= since_s]
            if left:
                self._kept[service] = left
            else:
                del self._kept[service]
