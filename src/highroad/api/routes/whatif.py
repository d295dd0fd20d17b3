"""What would happen if something failed: worked out, not tried."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.views import what_if_out
from highroad.wire.views import WhatIfOut

router = APIRouter(prefix="/v1/whatif", tags=["whatif"], route_class=Guarded)


@router.get(
    "",
    response_model=WhatIfOut,
    summary="What would happen if a fibre, a risk group or a site failed",
    description="The loop's own repair over a copy of what is known now, with routers that do what they are asked: "
    "who goes onto a backup, who finds another path, who is slow or dark, who is unprotected afterwards, and which "
    "links are fullest then. Nothing is touched. It takes as long as the decisions would: seconds with thousands of "
    "services.",
    **allow(OPERATOR, problems=("invalid",), waits=True),
)
async def show(
    call: Call,
    cut: Annotated[str, Query(description="A fibre, a risk group or a site.", examples=["albany--syracuse"])],
) -> Response:
    found = await call.controller.what_if(cut)
    return answer(what_if_out(found, await call.controller.settled()))
