"""Links of the network, one at a time; and what is booked of all of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.views import booked_out, link_calendar_out
from highroad.control.ahead import ahead
from highroad.model.network import LinkId
from highroad.wire.views import BookedOut, LinkCalendarOut

router = APIRouter(prefix="/v1/links", tags=["links"], route_class=Guarded)


@router.get(
    "/booked",
    response_model=BookedOut,
    summary="What is booked of every link at a moment to come",
    description="What the calendar needs of each link then, guarantees and the reserve for backups, and at which "
    "instants until another time that changes: a map of tonight is drawn from it. It is what is booked, not what will "
    "be carried: who orders, releases or fails meanwhile changes it.",
    **allow(OPERATOR, problems=("invalid",)),
)
async def booked(
    call: Call,
    at: Annotated[AwareDatetime, Query(description="From now on; the past is not kept.")],
    until: Annotated[AwareDatetime | None, Query(description="`at` if left out, so that no changes are told.")] = None,
) -> Response:
    until_s = None if until is None else until.timestamp()
    return answer(booked_out(await ahead(call.controller.settled, call.now_s, at.timestamp(), until_s)))


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
