"""How much is let in: rates, how many at once, and how long; what is over is done nothing of."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message, Scope

from highroad.api import gate as gate_module
from highroad.api.gate import Allowance, Buckets, Gate
from highroad.control import planner as planner_module
from highroad.errors import Unavailable
from highroad.model.access import Role
from highroad.model.service import TenantId
from tests.support.backbone import backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 0.1}


def test_a_bucket_holds_and_fills() -> None:
    buckets = Buckets(2.0, 4.0)
    assert [buckets.take("a", 0.0) for _ in range(6)] == [3.0, 2.0, 1.0, 0.0, -1.0, -1.0]
    assert buckets.take("b", 0.0) == 3.0
    assert buckets.wait_s(-1.0) == 1
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 100.0) == 3.0


def test_a_token_and_a_tenant_have_their_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(gate_module, "monotonic", lambda: at[0])

    async def run() -> None:
        allowance = Allowance(token_per_s=2, tenant_per_s=3, burst_s=2)
        async with backbone(options={"allowance": allowance}) as world:
            other = (await world.controller.issue_token(tenant=TenantId("acme"), role=Role.VIEWER))[1]
            async with world.http(world.acme) as http, world.http(other) as second, world.http(world.rival) as rival:
                answers = [await http.get("/v1/session") for _ in range(5)]
                assert [one.status_code for one in answers] == [200] * 4 + [429]
                assert answers[0].headers["ratelimit-policy"] == '"token";q=4;w=2'
                assert [one.headers["ratelimit"] for one in answers[:4]] == [
                    f'"token";r={left};t={full}' for left, full in ((3, 1), (2, 1), (1, 2), (0, 2))
                ]
                assert answers[4].json()["code"] == "slow-down"
                assert answers[4].headers["retry-after"] == "1"
                assert [(await second.get("/v1/session")).status_code for _ in range(3)] == [200, 200, 429]
                assert "this tenant" in (await second.get("/v1/session")).json()["detail"]
                assert (await rival.get("/v1/session")).status_code == 200
                at[0] += 1.0
                assert (await http.get("/v1/session")).status_code == 200

    asyncio.run(run())


def test_who_tries_tokens_is_slowed_and_nobody_else_is() -> None:
    async def run() -> None:
        allowance = Allowance(wrong_per_s=0.001, wrong_burst=3)
        async with backbone(options={"allowance": allowance}) as world:
            async with world.http("wrong") as http:
                statuses = [(await http.get("/v1/services")).status_code for _ in range(5)]
                assert statuses == [401, 401, 401, 429, 429]
            async with world.http(world.acme) as http:
                assert (await http.get("/v1/services")).status_code == 200

    asyncio.run(run())


def test_more_at_once_than_are_taken_are_shed_and_none_of_them_is_done() -> None:
    async def run() -> None:
        async with backbone(options={"allowance": Allowance(in_flight=4)}) as world, world.http(world.acme) as http:
            answers = await asyncio.gather(*(http.post("/v1/services", json=ORDER) for _ in range(40)))
            made = {one.json()["id"] for one in answers if one.status_code == 201}
            shed = [one for one in answers if one.status_code == 503]
            assert len(made) + len(shed) == 40
            assert len(made) >= 4
            assert shed
            assert {one.headers["retry-after"] for one in shed} == {"1"}
            assert {one["id"] for one in (await http.get("/v1/services")).json()["items"]} == made
            assert (await http.get("/readyz")).status_code == 200
            assert world.app.state.gate.in_flight == 0

    asyncio.run(run())


def test_who_would_wait_too_long_for_the_planner_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_module, "BATCH", 1)

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            planner: Any = world.controller._planner
            planner._batch_s = 0.2
            answers = await asyncio.gather(*(http.post("/v1/services", json=ORDER) for _ in range(30)))
            shed = [one for one in answers if one.status_code == 503]
            assert shed
            assert "orders are waiting" in shed[0].json()["detail"]
            assert int(shed[0].headers["retry-after"]) >= 1
            made = [one for one in answers if one.status_code == 201]
            assert len((await http.get("/v1/services")).json()["items"]) == len(made) >= 3

    asyncio.run(run())


def test_what_takes_too_long_is_given_up_and_not_half_done() -> None:
    async def run() -> None:
        allowance = Allowance(request_s=0.3)
        async with backbone(options={"allowance": allowance}) as world, world.http(world.acme) as http:
            planner: Any = world.controller._planner
            async with planner._settled:  # as if what is before it took long
                late = await http.post("/v1/services", json=ORDER)
            assert late.status_code == 503, late.text
            assert "0.3 s" in late.json()["detail"]
            await asyncio.sleep(0.2)
            assert (await http.get("/v1/services")).json()["items"] == []
            assert (await http.post("/v1/services", json=ORDER)).status_code == 201

    asyncio.run(run())


def test_a_body_that_is_on_its_way_holds_no_slot_and_does_not_count_as_late() -> None:
    async def run() -> None:
        async with backbone(options={"allowance": Allowance(in_flight=4)}) as world:
            gate: Gate = world.app.state.gate
            whole = asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield b"{"
                await whole.wait()
                yield b"}"

            async def session(statuses: list[int]) -> None:
                bodies = slowly()

                async def receive() -> Message:
                    async for body in bodies:
                        return {"type": "http.request", "body": body, "more_body": body != b"}"}
                    return {"type": "http.disconnect"}

                async def send(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        statuses.append(message["status"])

                await world.app(_scope("/v1/session"), receive, send)

            statuses: list[int] = []
            slow = [asyncio.create_task(session(statuses)) for _ in range(40)]
            await world.until(lambda: gate.coming.total() == 40)
            assert gate.in_flight == 0
            async with world.http(world.acme) as http:
                assert (await http.get("/v1/services")).status_code == 200
            await asyncio.sleep(gate_module.LATE_S + 0.05)
            whole.set()
            await asyncio.gather(*slow)
            assert statuses == [422] * 40
            assert (gate.room, gate.in_flight, gate.coming) == (4.0, 0, {})

    asyncio.run(run())


def test_so_many_bodies_are_on_their_way_of_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "MOST_COMING_HERE", 0)

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            refused = await http.post("/v1/session", json={})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert (await http.post("/v1/services", json=ORDER)).status_code == 201

    asyncio.run(run())


def test_who_measures_takes_nobody_s_slot() -> None:
    async def run() -> None:
        async with backbone(options={"allowance": Allowance(in_flight=4)}) as world, world.http(world.acme) as http:
            gate: Gate = world.app.state.gate
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(http, service)
            path, body = f"/v1/services/{service}/ping", {"count": 2, "interval_ms": 500}
            pings = [asyncio.create_task(http.post(path, json=body)) for _ in range(4)]
            await world.until(lambda: gate.waits.total() == 4)
            assert gate.in_flight == 0
            fifth = await http.post(path, json=body)
            assert (fifth.status_code, fifth.headers["retry-after"]) == (429, "1")
            assert "4 requests at once" in fifth.json()["detail"]
            assert (await http.get("/v1/services")).status_code == 200
            assert [one.status_code for one in await asyncio.gather(*pings)] == [200] * 4
            assert (gate.room, gate.in_flight, gate.waits, gate.held) == (4.0, 0, {}, {})

    asyncio.run(run())


def answered(gate: Gate, at: list[float], *, each_s: float, at_once: int, for_s: float, first_s: float = 0.0) -> int:
    """So many ask again as soon as they are answered, one after the other; each answer takes `each_s`, after `first_s`
    in which nothing of ours is busy. Returns how many were turned away.
    """
    until_s, queue, away = at[0] + for_s, deque[float](), 0
    while at[0] < until_s:
        for _ in range(at_once - len(queue)):
            if gate.full:
                away += 1
            else:
                queue.append(gate.take())
        at[0] = max(at[0], queue[0] + first_s) + each_s
        gate.passed(at[0] - queue.popleft())
    for _ in queue:
        gate.leave()
    return away


def test_no_more_are_taken_than_are_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(gate_module, "monotonic", lambda: at[0])
    slow = Gate()
    assert answered(slow, at, each_s=0.018, at_once=16, for_s=5.0) == 0  # 0.29 s each: nobody has to be turned away
    assert 16 <= slow.room <= 17  # and yet it is known that 64 would wait for more than a second
    answered(slow, at, each_s=0.03, at_once=500, for_s=5.0)
    assert 8 <= slow.room <= 11
    answered(slow, at, each_s=0.5, at_once=500, for_s=60.0)
    assert slow.room == 8.0
    answered(slow, at, each_s=0.002, at_once=500, for_s=5.0)
    assert 70 <= slow.room <= 151
    assert slow.in_flight == 0


def test_answers_that_come_many_at_once_are_counted_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(gate_module, "monotonic", lambda: at[0])
    gate = Gate()
    for _ in range(100):
        begun_s = [gate.take() for _ in range(16)]
        at[0] += 0.3
        for since_s in begun_s:
            gate.passed(at[0] - since_s)
    assert 15.5 <= gate.room <= 16.5


def test_while_many_are_turned_away_some_room_is_left_for_what_that_costs() -> None:
    gate = Gate()
    for waiting, room, taken in (
        (0, 64.0, 64),
        (64, 64.0, 64),
        (65, 64.0, 39),
        (500, 9.0, 8),
        (500, 8.0, 8),
        (9, 4.0, 4),
    ):
        gate.waiting, gate.room, gate.in_flight = waiting, room, 0
        while not gate.full:
            gate.take()
        assert gate.in_flight == taken


def test_where_answers_take_long_but_wait_for_nobody_no_fewer_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(gate_module, "monotonic", lambda: at[0])
    gate = Gate()
    answered(gate, at, each_s=2.0, at_once=2, for_s=60.0)
    assert gate.room == 64.0
    answered(gate, at, each_s=0.0001, at_once=16, for_s=30.0, first_s=0.1)
    assert gate.room == 64.0
    assert answered(gate, at, each_s=0.0001, at_once=60, for_s=30.0, first_s=0.1) == 0
    assert gate.room > 64.0


def test_a_tenant_has_half_of_the_slots_while_others_ask() -> None:
    gate = Gate(Allowance(in_flight=8))
    gate.asks("acme")
    gate.held["acme"] = 4
    gate.check_share("acme")
    gate.asks(None)
    with pytest.raises(Unavailable, match="share"):
        gate.check_share("acme")
    gate.check_share("rival")
    gate.held["acme"] = 3
    gate.check_share("acme")


def test_what_is_refused_is_counted_too() -> None:
    async def run() -> None:
        allowance = Allowance(token_per_s=0.001, burst_s=3000, wrong_per_s=0.001, wrong_burst=2)
        async with backbone(options={"allowance": allowance}) as world, world.http(world.acme) as http:
            refused = [await http.get("/v1/tenants") for _ in range(4)]
            assert [one.status_code for one in refused] == [403, 403, 403, 429]
            assert [one.headers["ratelimit"].split(";")[1] for one in refused] == ["r=2", "r=1", "r=0", "r=0"]
            assert refused[3].headers["ratelimit-policy"] == '"token";q=3;w=3000'
            wrong = [(await http.post("/v1/session", json={"x": 1})).status_code for _ in range(4)]
            assert wrong == [422, 422, 429, 429]

    asyncio.run(run())


def test_what_is_shed_says_which_request_it_was() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            world.app.state.gate.room = 0.0
            shed = await http.get("/v1/services")
            assert (shed.status_code, shed.json()["request_id"]) == (503, "test")

    asyncio.run(run())


def _scope(path: str) -> Scope:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"2")]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
