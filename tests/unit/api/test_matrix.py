"""Nobody sees another tenant: every operation, as every role, on every tenant's things; and the matrix can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.control.commands import ReleaseService
from highroad.errors import Forbidden
from highroad.model.access import TENANTS, Role
from highroad.model.service import ServiceId, TenantId
from tests.support.backbone import Backbone, backbone
from tests.unit.api import matrix
from tests.unit.api.matrix import Things, faults

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 0.01}


@asynccontextmanager
async def ground() -> AsyncIterator[tuple[Backbone, dict[Role, str], Things]]:
    """Two tenants with things of every kind, and a token of each role; those of a tenant are acme's."""
    async with backbone() as world:
        incidents: dict[str, str] = {}
        owners = {"acme": world.acme, "rival": world.rival}
        ends = {"acme": "edge-chi", "rival": "cloud-west"}
        cuts = {"acme": "pop-chi--edge-chi", "rival": "pop-den--cloud-west"}
        made: dict[str, str] = {}

        async def kept(tenant: str) -> str:
            """A service that is carried: made once, and anew when something has ended it."""
            async with world.http(owners[tenant]) as http:
                known = made.get(tenant)
                if known is not None and (await http.get(f"/v1/services/{known}")).json()["state"] == "ACTIVE":
                    return known
                name = made[tenant] = str(
                    (await http.post("/v1/services", json=ORDER | {"to": ends[tenant]})).json()["id"]
                )
                things.secrets |= {name} if tenant == "rival" else set()
                await world.active(http, name)
                return name

        async def incident(tenant: str) -> str:
            return incidents[tenant]

        async def token(tenant: str) -> str:
            return (await world.controller.issue_token(tenant=TenantId(tenant), label=tenant))[0].id

        async def webhook(tenant: str) -> str:
            async with world.http(world.operator) as http:
                for one in (await http.get("/v1/webhooks")).json()["items"]:  # a tenant may have only so many
                    await http.delete(f"/v1/webhooks/{one['id']}")
                body = {"url": "http://127.0.0.1:9/hook", "tenant": tenant}
                answer = await http.post("/v1/webhooks", json=body)
                assert answer.status_code == 201, answer.text
                return str(answer.json()["id"])

        async def itself(tenant: str) -> str:
            return tenant

        things = Things(
            {
                "service_id": kept,
                "incident_id": incident,
                "token_id": token,
                "webhook_id": webhook,
                "tenant_id": itself,
            },
            {"rival", "Rival"},
        )
        async with world.http(world.operator) as http:
            for tenant, fibre in cuts.items():
                await kept(tenant)
                await http.post("/v1/lab/cuts", json={"fibre": fibre})
                await world.until(partial(_more, world, len(incidents)))
                incidents[tenant] = next(
                    str(one.id) for one in world.controller.seat.book.incidents.values() if fibre in one.fibres
                )
                await http.delete(f"/v1/lab/cuts/{fibre}")
                await world.until(lambda: not world.controller.seat.book.down)
        things.secrets |= {incidents["rival"]}
        tokens = {
            role: (await world.controller.issue_token(tenant=TenantId("acme") if role in TENANTS else None, role=role))[
                1
            ]
            for role in Role
        }
        yield world, tokens, things


def _more(world: Backbone, known: int) -> bool:
    return len(world.controller.seat.book.incidents) > known


def test_every_operation_as_every_role_on_every_tenants_things() -> None:
    async def run() -> list[str]:
        async with ground() as (world, tokens, things):
            return await faults(world, tokens, things)

    assert asyncio.run(run()) == []


router = APIRouter(prefix="/v1/leaks", tags=["leaks"], route_class=Guarded)


@router.get("/open/{service_id}", **allow(TENANT, OPERATOR, problems=("not-found",)))
async def open_to_all(call: Call, service_id: str) -> Response:
    """Forgets whose it is."""
    service = await call.controller.find_service(ServiceId(service_id), None)
    return JSONResponse({"id": service.id, "tenant": service.tenant})


@router.get("/forbidden/{service_id}", **allow(TENANT, OPERATOR, problems=("not-found",)))
async def forbidden(call: Call, service_id: str) -> Response:
    """Says that it is somebody else's."""
    service = await call.controller.find_service(ServiceId(service_id), None)
    if service.tenant != call.tenant:
        raise Forbidden("this is not yours")
    return JSONResponse({})


@router.get("/list", **allow(TENANT, OPERATOR))
async def everything(call: Call) -> Response:
    """Lists everybody's."""
    return JSONResponse(list((await call.controller.settled()).services))


@router.delete("/slow/{service_id}", **allow(TENANT, OPERATOR, problems=("not-found",)))
async def slow(call: Call, service_id: str) -> Response:
    """Answers alike, and works longer for what is somebody else's."""
    if ServiceId(service_id) in (await call.controller.settled()).services:
        await call.controller.do(ReleaseService(service=ServiceId(service_id), tenant=call.tenant, if_version=None))
        return JSONResponse({})
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    return JSONResponse({})


@router.get("/reads/{service_id}", **allow(TENANT, OPERATOR, problems=("not-found",)))
async def reads(call: Call, service_id: str) -> Response:
    """Answers alike, and reads more for what is somebody else's."""
    if ServiceId(service_id) in (await call.controller.settled()).services:
        await call.controller.events(after=0, limit=10, caller=call.caller, subject=None)
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    return JSONResponse({})


@router.get("/sleeps/{service_id}", **allow(TENANT, OPERATOR, problems=("not-found",)))
async def sleeps(call: Call, service_id: str) -> Response:
    """Answers alike and does the same, and takes longer for what is somebody else's."""
    if ServiceId(service_id) in (await call.controller.settled()).services:
        await asyncio.sleep(0.3)
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    return JSONResponse({})


@router.get("/new", **allow(TENANT, OPERATOR))
async def new(call: Call) -> Response:
    """Has no row."""
    return JSONResponse({})


@router.get("/viewers", **allow(TENANT, OPERATOR))
async def viewers(call: Call) -> Response:
    """Is open to more than its row says."""
    return JSONResponse({})


ROWS = {
    "/v1/leaks/open/{service_id}": matrix.EVERYBODY,
    "/v1/leaks/forbidden/{service_id}": matrix.EVERYBODY,
    "/v1/leaks/list": matrix.EVERYBODY,
    "/v1/leaks/slow/{service_id}": matrix.ORDERS,
    "/v1/leaks/reads/{service_id}": matrix.EVERYBODY,
    "/v1/leaks/sleeps/{service_id}": matrix.EVERYBODY,
    "/v1/leaks/viewers": matrix.ORDERS,
}


def test_leaks_that_are_planted_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {("delete" if "slow" in path else "get", path): roles for path, roles in ROWS.items()}
    for one in list(matrix.EXPECTED):
        monkeypatch.delitem(matrix.EXPECTED, one)
    for one, roles in rows.items():
        monkeypatch.setitem(matrix.EXPECTED, one, roles)

    async def run() -> list[str]:
        async with ground() as (world, tokens, things):
            world.app.include_router(router)
            return [one for one in await faults(world, tokens, things) if "/v1/leaks/" in one]

    found = asyncio.run(run())
    for path, words in (
        ("open", "tells another's from none"),
        ("forbidden", "tells another's from none"),
        ("list", "tells svc-"),
        ("slow", "does more for another's than for none"),
        ("reads", "does more for another's than for none"),
        ("sleeps", "longer for another's than for none"),
        ("new", "has no row"),
        ("viewers", "as viewer is 200"),
    ):
        assert any(f"/v1/leaks/{path}" in one and words in one for one in found), (path, found)


def test_what_is_named_in_bodies_queries_keys_and_cursors_tells_nothing_either() -> None:
    async def run() -> None:
        async with ground() as (world, tokens, things):
            theirs = await things.make["service_id"]("rival")
            same = {"X-Request-Id": "same"}
            async with world.http(tokens[Role.ADMIN], **same) as acme, world.http(world.rival, **same) as rival:

                async def alike(method: str, path: str, theirs: str, none: str, **more: Any) -> None:
                    answers = []
                    for name in (theirs, none):
                        body = None if "json" not in more else {k: v.replace("NAME", name) if isinstance(v, str) else v
                                                               for k, v in more["json"].items()}  # fmt: skip
                        answer = await acme.request(method, path.replace("NAME", name), json=body)
                        assert answer.status_code >= 400, answer.text
                        answers.append(answer.text.replace(name, "NAME"))
                    assert answers[0] == answers[1]
                    assert "rival" not in answers[0]

                for path in ("/v1/services", "/v1/services?dry_run=true"):
                    await alike("POST", path, "rival.cloud-west", "nobody.cloud-west", json=ORDER | {"to": "NAME"})
                    await alike("POST", path, theirs, "svc-nonenonene", json=ORDER | {"to": "NAME"})
                await alike("GET", "/v1/services?tenant=NAME", "rival", "nobody")
                await alike("POST", "/v1/services?tenant=NAME", "rival", "nobody", json=ORDER)
                await alike("POST", "/v1/tokens", "rival", "nobody", json={"tenant": "NAME"})
                await alike("GET", "/v1/capacity?from=campus-east&to=NAME", "rival.cloud-west", "nobody.cloud-west")
                key = {"Idempotency-Key": "the same"}
                first = await rival.post("/v1/services", json=ORDER, headers=key)
                second = await acme.post("/v1/services", json=ORDER, headers=key)
                assert "Idempotency-Replayed" not in second.headers
                assert first.headers["location"] != second.headers["location"]
                page = (await rival.get("/v1/services?limit=1")).json()["next_cursor"]
                for path in ("/v1/services", "/v1/ports", "/v1/tokens", "/v1/incidents"):
                    text = (await acme.get(f"{path}?cursor={page}")).text
                    assert not [one for one in things.secrets if one in text]

    asyncio.run(run())
