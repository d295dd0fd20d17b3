"""Views of the calendar: what is free, as a tenant and as an operator are told it; a link; what a failure would do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from highroad.control.ahead import ahead
from tests.support.backbone import backbone

ENDS = "from=campus-east&to=cloud-west"


def test_what_is_free_is_told_in_steps_to_a_tenant_and_exactly_to_an_operator() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator, world.http(world.acme) as acme:
            taken = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 300.5}
            assert (await acme.post("/v1/services", json=taken)).status_code == 201
            exact = (await operator.get(f"/v1/capacity?{ENDS}&hours=3")).json()
            assert [one["free_gbps"] for one in exact["hours"]] == [499.5] * 3
            assert exact["step_gbps"] == 0.001
            assert exact["hours"][0]["end"] == exact["hours"][1]["start"]
            assert exact["best"]["end"] == exact["hours"][2]["end"]
            shown = (await acme.get(f"/v1/capacity?{ENDS}")).json()
            assert [one["free_gbps"] for one in shown["hours"]] == [499.0] * 168
            assert (shown["from"], shown["to"], shown["step_gbps"]) == ("campus-east", "cloud-west", 1.0)
            best = shown["best"]
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": best["free_gbps"], "end": best["end"]}
            assert (await acme.post("/v1/services?dry_run=true", json=order)).status_code == 200
            assert (await acme.post("/v1/services?dry_run=true", json=order | {"bandwidth_gbps": 500})).is_error

    asyncio.run(run())


def test_promises_narrow_what_is_free() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme:

            async def free(more: str) -> set[float]:
                answer = (await acme.get(f"/v1/capacity?{ENDS}&hours=2{more}")).json()
                return {one["free_gbps"] for one in answer["hours"]}

            assert await free("&fence=US&latency_bound_ms=25") == {800.0}
            assert await free("&latency_bound_ms=15") == {0.0}
            assert await free("&protection=path") == {0.0}
            assert await free("&fence=US-VA&fence=US-CA&fence=US-TX") == {800.0}
            ends = "from=campus-east&to=pop-dal"
            late = "start=2001-01-01T00:00:00Z&hours=0"
            findings = (await acme.get(f"/v1/capacity?{ends}&fence=x&{late}")).json()["findings"]
            assert [one["code"] for one in findings] == ["hours", "window-past", "no-port-at-site", "fence-code"]

    asyncio.run(run())


def test_what_a_failure_would_do_is_told_and_not_done() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator:
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}
            loose = (await operator.post("/v1/services?tenant=acme", json=order)).json()["id"]
            tight = order | {"latency_bound_ms": 22}
            quick = (await operator.post("/v1/services?tenant=rival", json=tight)).json()["id"]
            aside = {"from": "edge-chi", "to": "cloud-west", "bandwidth_gbps": 5}
            other = (await operator.post("/v1/services?tenant=acme", json=aside)).json()["id"]
            for service in (loose, quick, other):
                await world.active(operator, service)
            found = (await operator.get("/v1/whatif?cut=pop-ash--pop-chi")).json()
            outcomes = {one["service"]: one for one in found["effects"]}
            assert outcomes[loose]["outcome"] == "moved"
            assert outcomes[loose]["sites"][:3] == ["campus-east", "pop-ash", "pop-dal"]
            assert outcomes[quick]["outcome"] == "slow"
            assert outcomes[quick]["latency_after_ms"] > 22 > outcomes[quick]["latency_before_ms"]
            assert outcomes[quick]["reason"].startswith("slow: ")
            assert other not in outcomes
            assert found["counts"]["moved"] == {"services": 1, "gbps": 100.0}
            assert found["counts"]["dark"] == {"services": 0, "gbps": 0.0}
            assert (found["services"], found["oversold"], found["at_rest"]) == (3, [], True)
            assert found["fullest"][0]["share"] == 0.25
            site = (await operator.get("/v1/whatif?cut=campus-east")).json()
            assert {one["outcome"] for one in site["effects"]} == {"dark"}
            assert [one["sites"] for one in site["effects"]] == [[], []]
            assert (await operator.get("/v1/incidents")).json()["items"] == []
            assert (await operator.get(f"/v1/services/{quick}")).json()["state"] == "ACTIVE"
            wrong = await operator.get("/v1/whatif?cut=pop-ash--pop-ch")
            assert wrong.status_code == 422
            assert "did you mean `pop-ash--pop-chi`?" in wrong.json()["findings"][0]["message"]

    asyncio.run(run())


def test_what_growth_and_more_links_would_do() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator, world.http(world.acme) as acme:
            order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 300}
            assert (await acme.post("/v1/services", json=order)).status_code == 201
            found = (await operator.get("/v1/whatif/outlook?grow=3")).json()
            assert (found["services"], found["wanted_gbps"], found["without"]) == (1, 1800.0, None)
            assert found["planned"]["lost_gbps"] > 0
            assert found["planned"]["short"][0]["from"] in ("campus-east", "cloud-west")
            assert found["overloaded"] > 0
            added = "&add=campus-east%3Epop-ash%3A1000&add=campus-east%3Ecloud-west%3A700%3A20"
            more = (await operator.get(f"/v1/whatif/outlook?grow=3{added}")).json()
            assert more["without"]["lost_gbps"] == found["planned"]["lost_gbps"]
            assert more["planned"]["lost_gbps"] == 0
            assert more["planned"]["grows_to"] > more["without"]["grows_to"]
            assert more["added"] == ["campus-east>pop-ash:1000", "campus-east>cloud-west:700:20"]
            wrong = await operator.get("/v1/whatif/outlook?grow=0&add=x&cut=moon")
            assert wrong.status_code == 422
            assert [one["code"] for one in wrong.json()["findings"]] == ["growth", "unknown-target", "bad-addition"]
            assert (await operator.get("/v1/whatif/outlook?grow=much")).status_code == 422
            assert (await acme.get("/v1/whatif/outlook")).status_code == 403

    asyncio.run(run())


def test_what_is_booked_of_every_link() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator, world.http(world.acme) as acme:
            later = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100.5,
                     "start": "2100-01-01T00:00:00Z", "end": "2100-01-02T00:00:00Z"}  # fmt: skip
            await acme.post("/v1/services", json=later)
            await acme.post("/v1/services", json={**later, "bandwidth_gbps": 7, "start": "2100-01-01T12:00:00Z"})
            url = "/v1/links/booked"
            found = (await operator.get(url, params={"at": "2100-01-01T12:00:00Z"})).json()
            network = (await operator.get("/v1/network")).json()
            assert set(found["links"]) == {link["id"] for link in network["links"]}
            assert found["changes"] == found["closed"] == []
            assert found["until"] == found["at"] == "2100-01-01T12:00:00.000Z"
            for link, gbps in found["links"].items():
                address = f"/v1/links/{link.replace('>', '%3E')}/calendar"
                asked = {"start": "2100-01-01T12:00:00Z", "end": "2100-01-01T12:01:00Z"}
                (step,) = (await operator.get(address, params=asked)).json()["steps"]
                assert gbps == step["claimed_gbps"] + step["reserve_gbps"]
            assert found["links"]["pop-chi>pop-den"] == 107.5

            asked = {"at": "2099-12-31T00:00:00Z", "until": "2100-01-02T00:00:01Z"}
            found = (await operator.get(url, params=asked)).json()
            assert not any(found["links"].values())
            of_one = [(one["at"][:13], one["links"].get("campus-east>pop-ash")) for one in found["changes"]]
            assert of_one == [("2100-01-01T00", 100.5), ("2100-01-01T12", 107.5), ("2100-01-02T00", 0.0)]
            # What changes at the very end is no more part of it.
            until = {**asked, "until": "2100-01-02T00:00:00Z"}
            assert len((await operator.get(url, params=until)).json()["changes"]) == 2

            work = {"target": "pop-chi--pop-den", "start": "2100-01-01T23:00:00Z", "end": "2100-01-03T03:00:00Z"}
            booked = (await operator.post("/v1/maintenances", json=work)).json()["id"]
            (closed,) = (await operator.get(url, params=asked)).json()["closed"]
            assert (closed["maintenance"], closed["start"]) == (booked, "2100-01-01T23:00:00.000Z")
            assert closed["links"] == ["pop-chi>pop-den", "pop-den>pop-chi"]
            assert (await operator.get(url, params={"at": "2100-01-01T22:59:59Z"})).json()["closed"] == []

            for wrong in ({"at": "2020-01-01T00:00:00Z"}, {**asked, "until": "2099-12-30T00:00:00Z"},
                          {**asked, "until": "2100-06-01T00:00:00Z"}):  # fmt: skip
                assert (await operator.get(url, params=wrong)).status_code == 422, wrong
            assert (await operator.get(url)).status_code == 422
            assert (await acme.get(url, params=asked)).status_code == 403

    asyncio.run(run())


def test_of_very_many_changes_whole_instants_are_told() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme:
            for hour in range(4):
                order = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 1,
                         "start": f"2100-01-01T0{hour}:00:00Z", "end": "2100-01-02T00:00:00Z"}  # fmt: skip
                await acme.post("/v1/services", json=order)
            begin_s = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
            settled, until_s = world.controller.settled, begin_s + 7200.5

            whole = await ahead(settled, 0.0, begin_s - 1, until_s)
            assert whole.until_s == until_s
            each = len(whole.turns) // 3
            assert each > 1
            for most in (1, each, each + 1, 2 * each):
                some = await ahead(settled, 0.0, begin_s - 1, until_s, most=most)
                instants = max(1, most // each)
                assert some.turns == whole.turns[: instants * each]
                assert some.turns[-1].at_s < some.until_s <= begin_s + 3600 * instants
                # It goes on from there without a gap.
                rest = await ahead(settled, 0.0, some.until_s, until_s)
                so_far = {turn.link: turn.mbps for turn in whole.turns if turn.at_s <= some.until_s}
                assert rest.mbps == whole.mbps | so_far
                assert rest.turns == tuple(turn for turn in whole.turns if turn.at_s > some.until_s)

    asyncio.run(run())


def test_the_calendar_of_a_link() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as operator, world.http(world.acme) as acme:
            later = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100.5,
                     "start": "2100-01-01T00:00:00Z", "end": "2100-01-02T00:00:00Z"}  # fmt: skip
            safe = {"from": "edge-chi", "to": "cloud-west", "bandwidth_gbps": 7, "start": "2100-01-01T12:00:00Z"}
            first = (await acme.post("/v1/services", json=later)).json()["id"]
            second = (await acme.post("/v1/services", json=safe)).json()["id"]
            url = "/v1/links/pop-chi%3Epop-den/calendar"
            when = "start=2099-12-31T00:00:00Z&end=2100-01-03T00:00:00Z"
            found = (await operator.get(f"{url}?{when}")).json()
            assert (found["link"], found["tail"], found["head"]) == ("pop-chi>pop-den", "pop-chi", "pop-den")
            told = [(one["start"][:13], one["claimed_gbps"], one["reserve_gbps"], one["free_gbps"])
                    for one in found["steps"]]  # fmt: skip
            assert told == [
                ("2099-12-31T00", 0.0, 0.0, 800.0),
                ("2100-01-01T00", 100.5, 0.0, 699.5),
                ("2100-01-01T12", 107.5, 0.0, 692.5),
                ("2100-01-02T00", 7.0, 0.0, 793.0),
            ]
            assert found["steps"][-1]["end"] == "2100-01-03T00:00:00.000Z"
            holders = [(one["service"], one["use"], one["rate_gbps"], one["end"]) for one in found["holders"]]
            assert holders == [
                (first, "carried", 100.5, "2100-01-02T00:00:00.000Z"),
                (second, "carried", 7.0, None),
            ]
            week = (await operator.get(url)).json()
            assert len(week["steps"]) == 1
            assert week["holders"] == week["closed"] == []
            work = {"target": "pop-chi--pop-den", "start": "2100-01-01T01:00:00Z", "end": "2100-01-01T03:00:00Z"}
            booked = (await operator.post("/v1/maintenances", json=work)).json()["id"]
            closes = {"maintenance": booked, "target": "pop-chi--pop-den",
                      "start": "2100-01-01T01:00:00.000Z", "end": "2100-01-01T03:00:00.000Z"}  # fmt: skip
            assert (await operator.get(f"{url}?{when}")).json()["closed"] == [closes]
            assert (await operator.get(url)).json()["closed"] == []
            elsewhere = f"/v1/links/pop-ash%3Epop-chi/calendar?{when}"
            assert (await operator.get(elsewhere)).json()["closed"] == []
            await operator.delete(f"/v1/maintenances/{booked}")
            assert (await operator.get(f"{url}?{when}")).json()["closed"] == []
            await operator.post("/v1/maintenances", json={"target": "pop-chi--pop-den"})
            (now,) = (await operator.get(url)).json()["closed"]
            assert (now["target"], now["end"]) == ("pop-chi--pop-den", None)
            assert (await operator.get("/v1/links/moon/calendar")).status_code == 404
            for wrong in ("start=2020-01-01T00:00:00Z", "end=2020-01-01T00:00:00Z", "end=2100-01-01T00:00:00Z"):
                assert (await operator.get(f"{url}?{wrong}")).status_code == 422, wrong
            assert (await acme.get(url)).status_code == 403

    asyncio.run(run())
