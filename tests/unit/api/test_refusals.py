"""A no as it travels: bad input said clearly, what tenants and operators are told, and offers that are taken."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Tenant, TenantId
from tests.support.backbone import Backbone, backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100, "max_paths": 1}
RULE = {"rule": "FREQ=DAILY", "time_zone": "America/New_York", "start": "2027-03-01T02:30:00", "duration_s": 1800}


def at(hours: float) -> str:
    moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    return moment.isoformat()


CASES: dict[str, tuple[dict[str, Any], set[tuple[str, str]], str]] = {
    "a rule with no occurrence": (
        {"recurrence": RULE | {"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}},
        {("recurrence.rule", "recurrence-empty")},
        "no window",
    ),
    "a rule with a million": (
        {"recurrence": RULE | {"rule": "FREQ=MINUTELY;COUNT=1000000", "duration_s": 30}},
        {("recurrence.rule", "rule-too-fine")},
        "",
    ),
    "a rule with thousands": (
        {"recurrence": RULE | {"rule": "FREQ=HOURLY"}},
        {("recurrence.rule", "recurrence-too-many")},
        "1,000 windows",
    ),
    "a burst below the guarantee": (
        {"burst_gbps": 50},
        {("burst_gbps", "burst-below-guarantee")},
        "less than the guarantee of 100",
    ),
    "all of it at once": (
        {"recurrence": RULE | {"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "burst_gbps": 50, "fence": ["FR"]},
        {
            ("recurrence.rule", "recurrence-empty"),
            ("burst_gbps", "burst-below-guarantee"),
            ("fence", "fence-empty"),
        },
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_makes_no_sense_is_said_all_at_once(case: str) -> None:
    body, expected, words = CASES[case]

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ORDER | body)
            assert answer.status_code == 422, answer.text
            findings = answer.json()["findings"]
            assert {(one["place"], one["code"]) for one in findings} == expected
            assert any(words in one["message"] for one in findings), findings
            assert (await http.get("/v1/services")).json()["items"] == []

    asyncio.run(run())


def test_a_window_in_the_hour_that_is_skipped_is_sold_and_its_night_named() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            until = RULE | {"rule": "FREQ=DAILY;UNTIL=20270320T000000Z"}
            answer = await http.post("/v1/services?dry_run=true", json=ORDER | {"recurrence": until})
            assert answer.status_code == 200, answer.text
            (note,) = answer.json()["service"]["notes"]
            assert "2027-03-14" in note
            assert "03:30" in note

    asyncio.run(run())


def test_protection_over_a_bridge_names_it_and_is_offered_without() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            answer = await http.post("/v1/services", json=ORDER | {"protection": "path"})
            problem = answer.json()
            assert answer.status_code == 409, problem
            assert problem["binding"]["constraint"] == "protection"
            assert "campus-east--pop-ash" in problem["binding"]["risk_groups"]
            assert "campus-east--pop-ash" in problem["binding"]["message"]
            assert {"protection": "none"} in [offer["changes"] for offer in problem["offers"]]

    asyncio.run(run())


async def _fill(world: Backbone, *, several: bool) -> list[str]:
    """750.5 Gbit/s from the campus to Ashburn and back for an hour, by one other tenant or by three."""
    ids: list[str] = []
    for number, rate in enumerate((250.25, 300.25, 200) if several else (750.5,)):
        name = TenantId(f"rival-{number}")
        ports = [
            Port(id=PortId(f"{name}.{site}"), tenant=name, site=SiteId(site), rate_gbps=800.0)
            for site in ("campus-east", "cloud-west")
        ]
        await world.controller.add_tenant(Tenant(id=name, name=name), ports)
        async with world.http(world.operator) as http:
            body = ORDER | {"bandwidth_gbps": rate, "end": at(30), "latency_bound_ms": 22}
            made = await http.post("/v1/services", json=body, params={"tenant": name})
            assert made.status_code == 201, made.text
            ids.append(made.json()["id"])
    return ids


async def _refused(http: httpx.AsyncClient, **params: str) -> httpx.Response:
    body = ORDER | {"bandwidth_gbps": 60, "start": at(10), "end": at(14), "max_paths": 4}
    answer = await http.post("/v1/services", json=body, params=params)
    assert answer.status_code == 409, answer.text
    return answer


def test_a_tenant_is_told_the_same_whoever_holds_what_is_full_and_an_operator_everything() -> None:
    async def told(several: bool) -> tuple[bytes, dict[str, Any], list[str]]:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            ids = await _fill(world, several=several)
            exact = await _refused(operator, tenant="acme")
            return (await _refused(http)).content, exact.json(), ids

    async def run() -> None:
        one, exact, (only,) = await told(several=False)
        other, _, _ = await told(several=True)
        assert one == other
        for hidden in (b"rival", b"svc-", b"49.5", b"750.5", b"holders"):
            assert hidden not in one
        assert exact["binding"]["available_gbps"] == 49.5
        assert "has 49.5 of 800 Gbit/s left" in exact["binding"]["message"]
        assert exact["binding"]["holders"] == [{"service": only, "bandwidth_gbps": 750.5}]

    asyncio.run(run())


def test_every_offer_of_a_window_is_an_order_as_it_is() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            await _fill(world, several=True)
            offers = (await _refused(http)).json()["offers"]
            assert offers
            for offer in offers:
                taken = await http.post("/v1/services", json=offer["order"])
                assert taken.status_code == 201, taken.text
                await http.delete(taken.headers["location"])

    asyncio.run(run())


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "a higher rate": ({"end": at(5)}, {"bandwidth_gbps": 200}, {"bandwidth_gbps"}),
    "a bound": (
        {"end": at(5)},
        {"bandwidth_gbps": 150, "latency_bound_ms": 20},
        {"bandwidth_gbps", "latency_bound_ms"},
    ),
    "a later end": ({"end": at(5)}, {"end": at(500)}, {"end"}),
    "another day": ({"start": at(4), "end": at(5)}, {"start": at(45), "end": at(46)}, {"start"}),
    "a rule": (
        {"start": at(4), "end": at(5)},
        {"windows": [{"start": at(hour), "end": at(hour + 1)} for hour in (4, 48, 80)]},
        {"windows"},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_that_does_not_fit_says_what_of_it_would(case: str) -> None:
    order, change, names = CHANGES[case]

    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = await http.post("/v1/services", json=ORDER | order)
            url = made.headers["location"]
            await _others(world, case)
            before = (await http.get(url)).json()
            version = {"If-Match": (await http.get(url)).headers["etag"]}
            answer = await http.patch(url, json=change, headers=version)
            problem = answer.json()
            assert answer.status_code == 409, problem
            assert problem["detail"].endswith("the service stays as it is")
            now = (await http.get(url)).json()
            moving: dict[str, Any] = {"state": "", "changed": "", "reason": "", "unrepairable_links": []}
            assert now | moving == before | moving
            assert problem["offers"], problem
            kinds = []
            for offer in problem["offers"]:
                assert "order" not in offer
                assert set(offer["changes"]) >= set(change)
                assert offer["changes"] != change
                kinds.append({name for name in offer["changes"] if offer["changes"][name] != change.get(name)})
                dry = await http.patch(f"{url}?dry_run=true", json=offer["changes"], headers=version)
                assert dry.status_code == 200, (offer, dry.text)
            assert names & set().union(*kinds)
            first = problem["offers"][0]["changes"]
            assert (await http.patch(url, json=first, headers=version)).status_code == 200
            if case == "a higher rate":
                assert first == {"bandwidth_gbps": 149.0}
            if case == "another day":
                assert at(39)[:16] in [offer["changes"]["start"][:16] for offer in problem["offers"]]
            if case == "a later end":
                assert at(40)[:16] in [offer["changes"]["end"][:16] for offer in problem["offers"]]

    asyncio.run(run())


def test_no_more_than_there_is_already_is_not_offered() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": 149.2, "latency_bound_ms": 21.7})
            url, version = made.headers["location"], {"If-Match": made.headers["etag"]}
            await _others(world, "a higher rate")
            for change in ({"latency_bound_ms": 20}, {"bandwidth_gbps": 200}):
                answer = await http.patch(f"{url}?dry_run=true", json=change, headers=version)
                assert answer.status_code == 409, answer.text
                assert "offers" not in answer.json()

    asyncio.run(run())


async def _others(world: Backbone, case: str) -> None:
    if case == "a bound":
        return
    name = TenantId("late")
    sites = ("campus-east", "cloud-west")
    ports = [Port(id=PortId(f"late.{site}"), tenant=name, site=SiteId(site), rate_gbps=800.0) for site in sites]
    await world.controller.add_tenant(Tenant(id=name, name="Late"), ports)
    times = {"a higher rate": {}, "a later end": {"start": at(40)}}.get(case, {"start": at(40), "end": at(60)})
    rate = 650.5 if case == "a higher rate" else 750
    async with world.http(world.operator) as http:
        body = ORDER | {"bandwidth_gbps": rate} | times
        made = await http.post("/v1/services", json=body, params={"tenant": name})
        assert made.status_code == 201, made.text
