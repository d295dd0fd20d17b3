"""A gNMI client: what a controller says to one router, over mutual TLS, as the holder of an election id.

A connection is made when a call needs one, and made again when it was lost. Every failure is one of Highroad's errors:
`Unavailable` may be tried again, the others say what is wrong.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import msgspec

from highroad.errors import TooLarge, Unauthenticated, Unavailable
from highroad.gnmi import proto
from highroad.gnmi.faults import error_of
from highroad.gnmi.path import Path, as_path
from highroad.gnmi.server import ACTIONS, MAX_BYTES
from highroad.gnmi.target import Kind, Model, Notification
from highroad.gnmi.tls import Seen, client_credentials, look
from highroad.gnmi.value import from_typed, to_typed
from highroad.pki.peer import Credentials, Revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Election:
    """On whose behalf is set: of two controllers in the same role, the one with the higher id is heard."""

    id: int
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a router speaks."""

    models: tuple[Model, ...]
    encodings: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Tell the path every so often. `suppress`: only what changed; `heartbeat_s`: all of it at least so often."""

    path: Path | str
    interval_s: float
    suppress: bool = False
    heartbeat_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChange:
    """Tell the path when it changes. `heartbeat_s`: and all of it at least so often."""

    path: Path | str
    heartbeat_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Synced:
    """All that was there when the subscription began has been told."""


Wish = Sample | OnChange


@dataclass(frozen=True, slots=True)
class Answered:
    """When a request was sent and its answer was there, by our UTC; how long that took by a clock that nobody sets; and
    the router's time in the answer. All in ns.
    """

    sent_ns: int
    got_ns: int
    took_ns: int
    router_ns: int


AT_ONCE = 64
"""How many calls are under way to one router: with a thousand gRPC's server begins to refuse some by chance."""


class GnmiClient:
    """Speaks to the router `name` at an address: `unix:/path`, `host:port` or `[v6]:port`."""

    def __init__(
        self,
        address: str,
        name: str,
        credentials: Credentials,
        *,
        election: Election | None = None,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.time,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Nothing is opened yet. `election` goes with every `set`."""
        self.address = address
        self.name = name
        self.election = election
        self.on_answer: Callable[[Answered], None] | None = None
        """Who is told of each answer to a Get or a Set."""
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._clock = clock
        self._max_bytes = max_bytes
        self._revoked: Revoked | None = None
        self._channel: Any = None
        self._seen: Seen | None = None
        self._opening = asyncio.Lock()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._calls: dict[str, Any] = {}

    async def __aenter__(self) -> GnmiClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        channel, self._channel, self._calls = self._channel, None, {}
        if channel is not None:
            await channel.close()

    async def capabilities(self, *, timeout_s: float | None = None) -> Capabilities:
        """What the router speaks."""
        answer = await self._unary("Capabilities", proto.CapabilityRequest(), timeout_s)
        models = [
            Model(name=one.name, organization=one.organization, version=one.version) for one in answer.supported_models
        ]
        return Capabilities(
            models=tuple(models),
            encodings=tuple(proto.ENCODINGS.get(one, str(one)) for one in answer.supported_encodings),
            version=answer.gNMI_version,
        )

    async def get(
        self, *paths: Path | str, kind: Kind = Kind.ALL, timeout_s: float | None = None
    ) -> list[tuple[Path, Any]]:
        """What is at the paths: every place that they lead to, with its full path and its JSON."""
        request = proto.GetRequest(
            path=[proto.path_to_proto(as_path(path)) for path in paths],
            type=list(Kind).index(kind),
            encoding=proto.JSON_IETF,
        )
        answer = await self._timed("Get", request, timeout_s)
        return [pair for told in answer.notification for pair in _updates(told)]

    async def set(
        self,
        *,
        delete: Sequence[Path | str] = (),
        replace: Mapping[Path | str, Any] | Sequence[tuple[Path | str, Any]] = (),
        update: Mapping[Path | str, Any] | Sequence[tuple[Path | str, Any]] = (),
        timeout_s: float | None = None,
    ) -> int:
        """Change all of it or nothing: deletes, then replaces, then updates. Returns the router's time, in ns.

        With nothing to change it only says that this election id speaks now.
        """
        request = proto.SetRequest(delete=[proto.path_to_proto(as_path(path)) for path in delete])
        for asked, into in ((replace, request.replace), (update, request.update)):
            for path, value in asked.items() if isinstance(asked, Mapping) else asked:
                into.add(path=proto.path_to_proto(as_path(path)), val=to_typed(value))
        if self.election is not None:
            request.extension.append(proto.arbitration(self.election.role, self.election.id))
        if (size := request.ByteSize()) > self._max_bytes:
            raise TooLarge(f"{self.name}: a Set of {size:,} bytes is over the limit of {self._max_bytes:,}")
        answer = await self._timed("Set", request, timeout_s)
        return int(answer.timestamp)

    async def subscribe(
        self, wishes: Sequence[Wish], *, updates_only: bool = False, aggregate: bool = True
    ) -> AsyncIterator[Notification | Synced]:
        """What is there, `Synced`, and then changes and samples until the caller stops. Raises when it is lost.

        With `aggregate` values are whole subtrees where that suits, otherwise leaves.
        """
        asked = proto.SubscriptionList(
            mode=proto.STREAM, encoding=proto.JSON_IETF, updates_only=updates_only, allow_aggregation=aggregate
        )
        for wish in wishes:
            asked.subscription.append(_subscription(wish))
        await self._open()
        call = self._calls["Subscribe"](wait_for_ready=False)
        try:
            # The request side stays open: its end would say that we have gone.
            await call.write(proto.SubscribeRequest(subscribe=asked))
            while (response := await call.read()) is not _END:
                self._check_revoked()
                yield Synced() if response.sync_response else _notification(response.update)
            raise Unavailable(f"{self.name} ended the subscription")
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self.name) from error
        except asyncio.InvalidStateError as error:
            raise Unavailable(f"{self.name}: the connection was closed") from error
        finally:
            call.cancel()

    async def once(self, *paths: Path | str, timeout_s: float | None = None) -> list[tuple[Path, Any]]:
        """What is at the paths now, leaf by leaf, by a subscription that ends."""
        asked = proto.SubscriptionList(mode=proto.ONCE, encoding=proto.JSON_IETF)
        for path in paths:
            asked.subscription.add(path=proto.path_to_proto(as_path(path)))
        await self._open()
        found: list[tuple[Path, Any]] = []
        try:
            call = self._calls["Subscribe"](
                iter([proto.SubscribeRequest(subscribe=asked)]), timeout=timeout_s or self._timeout_s
            )
            async for response in call:
                found += _updates(response.update)
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self.name) from error
        return found

    async def call(
        self,
        action: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
        fenced: bool = False,
    ) -> dict[str, Any]:
        """Have an action done that is no change of the tree (`Ping`, `Trace`), and what it says. `fenced`: one that is
        for the elected controller alone (`Avoid`); our election goes with it.
        """
        asked = dict(body or {})
        if fenced and self.election is not None:
            asked["election"] = {"role": self.election.role, "id": str(self.election.id)}
        async with self._turns:
            await self._open()
            method = self._channel.unary_unary(f"/{ACTIONS}/{action}")
            try:
                answer = await method(msgspec.json.encode(asked), timeout=timeout_s or self._timeout_s)
            except grpc.aio.AioRpcError as error:
                raise error_of(error, self.name) from error
        return msgspec.json.decode(answer, type=dict[str, Any])

    async def _timed(self, name: str, request: proto.Message, timeout_s: float | None) -> proto.Message:
        """As `_unary`, and whoever wants to know is told when it was asked, answered, and what time the router had."""
        async with self._turns:
            await self._open()
            sent_ns, begun_ns = time.time_ns(), time.monotonic_ns()
            answer = await self._asked(name, request, timeout_s)
            got_ns, took_ns = time.time_ns(), time.monotonic_ns() - begun_ns
        told = answer.timestamp if name == "Set" else max((one.timestamp for one in answer.notification), default=0)
        router_ns = int(told)
        if self.on_answer is not None and router_ns:
            self.on_answer(Answered(sent_ns=sent_ns, got_ns=got_ns, took_ns=took_ns, router_ns=router_ns))
        return answer

    async def _unary(self, name: str, request: proto.Message, timeout_s: float | None) -> proto.Message:
        async with self._turns:
            await self._open()
            return await self._asked(name, request, timeout_s)

    async def _asked(self, name: str, request: proto.Message, timeout_s: float | None) -> proto.Message:
        try:
            return await self._calls[name](request, timeout=timeout_s or self._timeout_s)
        except grpc.aio.AioRpcError as error:
            raise error_of(error, self.name) from error

    async def _open(self) -> None:
        """A connection to a server whose certificate is good, the one that there is or a new one."""
        async with self._opening:
            self._check_revoked()
            if self._channel is not None and self._channel.get_state() is grpc.ChannelConnectivity.READY:
                return
            if self._revoked is None:
                self._revoked = Revoked(self._credentials.revoked)
            seen = await look(
                self.address,
                self.name,
                self._credentials,
                revoked=self._revoked,
                clock=self._clock,
                timeout_s=self._timeout_s,
            )
            old, self._channel, self._calls = self._channel, None, {}
            if old is not None:
                # What is still under way on the old connection may end there.
                _close_later(old, self._timeout_s)
            channel: Any = grpc.aio.secure_channel(
                self.address, client_credentials(self._credentials), options=_options(seen.name, self._max_bytes)
            )
            try:
                async with asyncio.timeout(self._timeout_s):
                    await channel.channel_ready()
            except BaseException as error:
                await channel.close()
                if isinstance(error, TimeoutError):
                    raise Unavailable(f"{self.name} does not answer at {self.address}") from error
                raise
            self._seen, self._channel = seen, channel
            self._calls = _methods(channel)

    def _check_revoked(self) -> None:
        if self._seen is not None and self._revoked is not None and self._seen.peer.serial in self._revoked:
            self._seen = None
            channel, self._channel, self._calls = self._channel, None, {}
            if channel is not None:
                _close_later(channel, None)
            raise Unauthenticated(f"the certificate of {self.name} was revoked")


_END: Any = grpc.aio.EOF  # type: ignore[attr-defined]

_CLOSING: set[asyncio.Future[None]] = set()


def _close_later(channel: Any, grace_s: float | None) -> None:
    closing = asyncio.ensure_future(channel.close(grace_s))
    _CLOSING.add(closing)
    closing.add_done_callback(_CLOSING.discard)


def _methods(channel: Any) -> dict[str, Any]:
    unary = {
        "Capabilities": (proto.CapabilityRequest, proto.CapabilityResponse),
        "Get": (proto.GetRequest, proto.GetResponse),
        "Set": (proto.SetRequest, proto.SetResponse),
    }
    methods: dict[str, Any] = {
        name: channel.unary_unary(
            f"/{proto.SERVICE}/{name}",
            request_serializer=asks.SerializeToString,
            response_deserializer=answers.FromString,
        )
        for name, (asks, answers) in unary.items()
    }
    methods["Subscribe"] = channel.stream_stream(
        f"/{proto.SERVICE}/Subscribe",
        request_serializer=proto.SubscribeRequest.SerializeToString,
        response_deserializer=proto.SubscribeResponse.FromString,
    )
    return methods


def _subscription(wish: Wish) -> proto.Message:
    path, beat = proto.path_to_proto(as_path(wish.path)), int(wish.heartbeat_s * 1e9)
    if isinstance(wish, OnChange):
        return proto.Subscription(path=path, mode=proto.ON_CHANGE, heartbeat_interval=beat)
    return proto.Subscription(
        path=path,
        mode=proto.SAMPLE,
        sample_interval=int(wish.interval_s * 1e9),
        suppress_redundant=wish.suppress,
        heartbeat_interval=beat,
    )


def _updates(told: proto.Message) -> list[tuple[Path, Any]]:
    prefix = proto.path_from_proto(told.prefix)
    found = []
    for one in told.update:
        path = prefix / proto.path_from_proto(one.path)
        found.append((path, from_typed(one.val, path)))
    return found


def _notification(told: proto.Message) -> Notification:
    prefix = proto.path_from_proto(told.prefix)
    return Notification(
        timestamp_ns=told.timestamp,
        updates=tuple(_updates(told)),
        deletes=tuple(prefix / proto.path_from_proto(path) for path in told.delete),
    )


def _options(name: str, max_bytes: int) -> list[tuple[str, Any]]:
    return [
        ("grpc.ssl_target_name_override", name),
        ("grpc.max_receive_message_length", 4 * max_bytes),
        ("grpc.max_send_message_length", max_bytes + 65_536),
        # A connection of our own: nobody else's is closed with it, nor its certificate taken for granted.
        ("grpc.use_local_subchannel_pool", 1),
        # A router that fell silent is noticed while a subscription waits.
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
    ]
