"""What was measured over time, through the doors: gaps, steps, what is asked wrongly, and whose it is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from highroad.model.measurement import Measurement, Way
from highroad.model.service import ServiceId
from highroad.ports import LinkCounters, Sample, ServiceCounters
from highroad.units import iso_from_s
from tests.support.backbone import backbone, small_network
from tests.support.telemetry import kept

ORDER = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 2.0, "latency_bound_ms": 60}


def test_a_service_and_its_links_are_read_over_time() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.acme) as acme:
                service = (await acme.post("/v1/services", json=ORDER)).json()
                await world.active(acme, service["id"])
                url = f"/v1/telemetry/services/{service['id']}"

                point = None
                for _ in range(200):
                    asked = {"series": "promised_gbps", "step_s": "3600"}
                    tracks = (await acme.get(url, params=asked)).json()["tracks"]
                    known = [one for track in tracks for one in track["points"] if one is not None]
                    if known:
                        point = known[0]
                        break
                    await asyncio.sleep(0.1)
                assert point is not None
                assert (point["min"], point["mean"], point["max"], point["last"]) == (2.0, 2.0, 2.0, 2.0)
                whole = (await acme.get(url)).json()
                assert whole["fabric"] == "twin"
                names = {track["series"]: track for track in whole["tracks"]}
                assert names["promised_ms"]["points"][-1]["last"] == 60.0
                assert names["promised_protection"]["points"][-1]["last"] == 0.0
                # Nothing was measured before there was a service: that is told as nothing.
                assert names["offered_gbps"]["points"][0] is None
                async with world.http(world.operator) as operator:
                    found = await operator.get("/v1/telemetry/links/pop-ash%3Epop-chi", params={"series": "up"})
                    assert found.json()["tracks"][0]["points"][-1]["last"] == 1.0

    asyncio.run(story())


def test_every_link_is_told_as_it_was_at_a_moment() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.operator) as operator:
                network = small_network()
                [one, dark, *_] = network.link
                at_s = float(int(time.time()) // 60 * 60 - 600)
                for k in range(3):
                    links = {one: LinkCounters(carried_bytes=0.0, carried_gbps=4.0 + k, up=True)}
                    links[dark] = LinkCounters(carried_bytes=0.0, carried_gbps=0.0, up=k != 1)
                    telemetry.sampled(Sample(at_s=at_s + k, services={}, links=links), network, {})
                asked = {"at": iso_from_s(at_s + 5)}
                found: dict[str, Any] = {}
                for _ in range(100):
                    found = (await operator.get("/v1/telemetry/links", params=asked)).json()
                    if one in found["links"] and found["down"]:
                        break
                    await asyncio.sleep(0.1)
                assert (found["at"], found["step_s"]) == (iso_from_s(at_s), 10)
                assert found["links"][one] == 5.0
                assert found["down"] == [dark]
                over = {"from": iso_from_s(at_s - 1), "to": iso_from_s(at_s + 3), "step_s": "1"}
                played = (await operator.get("/v1/telemetry/moments", params=over)).json()
                assert (played["from"], played["step_s"]) == (iso_from_s(at_s - 1), 1)
                assert played["links"] == sorted([one, dark])
                place = played["links"].index(one)
                assert [each["carried_gbps"][place] for each in played["moments"]] == [None, 4.0, 5.0, 6.0]
                assert [each["down"] for each in played["moments"]] == [[], [], [dark], []]
                async with world.http(world.acme) as acme:
                    assert (await acme.get("/v1/telemetry/moments", params=over)).status_code == 403
                assert (await operator.get("/v1/telemetry/moments", params={**over, "step_s": "x"})).status_code == 422
                before = (await operator.get("/v1/telemetry/links", params={"at": iso_from_s(at_s - 5)})).json()
                assert (before["links"], before["down"]) == ({}, [])
                async with world.http(world.acme) as acme:
                    assert (await acme.get("/v1/telemetry/links", params=asked)).status_code == 403

    asyncio.run(story())


def test_what_if_counts_with_what_is_sent_where_that_is_asked() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.acme) as acme:
                service = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                await world.active(acme, service)
                counters = ServiceCounters(
                    offered_bytes=0, carried_bytes=0, lost_bytes=0, dark_s=0, offered_gbps=1000.0,
                    carried_gbps_there=900.0, carried_gbps_back=100.0, latency_ms_there=0, latency_ms_back=0,
                )  # fmt: skip
                at_s = float(int(time.time())) - 7200
                for k in range(30):
                    sample = Sample(at_s=at_s + 60 * k, services={ServiceId(service): counters}, links={})
                    telemetry.sampled(sample, small_network(), {})
                async with world.http(world.operator) as operator:
                    asked = {"load": "measured", "over_s": "10800", "quantile": "1"}
                    cut = (await operator.get("/v1/whatif", params={"cut": "pop-ash--pop-chi", **asked})).json()
                    assert cut["fullest"][0]["share"] == 2 / 800
                    sent = cut["sent"]
                    assert (sent["over_s"], sent["quantile"], sent["services"], sent["guessed"]) == (10800, 1, 1, 0)
                    assert (sent["sent_gbps"], sent["overloaded"] > 0, sent["planned"]) == (1000.0, True, None)
                    assert sent["fullest"][0]["sent_gbps"] == 900.0
                    url, asked["grow"] = "/v1/whatif/outlook", "0.8"
                    grown = (await operator.get(url, params=asked)).json()
                    assert grown["overloaded"] == grown["sent"]["overloaded"] == 0
                    assert grown["sent"]["fullest"][0] | {"link": ""} == {
                        "link": "", "capacity_gbps": 800.0, "sent_gbps": 720.0, "before_gbps": 900.0, "share": 0.9,
                    }  # fmt: skip
                    assert grown["sent"]["planned"]["lost_gbps"] == 0
                    assert (await operator.get(url)).json()["sent"] is None
                    wrong = await operator.get(url, params={"load": "measured", "over_s": "1", "quantile": "7"})
                    assert wrong.status_code == 422
                    assert [one["place"] for one in wrong.json()["findings"]] == ["over", "quantile"]
                    assert (await operator.get(url, params={"load": "hoped"})).status_code == 422

    asyncio.run(story())


def test_what_was_lost_while_nobody_watched_is_a_figure_of_its_service() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.acme) as acme:
                service = ServiceId((await acme.post("/v1/services", json=ORDER)).json()["id"])
                at_s = float(int(time.time())) - 600
                counters = ServiceCounters(
                    offered_bytes=0, carried_bytes=0, lost_bytes=0, dark_s=0, offered_gbps=0, carried_gbps_there=0,
                    carried_gbps_back=0, latency_ms_there=0, latency_ms_back=0,
                )  # fmt: skip
                for k, lost in enumerate((10, 90)):
                    one = replace(counters, lost_bytes=lost)
                    telemetry.sampled(
                        Sample(at_s=at_s + 120 * k, services={service: one}, links={}), small_network(), {}
                    )
                url = f"/v1/telemetry/services/{service}"
                begun, ended = iso_from_s(at_s), iso_from_s(at_s + 300)
                for series in ([], ["gap_lost_bytes"], ["lost_bytes", "gap_lost_bytes"]):
                    asked = {"series": series, "step_s": "60", "from": begun, "to": ended}
                    found = (await acme.get(url, params=asked)).json()
                    named = {track["series"]: track for track in found["tracks"]}
                    points = [one["last"] for one in named["gap_lost_bytes"]["points"] if one is not None]
                    assert points == [80.0]
                    assert set(series) <= set(named)

    asyncio.run(story())


def test_paths_are_read_by_their_service_and_no_other_sees_them() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.acme) as acme:
                service = (await acme.post("/v1/services", json=ORDER)).json()["id"]
                at_s = float(int(time.time()))
                telemetry.measured(
                    [
                        Measurement(
                            service=ServiceId(name), way=Way.THERE, at_s=at_s, for_s=1.0, sent=10, rtt_p50_ms=40.5
                        )
                        for name in (service, f"{service}0")
                    ]
                )
                url = f"/v1/telemetry/services/{service}/paths"
                found = (await acme.get(url, params={"series": "rtt_p50_ms"})).json()
                assert [track["name"] for track in found["tracks"]] == [f"{service}/there"]
                async with world.http(world.rival) as rival:
                    assert (await rival.get(url)).status_code == 404

    asyncio.run(story())


def test_what_is_asked_wrongly_is_told_at_once() -> None:
    async def story() -> None:
        with kept() as telemetry:
            async with backbone(telemetry=telemetry) as world, world.http(world.operator) as operator:
                url = "/v1/telemetry/links/pop-ash%3Epop-chi"
                now_s = time.time()
                start, end = iso_from_s(now_s), iso_from_s(now_s - 60)
                answer = await operator.get(url, params={"from": start, "to": end, "series": ["carried_gbs", "up"]})
                assert answer.status_code == 422
                found = answer.json()
                assert {one["code"] for one in found["findings"]} == {"range", "series"}
                assert "carried_gbps" in str(found)
                year = datetime.fromtimestamp(now_s - 365 * 86_400, UTC).isoformat()
                answer = await operator.get(url, params={"from": year, "step_s": "60"})
                assert answer.status_code == 422
                assert "longer step" in answer.text
                for ends in ({"to": "9999-12-31T23:59:59Z"}, {"from": "0001-01-01T00:00:00Z", "step_s": "9999999"}):
                    answer = await operator.get(url, params=ends)
                    assert answer.status_code == 422, answer.text
                    assert [one["place"] for one in answer.json()["findings"]] == [*ends][:1]
                assert (await operator.get("/v1/telemetry/links/nowhere%3Epop-chi")).status_code == 404
                async with world.http(world.acme) as acme:
                    assert (await acme.get(url)).status_code == 403

    asyncio.run(story())


def test_who_keeps_none_says_so() -> None:
    async def story() -> None:
        async with backbone() as world, world.http(world.operator) as operator:
            answer = await operator.get("/v1/telemetry/links/pop-ash%3Epop-chi")
            assert answer.status_code == 409
            assert "HIGHROAD_TELEMETRY_MIB" in answer.text

    asyncio.run(story())
