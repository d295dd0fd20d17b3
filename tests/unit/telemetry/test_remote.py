"""Remote write, against a VictoriaMetrics of its own where there is one, and against a server that fails."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from highroad.model.tracks import Subject
from highroad.telemetry import remote as remote_module
from highroad.telemetry.remote import Remote, request
from highroad.telemetry.rows import Rows
from tests.support.victoria import until
from tests.support.victoria import victoria as server_of


def rows(at_s: float, value: float, names: tuple[str, ...] = ("a>b", 'x"\\>é')) -> Rows:
    columns = {"carried_gbps": np.array([value, value + 1], np.float32), "up": np.array([1, np.nan], np.float32)}
    return Rows(subject=Subject.LINK, names=names, at_s=np.full(2, at_s), columns=columns)


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[str]:
    with server_of(tmp_path) as url:
        yield url


@pytest.mark.process
def test_what_is_sent_is_what_a_prometheus_has(victoria: str) -> None:
    now_s = float(int(time.time()) - 60)
    remote = Remote(f"{victoria}/api/v1/write")
    remote.start()
    for k in range(30):
        remote.put([rows(now_s + k, float(k))])
    remote.stop()
    assert (remote.sent, remote.dropped, remote.amiss) == (90, 0, "")

    def exported(match: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{victoria}/api/v1/export", params={"match[]": match})
        return [httpx.Response(200, text=line).json() for line in answer.text.splitlines()]

    httpx.get(f"{victoria}/internal/force_flush")
    until(lambda: len(exported('{__name__=~"highroad_.*"}')) == 3)
    (found,) = exported('highroad_link_carried_gbps{link="a>b"}')
    assert found["metric"] == {"__name__": "highroad_link_carried_gbps", "link": "a>b"}
    assert found["values"] == [float(k) for k in range(30)]
    assert found["timestamps"] == [round((now_s + k) * 1000) for k in range(30)]
    (odd,) = [one for one in exported("highroad_link_carried_gbps") if one["metric"]["link"] != "a>b"]
    assert odd["metric"]["link"] == 'x"\\>é'


def test_a_request_is_the_bytes_that_the_definition_asks_for() -> None:
    from cramjam import snappy

    one = Rows(subject=Subject.LINK, names=("a",), at_s=np.array([1.5]), columns={"up": np.array([1.0], np.float32)})
    labels = b"".join(
        b"\x0a" + bytes([len(key) + len(value) + 4]) + b"\x0a" + bytes([len(key)]) + key
        + b"\x12" + bytes([len(value)]) + value
        for key, value in ((b"__name__", b"highroad_link_up"), (b"link", b"a"))
    )  # fmt: skip
    sample = b"\x09" + struct.pack("<d", 1.0) + b"\x10\xdc\x0b"
    series = labels + b"\x12" + bytes([len(sample)]) + sample
    assert bytes(snappy.decompress_raw(request([one]))) == b"\x0a" + bytes([len(series)]) + series


class Fails(BaseHTTPRequestHandler):
    """Answers what it is told to, in order, then 204."""

    answers: list[int]
    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.answers.pop(0) if self.answers else 204
        if status == 204:
            self.bodies.append(body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Fails.answers, Fails.bodies = [], []
    made = HTTPServer(("127.0.0.1", 0), Fails)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_what_cannot_be_sent_now_is_sent_later_and_what_is_refused_is_dropped(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_module, "EACH_S", 0.05)
    monkeypatch.setattr(remote_module, "PAUSES_S", (0.01, 0.05))
    Fails.answers = [503, 429, 500]
    remote = Remote(f"http://127.0.0.1:{server.server_port}/")
    remote.start()
    remote.put([rows(1.0, 1.0)])
    until(lambda: remote.sent == 3)
    assert len(Fails.bodies) == 1
    assert remote.dropped == 0
    Fails.answers = [400]
    remote.put([rows(2.0, 1.0)])
    until(lambda: remote.dropped == 3)
    assert "400" in remote.amiss
    remote.put([rows(3.0, 1.0)])
    until(lambda: remote.sent == 6)
    assert remote.amiss == ""
    remote.stop()


def test_where_too_much_waits_the_oldest_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "WAITING", 10)
    remote = Remote("http://127.0.0.1:9/")
    for k in range(5):
        remote.put([rows(float(k), 1.0)])
    assert remote.dropped == 6
    assert [one.at_s[0] for one, _ in remote._waiting] == [2.0, 3.0, 4.0]


def test_a_log_has_no_password_of_the_address(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote_module, "EACH_S", 0.05)
    monkeypatch.setattr(remote_module, "PAUSES_S", (0.01, 0.05))
    for answers, told in ([503], "tried again"), ([400], "is dropped"):
        Fails.answers = answers
        remote = Remote(f"http://name:secret@127.0.0.1:{server.server_port}/")
        remote.start()
        remote.put([rows(1.0, 1.0)])
        until(lambda: remote.sent + remote.dropped == 3)  # noqa: B023
        remote.stop()
        assert told in caplog.text
    assert f"http://127.0.0.1:{server.server_port}/" in caplog.text
    assert "secret" not in caplog.text
