"""Metrics, for a scraper: an operator's token reads them, or the one that is configured for nothing else."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.metrics import MEDIA_TYPE, exposition


class Scraped(Guarded):
    """A route that the scraper's token may call besides whoever may."""

    async def _identify(self, call: Call) -> None:
        token = call.app.state.metrics_token
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if token and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return
        await super()._identify(call)


router = APIRouter(tags=["health"], route_class=Scraped)


@router.get(
    "/metrics",
    response_class=Response,
    summary="What it counts of itself",
    description="Prometheus text; docs/metrics.md has the list. `HIGHROAD_METRICS_TOKEN` sets a token that reads this "
    "and nothing else.",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    **allow(OPERATOR),
)
async def metrics(call: Call) -> Response:
    text = await exposition(call.controller, call.app.state.requests, leaving=call.app.state.leaving)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=MEDIA_TYPE)
