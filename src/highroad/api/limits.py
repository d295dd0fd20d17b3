"""What no request may exceed, enforced around the whole application, before and while a body is read.

Pure ASGI: nothing is buffered here. What is over a limit is answered at once and its connection closed.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from highroad.api.problems import UnsupportedMediaType, respond
from highroad.errors import HighroadError, TooLarge

LOOPBACK_NAMES = frozenset({"localhost"})

LINGER_S = 1.0
"""How long an answer waits for its sender to notice that nobody reads on."""

_PLAIN = {b"content-encoding": b"identity", b"transfer-encoding": b"chunked"}
"""The only codings of a body that are read: what is small on the way and large here is refused unread."""

SAFE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class SlowBody(HighroadError):
    """The body did not arrive in time."""

    code = "slow-body"
    retryable = True


class HeadersTooLarge(HighroadError):
    """The header has too many or too long fields."""

    code = "headers-too-large"


class AddressTooLong(HighroadError):
    """The path and query are too long."""

    code = "address-too-long"


class NotHere(HighroadError):
    """The Host header names somebody else: what DNS rebinding looks like."""

    code = "not-here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The figures. `large` are the paths whose body may be `large_body_bytes`."""

    body_bytes: int = 128 * 1024
    large_body_bytes: int = 16 * 1024 * 1024
    large: frozenset[str] = frozenset({"/v1/network"})
    body_s: float = 30.0
    header_fields: int = 100
    header_bytes: int = 32 * 1024
    address_bytes: int = 8 * 1024


class Limits:
    """The application behind its limits.

    `hosts` are the names it is reached by besides loopback's and bare IP addresses (which no DNS answer can fake);
    `*` accepts every name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), bounds: Bounds | None = None) -> None:
        self.app = app
        self.bounds = bounds or Bounds()
        self.hosts = LOOPBACK_NAMES | {host.lower().rstrip(".") for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check what is known before the body, then count the body as it comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bounds = self.bounds
        most = bounds.large_body_bytes if scope["path"] in bounds.large else bounds.body_bytes
        error = self._before(scope, most)
        body = _Body(receive, most, bounds.body_s, expected=_has_body(scope))
        if error is not None:
            await respond(error)(scope, body.receive, _finishing(send, body))
            return
        await self.app(scope, body.receive, _finishing(send, body))

    def _before(self, scope: Scope, most: int) -> HighroadError | None:
        """What is wrong with the head of a request, if anything."""
        headers = scope["headers"]
        bounds = self.bounds
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > bounds.address_bytes:
            return AddressTooLong("the path and query are too long", limit_bytes=bounds.address_bytes)
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > bounds.header_fields or size > bounds.header_bytes:
            return HeadersTooLarge(
                f"at most {bounds.header_fields} header fields of {bounds.header_bytes} bytes together"
            )
        length = b""
        hosts = []
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name in _PLAIN and value.strip().lower() != _PLAIN[name]:
                return UnsupportedMediaType(f"{name.decode()} {value[:40].decode('latin-1')!a} is not read here")
        if len(hosts) > 1:
            return NotHere("the Host header is given more than once")
        if not self._is_ours("".join(hosts)):
            return NotHere("the controller is not reached by this host name; configure it if it should be")
        if length and (not length.isdigit() or int(length[:20]) > most):
            return too_large(most)
        return None

    def _is_ours(self, host: str) -> bool:
        name = host.lower()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        elif name.count(":") == 1:
            name = name.partition(":")[0]
        name = name.rstrip(".")
        if "*" in self.hosts or name in self.hosts or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def too_large(most: int) -> TooLarge:
    """The error of a body over its limit."""
    size = f"{most // (1024 * 1024)} MB" if most >= 1024 * 1024 else f"{most // 1024} kB"
    return TooLarge(f"the body may have at most {size}", limit_bytes=most)


class _Body:
    """A body as it comes: over its limit, or too slow, it ends in an error where it is read."""

    def __init__(self, receive: Receive, most: int, body_s: float, *, expected: bool) -> None:
        self._receive = receive
        self._most = most
        self._body_s = body_s
        self._seen = 0
        self._deadline: float | None = None
        self.complete = not expected

    async def receive(self) -> Message:
        """The next message. Raises TooLarge or SlowBody."""
        if self.complete:
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._body_s
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._next()
        except TimeoutError:
            raise SlowBody(f"the body has to arrive within {self._body_s:g} s") from None
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise too_large(self._most)
        return message

    async def linger(self) -> None:
        """Let what is still coming in run into nothing for a moment.

        A connection that is closed over unread bytes is reset, and the sender would never see our answer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self.complete:
                    await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self.complete = message["type"] != "http.request" or not message.get("more_body", False)
        return message


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def _finishing(send: Send, body: _Body) -> Send:
    """`send` with the headers that every answer has, whose last message waits for a body that nobody has read."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *SAFE_HEADERS]
        elif not body.complete and not message.get("more_body", False):
            await send({**message, "more_body": True})
            await body.linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return sent
