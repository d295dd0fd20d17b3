"""What would happen, asked of a controller: its failures, its growth, more links. Nothing is touched by it."""

from __future__ import annotations

from collections.abc import Sequence

from highroad.client import views
from highroad.client.delivered import AsyncDelivered, Delivered
from highroad.wire.views import OutlookOut, WhatIfOut


class AsyncForeseen(AsyncDelivered):
    """What would happen."""

    async def what_if(self, cut: str) -> WhatIfOut:
        """What would happen if a fibre, a risk group or a site failed now."""
        return await self.send(views.what_if(cut))

    async def outlook(self, grow: float = 1.0, *, add: Sequence[str] = (), cut: Sequence[str] = ()) -> OutlookOut:
        """What would happen if so many times as much were admitted, with links added and others cut.

        `add` is `LINK:GBPS` for more each way, `SITE>SITE:GBPS:MS` for a new link.
        """
        return await self.send(views.outlook(grow, add, cut))


class Foreseen(Delivered):
    """What would happen."""

    def what_if(self, cut: str) -> WhatIfOut:
        """What would happen if a fibre, a risk group or a site failed now."""
        return self.send(views.what_if(cut))

    def outlook(self, grow: float = 1.0, *, add: Sequence[str] = (), cut: Sequence[str] = ()) -> OutlookOut:
        """What would happen if so many times as much were admitted, with links added and others cut.

        `add` is `LINK:GBPS` for more each way, `SITE>SITE:GBPS:MS` for a new link.
        """
        return self.send(views.outlook(grow, add, cut))
