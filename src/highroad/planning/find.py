"""Where a want goes, whatever it asks for: one way, several, or a primary with its backup."""

from __future__ import annotations

from highroad.model.service import Placement
from highroad.planning.ground import Ground
from highroad.planning.placement import Room, Want, place
from highroad.planning.protection import place_protected
from highroad.planning.spread import place_spread


def find(ground: Ground, want: Want, room: Room | None = None) -> Placement | None:
    """A placement that keeps everything that is wanted, or None where none was found.

    What a `room` of the same window and fence knows is not asked again.
    """
    if want.protected:
        return place_protected(ground, want, room=room)
    return place_spread(ground, want, want.max_paths, room) if want.max_paths > 1 else place(ground, want, room)
