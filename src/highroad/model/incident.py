"""What broke, and what we take down on purpose: incidents and maintenances, each with its time line."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from highroad.model.network import FibreId, SiteId
from highroad.model.service import Placement, ServiceId
from highroad.model.window import Window

UNKNOWN = (None, None)

IncidentId = NewType("IncidentId", str)
MaintenanceId = NewType("MaintenanceId", str)


class Reason(StrEnum):
    """Why a fibre is dark for placement and repair, as the routers at its ends saw it."""

    LIGHT = "light"
    """No light comes in."""
    SILENT = "silent"
    """Light comes in, and no hello does."""
    ONE_WAY = "one-way"
    """Hellos arrive one way only."""
    LOSS = "loss"
    """Both hear each other, and too much is lost on the way."""


TELLING = (Reason.LIGHT, Reason.ONE_WAY, Reason.SILENT, Reason.LOSS)
"""What either end says is so, the more telling first: of a fault one way the end that hears nothing calls it silent."""


class Phase(StrEnum):
    """What an entry of a time line tells."""

    FAILED = "failed"
    SEEN = "seen"
    LOCAL = "local"
    """Routers beside the fault carry on around it by themselves."""
    HEADEND = "headend"
    """Headends left the paths that cross it by themselves."""
    REPAIRED = "repaired"
    SHED = "shed"
    """There is too little for all: who stands back."""
    REPROTECTED = "reprotected"
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

    `dark_before_ms` is what its counter stood at before this incident. Where nothing was counted, what was shorter than
    `unseen_ms` would not have been: it was struck, and was dark for less than that. What is not `counted`, because
    nobody read its counters, it sent nothing, or it ended in the dark, is not known.
    """

    service: ServiceId
    dark_ms: float
    healed: bool
    dark_before_ms: float = 0.0
    unseen_ms: float = 0.0
    counted: bool = True

    @property
    def less_than_ms(self) -> float | None:
        """What it was dark for less than, where no more is known."""
        return self.unseen_ms if self.healed and self.counted and not self.dark_ms and self.unseen_ms else None

    @property
    def known_ms(self) -> float | None:
        """How long it was dark; None while it is, and where that is not known, or not to the millisecond."""
        return self.dark_ms if self.healed and self.counted and self.less_than_ms is None else None


def darkness(outages: Iterable[tuple[float | None, float | None]], *, several: bool) -> str:
    """In words, of how long each was dark, or what it was dark for less than; neither is not known."""
    told = list(outages)
    known = [(dark_ms or 0.0, less_than_ms) for dark_ms, less_than_ms in told if (dark_ms, less_than_ms) != UNKNOWN]
    if not known:
        return f"how long {'they were' if several else 'it was'} dark was not measured"
    dark_ms, less_than_ms = max(known, key=lambda one: one[0] if one[1] is None else one[1])
    who = "the longest was" if several else "it was"
    if less_than_ms is not None:
        return f"{who} dark for less than {less_than_ms:.1f} ms"
    if not dark_ms and len(known) < len(told):
        return "none that was measured was dark"
    if not dark_ms:
        return "none was dark" if several else "it was not dark"
    return f"{who} dark for {dark_ms:.1f} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fibre of an incident: what was wrong with it, since when, and whether it is good again.

    It is used again when it has been good for `wait_s`. `flaps` is how often it had failed again too soon before.
    """

    fibre: FibreId
    since_s: float
    reason: Reason = Reason.LIGHT
    wait_s: float = 0.0
    flaps: int = 0
    back_s: float | None = None
    used: bool = False
    first: Reason | None = None
    """What was wrong with it at first, if that is something else now."""
    repaired_at: tuple[SiteId, ...] = ()
    """The routers that carry on around it by themselves."""

    @property
    def waits(self) -> bool:
        """Whether it is good again, and not trusted yet."""
        return self.back_s is not None and not self.used

    @property
    def good_s(self) -> float:
        """When it may be used again, if nothing happens; never, as long as it is dark."""
        return math.inf if self.back_s is None else self.back_s + self.wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Shed:
    """A service that stands back, and the one of a class before its own that has its room."""

    service: ServiceId
    goes_first: ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A failure, from the first sign to the return of everything it moved.

    Fibres that failed together, because they share a risk group or end at one router, are one incident, and `title`
    says what that is.
    """

    id: IncidentId
    fibres: tuple[FibreId, ...]
    opened_s: float
    closed_s: float | None = None
    timeline: tuple[Entry, ...] = ()
    outages: tuple[Outage, ...] = ()
    title: str = ""
    faults: tuple[Fault, ...] = ()
    flipped: int = 0
    """How many services its headends are known to have moved by themselves."""
    protected: int = 0
    """How many protected services lost their path or their backup to it."""
    unprotected: tuple[ServiceId, ...] = ()
    """Those of them that are not protected again."""
    shed: tuple[Shed, ...] = ()
    """Who stands back because there is too little for all, until carried again."""

    @property
    def open(self) -> bool:
        """Whether it is still going on."""
        return self.closed_s is None

    @property
    def in_order(self) -> tuple[Entry, ...]:
        """The time line by time: what routers do by themselves is known after it was done."""
        return tuple(sorted(self.timeline, key=lambda entry: entry.at_s))


class MaintenanceState(StrEnum):
    """How far a drain is."""

    SCHEDULED = "SCHEDULED"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """Where a service goes for the time of a maintenance: the calendar keeps it for nobody else."""

    service: ServiceId
    placement: Placement


LEAD_S = 60.0
"""So long before a booked maintenance begins it is drained, and so long after its end a detour is kept for the way
home, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A time in which fibres are kept free of traffic on purpose: moved away first, nothing lost.

    `target` is the fibre, risk group or site that was asked for; `stuck` are the services that could not be moved
    inside their promises and stay where they are, `because` says why of each; `moved` are those that go back at the
    end. One that was booked begins at `start_s`, and one with `end_s` ends by itself; `started_s` is when it was asked
    for.
    """

    id: MaintenanceId
    target: str
    fibres: tuple[FibreId, ...]
    state: MaintenanceState
    started_s: float
    ended_s: float | None = None
    moved: tuple[ServiceId, ...] = ()
    stuck: tuple[ServiceId, ...] = ()
    note: str = ""
    """What went wrong with it, in words: that what it had moved was rolled back."""
    because: tuple[str, ...] = ()
    """Of each that is stuck, in a sentence."""
    start_s: float | None = None
    end_s: float | None = None
    lead_s: float = LEAD_S
    detours: tuple[Detour, ...] = ()
    """What is booked for those that will have to move."""

    @property
    def open(self) -> bool:
        """Whether it is still to come, or going on."""
        return self.ended_s is None

    @property
    def in_force(self) -> bool:
        """Whether its fibres are kept free now."""
        return self.state in (MaintenanceState.DRAINING, MaintenanceState.DRAINED)

    @property
    def window(self) -> Window:
        """When nothing may be on the fibres."""
        return Window(start_s=self.started_s if self.start_s is None else self.start_s, end_s=self.end_s)

    @property
    def begin_s(self) -> float:
        """When moving away begins."""
        return self.started_s if self.start_s is None else max(self.started_s, self.start_s - self.lead_s)

    @property
    def kept_until_s(self) -> float:
        """Until when detours are kept: everybody has had time to go home."""
        return math.inf if self.end_s is None else self.end_s + self.lead_s

    def holder(self, service: ServiceId) -> str:
        """The calendar's name of who keeps a detour."""
        return f"{self.id}:{service}"
