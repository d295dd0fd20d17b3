"""Overload: ten times the orders that it can take, for a while, over HTTP to a controller of its own on this machine.

First what it takes is measured, with a few senders that wait for their answers. Then orders are sent at ten times that
rate, whatever is answered, over 1,500 connections (fewer if they would be idle for so long that they are closed); a
sender that the machine holds up sends less, so what was really sent is printed. So that one machine can send ten times
what it takes, the controller has a part of a processor only, where the kernel lets us say so. Every order that was
answered with 201 is looked for in the store after the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from bench.figure import Figure
from bench.world import dice_of, us
from highroad.model.network import SiteKind
from highroad.storage.store import SqlStore

OVERLOAD = 10.0
MEASURED_S = 5.0
OVERLOADED_S = float(os.environ.get("HIGHROAD_OVERLOAD_S", "20"))
SENDERS = 16
CONNECTIONS = 1500
IDLE_S = 4.0
"""So long a connection may wait for its next order: after 5 s it is closed."""
BAR_S = 1.0
PROCESSOR_SHARE = 0.15
PERIOD_US = 10_000
GROUPS = Path("/sys/fs/cgroup")


@dataclass(slots=True)
class Told:
    """What was answered, and how long it took."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_s: list[float] = field(default_factory=list)
    shed_s: list[float] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    without_retry: int = 0

    def note(self, status: int, headers: bytes, body: bytes, took_s: float) -> None:
        """One answer."""
        self.statuses[status] += 1
        if status == 201:
            self.accepted_s.append(took_s)
            self.made.append(json.loads(body)["id"])
        else:
            self.shed_s.append(took_s)
            self.without_retry += status in (429, 503) and b"retry-after:" not in headers.lower()


def figures() -> Iterator[Figure]:
    """Under ten times what it takes."""
    with tempfile.TemporaryDirectory() as home:
        taken_per_s, told, lasted_s, lost, held = asyncio.run(_run(Path(home)))
    sent = sum(told.statuses.values())
    accepted = len(told.made)
    others = {status: count for status, count in told.statuses.items() if status not in (201, 429, 503)}
    having = f", with {PROCESSOR_SHARE:.0%} of a processor" if held else ""
    yield Figure(what=f"orders a second it takes{having}", ours=f"{taken_per_s:.0f}", bar="", met=None)
    yield Figure(
        what=f"orders sent, for {lasted_s:.0f} s",
        ours=f"{sent / lasted_s:.0f}/s, {sent / lasted_s / taken_per_s:.1f} times that: {accepted / lasted_s:.0f}/s "
        f"accepted, {(sent - accepted) / lasted_s:.0f}/s shed",
        bar="",
        met=None,
    )
    yield Figure(
        what="accepted: p50, p99",
        ours=f"{_part(told.accepted_s, 0.5) * 1e3:.0f} ms, {_part(told.accepted_s, 0.99) * 1e3:.0f} ms",
        bar=f"p99 <= {BAR_S:g} s",
        met=_part(told.accepted_s, 0.99) <= BAR_S,
    )
    yield Figure(
        what="shed: p50, p99",
        ours=f"{_part(told.shed_s, 0.5) * 1e3:.0f} ms, {_part(told.shed_s, 0.99) * 1e3:.0f} ms; "
        f"{told.without_retry} without Retry-After, {sum(others.values())} with another status",
        bar="0, 0",
        met=told.without_retry == 0 and not others,
    )
    yield Figure(what="acknowledged and not in the store", ours=f"{lost} of {accepted}", bar="0", met=lost == 0)


async def _run(home: Path) -> tuple[float, Told, float, int, bool]:
    """What it takes, what was told under load and for how long, how many acknowledged orders are lost, and whether the
    controller was held to its part of a processor.
    """
    arguments = ["up", "--json", "--bare", "--port", "0", "--fabric", "twin", "--network", "us", "--home", str(home)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from highroad.main import run; run()",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"HIGHROAD_TOKEN_PER_S": "0", "HIGHROAD_TENANT_PER_S": "0"},
    )
    try:
        assert process.stdout is not None
        facts = json.loads(await process.stdout.readline())
        where = urlsplit(facts["url"])
        requests = cycle(_requests(where.netloc, facts["tenant_token"]))
        port = int(where.port or 0)
        calm, told = Told(), Told()
        with _held(process.pid) as held:
            begun = perf_counter()
            await asyncio.gather(*(_sender(port, requests, calm, begun + MEASURED_S) for _ in range(SENDERS)))
            taken_per_s = len(calm.made) / (perf_counter() - begun)
            begun = perf_counter()
            connections = min(CONNECTIONS, int(OVERLOAD * taken_per_s * IDLE_S))
            each_s = connections / (OVERLOAD * taken_per_s)
            until = begun + OVERLOADED_S
            await asyncio.gather(
                *(
                    _sender(port, requests, told, until, each_s=each_s, first_s=each_s * place / connections)
                    for place in range(connections)
                )
            )
            lasted_s = perf_counter() - begun
    finally:
        process.terminate()
        await process.wait()
    store = SqlStore(home / "highroad.db")
    lost = sum(store.service(name) is None for name in (*calm.made, *told.made))
    store.close()
    return taken_per_s, told, lasted_s, lost, held


@contextmanager
def _held(pid: int) -> Iterator[bool]:
    """Give a process a part of a processor only; whether that could be done: it takes root and control groups."""
    old = (GROUPS / "cpu" / "cpu.shares").exists()
    group = GROUPS / ("cpu" if old else "") / f"highroad-overload-{os.getpid()}"
    quota_us = str(int(PERIOD_US * PROCESSOR_SHARE))
    held = False
    with suppress(OSError):
        group.mkdir()
        if old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(quota_us)
        else:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        (group / "cgroup.procs").write_text(str(pid))
        held = True
    try:
        yield held
    finally:
        with suppress(OSError):
            (group.parent / "cgroup.procs").write_text(str(pid))
        with suppress(OSError):
            group.rmdir()


async def _sender(
    port: int, requests: Iterator[bytes], told: Told, until: float, *, each_s: float = 0.0, first_s: float = 0.0
) -> None:
    """Send over one connection, an order each `each_s`, or, where an answer takes longer, when it has come."""
    await asyncio.sleep(first_s)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    next_s = perf_counter()
    while (now_s := perf_counter()) < until:
        if next_s > now_s:
            await asyncio.sleep(next_s - now_s)
        next_s = max(next_s, perf_counter() - each_s) + each_s
        begun = perf_counter()
        writer.write(next(requests))
        headers = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in headers.lower().split(b"\r\n") if line[:15] == b"content-length:"
        )
        body = await reader.readexactly(length)
        told.note(int(headers[9:12]), headers, body, perf_counter() - begun)
    writer.close()


def _requests(host: str, token: str) -> list[bytes]:
    """Orders between many ends: of a port's tags there are only so many."""
    network = us()
    ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
    dice = dice_of(network, 1)
    made = []
    for _ in range(2000):
        a, b = dice.sample(ends, 2)
        body = json.dumps({"from": a, "to": b, "bandwidth_gbps": 0.001})
        made.append(
            f"POST /v1/services HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    return made


def _part(values: list[float], share: float) -> float:
    """A percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
