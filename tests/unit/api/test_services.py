"""Ordering, looking, changing and releasing through the API."""

from __future__ import annotations

import asyncio
import math
import uuid
from typing import Any

import pytest

from highroad.cli.show import end_text
from highroad.wire.services import ServiceOut
from tests.support.backbone import backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 400}


def test_a_first_order_is_one_post() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ORDER | {"latency_bound_ms": 30, "fence": ["US"]})
            service = answer.json()
            assert answer.status_code == 201, service
            assert answer.headers["location"] == f"/v1/services/{service['id']}"
            assert answer.headers["etag"] == f'"{service["version"]}"'
            assert service["there"]["sites"] == ["campus-east", "pop-ash", "pop-chi", "pop-den", "cloud-west"]
            assert service["there"]["latency_ms"] == service["back"]["latency_ms"] == 21.658
            assert service["there"]["length_km"] == 4420.0
            found = await world.active(http, service["id"])
            assert found["from"]["port"] == "acme.campus-east"

    asyncio.run(run())


def test_a_refusal_names_what_binds_and_its_offers_are_taken_as_they_are() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ORDER | {"latency_bound_ms": 20})
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (409, "refused")
            assert problem["binding"]["constraint"] == "latency"
            assert problem["binding"]["least_latency_ms"] == 21.658
            assert problem["offers"]
            for offer in problem["offers"]:
                taken = await http.post("/v1/services", json=offer["order"])
                assert taken.status_code == 201, taken.text
                await http.delete(taken.headers["location"])

    asyncio.run(run())


def test_dry_run_keeps_nothing() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services?dry_run=true", json=ORDER)
            assert answer.status_code == 200
            assert answer.json()["dry_run"] is True
            assert answer.json()["service"]["there"]["latency_ms"] == 21.658
            assert (await http.get("/v1/services")).json()["items"] == []

    asyncio.run(run())


def test_the_same_key_orders_once() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            answers = await asyncio.gather(*(http.post("/v1/services", json=ORDER, headers=headers) for _ in range(5)))
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert sum("idempotency-replayed" in answer.headers for answer in answers) == 4
            other = await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": 1}, headers=headers)
            assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
            async with world.http(world.rival) as rival:
                own = await rival.post("/v1/services", json=ORDER, headers=headers)
                assert own.status_code == 201
                assert "idempotency-replayed" not in own.headers

    asyncio.run(run())


def test_an_operator_orders_for_a_tenant() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            nobody = await http.post("/v1/services", json=ORDER)
            assert nobody.json()["findings"][0]["place"] == "tenant"
            answer = await http.post("/v1/services?tenant=acme", json=ORDER)
            assert answer.json()["tenant"] == "acme"
            async with world.http(world.acme) as acme:
                refused = await acme.post("/v1/services?tenant=rival", json=ORDER)
                assert refused.status_code == 422

    asyncio.run(run())


def test_a_change_needs_the_version_that_was_read() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = (await http.post("/v1/services", json=ORDER)).json()
            service = await world.active(http, made["id"])
            url = f"/v1/services/{service['id']}"
            change = {"bandwidth_gbps": 500, "description": "more"}
            missing = await http.patch(url, json=change)
            assert (missing.status_code, missing.json()["code"]) == (428, "precondition-required")
            for stale in ('"0"', '"abc"', '"99"', '""'):
                answer = await http.patch(url, json=change, headers={"If-Match": stale})
                assert (answer.status_code, answer.json()["code"]) == (412, "version-conflict"), stale
            for garbage in ("abc", "3", '"', '"1" "2"', ""):
                answer = await http.patch(url, json=change, headers={"If-Match": garbage})
                assert (answer.status_code, answer.json()["findings"][0]["place"]) == (422, "If-Match"), garbage
            anyhow = await http.patch(f"{url}?dry_run=true", json=change, headers={"If-Match": "*"})
            assert anyhow.status_code == 200, anyhow.text
            current = {"If-Match": f'"{service["version"]}"'}
            preview = await http.patch(f"{url}?dry_run=true", json=change, headers=current)
            assert preview.json()["service"]["bandwidth_gbps"] == 500
            assert (await http.get(url)).json()["bandwidth_gbps"] == 400
            done = await http.patch(url, json=change, headers=current)
            assert (done.status_code, done.json()["bandwidth_gbps"]) == (200, 500), done.text
            assert done.headers["etag"] == f'"{done.json()["version"]}"'
            wrong = await http.patch(url, json={"bandwidth_gbps": -1}, headers={"If-Match": done.headers["etag"]})
            assert wrong.status_code in (412, 422)

    asyncio.run(run())


def test_release_and_again() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            service = (await http.post("/v1/services", json=ORDER)).json()
            await world.active(http, service["id"])
            url = f"/v1/services/{service['id']}"
            released = await http.delete(url)
            assert (released.status_code, released.json()["state"]) == (200, "TERMINATED")
            again = await http.delete(url)
            assert (again.status_code, again.json()["code"]) == (409, "conflict")
            assert (await http.get(url)).json()["state"] == "TERMINATED"

    asyncio.run(run())


def test_pages_have_every_service_once() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = set()
            for _ in range(7):
                answer = await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": 1})
                made.add(answer.json()["id"])
            seen: list[str] = []
            params: dict[str, str] = {"limit": "3"}
            while True:
                page = (await http.get("/v1/services", params=params)).json()
                seen += [one["id"] for one in page["items"]]
                if page["next_cursor"] is None:
                    break
                params["cursor"] = page["next_cursor"]
            assert sorted(seen) == sorted(made)
            assert len(seen) == 7

    asyncio.run(run())


def test_counters_tell_what_was_carried() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            service = (await http.post("/v1/services", json=ORDER)).json()
            await world.active(http, service["id"])
            async with asyncio.timeout(10):
                while True:
                    counters = (await http.get(f"/v1/services/{service['id']}/counters")).json()
                    if counters["carried_bytes"] > 0:
                        break
                    await asyncio.sleep(0.05)
            assert counters["lost_bytes"] == 0
            assert abs(counters["latency_ms_there"] - 21.658) < 0.01

    asyncio.run(run())


def test_a_number_that_no_router_tags_with_is_called_no_vlan() -> None:
    """In a lab: the tag that is found there only numbers an interface. On hosts it is what a customer has to send."""

    async def run(*, carries_tags: bool) -> list[str]:
        async with backbone(carries_tags=carries_tags) as world, world.http(world.acme) as http:
            order = ORDER | {"from": {"at": "edge-chi", "whole_port": True}, "bandwidth_gbps": 1}
            made = ServiceOut.model_validate((await http.post("/v1/services", json=order)).json())
            assert (made.a.vlan, made.a.whole_port, made.b.whole_port) == (None, True, False)
            assert made.b.vlan == (2 if carries_tags else None)
            return [end_text(end) for end in (made.a, made.b)]

    assert asyncio.run(run(carries_tags=True)) == ["acme.edge-chi whole port", "acme.cloud-west VLAN 2"]
    assert asyncio.run(run(carries_tags=False)) == ["acme.edge-chi whole port", "acme.cloud-west"]


def test_how_much_of_the_time_it_is_up_is_told_before_it_is_ordered() -> None:
    """By its path alone: every fibre and every site on it has to be up, as the network's lengths say."""

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}
            preview = (await http.post("/v1/services?dry_run=true", json=order)).json()["service"]
            made = (await http.post("/v1/services", json=order)).json()
            assert preview["availability"] == made["availability"]
            assert preview["there"]["links"] == made["there"]["links"]
            cuts = 2.73 * made["there"]["length_km"] / 1000 * 12 / 8766
            sites = len(made["there"]["sites"])
            assert made["availability"] == pytest.approx(math.exp(-cuts) * (1 - 1e-5) ** sites, abs=2e-9)

    asyncio.run(run())
