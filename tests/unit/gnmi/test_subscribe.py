"""Subscriptions over a real connection: once, by polls, on change, sampled; and readers that are slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path as File
from typing import Any

import grpc
import pytest

from highroad.errors import Invalid, Unavailable
from highroad.gnmi import proto
from highroad.gnmi.client import OnChange, Sample, Synced, Wish
from highroad.gnmi.hub import Hub
from highroad.gnmi.path import parse
from highroad.gnmi.router import policy_to_json
from highroad.gnmi.target import Notification
from highroad.gnmi.tls import client_credentials
from tests.unit.gnmi.small import NAME, Ends, Shelf, attachment, connected, intended, policy, run

TOLD = intended([attachment()], [policy(), policy("s-2")])
PORT = "/router/state/core-port[interface=to-boise]"


class Reader:
    """What a subscription tells, one message after the other, in time."""

    def __init__(self, ends: Ends, wishes: Sequence[Wish], **options: Any) -> None:
        self.stream = ends.client.subscribe(wishes, **options)

    async def next(self, timeout_s: float = 3.0) -> Notification | Synced:
        return await asyncio.wait_for(anext(self.stream), timeout_s)

    async def updates(self) -> dict[str, Any]:
        told = await self.next()
        assert isinstance(told, Notification)
        return {str(path): value for path, value in told.updates}

    async def until_synced(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(told := await self.next(), Synced):
            found.update({str(path): value for path, value in told.updates})
        return found

    async def silence(self, for_s: float) -> None:
        with pytest.raises(TimeoutError):
            await self.next(for_s)


@asynccontextmanager
async def raw(ends: Ends, *requests: Any) -> AsyncIterator[Any]:
    """gRPC's own end of a Subscribe call, for what our client does not do."""
    options = [("grpc.ssl_target_name_override", NAME)]
    async with grpc.aio.secure_channel(ends.socket, client_credentials(ends.controller), options=options) as channel:
        method: Any = channel.stream_stream(
            "/gnmi.gNMI/Subscribe",
            request_serializer=proto.SubscribeRequest.SerializeToString,
            response_deserializer=proto.SubscribeResponse.FromString,
        )
        call = method()
        for request in requests:
            await call.write(request)
        yield call
        call.cancel()


def asking(mode: int, *paths: str, **options: Any) -> Any:
    subscriptions = [proto.Subscription(path=proto.path_to_proto(parse(path))) for path in paths]
    return proto.SubscribeRequest(
        subscribe=proto.SubscriptionList(mode=mode, encoding=proto.JSON_IETF, subscription=subscriptions, **options)
    )


async def refused(ends: Ends, *requests: Any) -> str:
    async with raw(ends, *requests) as call:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await asyncio.wait_for(_drained(call), 3)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        return str(raised.value.details())


async def _drained(call: Any) -> None:
    while await call.read() is not None:
        pass


def test_once_tells_leaves_and_ends(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            told = {str(path): value for path, value in await ends.client.once(PORT, "/router/policy/mtu")}
            assert told[f"{PORT}/counters/out-octets"] == "2"
            assert told[f"{PORT}/class[name=bulk]/counters/pkts"] == "1"
            assert told["/router/policy[service=s-2]/mtu"] == 9000
            assert not any(isinstance(value, dict) for value in told.values())
            with pytest.raises(Invalid, match="did you mean"):
                await ends.client.once("/router/stat")

    run(work())


def test_polls_are_answered_one_by_one(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            poll = proto.SubscribeRequest(poll=proto.Poll())
            async with raw(ends, asking(proto.POLL, "/router/state/site")) as call:
                for _ in range(3):
                    first = await call.read()
                    assert first.update.update[0].val.json_ietf_val == b'"denver"'
                    assert (await call.read()).sync_response
                    await call.write(poll)
                ends.target.state["site"] = "omaha"
                await call.read()
                await call.read()
                await call.write(poll)
                assert (await call.read()).update.update[0].val.json_ietf_val == b'"omaha"'
            async with raw(ends, asking(proto.POLL, "/router/state/site", updates_only=True)) as call:
                assert (await call.read()).sync_response, "and nothing before it"

    run(work())


def test_on_change_tells_what_is_then_what_changes(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/policy"), OnChange(path=PORT)])
            first = await reader.until_synced()
            assert len(first["/router/policy"]) == 2
            assert first[PORT]["link"] == "denver>boise"
            new = policy_to_json(policy(mtu_bytes=1500))
            await ends.client.set(replace={"/router/policy[service=s-1]": new})
            assert await reader.updates() == {"/router/policy[service=s-1]": new}
            await ends.client.set(delete=["/router/policy[service=s-2]"])
            gone = await reader.next()
            assert isinstance(gone, Notification)
            assert [str(path) for path in gone.deletes] == ["/router/policy[service=s-2]"]
            ends.target.tell(f"{PORT}/oper-status", "DOWN")
            assert await reader.updates() == {f"{PORT}/oper-status": "DOWN"}
            ends.target.tell("/router/state/core-port[interface=to-omaha]/oper-status", "DOWN")
            ends.target.tell("/router/state/site", "elsewhere")
            await reader.silence(0.2)

    run(work())


def test_a_change_of_more_than_is_watched_tells_what_of_it_is(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/state/core-port[interface=*]/oper-status")])
            await reader.until_synced()
            ports = [{"interface": "to-boise", "oper-status": "DOWN", "mtu": 1}, {"interface": "x", "mtu": 2}]
            ends.target.tell("/router/state", {"site": "denver", "core-port": ports})
            assert await reader.updates() == {f"{PORT}/oper-status": "DOWN"}

    run(work())


def test_leaf_by_leaf_for_whoever_does_not_ask_for_subtrees(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/policy")], aggregate=False)
            first = await reader.until_synced()
            assert first["/router/policy[service=s-1]/mtu"] == 9000
            await ends.client.set(update={"/router/policy[service=s-1]/mtu": 1500})
            told = await reader.updates()
            assert told["/router/policy[service=s-1]/mtu"] == 1500
            assert not any(isinstance(value, dict) for value in told.values())

    run(work())


def test_updates_only_begins_with_the_sync(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/policy")], updates_only=True)
            assert isinstance(await reader.next(), Synced)
            ends.target.tell("/router/policy[service=s-1]/mtu", 1500)
            assert await reader.updates() == {"/router/policy[service=s-1]/mtu": 1500}

    run(work())


def test_samples_come_at_their_interval(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [Sample(path=f"{PORT}/counters", interval_s=0.1)])
            await reader.until_synced()
            began = time.monotonic()
            for count in range(5):
                ends.target.state["core-port"][0]["counters"]["out-octets"] = str(count)
                assert (await reader.updates())[f"{PORT}/counters"]["out-octets"] == str(count)
            assert 0.35 < time.monotonic() - began < 4.0  # on a busy machine they come late, and are not a second apart

    run(work())


def test_a_sample_may_leave_out_what_is_as_it_was_but_for_the_heartbeat(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            wish = Sample(path=f"{PORT}/counters", interval_s=0.05, suppress=True, heartbeat_s=0.6)
            reader = Reader(ends, [wish], aggregate=False)
            assert len(await reader.until_synced()) == 4
            await reader.silence(0.0)
            ends.target.state["core-port"][0]["counters"] = {"in-octets": "1", "out-octets": "7"}
            reader = Reader(ends, [wish], aggregate=False)
            await reader.until_synced()
            ends.target.state["core-port"][0]["counters"] = {"in-octets": "1", "out-octets": "8"}
            assert await reader.updates() == {f"{PORT}/counters/out-octets": "8"}
            beat = await reader.updates()
            assert beat == {f"{PORT}/counters/in-octets": "1", f"{PORT}/counters/out-octets": "8"}

    run(work())


def test_on_change_with_a_heartbeat(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/state/site", heartbeat_s=0.1)])
            await reader.until_synced()
            for _ in range(3):
                assert await reader.updates() == {"/router/state/site": "denver"}

    run(work())


def test_a_target_defined_subscription_tells_changes_and_what_only_counts(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            request = asking(proto.STREAM, f"{PORT}/oper-status", f"{PORT}/counters/in-octets")
            request.subscribe.subscription[1].sample_interval = int(0.1e9)
            async with raw(ends, request) as call:
                while not (await call.read()).sync_response:
                    pass
                ends.target.tell(f"{PORT}/oper-status", "DOWN")
                told = await asyncio.wait_for(call.read(), 3)
                assert told.update.update[0].val.json_ietf_val == b'"DOWN"'
                ends.target.state["core-port"][0]["counters"]["in-octets"] = "77"
                told = await asyncio.wait_for(call.read(), 3)
                assert told.update.update[0].val.json_ietf_val == b'"77"'

    run(work())


def test_what_is_not_there_yet_is_told_when_it_comes(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            path = "/router/policy[service=s-9]"
            reader = Reader(ends, [OnChange(path=path)])
            assert await reader.until_synced() == {}
            new = policy_to_json(policy("s-9"))
            await ends.client.set(replace={path: new})
            assert await reader.updates() == {path: new}

    run(work())


def test_very_much_is_told_in_several_messages(tmp_path: File) -> None:
    async def work() -> None:
        many = intended([attachment()], [policy(f"s-{number}") for number in range(3_000)])
        async with connected(tmp_path, Shelf(told=many)) as ends:
            reader = Reader(ends, [OnChange(path="/router/policy[service=*]")])
            assert len(await reader.until_synced()) == 3_000

    run(work())


# --- readers that are slow, callers that are wrong, connections that end -------------------------------------------


def test_a_slow_reader_gets_the_newest_and_costs_no_memory(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            async with raw(ends, asking(proto.STREAM, PORT)) as call:
                while not (await call.read()).sync_response:
                    pass
                padding = "x" * 2_000
                for count in range(20_000):
                    ends.target.tell(f"{PORT}/link", f"{count} {padding}")
                    if count % 100 == 0:
                        await asyncio.sleep(0)
                (watch,) = ends.target.hub._watches
                assert len(watch._pending) <= 1
                told: list[str] = []
                while not told or not told[-1].startswith("19999 "):
                    response = await asyncio.wait_for(call.read(), 3)
                    told += [one.val.json_ietf_val.decode().strip('"') for one in response.update.update]
                assert len(told) < 5_000
            await asyncio.sleep(0.2)
            assert not ends.target.hub.watched

    run(work())


def test_a_hub_keeps_the_newest_of_each_path_and_forgets_what_went_with_a_subtree() -> None:
    async def work() -> None:
        hub = Hub()
        watch = hub.watch([parse("/a")])
        now = iter(range(100))

        def tell(*updates: tuple[str, Any], deletes: Sequence[str] = ()) -> None:
            pairs = tuple((parse(path), value) for path, value in updates)
            hub.publish(
                Notification(timestamp_ns=next(now), updates=pairs, deletes=tuple(parse(one) for one in deletes))
            )

        tell(("/a/b[k=1]/c", 1), ("/a/b[k=2]/c", 1), ("/z", 1))
        tell(("/a/b[k=1]/c", 2))
        tell(deletes=["/a/b[k=2]"])
        tell(("/a/d", 1))
        tell(("/a/d", {"e": 2}))
        told = await anext(aiter(watch))
        assert {str(path): value for path, value in told.updates} == {"/a/b[k=1]/c": 2, "/a/d": {"e": 2}}
        assert [str(path) for path in told.deletes] == ["/a/b[k=2]"]
        assert told.timestamp_ns == 4
        await watch.aclose()
        assert [one async for one in watch] == []
        assert not hub.watched

    run(work())


def test_a_subscription_that_makes_no_sense_is_refused(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            poll = proto.SubscribeRequest(poll=proto.Poll())
            assert "is its list of subscriptions" in await refused(ends, poll)
            assert "nothing to subscribe to" in await refused(ends, asking(proto.STREAM))
            again = asking(proto.STREAM, PORT)
            assert "open another one" in await refused(ends, again, again)
            assert "polls only" in await refused(ends, asking(proto.POLL, PORT), again)
            fast = asking(proto.STREAM, PORT, "/router/policy")
            for one in fast.subscribe.subscription:
                one.mode, one.sample_interval = proto.SAMPLE, 1_000
            assert (await refused(ends, fast)).count("shorter than 50 ms") == 2
            assert "did you mean `state`" in await refused(ends, asking(proto.STREAM, "/router/stat"))
            assert not ends.target.hub.watched

    run(work())


def test_a_subscription_that_is_lost_says_so(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = Reader(ends, [OnChange(path="/router/policy")])
            await reader.until_synced()
            await ends.server.stop(0.0)
            with pytest.raises(Unavailable):
                await reader.next()

    run(work())


def test_many_may_watch_and_each_may_leave(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            readers = [Reader(ends, [OnChange(path="/router/policy")]) for _ in range(20)]
            for reader in readers:
                await reader.until_synced()
            for reader in readers[:10]:
                await reader.stream.aclose()  # type: ignore[attr-defined]
            ends.target.tell("/router/policy[service=s-1]/mtu", 1500)
            for reader in readers[10:]:
                assert await reader.updates() == {"/router/policy[service=s-1]/mtu": 1500}

    run(work())
