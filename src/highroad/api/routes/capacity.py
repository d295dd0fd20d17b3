"""What is free between two ends, hour by hour."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import NUMBER, WHOLE
from highroad.api.shapes.views import capacity_out
from highroad.control.capacity import MOST_HOURS, WEEK_HOURS
from highroad.model.service import Protection
from highroad.planning.free import Question
from highroad.wire.views import CapacityOut

router = APIRouter(prefix="/v1/capacity", tags=["capacity"], route_class=Guarded)


@router.get(
    "",
    response_model=CapacityOut,
    summary="What is free between two ends, hour by hour",
    description="For each hour the most that one order over just that hour would be admitted with now. A longer order "
    "needs the same ways for all of its time: `best` is such a stretch. A tenant's ends are its ports, or sites where "
    "it has one; they count, and figures are rounded down to the step in which capacity is sold. An operator's may be "
    "any site, without a port's limit, or any port; figures are exact.",
    **allow(TENANT, OPERATOR, problems=("invalid", "slow-down")),
)
async def show(
    call: Call,
    a: Annotated[str, Query(alias="from", description="A site or a port.", examples=["campus-boise"])],
    b: Annotated[str, Query(alias="to", description="The other end.", examples=["aws-us-east-1"])],
    start: Annotated[AwareDatetime | None, Query(description="In the first hour; now if left out.")] = None,
    hours: Annotated[int, Query(description=f"How many, up to {MOST_HOURS}."), WHOLE] = WEEK_HOURS,
    latency_bound_ms: Annotated[float | None, Query(description="As of an order."), NUMBER] = None,
    fence: Annotated[list[str] | None, Query(description="As of an order; may come several times.")] = None,
    protection: Annotated[Protection, Query(description="As of an order.")] = Protection.NONE,
    max_paths: Annotated[int | None, Query(description="As of an order."), WHOLE] = None,
) -> Response:
    question = Question(
        a=a,
        b=b,
        tenant=call.tenant,
        latency_bound_ms=latency_bound_ms,
        fence=None if fence is None else tuple(fence),
        protection=protection,
        max_paths=max_paths,
    )
    start_s = None if start is None else start.timestamp()
    return answer(capacity_out(await call.controller.capacity(question, start_s=start_s, hours=hours)))
