"""Around one link: where its traffic goes in the milliseconds after it is lost, until headends have moved away. Pure.

A detour leads from the link's tail to its head. It shares no risk group with the link (no fibre, no conduit or other
declared group, no site that the light passes), so what takes the link down leaves the detour alone; it stays inside the
fence, passes only through sites that carry others' traffic, and keeps off what is known to be dark or being drained.
Where every way shares a declared group with the link (both fibres of a campus lie in one duct) it shares no more than
declared groups: what takes one fibre is gone around, and what takes the duct is left to headends.

Of those the shortest, unless a wider one is nearly as short: a detour has no capacity of its own, and takes a whole
link's traffic. Among ways at most `NEAR` times as long as the shortest, or `NEAR_NS` longer, the one whose narrowest
link is widest, then the shortest of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence

from highroad.graph.disjoint import site_group
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId
from highroad.planning.ground import Ground

MOST_LINKS = 11
"""What a router puts on: twelve micro SIDs, of which the last ends the detour."""

NEAR, NEAR_NS = 1.25, 1_000_000

_Step = tuple[int, int, int]
"""A link by its number, where it leads, and how long it takes, ns."""


def detour(ground: Ground, link: LinkId, fence: Fence | None, avoid: Collection[int]) -> tuple[LinkId, ...] | None:
    """The links to go instead of a link, or None where there is no way around it. `avoid` are links out of use, by
    their numbers in the graph.
    """
    graph = ground.graph
    number = graph.link_number[link]
    ends = (ground.network.link[link].tail, ground.network.link[link].head)
    groups = ground.risks.groups[number] - set(map(site_group, ends))
    inside = None if fence is None else ground.inside(fence)
    tail, head = (graph.number[end] for end in ends)
    declared = {
        group for fibre in ground.network.link[link].fibres for group in ground.network.fibre[fibre].risk_groups
    }
    for apart in (groups, groups - declared) if declared else (groups,):
        shut = ground.risks.down(apart) | set(avoid) | {number}
        found = _widest(ground, shut, inside, tail, head)
        if found is not None:
            return tuple(graph.links[one] for one in found)
    return None


def _widest(
    ground: Ground, shut: Collection[int], inside: Sequence[bool] | None, tail: int, head: int
) -> tuple[int, ...] | None:
    """The widest way of those nearly as short as the shortest, by numbers of links; None where there is none."""
    graph = ground.graph

    def steps(width: int) -> Callable[[int], list[_Step]]:
        def out(site: int) -> list[_Step]:
            if site != tail and not graph.transit[site]:
                return []
            return [
                (arc.index, arc.head, arc.latency_ns)
                for arc in graph.out[site]
                if arc.index not in shut
                and (inside is None or inside[arc.index])
                and ground.capacity_mbps[arc.index] >= width
            ]

        return out

    best = _shortest(steps(0), tail, head)
    if best is None:
        return None
    latency_ns, path = best
    most_ns = max(int(latency_ns * NEAR), latency_ns + NEAR_NS)
    # Narrower is never longer, so the widest that is near enough is found by halving.
    widths = ground.widths_mbps
    low, high = 0, len(widths)
    while low < high:
        middle = (low + high) // 2
        found = _shortest(steps(widths[middle]), tail, head)
        if found is not None and found[0] <= most_ns:
            path, low = found[1], middle + 1
        else:
            high = middle
    return path


def _shortest(out: Callable[[int], list[_Step]], tail: int, head: int) -> tuple[int, tuple[int, ...]] | None:
    """The shortest way of at most `MOST_LINKS`, and how long it takes; of equal ones the one with fewer links."""
    heap: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, tail, ())]
    fewest: dict[int, int] = {}
    """By site: with how few links it was reached by something shorter. More links and longer is of no use."""
    while heap:
        latency_ns, links, here, path = heapq.heappop(heap)
        if links >= fewest.get(here, MOST_LINKS + 1):
            continue
        fewest[here] = links
        if here == head:
            return latency_ns, path
        if links < MOST_LINKS:
            for number, there, step_ns in out(here):
                if links + 1 < fewest.get(there, MOST_LINKS + 1):
                    heapq.heappush(heap, (latency_ns + step_ns, links + 1, there, (*path, number)))
    return None
