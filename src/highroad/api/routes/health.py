"""Health: for whoever starts and watches the process."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Response

from highroad.api.access import ANYONE, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.errors import Unavailable
from highroad.wire.operations import HealthOut

router = APIRouter(tags=["health"], route_class=Guarded)


@router.get("/healthz", response_model=HealthOut, summary="Is the process there?", **allow(ANYONE))
async def healthz(call: Call) -> Response:
    return answer(HealthOut(status="ok", version=_version()))


@router.get(
    "/readyz",
    response_model=HealthOut,
    summary="Does it take orders?",
    **allow(ANYONE, problems=("unavailable",)),
)
async def readyz(call: Call) -> Response:
    if not call.controller.ready:
        raise Unavailable("the controller is starting")
    book = await call.controller.settled()
    if not book.network.sites:
        raise Unavailable("no network is loaded")
    return answer(HealthOut(status="ok", version=_version()))


def _version() -> str:
    try:
        return version("highroad")
    except PackageNotFoundError:
        return "unknown"
