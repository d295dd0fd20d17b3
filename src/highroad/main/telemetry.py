"""What keeps figures over time, as the settings ask for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from highroad.main.home import Home
    from highroad.settings import Settings
    from highroad.telemetry.feed import Feed


def kept(settings: Settings, folder: Home) -> Feed | None:
    """A keeper in this folder, started; None where nothing is to be kept."""
    if not settings.telemetry_mib:
        return None
    from highroad.telemetry.feed import Feed
    from highroad.telemetry.keeper import Order

    order = Order(
        folder=str(folder.telemetry),
        limit_bytes=settings.telemetry_mib << 20,
        remote=settings.remote_write,
        form=settings.log,
        level=logging.getLevelName(logging.getLogger().getEffectiveLevel()),
    )
    return Feed(order)
