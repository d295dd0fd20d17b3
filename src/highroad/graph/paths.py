"""Shortest paths over the links of a network, under a filter: the kernel that admission stands on."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from highroad.model.network import LinkId, Network, Site, SiteId

UNREACHABLE = 1 << 62
"""Nanoseconds that no path takes: 146 years."""


LONG = 32
"""A search is long when it has looked at so many sites; so many around its target are then looked at too."""


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
    _into: list[tuple[tuple[int, int], ...]] = field(default_factory=list, repr=False, compare=False)
    """For each site, from where links lead to it, and their latencies; once it was asked for."""
    _leaving: list[list[tuple[int, int]]] = field(default_factory=list, repr=False, compare=False)
    _arriving: list[list[tuple[int, int]]] = field(default_factory=list, repr=False, compare=False)
    """For each site, from where links lead to it, and their numbers; once it was asked for."""

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

    def leaving(self) -> list[list[tuple[int, int]]]:
        """For each site, to where links lead from it, and their numbers."""
        if not self._leaving:
            self._leaving.extend([(arc.head, arc.index) for arc in arcs] for arcs in self.out)
        return self._leaving

    def arriving(self) -> list[list[tuple[int, int]]]:
        """For each site, from where links lead to it, and their numbers."""
        if not self._arriving:
            self._arriving.extend([] for _ in self.sites)
            for tail, arcs in enumerate(self.out):
                for arc in arcs:
                    self._arriving[arc.head].append((tail, arc.index))
        return self._arriving

    def _backward(self, goal: int) -> list[int]:
        into, transit = self._into, self.transit
        if not into:
            into += _turned_round(self.out)
        least = [UNREACHABLE] * len(self.sites)
        least[goal] = 0
        heap = [(0, goal)]
        while heap:
            distance, here = heapq.heappop(heap)
            if distance > least[here] or not (here == goal or transit[here]):
                continue
            for tail, latency in into[here]:
                reached = distance + latency
                if reached < least[tail]:
                    least[tail] = reached
                    heapq.heappush(heap, (reached, tail))
        return least


def _turned_round(out: Sequence[Sequence[Arc]]) -> list[tuple[tuple[int, int], ...]]:
    into: list[list[tuple[int, int]]] = [[] for _ in out]
    for tail, arcs in enumerate(out):
        for arc in arcs:
            into[arc.head].append((tail, arc.latency_ns))
    return list(map(tuple, into))


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
    nothing is in the way it looks at little but the path. A search that has become long first makes sure, from a look
    at a few sites around it, that the target can be entered at all.
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
    long = LONG
    while heap:
        _, hops, here, distance = heapq.heappop(heap)
        if here == goal:
            return _trace(graph, came, start, goal)
        long -= 1
        if not long and _shut(graph, start, goal, usable, asked):
            return None
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


def _shut(graph: Graph, start: int, goal: int, usable: Callable[[int], bool], asked: dict[int, bool]) -> bool:
    """Whether a goal is seen to be behind links that are not usable, within a few sites around it."""
    transit, arriving = graph.transit, graph.arriving()
    behind, sweep = {goal}, [goal]
    for here in sweep:
        for tail, number in arriving[here]:
            if tail in behind or not (tail == start or transit[tail]):
                continue
            ok = asked.get(number)
            if ok is None:
                ok = asked[number] = usable(number)
            if ok:
                if tail == start:
                    return False
                behind.add(tail)
                sweep.append(tail)
        if len(sweep) > LONG:
            return False
    return True


def cut_between(
    graph: Graph,
    source: SiteId,
    target: SiteId,
    usable: Callable[[int], bool],
    *,
    bound_ns: int | None = None,
) -> frozenset[int] | None:
    """Links that are not usable, while which are not there is no path (inside the bound); None if there is one.

    The search of `least_latency_path`, and site by site one backwards from the target that knows no bound: whichever
    finds first that it gets nowhere tells, so that the cut around an end is found near it. Of a search with a bound
    the cut has every link that would make some way shorter; so with all others usable nothing changes for the search.
    """
    start, goal = graph.number[source], graph.number[target]
    toward, transit, arriving = graph.toward(goal), graph.transit, graph.arriving()
    most = UNREACHABLE - 1 if bound_ns is None else bound_ns
    if toward[start] > most:
        return frozenset()
    asked: dict[int, bool] = {}
    best: dict[int, int] = {start: 0}
    heap: list[tuple[int, int, int]] = [(toward[start], start, 0)]
    refused: list[tuple[int, int, Arc]] = []
    behind, sweep = {goal}, deque([goal])
    while heap:
        _, here, distance = heapq.heappop(heap)
        if here == goal:
            return None
        if distance == best[here] and (here == start or transit[here]):
            for arc in graph.out[here]:
                head, reached = arc.head, distance + arc.latency_ns
                if reached + toward[head] > most or best.get(head, UNREACHABLE) <= reached:
                    continue
                ok = asked.get(arc.index)
                if ok is None:
                    ok = asked[arc.index] = usable(arc.index)
                if ok:
                    best[head] = reached
                    heapq.heappush(heap, (reached + toward[head], head, reached))
                else:
                    refused.append((here, reached, arc))
        if not sweep:
            continue
        here = sweep.popleft()
        for tail, number in arriving[here]:
            if tail not in behind and (tail == start or transit[tail]):
                ok = asked.get(number)
                if ok is None:
                    ok = asked[number] = usable(number)
                if ok:
                    behind.add(tail)
                    sweep.append(tail)
        if start in behind:
            sweep.clear()
        elif not sweep:
            leading = ((tail, number) for here in behind for tail, number in arriving[here] if tail not in behind)
            return frozenset(number for tail, number in leading if tail == start or transit[tail])
    if bound_ns is None:
        return frozenset(arc.index for _, _, arc in refused if arc.head not in best)
    return frozenset(
        arc.index
        for here, reached, arc in refused
        if reached == best[here] + arc.latency_ns and reached < best.get(arc.head, UNREACHABLE)
    )


def _trace(graph: Graph, came: dict[int, tuple[int, int]], start: int, goal: int) -> tuple[LinkId, ...]:
    path: list[LinkId] = []
    here = goal
    while here != start:
        here, link = came[here]
        path.append(graph.links[link])
    return tuple(reversed(path))
