"""What the leader decides and acts with, besides the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from highroad.errors import Conflict
from highroad.model.service import ServiceId
from highroad.ports import Answer, Lab, Prober
from highroad.ports.telemetry import Telemetry


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
