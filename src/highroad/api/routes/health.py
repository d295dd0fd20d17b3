"""Health: for whoever starts and watches the process."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Response

from highroad.api.access import ANYONE, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.control.health import Verdict, amiss
from highroad.errors import Unavailable
from highroad.wire.operations import HealthOut

router = APIRouter(tags=["health"], route_class=Guarded)


@router.get(
    "/healthz",
    response_model=HealthOut,
    summary="Is the process alive?",
    description="Asks only whether the event loop runs in time; `lag_ms` is how late it was. Restart what fails.",
    **allow(ANYONE, problems=("slow-down", "unavailable")),
)
async def healthz(call: Call) -> Response:
    controller = call.controller
    told = HealthOut(status="ok", version=running(), lag_ms=round(controller.figures.lag_s * 1000, 1))
    return _told([controller.health.alive()], told)


@router.get(
    "/readyz",
    response_model=HealthOut,
    summary="Does it take orders?",
    description="503 names in `checks` what fails; send it no orders meanwhile. It stops being ready first of all when "
    "it is asked to stop.",
    **allow(ANYONE, problems=("slow-down", "unavailable")),
)
async def readyz(call: Call) -> Response:
    return _told(
        [stopping(call.app.state.leaving), *await call.controller.health.checks()],
        HealthOut(status="ok", version=running()),
    )


def stopping(leaving: bool) -> Verdict:
    """The check that fails first of all when it is asked to stop."""
    return Verdict(name="stopping", amiss="it was asked to stop" if leaving else "")


def running() -> str:
    """The version that runs."""
    try:
        return version("highroad")
    except PackageNotFoundError:
        return "unknown"


def _told(checks: list[Verdict], good: HealthOut) -> Response:
    """`good` with every check, or the problem that names those that fail. Raises Unavailable."""
    told = {one.name: one.amiss or "ok" for one in checks}
    wrong = amiss(checks)
    if wrong:
        raise Unavailable("; ".join(f"{name}: {what}" for name, what in wrong.items()), checks=told)
    good.checks = told
    return answer(good)
