"""A service that follows its load: between which rates, and what came of it last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscale:
    """A tenant's rule: the guarantee follows the load between a floor and a ceiling."""

    floor_gbps: float
    ceiling_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleStep:
    """A step that was admitted."""

    at_s: float
    from_gbps: float
    to_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRefusal:
    """A step up that was refused, and what stood in its way, in words."""

    at_s: float
    wanted_gbps: float
    message: str
