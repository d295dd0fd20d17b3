"""Which services changed when: who has read a fabric before need hear only what is new."""

from __future__ import annotations

from collections.abc import Mapping

from highroad.model.network import FibreId
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.ports import Down, Observed

REMEMBERED = 200_000
"""So many services are remembered at most: who has not read for so long reads all of it."""


class Trail:
    """A count of changes, and each service's last one."""

    def __init__(self) -> None:
        self.revision = 0
        self._floor = 0
        self._last: dict[ServiceId, int] = {}

    def mark(self, service: ServiceId) -> None:
        """A service has changed."""
        self.revision += 1
        self._last.pop(service, None)
        self._last[service] = self.revision
        if len(self._last) > REMEMBERED:
            for old in list(self._last)[: REMEMBERED // 2]:
                self._floor = self._last.pop(old)

    def lose(self) -> None:
        """Any of them may have changed."""
        self.revision += 1
        self._floor = self.revision
        self._last.clear()

    def since(self, revision: int | None) -> list[ServiceId] | None:
        """The services that have changed since a revision; None where that is not known."""
        if revision is None or not self._floor <= revision <= self.revision:
            return None
        changed: list[ServiceId] = []
        for service in reversed(self._last):
            if self._last[service] <= revision:
                break
            changed.append(service)
        return changed

    def read(
        self,
        policies: Mapping[ServiceId, Policy],
        down_since_s: Mapping[FibreId, float],
        since: int | None,
        why: Mapping[FibreId, Down] | None = None,
        flipped_s: Mapping[ServiceId, float] | None = None,
    ) -> Observed:
        """What there is to read: all that is held, or what is new since a revision."""
        changed, why, flipped_s = self.since(since), why or {}, flipped_s or {}
        if changed is None:
            return Observed(
                policies=dict(policies),
                down_since_s=down_since_s,
                revision=self.revision,
                why=why,
                flipped_s=flipped_s,
            )
        return Observed(
            policies={service: policies[service] for service in changed if service in policies},
            down_since_s=down_since_s,
            revision=self.revision,
            since=since,
            gone=[service for service in changed if service not in policies],
            why=why,
            flipped_s=flipped_s,
        )
