"""Holds through the API: made, taken, let go, limited, and slowed by what a tenant asks."""

from __future__ import annotations

import asyncio
from typing import Any

from highroad.control.quota import MOST_HOLDS, Patience
from tests.support.backbone import backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}


def test_a_hold_is_made_taken_and_carried() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            preview = (await http.post("/v1/services?dry_run=true", json=ORDER | {"hold_s": 60})).json()
            assert preview["service"]["hold_until"] is not None
            answer = await http.post("/v1/services", json=ORDER | {"hold_s": 60})
            held = answer.json()
            assert (answer.status_code, held["state"]) == (201, "HELD")
            assert held["hold_until"] > held["created"]
            await asyncio.sleep(0.1)
            address = answer.headers["location"]
            assert (await http.get(address)).json()["state"] == "HELD"
            assert (await http.post(f"{address}/confirm", headers={"If-Match": '"7"'})).status_code == 412
            taken = await http.post(f"{address}/confirm", headers={"If-Match": answer.headers["etag"]})
            assert (taken.status_code, taken.json()["state"], taken.json()["hold_until"]) == (200, "RESERVED", None)
            assert (await http.post(f"{address}/confirm")).status_code == 200
            await world.active(http, held["id"])
            other = (await http.post("/v1/services", json=ORDER | {"hold_s": 60})).headers["location"]
            assert (await http.delete(other)).json()["state"] == "CANCELLED"
            gone = await http.post(f"{other}/confirm")
            assert (gone.status_code, gone.json()["code"]) == (409, "conflict")
            kinds = [one["type"] for one in (await http.get("/v1/events")).json()["items"]]
            assert kinds.count("highroad.service.held") == 2

    asyncio.run(run())


def test_what_is_wrong_with_a_hold_is_said_with_everything_else() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            wrong = await http.post("/v1/services", json=ORDER | {"hold_s": 5, "latency_bound_ms": -1})
            assert {one["place"] for one in wrong.json()["findings"]} == {"hold_s", "latency_bound_ms"}
            wrong = await http.post("/v1/services", json=ORDER | {"hold_s": "5m"})
            assert wrong.json()["findings"][0]["place"] == "hold_s"
            offers = (await http.post("/v1/services", json=ORDER | {"hold_s": 60, "latency_bound_ms": 20})).json()[
                "offers"
            ]
            assert offers
            assert all(one["order"]["hold_s"] == 60 for one in offers)

    asyncio.run(run())


def test_one_hold_too_many_says_when_the_next_expires() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            for _ in range(MOST_HOLDS):
                assert (await acme.post("/v1/services", json=ORDER | {"hold_s": 60})).status_code == 201
            answer = await acme.post("/v1/services", json=ORDER | {"hold_s": 60})
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["retryable"]) == (409, "hold-limit", True)
            assert (problem["limit_holds"], problem["held"]) == (MOST_HOLDS, MOST_HOLDS)
            assert problem["next_expires"] in problem["detail"]
            assert (await acme.post("/v1/services", json=ORDER)).status_code == 201
            assert (await rival.post("/v1/services", json=ORDER | {"hold_s": 60})).status_code == 201

    asyncio.run(run())


def test_who_asks_too_often_waits_and_operators_do_not() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.operator) as operator:
            world.controller._patience = Patience(burst=3, per_s=0.001)
            made = (await acme.post("/v1/services", json=ORDER)).json()["id"]
            look = "/v1/services?dry_run=true"
            patch: dict[str, Any] = {"json": {"bandwidth_gbps": 20}, "headers": {"If-Match": "*"}}
            assert (await acme.post(look, json=ORDER)).status_code == 200
            assert (await acme.patch(f"/v1/services/{made}?dry_run=true", **patch)).status_code == 200
            assert (await acme.post("/v1/services", json=ORDER | {"latency_bound_ms": 20})).status_code == 409
            for slowed in (
                await acme.post(look, json=ORDER),
                await acme.post("/v1/services", json=ORDER),
                await acme.patch(f"/v1/services/{made}", **patch),
                await acme.get("/v1/capacity?from=campus-east&to=cloud-west&hours=1"),
            ):
                assert (slowed.status_code, slowed.json()["code"]) == (429, "slow-down")
                assert int(slowed.headers["retry-after"]) == slowed.json()["retry_after_s"] > 0
            assert (await acme.get(f"/v1/services/{made}")).json()["bandwidth_gbps"] == 10
            assert (await acme.delete(f"/v1/services/{made}")).status_code == 200
            for _ in range(5):
                assert (await operator.post(f"{look}&tenant=acme", json=ORDER)).status_code == 200

    asyncio.run(run())
