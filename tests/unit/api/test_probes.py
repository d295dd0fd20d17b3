"""Pings, traces and broken routers through the API: what is measured, on what, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Tenant, TenantId
from highroad.ports import Lab, LabStatus
from tests.support.backbone import backbone, small_network
from tests.unit.fabric.small import in_duct

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}
LIGHT_MS = (20.0 + 1100.0 + 1600.0 + 1700.0) * 0.0049


def test_a_tenant_pings_and_traces_its_own_service() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(http, service)
            ping = await http.post(f"/v1/services/{service}/ping", json={"count": 3, "interval_ms": 5})
            assert ping.status_code == 200, ping.text
            told = ping.json()
            assert (told["sent"], told["received"], told["loss"]) == (3, 3, 0.0)
            assert told["rtt_ms_min"] == told["rtt_ms_max"] == pytest.approx(2 * LIGHT_MS)
            assert told["rtt_ms_mdev"] == pytest.approx(0.0, abs=1e-6)
            assert (told["fabric"], told["rate_scale"]) == ("twin", 1.0)
            trace = (await http.post(f"/v1/services/{service}/trace")).json()
            assert trace["there"]["site"] == "campus-east"
            assert [hop["site"] for hop in trace["there"]["hops"]] == ["pop-ash", "pop-chi", "pop-den", "cloud-west"]
            assert [hop["site"] for hop in trace["back"]["hops"]] == ["pop-den", "pop-chi", "pop-ash", "campus-east"]
            last = trace["there"]["hops"][-1]
            assert last["latency_ms"] == pytest.approx(LIGHT_MS)
            assert last["rtt_ms"] == pytest.approx(2 * LIGHT_MS)
            assert last["link"] == "pop-den>cloud-west"

    asyncio.run(run())


def test_what_is_measured_of_a_service_is_told_to_its_tenant_alone() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            place = f"/v1/services/{service}/measurements"
            assert (await http.get(place)).status_code == 409
            await world.active(http, service)
            told = (await http.get(place)).json()
            assert (told["fabric"], told["service"]) == ("twin", service)
            assert [one["way"] for one in told["intervals"]] == ["there", "back"]
            first = told["intervals"][0]
            assert (first["sent"], first["loss"], first["in_use"], first["pinned"]) == (10, 0.0, True, True)
            assert first["rtt_ms_p50"] == first["rtt_ms_max"] == pytest.approx(2 * LIGHT_MS)
            assert first["latency_ms_out"] == pytest.approx(LIGHT_MS)
            await operator.post("/v1/lab/cuts", json={"fibre": "campus-east--pop-ash", "silent": True})
            dark = (await operator.get(place)).json()["intervals"][0]
            assert (dark["loss"], dark["lost_out"], dark["rtt_ms_p50"]) == (1.0, 10, None)
        async with backbone() as world, world.http(world.acme) as http:
            assert (await http.get("/v1/services/svc-none/measurements")).status_code == 404

    asyncio.run(run())


def test_a_ping_into_the_dark_says_how_much_was_lost() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(http, service)
            await operator.post("/v1/lab/cuts", json={"fibre": "campus-east--pop-ash"})
            told = (await http.post(f"/v1/services/{service}/ping", json={"count": 2, "interval_ms": 5})).json()
            assert (told["received"], told["loss"], told["rtt_ms_avg"]) == (0, 1.0, None)
            assert [echo["rtt_ms"] for echo in told["echoes"]] == [None, None]
            hops = (await http.post(f"/v1/services/{service}/trace")).json()["there"]["hops"]
            assert [hop["rtt_ms"] for hop in hops] == [None] * 4

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"count": 0}, "count"),
        ({"count": 21}, "count"),
        ({"count": "many"}, "count"),
        ({"interval_ms": 0}, "interval_ms"),
        ({"interval_ms": 60_000}, "interval_ms"),
        ({"size_bytes": 100_000}, "size_bytes"),
        ({"flood": True}, "flood"),
    ],
)
def test_a_ping_is_bounded(body: dict[str, Any], place: str) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            answer = await http.post(f"/v1/services/{service}/ping", json=body)
            assert answer.status_code == 422, answer.text
            assert [one["place"] for one in answer.json()["findings"]] == [place]

    asyncio.run(run())


def test_what_nothing_carries_is_not_pinged() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            later = ORDER | {"start": "2090-01-01T00:00:00Z", "end": "2090-01-02T00:00:00Z"}
            service = (await http.post("/v1/services", json=later)).json()["id"]
            for answer in (
                await http.post(f"/v1/services/{service}/ping", json={}),
                await http.post(f"/v1/services/{service}/trace"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
                assert "nothing carries it" in answer.json()["detail"]
            assert (await http.post("/v1/services/svc-none/ping", json={})).status_code == 404

    asyncio.run(run())


def test_everything_that_has_a_rate_says_on_what_it_was_taken() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(http, service)
            for told in (
                (await operator.get("/v1/lab")).json(),
                (await http.get(f"/v1/services/{service}/counters")).json(),
                (await http.post(f"/v1/services/{service}/trace")).json(),
            ):
                assert (told["fabric"], told["rate_scale"]) == ("twin", 1.0)

    asyncio.run(run())


def test_a_router_is_killed_and_starts_again() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            routers = (await http.get("/v1/lab")).json()["routers"]
            assert len(routers) == 7
            assert all(one["up"] for one in routers)
            killed = await http.post("/v1/lab/routers-down", json={"site": "pop-chi"})
            assert killed.status_code == 201
            assert killed.headers["location"] == "/v1/lab/routers-down/pop-chi"
            assert killed.json()["up"] is False
            lab = (await http.get("/v1/lab")).json()
            assert [one["site"] for one in lab["routers"] if one["killed"]] == ["pop-chi"]
            assert lab["cuts"] == []
            book = await world.controller.settled()
            await world.until(lambda: len(book.down) == 3)
            revived = (await http.delete("/v1/lab/routers-down/pop-chi")).json()
            assert all(one["up"] for one in revived["routers"])
            await world.until(lambda: not book.down)
            unknown = await http.post("/v1/lab/routers-down", json={"site": "pop-ch"})
            assert "did you mean `pop-chi`?" in unknown.json()["findings"][0]["message"]
            assert (await http.delete("/v1/lab/routers-down/nope")).status_code == 404

    asyncio.run(run())


def test_a_silent_cut_is_said_to_be_one() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            cut = await http.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi", "silent": True})
            assert cut.json()["silent"] is True
            assert [one["silent"] for one in (await http.get("/v1/lab")).json()["cuts"]] == [True]

    asyncio.run(run())


def test_a_cut_is_one_way_or_for_a_part_and_says_so() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            fibre = "pop-ash--pop-chi"
            for one_way in ("pop-chi>pop-ash", "pop-ash>pop-chi"):
                cut = (await http.post("/v1/lab/cuts", json={"fibre": fibre, "one_way": one_way, "loss": 0.2})).json()
                assert (cut["silent"], cut["one_way"], cut["loss"]) == (True, one_way, 0.2)
                assert [one["one_way"] for one in (await http.get("/v1/lab")).json()["cuts"]] == [one_way]
            loud = (await http.post("/v1/lab/cuts", json={"fibre": fibre})).json()
            assert (loud["silent"], loud["one_way"], loud["loss"]) == (False, None, 1.0)
            wrong = await http.post("/v1/lab/cuts", json={"fibre": fibre, "one_way": "pop-den>pop-chi"})
            assert wrong.status_code == 422
            said = wrong.json()["findings"][0]
            assert said["place"] == "one_way"
            assert "give pop-chi>pop-ash or pop-ash>pop-chi, or a link over it" in said["message"]
            for share in (0, 1.5, -1, "much"):
                assert (await http.post("/v1/lab/cuts", json={"fibre": fibre, "loss": share})).status_code == 422

    asyncio.run(run())


def test_a_risk_group_is_cut_as_a_whole() -> None:
    async def run() -> None:
        network = in_duct(small_network(), "duct", "pop-ash--pop-chi", "pop-ash--pop-dal")
        async with backbone(network=network) as world, world.http(world.operator) as http:
            cut = await http.post("/v1/lab/groups-cut", json={"risk_group": "duct"})
            assert (cut.status_code, cut.headers["location"]) == (201, "/v1/lab/groups-cut/duct")
            assert cut.json()["fibres"] == ["pop-ash--pop-chi", "pop-ash--pop-dal"]
            lab = (await http.get("/v1/lab")).json()
            assert (lab["cuts"], [one["risk_group"] for one in lab["groups"]]) == ([], ["duct"])
            book = await world.controller.settled()
            await world.until(lambda: len(book.down) == 2)
            unknown = await http.post("/v1/lab/groups-cut", json={"risk_group": "dukt"})
            assert unknown.json()["findings"][0]["place"] == "risk_group"
            assert "did you mean `duct`?" in unknown.json()["findings"][0]["message"]
            assert (await http.delete("/v1/lab/groups-cut/dukt")).status_code == 404
            assert (await http.delete("/v1/lab/groups-cut/duct")).json()["groups"] == []
            await world.until(lambda: not book.down)

    asyncio.run(run())


def test_a_router_that_is_killed_silently_keeps_its_light() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            killed = (await http.post("/v1/lab/routers-down", json={"site": "pop-chi", "silent": True})).json()
            assert (killed["up"], killed["silent"]) == (False, True)
            loud = (await http.post("/v1/lab/routers-down", json={"site": "pop-chi"})).json()
            assert (loud["up"], loud["silent"], loud["killed"]) == (False, False, killed["killed"])

    asyncio.run(run())


class _Hosted:
    """A lab with a host behind each port that it was told of."""

    def __init__(self, lab: Lab | None) -> None:
        assert lab is not None
        self._lab = lab
        self.told: list[PortId] = []

    async def plug(self, ports: Sequence[PortId]) -> None:
        self.told = list(ports)

    async def status(self) -> LabStatus:
        hosts = {port: f"hr-1-h-{port}" for port in (*self.told, PortId("nobodys"))}
        return replace(await self._lab.status(), hosts=hosts)


def test_a_lab_is_told_of_every_port_before_any_service_and_shows_the_hosts() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            hosted = _Hosted(world.controller.lab)
            world.controller.seat.means.lab = cast(Lab, hosted)
            added = await http.post("/v1/ports", json={"tenant": "acme", "site": "pop-dal", "rate_gbps": 10})
            assert added.status_code == 201, added.text
            ports = {one["id"] for one in (await http.get("/v1/ports")).json()["items"]}
            assert set(hosted.told) == ports
            hosts = (await http.get("/v1/lab")).json()["hosts"]
            assert {one["port"] for one in hosts} == ports
            mine = {"port": "acme.pop-dal", "site": "pop-dal", "namespace": "hr-1-h-acme.pop-dal"}
            assert mine in hosts
            hosted.told = []
            await world.controller.stop()
            await world.controller.start()
            assert set(hosted.told) == ports
            await world.controller.add_tenant(
                Tenant(id=TenantId("new"), name="New"),
                [Port(id=PortId("new.p"), tenant=TenantId("new"), site=SiteId("pop-dal"), rate_gbps=1.0)],
            )
            assert PortId("new.p") in hosted.told

    asyncio.run(run())
