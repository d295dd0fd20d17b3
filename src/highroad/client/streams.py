"""What both clients do with a stream: where it is, how it is asked for, and what its messages are."""

from __future__ import annotations

import httpx

from highroad.client.sse import Message, Parser
from highroad.wire.operations import EventOut, SampleOut

EVENTS = "/v1/events"
LIVE = "/v1/live"

STREAM_TIMEOUT = httpx.Timeout(10.0, read=25.0)
"""A stream that is silent for longer than two heartbeats is dead."""

STREAM_RETRIES = 8
"""How often in a row a stream is opened again in vain: about half a minute, in which a controller restarts."""


def stream_headers(parser: Parser) -> dict[str, str]:
    """What asks for a stream, from where it broke off."""
    headers = {"Accept": "text/event-stream"}
    if parser.last_id:
        headers["Last-Event-ID"] = parser.last_id
    return headers


def read_message(message: Message) -> SampleOut | EventOut | None:
    """What a message holds; None for a kind that this release does not know."""
    match message.event:
        case "event":
            return EventOut.model_validate_json(message.data)
        case "sample":
            return SampleOut.model_validate_json(message.data)
        case _:
            return None


def pause_s(failures: int) -> float:
    """How long to wait before a stream is opened again."""
    return float(min(5.0, 0.2 * 2.0**failures))
