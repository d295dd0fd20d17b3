"""Shortest paths over the links of a network, under a filter: the kernel that admission stands on."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from highroad.model.network import LinkId, Network, Site, SiteId

UNREACHABLE = 1 << 62
"""Nanoseconds that no path takes: 146 years."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A link as the search sees it: integers only. `index` is its place in `Graph.links`."""

    index: int
    head: int
    latency_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A network's links as adjacency lists; sites and links are numbered in the network's order.

    Latencies are whole nanoseconds, rounded up: sums are exact, so that a bound that a path meets to the
    nanosecond is met in either direction and in any order of summation.
    """

    sites: tuple[SiteId, ...]
    links: tuple[LinkId, ...]
    number: dict[SiteId, int]
    link_number: dict[LinkId, int]
    out: tuple[tuple[Arc, ...], ...]
    latency_ns: tuple[int, ...]
    transit: tuple[bool, ...]
    """For each site, whether a path may pass through it."""
    opposite: tuple[int, ...]
    """For each link, the one the other way over the same fibres; -1 where there is none."""
    _toward: dict[int, list[int]] = field(default_factory=dict, repr=False, compare=False)

    def latency_ms(self, path: Sequence[LinkId]) -> float:
        """The one-way latency of a path: the sum over its links."""
        return sum(self.latency_ns[self.link_number[link]] for link in path) / 1e6

    def turned(self, path: Sequence[LinkId]) -> tuple[LinkId, ...] | None:
        """The same fibres the other way; None where a link has no opposite."""
        opposite = [self.opposite[self.link_number[link]] for link in reversed(path)]
        return None if -1 in opposite else tuple(self.links[number] for number in opposite)

    def toward(self, goal: int) -> list[int]:
        """For each site, the least latency to one site over all links, in use or not: a bound that no path beats.

        Kept once computed: a few kilobytes a site. A site that cannot reach it at all is UNREACHABLE.
        """
        known = self._toward.get(goal)
        if known is None:
            known = self._toward[goal] = self._backward(goal)
        return known

    def _backward(self, goal: int) -> list[int]:
        into: list[list[tuple[int, int]]] = [[] for _ in self.sites]
        for tail, arcs in enumerate(self.out):
            for arc in arcs:
                into[arc.head].append((tail, arc.latency_ns))
        least = [UNREACHABLE] * len(self.sites)
        least[goal] = 0
        heap = [(0, goal)]
        while heap:
            distance, here = heapq.heappop(heap)
            if distance > least[here] or not (here == goal or self.transit[here]):
                continue
            for tail, latency in into[here]:
                if distance + latency < least[tail]:
                    least[tail] = distance + latency
                    heapq.heappush(heap, (least[tail], tail))
        return least


def graph_of(network: Network, transit: Callable[[Site], bool] = lambda site: True) -> Graph:
    """The graph of a checked network, in which paths pass only through the sites that `transit` allows."""
    sites = tuple(site.id for site in network.sites)
    number = {site: index for index, site in enumerate(sites)}
    links = tuple(link.id for link in network.links)
    link_number = {link: index for index, link in enumerate(links)}
    latency_ns = tuple(ns_from_ms(link.latency_ms) for link in network.links)
    out: list[list[Arc]] = [[] for _ in sites]
    for index, link in enumerate(network.links):
        out[number[link.tail]].append(Arc(index=index, head=number[link.head], latency_ns=latency_ns[index]))
    return Graph(
        sites=sites,
        links=links,
        number=number,
        link_number=link_number,
        out=tuple(map(tuple, out)),
        latency_ns=latency_ns,
        transit=tuple(transit(site) for site in network.sites),
        opposite=tuple(link_number[network.opposite[link]] if link in network.opposite else -1 for link in links),
    )


def ns_from_ms(latency_ms: float) -> int:
    """Whole nanoseconds, rounded up but for what a double cannot tell (1e-9 of a nanosecond's million)."""
    return -int(-(latency_ms * 1e6 - 1e-6) // 1)


def least_latency_path(
    graph: Graph,
    source: SiteId,
    target: SiteId,
    usable: Callable[[int], bool],
    *,
    bound_ns: int | None = None,
) -> tuple[LinkId, ...] | None:
    """The path of least latency over usable links, or None where there is none (inside the bound).

    `usable` is asked about link numbers, each at most once.
    Among equals the fewest hops win, then the search's own fixed order: the answer is a function of its arguments.
    A* (Hart, Nilsson, Raphael 1968) with the latencies over all links as its lower bound, which is consistent: where
    nothing is in the way it looks at little but the path.
    """
    start, goal = graph.number[source], graph.number[target]
    toward, transit = graph.toward(goal), graph.transit
    most = UNREACHABLE - 1 if bound_ns is None else bound_ns
    if toward[start] > most:
        return None
    best: dict[int, tuple[int, int]] = {start: (0, 0)}
    came: dict[int, tuple[int, int]] = {}
    heap: list[tuple[int, int, int, int]] = [(toward[start], 0, start, 0)]
    asked: dict[int, bool] = {}
    while heap:
        _, hops, here, distance = heapq.heappop(heap)
        if here == goal:
            return _trace(graph, came, start, goal)
        if (distance, hops) > best[here]:
            continue
        if here != start and not transit[here]:
            continue
        for arc in graph.out[here]:
            head = arc.head
            reached = distance + arc.latency_ns
            total = reached + toward[head]
            if total > most:
                continue
            there = (reached, hops + 1)
            known = best.get(head)
            if known is not None and known <= there:
                continue
            ok = asked.get(arc.index)
            if ok is None:
                ok = asked[arc.index] = usable(arc.index)
            if not ok:
                continue
            best[head] = there
            came[head] = (here, arc.index)
            heapq.heappush(heap, (total, hops + 1, head, reached))
    return None


def _trace(graph: Graph, came: dict[int, tuple[int, int]], start: int, goal: int) -> tuple[LinkId, ...]:
    path: list[LinkId] = []
    here = goal
    while here != start:
        here, link = came[here]
        path.append(graph.links[link])
    return tuple(reversed(path))
