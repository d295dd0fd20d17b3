"""Orders and reads a second over REST, on PostgreSQL, through one, two and three processes.

One of them leads; the others ask it through the database. The clients are those of bench/orders.py, in one process,
divided among the controllers. On a machine of few processors these and the database share them: what another process
adds is read from the processor's time that it takes, and only where there is a processor for it from the rates.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, cpu_s, quantile
from bench.orders import CLIENTS, LENGTH, order
from tests.support.postgres import postgres
from tests.support.replicas import Replicas

ORDERS, READS = 1_500, 6_000


def figures() -> Iterator[Figure]:
    """Ever more processes, each time on a new database."""
    for size in (1, 2, 3):
        with postgres(fast=False) as server, tempfile.TemporaryDirectory() as folder:
            here = Replicas(Path(folder), server.create())
            try:
                here.start(size)
                yield from _measured(here, size)
            finally:
                here.stop()


def _measured(here: Replicas, size: int) -> Iterator[Figure]:
    leader = here.leader()
    through = f"{size} process{'es' if size > 1 else ''} on PostgreSQL, {os.cpu_count()} processors in all"
    before_s = [cpu_s(here.pid(number)) for number in range(size)]
    rate, latencies, refused = asyncio.run(_order(here, size))
    took_s = [cpu_s(here.pid(number)) - before_s[number] for number in range(size)]
    beside = [f"{1e3 * took_s[number] / ORDERS:.2f}" for number in range(size) if number != leader]
    yield Figure(
        what=f"REST orders, {CLIENTS} clients, {through}",
        ours=f"{rate:,.0f}/s, p50 {quantile(latencies, 0.5):.0f} ms, p99 {quantile(latencies, 0.99):.0f} ms"
        + (f" ({refused} refused)" if refused else "")
        + f"; ms of a processor an order: leader {1e3 * took_s[leader] / ORDERS:.2f}"
        + (f", others {', '.join(beside)}" if beside else ""),
    )
    rate, latencies, _ = asyncio.run(_read(here, size))
    yield Figure(
        what=f"REST reads of a service, {CLIENTS} clients, {through}",
        ours=f"{rate:,.0f}/s, p50 {quantile(latencies, 0.5):.1f} ms, p99 {quantile(latencies, 0.99):.1f} ms",
    )


async def _order(here: Replicas, size: int) -> tuple[float, list[float], int]:
    begun = time.perf_counter()
    ready = [here.ready[number] for number in range(size)]
    done = await asyncio.gather(
        *(
            order(one["url"], one["tenant_token"], ORDERS // size, seed=number, clients=_share(number, size))
            for number, one in enumerate(ready)
        )
    )
    latencies = [one for _, some, _ in done for one in some]
    return len(latencies) / (time.perf_counter() - begun), latencies, sum(refused for _, _, refused in done)


def _share(number: int, size: int) -> int:
    return CLIENTS // size + (number < CLIENTS % size)


async def _read(here: Replicas, size: int) -> tuple[float, list[float], int]:
    with here.client(0) as client:
        items = client.get("/v1/services", params={"limit": 100, "tenant": "acme"}).json()["items"]
    paths = [f"/v1/services/{one['id']}" for one in items]
    latencies: list[float] = []
    left = iter(range(READS))

    async def work(number: int) -> None:
        ready = here.ready[number]
        host, port = ready["url"].rpartition("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        tail = f" HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {ready['tenant_token']}\r\n\r\n"
        for place in left:
            begun = time.perf_counter()
            writer.write(f"GET {paths[place % len(paths)]}{tail}".encode())
            said = (await reader.readuntil(b"\r\n\r\n")).decode()
            answer = await reader.readexactly(int(LENGTH.findall(said)[0]))
            latencies.append((time.perf_counter() - begun) * 1e3)
            if said.split(" ", 2)[1] != "200":
                raise RuntimeError(answer.decode())
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(work(number) for number in range(size) for _ in range(_share(number, size))))
    return len(latencies) / (time.perf_counter() - begun), latencies, 0
