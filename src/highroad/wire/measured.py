"""What a figure was taken on: every schema that carries figures of traffic says so."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out

TWIN = "twin"


class Measured(Out):
    """The fabric that figures come from, and its scale."""

    fabric: str = Field(default="", description="`twin` models; any other carries packets, and measures.")
    rate_scale: float = Field(
        default=1.0,
        description="A modelled 1 Gbit/s is carried as so many Gbit/s; every rate here is a modelled one.",
    )
