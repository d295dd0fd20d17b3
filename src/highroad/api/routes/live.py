"""The live stream that the page draws from: samples of everything that moves, or what of them has changed, and
events as they happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from weakref import WeakValueDictionary

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.routes.events import After
from highroad.api.shapes.operations import own_sample_out, sample_out
from highroad.api.streams import STREAMED, Item, event_frame, frame, resume_from, stream
from highroad.api.told import Told
from highroad.ports import EventRecord, Sample

router = APIRouter(prefix="/v1/live", tags=["live"], route_class=Guarded)


@router.get(
    "",
    response_class=Response,
    summary="What moves, as it moves",
    description="Server-sent events: `sample` (SampleOut; a slow reader gets the newest and misses others) and "
    "`event` (EventOut, of which none is missed; resume with Last-Event-ID or `after`). A tenant gets its own. With "
    "`changes=true` there is no `sample` but `changes` (ChangesOut): everything at first, then what has changed so "
    "that one can see it. Up to 300 services, or links, are told as they are; of more, a rate is told when it is off "
    "by a fiftieth of what a service may send, or by 0.2 % of a link's capacity, and all that differs within 10 s.",
    responses={200: {"content": STREAMED}},
    **allow(TENANT, OPERATOR, problems=("invalid", "too-many-streams")),
)
async def live(
    call: Call,
    after: After = None,
    changes: Annotated[bool, Query(description="Only what has changed, instead of samples.")] = False,
) -> Response:
    start = await resume_from(call, after)
    viewer = _Viewer(call, seen=start, told=_told(call) if changes else None)
    sample = call.controller.last_sample
    first = b"" if sample is None else await viewer.sample(sample)
    return stream(call, start, viewer.show, first=first, samples=True)


@dataclass(slots=True)
class _Viewer:
    """One reader of the stream. `seen` is the place of the last event that it got."""

    call: Call
    seen: int
    told: Told | None = None
    """What viewers like this one were told, where only changes are wanted."""
    known: int = 0
    """The number up to which this one was told."""

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
        if self.told is not None:
            return await self.changes(self.told, sample)
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

    async def changes(self, told: Told, sample: Sample) -> bytes:
        """What has changed since this one was told, by the newest sample that there is."""
        controller = self.call.controller
        book = await controller.settled()
        told.take(controller.last_sample or sample, book)
        since, self.known = self.known, told.version
        sequence = book.last_sequence if self.call.tenant is None else self.seen
        return told.frame(since, sequence, book, controller)


def _told(call: Call) -> Told:
    """What viewers like this one were told; forgotten when the last of them has gone."""
    state = call.app.state
    known: WeakValueDictionary[str | None, Told] | None = getattr(state, "told", None)
    if known is None:
        known = state.told = WeakValueDictionary()
    found = known.get(call.tenant)
    if found is None:
        found = known[call.tenant] = Told(call.tenant)
    return found
