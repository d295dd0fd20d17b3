"""Events: everything that happened, in one order, as pages or as a stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Limit
from highroad.api.shapes.operations import event_out
from highroad.api.streams import Item, Show, frame, resume_from, stream
from highroad.ports import EventRecord
from highroad.wire.operations import EventPage

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=Guarded)

After = Annotated[int | None, Query(ge=0, le=10**15, description="The sequence of the last event that you know.")]


@router.get(
    "",
    response_model=EventPage,
    summary="What happened",
    description="CloudEvents in one order, kept for ever: a page of them after `after` (from the first if left out), "
    "or with `Accept: text/event-stream` a stream from `after` or Last-Event-ID on (from now if there is neither). A "
    "tenant gets its own. `next_cursor` is what to give as `after` next; it is there on every page.",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    **allow(TENANT, OPERATOR, problems=("invalid",)),
)
async def events(call: Call, after: After = None, limit: Limit = DEFAULT) -> Response:
    if "text/event-stream" in call.headers.get("accept", ""):
        return stream(call, await resume_from(call, after), _shown_to(call))
    found = await call.controller.events(after=after or 0, limit=limit, caller=call.caller)
    last = found[-1].sequence if found else after or 0
    return answer(EventPage(items=[event_out(event) for event in found], next_cursor=str(last)))


def _shown_to(call: Call) -> Show:
    async def show(item: Item) -> bytes | None:
        if not isinstance(item, EventRecord) or (call.tenant is not None and item.tenant != call.tenant):
            return None
        return frame("event", event_out(item), item.sequence)

    return show
