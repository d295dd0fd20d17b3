"""One delivery: one request, bounded in time and in what is read of the answer, to an address that was checked."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import httpcore
import httpx

from highroad.courier.addresses import Net, check_url, may_go
from highroad.errors import Finding
from highroad.mail import Sent

TIMEOUT_S = 10.0
BODY_S = 1.0
"""How long the body of an answer is read: whether it was delivered is known before."""

MOST_READ_BYTES = 16 * 1024
EXCERPT_CHARS = 500
CONNECTIONS = 256
IDLE_S = 20.0
TRIED_ADDRESSES = 4
ASKING = 16
"""How many names are looked up at once, of tenants' webhooks and of operators'."""

NO_ADDRESS = "the host has no address that may be called"
"""Said of a name that leads nowhere and of one that leads to where no delivery may go: who asks learns no more."""


class Forbidden(httpcore.ConnectError):
    """There is nothing to connect to."""


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be called, and to no others: the address is found, judged and used here, once."""

    def __init__(self, networks: Sequence[Net], *, plain: bool, asking: Executor) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._networks = networks
        self._plain = plain
        self._asking = asking

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of a host that may be called and answers. Raises Forbidden."""
        failure: Exception = Forbidden(NO_ADDRESS)
        for address in await self._addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise Forbidden(NO_ADDRESS)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            found = await asyncio.get_running_loop().run_in_executor(self._asking, ask)
        except (OSError, UnicodeError):
            return []
        names = dict.fromkeys(str(one[4][0]) for one in found)
        allowed = (one for one in names if may_go(ipaddress.ip_address(one), self._networks, plain=self._plain))
        return list(allowed)[:TRIED_ADDRESSES]


class HttpsCourier:
    """A `Courier`. `networks` are those that operators' webhooks may reach besides public addresses, in the clear too;
    `tenant_networks` those that tenants' may. No connection of the one is ever used for the other.
    """

    def __init__(
        self, networks: Sequence[Net] = (), tenant_networks: Sequence[Net] = (), *, trust: ssl.SSLContext | None = None
    ) -> None:
        self._networks = {False: tuple(networks), True: tuple(tenant_networks)}
        # A name server that does not answer holds a thread for seconds: none that the controller's own work needs.
        self._asking = {tenant: ThreadPoolExecutor(ASKING, thread_name_prefix="names") for tenant in (False, True)}
        context = trust or httpx.create_ssl_context()
        self._pools = {
            (tenant, plain): httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS // 4,
                keepalive_expiry=IDLE_S,
                network_backend=Guarded(self._networks[tenant], plain=plain, asking=self._asking[tenant]),
            )
            for tenant in (False, True)
            for plain in (False, True)
        }

    def check(self, url: str, *, tenant: bool) -> Sequence[Finding]:
        """What is wrong with an address, as far as that can be seen without asking anybody; a tenant is not told of the
        operator's networks.
        """
        return check_url(url, self._networks[tenant], named=not tenant)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, *, tenant: bool) -> Sent:
        """Deliver once, within seconds; raises nothing. Only a status from 200 to 299 says that it was delivered."""
        began = time.perf_counter()

        def sent(error: str) -> Sent:
            return Sent(duration_ms=(time.perf_counter() - began) * 1000, error=error)

        if findings := self.check(url, tenant=tenant):
            return sent(f"the URL {findings[0].message}")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._send(url, headers, body, tenant=tenant)
            return replace(answer, duration_ms=(time.perf_counter() - began) * 1000)
        except TimeoutError:
            return sent(f"no answer within {TIMEOUT_S:g} s")
        except Forbidden:
            return sent(NO_ADDRESS)
        except httpcore.TimeoutException:
            return sent(f"no answer within {TIMEOUT_S:g} s")
        except httpcore.ConnectError as error:
            return sent(f"no connection: {_short(error)}")
        except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError) as error:
            what = "the answer is no HTTP"
            return sent(what if tenant else f"{what}: {_short(error)}")  # which quotes what came
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError, ValueError) as error:
            return sent(f"the connection broke: {_short(error)}")

    async def aclose(self) -> None:
        """Let go of the connections."""
        for pool in self._pools.values():
            await pool.aclose()
        for asking in self._asking.values():
            asking.shutdown(wait=False, cancel_futures=True)

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes, *, tenant: bool) -> Sent:
        parts = urlsplit(url)
        pool = self._pools[tenant, parts.scheme == "http"]
        host = parts.netloc.lower()
        fields = [("host", host), ("content-length", str(len(body))), ("accept-encoding", "identity"), *headers.items()]
        limits = {"connect": TIMEOUT_S, "read": TIMEOUT_S, "write": TIMEOUT_S, "pool": TIMEOUT_S}
        async with pool.stream(
            "POST",
            url.partition("#")[0],
            headers=[(name.encode(), value.encode()) for name, value in fields],
            content=body,
            extensions={"timeout": limits},
        ) as answer:
            excerpt = await _excerpt(answer)
            status = answer.status
            error = "" if 200 <= status < 300 else f"it answered {status}"
            if 300 <= status < 400:
                error += ", and redirects are not followed"
            later_s = _retry_after_s(answer.headers) if error else None
            return Sent(duration_ms=0.0, status=status, error=error, excerpt=excerpt, retry_after_s=later_s)


async def _excerpt(answer: httpcore.Response) -> str:
    """The beginning of the body, as far as it comes soon; the connection of one that is longer is closed."""
    read = bytearray()
    with suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        async with asyncio.timeout(BODY_S):
            async for part in answer.aiter_stream():
                read += part[: MOST_READ_BYTES - len(read)]
                if len(read) >= MOST_READ_BYTES:
                    break
    text = bytes(read[: EXCERPT_CHARS * 4]).decode("utf-8", errors="replace")
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text[:EXCERPT_CHARS])


def _retry_after_s(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """What Retry-After asks for, in seconds or as a date."""
    for name, value in headers:
        if name.lower() == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isascii() and text.isdigit():
                return float(text[:9])
            with suppress(ValueError, TypeError, OverflowError):
                return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
