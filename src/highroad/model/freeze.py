"""A time in which an operator wants nothing on routers to be changed but what repairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

FreezeId = NewType("FreezeId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """From `highroad freeze` to `highroad thaw`. `reason` is for operators: tenants learn only that it is so."""

    id: FreezeId
    reason: str
    started_s: float
    ended_s: float | None = None

    @property
    def open(self) -> bool:
        """Whether it is still in force."""
        return self.ended_s is None
