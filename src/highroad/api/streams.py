"""Server-sent events: frames, heartbeats, an end as soon as the token is no longer good, and not too many at once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from highroad.api.access import Call
from highroad.api.requests import Requests
from highroad.api.shapes.operations import event_out
from highroad.errors import Finding, HighroadError, Invalid, SlowDown
from highroad.model.service import TenantId
from highroad.ports import EventRecord, Sample

STREAMED: dict[str, Any] = {
    "text/event-stream": {"schema": {"description": "Server-sent events, for as long as both sides want."}}
}
"""How the OpenAPI document tells of a stream: a schema would be of the whole, which has no end."""

HEARTBEAT_S = 10.0
SOONEST_S = 0.005
"""Later than a token's end, so that it has ended when that is looked at."""

RETRY_MS = 1000
SPREAD_MS = 4000
"""Who is sent away because we stop comes again after a while between the two: not everybody at once."""


TENANT_STREAMS = 32
"""Streams that one tenant may have open at once: each holds a connection and, of what is not yet sent, one page."""

OPERATOR_STREAMS = 256
"""The same for all operators together."""

AGAIN_S = 5

STALLED_S = 60.0
"""A reader that takes nothing for so long is gone."""

Item = EventRecord | Sample
Show = Callable[[Item], Awaitable[bytes | None]]


class TooManyStreams(SlowDown):
    """As many streams are open as may be at once; one that is closed makes room."""

    code = "too-many-streams"


class Streams:
    """How many streams are open, of each tenant, and of operators for None."""

    def __init__(self) -> None:
        self._open: Counter[TenantId | None] = Counter()

    def enter(self, tenant: TenantId | None) -> None:
        """One more is open. Raises TooManyStreams."""
        most = OPERATOR_STREAMS if tenant is None else TENANT_STREAMS
        if self._open[tenant] >= most:
            who = "operators have" if tenant is None else "your tenant has"
            message = f"{who} {most} streams open, the most at once: close one, or let one stream serve many"
            raise TooManyStreams(message, limit_streams=most, retry_after_s=AGAIN_S)
        self._open[tenant] += 1

    def leave(self, tenant: TenantId | None) -> None:
        """One is closed."""
        self._open[tenant] -= 1
        if self._open[tenant] <= 0:
            del self._open[tenant]


def stream(call: Call, start: int, show: Show, *, first: bytes = b"", samples: bool = False) -> Response:
    """A response that shows everything from a place on, for as long as both sides want it. Raises TooManyStreams."""
    streams: Streams = call.app.state.streams
    streams.enter(call.tenant)
    source = call.controller.live(start, call.caller, samples=samples)
    opening = b"retry: %d\nid: %d\n\n" % (RETRY_MS, start) + first
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return _Stream(_frames(call, source, show, opening), headers, lambda: streams.leave(call.tenant))


class _Stream(StreamingResponse):
    """Sends as fast as its reader takes it: while that is not at all, no more is read for it, and in the end it is
    given up.
    """

    def __init__(self, frames: AsyncIterator[bytes], headers: Mapping[str, str], left: Callable[[], None]) -> None:
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side has enough."""

        async def patiently(message: Message) -> None:
            async with asyncio.timeout(STALLED_S):
                await send(message)

        try:
            await super().__call__(scope, receive, patiently)
        except (ClientDisconnect, TimeoutError):
            pass
        finally:
            self._left()


def close_streams(app: FastAPI) -> None:
    """End every open stream, so that a server which is asked to stop need not wait for them. Call it on the loop."""
    app.state.closing.set()


def not_ready(app: FastAPI) -> None:
    """From now on `/readyz` says that it was asked to stop; everything is answered as before."""
    app.state.leaving = True


def frame(kind: str, model: BaseModel, place: int | None = None) -> bytes:
    """One event of a stream; `place` is what a client resumes from."""
    data = model.__pydantic_serializer__.to_json(model, by_alias=True)
    name = b"" if place is None else b"id: %d\n" % place
    return b"%sevent: %s\ndata: %s\n\n" % (name, kind.encode(), data)


def event_frame(event: EventRecord, viewer: TenantId | None) -> bytes:
    """A CloudEvent as a tenant sees it, or an operator for None."""
    return frame("event", event_out(event, viewer), event.place(viewer))


async def resume_from(call: Call, after: int | None) -> int:
    """The place to go on from: Last-Event-ID if there is one, else `after`, else now. Raises Invalid."""
    last = call.headers.get("last-event-id", "")
    place = "Last-Event-ID" if last else "after"
    if last and (not (last.isascii() and last.isdigit()) or len(last) > 18):
        message = "has to be the id of an event of this stream"
        raise Invalid([Finding(code="last-event-id", place=place, message=message)])
    newest = await call.controller.last_place(call.caller)
    start = int(last) if last else newest if after is None else after
    if start > newest:
        message = (
            f"there is no event {start}, the newest is {newest}: was it an event of another controller, of a store "
            "that was replaced, or seen with another token? Read everything anew, and follow from now on"
        )
        raise Invalid([Finding(code="after-the-newest", place=place, message=message)])
    return start


def _patience_s(call: Call) -> float:
    """How long nothing need be looked at: until a heartbeat is due, or the caller's token ends."""
    caller = call.caller
    ends_s = caller.grant.expires_s if caller.until_s is None else caller.until_s
    if ends_s is None:
        return HEARTBEAT_S
    return min(HEARTBEAT_S, max(ends_s - call.controller.now_s(), 0.0) + SOONEST_S)


async def _frames(call: Call, source: AsyncIterator[Item], show: Show, opening: bytes) -> AsyncGenerator[bytes, None]:
    requests: Requests = call.app.state.requests
    requests.streams += 1
    pending: asyncio.Future[Item] | None = None
    closing: asyncio.Future[bool] = asyncio.ensure_future(call.app.state.closing.wait())
    try:
        yield opening
        while True:
            if pending is None:
                pending = asyncio.ensure_future(anext(source))
            waited: set[asyncio.Future[Any]] = {pending, closing}
            done, _ = await asyncio.wait(waited, timeout=_patience_s(call), return_when=asyncio.FIRST_COMPLETED)
            if closing in done:
                yield b"retry: %d\n: come again\n\n" % random.randint(RETRY_MS, SPREAD_MS)  # noqa: S311 - no secret
                return
            try:
                call.still_allowed()
                if not done:
                    yield b": still here\n\n"
                    continue
                item = pending.result()
            except (HighroadError, StopAsyncIteration):
                return
            pending = None
            shown = await show(item)
            if shown is not None:
                yield shown
    finally:
        requests.streams -= 1
        closing.cancel()
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        if isinstance(source, AsyncGenerator):
            await source.aclose()
