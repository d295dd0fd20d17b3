"""Events: everything that happened, in one order, as pages or as a stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, WHOLE, Limit
from highroad.api.shapes.operations import event_out
from highroad.api.streams import STREAMED, Item, Show, event_frame, resume_from, stream
from highroad.ports import EventRecord
from highroad.wire.operations import EventPage

Subject = Annotated[
    str | None,
    Query(max_length=200, description="Only what happened to this: a service, an incident, ..., by its id."),
]

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=Guarded)

After = Annotated[
    int | None, Query(ge=0, le=10**15, description="The `sequence` of the last event that you know."), WHOLE
]


@router.get(
    "",
    response_model=EventPage,
    summary="What happened",
    description="CloudEvents in one order without gaps, kept for ever: a page of them after `after` (from the first if "
    "left out), or with `Accept: text/event-stream` a stream from `after` or Last-Event-ID on (from now if there is "
    "neither). A tenant gets its own, counted by themselves. `next_cursor` is what to give as `after` next; every page "
    "has it.",
    responses={200: {"content": STREAMED}},
    **allow(TENANT, OPERATOR, problems=("invalid", "too-many-streams")),
)
async def events(call: Call, after: After = None, limit: Limit = DEFAULT, subject: Subject = None) -> Response:
    if "text/event-stream" in call.headers.get("accept", ""):
        return stream(call, await resume_from(call, after), _shown_to(call, subject))
    found = await call.controller.events(after=after or 0, limit=limit, caller=call.caller, subject=subject)
    last = found[-1].place(call.tenant) if found else after or 0
    return answer(EventPage(items=[event_out(event, call.tenant) for event in found], next_cursor=str(last)))


def _shown_to(call: Call, subject: str | None) -> Show:
    async def show(item: Item) -> bytes | None:
        if not isinstance(item, EventRecord) or subject not in (None, item.subject):
            return None
        return event_frame(item, call.tenant)

    return show
