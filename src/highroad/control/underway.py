"""A change of several services that is being made in steps; the book remembers it, and a restart forgets it."""

from __future__ import annotations

from dataclasses import dataclass, field

from highroad.model.incident import MaintenanceId
from highroad.model.plan import PlanId
from highroad.model.service import Home, Order, Placement, ServiceId
from highroad.planning.closure import Closure


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One service in it: where it was, as it is at present, where it goes home to, and what it makes way for, if that
    is planned.
    """

    order: Order
    was: Placement | None
    at: Placement | None
    home: Home | None
    drain: MaintenanceId | None


@dataclass(slots=True, kw_only=True)
class Underway:
    """The steps that are still to be made, each of which fits whatever of it has been made; None is nowhere.

    It holds for one network, and for what was out of use and closed when it was made.
    """

    steps: list[dict[ServiceId, Placement | None]]
    parts: dict[ServiceId, Part]
    revision: int
    avoid: frozenset[int]
    closures: tuple[Closure, ...]
    planned: bool
    """Whether it waits while changes are frozen: it is no repair."""
    home: bool
    """Whether it brings home what others had moved."""
    plan: PlanId | None = None
    """The optimiser's, if it is one: who is not as it was when it was made is left out, and the others go on."""
    moved: set[ServiceId] = field(default_factory=set)
    """Of that plan: who was told to routers already."""
    left: dict[ServiceId, str] = field(default_factory=dict)
    """Who was left out, and why."""
    waits: dict[ServiceId, Placement] = field(default_factory=dict)
    """Who had no room in its step, and where it goes if there is some later."""
    came_on: bool = False
    """Whether anybody was moved since those were last tried."""
    making: bool = False
    """Whether the first of the steps is being made, some services in each look: routers are told when all of it is."""

    @property
    def yields(self) -> bool:
        """Whether it breaks off for who has to go: nobody in it has to."""
        return self.home or self.plan is not None

    def last_of(self, service: ServiceId) -> Placement | None:
        """Where a service is when all is done."""
        to = self.parts[service].at
        for step in self.steps:
            to = step.get(service, to)
        return to
