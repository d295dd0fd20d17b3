"""How much a tenant may have: limits that the operator sets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most of each kind; None is no limit but the one that everybody has (of holds and webhooks)."""

    services: int | None = None
    """Services that have not ended, holds included."""
    gbps: float | None = None
    """Guaranteed Gbit/s at any one instant: the sum over the services whose windows have it."""
    ports: int | None = None
    tokens: int | None = None
    """Tokens that are neither revoked nor over."""
    webhooks: int | None = None
    holds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a tenant has of the same. `gbps` is the most that is promised at any instant from now on."""

    services: int
    gbps: float
    ports: int
    tokens: int
    webhooks: int
    holds: int
