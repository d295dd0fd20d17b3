"""Roles and tokens: what each may do, that none hands out more than it has, and that they end."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from highroad.control.names import BASE62, is_secret, secret
from highroad.model.access import GRANTS, TENANTS, Grant, Role, changing_implies_looking
from highroad.model.service import TenantId
from highroad.ports import TokenRecord
from highroad.storage.codec import unpack
from tests.support.backbone import Backbone, backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}
ACME = TenantId("acme")


async def _issued(world: Backbone, token: str, **body: object) -> tuple[int, dict[str, Any]]:
    async with world.http(token) as http:
        answer = await http.post("/v1/tokens", json=body)
        return answer.status_code, answer.json()


async def _token(world: Backbone, **body: object) -> str:
    status, made = await _issued(world, world.operator, **body)
    assert status == 201, made
    return str(made["token"])


def test_an_engineer_sees_everything_and_changes_nothing() -> None:
    async def run() -> None:
        async with backbone() as world:
            token = await _token(world, role="engineer")
            async with world.http(token) as http, world.http(world.acme) as acme:
                service = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                assert (await http.get("/v1/network")).json()["fibres"]
                assert [one["id"] for one in (await http.get("/v1/services")).json()["items"]] == [service]
                assert (await http.get("/v1/whatif?cut=pop-chi")).status_code == 200
                dry = await http.post("/v1/services?dry_run=true&tenant=acme", json=ORDER)
                assert dry.status_code == 200, dry.text
                drain = {"target": "pop-chi"}
                assert (await http.post("/v1/maintenances?dry_run=true", json=drain)).status_code == 200
                for method, path, body in (
                    ("POST", "/v1/services?tenant=acme", ORDER),
                    ("POST", "/v1/services?tenant=acme&dry_run=1", ORDER),
                    ("POST", "/v1/services?tenant=acme&dry_run=true&dry_run=false", ORDER),
                    ("POST", "/v1/maintenances", drain),
                    ("DELETE", f"/v1/services/{service}", None),
                    ("PUT", "/v1/freeze", {}),
                    ("POST", "/v1/lab/cuts", {"fibre": "pop-ash--pop-chi"}),
                    ("GET", "/v1/tokens", None),
                    ("POST", "/v1/tokens", {}),
                ):
                    refused = await http.request(method, path, json=body)
                    assert refused.status_code == 403, (method, path, refused.text)
                assert len((await acme.get("/v1/services")).json()["items"]) == 1

    asyncio.run(run())


def test_a_viewer_looks_a_member_orders_and_an_admin_hands_out() -> None:
    async def run() -> None:
        async with backbone() as world:
            statuses = {}
            for role in TENANTS:
                async with world.http(await _token(world, tenant="acme", role=role.value)) as http:
                    who = (await http.get("/v1/session")).json()
                    assert (who["role"], who["tenant"]) == (role.value, "acme")
                    statuses[role] = [
                        (await http.get("/v1/services")).status_code,
                        (await http.post("/v1/services", json=ORDER)).status_code,
                        (await http.get("/v1/tokens")).status_code,
                        (await http.post("/v1/tokens", json={"role": "member"})).status_code,
                    ]
            assert statuses == {
                Role.VIEWER: [200, 403, 403, 403],
                Role.MEMBER: [200, 201, 403, 403],
                Role.ADMIN: [200, 201, 200, 201],
            }

    asyncio.run(run())


def test_an_admin_hands_out_tokens_of_its_own_tenant_and_sees_no_others() -> None:
    async def run() -> None:
        async with backbone() as world:
            admin = await _token(world, tenant="acme", role="admin")
            status, made = await _issued(world, admin, role="viewer")
            assert (status, made["tenant"], made["role"]) == (201, "acme", "viewer")
            for body in ({"role": "operator"}, {"role": "engineer"}, {"tenant": "rival", "role": "viewer"}):
                status, refused = await _issued(world, admin, **body)
                assert status in (403, 422), refused
            same = [(await _issued(world, admin, tenant=name))[1] for name in ("rival", "nobody")]
            assert same[0] == same[1]
            theirs = next(one.id for one in (await world.controller.settled()).tokens.values() if one.tenant == "rival")
            async with world.http(admin) as http:
                listed = (await http.get("/v1/tokens")).json()["items"]
                assert {one["tenant"] for one in listed} == {"acme"}
                assert theirs not in str(listed)
                gone = await http.delete(f"/v1/tokens/{theirs}")
                absent = await http.delete("/v1/tokens/tok-none")
                assert gone.status_code == absent.status_code == 404
                assert gone.text.replace(theirs, "X") == absent.text.replace("tok-none", "X")
                assert (await http.delete(f"/v1/tokens/{made['id']}")).status_code == 204
            async with world.http(made["token"]) as http:
                assert (await http.get("/v1/services")).status_code == 401

    asyncio.run(run())


def test_no_token_grants_more_than_its_issuer_has() -> None:
    async def run() -> None:
        async with backbone() as world:
            narrow = await _token(
                world, tenant="acme", role="admin", scopes=["tokens:write", "services:read"], expires_s=1000
            )
            status, made = await _issued(world, narrow, role="viewer")
            assert status == 201
            assert made["scopes"] == ["services:read", "tokens:read", "tokens:write"]
            assert made["expires"] is not None
            assert (await _issued(world, narrow, role="viewer", scopes=["services:read"], expires_s=900))[0] == 201
            assert (await _issued(world, narrow, role="viewer", scopes=["services:write"]))[0] == 403
            assert (await _issued(world, narrow, role="viewer", expires_s=2000))[0] == 403

    asyncio.run(run())


def test_a_scope_narrows() -> None:
    async def run() -> None:
        async with backbone() as world:
            token = await _token(world, tenant="acme", scopes=["services:write"])
            async with world.http(token) as http:
                assert (await http.post("/v1/services", json=ORDER)).status_code == 201
                assert (await http.get("/v1/services")).status_code == 200
                refused = await http.get("/v1/events")
                assert (refused.status_code, refused.json()["scope"]) == (403, "events:read")
                assert (await http.get("/v1/session")).json()["scopes"] == ["services:read", "services:write"]
            status, wrong = await _issued(world, world.operator, scopes=["service:read", "x"])
            assert status == 422
            assert [one["place"] for one in wrong["findings"]] == ["scopes[0]", "scopes[1]"]
            assert "services:read" in wrong["findings"][0]["message"]

    asyncio.run(run())


def test_a_token_expires_and_its_last_use_is_written_once_an_hour() -> None:
    async def run() -> None:
        async with backbone() as world:
            token = await _token(world, tenant="acme", role="viewer", expires_s=0.5)
            async with world.http(token) as http:
                assert (await http.get("/v1/services")).status_code == 200
                await world.app.state.notes.settle()
                book = await world.controller.settled()
                (record,) = [one for one in book.tokens.values() if one.role is Role.VIEWER]
                assert record.used_s is not None
                await http.get("/v1/services")
                await world.app.state.notes.settle()
                assert (await world.controller.settled()).tokens[record.id] is record
                await asyncio.sleep(0.5)
                over = await http.get("/v1/services")
                assert over.status_code == 401
                assert "expired" in over.json()["detail"]

    asyncio.run(run())


WRONG: list[dict[str, Any]] = [
    {"expires_s": 0},
    {"expires_s": -1},
    {"expires_s": 1e12},
    {"scopes": []},
    {"role": "viewer"},
    {"role": "root"},
    {"tenant": "acme", "role": "operator"},
]


@pytest.mark.parametrize("body", WRONG)
def test_what_makes_no_token_is_said(body: dict[str, Any]) -> None:
    async def run() -> None:
        async with backbone() as world:
            status, problem = await _issued(world, world.operator, **body)
            assert status == 422, problem
            assert problem["findings"]

    asyncio.run(run())


def test_tokens_from_before_there_were_roles_are_what_they_were() -> None:
    old = b'{"id": "tok-a", "hash": "h", "tenant": %s, "label": "", "created_s": 1.0, "revoked_s": null}'
    assert unpack(old % b"null", TokenRecord).grant == Grant(role=Role.OPERATOR)
    assert unpack(old % b'"acme"', TokenRecord).grant == Grant(role=Role.MEMBER, tenant="acme")


def test_a_secret_can_be_told_from_other_texts() -> None:
    made = secret()
    assert re.fullmatch(r"highroad_[0-9A-Za-z]{49}", made)
    assert is_secret(made)
    for place in range(len(made)):
        other = BASE62[(BASE62.find(made[place]) + 1) % 62]
        assert not is_secret(made[:place] + other + made[place + 1 :])


def test_covering_is_what_it_says() -> None:
    bounds: list[tuple[str, ...] | None] = [None, ("a:read",), ("a:read", "b:read")]
    grants = [
        Grant(role=role, tenant=tenant, scopes=scopes, expires_s=expires_s)
        for role in Role
        for tenant in (("acme", "rival") if role in TENANTS else (None,))
        for scopes in bounds
        for expires_s in (None, 1.0, 2.0)
    ]
    everything = {None: {"a:read", "b:read", "c:read"}}

    def powers(one: Grant) -> set[tuple[str | None, str]]:
        scopes = everything[None] if one.scopes is None else set(one.scopes)
        tenants = {"acme", "rival", None} if one.tenant is None else {one.tenant}
        return {(tenant, scope) for tenant in tenants for scope in scopes}

    for issuer in grants:
        for made in grants:
            end = (issuer.expires_s or 9.0) >= (made.expires_s or 9.0)
            right = made.role in GRANTS[issuer.role] and powers(made) <= powers(issuer) and end
            assert issuer.covers(made) == right, (issuer, made)
    assert changing_implies_looking(["a:write", "b:read"]) == ("a:read", "a:write", "b:read")
