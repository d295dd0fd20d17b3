"""Bad input: each one clear problem, with every finding, and nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.backbone import Backbone, backbone

ORDER = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}

CASES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "unknown site": ({"from": "campus-eest"}, {("from", "unknown-site")}),
    "both ends the same": ({"to": "campus-east"}, {("to", "same-ends")}),
    "no port there": ({"to": "pop-den"}, {("to", "no-port-at-site")}),
    "bandwidth 0": ({"bandwidth_gbps": 0}, {("bandwidth_gbps", "rate-not-positive")}),
    "bandwidth negative": ({"bandwidth_gbps": -1}, {("bandwidth_gbps", "rate-not-positive")}),
    "bandwidth 1e30": ({"bandwidth_gbps": 1e30}, {("bandwidth_gbps", "rate-over-port")}),
    "window past": ({"start": "2020-01-01T00:00:00Z"}, {("start", "window-past")}),
    "window of no length": (
        {"start": "2090-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z"},
        {("end", "window-empty")},
    ),
    "no time zone": ({"start": "2090-01-01T00:00:00"}, {("start", "timezone-aware")}),
    "below light": ({"latency_bound_ms": 5}, {("latency_bound_ms", "faster-than-light")}),
    "fence of nothing": ({"fence": []}, {("fence", "type")}),
    "wrong types and no sense at once": (
        {"bandwidth_gbps": "fast", "to": "nowhere", "fence": ["FR"], "colour": "blue"},
        {("bandwidth_gbps", "type"), ("to", "unknown-site"), ("fence", "fence-empty"), ("colour", "unknown-field")},
    ),
    "nothing is said about what depends on what cannot be read": (
        {"from": 7, "latency_bound_ms": 0.001, "traffic_class": "golden", "bandwidth_gbps": 0},
        {("from", "type"), ("traffic_class", "type")},
    ),
    "fence without a site": ({"fence": ["FR"]}, {("fence", "fence-empty")}),
    "fence that is none": ({"fence": ["France"]}, {("fence[0]", "fence-code")}),
    "several at once": (
        {"to": "nowhere", "bandwidth_gbps": -1, "fence": ["FR"], "end": "2020-01-01T00:00:00Z"},
        {
            ("to", "unknown-site"),
            ("bandwidth_gbps", "rate-not-positive"),
            ("fence", "fence-empty"),
            ("end", "window-empty"),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_order_that_makes_no_sense(case: str) -> None:
    change, expected = CASES[case]

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            before = (await world.controller.settled()).last_sequence
            answer = await http.post("/v1/services", json=ORDER | change)
            problem = answer.json()
            assert answer.status_code == 422, problem
            assert answer.headers["content-type"] == "application/problem+json"
            assert (problem["code"], problem["type"]) == ("invalid", "/problems/invalid")
            assert {(one["place"], one["code"]) for one in problem["findings"]} == expected
            await _nothing_done(world, before)

    asyncio.run(run())


def test_light_says_which_distance() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ORDER | {"latency_bound_ms": 5})
            assert " km apart" in answer.json()["findings"][0]["message"]

    asyncio.run(run())


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_are_none(literal: bytes) -> None:
    body = b'{"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": ' + literal + b"}"

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422
            assert [one["place"] for one in answer.json()["findings"]] == ["bandwidth_gbps"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"", "application/json", 400, "malformed"),
        (b'{"from"', "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b"[" * 10_000, "application/json", 400, "malformed"),
        (b"[]", "application/json", 422, "invalid"),
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
    ],
)
def test_bodies_that_are_none(body: bytes, media_type: str, status: int, code: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", content=body, headers={"Content-Type": media_type})
            assert (answer.status_code, answer.json()["code"]) == (status, code)

    asyncio.run(run())


def test_a_misspelt_parameter_does_not_order() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            before = (await world.controller.settled()).last_sequence
            answer = await http.post("/v1/services?dryrun=true", json=ORDER)
            assert answer.status_code == 422
            assert answer.json()["findings"][0]["place"] == "dryrun"
            await _nothing_done(world, before)

    asyncio.run(run())


def test_a_hundred_megabytes_are_turned_away_at_once() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:

            async def chunks() -> AsyncIterator[bytes]:
                for _ in range(1600):
                    yield b" " * 65536

            headers = {"Content-Type": "application/json"}
            answer = await http.post("/v1/services", content=chunks(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
            headers["Content-Length"] = str(100 * 1024 * 1024)
            answer = await http.post("/v1/services", content=b"{}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
            answer = await http.put("/v1/network", content=b"x" * (16 * 1024 * 1024 + 1))
            assert answer.status_code == 413

    asyncio.run(run())


def test_a_network_file_with_everything_wrong() -> None:
    network = {
        "highroad": 1,
        "name": "wrong",
        "sites": [
            {"id": "a", "kind": "pop", "lat": 1, "lon": 1, "jurisdiction": "US"},
            {"id": "b", "kind": "pop", "lat": 2, "lon": 2, "jurisdiction": "US"},
        ],
        "fibres": [
            {"id": "a--nowhere", "a": "a", "b": "nowhere", "length_km": 200},
            {"id": "a--b", "a": "a", "b": "b", "length_km": -5},
        ],
        "links": [
            {"id": "a>b", "tail": "a", "head": "b", "capacity_gbps": 100, "fibres": ["a--b"]},
            {"id": "a>b", "tail": "a", "head": "b", "capacity_gbps": 100, "fibres": ["a--b"]},
        ],
    }

    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            before = (await world.controller.settled()).last_sequence
            answer = await http.put("/v1/network", json=network)
            assert answer.status_code == 422
            told = " ".join(f"{one['place']} {one['code']}" for one in answer.json()["findings"])
            assert "fibres[a--nowhere]" in told
            assert "fibres[a--b].length_km" in told
            assert "duplicate" in told
            await _nothing_done(world, before)

    asyncio.run(run())


@pytest.mark.parametrize("key", ["", "x" * 256, "smörgås"])
def test_keys_that_are_none(key: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            headers = {b"Idempotency-Key": key.encode()}
            answer = await http.post("/v1/services", json=ORDER, headers=headers)
            assert answer.status_code == 422
            assert answer.json()["findings"][0]["place"] == "Idempotency-Key"

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    ["/v1/services?limit=0", "/v1/services?limit=abc", "/v1/services?cursor=%25%25", "/v1/services?state=HAPPY",
     "/v1/events?after=-1", "/v1/reach?rtt_ms=0", "/v1/reach?rtt_ms=nan", "/v1/reach", "/v1/reach?rtt_ms=5&kind=moon",
     "/v1/capacity", "/v1/capacity?from=campus-east", "/v1/capacity?from=campus-east&to=cloud-west&hours=0",
     "/v1/capacity?from=campus-east&to=cloud-west&hours=x", "/v1/capacity?from=campus-east&to=cloud-west&start=soon",
     "/v1/capacity?from=campus-east&to=cloud-west&start=2020-01-01T00:00:00Z", "/v1/capacity?from=moon&to=cloud-west",
     "/v1/capacity?from=campus-east&to=cloud-west&latency_bound_ms=nan",
     "/v1/capacity?from=campus-east&to=cloud-west&protection=some",
     "/v1/capacity?from=campus-east&to=cloud-west&start=2030-01-01T00:00:00",
     "/v1/capacity?from=campus-east&to=cloud-west&max_paths=9", "/v1/whatif", "/v1/whatif?cut=moon"],
)  # fmt: skip
def test_parameters_that_are_none(path: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
            assert answer.json()["findings"]

    asyncio.run(run())


async def _nothing_done(world: Backbone, before: int) -> None:
    book = await world.controller.settled()
    assert book.services == {}
    assert book.last_sequence == before
