"""From everywhere to the nearest of several places: one Dijkstra from many sources at once.

Nodes are numbers; the caller keeps the names. Arcs are given once, as arrays, and kept in rows by their tail
(compressed sparse rows), so that a run touches each arc once: O((n + m) log n).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Arcs:
    """Directed arcs in rows by tail: those of node v are `heads[starts[v]:starts[v + 1]]`."""

    starts: tuple[int, ...]
    heads: tuple[int, ...]
    costs: tuple[float, ...]

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.starts) - 1


def arcs_of(nodes: int, tails: Sequence[int], heads: Sequence[int], costs: Sequence[float]) -> Arcs:
    """Arcs in rows. Raises ValueError for a cost that is negative or not a number, on which Dijkstra is wrong."""
    if any(not cost >= 0 for cost in costs):
        raise ValueError("an arc's cost has to be a number that is not negative")
    order = sorted(range(len(tails)), key=tails.__getitem__)
    counts = [0] * (nodes + 1)
    for tail in tails:
        counts[tail + 1] += 1
    for node in range(nodes):
        counts[node + 1] += counts[node]
    return Arcs(
        starts=tuple(counts),
        heads=tuple(heads[arc] for arc in order),
        costs=tuple(costs[arc] for arc in order),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """For each node: the least cost from any source (infinity where there is no way), and from which (-1: none)."""

    cost: tuple[float, ...]
    source: tuple[int, ...]


def nearest(arcs: Arcs, sources: Sequence[int]) -> Nearest:
    """The least cost to each node from the nearest source, and that source; of equals the lower number wins."""
    cost = [math.inf] * arcs.nodes
    best = [-1] * arcs.nodes
    done = [False] * arcs.nodes
    heap = [(0.0, source, source) for source in sorted(set(sources))]
    heapq.heapify(heap)
    for source in sources:
        cost[source], best[source] = 0.0, source
    while heap:
        so_far, source, node = heapq.heappop(heap)
        if done[node]:
            continue
        done[node] = True
        cost[node], best[node] = so_far, source
        for arc in range(arcs.starts[node], arcs.starts[node + 1]):
            head = arcs.heads[arc]
            reached = so_far + arcs.costs[arc]
            if not done[head] and (reached, source) < (cost[head], best[head] if best[head] >= 0 else math.inf):
                cost[head], best[head] = reached, source
                heapq.heappush(heap, (reached, source, head))
    return Nearest(cost=tuple(cost), source=tuple(best))
