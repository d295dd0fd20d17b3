"""How long a decision takes on the US network, and how that grows with the services that are there.

The peer is NetworkX's Dijkstra over the same links with the same filter: one direction, no bound, no refusal, no
calendar but a dictionary of what is free; what a script that one writes in an afternoon would do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

import networkx

from bench import world
from bench.figure import Figure, quantile
from highroad.model.service import Window
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.ground import Ground

ORDERS = 1000


def figures() -> Iterator[Figure]:
    """Admission with 100, 1,000 and 10,000 services, and refusals."""
    network = world.us()
    for services in (100, 1_000, 10_000):
        ground = world.ground_of(network)
        dice = world.dice_of(network, seed=services)
        scale = min(1.0, 1_000 / services)
        world.fill(ground, dice, services, scale)
        yes, no = _decide(ground, dice, scale)
        peer = _peer(ground) if services == 1_000 else ""
        yield Figure(
            what=f"admission, a yes, {services:,} services on the US network",
            ours=f"p50 {quantile(yes, 0.5):.2f} ms, p99 {quantile(yes, 0.99):.2f} ms",
            peer=peer,
        )
        if services == 1_000:
            yield Figure(
                what=f"admission, a no with its counter-offers, {services:,} services",
                ours=f"p50 {quantile(no, 0.5):.2f} ms, p99 {quantile(no, 0.99):.2f} ms ({len(no)} refusals)",
            )


def _decide(ground: Ground, dice: random.Random, scale: float) -> tuple[list[float], list[float]]:
    yes: list[float] = []
    no: list[float] = []
    while len(yes) < ORDERS:
        asked = world.request(ground.network, dice, scale)
        begun = time.perf_counter()
        decision = admit(ground, asked, world.NOW_S)
        took_ms = (time.perf_counter() - begun) * 1e3
        (yes if isinstance(decision, Admitted) else no).append(took_ms)
    while len(no) < 200:
        asked = replace(world.request(ground.network, dice), bandwidth_gbps=3_000.0)
        begun = time.perf_counter()
        decision = admit(ground, asked, world.NOW_S)
        if isinstance(decision, Denied):
            no.append((time.perf_counter() - begun) * 1e3)
    return yes, no


def _peer(ground: Ground) -> str:
    """NetworkX on the same orders: shortest path by latency over links with enough free."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    for link in ground.network.links:
        graph.add_edge(link.tail, link.head, latency=link.latency_ms, id=link.id)
    window = Window(start_s=world.NOW_S)
    free = {link.id: ground.calendar.free(link.id, window) for link in ground.network.links}
    dice = world.dice_of(ground.network, seed=1)
    times: list[float] = []
    for _ in range(300):
        asked = world.request(ground.network, dice)
        rate = asked.bandwidth_gbps * 1000
        begun = time.perf_counter()
        networkx.shortest_path(
            graph,
            asked.a.at,
            asked.b.at,
            weight=lambda _a, _b, data: data["latency"] if free[data["id"]] >= rate else None,  # noqa: B023
        )
        times.append((time.perf_counter() - begun) * 1e3)
    return f"NetworkX {networkx.__version__}, one way only: p50 {quantile(times, 0.5):.2f} ms"
