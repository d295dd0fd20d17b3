"""Around everything: each request has an id, is counted and timed by its route, and is a line of the log when asked.

An id that comes in as `X-Request-Id`, or as the trace of a `traceparent`, is kept if it is well formed: a proxy's log
and ours then speak of the same thing. Neither bodies nor tokens nor queries are looked at.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from highroad.api.access import Guarded
from highroad.control.figures import REQUEST, Spread

log = logging.getLogger("highroad.access")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LONGEST_PATH = 200

_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = b"0" * 32


class Requests:
    """What is known of requests: how many are under way, and by route, method and status how long they took."""

    def __init__(self) -> None:
        self.under_way = 0
        self.streams = 0
        self.took: defaultdict[tuple[str, str, int], Spread] = defaultdict(Spread)

    def turned_away(self, method: str, path: str, client: tuple[str, int] | None, took_s: float) -> None:
        """Count one that was answered before anybody looked where it leads."""
        method = method if method in METHODS else "other"
        self.took["none", method, 503].add(took_s)
        if log.isEnabledFor(logging.INFO):
            _tell({"path": path, "client": client}, method, 503, took_s)


class RequestTracer(Protocol):
    """Who is told of requests as they are answered."""

    def request(self, method: str, parent: str) -> AbstractContextManager[dict[str, Any]]:
        """A span for as long as a request is answered, with what is put into the mapping; `parent` is a traceparent."""


class Tracked:
    """The application, whose every request is tracked."""

    def __init__(self, app: ASGIApp, requests: Requests, tracer: RequestTracer | None = None) -> None:
        self.app = app
        self.requests = requests
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, within its id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, parent = identify(scope["headers"])
        token = REQUEST.set(name)
        try:
            if self.tracer is None:
                await self._answer(scope, receive, send, name)
                return
            with self.tracer.request(scope["method"], parent) as facts:
                status = await self._answer(scope, receive, send, name)
                facts |= {"http.route": route_of(scope), "http.response.status_code": status, "highroad.request": name}
        finally:
            REQUEST.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, name: str) -> int:
        begun = perf_counter()
        status = 500
        header = (b"x-request-id", name.encode())

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        requests = self.requests
        requests.under_way += 1
        try:
            await self.app(scope, receive, sent)
        finally:
            requests.under_way -= 1
            took_s = perf_counter() - begun
            method = scope["method"] if scope["method"] in METHODS else "other"
            requests.took[route_of(scope), method, status].add(took_s)
            if log.isEnabledFor(logging.INFO):
                _tell(scope, method, status, took_s)
        return status


def identify(headers: list[tuple[bytes, bytes]]) -> tuple[str, str]:
    """The id of a request, and the traceparent that it came with (empty for none)."""
    given = parent = b""
    for name, value in headers:
        if name == b"x-request-id":
            given = value
        elif name == b"traceparent":
            parent = value
    trace = _TRACE.fullmatch(parent) if parent else None
    if trace is None or trace[1] == _NO_TRACE:
        trace, parent = None, b""
    if given and _ID.fullmatch(given):
        return given.decode(), parent.decode()
    return (secrets.token_hex(8) if trace is None else trace[1].decode()), parent.decode()


def route_of(scope: Mapping[str, Any]) -> str:
    """The template of the address; `page` for the page's files, `none` where there is nothing: never what was asked."""
    if scope.get("endpoint") is None:
        return "none"
    route = scope.get("route")
    return route.path if isinstance(route, Guarded) else "page"


def _tell(scope: Mapping[str, Any], method: str, status: int, took_s: float) -> None:
    client = scope.get("client")
    facts = {
        "method": method,
        "path": scope["path"][:LONGEST_PATH],
        "route": route_of(scope),
        "status": status,
        "took_ms": round(took_s * 1000, 1),
        "client": client[0] if client else "",
    }
    log.info("%s %s %d in %.1f ms", method, facts["path"], status, facts["took_ms"], extra=facts)
