"""What broke, and what we take down on purpose: incidents and maintenances, each with its time line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from highroad.model.network import FibreId
from highroad.model.service import ServiceId

IncidentId = NewType("IncidentId", str)
MaintenanceId = NewType("MaintenanceId", str)


class Phase(StrEnum):
    """What an entry of a time line tells."""

    FAILED = "failed"
    SEEN = "seen"
    REPAIRED = "repaired"
    FIBRE_BACK = "fibre-back"
    RETURNED = "returned"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a time line."""

    at_s: float
    phase: Phase
    text: str
    service: ServiceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How long one service was dark, as the fabric counted it at the far end.

    `dark_before_ms` is what its counter stood at before this incident.
    """

    service: ServiceId
    dark_ms: float
    healed: bool
    dark_before_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A failure, from the first sign to the return of everything it moved."""

    id: IncidentId
    fibres: tuple[FibreId, ...]
    opened_s: float
    closed_s: float | None = None
    timeline: tuple[Entry, ...] = ()
    outages: tuple[Outage, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it is still going on."""
        return self.closed_s is None


class MaintenanceState(StrEnum):
    """How far a drain is."""

    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A time in which fibres are kept free of traffic on purpose: moved away first, nothing lost.

    `target` is the fibre, risk group or site that was asked for; `stuck` are the services that could not be moved
    inside their promises and stay where they are; `moved` are those that go back at the end.
    """

    id: MaintenanceId
    target: str
    fibres: tuple[FibreId, ...]
    state: MaintenanceState
    started_s: float
    ended_s: float | None = None
    moved: tuple[ServiceId, ...] = ()
    stuck: tuple[ServiceId, ...] = ()
