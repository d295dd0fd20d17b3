"""Ways through a network as the API tells it: enough for the tour to pick a cut that leaves another way."""

from __future__ import annotations

import heapq
from collections.abc import Set as AbstractSet
from math import inf

from highroad.wire.networks import LinkOut, NetworkOut

CARRIES_OTHERS = frozenset({"pop", "edge"})


class Ways:
    """A network, ready to be searched."""

    def __init__(self, network: NetworkOut) -> None:
        self._kinds = {site.id: site.kind for site in network.sites}
        countries = {fibre.id: {_country(place) for place in fibre.jurisdictions} for fibre in network.fibres}
        self._out: dict[str, list[tuple[LinkOut, set[str]]]] = {}
        for link in network.links:
            crossed = set().union(*(countries[fibre] for fibre in link.fibres))
            self._out.setdefault(link.tail, []).append((link, crossed))

    def fastest(
        self, source: str, target: str, *, without: AbstractSet[str] = frozenset(), country: str | None = None
    ) -> tuple[float, list[LinkOut]]:
        """The least latency and its links, without some fibres, inside a country; (infinity, []) if there is none."""
        best = {source: 0.0}
        came: dict[str, LinkOut] = {}
        heap = [(0.0, source)]
        while heap:
            so_far, here = heapq.heappop(heap)
            if here == target:
                return so_far, _trace(came, source, target)
            if so_far > best[here] or (here != source and self._kinds.get(here) not in CARRIES_OTHERS):
                continue
            for link, crossed in self._out.get(here, ()):
                reached = so_far + link.latency_ms
                if reached >= best.get(link.head, inf) or not without.isdisjoint(link.fibres):
                    continue
                if country is None or crossed <= {country}:
                    best[link.head] = reached
                    came[link.head] = link
                    heapq.heappush(heap, (reached, link.head))
        return inf, []


def _trace(came: dict[str, LinkOut], source: str, target: str) -> list[LinkOut]:
    path: list[LinkOut] = []
    here = target
    while here != source:
        path.append(came[here])
        here = came[here].tail
    return path[::-1]


def _country(place: str) -> str:
    return place.partition("-")[0]
