"""Where a want goes, whatever it asks for: one way, several, or a primary with its backup."""

from __future__ import annotations

from highroad.model.service import Placement
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, place
from highroad.planning.protection import place_protected


def find(ground: Ground, want: Want) -> Placement | None:
    """A placement that keeps everything that is wanted, or None where none was found."""
    return place_protected(ground, want) if want.protected else place(ground, want)
