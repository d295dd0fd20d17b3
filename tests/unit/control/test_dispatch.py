"""Deliveries to webhooks: in order, none lost, none held up by another, and given up loudly."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from highroad.control import dispatch, mailroom
from highroad.control.controller import Controller
from highroad.courier import https
from highroad.errors import Unavailable
from highroad.model.webhook import Webhook, WebhookState
from highroad.ports import Commit
from highroad.webhooks import verify
from tests.support.backbone import backbone
from tests.support.receiver import OK, Answer, Delivery, Receiver, status


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(dispatch, "LONGEST_RETRY_S", 0.1)


@asynccontextmanager
async def controller() -> AsyncIterator[Controller]:
    async with backbone() as world:
        yield world.controller


async def tell(desk: Controller, count: int, tenant: str | None = "acme", kind: str = "highroad.test.told") -> None:
    def decide(draft: Any) -> None:
        for number in range(count):
            draft.tell(kind, f"s{number}", tenant=tenant, number=number)

    await desk._planner.submit(decide)


FOR_EVER_S = 60.0
"""Longer than `until` waits: what comes to pass meanwhile waited for nobody who hangs."""


async def until(true: Callable[[], Any], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        await asyncio.sleep(0.005)


async def add(desk: Controller, url: str, owner: str | None = "acme", **options: Any) -> tuple[Webhook, str]:
    given: dict[str, Any] = {"kinds": ["highroad.test.*"], "description": "", "start": "now"} | options
    return await desk.webhooks.add(owner=owner, url=url, **given)


async def book(desk: Controller, webhook: Webhook) -> Webhook:
    return (await desk.settled()).webhooks[webhook.id]


def test_events_come_signed_in_order_and_are_committed() -> None:
    async def run() -> None:
        async with controller() as desk:
            with Receiver() as end:
                webhook, secret = await add(desk, end.url)
                for _ in range(4):
                    await tell(desk, 30)
                    await tell(desk, 3, "rival")
                    await tell(desk, 1, kind="highroad.other")
                await until(lambda: len(end.got) == 120)
                events = [verify(one.headers, one.body, secret) for one in end.got]
                sequences = [one["sequence"] for one in events]
                assert sequences == sorted(set(sequences))
                assert {one["tenant"] for one in events} == {"acme"}
                assert [one.id for one in end.got] == [one["id"] for one in events]
                assert end.got[0].headers["content-type"] == "application/cloudevents+json; charset=utf-8"
                newest = await desk.webhooks.last_place("acme")
                held = await book(desk, webhook)
                await until(lambda: desk._planner.book.webhooks[webhook.id].cursor >= sequences[-1])
                assert (held.state, newest - held.cursor <= 120) == (WebhookState.ACTIVE, True)
                attempts = await desk.webhooks.attempts(webhook.id, None)
                assert len(attempts) == 50
                assert [one.number for one in attempts] == list(range(120, 70, -1))
                assert all((one.status, one.error, one.excerpt) == (200, "", "ok") for one in attempts)

    asyncio.run(run())


def _garbage(peer: socket.socket) -> None:
    peer.sendall(b"\x00\xff this is no HTTP\r\n\r\n")


def _endless_head(peer: socket.socket) -> None:
    for _ in range(4000):
        peer.sendall(b"x-filler: " + b"a" * 1000 + b"\r\n")


def _break(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 20")


BAD: dict[str, Answer] = {
    "500": status(500, body=b"oh no"),
    "a redirect to itself": status(302, "location: /hook"),
    "garbage": _garbage,
    "a head without end": _endless_head,
    "a connection that breaks": _break,
    "404": status(404),
    "nothing within the time": None,
}


@pytest.mark.parametrize("name", BAD)
def test_what_fails_comes_again_until_it_is_delivered_and_nothing_overtakes_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where an answer comes, one that is late on a busy machine is no failure of its own.
    monkeypatch.setattr(https, "TIMEOUT_S", 1.0 if BAD[name] is None else FOR_EVER_S)
    tries: dict[str, int] = {}

    def answer(delivery: Delivery) -> Answer:
        tries[delivery.id] = tries.get(delivery.id, 0) + 1
        return BAD[name] if delivery.event["data"]["number"] % 3 == 1 and tries[delivery.id] <= 2 else OK

    async def run() -> None:
        async with controller() as desk:
            with Receiver(answer) as end:
                webhook, _ = await add(desk, end.url)
                await tell(desk, 8)
                await until(lambda: len(end.accepted) == 8)
                assert [one.event["data"]["number"] for one in end.accepted] == list(range(8))
                assert sorted(tries.values()) == [1, 1, 1, 1, 1, 3, 3, 3]
                await until(lambda: desk._planner.book.webhooks[webhook.id].attempts == 14)
                attempts = await desk.webhooks.attempts(webhook.id, None)
                failed = [one for one in attempts if one.error]
                assert len(failed) == 6
                assert (await book(desk, webhook)).failures == 0

    asyncio.run(run())


def _huge(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n")
    for _ in range(200_000):
        peer.sendall(b"x" * 65536)


def _never_closes(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
    peer.settimeout(30)
    peer.recv(1)


@pytest.mark.parametrize("behave", [_huge, _never_closes])
def test_a_yes_is_a_yes_however_much_is_said_after_it(
    behave: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "BODY_S", 0.1)

    async def run() -> None:
        async with controller() as desk:
            with Receiver(lambda _: behave) as end:
                webhook, _ = await add(desk, end.url)
                await tell(desk, 3)
                await until(lambda: desk._planner.book.webhooks[webhook.id].attempts == 3)
                assert [one.event["data"]["number"] for one in end.got] == [0, 1, 2]
                assert all(len(one.excerpt) <= 500 for one in await desk.webhooks.attempts(webhook.id, None))

    asyncio.run(run())


def test_one_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "TIMEOUT_S", FOR_EVER_S)
    monkeypatch.setattr(dispatch, "FAST_PLACES", 2)

    async def run() -> None:
        async with controller() as desk:
            with Receiver(lambda _: None) as hangs, Receiver() as end:
                await add(desk, hangs.url)
                await add(desk, end.url)
                await tell(desk, 50)
                await until(lambda: len(end.accepted) == 50)
                assert len(hangs.got) == 1

    asyncio.run(run())


def test_a_tenant_with_many_that_hang_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "TIMEOUT_S", FOR_EVER_S)
    monkeypatch.setattr(dispatch, "SLOW_S", 0.2)
    monkeypatch.setattr(dispatch, "FAST_PLACES", 6)
    monkeypatch.setattr(dispatch, "FAST_SHARE", 4)
    monkeypatch.setattr(dispatch, "SLOW_PLACES", 3)
    monkeypatch.setattr(dispatch, "SLOW_SHARE", 2)
    tries = [0]

    def well_again(delivery: Delivery) -> Answer:
        tries[0] += 1
        if tries[0] == 1:
            time.sleep(0.3)
        return status(500) if tries[0] < 3 else OK

    async def run() -> None:
        async with controller() as desk:
            with Receiver(lambda _: None) as hangs, Receiver(well_again) as end:
                for _ in range(6):
                    await add(desk, hangs.url)
                await tell(desk, 20)
                await until(lambda: len(hangs.got) == 4)
                await add(desk, end.url, "rival")
                await tell(desk, 20, "rival")
                await until(lambda: len(end.accepted) == 20)
                assert len(hangs.got) == 4

    asyncio.run(run())


def test_410_disables_loudly_and_enabling_goes_on_where_it_stopped() -> None:
    gone = [True]

    async def run() -> None:
        async with controller() as desk:
            with Receiver(lambda _: status(410) if gone[0] else OK) as end, Receiver() as watcher:
                webhook, _ = await add(desk, end.url)
                await add(desk, watcher.url, None, kinds=["highroad.webhook.disabled"])
                await tell(desk, 3)
                await until(lambda: watcher.accepted)
                event = watcher.accepted[0].event
                assert (event["subject"], event["data"]["because"]) == (webhook.id, "the endpoint answered 410 Gone")
                held = await book(desk, webhook)
                assert (held.state, held.disabled_because) == (WebhookState.DISABLED, "the endpoint answered 410 Gone")
                assert len(end.got) == 1
                gone[0] = False
                await tell(desk, 2)
                await desk.webhooks.change(webhook.id, None, {"enabled": True})
                await until(lambda: len(end.accepted) == 5)
                assert [one.event["data"]["number"] for one in end.accepted] == [0, 1, 2, 0, 1]

    asyncio.run(run())


def test_who_fails_for_too_long_is_disabled() -> None:
    async def run() -> None:
        async with controller() as desk:
            object.__setattr__(desk.webhooks.mail, "give_up_s", 0.3)
            with Receiver(lambda _: status(503, "retry-after: 0")) as end:
                webhook, _ = await add(desk, end.url)
                await tell(desk, 1)
                await until(lambda: desk._planner.book.webhooks[webhook.id].disabled_s is not None)
                assert "it answered 503" in (await book(desk, webhook)).disabled_because
                assert 3 <= len(end.got) <= 20

    asyncio.run(run())


def test_retries_back_off_and_heed_retry_after() -> None:
    async def run() -> None:
        async with controller() as desk:
            given = desk.seat._dispatcher
            assert given is not None
            given._jitter = lambda: 0.5
            waits = [given.pause_s(failures, None) for failures in range(1, 6)]
            assert waits == pytest.approx([0.02, 0.04, 0.08, 0.1, 0.1])
            assert given.pause_s(1, 30.0) == 30.0
            assert given.pause_s(1, 1e9) == dispatch.LONGEST_RETRY_AFTER_S
            assert given.pause_s(10**6, None) > 0

    asyncio.run(run())


def test_replay_from_a_place_and_from_a_time_and_removal_in_mid_delivery() -> None:
    async def run() -> None:
        async with controller() as desk:
            with Receiver() as end:
                webhook, _ = await add(desk, end.url)
                await tell(desk, 5)
                await until(lambda: len(end.accepted) == 5)
                first = end.accepted[0].event["sequence"]
                await asyncio.sleep(0.01)
                now_s = desk._clock.now_s()
                await asyncio.sleep(0.01)
                await tell(desk, 4)
                await until(lambda: len(end.accepted) == 9)
                before = [one.id for one in end.accepted]
                await desk.webhooks.replay(webhook.id, None, after=first)
                await until(lambda: len(end.accepted) == 17)
                assert [one.id for one in end.accepted[9:]] == before[1:]
                await desk.webhooks.replay(webhook.id, None, from_s=now_s)
                await until(lambda: len(end.accepted) == 21)
                assert [one.id for one in end.accepted[17:]] == before[5:]
                await desk.webhooks.remove(webhook.id, None)
                await tell(desk, 3)
                await asyncio.sleep(0.1)
                assert len(end.accepted) == 21
                sealed = desk._store.load().webhooks
                assert list(sealed) == []

    asyncio.run(run())


def test_replay_from_a_time_skips_nothing_although_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailroom, "TIMES_READ", 3)
    hours = [10, 11, 12, 13, 9, 9, 10, 11, 12, 9, 9, 9, 10, 10, 11, 11]

    def decide(draft: Any) -> None:
        for hour in hours:
            draft.tell("highroad.test.told", "s", tenant="rival")
            draft.events[-1] = replace(draft.events[-1], at_s=draft.now_s + hour * 3600.0)

    async def run() -> None:
        async with controller() as desk:
            webhook, _ = await add(desk, "http://127.0.0.1:9/", "rival", kinds=["none"])
            first = await desk.webhooks.last_place("rival")
            began_s = desk._clock.now_s()
            await desk._planner.submit(decide)
            for hour, skipped in ((9, 0), (10.5, 1), (12, 2), (13, 3), (12.5, 3)):
                replayed = await desk.webhooks.replay(webhook.id, None, from_s=began_s + hour * 3600)
                assert replayed.cursor == first + skipped, hour
            newest = await desk.webhooks.last_place("rival")
            assert (await desk.webhooks.replay(webhook.id, None, from_s=began_s + 15 * 3600)).cursor == newest

    asyncio.run(run())


def test_a_rotated_secret_signs_beside_the_old_one() -> None:
    async def run() -> None:
        async with controller() as desk:
            with Receiver() as end:
                webhook, old = await add(desk, end.url)
                _, new = await desk.webhooks.rotate(webhook.id, None, 60.0)
                await tell(desk, 1)
                await until(lambda: end.accepted)
                for secret in (old, new):
                    verify(end.accepted[0].headers, end.accepted[0].body, secret)
                _, newest = await desk.webhooks.rotate(webhook.id, None, 0.0)
                sent = await desk.webhooks.test(webhook.id, None)
                assert sent.delivered
                assert end.accepted[-1].headers["webhook-signature"].count("v1,") == 1
                assert (
                    verify(end.accepted[-1].headers, end.accepted[-1].body, newest)["type"] == "highroad.webhook.test"
                )
                raw = b"".join(bytes(one) for one in _docs(desk))
                assert old.encode() not in raw
                assert newest.encode() not in raw

    asyncio.run(run())


def _docs(desk: Controller) -> list[bytes]:
    with desk._store._engine.connect() as connection:  # type: ignore[attr-defined]
        return [one[0] for one in connection.exec_driver_sql("SELECT doc FROM webhooks").all()]


def test_while_nothing_can_be_committed_deliveries_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with controller() as desk:
            with Receiver() as end:
                webhook, _ = await add(desk, end.url)
                await tell(desk, 200)
                commit = desk._store.commit
                broken = [True]

                def breaks(batch: Commit) -> Any:
                    if broken[0]:
                        raise Unavailable("the disk is gone")
                    return commit(batch)

                monkeypatch.setattr(desk._store, "commit", breaks)
                await asyncio.sleep(1.0)
                stood = len(end.accepted)
                await asyncio.sleep(0.5)
                assert len(end.accepted) == stood < 200
                broken[0] = False
                await until(lambda: len(end.accepted) == 200, 20)
                assert [one.event["data"]["number"] for one in end.accepted] == list(range(200))
                await until(lambda: desk._planner.book.webhooks[webhook.id].attempts == 200)

    asyncio.run(run())


def test_one_that_is_behind_by_very_much_holds_one_page() -> None:
    async def run() -> None:
        async with controller() as desk:
            for _ in range(5):
                await tell(desk, 300)
            reads: list[int] = []
            events = desk._store.events

            def counted(**asked: Any) -> Any:
                found = events(**asked)
                reads.append(len(found))
                return found

            desk._store.events = counted  # type: ignore[method-assign]
            with Receiver() as end:
                await add(desk, end.url, start="beginning")
                await until(lambda: len(end.accepted) == 1500, 60)
                assert max(reads) <= 500
                numbers = [one.event["data"]["number"] for one in end.accepted]
                assert numbers == list(range(300)) * 5

    asyncio.run(run())
