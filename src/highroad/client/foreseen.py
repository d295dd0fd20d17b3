"""What would happen, asked of a controller: its failures, its growth, more links. Nothing is touched by it."""

from __future__ import annotations

from collections.abc import Sequence

from highroad.client import views
from highroad.client.delivered import AsyncDelivered, Delivered
from highroad.client.views import Counted
from highroad.wire.views import OutlookOut, WhatIfOut


class AsyncForeseen(AsyncDelivered):
    """What would happen."""

    async def what_if(
        self, cut: str, *, load: Counted = "guaranteed", over_s: float = 3600.0, quantile: float = 0.95
    ) -> WhatIfOut:
        """What would happen if a fibre, a risk group or a site failed now; with the load `measured`, also of what
        services sent in the last seconds, that in a `quantile` of which no more was sent.
        """
        return await self.send(views.what_if(cut, load, over_s, quantile))

    async def outlook(
        self,
        grow: float = 1.0,
        *,
        add: Sequence[str] = (),
        cut: Sequence[str] = (),
        load: Counted = "guaranteed",
        over_s: float = 3600.0,
        quantile: float = 0.95,
    ) -> OutlookOut:
        """What would happen if so many times as much were admitted, with links added and others cut.

        `add` is `LINK:GBPS` for more each way, `SITE>SITE:GBPS:MS` for a new link; `load` as in `what_if`.
        """
        return await self.send(views.outlook(grow, add, cut, load, over_s, quantile))


class Foreseen(Delivered):
    """What would happen."""

    def what_if(
        self, cut: str, *, load: Counted = "guaranteed", over_s: float = 3600.0, quantile: float = 0.95
    ) -> WhatIfOut:
        """What would happen if a fibre, a risk group or a site failed now; with the load `measured`, also of what
        services sent in the last seconds, that in a `quantile` of which no more was sent.
        """
        return self.send(views.what_if(cut, load, over_s, quantile))

    def outlook(
        self,
        grow: float = 1.0,
        *,
        add: Sequence[str] = (),
        cut: Sequence[str] = (),
        load: Counted = "guaranteed",
        over_s: float = 3600.0,
        quantile: float = 0.95,
    ) -> OutlookOut:
        """What would happen if so many times as much were admitted, with links added and others cut.

        `add` is `LINK:GBPS` for more each way, `SITE>SITE:GBPS:MS` for a new link; `load` as in `what_if`.
        """
        return self.send(views.outlook(grow, add, cut, load, over_s, quantile))
