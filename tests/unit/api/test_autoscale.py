"""Rules by which services follow their load, through the API: ordered, shown, changed, and everything wrong at once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from highroad.control import autoscale
from highroad.model.service import ServiceId
from tests.support.backbone import backbone

ENDS: dict[str, Any] = {"from": "campus-east", "to": "cloud-west"}
RULE: dict[str, Any] = {"floor_gbps": 10, "ceiling_gbps": 700}


def test_a_rule_is_ordered_followed_and_turned_off() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = await http.post("/v1/services", json=ENDS | {"autoscale": RULE})
            service = made.json()
            assert (made.status_code, service["bandwidth_gbps"]) == (201, 10)
            assert service["autoscale"] == RULE | {"last_step": None, "last_refusal": None}
            address = f"/v1/services/{service['id']}"
            await world.active(http, service["id"])
            fixed = (await http.post("/v1/services", json=ENDS | {"bandwidth_gbps": 400})).json()
            assert fixed["autoscale"] is None
            await world.active(http, fixed["id"])

            async def step(to_gbps: float) -> dict[str, Any]:
                known = (await http.get(address)).json()
                wanted = autoscale.Step(service=ServiceId(known["id"]), version=known["version"], to_gbps=to_gbps)
                await world.controller._planner.submit(partial(autoscale.take, step=wanted))
                await asyncio.sleep(0.1)
                found = await http.get(address)
                assert found.headers["etag"] == f'"{found.json()["version"]}"'
                return dict(found.json())

            risen = await step(300)
            assert (risen["bandwidth_gbps"], risen["version"]) == (300, service["version"] + 1)
            assert risen["autoscale"]["last_step"]["from_gbps"] == 10
            refused = await step(600)
            assert (refused["bandwidth_gbps"], refused["version"]) == (300, risen["version"])
            assert refused["autoscale"]["last_refusal"]["wanted_gbps"] == 600
            assert "port acme.campus-east" in refused["autoscale"]["last_refusal"]["message"]
            stale = await http.patch(address, json={"bandwidth_gbps": 20}, headers={"If-Match": made.headers["etag"]})
            assert stale.status_code == 412
            off = await http.patch(address, json={"autoscale": None}, headers={"If-Match": "*"})
            assert (off.json()["autoscale"], off.json()["bandwidth_gbps"]) == (None, 300)
            again = {"json": {"autoscale": RULE | {"floor_gbps": 350}}, "headers": {"If-Match": "*"}}
            preview = (await http.patch(f"{address}?dry_run=true", **again)).json()  # type: ignore[arg-type]
            assert preview["service"]["bandwidth_gbps"] == 350
            assert "it follows its load between 350 and 700 Gbit/s" in preview["effects"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"bandwidth_gbps"}),
        ({"bandwidth_gbps": None}, {"bandwidth_gbps"}),
        ({"autoscale": None}, {"bandwidth_gbps"}),
        ({"autoscale": {"floor_gbps": 10}}, {"autoscale.ceiling_gbps"}),
        ({"autoscale": RULE | {"ceiling_gbps": 5}}, {"autoscale.floor_gbps"}),
        (
            {"autoscale": RULE | {"ceiling_gbps": 900}, "latency_bound_ms": -1},
            {"autoscale.ceiling_gbps", "latency_bound_ms"},
        ),
        ({"autoscale": RULE, "bandwidth_gbps": 5, "burst_gbps": 20}, {"bandwidth_gbps", "burst_gbps"}),
        ({"autoscale": RULE | {"floor": 1}, "latency_bound_ms": -1}, {"autoscale.floor", "latency_bound_ms"}),
        ({"autoscale": RULE, "traffic_class": "scavenger"}, {"autoscale", "bandwidth_gbps", "burst_gbps"}),
    ],
)
def test_everything_that_is_wrong_with_a_rule_is_said_at_once(body: dict[str, Any], places: set[str]) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ENDS | body)
            assert (answer.status_code, {one["place"] for one in answer.json()["findings"]}) == (422, places)

    asyncio.run(run())
