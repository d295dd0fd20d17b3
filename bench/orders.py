"""Orders a second over REST, each durable before its answer, from 16 clients in another process.

The peer is the disk: how many commits of one row the same SQLite settings make, one after the other.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench import world
from bench.figure import Figure, quantile, running

CLIENTS = 16


def figures() -> Iterator[Figure]:
    """Orders with few and with many services there; a thousand at a time."""
    with running() as up:
        total = 0
        for batch in (1_000, 1_000, 3_000):
            took_s, latencies, refused = asyncio.run(_order(up["url"], up["tenant_token"], batch, seed=total))
            rate = len(latencies) / took_s
            total += len(latencies) - refused
            yield Figure(
                what=f"REST orders, {CLIENTS} clients, up to {total:,} services, durable before the answer",
                ours=f"{rate:,.0f}/s, p50 {quantile(latencies, 0.5):.0f} ms, p99 {quantile(latencies, 0.99):.0f} ms"
                + (f" ({refused} refused)" if refused else ""),
                peer=_disk() if total <= batch else "",
            )


async def _order(url: str, token: str, orders: int, seed: int) -> tuple[float, list[float], int]:
    network = world.us()
    dice = world.dice_of(network, seed)
    asked = [world.request(network, dice) for _ in range(orders)]
    bodies = iter(
        [{"from": one.a.at, "to": one.b.at, "bandwidth_gbps": 0.01 * round(one.bandwidth_gbps)} for one in asked]
    )
    latencies: list[float] = []
    refused = 0
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {token}"}, limits=limits, timeout=60
    ) as client:

        async def work() -> None:
            nonlocal refused
            for body in bodies:
                begun = time.perf_counter()
                answer = await client.post("/v1/services", json=body)
                latencies.append((time.perf_counter() - begun) * 1e3)
                if answer.status_code == 409:
                    refused += 1
                elif answer.status_code != 201:
                    raise RuntimeError(answer.text)

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CLIENTS)))
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
