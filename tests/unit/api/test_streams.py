"""Streams: resumed without a gap, filtered for tenants, ended with their token."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from highroad.api import close_streams, streams
from tests.support.backbone import backbone, serving

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 1}
SSE = {"Accept": "text/event-stream"}


async def _read(
    url: str, token: str, path: str, *, count: int, kind: str = "event", headers: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The first messages of a kind."""
    found: list[dict[str, Any]] = []
    name = ""
    http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"} | SSE)
    async with asyncio.timeout(10), http, http.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name == kind:
                found.append(json.loads(line[6:]))
                if len(found) == count:
                    break
    return found


def test_a_stream_goes_on_where_it_broke_off() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url, world.http(world.acme) as http:
            for _ in range(5):
                await http.post("/v1/services", json=ORDER)
            everything = (await http.get("/v1/events?limit=1000")).json()["items"]
            first = await _read(url, world.acme, "/v1/events?after=0", count=6)
            resume = {"Last-Event-ID": str(first[-1]["sequence"])}
            rest = await _read(url, world.acme, "/v1/events?after=0", count=len(everything) - 6, headers=resume)
            assert [one["id"] for one in first + rest] == [one["id"] for one in everything]
            assert all(one["tenant"] == "acme" for one in everything)
            assert [one["sequence"] for one in everything] == list(range(1, len(everything) + 1))
            async with world.http(world.operator) as operator:
                whole = (await operator.get("/v1/events?limit=1000")).json()["items"]
            assert [one["sequence"] for one in whole] == list(range(1, len(whole) + 1))
            assert [one["id"] for one in whole if one["tenant"] == "acme"] == [one["id"] for one in everything]
            assert len({one["id"] for one in whole}) == len(whole)


def test_what_others_do_leaves_no_trace_in_what_a_tenant_is_told() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            told, last = [], 0
            for busy in (0, 7):
                before = (await acme.get("/v1/events?limit=1000")).json()
                for _ in range(busy):
                    service = (await rival.post("/v1/services", json=ORDER)).json()["id"]
                    await rival.delete(f"/v1/services/{service}")
                after = (await acme.get("/v1/events?limit=1000")).json()
                assert after == before
                last = int(after["next_cursor"])
                page = (await acme.get(f"/v1/events?after={last}")).json()
                assert page == {"items": [], "next_cursor": str(last)}
                mine = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                await world.active(acme, mine)
                (first, *_) = (await acme.get(f"/v1/events?after={last}")).json()["items"]
                told.append(first["sequence"] - last)
            assert told == [1, 1]
            beyond = await acme.get(f"/v1/events?after={last + 500}", headers=SSE)
            assert beyond.json()["findings"][0]["code"] == "after-the-newest"

    asyncio.run(run())


def test_a_tenant_has_only_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "TENANT_STREAMS", 2)

    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            reading = [
                asyncio.create_task(_read(url, world.acme, path, count=10**6)) for path in ("/v1/events", "/v1/live")
            ]
            await asyncio.sleep(0.2)
            async with world.http(world.acme) as http:
                answer = await http.get("/v1/events", headers=SSE)
                assert (answer.status_code, answer.json()["code"]) == (429, "too-many-streams")
                assert int(answer.headers["retry-after"]) > 0
            assert await _read(url, world.rival, "/v1/events?after=0", count=1)
            reading.pop().cancel()
            await asyncio.sleep(0.1)
            assert await _read(url, world.acme, "/v1/events?after=0", count=1)
            assert await _read(url, world.acme, "/v1/events?after=0", count=1)
            close_streams(world.app)
            await asyncio.gather(*reading, return_exceptions=True)
            await world.until(lambda: not world.app.state.streams._open)

    asyncio.run(run())


def test_from_now_on_and_only_ones_own() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            reading = asyncio.create_task(_read(url, world.acme, "/v1/events", count=1))
            await asyncio.sleep(0.2)
            async with world.http(world.rival) as rival, world.http(world.acme) as acme:
                await rival.post("/v1/services", json=ORDER)
                mine = (await acme.post("/v1/services", json=ORDER)).json()
            (event,) = await reading
            assert (event["type"], event["subject"]) == ("highroad.service.reserved", mine["id"])
            assert event["specversion"] == "1.0"

    asyncio.run(run())


def test_live_has_samples_of_ones_own() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            async with world.http(world.rival) as rival, world.http(world.acme) as acme:
                theirs = (await rival.post("/v1/services", json=ORDER)).json()["id"]
                mine = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                await world.active(acme, mine)
                await world.active(rival, theirs)
            own = await _read(url, world.acme, "/v1/live", count=3, kind="sample")
            assert set(own[-1]["services"]) == {mine}
            assert own[-1]["links"] == {}
            whole = await _read(url, world.operator, "/v1/live", count=1, kind="sample")
            assert set(whole[-1]["services"]) == {mine, theirs}
            assert len(whole[-1]["links"]) == 16
            assert (own[-1]["frozen"], whole[-1]["frozen"]) == (None, None)
            async with world.http(world.operator) as http:
                assert (await http.put("/v1/freeze", json={"reason": "secret"})).json()["frozen"]
            own = await _read(url, world.acme, "/v1/live", count=1, kind="sample")
            whole = await _read(url, world.operator, "/v1/live", count=3, kind="sample")
            assert own[-1]["frozen"].startswith("changes are frozen since")
            assert "secret" not in own[-1]["frozen"]
            assert "(secret)" in whole[-1]["frozen"]

    asyncio.run(run())


def _put_together(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What a reader of changes knows after them: a sample's links, services and fibres."""
    links: dict[str, float] = {}
    services: dict[str, dict[str, Any]] = {}
    for one in told:
        if one["whole"]:
            links, services = {}, {}
        links |= one["links"]
        columns = dict(one["services"])
        names = columns.pop("services")
        services |= {name: {key: columns[key][at] for key in columns} for at, name in enumerate(names)}
        for name in one["services_gone"]:
            del services[name]
        for name in one["links_gone"]:
            del links[name]
    return {"links": links, "services": services, "fibres_down": told[-1]["fibres_down"]}


def test_changes_put_together_are_the_sample_and_only_ones_own() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            async with world.http(world.rival) as rival, world.http(world.acme) as acme:
                theirs = (await rival.post("/v1/services", json=ORDER)).json()["id"]
                mine = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                await world.active(acme, mine)
                await world.active(rival, theirs)
            path = "/v1/live?changes=true"
            whole = asyncio.create_task(_read(url, world.operator, path, count=3, kind="changes"))
            own = await _read(url, world.acme, path, count=3, kind="changes")
            told = await whole
            for found in (own, told):
                assert [one["whole"] for one in found] == [True, False, False]
            assert set(_put_together(own)["services"]) == {mine}
            assert all(theirs not in json.dumps(one) for one in own)
            assert [(one["links"], one["fibres_down"]) for one in own] == [({}, [])] * 3
            assert set(_put_together(told)["services"]) == {mine, theirs}
            assert len(_put_together(told)["links"]) == 16
            # Who reads samples reads them as ever, beside who reads changes.
            known = _put_together(await _read(url, world.operator, path, count=1, kind="changes"))
            [sample] = await _read(url, world.operator, "/v1/live", count=1, kind="sample")
            assert {name: set(one) for name, one in sample["services"].items()} == {
                name: set(one) for name, one in known["services"].items()
            }

    asyncio.run(run())


def test_a_cut_is_on_the_stream_within_half_a_second() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url, world.http(world.operator) as http:
            reading = asyncio.create_task(_read(url, world.operator, "/v1/live", count=1))
            await asyncio.sleep(0.2)
            start = asyncio.get_running_loop().time()
            await http.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi"})
            (event,) = await reading
            assert asyncio.get_running_loop().time() - start < 0.5
            assert (event["type"], event["subject"]) == ("highroad.fibre.down", "pop-ash--pop-chi")

    asyncio.run(run())


def test_a_stream_ends_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)

    async def run() -> None:
        async with backbone() as world, serving(world) as url, world.http(world.operator) as http:
            issued = (await http.post("/v1/tokens", json={"tenant": "acme"})).json()
            reading = asyncio.create_task(_read(url, issued["token"], "/v1/events", count=1000))
            await asyncio.sleep(0.2)
            assert not reading.done()
            await http.delete(f"/v1/tokens/{issued['id']}")
            await reading

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/events", "/v1/live"])
def test_a_stream_ends_when_its_token_does_and_not_with_the_next_heartbeat(path: str) -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url, world.http(world.operator) as http:
            issued = (await http.post("/v1/tokens", json={"tenant": "acme", "expires_s": 1})).json()
            start = asyncio.get_running_loop().time()
            await _read(url, issued["token"], path, count=1000)
            assert 0.9 < asyncio.get_running_loop().time() - start < 3

    asyncio.run(run())


def test_streams_end_when_the_server_stops() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            reading = asyncio.create_task(_read(url, world.acme, "/v1/events", count=1000))
            await asyncio.sleep(0.2)
            close_streams(world.app)
            async with asyncio.timeout(1):
                await reading

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/events", "/v1/live"])
def test_an_event_that_is_not_there_yet(path: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            for place, answer in (
                ("Last-Event-ID", await http.get(path, headers=SSE | {"Last-Event-ID": "99999"})),
                ("after", await http.get(f"{path}?after=99999", headers=SSE)),
            ):
                (finding,) = answer.json()["findings"]
                assert (answer.status_code, finding["place"], finding["code"]) == (422, place, "after-the-newest")

    asyncio.run(run())


@pytest.mark.parametrize("last", ["abc", "-1", "1" * 30])
def test_an_id_that_is_none(last: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.get("/v1/events", headers=SSE | {"Last-Event-ID": last})
            assert answer.json()["findings"][0]["place"] == "Last-Event-ID"

    asyncio.run(run())
