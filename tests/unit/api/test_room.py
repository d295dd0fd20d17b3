"""Orders that others make room for, through the API: what a tenant is told of it, and what an operator is."""

from __future__ import annotations

import asyncio
from typing import Any

from highroad.model.plan import Optimising
from tests.support.backbone import Backbone, backbone

OLD: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 300, "max_paths": 1}
NEW: dict[str, Any] = {
    "from": "edge-chi",
    "to": "cloud-west",
    "bandwidth_gbps": 450,
    "latency_bound_ms": 17,
    "max_paths": 1,
}
"""Only by Denver: so is the old one, which may also go by Dallas."""

BY_DENVER = ["campus-east", "pop-ash", "pop-chi", "pop-den", "cloud-west"]
BY_DALLAS = ["campus-east", "pop-ash", "pop-dal", "cloud-west"]


def optimising(world: Backbone, mode: Optimising) -> None:
    world.controller._loop._optimising = mode
    world.controller._loop.wake()


async def placed(world: Backbone) -> str:
    """A service in the way: its path, its id."""
    async with world.http(world.acme) as http:
        made = (await http.post("/v1/services", json=OLD)).json()
        assert made["there"]["sites"] == BY_DENVER
        await world.active(http, made["id"])
    async with world.http(world.rival) as rival:
        filler = {"from": "edge-chi", "to": "cloud-west", "bandwidth_gbps": 100, "latency_bound_ms": 17}
        assert (await rival.post("/v1/services", json=filler)).status_code == 201
    return str(made["id"])


def test_a_tenant_is_told_that_others_move_and_an_operator_who() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            old = await placed(world)
            refused = await http.post("/v1/services", json=NEW)
            assert (refused.status_code, refused.json()["code"]) == (409, "refused")
            optimising(world, Optimising.AUTO)
            await world.until(lambda: world.controller.seat.book.optimising is Optimising.AUTO)

            mine = (await http.post("/v1/services?dry_run=true", json=NEW)).json()
            assert mine["effects"] == [
                "others are moved to make room for it, and it is carried once they are: no packet of theirs is lost"
            ]
            theirs = (await operator.post("/v1/services?dry_run=true&tenant=acme", json=NEW)).json()
            (effect,) = theirs["effects"]
            assert effect.startswith(f"{old} moves from {' → '.join(BY_DENVER)} to {' → '.join(BY_DALLAS)}, ")
            assert (await http.get(f"/v1/services/{old}")).json()["there"]["sites"] == BY_DENVER

            made = await http.post("/v1/services", json=NEW)
            assert made.status_code == 201, made.text
            assert made.json()["reason"] == "not carried yet: others are being moved to make room for it"
            assert made.json()["there"]["sites"] == ["edge-chi", *BY_DENVER[2:]]
            active = await world.active(http, made.json()["id"])
            assert active["reason"] is None
            assert (await http.get(f"/v1/services/{old}")).json()["there"]["sites"] == BY_DALLAS

            told = (await operator.get("/v1/events?after=0&limit=200")).json()["items"]
            (event,) = [one for one in told if one["type"] == "highroad.room.made"]
            assert event["subject"] == made.json()["id"]
            assert [one["service"] for one in event["data"]["moves"]] == [old]
            seen = (await http.get("/v1/events?after=0&limit=200")).json()["items"]
            assert not [one for one in seen if one["type"].startswith("highroad.room.")]

    asyncio.run(run())


def test_where_the_optimiser_asks_a_tenant_is_refused_and_an_operators_order_is_its_yes() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            await placed(world)
            optimising(world, Optimising.ASK)
            await world.until(lambda: world.controller.seat.book.optimising is Optimising.ASK)
            for url in ("/v1/services", "/v1/services?dry_run=true"):
                refused = await http.post(url, json=NEW)
                assert refused.status_code == 409
                assert refused.json()["offers"]
            made = await operator.post("/v1/services?tenant=acme", json=NEW)
            assert made.status_code == 201
            rows = (await operator.get("/v1/audit")).text
            assert made.json()["id"] in rows

    asyncio.run(run())
