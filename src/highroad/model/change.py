"""What a tenant changes of a service in place: whatever is not named stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from highroad.model.autoscale import Autoscale
from highroad.model.recurrence import Recurrence
from highroad.model.service import End, Protection, TrafficClass
from highroad.model.window import Window


class Keep(Enum):
    """Stands for what is not changed: None is a value of its own (no bound, no fence, no end)."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An edit of an order; figures as in `highroad.model.service.Request`, and like it it may hold anything."""

    a: End | Keep = KEEP
    b: End | Keep = KEEP
    bandwidth_gbps: float | Keep = KEEP
    burst_gbps: float | Keep | None = KEEP
    latency_bound_ms: float | Keep | None = KEEP
    fence: tuple[str, ...] | Keep | None = KEEP
    protection: Protection | Keep = KEEP
    traffic_class: TrafficClass | Keep = KEEP
    max_paths: int | Keep | None = KEEP
    start_s: float | Keep = KEEP
    end_s: float | Keep | None = KEEP
    windows: tuple[Window, ...] | Keep | None = KEEP
    recurrence: Recurrence | Keep | None = KEEP
    autoscale: Autoscale | Keep | None = KEEP
    description: str | Keep = KEEP

    @property
    def named(self) -> dict[str, Any]:
        """What is changed, by its name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not KEEP}
