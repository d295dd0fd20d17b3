"""Windows, rules, splits, and changes in place of everything, through the API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.backbone import backbone

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}


def at(after: timedelta) -> str:
    return (datetime.now(UTC) + after).isoformat()


def test_a_rule_is_ordered_shown_and_changed_into_windows() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            rule = {
                "rule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
                "time_zone": "America/Denver",
                "start": "2027-01-04T18:00:00",
                "duration_s": 6 * 3600,
            }
            made = await http.post("/v1/services", json=ORDER | {"recurrence": rule})
            service = made.json()
            assert made.status_code == 201, service
            assert service["recurrence"] == rule
            assert len(service["windows"]) == 10
            assert service["windows"][0]["start"] == "2027-01-05T01:00:00.000Z"  # 18:00 in Denver
            assert service["windows_left"] > 480
            url, version = made.headers["location"], {"If-Match": made.headers["etag"]}
            none: tuple[dict[str, Any], ...] = ({"recurrence": None}, {"windows": None}, {"windows": None, "end": None})
            for body in none:
                refused = await http.patch(url, json=body, headers=version)
                assert refused.status_code == 422, body
                assert [one["code"] for one in refused.json()["findings"]] == ["window-pieces"], body
            alone = {"recurrence": None, "start": at(timedelta(days=1)), "end": "2030-01-02T00:00:00.000Z"}
            preview = (await http.patch(f"{url}?dry_run=true", json=alone, headers=version)).json()["service"]
            assert (preview["recurrence"], preview["end"], preview["windows_left"]) == (None, alone["end"], 1)
            hours = timedelta(hours=1)
            windows = [{"start": at(turn * hours), "end": at((turn + 0.5) * hours)} for turn in (1, 2, 3)]
            done = await http.patch(url, json={"windows": windows, "recurrence": None}, headers=version)
            assert done.status_code == 200, done.text
            assert (done.json()["recurrence"], done.json()["windows_left"]) == (None, 3)

    asyncio.run(run())


def test_null_is_none_and_left_out_is_as_it_was() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            full = ORDER | {"latency_bound_ms": 30, "fence": ["US"], "burst_gbps": 200, "end": at(timedelta(days=1))}
            made = await http.post("/v1/services", json=full)
            service, url = made.json(), made.headers["location"]
            version = {"If-Match": made.headers["etag"]}
            bodies: list[tuple[dict[str, Any], str]] = [
                ({"latency_bound_ms": None}, "latency_bound_ms"),
                ({"fence": None}, "fence"),
                ({"burst_gbps": None}, "burst_gbps"),
                ({"end": None}, "end"),
            ]
            for body, name in bodies:
                preview = await http.patch(f"{url}?dry_run=true", json=body, headers=version)
                after = preview.json()["service"]
                assert after[name] is None
                assert [key for key in full if key not in ("from", "to", name) and after[key] != service[key]] == []
                assert preview.json()["effects"]
            for name in ("bandwidth_gbps", "windows", "recurrence"):  # it has no windows to take away
                nothing = await http.patch(f"{url}?dry_run=true", json={name: None}, headers=version)
                assert nothing.json()["service"][name] == service[name]
                assert nothing.json()["service"]["version"] == service["version"]
            meanwhile = {"changed": 0, "state": 0, "unrepairable_links": 0}  # goes on by itself
            assert (await http.get(url)).json() | meanwhile == service | meanwhile

    asyncio.run(run())


def test_all_that_is_wrong_with_a_change_is_said_at_once_and_nothing_is_changed() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            made = await http.post("/v1/services", json=ORDER)
            await world.active(http, made.json()["id"])
            url, version = made.headers["location"], {"If-Match": made.headers["etag"]}
            before = (await http.get(url)).json()
            wrong = {
                "burst_gbps": 50,
                "latency_bound_ms": 0.001,
                "fence": ["XX1"],
                "end": at(timedelta(days=-1)),
                "max_paths": 9,
                "description": "x" * 501,
            }
            answer = await http.patch(url, json=wrong, headers=version)
            assert answer.status_code == 422
            places = {finding["place"] for finding in answer.json()["findings"]}
            assert places == {"burst_gbps", "latency_bound_ms", "fence[0]", "end", "max_paths", "description"}
            late = await http.patch(url, json={"start": at(timedelta(days=1))}, headers=version)
            assert [finding["code"] for finding in late.json()["findings"]] == ["window-begun"]
            refused = await http.patch(url, json={"latency_bound_ms": 15}, headers=version)
            assert (refused.status_code, refused.json()["code"]) == (409, "refused")
            assert "stays as it is" in refused.json()["detail"]
            assert (await http.get(url)).json() == before

    asyncio.run(run())


def test_no_windows_is_not_from_now_on_and_very_many_travel() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            none = await http.post("/v1/services", json=ORDER | {"windows": []})
            assert (none.status_code, none.json()["findings"][0]["place"]) == (422, "windows")
            hour = timedelta(hours=1)
            for many in (1000, 1001):
                windows = [
                    {"start": at((2 * turn + 1) * hour), "end": at((2 * turn + 2) * hour)} for turn in range(many)
                ]
                answer = await http.post("/v1/services?dry_run=true", json=ORDER | {"windows": windows})
                assert answer.status_code == (200 if many == 1000 else 422), answer.text[:200]

    asyncio.run(run())


def test_an_order_that_no_one_path_has_room_for_is_split() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.rival) as rival:
            rate, edge = 600, {"from": "edge-chi", "to": "cloud-west", "bandwidth_gbps": 400}
            for fence in (["US"], ["US-IL", "US-VA", "US-TX", "US-CA"]):  # by Denver, and by Dallas
                assert (await rival.post("/v1/services", json=edge | {"fence": fence})).status_code == 201
            one = await http.post("/v1/services?dry_run=true", json=ORDER | {"bandwidth_gbps": rate, "max_paths": 1})
            assert one.status_code == 409, one.text
            made = await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": rate})
            assert made.status_code == 201, made.text
            branches = made.json()["branches"]
            assert len(branches) >= 2
            assert sum(branch["share"] for branch in branches) == 1
            assert branches[0]["there"] == made.json()["there"]
            ethernet = await http.post("/v1/services", json=ORDER | {"kind": "ethernet", "max_paths": 2})
            assert [finding["code"] for finding in ethernet.json()["findings"]] == ["max-paths"]

    asyncio.run(run())
