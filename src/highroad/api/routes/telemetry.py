"""What was measured over time: of links for operators, of services and their paths for whose they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import WHOLE
from highroad.api.shapes.telemetry import links_at_out, moments_out, tracks_out
from highroad.errors import NotFound, did_you_mean
from highroad.model.network import LinkId
from highroad.model.service import ServiceId
from highroad.model.tracks import Subject, Tracks, finest_s
from highroad.wire.telemetry import LinksAtOut, MomentsOut, TracksOut

router = APIRouter(prefix="/v1/telemetry", tags=["telemetry"], route_class=Guarded)

From = Annotated[AwareDatetime | None, Query(alias="from", description="An hour before `to` if left out.")]
To = Annotated[AwareDatetime | None, Query(alias="to", description="Now if left out.")]
Step = Annotated[
    int | None, Query(ge=1, le=366 * 86_400, description="In seconds; one that makes a picture by default."), WHOLE
]
Series = Annotated[list[str] | None, Query(description="Only these; all if left out. Repeatable.", max_length=20)]

KEPT = "Seconds are kept for an hour, minutes for a month, hours for years, as far as there is room; a step that is "
KEPT += "finer than what is kept of that time is made as coarse as that. What was not measured is null."


@router.get(
    "/links",
    response_model=LinksAtOut,
    summary="Every link at a moment",
    description="What each link of the network carried then, and which had no light: a map of the past is drawn from "
    f"it. {KEPT}",
    **allow(OPERATOR, problems=("invalid", "conflict", "unavailable"), waits=True),
)
async def links(call: Call, at: Annotated[AwareDatetime, Query(description="A moment that has passed.")]) -> Response:
    at_s = at.timestamp()
    step_s = finest_s(call.now_s - at_s)
    from_s = at_s // step_s * step_s
    found = await call.controller.moments(from_s=from_s, until_s=from_s + step_s, step_s=step_s)
    book = await call.controller.settled()
    return answer(links_at_out(found, book.network, call.controller))


@router.get(
    "/moments",
    response_model=MomentsOut,
    summary="Every link over time",
    description="What each link of the network carried in each step, and which had no light: what happened is played "
    f"again from it. 400,000 links times steps at once at most. {KEPT}",
    **allow(OPERATOR, problems=("invalid", "conflict", "unavailable"), waits=True),
)
async def moments(
    call: Call,
    start: Annotated[AwareDatetime, Query(alias="from", description="A moment that has passed.")],
    end: Annotated[AwareDatetime, Query(alias="to", description="A later one.")],
    step_s: Step = None,
) -> Response:
    found = await call.controller.moments(from_s=start.timestamp(), until_s=end.timestamp(), step_s=step_s)
    book = await call.controller.settled()
    return answer(moments_out(found, book.network, call.controller))


@router.get(
    "/links/{link}",
    response_model=TracksOut,
    summary="A link over time",
    description=f"What it carried, its share of the capacity, and whether light got through. {KEPT}",
    **allow(OPERATOR, problems=("invalid", "not-found", "conflict", "unavailable"), waits=True),
)
async def link(
    call: Call, link: str, start: From = None, end: To = None, step_s: Step = None, series: Series = None
) -> Response:
    found = await _read(call, Subject.LINK, link, start, end, step_s, series)
    book = await call.controller.settled()
    # One that has left the network is still known for what it was.
    if not found.tracks and LinkId(link) not in book.network.link:
        raise NotFound(f"there is no link {link[:100]}{did_you_mean(link, book.network.link)}")
    return answer(tracks_out(found, Subject.LINK, call.controller))


@router.get(
    "/services/{service_id}",
    response_model=TracksOut,
    summary="A service over time",
    description="What was offered, carried and lost, how long it was dark, and what was promised then. Series that "
    "begin with `gap_` are there where there was time that nobody watched, at its end: what counters climbed by in it. "
    f"{KEPT}",
    **allow(TENANT, OPERATOR, problems=("invalid", "not-found", "conflict", "unavailable"), waits=True),
)
async def service(
    call: Call, service_id: str, start: From = None, end: To = None, step_s: Step = None, series: Series = None
) -> Response:
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    found = await _read(call, Subject.SERVICE, service_id, start, end, step_s, series)
    return answer(tracks_out(found, Subject.SERVICE, call.controller))


@router.get(
    "/services/{service_id}/paths",
    response_model=TracksOut,
    summary="A service's paths over time",
    description="What packets of the routers' own met on them: round trips, jitter, loss. Paths in use are called "
    f"SERVICE/there and SERVICE/back, and go on as such when others are in use. {KEPT}",
    **allow(TENANT, OPERATOR, problems=("invalid", "not-found", "conflict", "unavailable"), waits=True),
)
async def paths(
    call: Call, service_id: str, start: From = None, end: To = None, step_s: Step = None, series: Series = None
) -> Response:
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    found = await _read(call, Subject.PATH, f"{service_id}/", start, end, step_s, series)
    return answer(tracks_out(found, Subject.PATH, call.controller))


async def _read(
    call: Call,
    subject: Subject,
    name: str,
    start: AwareDatetime | None,
    end: AwareDatetime | None,
    step_s: int | None,
    series: list[str] | None,
) -> Tracks:
    return await call.controller.tracks(
        subject,
        name,
        series=series or (),
        from_s=None if start is None else start.timestamp(),
        until_s=None if end is None else end.timestamp(),
        step_s=step_s,
    )
