"""What the leader decides and acts with, besides the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from highroad.errors import Conflict
from highroad.model.plan import Optimiser, PlanId
from highroad.model.service import ServiceId
from highroad.ports import Answer, Lab, Prober
from highroad.ports.telemetry import Telemetry


class Plans(Protocol):
    """What plans."""

    async def show(self, plan: PlanId | None) -> Optimiser:
        """What is known, with one of the last plans, the newest for None. Raises NotFound."""


@dataclass(slots=True, kw_only=True)
class Means:
    """All of it. What a fabric does not have is None."""

    new_service_id: Callable[[], ServiceId]
    answered: Callable[[str, str], Answer | None]
    """What the store has under an Idempotency-Key."""
    fabric_name: str
    prober: Prober | None = None
    lab: Lab | None = None
    telemetry: Telemetry | None = None
    plans: Plans | None = None

    def planning(self) -> Plans:
        """What plans. Raises Conflict where nothing does."""
        if self.plans is None:
            raise Conflict("this controller does not plan")
        return self.plans

    def keeping(self) -> Telemetry:
        """What keeps figures over time. Raises Conflict where nothing does."""
        if self.telemetry is None:
            raise Conflict("this controller keeps no telemetry: HIGHROAD_TELEMETRY_MIB says how much it may keep")
        return self.telemetry

    def probing(self) -> Prober:
        """What measures. Raises Conflict where nothing does."""
        if self.prober is None:
            raise Conflict(f"the fabric {self.fabric_name} sends no packets of its own")
        return self.prober

    def breaking(self) -> Lab:
        """What can be broken on purpose. Raises Conflict where that is nothing."""
        if self.lab is None:
            raise Conflict(f"the fabric {self.fabric_name} is no lab: nothing in it is broken on purpose")
        return self.lab
