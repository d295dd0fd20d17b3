"""The live stream that the page draws from: samples of everything that moves, and events as they happen."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.routes.events import After
from highroad.api.shapes.operations import own_sample_out, sample_out
from highroad.api.streams import STREAMED, Item, event_frame, frame, resume_from, stream
from highroad.ports import EventRecord, Sample

router = APIRouter(prefix="/v1/live", tags=["live"], route_class=Guarded)


@router.get(
    "",
    response_class=Response,
    summary="What moves, as it moves",
    description="Server-sent events: `sample` (SampleOut; a slow reader gets the newest and misses others) and "
    "`event` (EventOut, of which none is missed; resume with Last-Event-ID or `after`). A tenant gets its own.",
    responses={200: {"content": STREAMED}},
    **allow(TENANT, OPERATOR, problems=("invalid", "too-many-streams")),
)
async def live(call: Call, after: After = None) -> Response:
    start = await resume_from(call, after)
    viewer = _Viewer(call, seen=start)
    sample = call.controller.last_sample
    first = b"" if sample is None else await viewer.sample(sample)
    return stream(call, start, viewer.show, first=first, samples=True)


@dataclass(slots=True)
class _Viewer:
    """One reader of the stream. `seen` is the place of the last event that it got."""

    call: Call
    seen: int

    async def show(self, item: Item) -> bytes | None:
        """A frame for what the reader may see."""
        if isinstance(item, Sample):
            return await self.sample(item)
        return self.event(item)

    def event(self, event: EventRecord) -> bytes:
        """An event."""
        self.seen = event.place(self.call.tenant)
        return event_frame(event, self.call.tenant)

    async def sample(self, sample: Sample) -> bytes:
        """A sample; an operator's is written once for all operators."""
        if self.call.tenant is not None:
            book = await self.call.controller.settled()
            return frame("sample", own_sample_out(sample, book, self.call.controller, self.call.tenant, self.seen))
        state = self.call.app.state
        known: tuple[Sample, bytes] | None = getattr(state, "written_sample", None)
        if known is None or known[0] is not sample:
            book = await self.call.controller.settled()
            known = (sample, frame("sample", sample_out(sample, book, self.call.controller)))
            state.written_sample = known
        return known[1]
