"""How long it takes to share what is left between 10,000 services, both ways, over 5,000 directed links.

1,000 sites at random in a square; the 2,500 shortest spans between nearest neighbours, rank by rank, are the links, of
100, 400 or 800 Gbit/s; services of every class between random sites by the shortest way, so that half of all links are
wanted many times over: the hottest that a network gets. The worst case is a chain, in which each bottleneck follows
from the one before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import networkx
import numpy as np

from bench.figure import Figure
from highroad.planning.fair import Paths, max_min, share

SITES, SPANS, SERVICES = 1_000, 2_500, 10_000
SOURCES = 200
BAR_S = 0.5


def figures() -> Iterator[Figure]:
    """A hot network, and the worst case."""
    draw = np.random.default_rng(1)
    routes, links = _routes(draw)
    paths = _paths(routes)
    flows = len(routes)
    more = draw.choice([1.0, 5.0, 10.0, 50.0], flows)
    took: list[float] = []
    wanting = 0.0
    for _ in range(5):
        begun = time.perf_counter()
        carried = share(
            capacity_gbps=draw.choice([100.0, 400.0, 800.0], links),
            paths=paths,
            rank=draw.integers(0, 4, flows),
            sure_gbps=draw.uniform(0.01, 0.2, flows),
            more_gbps=more,
            weight=more,
        )
        took.append(time.perf_counter() - begun)
        wanting = float((carried.more_gbps < more).mean())
    yield Figure(
        what=f"sharing what is left: {SERVICES:,} services both ways, {len(paths.links):,} hops, {links:,} links",
        ours=f"worst of {len(took)}: {max(took) * 1e3:.0f} ms ({wanting:.0%} of the flows got less than they wanted)",
        bar=f"{BAR_S * 1e3:.0f} ms",
        met=max(took) < BAR_S,
    )
    chain = _paths([*([at, at + 1] for at in range(links - 1)), *([at] for at in range(links))])
    begun = time.perf_counter()
    max_min(np.linspace(10.0, 60.0, links), chain, np.full(len(chain), 1e9), np.ones(len(chain)))
    yield Figure(
        what=f"the same, a chain of {links:,} bottlenecks that follow from each other",
        ours=f"{(time.perf_counter() - begun) * 1e3:.0f} ms",
    )


def _paths(routes: list[list[int]]) -> Paths:
    return Paths(
        links=np.array([link for route in routes for link in route], dtype=np.intp),
        first=np.cumsum([0, *map(len, routes)]),
    )


def _routes(draw: np.random.Generator) -> tuple[list[list[int]], int]:
    """The links of each direction of each service, and how many links there are."""
    at = draw.random((SITES, 2))
    distance = np.linalg.norm(at[:, None] - at[None], axis=2)
    nearest = np.argsort(distance, axis=1)
    spans: dict[tuple[int, int], float] = {}
    for rank in range(1, SITES):
        for site in range(SITES):
            other = int(nearest[site, rank])
            if len(spans) < SPANS:
                spans[min(site, other), max(site, other)] = float(distance[site, other])
        if len(spans) == SPANS:
            break
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_weighted_edges_from((a, b, length) for (a, b), length in spans.items())
    number = {way: index for index, way in enumerate(way for a, b in spans for way in ((a, b), (b, a)))}
    joined = max((sorted(component) for component in networkx.connected_components(graph)), key=len)
    routes: list[list[int]] = []
    for source in draw.choice(joined, SOURCES, replace=False).tolist():
        ways = networkx.single_source_dijkstra_path(graph, source)
        others = [site for site in joined if site != source]
        for target in draw.choice(others, SERVICES // SOURCES, replace=False).tolist():
            way = ways[target]
            routes += [[number[hop] for hop in pairwise(way)], [number[hop] for hop in pairwise(way[::-1])]]
    return routes, len(number)
