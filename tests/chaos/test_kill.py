"""kill -9 of everything at random instants: what was acknowledged is there again, and carried."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.process import Up, everything

Start = Callable[..., Up]

pytestmark = pytest.mark.process

LIVES = 2
"""The second begins with what the first left; tests of force kill more, and `make soak` for an hour."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that are gone with the test, however it ends."""
    started: list[Up] = []

    def begin(*arguments: Any) -> Up:
        started.append(Up(*arguments))
        return started[-1]

    yield begin
    for up in started:
        up.kill()


def until(check: Any, patience_s: float = 60.0) -> Any:
    """What a check gives as soon as it gives something."""
    deadline = time.monotonic() + patience_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)


def test_orders_acknowledged_under_load_survive_kill_9(tmp_path: Path, start: Start) -> None:
    dice = random.Random(5)
    acknowledged: dict[str, float] = {}
    released: set[str] = set()
    for _ in range(LIVES):
        up = start(tmp_path, "--bare")
        check(up, acknowledged, released)
        sites = [port["site"] for port in everything(up, "/v1/ports")]
        stop = threading.Event()
        workers = [
            threading.Thread(target=order_and_release, args=(up, sites, seed, acknowledged, released, stop))
            for seed in range(4)
        ]
        for worker in workers:
            worker.start()
        before = len(acknowledged)
        until(lambda before=before: len(acknowledged) > before + 10)
        time.sleep(dice.uniform(0.0, 0.6))
        up.kill()
        stop.set()
        for worker in workers:
            worker.join()
    up = start(tmp_path, "--bare")
    try:
        assert len(acknowledged) > 20
        check(up, acknowledged, released)
    finally:
        assert up.stop() == 0


def order_and_release(
    up: Up, sites: list[str], seed: int, acknowledged: dict[str, float], released: set[str], stop: threading.Event
) -> None:
    dice = random.Random(seed + time.monotonic_ns())
    url, token = up.ready["url"], up.ready["tenant_token"]
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=10) as client:
        mine: list[str] = []
        while not stop.is_set():
            try:
                if mine and dice.random() < 0.3:
                    service = mine.pop()
                    released.add(service)  # it may be gone even if the answer did not arrive
                    client.delete(f"/v1/services/{service}")
                else:
                    a, b = dice.sample(sites, 2)
                    body = {"from": a, "to": b, "bandwidth_gbps": 0.5}
                    answer = client.post("/v1/services", json=body)
                    if answer.status_code == 201:
                        acknowledged[answer.json()["id"]] = 0.5
                        mine.append(answer.json()["id"])
            except httpx.HTTPError:
                return


def check(up: Up, acknowledged: dict[str, float], released: set[str]) -> None:
    """An acknowledged order is there and carried, unless it was given back; nothing is stuck, nothing oversold."""

    def settled() -> Any:
        services = everything(up, "/v1/services")
        return (services,) if all(one["state"] in ("ACTIVE", "TERMINATED", "CANCELLED") for one in services) else None

    services = {one["id"]: one for one in until(settled)[0]}
    for service, rate in acknowledged.items():
        assert services[service]["bandwidth_gbps"] == rate
        if service not in released:
            assert services[service]["state"] == "ACTIVE"
    network = up.operator.get("/v1/network").json()
    booked: dict[str, float] = {}
    for one in services.values():
        for way in (one["there"], one["back"]):
            for link in way["links"] if way and one["state"] == "ACTIVE" else ():
                booked[link] = booked.get(link, 0.0) + one["bandwidth_gbps"]
    for link in network["links"]:
        assert booked.get(link["id"], 0.0) <= link["capacity_gbps"] + 1e-9
        assert link["booked_gbps"] == pytest.approx(booked.get(link["id"], 0.0))
    events = up.operator.get("/v1/events", params={"limit": 1000}).json()["items"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_a_cut_a_drain_and_traffic_are_as_they_were_after_kill_9(tmp_path: Path, start: Start) -> None:
    up = start(tmp_path)
    body = {"from": "campus-boise", "to": "gcp-us-central1", "bandwidth_gbps": 50, "fence": ["US"]}
    service = up.tenant.post("/v1/services", json=body).json()["id"]
    path = f"/v1/services/{service}"
    until(lambda: up.tenant.get(path).json()["state"] == "ACTIVE")
    first = up.tenant.get(path).json()["there"]["links"]
    up.operator.post("/v1/lab/cuts", json={"fibre": "denver--salt-lake-city"}).raise_for_status()
    moved = until(lambda: (now := up.tenant.get(path).json()["there"]["links"]) != first and now)
    drain = up.operator.post("/v1/maintenances", json={"target": "dallas--houston"})
    assert drain.status_code == 201, drain.text
    until(lambda: up.operator.get(f"/v1/maintenances/{drain.json()['id']}").json()["state"] == "DRAINED")
    before = up.tenant.get(f"{path}/counters").json()
    up.kill()
    time.sleep(1.0)

    up = start(tmp_path)
    try:
        now = up.tenant.get(path).json()
        assert (now["state"], now["there"]["links"]) == ("ACTIVE", moved)
        assert [cut["fibre"] for cut in up.operator.get("/v1/lab").json()["cuts"]] == ["denver--salt-lake-city"]
        assert [one["state"] for one in up.operator.get("/v1/maintenances").json()["items"]] == ["DRAINED"]
        (incident,) = up.operator.get("/v1/incidents").json()["items"]
        assert incident["open"]
        after = up.tenant.get(f"{path}/counters").json()
        rate = before["carried_gbps_there"] + before["carried_gbps_back"]
        least_s = 1.0
        assert after["carried_bytes"] - before["carried_bytes"] > 0.5 * rate * 1e9 / 8 * least_s
        assert after["lost_bytes"] == before["lost_bytes"]
        assert after["dark_ms"] == before["dark_ms"]
        up.operator.delete("/v1/lab/cuts/denver--salt-lake-city").raise_for_status()
        until(lambda: not up.operator.get("/v1/incidents").json()["items"][0]["open"])
        assert up.tenant.get(path).json()["there"]["links"] == first
        token = up.ready["operator_token"]
    finally:
        assert up.stop() == 0
    again = start(tmp_path)
    assert again.ready["operator_token"] == token
    assert again.stop() == 0


def test_a_first_start_that_is_killed_is_finished_by_the_next(tmp_path: Path, start: Start) -> None:
    environment = {**os.environ, "HIGHROAD_HOME": str(tmp_path)}
    for delay_s in (0.8, 1.1, 1.4, 1.7):
        process = subprocess.Popen(
            [sys.executable, "-m", "highroad.main", "up", "--fabric", "twin", "--port", "0", "--json", "--no-tour"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    up = start(tmp_path)
    try:
        tenants = everything(up, "/v1/tenants")
        assert [tenant["id"] for tenant in tenants] == ["acme", "northwind"]
        services = until(
            lambda: (
                (found := everything(up, "/v1/services")) and all(one["state"] == "ACTIVE" for one in found) and found
            )
        )
        asked = [(one["from"]["site"], one["to"]["site"], one["traffic_class"]) for one in services]
        assert len(asked) == len(set(asked)) > 50
    finally:
        up.stop()


def test_two_on_one_home_and_a_taken_port_are_told_apart(tmp_path: Path, start: Start) -> None:
    up = start(tmp_path, "--bare")
    try:
        with pytest.raises(RuntimeError, match="another highroad is up"):
            start(tmp_path, "--bare")
        port = up.ready["url"].rpartition(":")[2]
        with pytest.raises(RuntimeError, match="cannot be listened on"):
            start(tmp_path / "other", "--bare", "--port", port)
        with pytest.raises(RuntimeError, match=r"no shipped network .* nor a file"):
            start(tmp_path / "other", "--network", "nowhere.yaml")
        assert up.operator.get("/healthz").status_code == 200
    finally:
        up.stop()
