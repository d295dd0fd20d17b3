"""Orders a second over REST, each durable before its answer, from 16 clients in another process.

The peer is the disk: how many commits of one row the same SQLite settings make, one after the other. The clients write
HTTP to their sockets themselves: 16 of a library's in one process take longer over an order than the controller does,
and an answer that waits for its reader would count as the controller's time.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import world
from bench.figure import Figure, cpu_s, quantile, running

CLIENTS = 16
LEAST_RATE, MOST_MS = 300, 100
LENGTH = re.compile(r"(?i)content-length: (\d+)")


def figures() -> Iterator[Figure]:
    """Orders with few and with many services there; a thousand at a time."""
    with running() as up:
        total = 0
        for batch in (1_000, 1_000, 3_000):
            before_s = cpu_s(up["pid"])
            took_s, latencies, refused = asyncio.run(order(up["url"], up["tenant_token"], batch, seed=total))
            rate = len(latencies) / took_s
            each_ms = (cpu_s(up["pid"]) - before_s) / len(latencies) * 1e3
            total += len(latencies) - refused
            p99_ms = quantile(latencies, 0.99)
            yield Figure(
                what=f"REST orders, {CLIENTS} clients, up to {total:,} services, durable before the answer",
                ours=f"{rate:,.0f}/s, p50 {quantile(latencies, 0.5):.0f} ms, p99 {p99_ms:.0f} ms; "
                f"{each_ms:.1f} ms of a processor an order" + (f" ({refused} refused)" if refused else ""),
                bar=f">= {LEAST_RATE}/s, p99 <= {MOST_MS} ms",
                met=rate >= LEAST_RATE and p99_ms <= MOST_MS,
                peer=_disk() if total <= batch else "",
            )


async def order(url: str, token: str, orders: int, seed: int, clients: int = CLIENTS) -> tuple[float, list[float], int]:
    """How long it took, how long each, and how many were refused."""
    network = world.us()
    dice = world.dice_of(network, seed)
    asked = [world.request(network, dice) for _ in range(orders)]
    bodies = iter(
        [{"from": one.a.at, "to": one.b.at, "bandwidth_gbps": 0.01 * round(one.bandwidth_gbps)} for one in asked]
    )
    latencies: list[float] = []
    refused = 0
    host, port = url.rpartition("/")[2].split(":")
    head = (
        f"POST /v1/services HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )

    async def work() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(host, int(port))
        for body in bodies:
            sent = json.dumps(body)
            begun = time.perf_counter()
            writer.write(f"{head}{len(sent)}\r\n\r\n{sent}".encode())
            said = (await reader.readuntil(b"\r\n\r\n")).decode()
            answer = await reader.readexactly(int(LENGTH.findall(said)[0]))
            latencies.append((time.perf_counter() - begun) * 1e3)
            status = said.split(" ", 2)[1]
            if status == "409":
                refused += 1
            elif status != "201":
                raise RuntimeError(answer.decode())
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    return time.perf_counter() - begun, latencies, refused


def _disk() -> str:
    with tempfile.TemporaryDirectory() as folder:
        disk = sqlite3.connect(Path(folder) / "disk.db", isolation_level=None)
        disk.execute("PRAGMA journal_mode=WAL")
        disk.execute("PRAGMA synchronous=FULL")
        disk.execute("CREATE TABLE t (x)")
        begun = time.perf_counter()
        for _ in range(500):
            disk.execute("INSERT INTO t VALUES (1)")
        rate = 500 / (time.perf_counter() - begun)
        disk.close()
    return f"bare SQLite, FULL, a row a commit, one writer: {rate:,.0f}/s"
