"""Links of the network, one at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.views import link_calendar_out
from highroad.model.network import LinkId
from highroad.wire.views import LinkCalendarOut

router = APIRouter(prefix="/v1/links", tags=["links"], route_class=Guarded)


@router.get(
    "/{link}/calendar",
    response_model=LinkCalendarOut,
    summary="The calendar of a link",
    description="What is claimed, kept in reserve and free of it, step by step, which services hold it for what, "
    "and when a maintenance closes it.",
    **allow(OPERATOR, problems=("invalid", "not-found")),
)
async def show(
    call: Call,
    link: str,
    start: Annotated[AwareDatetime | None, Query(description="Now if left out; the past is not kept.")] = None,
    end: Annotated[AwareDatetime | None, Query(description="A week later if left out.")] = None,
) -> Response:
    start_s = None if start is None else start.timestamp()
    end_s = None if end is None else end.timestamp()
    return answer(link_calendar_out(await call.controller.link_calendar(LinkId(link), start_s=start_s, end_s=end_s)))
