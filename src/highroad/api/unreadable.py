"""What never reaches the application: what is no HTTP, heads of requests that have no end or take for ever, and what is
more than can be answered.

uvicorn bounds neither a head nor the time that it takes, and its last word is bare text. And by the time that it has
made a task of a request, so much is spent on it that ten times what we can take would leave nothing for what is taken.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any, cast

from fastapi import FastAPI, Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from highroad.api.gate import HEADERS, PROMISED, Gate, is_shed_at, says_full
from highroad.api.limits import SAFE_HEADERS, HeadersTooLarge
from highroad.api.problems import Malformed, respond
from highroad.api.requests import Requests, identify
from highroad.api.tarpit import Tarpit

HEAD_S = 20.0
"""How long the head of a request may take, from its first byte on, and the first of a connection from its opening."""

HEAD_BYTES = 256 * 1024
"""What is read of a head before it is refused, whatever it says; the limits of one that ends are far below."""

_FIELDS = b"".join(b"%s: %s\r\n" % field for field in HEADERS)


def http_of(app: FastAPI) -> type[Http]:
    """The parser for an application: what its gate does not let in does not get to it."""
    return type("Http", (Http,), {"gate": app.state.gate, "requests": app.state.requests, "tarpit": Tarpit()})


class Http(HttpToolsProtocol):
    """uvicorn's parser with ends to what it reads: give it to `uvicorn.Config(http=...)`."""

    gate: Gate | None = None
    requests: Requests | None = None
    tarpit = Tarpit()
    head_s = HEAD_S
    _turned_away: _TurnedAway | None = None
    _is_nobodys = False
    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection is open: its first head is awaited."""
        super().connection_made(transport)
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and nothing is awaited."""
        self._head_is_there()
        if self._turned_away is not None:
            self._turned_away.end()
            self._turned_away = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head is longer by now than any that would be taken."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._time_head()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._hang_up(respond(HeadersTooLarge(f"it has more than {HEAD_BYTES // 1024} kB and no end")))

    def on_message_begin(self) -> None:
        """Another head begins; whoever does not wait for an answer to the last request has it now."""
        if self._turned_away is not None:
            self.say_full()
        self._is_nobodys = False
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of a head; those that come after a body are nobody's, and are not kept."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: it is a request, or one too many."""
        self._head_is_there()
        if not self._turn_away():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body; that of a request which is turned away is nobody's."""
        if not self._is_nobodys:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        if not self._is_nobodys:
            super().on_message_complete()
        elif self._turned_away is not None:
            self._turned_away.is_whole = True

    def shutdown(self) -> None:
        """The server ends: whoever is turned away is told so first."""
        if self._turned_away is not None:
            self.say_full()
        super().shutdown()

    def say_full(self) -> None:
        """Tell who is turned away."""
        away, self._turned_away = self._turned_away, None
        if away is None:
            return
        away.end()
        if self.transport.is_closing():
            return
        name, _ = identify(self.headers)
        body = says_full(name)
        closes = not (away.keeps and away.is_whole)
        head = [
            b"HTTP/1.1 503 Service Unavailable\r\n",
            *(b"%s: %s\r\n" % field for field in self.server_state.default_headers),
            _FIELDS,
            b"content-length: %d\r\nx-request-id: %s\r\n" % (len(body), name.encode()),
            b"connection: close\r\n\r\n" if closes else b"\r\n",
        ]
        self.transport.write(b"".join(head) + (b"" if away.method == "HEAD" else body))
        if self.requests is not None:
            self.requests.turned_away(away.method, away.path, self.client, perf_counter() - away.begun)
        if closes:
            self.transport.close()
        self.on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, and hang up: where the next request would begin, nobody knows."""
        self._hang_up(respond(Malformed("this is no HTTP request that can be read")))

    def _turn_away(self) -> bool:
        """Whether this is one too many; then it is answered by and by, and costs nothing else."""
        gate = self.gate
        before: RequestResponseCycle | None = self.cycle
        path = self.url.partition(b"?")[0].decode("ascii", "replace")
        if gate is None or self.expect_100_continue or not is_shed_at(path):
            return False
        if before is not None and not before.response_complete:
            return False
        if not gate.full:
            gate.promised += 1
            scope: dict[str, Any] = cast("dict[str, Any]", self.scope)
            scope[PROMISED] = True
            return False
        self._is_nobodys = True
        self._turned_away = away = _TurnedAway(self, path, gate)
        self.tarpit.add(self.loop, gate.turn_away(), away.is_due)
        return True

    def _time_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_s, self.transport.close)

    def _head_is_there(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self, answer: Response) -> None:
        fields = [*self.server_state.default_headers, *answer.raw_headers, *SAFE_HEADERS]
        if b"connection" not in (name for name, _ in answer.raw_headers):
            fields.append((b"connection", b"close"))
        lines = [b"HTTP/1.1 %d Unreadable" % answer.status_code, *(b"%s: %s" % field for field in fields), b"", b""]
        self.transport.write(b"\r\n".join(lines) + bytes(answer.body))
        self.transport.close()


class _TurnedAway:
    """A request that will not be looked at, until it is told so."""

    def __init__(self, http: Http, path: str, gate: Gate) -> None:
        self.path = path
        self.method = http.parser.get_method().decode("ascii")
        self.keeps = http.parser.get_http_version() != "1.0" and http.parser.should_keep_alive()
        self.is_whole = False
        self.begun = perf_counter()
        self._gate = gate
        self._http: Http | None = http

    def is_due(self) -> None:
        """Have it told, unless that is done, or nobody waits for it."""
        if self._http is not None:
            self._http.say_full()

    def end(self) -> None:
        """It is answered, or nobody waits for that any more."""
        self._http = None
        self._gate.waiting -= 1
