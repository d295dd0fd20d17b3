"""Who waits for others that make room for it, and how much may be searched for such room; the book remembers it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from highroad.model.lifecycle import ENDED
from highroad.model.service import Service, ServiceId

WAITS = "not carried yet: others are being moved to make room for it"
"""Why a service is not carried that others make room for: what its tenant reads."""

SEARCHES_A_SECOND = 150
"""Searches, each of one to three milliseconds, that go into making room: whoever comes when they are spent is told what
admission says.
"""

SAVED = 300
"""So many are saved up while nobody needs them."""


@dataclass(slots=True)
class Rooms:
    """Memory only: after a restart everybody who waits waits for all who have given way."""

    waiting: dict[ServiceId, tuple[ServiceId, ...]] = field(default_factory=dict)
    """For each service that routers are not told of yet, those of which they have to be told before."""
    tried: dict[ServiceId, int] = field(default_factory=dict)
    """Who has no place, and at which count of the book's `changes` others were last asked to make room for it."""
    at_s: float = -math.inf
    left: float = SAVED

    @classmethod
    def of(cls, services: Mapping[ServiceId, Service]) -> Rooms:
        """As the services tell."""
        rooms = cls()
        rooms.start(services.values())
        return rooms

    def start(self, services: Iterable[Service]) -> None:
        """Know what services tell, and nothing else."""
        waits, gave = [], []
        for service in services:
            if service.leaving and service.gave_way:
                gave.append(service.id)
            elif service.reason == WAITS and service.state not in ENDED:
                waits.append(service.id)
        self.waiting = {one: tuple(gave) for one in waits}

    def makes_room(self, service: ServiceId) -> bool:
        """Whether anybody waits for a service."""
        return any(service in others for others in self.waiting.values())

    def searches(self, now_s: float) -> int:
        """How many searches are left."""
        gone_s = now_s - self.at_s
        if gone_s < 0:  # the clock was set back
            gone_s = 0.0
        self.at_s = now_s
        self.left = SAVED if gone_s == math.inf else min(SAVED, self.left + gone_s * SEARCHES_A_SECOND)
        return int(self.left)

    def spend(self, searches: int) -> None:
        """So many were made."""
        self.left = max(0.0, self.left - searches)
