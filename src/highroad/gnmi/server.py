"""The gNMI server: mutual TLS, who may do what, one Set at a time, and a target behind it.

A certificate in the role `controller` may do everything, `reader` may read, any other nothing. Of controllers, the one
with the highest election id is heard (master arbitration); once one has been seen, a Set must bear one. So must an
action that changes what the router does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import msgspec

from highroad.errors import Finding, Forbidden, HighroadError, Invalid, NotFound, Unavailable, did_you_mean
from highroad.gnmi import proto
from highroad.gnmi.faults import status_of
from highroad.gnmi.stream import subscription
from highroad.gnmi.target import Delete, Edit, Kind, Replace, Target, Update
from highroad.gnmi.tls import server_credentials
from highroad.gnmi.value import check_encoding, from_typed, to_typed
from highroad.pki.peer import Credentials, Peer, Revoked, Role, check_peer, peer_from_pem

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
"""The largest request that is read. gRPC refuses a larger one by its length, before it is in memory."""

MAX_CALLS = 256
"""How many calls, subscriptions included, may be open at once."""

ACTIONS = "highroad.v1.Router"
"""The service of what is no tree: unary calls with JSON bodies."""

Action = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

_KINDS = (Kind.ALL, Kind.CONFIG, Kind.STATE, Kind.OPERATIONAL)
_READS = (Role.CONTROLLER, Role.READER)
_WRITES = (Role.CONTROLLER,)


class GnmiServer:
    """Serves a target on several addresses: `unix:/path`, `host:port`, `[v6]:port`; port 0 is any."""

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        addresses: Sequence[str],
        *,
        actions: Mapping[str, Action] | None = None,
        commands: Mapping[str, Action] | None = None,
        attended: Callable[[int], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Nothing is opened yet. `commands` are actions for which the elected controller alone may ask: their bodies
        bear `election`, as a Set bears master arbitration, which they do not see themselves. `attended` is told
        how many controllers listen, by a subscription, whenever that changes.
        """
        self._target = target
        self._credentials = credentials
        self._addresses = tuple(addresses)
        self._actions = {**(actions or {}), **(commands or {})}
        self._commands = frozenset(commands or {})
        self._attended = attended
        self._listening = 0
        self._clock = clock
        self._max_bytes = max_bytes
        self._setting = asyncio.Lock()
        self._writes: set[asyncio.Task[int]] = set()
        self._server: grpc.aio.Server | None = None
        self._revoked = Revoked(None)

    async def start(self) -> tuple[str, ...]:
        """Open every address and serve. Returns them with the ports that were chosen. Raises Unavailable."""
        self._revoked = Revoked(self._credentials.revoked)
        server = grpc.aio.server(options=_options(self._max_bytes), maximum_concurrent_rpcs=MAX_CALLS)
        server.add_generic_rpc_handlers((self._gnmi(), self._router()))
        opened = []
        for address in self._addresses:
            try:
                port = server.add_secure_port(address, server_credentials(self._credentials))
            except RuntimeError as error:
                raise Unavailable(f"cannot listen at {address}: {error}") from error
            opened.append(address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}")
        await server.start()
        for address in opened:
            if address.startswith("unix:"):
                os.chmod(address[5:], 0o600)  # noqa: PTH101
        self._server = server
        return tuple(opened)

    async def stop(self, grace_s: float = 0.2) -> None:
        """Close, give calls in progress that long, and wait for a Set that is being made."""
        if self._server is not None:
            await self._server.stop(grace_s)
            self._server = None
        if self._writes:
            await asyncio.wait(self._writes)

    # --- the calls ------------------------------------------------------------------------------------------

    async def _capabilities(self, request: proto.Message, context: Any) -> proto.Message:
        self._admit(context, _READS)
        models = [
            proto.ModelData(name=one.name, organization=one.organization, version=one.version)
            for one in self._target.models
        ]
        encodings = [proto.JSON_IETF, proto.JSON]
        return proto.CapabilityResponse(
            supported_models=models, supported_encodings=encodings, gNMI_version=proto.VERSION
        )

    async def _get(self, request: proto.Message, context: Any) -> proto.Message:
        self._admit(context, _READS)
        check_encoding(request.encoding)
        prefix = proto.path_from_proto(request.prefix)
        if request.type >= len(_KINDS):
            raise Invalid([Finding(code="type", place="type", message=f"there is no data type {request.type}")])
        kind = _KINDS[request.type]
        response = proto.GetResponse()
        for asked in request.path or [proto.Path_()]:
            below = proto.path_from_proto(asked)
            found = await self._target.read(prefix / below, kind)
            told = response.notification.add(timestamp=time.time_ns())
            told.prefix.target = request.prefix.target
            for path, value in found:
                told.update.add(path=proto.path_to_proto(path), val=to_typed(value, request.encoding))
        return response

    async def _set(self, request: proto.Message, context: Any) -> proto.Message:
        self._admit(context, _WRITES)
        edits = edits_of(request)
        said = proto.arbitration_of(request)
        # A caller that hangs up does not stop in the middle what it asked for.
        write = asyncio.create_task(self._write(edits, said))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        timestamp = await asyncio.shield(write)
        response = proto.SetResponse(timestamp=timestamp, prefix=request.prefix)
        for operation, paths in (
            (proto.DELETE, request.delete),
            (proto.REPLACE, [one.path for one in request.replace]),
            (proto.UPDATE, [one.path for one in request.update]),
        ):
            for path in paths:
                response.response.add(path=path, op=operation)
        return response

    async def _write(self, edits: Sequence[Edit], said: tuple[str, int] | None) -> int:
        async with self._setting:
            await self._arbitrate(said)
            if edits:
                await self._target.write(edits)
            return time.time_ns()

    async def _arbitrate(self, said: tuple[str, int] | None) -> None:
        seen = self._target.elections
        if said is None:
            if seen:
                highest = max(seen.values())
                raise Forbidden(
                    f"a controller with election id {highest} was here; a Set without master arbitration is refused"
                )
            return
        role, election_id = said
        highest = seen.get(role, 0)
        if election_id < highest:
            raise Forbidden(
                f"election id {election_id} is fenced: a newer controller, {highest}, has taken over",
                election_id=election_id,
                highest=highest,
            )
        if role not in seen or election_id > highest:
            await self._target.elected(role, election_id)

    async def _subscribe(self, requests: AsyncIterator[proto.Message], context: Any) -> AsyncIterator[proto.Message]:
        peer = self._admit(context, _READS)
        is_controller = peer.role is Role.CONTROLLER
        self._count(is_controller)
        try:
            async for response in subscription(self._target, requests):
                check_peer(peer, revoked=self._revoked, at_s=self._clock())
                yield response
        finally:
            self._count(-is_controller)

    def _count(self, more: int) -> None:
        if more:
            self._listening += more
            self._attended(self._listening)

    async def _act(self, name: str, request: bytes, context: Any) -> bytes:
        self._admit(context, _WRITES)
        action = self._actions.get(name)
        if action is None:
            raise NotFound(f"there is no action {name}{did_you_mean(name, self._actions)}")
        try:
            body = msgspec.json.decode(request or b"{}", type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Invalid([Finding(code="json", place=name, message=str(error))]) from error
        if name in self._commands:
            await self._arbitrate(_election_in(body, name))
        return msgspec.json.encode(await action(body))

    # --- around them ----------------------------------------------------------------------------------------

    def _admit(self, context: Any, roles: Sequence[Role]) -> Peer:
        """Who calls, when its certificate still counts and its role may do this."""
        pem = (context.auth_context() or {}).get("x509_pem_cert") or [b""]
        peer = peer_from_pem(pem[0])
        check_peer(peer, revoked=self._revoked, at_s=self._clock())
        if peer.role not in roles:
            may = " or ".join(roles)
            raise Forbidden(f"{peer.name} is here as {peer.role or 'nobody'}; this takes the role {may}")
        return peer

    def _gnmi(self) -> Any:
        unary = {
            "Capabilities": (self._capabilities, proto.CapabilityRequest, proto.CapabilityResponse),
            "Get": (self._get, proto.GetRequest, proto.GetResponse),
            "Set": (self._set, proto.SetRequest, proto.SetResponse),
        }
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                _answered(call), request_deserializer=asks.FromString, response_serializer=answers.SerializeToString
            )
            for name, (call, asks, answers) in unary.items()
        }
        handlers["Subscribe"] = grpc.stream_stream_rpc_method_handler(
            _streamed(self._subscribe),
            request_deserializer=proto.SubscribeRequest.FromString,
            response_serializer=proto.SubscribeResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(proto.SERVICE, handlers)

    def _router(self) -> Any:
        def bound(name: str) -> Callable[[bytes, Any], Awaitable[bytes]]:
            return lambda request, context: self._act(name, request, context)

        handlers = {name: grpc.unary_unary_rpc_method_handler(_answered(bound(name))) for name in self._actions}
        return grpc.method_handlers_generic_handler(ACTIONS, handlers)


def edits_of(request: proto.Message) -> list[Edit]:
    """What a Set asks for, in gNMI's order: deletes, replaces, updates. Raises Invalid, with all findings."""
    prefix = proto.path_from_proto(request.prefix)
    edits: list[Edit] = [Delete(path=prefix / proto.path_from_proto(path)) for path in request.delete]
    findings: list[Finding] = []
    for kind, asked in ((Replace, request.replace), (Update, request.update)):
        for one in asked:
            path = prefix / proto.path_from_proto(one.path)
            try:
                edits.append(kind(path=path, value=from_typed(one.val, path)))
            except Invalid as error:
                findings += error.findings
    if findings:
        raise Invalid(findings)
    return edits


def _election_in(body: dict[str, Any], action: str) -> tuple[str, int] | None:
    """Take the election out of the body of a command: whose role, and which id. Raises Invalid."""
    said = body.pop("election", None)
    if said is None:
        return None
    role, election_id = (said.get("role"), said.get("id")) if isinstance(said, dict) else (None, None)
    if not isinstance(role, str) or not isinstance(election_id, str) or not election_id.isdecimal():
        message = '`election` has to be {"role": "...", "id": "..."}, the id a whole number as a string'
        raise Invalid([Finding(code="election", place=action, message=message)])
    return role, int(election_id)


def _answered(call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except HighroadError as error:
            await context.abort(*status_of(error))
        except Exception as error:
            await _abort_broken(error, context)

    return answer


def _streamed(call: Callable[[Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def stream(requests: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for response in call(requests, context):
                yield response
        except HighroadError as error:
            await context.abort(*status_of(error))
        except Exception as error:
            await _abort_broken(error, context)

    return stream


async def _abort_broken(error: Exception, context: Any) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    log.exception("a call broke")
    await context.abort(grpc.StatusCode.INTERNAL, f"the router broke on this: {type(error).__name__}: {error}"[:500])


def _options(max_bytes: int) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.max_send_message_length", -1),
        # Two processes at one address would each get some of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
