"""Where a request comes from: what the connection says, or a proxy that is named and is believed."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PEER = "highroad.peer"


class Proxies:
    """The application behind proxies: their `X-Forwarded-For` and `X-Forwarded-Proto` count, nobody else's.

    An address that is none is not taken: then it is the proxy's.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._believing = ProxyHeadersMiddleware(self._checked, list(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, with the connection's address kept."""
        scope[PEER] = scope.get("client")
        await self._believing(scope, receive, send)  # type: ignore[arg-type]

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None and not address(client[0]):
            scope["client"] = scope[PEER]
        await self._app(scope, receive, send)


def address(host: str) -> str:
    """An IP address as it is written, without the zone; empty for what is none."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return ""
