"""Bytes on a socket that mean harm: one problem each, in bounded memory, and others are served meanwhile."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from highroad.api.unreadable import HEAD_BYTES, Http
from tests.support.backbone import Backbone
from tests.support.surface import served

BODY = b'{"id":"zed","name":"Z"}'
HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: 23\r\n"
UNREAD = "unsupported-media-type"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

PORT = b'{"tenant":"acme","site":"pop-ash","rate_gbps":'

POSTED: dict[str, tuple[bytes, bytes, int, str]] = {
    "both lengths": (JSON + LENGTH + CHUNKED, b"0\r\n\r\nGET /v1/tokens HTTP/1.1\r\n\r\n", 400, "malformed"),
    "two lengths": (JSON + LENGTH + b"Content-Length: 5\r\n", BODY, 400, "malformed"),
    "a signed length": (JSON + b"Content-Length: +23\r\n", BODY, 400, "malformed"),
    "a negative length": (JSON + b"Content-Length: -1\r\n", BODY, 400, "malformed"),
    "a length in hex": (JSON + b"Content-Length: 0x17\r\n", BODY, 400, "malformed"),
    "a length past 2^64": (JSON + b"Content-Length: 99999999999999999999999\r\n", BODY, 400, "malformed"),
    "a length past what is taken": (JSON + b"Content-Length: 999999999999\r\n", BODY, 413, "too-large"),
    "a coding that is none": (JSON + b"Transfer-Encoding: xchunked\r\n", BODY, 400, "malformed"),
    "a coding before chunked": (JSON + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", 415, UNREAD),
    "a space before the colon": (JSON + b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n", 400, "malformed"),
    "chunks that are none": (JSON + CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n", 400, "malformed"),
    "a chunk past 2^64": (JSON + CHUNKED, b"FFFFFFFFFFFFFFFFF\r\nabc", 400, "malformed"),
    "gzip": (JSON + b"Content-Encoding: gzip\r\n" + LENGTH, BODY, 415, UNREAD),
    "two types": (JSON + JSON + LENGTH, BODY, 422, "invalid"),
    "two hosts": (JSON + LENGTH + b"Host: evil.example\r\n", BODY, 421, "not-here"),
    "another charset": (b"Content-Type: application/json; charset=utf-16\r\n" + LENGTH, BODY, 415, UNREAD),
    "a header in folds": (JSON + LENGTH + b"X-A: b\r\n c\r\n", BODY, 400, "malformed"),
    "NUL in a header": (JSON + LENGTH + b"X-A: b\x00c\r\n", BODY, 400, "malformed"),
    "a hundred thousand fields": (b"X: a\r\n" * 100_000, b"", 431, "headers-too-large"),
    "a field of 10 MB": (b"X: " + b"a" * 10_000_000 + b"\r\n", b"", 431, "headers-too-large"),
}  # fmt: skip

ASKED: dict[str, tuple[bytes, int, str]] = {
    "NUL in the path": (b"/v1/services/\x00", 400, "malformed"),
    "NUL as the path": (b"/%00", 404, "not-found"),
    "NUL among the assets": (b"/assets/a%00.js", 404, "not-found"),
    "a file name of 5 kB": (b"/assets/" + b"a" * 5000, 404, "not-found"),
    "a path of 10 kB": (b"/" + b"a" * 10_000, 414, "address-too-long"),
    "a path of 10 MB": (b"/" + b"a" * 10_000_000, 431, "headers-too-large"),
    "overlong UTF-8": (b"/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", 404, "not-found"),
    "up and out": (b"/../../../../etc/passwd", 404, "not-found"),
    "up and out, escaped": (b"/assets/..%2f..%2fapp.py", 404, "not-found"),
    "up and out, twice escaped": (b"/assets/..%252f..%252fapp.py", 404, "not-found"),
    "with a backslash": (b"/assets/..\\..\\app.py", 404, "not-found"),
    "from the root": (b"/assets//etc/passwd", 404, "not-found"),
    "a percent sign alone": (b"/v1/services/%zz", 404, "not-found"),
    "a slash at the end": (b"/v1/services/", 404, "not-found"),
    "in capitals": (b"/V1/SERVICES", 404, "not-found"),
    "twice the same": (b"/v1/services?limit=1&limit=2", 422, "invalid"),
    "yes and no": (b"/v1/services?tenant=acme&tenant=rival", 422, "invalid"),
}

BODIES: dict[str, tuple[bytes, int, str]] = {
    "a hundred thousand deep": (b"[" * 50_000 + b"]" * 50_000, 400, "malformed"),
    "a hundred thousand objects deep": (b'{"a":' * 20_000, 400, "malformed"),
    "not a number": (PORT + b'NaN}', 422, "invalid"),
    "past every number": (PORT + b'1e400}', 422, "invalid"),
    "a whole number past 2^60": (PORT + b'1,"mtu_bytes":1844674407370955162}', 422, "invalid"),
    "a number of 100 kB": (PORT + b"9" * 100_000 + b"}", 400, "malformed"),
    "a number of 4,400 digits": (PORT + b"9" * 4400 + b"}", 400, "malformed"),
    "half a surrogate": (b'{"tenant":"\\ud800","site":"pop-ash","rate_gbps":1}', 400, "malformed"),
    "twice the same field": (b'{"tenant":"acme","tenant":"rival","site":"pop-ash","rate_gbps":1}', 422, "invalid"),
    "__proto__": (b'{"__proto__":{"role":"operator"},"tenant":"acme","site":"pop-ash","rate_gbps":1}', 422, "invalid"),
    "a long name": (b'{"tenant":"' + b"x" * 100_000 + b'","site":"pop-ash","rate_gbps":1}', 422, "invalid"),
    "a name of 10 MB": (b'{"tenant":"' + b"x" * 10_000_000 + b'","site":"pop-ash","rate_gbps":1}', 413, "too-large"),
    "a million items": (b'{"tenant":[' + b"1," * 1_000_000 + b'1],"site":"pop-ash","rate_gbps":1}', 413, "too-large"),
    "not UTF-8": (b'{"tenant":"\xff\xfe","site":"pop-ash","rate_gbps":1}', 400, "malformed"),
    "UTF-16": ('{"tenant":"acme"}'.encode("utf-16"), 400, "malformed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[str, Backbone]]:
    """One controller for all of it: that it goes on is part of the test."""
    with served() as (url, backbone):
        yield url, backbone


def _exchange(url: str, sent: bytes) -> tuple[int, str]:
    """The status and code of the answer to some bytes. What comes has to be one problem, and no traceback."""
    host, port = url.removeprefix("http://").split(":")
    got = b""
    with socket.create_connection((host, int(port)), timeout=10) as line:
        with suppress(OSError):  # it may hang up before the end: the answer is there
            line.sendall(sent)
        with suppress(ConnectionResetError):
            while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < _length(got):
                piece = line.recv(65536)
                if not piece:
                    break
                got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, got[:300]
    assert b"Traceback" not in body
    assert len(body) < 20_000
    return int(head.split()[1]), json.loads(body)["code"]


def _length(got: bytes) -> int:
    for line in got.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _token(world: Backbone) -> bytes:
    return b"Authorization: Bearer %s\r\n" % world.operator.encode()


@pytest.mark.parametrize("case", POSTED)
def test_heads(world: tuple[str, Backbone], case: str) -> None:
    head, body, status, code = POSTED[case]
    url, backbone = world
    sent = b"POST /v1/tenants HTTP/1.1\r\n" + HOST + _token(backbone) + head + b"\r\n" + body
    assert _exchange(url, sent) == (status, code)
    _others_are_served(world)


@pytest.mark.parametrize("case", ASKED)
def test_addresses(world: tuple[str, Backbone], case: str) -> None:
    address, status, code = ASKED[case]
    url, backbone = world
    sent = b"GET " + address + b" HTTP/1.1\r\n" + HOST + _token(backbone) + b"\r\n"
    assert _exchange(url, sent) == (status, code)
    _others_are_served(world)


@pytest.mark.parametrize("case", BODIES)
def test_bodies(world: tuple[str, Backbone], case: str) -> None:
    body, status, code = BODIES[case]
    url, backbone = world
    length = b"Content-Length: %d\r\n" % len(body)
    sent = b"POST /v1/ports HTTP/1.1\r\n" + HOST + _token(backbone) + JSON + length + b"\r\n" + body
    assert _exchange(url, sent) == (status, code)
    _others_are_served(world)


def test_a_zip_bomb_is_not_opened(world: tuple[str, Backbone]) -> None:
    url, backbone = world
    bomb = gzip.compress(b" " * 100_000_000)
    before = _peak_mb()
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        answer = httpx.put(
            f"{url}/v1/network",
            content=bomb,
            headers={"Content-Encoding": coding, "Authorization": f"Bearer {backbone.operator}"},
        )
        assert (answer.status_code, answer.json()["code"]) == (415, UNREAD), coding
    assert _peak_mb() - before < 20


def test_a_head_without_end_is_cut_off(world: tuple[str, Backbone]) -> None:
    host, port = world[0].removeprefix("http://").split(":")
    before, sent = _peak_mb(), 0
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: ")
        with suppress(OSError):
            while sent < 200_000_000:
                sent += line.send(b"a" * 65536)
    assert HEAD_BYTES < sent < 50_000_000
    assert _peak_mb() - before < 20


def test_a_head_that_takes_for_ever_is_hung_up_on(world: tuple[str, Backbone], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "head_s", 0.5)
    host, port = world[0].removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=10) for _ in range(50)]
    began = time.monotonic()
    for line in lines:
        line.sendall(b"GET / HT")
    _others_are_served(world)
    assert [line.recv(100) for line in lines] == [b""] * 50
    assert time.monotonic() - began < 8
    for line in lines:
        line.close()


def test_requests_one_behind_the_other_are_answered_in_order(world: tuple[str, Backbone]) -> None:
    host, port = world[0].removeprefix("http://").split(":")
    asked = [b"/healthz", b"/v1/openapi.json", b"/problems/refused", b"/healthz"]
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"".join(b"GET " + one + b" HTTP/1.1\r\n" + HOST + b"\r\n" for one in asked))
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < len(asked) or not got.endswith(b"}"):
            got += line.recv(65536)
    places = [got.index(sign) for sign in (b'"status":"ok"', b'"openapi"', b"<!doctype html>")]
    assert places == sorted(places)


def _others_are_served(world: tuple[str, Backbone]) -> None:
    assert httpx.get(f"{world[0]}/healthz", timeout=5).status_code == 200


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
