"""Capabilities, Get, Set and actions over a real connection."""

from __future__ import annotations

import asyncio
from pathlib import Path as File
from typing import Any

import grpc
import pytest

from highroad.errors import (
    Conflict,
    Finding,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    TooLarge,
    Unavailable,
)
from highroad.gnmi import proto
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.faults import Unimplemented
from highroad.gnmi.router import attachment_to_json, intended_to_json, policy_to_json
from highroad.gnmi.server import MAX_BYTES, GnmiServer
from highroad.gnmi.target import Delete, Kind, Replace, Update
from highroad.gnmi.tls import client_credentials
from tests.unit.gnmi.small import NAME, Ends, Shelf, attachment, connected, intended, policy, run

TOLD = intended([attachment()], [policy(), policy("s-2", mtu_bytes=1500)])


def raw(ends: Ends) -> Any:
    """gRPC without our client, for what that would never send."""
    return grpc.aio.secure_channel(
        ends.socket,
        client_credentials(ends.controller),
        options=[("grpc.ssl_target_name_override", NAME), ("grpc.max_send_message_length", -1)],
    )


async def raw_call(ends: Ends, name: str, request: Any, answer: Any) -> Any:
    async with raw(ends) as channel:
        method = channel.unary_unary(
            f"/gnmi.gNMI/{name}",
            request_serializer=lambda one: one if isinstance(one, bytes) else one.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return await method(request, timeout=10)


def test_capabilities_name_our_model_and_openconfig(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            told = await ends.client.capabilities()
            assert told.version == "0.8.0"
            assert told.encodings == ("JSON_IETF", "JSON")
            names = {model.name: model.organization for model in told.models}
            assert names["highroad-router"] == "Highroad"
            assert names["openconfig-interfaces"] == "OpenConfig working group"

    run(work())


def test_get_by_paths_kinds_and_wildcards(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            get = ends.client.get
            [(_, router)] = await get("/router")
            assert set(router) == {"attachment", "policy", "protection", "state"}
            [(_, config)] = await get("/router", kind=Kind.CONFIG)
            assert config == intended_to_json(TOLD)
            [(_, state)] = await get("/router", kind=Kind.STATE)
            assert set(state) == {"state"}
            [(_, root)] = await get()
            assert set(root) == {"highroad-router:router"}
            told = await get("/router/policy[service=*]/mtu", "/router/state/site")
            assert [(str(path), value) for path, value in told] == [
                ("/router/policy[service=s-1]/mtu", 9000),
                ("/router/policy[service=s-2]/mtu", 1500),
                ("/router/state/site", "denver"),
            ]
            assert await get("/router/policy[service=*]/attachment", kind=Kind.OPERATIONAL) == []

    run(work())


def test_a_get_with_a_prefix_and_in_the_other_encoding(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            request = proto.GetRequest(encoding=proto.JSON)
            request.prefix.target = "denver"
            request.prefix.elem.add(name="router")
            request.path.add().elem.add(name="policy", key={"service": "s-2"})
            answer = await raw_call(ends, "Get", request, proto.GetResponse)
            (told,) = answer.notification
            assert told.prefix.target == "denver"
            assert b'"mtu":1500' in told.update[0].val.json_val
            request.encoding = proto.PROTO
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await raw_call(ends, "Get", request, proto.GetResponse)
            assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "PROTO is not spoken here" in str(raised.value.details())

    run(work())


def test_what_is_not_there_and_what_cannot_be(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            with pytest.raises(NotFound, match="denver: there is nothing at /router/policy"):
                await ends.client.get("/router/policy[service=none]/mtu")
            with pytest.raises(Invalid, match="did you mean `policy`"):
                await ends.client.get("/router/polcy")

    run(work())


def test_set_is_made_in_the_order_of_gnmi_and_answered_by_path(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            request = proto.SetRequest()
            request.prefix.elem.add(name="router")
            for field, text in (("update", b"1400"), ("replace", b"1300")):
                one = getattr(request, field).add(val=proto.TypedValue(json_ietf_val=text))
                one.path.elem.add(name="policy", key={"service": "s-1"})
                one.path.elem.add(name="mtu")
            request.delete.add().elem.add(name="policy", key={"service": "s-2"})
            request.extension.append(proto.arbitration("", 5))
            answer = await raw_call(ends, "Set", request, proto.SetResponse)
            assert [one.op for one in answer.response] == [proto.DELETE, proto.REPLACE, proto.UPDATE]
            assert answer.timestamp > 0
            (edits,) = ends.target.writes
            assert [type(one) for one in edits] == [Delete, Replace, Update]
            assert str(edits[2].path) == "/router/policy[service=s-1]/mtu"
            assert ends.target.told.policies["s-1"].mtu_bytes == 1400
            assert set(ends.target.told.policies) == {"s-1"}

    run(work())


def test_a_refused_set_changes_nothing_and_tells_every_finding(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            bad = {**policy_to_json(policy("s-3")), "mtu": 1, "remote-node": 5000}
            with pytest.raises(Invalid) as raised:
                await ends.client.set(delete=["/router/policy"], update={"/router/policy[service=s-3]": bad})
            assert [one.code for one in raised.value.findings] == ["range", "range"]
            assert [one.place for one in raised.value.findings] == [
                "/router/policy[service=s-3]/mtu",
                "/router/policy[service=s-3]/remote-node",
            ]
            for finding in raised.value.findings:
                assert finding.message in raised.value.message
            assert ends.target.told is TOLD
            many: dict[Any, Any] = {f"/router/policy[service=s-{n}]/mtu": 1 for n in range(500)}
            with pytest.raises(Invalid, match=r"and 4\d\d more") as raised:
                await ends.client.set(update=many)
            assert len(raised.value.findings) > 5

    run(work())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("the interface acme0 is gone"), grpc.StatusCode.FAILED_PRECONDITION),
        (Refused("the table is full", limit=10), grpc.StatusCode.FAILED_PRECONDITION),
        (NotFound("no such port"), grpc.StatusCode.NOT_FOUND),
        (Unavailable("the kernel has no room"), grpc.StatusCode.UNAVAILABLE),
        (Invalid([Finding(code="x", place="p", message="é" * 5000)]), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_errors_of_the_target_come_back_as_they_are(error: Any, status: grpc.StatusCode, tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD, broken=error)) as ends:
            with pytest.raises(type(error)) as raised:
                await ends.client.set(update={"/router/policy[service=s-1]/mtu": 1500})
            assert type(raised.value) is type(error)
            if len(error.message) < 200:
                assert raised.value.message == f"denver: {error.message}"
                assert raised.value.facts == error.facts
            cause = raised.value.__cause__
            assert isinstance(cause, grpc.aio.AioRpcError)
            assert cause.code() is status

    run(work())


def test_what_breaks_is_said_to_be_the_routers_fault_and_it_goes_on(
    tmp_path: File, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Shelf):
        async def write(self, edits: Any) -> None:
            raise ZeroDivisionError("half of nothing")

    async def work() -> None:
        async with connected(tmp_path, Broken()) as ends:
            with pytest.raises(Exception, match="the router broke on this: ZeroDivisionError: half of nothing"):
                await ends.client.set(delete=["/router"])
            assert (await ends.client.capabilities()).version

    run(work())
    assert "a call broke" in caplog.text


def test_a_hundred_megabytes_are_refused_with_the_limit_and_the_server_stays(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            with pytest.raises(TooLarge, match="over the limit of 16,777,216"):
                await ends.client.set(update={"/router/policy": "x" * 100_000_000})
            request = proto.SetRequest()
            one = request.update.add(val=proto.TypedValue(json_ietf_val=b'"' + b"x" * 100_000_000 + b'"'))
            one.path.elem.add(name="router")
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await raw_call(ends, "Set", request, proto.SetResponse)
            assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert str(MAX_BYTES) in str(raised.value.details())
            assert (await ends.client.get("/router/state/site"))[0][1] == "denver"
            assert ends.target.told is TOLD

    run(work())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"NaN", "not JSON"),
        (None, "there is no value"),
    ],
)
def test_a_value_that_is_none(body: bytes | None, message: str, tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            request = proto.SetRequest(extension=[proto.arbitration("", 5)])
            value = proto.TypedValue() if body is None else proto.TypedValue(json_ietf_val=body)
            request.update.add(val=value).path.elem.add(name="router")
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await raw_call(ends, "Set", request, proto.SetResponse)
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert message in str(raised.value.details())

    run(work())


def test_bytes_that_are_no_message_are_refused(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await raw_call(ends, "Set", b"\xff\xff\xff\xff", proto.SetResponse)
            assert raised.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
            assert (await ends.client.get("/router/state/site"))[0][1] == "denver"

    run(work())


# --- who is heard -------------------------------------------------------------------------------------------


def test_a_fenced_controller_is_refused_and_told_why(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            body: dict[Any, Any] = {"/router/policy[service=s-1]/mtu": 1500}
            new = ends.another(election=Election(id=2**64 + 7))
            await ends.client.set(update=body)
            await new.set()
            assert ends.target.elections == {"": 2**64 + 7}
            assert len(ends.target.writes) == 1, "a Set of nothing only announces"
            with pytest.raises(Forbidden, match="election id 5 is fenced: a newer controller, 18446744073709551623"):
                await ends.client.set(update={"/router/policy[service=s-1]/mtu": 1300})
            assert ends.target.told.policies["s-1"].mtu_bytes == 1500
            await new.set(update={"/router/policy[service=s-1]/mtu": 1400})
            assert ends.target.told.policies["s-1"].mtu_bytes == 1400
            assert await ends.client.get("/router/state/site"), "who is fenced may still read"
            await new.close()

    run(work())


def test_once_an_election_was_seen_a_set_has_to_bear_one(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            plain = ends.another()
            await plain.set(update={"/router/policy[service=s-1]/mtu": 1500})
            await ends.client.set()
            with pytest.raises(Forbidden, match="a Set without master arbitration is refused"):
                await plain.set(update={"/router/policy[service=s-1]/mtu": 1400})
            await plain.close()

    run(work())


def test_the_highest_id_outlives_the_server(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD, elections={"": 6})) as ends:
            with pytest.raises(Forbidden, match="election id 5 is fenced"):
                await ends.client.set(delete=["/router/policy"])
            assert ends.target.told is TOLD

    run(work())


def test_roles_do_not_fence_each_other(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            other = ends.another(election=Election(id=9, role="watch"))
            await other.set()
            await ends.client.set()
            assert ends.target.elections == {"watch": 9, "": 5}
            await other.close()

    run(work())


def test_a_set_that_was_begun_before_a_newer_controller_spoke_is_done_before_it(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD, slow_s=0.1)) as ends:
            new = ends.another(election=Election(id=6))
            old = asyncio.create_task(ends.client.set(update={"/router/policy[service=s-1]/mtu": 1300}))
            await asyncio.wait_for(ends.target.heard.wait(), 5)
            await new.set()
            assert ends.target.told.policies["s-1"].mtu_bytes == 1300, "or it would be made after the fence"
            await old
            await new.close()

    run(work())


def test_a_caller_that_hangs_up_does_not_stop_what_it_began(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD, slow_s=0.2)) as ends:
            with pytest.raises(Unavailable):
                await ends.client.set(update={"/router/policy[service=s-1]/mtu": 1300}, timeout_s=0.05)
            await asyncio.sleep(0.4)
            assert ends.target.told.policies["s-1"].mtu_bytes == 1300

    run(work())


def test_thousands_of_sets_at_once_are_all_made(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            path = "/router/policy[service=s-1]/mtu"
            sets = (ends.client.set(update=[(path, 1500 + number % 2)]) for number in range(2_000))
            assert len(await asyncio.gather(*sets)) == 2_000
            assert len(ends.target.writes) == 2_000

    run(work())


# --- actions and addresses ----------------------------------------------------------------------------------


def test_actions_take_and_give_json(tmp_path: File) -> None:
    async def ping(body: dict[str, Any]) -> dict[str, Any]:
        if body.get("count", 0) > 10:
            raise Refused("ten at the most", most=10)
        return {"echoes": [body]}

    async def work() -> None:
        async with connected(tmp_path, actions={"Ping": ping}) as ends:
            assert await ends.client.call("Ping", {"count": 1}) == {"echoes": [{"count": 1}]}
            assert await ends.client.call("Ping") == {"echoes": [{}]}
            with pytest.raises(Refused, match="ten at the most") as raised:
                await ends.client.call("Ping", {"count": 11})
            assert raised.value.facts == {"most": 10}
            with pytest.raises(Unimplemented):
                await ends.client.call("Pong")

    run(work())


def test_an_address_that_is_taken_or_none_is_said(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            for address in (ends.tcp, f"unix:{tmp_path}/no/such/folder.sock"):
                with pytest.raises(Unavailable, match="cannot listen at"):
                    await GnmiServer(Shelf(), ends.router, [address]).start()

    run(work())


def test_a_client_finds_a_server_that_came_back(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            assert await ends.client.get("/router/state/site")
            await ends.server.stop()
            with pytest.raises(Unavailable):
                await ends.client.get("/router/state/site")
            again = GnmiServer(Shelf(), ends.router, [ends.socket])
            await again.start()
            assert await ends.client.get("/router/state/site")
            await again.stop()

    run(work())


def test_tcp_and_the_socket_are_the_same_router(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            async with GnmiClient(ends.tcp, NAME, ends.controller, election=Election(id=5)) as client:
                await client.set(update={"/router/attachment[id=a-1]": attachment_to_json(attachment())})
            assert [path for path, _ in await ends.client.get("/router/attachment[id=*]")]
            assert (tmp_path / "router.sock").stat().st_mode & 0o777 == 0o600

    run(work())
