"""Who may do what, from the OpenAPI document: no route is forgotten, and nobody sees another tenant."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from highroad.model.incident import darkness
from tests.support.backbone import Backbone, backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}
OPEN = {
    ("post", "/v1/session"),
    ("get", "/v1/session/ways"),
    ("get", "/v1/session/openid"),
    ("get", "/v1/session/openid/return"),
    ("get", "/healthz"),
    ("get", "/readyz"),
}
METHODS = ("get", "put", "post", "patch", "delete")


async def _operations(world: Backbone) -> list[tuple[str, str, list[str]]]:
    async with world.http() as http:
        document = (await http.get("/v1/openapi.json")).json()
    return [
        (method, path, operation.get("x-highroad-roles", []))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def _filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)


IDS = {
    "service_id": "svc-none",
    "incident_id": "inc-none",
    "maintenance_id": "mnt-none",
    "fibre": "pop-ash--pop-chi",
    "group": "bridge",
    "token_id": "tok-none",
    "site": "pop-chi",
    "webhook_id": "whk-none",
    "tenant_id": "none",
    "link": "pop-ash%3Epop-chi",
    "plan_id": "pln-none",
}


def test_every_route_says_who_may_call_it_and_is_documented() -> None:
    async def run() -> None:
        async with backbone() as world:
            operations = await _operations(world)
            assert len(operations) >= 30
            for method, path, roles in operations:
                assert roles, f"{method} {path} does not say who may call it"
                assert ("anyone" in roles) == ((method, path) in OPEN), f"{method} {path}"

    asyncio.run(run())


def test_without_a_token_there_is_nothing() -> None:
    async def run() -> None:
        async with backbone() as world:
            for token in (None, "hr_wrong"):
                async with world.http(token) as http:
                    for method, path, roles in await _operations(world):
                        if "anyone" in roles:
                            continue
                        answer = await http.request(method, _filled(path, IDS), content=b"not even JSON")
                        assert answer.status_code == 401, f"{method} {path}"
                        assert answer.json()["code"] == "unauthenticated"
                        assert answer.headers["www-authenticate"].startswith("Bearer")

    asyncio.run(run())


def test_a_tenant_may_not_do_what_is_the_operators() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            for method, path, roles in await _operations(world):
                if path == "/v1/live":
                    continue  # it answers for ever: see test_streams
                answer = await http.request(method, _filled(path, IDS), content=b"not even JSON")
                if "anyone" in roles or "member" in roles:
                    assert answer.status_code != 403, f"{method} {path}"
                else:
                    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), f"{method} {path}"

    asyncio.run(run())


def test_what_is_anothers_does_not_exist() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            service = (await rival.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(rival, service)
            async with world.http(world.operator) as operator:
                await operator.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi"})
                book = await world.controller.settled()
                await world.until(lambda: bool(book.incidents))
                incident = next(iter(book.incidents))
            ids = IDS | {"service_id": service, "incident_id": incident}
            headers = {"If-Match": '"1"'}
            for method, path, roles in await _operations(world):
                if "member" not in roles or not {"service_id", "incident_id"} & set(re.findall(r"\{(\w+)\}", path)):
                    continue
                body = {"bandwidth_gbps": 1} if method == "patch" else {} if path.endswith("/ping") else None
                theirs = await acme.request(method, _filled(path, ids), json=body, headers=headers)
                none = await acme.request(method, _filled(path, IDS), json=body, headers=headers)
                assert theirs.status_code == none.status_code == 404, f"{method} {path}"
                told = theirs.text.replace(service, "X").replace(incident, "X")
                assert told == none.text.replace("svc-none", "X").replace("inc-none", "X")
            assert (await rival.get(f"/v1/services/{service}")).json()["bandwidth_gbps"] == 100
            for path in ("/v1/services", "/v1/incidents"):
                assert (await acme.get(path)).json()["items"] == []
            for path in ("/v1/services", "/v1/ports", "/v1/events", "/v1/incidents", "/v1/network", "/v1/session"):
                text = (await acme.get(path)).text
                assert service not in text
                assert "rival" not in text.lower()
            assert (await acme.get("/v1/network")).json()["fibres"] == []
            assert "tenant" in (await acme.get("/v1/services?tenant=rival")).text

    asyncio.run(run())


def test_a_tenants_incident_is_its_own_part_of_it() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            mine = (await acme.post("/v1/services", json=ORDER)).json()["id"]
            theirs = (await rival.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(acme, mine)
            await world.active(rival, theirs)
            async with world.http(world.operator) as operator:
                await operator.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi"})
                async with asyncio.timeout(10):
                    while True:
                        items = (await operator.get("/v1/incidents")).json()["items"]
                        if items and all(one["healed"] for one in items[0]["outages"]):
                            break
                        await asyncio.sleep(0.01)
            assert {one["service"] for one in items[0]["outages"]} == {mine, theirs}
            assert items[0]["fibres"] == ["pop-ash--pop-chi"]
            own = (await acme.get("/v1/incidents")).json()["items"]
            assert own == [(await acme.get(f"/v1/incidents/{items[0]['id']}")).json()]
            assert [one["service"] for one in own[0]["outages"]] == [mine]
            assert own[0]["fibres"] == []
            told = {entry["phase"]: entry["text"] for entry in own[0]["timeline"]}
            assert told["failed"] == "a fibre failed"
            (outage,) = own[0]["outages"]  # where its hosts sent nothing meanwhile, nobody knows for how long
            words = darkness([(outage["dark_ms"], outage.get("less_than_ms"))], several=False)
            assert told["repaired"] == f"your service is carried again; {words}"
            assert theirs not in str(own)
            assert "pop-ash--pop-chi" not in str(own)

    asyncio.run(run())
