"""A `highroad up` on routers: kill -9 leaves packets flowing, the next start takes over, Ctrl-C leaves nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from highroad.formats import native
from highroad.lab.client import LabClient
from highroad.lab.names import NAMESPACES, lab_id
from highroad.lab.needs import missing
from highroad.lab.run import down
from highroad.lab.traffic.ledger import DARK_INTERVALS
from highroad.lab.traffic.process import Traffic
from highroad.model.network import SiteId
from tests.chaos.process import Up
from tests.unit.fabric.small import backbone

pytestmark = pytest.mark.process

PATIENCE_S = 20.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    if sentences := missing():
        pytest.skip(" ".join(sentences))
    (tmp_path / "square.yaml").write_text(native.write(backbone("a-b", "b-d", "a-c", "c-d")), encoding="utf-8")
    yield tmp_path
    asyncio.run(down(tmp_path / "lab"))


def start(home: Path) -> Up:
    return Up(home, "--bare", "--network", str(home / "square.yaml"), fabric="linux")


def until(true: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.05)
    return found


def traffic(home: Path, service: str) -> Traffic:
    async def ask() -> Traffic:
        return (await (await LabClient.connect(home / "lab")).traffic())[service]

    return asyncio.run(ask())


def order(up: Up) -> str:
    asked = {"from": "a", "to": "d", "bandwidth_gbps": 10}
    answer = up.tenant.post("/v1/services", json=asked)
    assert answer.status_code == 201, answer.text
    service = str(answer.json()["id"])
    until(lambda: up.tenant.get(f"/v1/services/{service}").json()["state"] == "ACTIVE")
    return service


def namespaces(home: Path) -> list[str]:
    return [name.name for name in NAMESPACES.glob(f"{lab_id(home / 'lab').prefix}*")]


def test_packets_outlive_the_controller_and_an_orderly_end_leaves_nothing(home: Path) -> None:
    up = start(home)
    service = order(up)
    until(lambda: traffic(home, service).there.received_packets > 100)
    up.kill()
    before = traffic(home, service)
    time.sleep(0.5)
    alone = traffic(home, service)
    assert alone.there.received_packets > before.there.received_packets
    up = start(home)
    try:
        until(lambda: up.tenant.get(f"/v1/services/{service}").json()["state"] == "ACTIVE")
        taken_over = until(lambda: _more(traffic(home, service), alone))
        assert (taken_over.there.lost_packets, taken_over.back.lost_packets) == (0, 0)
        assert taken_over.dark_s == 0.0
    finally:
        assert up.stop() == 0
    assert namespaces(home) == []


def test_every_port_has_a_host_before_any_service_and_the_status_shows_it(home: Path) -> None:
    up = start(home)
    try:
        ports = {one["id"]: one["site"] for one in up.operator.get("/v1/ports").json()["items"]}
        assert set(ports.values()) == {"a", "b", "c", "d"}
        until(lambda: {one["port"] for one in up.operator.get("/v1/lab").json()["hosts"]} == set(ports))
        added = up.operator.post(
            "/v1/ports", json={"tenant": up.ready["tenant"], "site": "a", "rate_gbps": 1, "id": "p"}
        )
        assert added.status_code == 201, added.text
        until(lambda: lab_id(home / "lab").host("p") in namespaces(home))
        up.kill()
        asyncio.run(down(home / "lab"))
        up = start(home)
        until(lambda: {lab_id(home / "lab").host(port) for port in (*ports, "p")} <= set(namespaces(home)))
        command = [sys.executable, "-m", "highroad.main", "lab", "status"]
        told = subprocess.run(
            command, env={**os.environ, "HIGHROAD_HOME": str(home)}, capture_output=True, text=True, check=True
        ).stdout
        assert f"4 routers, {len(ports) + 1} customers' hosts; measured on Linux routers" in told
        assert re.search(rf"(?m)^p +a +{lab_id(home / 'lab').host('p')} *$", told), told
    finally:
        assert up.stop() == 0
    assert namespaces(home) == []


def test_a_cut_is_healed_and_its_incident_says_for_how_long_it_was_dark(home: Path) -> None:
    up = start(home)
    try:
        service = order(up)
        until(lambda: traffic(home, service).there.received_packets > 100)
        path = up.tenant.get(f"/v1/services/{service}").json()["there"]["links"]
        fibre = "b-d" if "b>d" in path else "c-d"
        assert up.operator.post("/v1/lab/cuts", json={"fibre": fibre}).status_code == 201
        incident = until(lambda: _healed(up))
        outage = incident["outages"][0]
        assert outage["service"] == service
        dark_ms = outage["dark_ms"]
        assert 0.0 < (outage["less_than_ms"] if dark_ms is None else dark_ms) < 5000.0
        time.sleep(1.5)  # by then it is final what is lost
        counted = traffic(home, service)
        lost = max(counted.there.lost_packets, counted.back.lost_packets)
        # Where routers are quicker than the third packet, hosts do not call it dark.
        assert dark_ms is not None or lost < DARK_INTERVALS
        measured_ms = traffic(home, service).dark_s * 1e3
        assert (dark_ms or 0.0) == pytest.approx(measured_ms, abs=1.0)
        assert up.tenant.get(f"/v1/services/{service}").json()["there"]["links"] != path
        assert up.operator.delete(f"/v1/lab/cuts/{fibre}").status_code in (200, 204)
        until(lambda: up.operator.get(f"/v1/incidents/{incident['id']}").json()["closed"])
    finally:
        assert up.stop() == 0


def test_an_agent_that_is_killed_loses_no_packet_and_is_told_again_when_it_is_back(home: Path) -> None:
    up = start(home)
    try:
        service = order(up)
        until(lambda: traffic(home, service).there.received_packets > 100)
        for site in ("a", "d"):
            os.kill(agent(home, site), signal.SIGKILL)
        before = traffic(home, service)
        path = f"/v1/services/{service}"
        match = {"If-Match": up.tenant.get(path).headers["etag"]}
        answer = up.tenant.patch(path, json={"bandwidth_gbps": 20}, headers=match)
        assert answer.status_code == 200, answer.text
        until(lambda: _more(traffic(home, service), before))
        until(lambda: offered_gbps(home, service) > 21.0)  # the hosts are told when routers have confirmed
        now = traffic(home, service)
        assert (now.there.lost_packets, now.back.lost_packets, now.dark_s) == (0, 0, 0.0)
        assert up.tenant.get(path).json()["state"] == "ACTIVE"
    finally:
        assert up.stop() == 0


def agent(home: Path, site: str) -> int:
    async def ask() -> int | None:
        return (await (await LabClient.connect(home / "lab")).routers())[SiteId(site)].pid

    pid = asyncio.run(ask())
    assert pid is not None
    return pid


def offered_gbps(home: Path, service: str) -> float:
    return traffic(home, service).offered_gbps


def _more(now: Traffic, before: Traffic) -> Traffic | None:
    return now if now.there.received_packets > before.there.received_packets + 100 else None


def _healed(up: Up) -> dict[str, Any] | None:
    incidents: list[dict[str, Any]] = up.operator.get("/v1/incidents").json()["items"]
    found = [one for one in incidents if one["outages"] and all(outage["healed"] for outage in one["outages"])]
    return found[0] if found else None
