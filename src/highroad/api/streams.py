"""Server-sent events: frames, heartbeats, and an end as soon as the token is no longer good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from highroad.api.access import Call
from highroad.errors import Finding, HighroadError, Invalid
from highroad.ports import EventRecord, Sample

HEARTBEAT_S = 10.0
RETRY_MS = 1000

Item = EventRecord | Sample
Show = Callable[[Item], Awaitable[bytes | None]]


def stream(call: Call, start: int, show: Show, *, first: bytes = b"") -> Response:
    """A response that shows everything from a sequence on, for as long as both sides want it."""
    source = call.controller.live(start)
    opening = b"retry: %d\nid: %d\n\n" % (RETRY_MS, start) + first
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(call, source, show, opening), headers=headers, media_type="text/event-stream")


def close_streams(app: FastAPI) -> None:
    """End every open stream, so that a server which is asked to stop need not wait for them. Call it on the loop."""
    app.state.closing.set()


def frame(kind: str, model: BaseModel, sequence: int | None = None) -> bytes:
    """One event of a stream; `sequence` is what a client resumes from."""
    data = model.__pydantic_serializer__.to_json(model, by_alias=True)
    name = b"" if sequence is None else b"id: %d\n" % sequence
    return b"%sevent: %s\ndata: %s\n\n" % (name, kind.encode(), data)


async def resume_from(call: Call, after: int | None) -> int:
    """The sequence to go on from: Last-Event-ID if there is one, else `after`, else now. Raises Invalid."""
    last = call.headers.get("last-event-id", "")
    place = "Last-Event-ID" if last else "after"
    if last and (not (last.isascii() and last.isdigit()) or len(last) > 18):
        message = "has to be the id of an event of this stream"
        raise Invalid([Finding(code="last-event-id", place=place, message=message)])
    newest = (await call.controller.settled()).last_sequence
    start = int(last) if last else newest if after is None else after
    if start > newest:
        message = (
            f"there is no event {start}, the newest is {newest}: was it an event of another controller, or of a store "
            "that was replaced? Read everything anew, and follow from now on"
        )
        raise Invalid([Finding(code="after-the-newest", place=place, message=message)])
    return start


async def _frames(call: Call, source: AsyncIterator[Item], show: Show, opening: bytes) -> AsyncGenerator[bytes, None]:
    yield opening
    pending: asyncio.Future[Item] | None = None
    closing: asyncio.Future[bool] = asyncio.ensure_future(call.app.state.closing.wait())
    try:
        while True:
            if pending is None:
                pending = asyncio.ensure_future(anext(source))
            waited: set[asyncio.Future[Any]] = {pending, closing}
            done, _ = await asyncio.wait(waited, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if closing in done:
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
        closing.cancel()
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        if isinstance(source, AsyncGenerator):
            await source.aclose()
