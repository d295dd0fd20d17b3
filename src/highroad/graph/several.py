"""The few shortest loopless paths between two sites: what there is to choose from (Yen 1971)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from highroad.graph.paths import Graph, least_latency_path
from highroad.model.network import LinkId, SiteId


def shortest_paths(graph: Graph, source: SiteId, target: SiteId) -> Iterator[tuple[LinkId, ...]]:
    """Every loopless path in order of its latency, then of its hops, whatever is in use; ask for as many as needed."""
    head = {arc.index: arc.head for arcs in graph.out for arc in arcs}
    first = least_latency_path(graph, source, target, lambda number: True)
    found: list[tuple[LinkId, ...]] = []
    waiting = [] if first is None else [(_key(graph, first), first)]
    seen = set() if first is None else {first}
    while waiting:
        _, path = heapq.heappop(waiting)
        found.append(path)
        yield path
        numbers = [graph.link_number[link] for link in path]
        passed = [graph.number[source], *(head[number] for number in numbers)]
        for place in range(len(path)):
            root = path[:place]
            barred = {
                graph.link_number[other[place]] for other in found if other[:place] == root and place < len(other)
            }
            behind = set(passed[:place])

            def usable(number: int, barred: set[int] = barred, behind: set[int] = behind) -> bool:
                return number not in barred and head[number] not in behind

            spur = least_latency_path(graph, graph.sites[passed[place]], target, usable)
            if spur is not None and (whole := root + spur) not in seen:
                seen.add(whole)
                heapq.heappush(waiting, (_key(graph, whole), whole))


def _key(graph: Graph, path: tuple[LinkId, ...]) -> tuple[int, int]:
    return sum(graph.latency_ns[graph.link_number[link]] for link in path), len(path)
