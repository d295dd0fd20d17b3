"""Ways through a network as the API tells it: enough for the tour to pick a cut that leaves another way."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from math import inf

from highroad.wire.networks import LinkOut, NetworkOut

CARRIES_OTHERS = frozenset({"pop", "edge"})


def fastest(
    network: NetworkOut, source: str, target: str, without: Collection[str] = (), country: str | None = None
) -> tuple[float, list[LinkOut]]:
    """The least latency and its links, without some fibres and inside a country; (infinity, []) where there is none."""
    kinds = {site.id: site.kind for site in network.sites}
    places = {fibre.id: fibre.jurisdictions for fibre in network.fibres}
    out: dict[str, list[LinkOut]] = {}
    for link in network.links:
        inside = country is None or all(
            place.partition("-")[0] == country for fibre in link.fibres for place in places[fibre]
        )
        if inside and not set(link.fibres) & set(without):
            out.setdefault(link.tail, []).append(link)
    best = {source: 0.0}
    came: dict[str, LinkOut] = {}
    heap = [(0.0, source)]
    while heap:
        so_far, here = heapq.heappop(heap)
        if here == target:
            path: list[LinkOut] = []
            while here != source:
                path.append(came[here])
                here = came[here].tail
            return so_far, path[::-1]
        if so_far > best[here] or (here != source and kinds.get(here) not in CARRIES_OTHERS):
            continue
        for link in out.get(here, ()):
            reached = so_far + link.latency_ms
            if reached < best.get(link.head, inf):
                best[link.head] = reached
                came[link.head] = link
                heapq.heappush(heap, (reached, link.head))
    return inf, []
