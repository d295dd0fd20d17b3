"""The freeze: while it lasts nothing on routers is changed but what repairs."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.operations import freeze_out
from highroad.wire.operations import FreezeIn, FreezeOut

router = APIRouter(prefix="/v1/freeze", tags=["freeze"], route_class=Guarded)


@router.get("", response_model=FreezeOut, summary="Whether changes are frozen", **allow(OPERATOR))
async def show(call: Call) -> Response:
    return answer(freeze_out((await call.controller.settled()).freeze))


@router.put(
    "",
    response_model=FreezeOut,
    summary="Freeze changes",
    description="From now on, over restarts, no planned change is begun on routers: nothing is activated, withdrawn, "
    "drained, moved back or resized. What is dark or breaks a promise is repaired. Orders are admitted and reserved, "
    "and wait. Again changes the reason only.",
    **allow(OPERATOR, body=FreezeIn, problems=("invalid",)),
)
async def freeze(call: Call) -> Response:
    body = await call.read(FreezeIn)
    return answer(freeze_out(await call.controller.freeze(body.reason)))


@router.delete(
    "",
    response_model=FreezeOut,
    summary="Thaw: let changes go on",
    description="What has waited is done, step by step. Idempotent.",
    **allow(OPERATOR),
)
async def thaw(call: Call) -> Response:
    await call.controller.thaw()
    return await show(call)
