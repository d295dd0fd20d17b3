"""What no request may exceed, enforced around the whole application, before and while a body is read.

Pure ASGI: nothing is buffered here. What is over a limit is answered at once and its connection closed.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from highroad.api.problems import respond
from highroad.errors import HighroadError, TooLarge

LOOPBACK_NAMES = frozenset({"localhost"})

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

    body_bytes: int = 64 * 1024
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
        if error is not None:
            await respond(error)(scope, receive, send)
            return
        await self.app(scope, _counted(receive, most, bounds.body_s), _with_safe_headers(send))

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
        host = b""
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"host":
                host = value
        if not self._is_ours(host.decode("latin-1")):
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


def _counted(receive: Receive, most: int, body_s: float) -> Receive:
    """`receive`, but a body that grows over its limit, or takes too long, ends in an error where it is read."""
    seen = 0
    complete = False
    deadline: float | None = None

    async def counted() -> Message:
        nonlocal seen, complete, deadline
        if complete:
            return await receive()
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + body_s
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise SlowBody(f"the body has to arrive within {body_s:g} s") from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise too_large(most)
            complete = not message.get("more_body", False)
        else:
            complete = True
        return message

    return counted


def _with_safe_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *SAFE_HEADERS]
        await send(message)

    return sent
