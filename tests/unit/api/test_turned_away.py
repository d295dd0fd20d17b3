"""Requests that are turned away before anything is made of them: bytes on a socket, and what is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from highroad.api import gate
from highroad.api.unreadable import Http
from tests.support.backbone import Backbone, backbone, serving

HOST = b"Host: localhost\r\n"
ORDER = b"POST /v1/services HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 5\r\n"


@asynccontextmanager
async def full(monkeypatch: pytest.MonkeyPatch, tarpit_s: float = 0.0) -> AsyncIterator[tuple[Backbone, int]]:
    """A controller that takes nobody, and its port."""
    monkeypatch.setattr(gate, "TARPIT_S", tarpit_s)
    async with backbone() as world, serving(world) as url:
        world.app.state.gate.room = 0.0
        yield world, int(url.rpartition(":")[2])


async def answer(reader: asyncio.StreamReader, *, body: bool = True) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The status line, the fields, and the body of one answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    status, *lines = head.strip().split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in lines)
    return status, fields, await reader.readexactly(int(fields[b"content-length"])) if body else b""


def test_one_too_many_is_told_so_and_its_connection_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch) as (world, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for name in (b"first", b"second"):
                writer.write(ORDER + b"X-Request-Id: " + name + b"\r\n\r\n{...}")
                status, fields, body = await answer(reader)
                assert status == b"HTTP/1.1 503 Service Unavailable"
                assert (fields[b"retry-after"], fields[b"x-request-id"]) == (b"1", name)
                assert json.loads(body)["request_id"] == name.decode()
            writer.write(b"HEAD /v1/services HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await answer(reader, body=False))[0].startswith(b"HTTP/1.1 503")
            writer.write(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await answer(reader))[0] == b"HTTP/1.1 200 OK"
            world.app.state.gate.room = 8.0
            writer.write(b"GET /v1/services HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await answer(reader))[0] == b"HTTP/1.1 401 Unauthorized"
            writer.close()
            taken = world.app.state.gate
            assert (taken.shed, taken.waiting, taken.promised, taken.in_flight) == (3, 0, 0, 0)
            counted = {key: sum(spread.counts) for key, spread in world.app.state.requests.took.items()}
            assert counted["none", "POST", 503] == 2

    asyncio.run(run())


def test_of_a_body_that_never_comes_nothing_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ORDER + b"\r\n{.")
            status, fields, _body = await answer(reader)
            assert status.startswith(b"HTTP/1.1 503")
            assert fields[b"connection"] == b"close"
            assert await reader.read() == b""
            writer.close()

    asyncio.run(run())


def test_requests_one_behind_the_other_are_told_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch, 0.3) as (world, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            health = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
            writer.write(ORDER + b"\r\n{...}" + health + ORDER + b"\r\n{...}")
            assert [(await answer(reader))[0][9:12] for _ in range(3)] == [b"503", b"200", b"503"]
            writer.close()
            assert world.app.state.gate.waiting == 0

    asyncio.run(run())


def test_who_leaves_before_being_told_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch, 30.0) as (world, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ORDER + b"\r\n{...}")
            await world.until(lambda: world.app.state.gate.waiting == 1)
            writer.close()
            await world.until(lambda: world.app.state.gate.waiting == 0)

    asyncio.run(run())


def test_heads_that_come_together_are_let_in_up_to_what_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch) as (world, port):
            world.app.state.gate.room = 4.0
            lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
            for _, writer in lines:
                writer.write(b"GET /v1/services HTTP/1.1\r\n" + HOST + b"\r\n")
            statuses = [(await answer(reader))[0][9:12] for reader, _ in lines]
            for _, writer in lines:
                writer.close()
            assert set(statuses) == {b"401", b"503"}
            assert statuses.count(b"503") == world.app.state.gate.shed
            assert (world.app.state.gate.promised, world.app.state.gate.in_flight) == (0, 0)

    asyncio.run(run())


def test_who_is_hung_up_on_meanwhile_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with full(monkeypatch, 30.0) as (world, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            lines: list[Http] = []
            monkeypatch.setattr(Http, "_turn_away", _noting(lines, Http._turn_away))
            writer.write(ORDER + b"\r\n{...}")
            await world.until(lambda: world.app.state.gate.waiting == 1)
            lines[0].transport.close()
            lines[0].say_full()
            assert world.app.state.gate.waiting == 0
            writer.close()

    asyncio.run(run())


def test_a_head_that_does_not_end_is_given_up_however_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Http, "head_s", 0.2)

    async def run() -> None:
        async with full(monkeypatch) as (_, port):
            for before in (b"", b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(before + b"GET /healthz HTTP/1.1\r\nHo")
                if before:
                    await answer(reader)
                assert await asyncio.wait_for(reader.read(), 5) == b""
                writer.close()

    asyncio.run(run())


def _noting(lines: list[Http], turn_away: Callable[[Http], bool]) -> Callable[[Http], bool]:
    def noting(line: Http) -> bool:
        lines.append(line)
        return turn_away(line)

    return noting
