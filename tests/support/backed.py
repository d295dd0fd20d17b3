"""What a plan's bound is held against, by code that shares nothing with what makes it, in plain Python."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, Network, SiteId, SiteKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of a service, from a site to another."""

    source: str
    target: str
    gbps: float
    protected: bool = False
    fence: Fence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A bound as it is told: prices by link, the group that it stands on, or none; and all that it is over.

    `claimed_gbps` and `stood_gbps` (for the group) are of those who do not move, by link; `out` are links out of use.
    """

    bound: float
    price: Mapping[LinkId, float]
    group: str
    ways: Sequence[Way]
    claimed_gbps: Mapping[LinkId, float]
    stood_gbps: Mapping[LinkId, float]
    out: frozenset[LinkId] = frozenset()


def takes_down(network: Network, group: str) -> frozenset[LinkId]:
    """The links that a risk group takes down. Raises KeyError for what is none."""
    if group.startswith("site:"):
        site = network.site[group.removeprefix("site:")]  # type: ignore[index]
        fibres = {one.id for one in network.fibres if site.id in (one.a, one.b)}
        ends = {link.id for link in network.links if site.id in (link.tail, link.head)}
        return frozenset(ends | {link.id for link in network.links if fibres.intersection(link.fibres)})
    fibres = {one.id for one in network.fibres if group in (one.id, *one.risk_groups)}
    if not fibres:
        raise KeyError(group)
    return frozenset(link.id for link in network.links if fibres.intersection(link.fibres))


def holds(network: Network, claimed: Claimed, *, near: float = 1e-6) -> bool:
    """Whether the prices prove the bound, and no more than it."""
    price = claimed.price
    if any(not math.isfinite(one) or one < 0 for one in price.values()) or set(price) - set(network.link):
        return False
    try:
        down = takes_down(network, claimed.group) if claimed.group else frozenset[LinkId]()
    except KeyError:
        return False
    cost = 0.0
    for way in claimed.ways:
        ends = {f"site:{way.source}", f"site:{way.target}"}
        closed = claimed.out | (down if way.protected and claimed.group not in ends else frozenset())
        far = _shortest(network, way, price, closed)
        cost += way.gbps * far if math.isfinite(far) else 0.0
    return abs(_level(network, claimed, cost) - claimed.bound) <= near * max(1.0, claimed.bound)


def _shortest(network: Network, way: Way, price: Mapping[LinkId, float], closed: frozenset[LinkId]) -> float:
    near = {way.source: 0.0}
    heap = [(0.0, way.source)]
    while heap:
        far, site = heapq.heappop(heap)
        if site == way.target:
            return far
        ends_there = site != way.source and network.site[SiteId(site)].kind not in (SiteKind.POP, SiteKind.EDGE)
        if far > near[site] or ends_there:
            continue
        for link in network.links:
            if link.tail != site or link.id in closed:
                continue
            if way.fence is not None and not all(map(way.fence.allows, network.jurisdictions_of(link.id))):
                continue
            then = far + price.get(link.id, 0.0)
            if then < near.get(link.head, math.inf):
                near[link.head] = then
                heapq.heappush(heap, (then, link.head))
    return math.inf


def _level(network: Network, claimed: Claimed, cost: float) -> float:
    """The least U with sum y max(0, U C - F - S) >= cost, by halving."""
    if cost <= 0:
        return 0.0

    def paid(level: float) -> float:
        return sum(
            claimed.price.get(link.id, 0.0)
            * max(
                0.0,
                level * link.capacity_gbps
                - claimed.claimed_gbps.get(link.id, 0.0)
                - claimed.stood_gbps.get(link.id, 0.0),
            )
            for link in network.links
            if link.id not in claimed.out
        )

    low, high = 0.0, 1.0
    while paid(high) < cost:
        low, high = high, 2 * high
        if high > 1e9:
            return math.inf
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if paid(middle) < cost else (low, middle)
    return high
