"""The edges: problems from anywhere, sessions, limits, the lab, the network, the page."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from highroad.api.limits import Bounds
from highroad.api.openapi import describe
from highroad.api.problems import KINDS
from highroad.formats.jsonform import to_plain
from tests.support.backbone import URL, backbone, small_network

DOCS = Path(__file__).parents[3] / "docs"


def test_what_is_not_there_is_a_problem_too() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            for method, path, status, code in (
                ("GET", "/v1/nothing", 404, "not-found"),
                ("POST", "/v1/nothing", 404, "not-found"),
                ("PUT", "/v1/services", 405, "method-not-allowed"),
                ("GET", "/nothing.txt", 404, "not-found"),
                ("GET", "/assets/%2e%2e/%2e%2e/app.py", 404, "not-found"),
                ("GET", "/..%2fapp.py", 404, "not-found"),
            ):
                answer = await http.request(method, path)
                assert (answer.status_code, answer.json()["code"]) == (status, code), path
                assert answer.headers["content-type"] == "application/problem+json"
            assert (await http.put("/v1/services")).headers["allow"] == "GET, POST"

    asyncio.run(run())


def test_a_fault_of_ours_tells_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:

            async def broken() -> None:
                raise RuntimeError("secret")

            monkeypatch.setattr(world.controller, "settled", broken)
            answer = await http.get("/v1/network")
            assert (answer.status_code, answer.json()["code"]) == (500, "internal")
            assert "secret" not in answer.text

    asyncio.run(run())


def test_the_session_reads_and_nothing_else_without_the_pages_header() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page:
            code = world.codes.make(world.operator)
            answer = await page.post("/v1/session", json={"code": code})
            assert answer.json() == {
                "role": "operator",
                "tenant": None,
                "scopes": None,
                "expires": None,
                "leader": None,
            }
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert "path=/" in cookie
            assert (await page.get("/v1/network")).status_code == 200
            assert (await page.get("/v1/session")).json()["role"] == "operator"
            for method, path in (("POST", "/v1/lab/cuts"), ("DELETE", "/v1/lab/cuts/x"), ("PUT", "/v1/network")):
                assert (await page.request(method, path)).status_code == 401
            async with world.http() as other:
                assert (await other.post("/v1/session", json={"code": code})).status_code == 401
            assert (await page.delete("/v1/session")).status_code == 204
            assert (await page.get("/v1/network")).status_code == 401

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Highroad-Page": "1"}, 201),
        ({"X-Highroad-Page": "1", "Sec-Fetch-Site": "same-origin", "Origin": URL}, 201),
        ({}, 401),
        ({"X-Highroad-Page": "yes"}, 401),
        ({"X-Highroad-Page": "1", "Sec-Fetch-Site": "same-site"}, 401),
        ({"X-Highroad-Page": "1", "Sec-Fetch-Site": "cross-site"}, 401),
        ({"X-Highroad-Page": "1", "Sec-Fetch-Site": "none"}, 401),
        ({"X-Highroad-Page": "1", "Origin": "https://evil.example"}, 401),
        ({"X-Highroad-Page": "1", "Origin": "http://localhost:1"}, 401),
        ({"X-Highroad-Page": "1", "Origin": "null"}, 401),
    ],
)
def test_the_session_changes_what_our_own_page_asks_for(headers: dict[str, str], status: int) -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page:
            assert (await page.post("/v1/session", json={"token": world.operator})).status_code == 200
            answer = await page.post("/v1/tenants", json={"id": "new", "name": "New"}, headers=headers)
            assert answer.status_code == status
            assert "access-control-allow-origin" not in answer.headers
            asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            asked["Access-Control-Request-Headers"] = "x-highroad-page"
            allowed = await page.request("OPTIONS", "/v1/tenants", headers=asked)
            assert not allowed.is_success
            assert "access-control-allow-headers" not in allowed.headers

    asyncio.run(run())


def test_the_pages_header_is_nothing_without_a_session() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page:
            answer = await page.post("/v1/tenants", json={"id": "new", "name": "N"}, headers={"X-Highroad-Page": "1"})
            assert answer.status_code == 401

    asyncio.run(run())


def test_a_session_dies_with_its_token() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page, world.http(world.operator) as operator:
            issued = (await operator.post("/v1/tokens", json={"tenant": "acme", "label": "page"})).json()
            await page.post("/v1/session", json={"token": issued["token"]})
            assert (await page.get("/v1/services")).status_code == 200
            assert (await operator.delete(f"/v1/tokens/{issued['id']}")).status_code == 204
            assert (await page.get("/v1/services")).status_code == 401
            listed = (await operator.get("/v1/tokens")).text
            assert issued["token"] not in listed

    asyncio.run(run())


@pytest.mark.parametrize("body", [{}, {"token": "a", "code": "b"}, {"token": "hr_wrong"}, {"code": "wrong"}])
def test_a_sign_in_that_is_none(body: dict[str, str]) -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as page:
            answer = await page.post("/v1/session", json=body)
            assert answer.status_code in (401, 422)
            assert "set-cookie" not in answer.headers

    asyncio.run(run())


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:8470", 200), ("[::1]:8470", 200), ("10.1.2.3", 200), ("ctl.example", 200),
     ("evil.example", 421), ("localhost.evil.example", 421), ("", 421)],
)  # fmt: skip
def test_only_our_names(host: str, status: int) -> None:
    async def run() -> None:
        async with backbone(options={"hosts": ["ctl.example"]}) as world, world.http() as http:
            answer = await http.get("/healthz", headers={"Host": host})
            assert answer.status_code == status

    asyncio.run(run())


def test_headers_and_addresses_are_bounded() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            many = {f"x-{number}": "1" for number in range(101)}
            assert (await http.get("/v1/network", headers=many)).status_code == 431
            assert (await http.get("/v1/network", headers={"x": "y" * 40_000})).status_code == 431
            assert (await http.get("/v1/services", params={"cursor": "y" * 9000})).status_code == 414

    asyncio.run(run())


def test_a_body_that_trickles_is_given_up() -> None:
    async def trickle() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    async def run() -> None:
        async with backbone(options={"bounds": Bounds(body_s=0.05)}) as world, world.http(world.acme) as http:
            headers = {"Content-Type": "application/json"}
            answer = await http.post("/v1/services", content=trickle(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (408, "slow-body")

    asyncio.run(run())


def test_a_lab_breaks_and_splices() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            cut = await http.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi"})
            assert cut.status_code == 201
            assert [one["fibre"] for one in (await http.get("/v1/lab")).json()["cuts"]] == ["pop-ash--pop-chi"]
            unknown = await http.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-ch"})
            assert "did you mean `pop-ash--pop-chi`?" in unknown.json()["findings"][0]["message"]
            assert (await http.delete("/v1/lab/cuts/pop-ash--pop-chi")).json()["cuts"] == []
            assert (await http.delete("/v1/lab/cuts/nope")).status_code == 404
        async with backbone(lab=False) as world, world.http(world.operator) as http:
            for answer in (await http.get("/v1/lab"), await http.post("/v1/lab/cuts", json={"fibre": "x"})):
                assert (answer.status_code, answer.json()["code"]) == (404, "no-lab")

    asyncio.run(run())


def test_a_changed_network_needs_a_yes() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}
            service = (await http.post("/v1/services?tenant=acme", json=order)).json()["id"]
            await world.active(http, service)
            network = to_plain(small_network())
            network["fibres"] = [one for one in network["fibres"] if one["id"] != "pop-ash--pop-chi"]
            network["links"] = [one for one in network["links"] if "pop-ash--pop-chi" not in one["fibres"]]
            preview = await http.put("/v1/network?dry_run=true", json=network)
            assert preview.status_code == 200, preview.text
            assert "fibre pop-ash--pop-chi" in preview.json()["removed"]
            assert [one["effect"] for one in preview.json()["effects"]] == ["rerouted"]
            asked = await http.put("/v1/network", json=network)
            assert (asked.status_code, asked.json()["code"]) == (409, "confirmation-required")
            assert asked.json()["preview"]["removed"] == preview.json()["removed"]
            assert (await http.get("/v1/network")).json()["revision"] == 1
            done = await http.put("/v1/network", params={"confirm": asked.json()["confirm"]}, json=network)
            assert done.status_code == 200, done.text
            assert (await http.get("/v1/network")).json()["revision"] == 2
            assert (await http.put("/v1/network", content=b"\xff\xfe")).json()["findings"][0]["code"] == "encoding"

    asyncio.run(run())


def test_a_drain_and_its_return() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            made = await http.post("/v1/maintenances", json={"target": "pop-ash--pop-chi"})
            assert made.status_code == 201
            url = made.headers["location"]
            assert (await http.get(url)).json()["target"] == "pop-ash--pop-chi"
            assert (await http.delete(url)).json()["state"] == "RETURNED"
            assert (await http.get("/v1/maintenances/mnt-none")).status_code == 404
            assert (await http.post("/v1/maintenances", json={"target": "moon"})).status_code in (404, 422)

    asyncio.run(run())


def test_a_maintenance_is_booked_looked_at_and_cancelled() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 1}
            service = (await http.post("/v1/services?tenant=acme", json=order)).json()
            body = {"target": "pop-ash--pop-chi", "start": "2090-01-01T02:00:00Z", "end": "2090-01-01T04:00:00Z"}
            would = await http.post("/v1/maintenances", params={"dry_run": "true"}, json=body)
            assert (would.status_code, would.json()["state"]) == (200, "SCHEDULED")
            assert (await http.get("/v1/maintenances")).json()["items"] == []
            made = await http.post("/v1/maintenances", json=body)
            assert made.status_code == 201, made.text
            shown = made.json()
            assert (shown["start"], shown["end"], shown["lead_s"]) == (
                "2090-01-01T02:00:00.000Z", "2090-01-01T04:00:00.000Z", 60.0
            )  # fmt: skip
            assert (shown["moving"], shown["stuck"]) == (would.json()["moving"], would.json()["stuck"])
            assert set(shown["moving"]) | set(shown["because"]) == {service["id"]}
            again = await http.post("/v1/maintenances", json=body)
            assert (again.status_code, again.json()["code"]) == (409, "conflict")
            wrong = {"target": "moon", "start": "2001-01-01T00:00:00Z", "end": "2000-01-01T00:00:00Z", "lead_s": -1}
            findings = (await http.post("/v1/maintenances", json=wrong)).json()["findings"]
            assert [one["code"] for one in findings] == ["unknown-target", "window-past", "window-order", "lead"]
            ended = await http.delete(made.headers["location"])
            assert ended.json()["state"] == "CANCELLED"

    asyncio.run(run())


def test_reach_over_the_network_as_it_stands() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            reach = (await http.get("/v1/reach?rtt_ms=5&kind=edge")).json()
            assert 0 < reach["share"] < 1
            assert set(reach["by_site"]) == {"edge-chi"}
            cut = "/v1/reach?rtt_ms=5&kind=edge&without=pop-chi--edge-chi"
            less = (await http.get(cut)).json()
            assert less["population_within"] <= reach["population_within"]
            assert less["without"] == ["pop-chi--edge-chi"]
            assert (await http.get("/v1/reach?rtt_ms=5&without=x")).status_code == 422
            async with world.http(world.acme) as acme:
                assert (await acme.get(cut)).status_code == 403

    asyncio.run(run())


def test_the_page_lets_nothing_foreign_in(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>page</h1>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-Ab3dEf9h.js").write_text("1")

    async def run() -> None:
        async with backbone(options={"page": tmp_path}) as world, world.http() as http:
            page = await http.get("/")
            assert page.text == "<h1>page</h1>"
            assert "default-src 'self'" in page.headers["content-security-policy"]
            assert page.headers["cache-control"] == "no-cache"
            for answer in (page, await http.get("/healthz"), await http.get("/nope")):
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "no-referrer"
            asset = await http.get("/assets/index-Ab3dEf9h.js")
            assert "immutable" in asset.headers["cache-control"]
        async with backbone(options={"page": tmp_path / "none"}) as world, world.http() as http:
            assert "is not built" in (await http.get("/")).text

    asyncio.run(run())


def test_every_problem_has_its_page_and_is_in_the_docs() -> None:
    text = (DOCS / "problems.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z-]+)` \|", text, flags=re.MULTILINE))
    assert told == set(KINDS)

    async def run() -> None:
        async with backbone() as world, world.http() as http:
            for code in KINDS:
                assert (await http.get(f"/problems/{code}")).status_code == 200

    asyncio.run(run())


def test_openapi_is_whole() -> None:
    async def run() -> None:
        async with backbone() as world:
            document = describe(world.app)
            assert document["openapi"].startswith("3.1")
            text = str(document)
            for reference in set(re.findall(r"#/components/schemas/(\w+)", text)):
                assert reference in document["components"]["schemas"], reference
            assert "HTTPValidationError" not in text
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    assert operation.get("summary"), path
                    assert any("application/problem+json" in str(one) for one in operation["responses"].values())

    asyncio.run(run())
