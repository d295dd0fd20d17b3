"""Quotas through the API: set by an operator, seen by whose they are, and a problem of their own where they bind."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.backbone import backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}
QUOTA = "/v1/tenants/acme/quota"


def test_a_quota_is_set_seen_and_held_to() -> None:
    async def run() -> None:
        async with (
            backbone() as world,
            world.http(world.operator) as operator,
            world.http(world.acme) as acme,
            world.http(world.rival) as rival,
        ):
            answer = await operator.patch(QUOTA, json={"services": 1, "gbps": 15.5})
            assert answer.status_code == 200, answer.text
            assert (await acme.post("/v1/services", json=ORDER)).status_code == 201
            own = (await acme.get("/v1/tenants/acme")).json()
            assert own["quota"]["services"] == {"used": 1, "allowed": 1}
            assert own["quota"]["gbps"] == {"used": 10.0, "allowed": 15.5}
            assert own["quota"]["holds"] == {"used": 0, "allowed": None}
            listed = {one["id"]: one for one in (await operator.get("/v1/tenants")).json()["items"]}
            assert listed["acme"] == own
            assert listed["rival"]["quota"]["services"] == {"used": 0, "allowed": None}
            for path in ("/v1/services", "/v1/services?dry_run=true"):
                no = await acme.post(path, json=ORDER)
                problem = no.json()
                assert (no.status_code, problem["code"], problem["retryable"]) == (409, "quota-exceeded", False)
                facts = {name: problem[name] for name in ("quota", "allowed", "used", "asked", "fits")}
                assert facts == {"quota": "services", "allowed": 1, "used": 1, "asked": 1, "fits": 0}
            await operator.patch(QUOTA, json={"services": None})
            no = (await operator.post("/v1/services?tenant=acme", json=ORDER)).json()  # also for who orders for it
            assert (no["quota"], no["used"], no["asked"], no["fits"]) == ("gbps", 10.0, 10.0, 5.5)
            assert (await rival.post("/v1/services", json=ORDER)).status_code == 201
            assert (await rival.get("/v1/tenants/acme")).status_code == 404
            assert (await acme.patch(QUOTA, json={"services": 9})).status_code == 403
            kinds = [one["type"] for one in (await acme.get("/v1/events")).json()["items"]]
            assert kinds.count("highroad.tenant.quota") == 2
            rows = (await operator.get("/v1/audit")).json()["items"]
            assert [one["subject"] for one in rows if one["what"] == "SetQuota"] == ["acme", "acme"]

    asyncio.run(run())


def test_what_is_no_quota_is_said_with_everything_that_is_wrong() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator:
            wrong = await operator.patch(QUOTA, json={"services": -1, "gbps": 10**40, "ports": "3", "sausages": 1})
            assert wrong.status_code == 422
            assert {one["place"] for one in wrong.json()["findings"]} == {"services", "gbps", "ports", "sausages"}
            wrong = await operator.patch(QUOTA, json={"gbps": 0.0001})
            assert "a multiple of 0.001 Gbit/s" in wrong.json()["detail"]
            assert (await operator.patch("/v1/tenants/nobody/quota", json={})).status_code == 404
            assert (await operator.patch(QUOTA, json={"services": 2.0})).json()["quota"]["services"]["allowed"] == 2

    asyncio.run(run())
