"""A stop that was asked for: announced first, everybody told the truth, and over at once for who insists."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chaos.process import Up

pytestmark = pytest.mark.process


def _order(up: Up, said: list[tuple[str, str]], stop: threading.Event) -> None:
    """Order until told to stop or sent away; what was said, each time: an id, a code, or `closed`."""
    at = urlsplit(up.ready["url"])
    body = json.dumps({"from": "campus-boise", "to": "gcp-us-central1", "bandwidth_gbps": 0.01})
    headers = {"Authorization": f"Bearer {up.ready['tenant_token']}", "Content-Type": "application/json"}
    line = http.client.HTTPConnection(str(at.hostname), at.port or 0, timeout=60)
    while not stop.is_set():
        try:
            line.request("POST", "/v1/services", body, headers)
            answer = line.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            said.append(("closed", ""))
            return
        said.append(("yes", told["id"]) if answer.status == 201 else (str(answer.status), told["code"]))
        if answer.status != 201:
            return


def test_every_yes_before_the_end_is_in_the_store(tmp_path: Path) -> None:
    up = Up(tmp_path)
    said: list[tuple[str, str]] = []
    stop = threading.Event()
    clients = [threading.Thread(target=_order, args=(up, said, stop)) for _ in range(8)]
    for client in clients:
        client.start()
    time.sleep(1.0)
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    stop.set()
    for client in clients:
        client.join(60)
    up.stop()
    yes = {told for what, told in said if what == "yes"}
    with sqlite3.connect(tmp_path / "highroad.db") as store:
        kept = {row[0] for row in store.execute("SELECT id FROM services")}
    assert len(yes) > 20
    assert yes <= kept
    rest = {what for what, _ in said if what != "yes"}
    assert rest <= {"503", "closed"}, said


def test_it_is_not_ready_before_it_stops_answering_and_streams_are_sent_away(
    tmp_path: Path,
) -> None:
    up = Up(tmp_path, "--bare", environment={"HIGHROAD_DRAIN_S": "1.5"})
    with up.operator.stream("GET", "/v1/events", headers={"Accept": "text/event-stream"}) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        assert up.operator.get("/readyz").status_code == 200
        begun = time.monotonic()
        up.process.send_signal(signal.SIGTERM)
        while (ready := up.operator.get("/readyz")).status_code == 200:
            assert time.monotonic() - begun < 1
        assert ready.json()["checks"]["stopping"] == "it was asked to stop"
        assert up.operator.get("/healthz").status_code == 200
        order = {"from": "campus-boise", "to": "gcp-us-central1", "bandwidth_gbps": 1}
        assert up.tenant.post("/v1/services", json=order).status_code == 201
        assert [line for line in lines if line.startswith("retry:")]
    assert up.process.wait(60) == 0
    assert time.monotonic() - begun >= 1.5
    up.stop()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    up = Up(tmp_path, "--bare", environment={"HIGHROAD_DRAIN_S": "200"})
    up.process.send_signal(signal.SIGTERM)
    while up.operator.get("/readyz").status_code == 200:
        time.sleep(0.02)
    begun = time.monotonic()
    up.process.send_signal(signal.SIGTERM)
    up.process.wait(60)
    assert time.monotonic() - begun < 5
    up.stop()


def test_systemd_is_told_and_the_log_has_each_request(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        up = Up(
            tmp_path / "home",
            "--bare",
            environment={
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "600000",
                "HIGHROAD_LOG": "json",
                "HIGHROAD_LOG_LEVEL": "INFO",
            },
        )
        told = [systemd.recv(100).decode() for _ in range(4)]
        assert told == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]
        assert up.operator.get("/v1/network", headers={"X-Request-Id": "look-for-me"}).status_code == 200
        up.process.send_signal(signal.SIGTERM)
        _, errors = up.process.communicate(timeout=60)
        while (last := systemd.recv(100).decode()) == "WATCHDOG=1":
            pass
        assert last == "STOPPING=1"
    up.stop()
    lines = [json.loads(line) for line in errors.splitlines()]
    mine = [line for line in lines if line.get("request_id") == "look-for-me"]  # others may speak of it as well
    (access,) = [line for line in mine if line["logger"] == "highroad.access"]
    assert (access["route"], access["status"]) == ("/v1/network", 200)
    assert up.ready["operator_token"] not in errors


def test_a_signal_that_comes_while_it_waits_for_a_slow_request(tmp_path: Path) -> None:
    """A body that never ends keeps nobody longer than the bound."""
    up = Up(tmp_path, "--bare", environment={"HIGHROAD_STOP_S": "1"})
    at = urlsplit(up.ready["url"])
    with socket.create_connection((str(at.hostname), at.port or 0)) as line:
        line.sendall(
            f"POST /v1/services HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {up.ready['tenant_token']}\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        time.sleep(0.2)
        begun = time.monotonic()
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(60) == 0
        assert time.monotonic() - begun < 8
    up.stop()
