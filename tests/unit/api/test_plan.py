"""The optimiser's plan over the API: shown, compared, applied once, and refused where it is stale, frozen or off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from highroad.control.controller import Controller
from highroad.control.replanning import Rules
from highroad.model.plan import Optimising
from tests.support.backbone import Backbone, backbone
from tests.support.better import Knows

RULES = Rules(mode=Optimising.ASK, every_s=0.05, full_from=0.0)


@asynccontextmanager
async def planned(rules: Rules = RULES) -> AsyncIterator[tuple[Backbone, httpx.AsyncClient, str, tuple[str, ...]]]:
    """A service over one way, and who knows that it is better off on the other."""
    async with backbone(rules=rules) as world, world.http(world.operator) as http:
        controller = world.controller
        assert isinstance(controller, Controller)
        knows = controller.seat.replanning.solve = Knows()
        knows.ready = False
        order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}
        service = (await http.post("/v1/services?tenant=acme", json=order)).json()["id"]
        found = await world.active(http, service)
        here = tuple(found["there"]["links"])
        book = await controller.settled()
        other = next(way for way in ways(book.network) if way != here)
        knows.ways[service], knows.ready = other, True
        yield world, http, service, other


def ways(network: Any) -> list[tuple[str, ...]]:
    """Every simple way between the two ends."""
    found: list[tuple[str, ...]] = []

    def go(at: str, way: tuple[str, ...], seen: frozenset[str]) -> None:
        if at == "cloud-west":
            found.append(way)
            return
        for link in network.links:
            if link.tail == at and link.head not in seen:
                go(link.head, (*way, link.id), seen | {link.head})

    go("campus-east", (), frozenset({"campus-east"}))
    return found


async def plan_of(http: httpx.AsyncClient) -> dict[str, Any]:
    """The newest plan that moves anybody."""
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await http.get("/v1/plan")).json()
            if found["plan"] is not None and found["plan"]["moves"]:
                return found
            await asyncio.sleep(0.01)


def run(scene: Any) -> None:
    asyncio.run(scene())


def test_a_plan_is_shown_compared_and_applied_once() -> None:
    async def scene() -> None:
        async with planned() as (world, http, service, other):
            found = await plan_of(http)
            plan = found["plan"]
            assert (found["mode"], found["every_s"], found["doing"]) == ("ask", 0.05, None)
            assert (plan["moves"], plan["steps"], plan["left"], plan["stale"]) == (1, 1, 0, [])
            diff = (await http.get(f"/v1/plan/{plan['id']}")).json()
            (move,) = diff["moves"]
            assert (move["service"], move["tenant"], move["step"]) == (service, "acme", 1)
            assert move["after"]["sites"][0] == "campus-east"
            assert move["after"]["sites"] != move["before"]["sites"]
            changed = {one["link"]: (one["before_gbps"], one["after_gbps"]) for one in diff["links"]}
            assert set(changed.values()) == {(100.0, 0.0), (0.0, 100.0)}
            answer = await http.post(f"/v1/plan/{plan['id']}/apply")
            assert (answer.status_code, answer.json()) == (202, {"id": plan["id"], "services": 1, "steps": 1})
            done: dict[str, Any] = {"outcome": ""}
            async with asyncio.timeout(20):
                while not done["outcome"]:
                    await asyncio.sleep(0.01)
                    done = (await http.get(f"/v1/plan/{plan['id']}")).json()["plan"]
            assert (done["applied"], done["outcome"], done["stale"]) == (True, "done: 1 moved", [])
            assert tuple((await world.active(http, service))["there"]["links"]) == other
            again = await http.post(f"/v1/plan/{plan['id']}/apply")
            assert (again.status_code, again.json()["code"]) == (409, "conflict")
            assert "was applied already: done: 1 moved" in again.json()["detail"]
            events = (await http.get(f"/v1/events?subject={plan['id']}")).json()["items"]
            assert [one["type"] for one in events] == ["highroad.plan.applied", "highroad.plan.finished"]
            rows = (await http.get("/v1/audit")).json()["items"]
            (row,) = [one for one in rows if one["what"] == "ApplyPlan"]
            assert row["subject"] == plan["id"]

    run(scene)


def test_a_stale_plan_is_refused_and_says_what_has_changed() -> None:
    async def scene() -> None:
        async with planned() as (_, http, service, _):
            plan = (await plan_of(http))["plan"]["id"]
            found = (await http.get(f"/v1/services/{service}")).json()
            changed = await http.patch(
                f"/v1/services/{service}", json={"description": "x"}, headers={"If-Match": f'"{found["version"]}"'}
            )
            assert changed.status_code == 200
            refused = await http.post(f"/v1/plan/{plan}/apply")
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (409, "plan-stale")
            assert problem["changed"] == [f"{service} was changed by its tenant"]
            assert (await http.get(f"/v1/plan/{plan}")).json()["plan"]["stale"] == problem["changed"]

    run(scene)


def test_a_frozen_network_is_left_alone() -> None:
    async def scene() -> None:
        async with planned() as (_, http, _, _):
            plan = (await plan_of(http))["plan"]["id"]
            await http.put("/v1/freeze", json={"reason": "x"})
            refused = await http.post(f"/v1/plan/{plan}/apply")
            assert (refused.status_code, refused.json()["code"]) == (409, "frozen")

    run(scene)


def test_off_is_told_and_nothing_is_there() -> None:
    async def scene() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            found = (await http.get("/v1/plan")).json()
            assert (found["mode"], found["plan"], found["waits"]) == ("off", None, "")
            gone = await http.post("/v1/plan/pln-gone/apply")
            assert (gone.status_code, gone.json()["code"]) == (404, "not-found")

    run(scene)


@pytest.mark.parametrize("who", ["acme", "rival"])
def test_tenants_see_nothing_of_it(who: str) -> None:
    async def scene() -> None:
        async with planned() as (world, http, _, _), world.http(getattr(world, who)) as tenant:
            plan = (await plan_of(http))["plan"]["id"]
            for method, path in (("GET", ""), ("GET", f"/{plan}"), ("POST", f"/{plan}/apply")):
                assert (await tenant.request(method, f"/v1/plan{path}")).status_code == 403
            told = (await tenant.get("/v1/events")).json()["items"]
            assert not [one for one in told if "plan" in one["type"]]

    run(scene)
