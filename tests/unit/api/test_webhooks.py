"""Webhooks through the API: made, looked at, changed, and nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

from highroad.client.aio import AsyncClient
from highroad.webhooks import verify
from tests.support.backbone import Backbone, backbone, serving
from tests.support.receiver import Receiver

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}


async def _admin(world: Backbone, tenant: str) -> str:
    async with world.http(world.operator) as http:
        made = await http.post("/v1/tokens", json={"tenant": tenant, "role": "admin"})
        return str(made.json()["token"])


def test_from_the_first_to_the_last_by_the_sdk() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            token = await _admin(world, "acme")
            with Receiver() as end:
                async with AsyncClient(url, token) as client:
                    made = await client.add_webhook(end.url, kinds=["highroad.service.*"], description="mine")
                    assert made.secret.startswith("whsec_")
                    async with world.http(world.acme) as http:
                        service = (await http.post("/v1/services", json=ORDER)).json()["id"]
                        await world.active(http, service)
                    await world.until(lambda: len(end.accepted) >= 3)
                    events = [verify(one.headers, one.body, made.secret) for one in end.accepted]
                    assert {one["subject"] for one in events} == {service}
                    assert events[-1]["type"] == "highroad.service.active"
                    past = (await client.past_events(0, 1000)).items
                    assert {one["id"] for one in events} <= {one.id for one in past}
                    tested = await client.test_webhook(made.id)
                    assert (tested.delivered, tested.status, tested.excerpt) == (True, 200, "")
                    assert verify(end.accepted[-1].headers, end.accepted[-1].body, made.secret)["sequence"] == 0
                    rotated = await client.rotate_webhook(made.id, overlap_s=60)
                    assert rotated.old_secret_until is not None
                    count = len(end.accepted)
                    again = await client.replay_webhook(made.id, after=0)
                    assert again.cursor == 0
                    await world.until(lambda: len(end.accepted) >= count + len(events))
                    assert [one.id for one in end.accepted[count:]][: len(events)] == [one["id"] for one in events]
                    off = await client.change_webhook(made.id, enabled=False)
                    assert (off.state, off.disabled_because) == ("disabled", "it was switched off")
                    on = await client.change_webhook(made.id, enabled=True, kinds=["highroad.incident.*"])
                    assert (on.state, on.kinds) == ("active", ["highroad.incident.*"])
                    assert [one.id async for one in client.webhooks()] == [made.id]
                    attempts = await client.webhook_deliveries(made.id)
                    assert attempts
                    assert all(one.delivered and one.status == 200 and one.excerpt == "" for one in attempts)
                    async with AsyncClient(url, world.operator) as operator:
                        assert {one.excerpt for one in await operator.webhook_deliveries(made.id)} == {"ok"}
                        assert (await operator.test_webhook(made.id)).excerpt == "ok"
                    assert "whsec" not in str(await client.webhook(made.id))
                    await client.remove_webhook(made.id)
                    assert [one.id async for one in client.webhooks()] == []

    asyncio.run(run())


def test_a_tenant_has_its_own_and_nobody_elses() -> None:
    async def run() -> None:
        async with (
            backbone() as world,
            world.http(world.operator) as operator,
            world.http(await _admin(world, "acme")) as acme,
            world.http(await _admin(world, "rival")) as rival,
            world.http(world.acme) as member,
        ):
            with Receiver() as end:
                theirs = (await rival.post("/v1/webhooks", json={"url": end.url})).json()["id"]
                whole = (await operator.post("/v1/webhooks", json={"url": end.url})).json()["id"]
                body = {"url": end.url, "tenant": "acme"}
                mine = (await operator.post("/v1/webhooks", json=body)).json()["id"]
                assert [one["id"] for one in (await acme.get("/v1/webhooks")).json()["items"]] == [mine]
                assert len((await operator.get("/v1/webhooks")).json()["items"]) == 3
                assert (await member.get("/v1/webhooks")).status_code == 403
                for other in (theirs, whole):
                    for method, tail, sent in (
                        ("GET", "", None),
                        ("PATCH", "", {"enabled": False}),
                        ("DELETE", "", None),
                        ("POST", "/rotate", {}),
                        ("POST", "/test", None),
                        ("POST", "/replay", {"after": 0}),
                        ("GET", "/deliveries", None),
                    ):
                        got = await acme.request(method, f"/v1/webhooks/{other}{tail}", json=sent)
                        none = await acme.request(method, f"/v1/webhooks/whk-none{tail}", json=sent)
                        assert got.status_code == none.status_code == 404, (method, tail)
                        assert got.text.replace(other, "X") == none.text.replace("whk-none", "X")
                refused = await acme.post("/v1/webhooks", json={"url": end.url, "tenant": "rival"})
                assert refused.json()["findings"][0]["place"] == "tenant"
                seen = (await acme.get("/v1/events?limit=1000")).json()["items"]
                assert {one["subject"] for one in seen if "webhook" in one["type"]} == {mine}
                assert end.url not in str(seen)

    asyncio.run(run())


def test_everything_that_is_wrong_is_said_at_once() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(await _admin(world, "acme")) as http:
            body = {"url": "ftp://u@10.0.0.1/", "kinds": ["a b", "ok.*"], "description": "\x00", "from": 10**6}
            answer = await http.post("/v1/webhooks", json=body)
            places = sorted(one["place"] for one in answer.json()["findings"])
            assert (answer.status_code, places) == (422, ["description", "from", "kinds[0]", "url", "url", "url"])
            made = (await http.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/", "kinds": ["none"]})).json()
            path = f"/v1/webhooks/{made['id']}"
            for tail, sent in (
                ("/replay", {}),
                ("/replay", {"after": 1, "from": "2026-01-01T00:00:00Z"}),
                ("/replay", {"after": 10**6}),
                ("/rotate", {"overlap_s": 1e9}),
            ):
                assert (await http.post(path + tail, json=sent)).json()["code"] == "invalid", (tail, sent)
            for description, code in (("👨\u200d👩\u200d👧 می\u200cخواهم", 200), ("\u3164", 422), ("\u202egnp", 422)):
                assert (await http.patch(path, json={"description": description})).status_code == code
            assert (await http.patch(path, json={"url": "http://[::1]/"})).json()["code"] == "invalid"
            for _ in range(19):
                assert (
                    await http.post("/v1/webhooks", json={"url": made["url"], "kinds": ["none"]})
                ).status_code == 201
            assert (await http.post("/v1/webhooks", json={"url": made["url"]})).json()["code"] == "conflict"

    asyncio.run(run())
