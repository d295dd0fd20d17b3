"""The path of least cost inside a latency bound: how admission keeps room for those who come later.

A cost is additive and given in nanoseconds: a link costs at least its latency, so the least latency to the goal
bounds both from below. The search is A* over (cost, latency) labels with dominance (BOA*, Hernandez et al. 2020)
and the cost's bound weighted (Pohl 1970), which finds a path of at most `FACTOR` times the least cost:

    Let p be a prefix of the best path. A label is dropped at a site only for one that was taken there earlier and
    is as fast; when that one was taken, some label that is as fast as a shorter prefix q of p was waiting with
    cost(q) <= FACTOR cost*(q), and order of taking gives cost <= cost(q) + FACTOR (h(q) - h(p)) <= FACTOR cost*(p).

What is feasible is found exactly: of equally usable links the fastest way to a site is never dropped.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence

from highroad.graph.paths import UNREACHABLE, Graph, least_latency_path
from highroad.model.network import LinkId, SiteId

FACTOR = 2.0
"""A path costs at most so many times the least that one inside the bound does, unless `EFFORT` ran out. A promise, not
a habit: on small networks nearly every path is of least cost, and on large ones a higher factor finishes sooner."""

NEAR = 1.1
"""The fastest path is taken, without a further search, if it costs at most so many times the least latency."""

EFFORT = 200
"""Labels that a search takes, so that the worst case is short; then the fastest usable path is the answer."""

AROUND = 16
"""So many sites around either end are looked at to say how wide a path can be."""

STRETCH, STRETCH_NS = 1.3, 2_000_000
"""Where no bound is asked for: nobody is sent further than so many times the fastest usable path and 2 ms more."""

UNUSABLE = -1

NONE: frozenset[int] = frozenset()


class Prices(dict[int, int]):
    """What each link costs, asked at most once; UNUSABLE for one that may not be used.

    `may` tells the usable ones, for less than it takes to find the price.
    """

    __slots__ = ("_ask", "may")

    def __init__(self, ask: Callable[[int], int], may: Callable[[int], bool] | None = None) -> None:
        super().__init__()
        self._ask = ask
        self.may: Callable[[int], bool] = self._known if may is None else may

    def __missing__(self, number: int) -> int:
        price = self[number] = self._ask(number)
        return price

    def _known(self, number: int) -> bool:
        return self[number] >= 0

    def of(self, graph: Graph, path: Collection[LinkId]) -> int:
        """The sum over a path; UNUSABLE if one of its links is."""
        total = 0
        for link in path:
            price = self[graph.link_number[link]]
            if price < 0:
                return UNUSABLE
            total += price
        return total


def stretched_ns(least_ns: int) -> int:
    """How far a path may go where no bound is asked for, if the fastest one that is usable takes so long."""
    return int(least_ns * STRETCH) + STRETCH_NS


def cheapest_path(
    graph: Graph,
    source: SiteId,
    target: SiteId,
    prices: Prices,
    *,
    bound_ns: int | None = None,
    barred: Collection[int] = NONE,
    hint: tuple[LinkId, ...] | None = None,
    fair_ns: int = 0,
    effort: int = EFFORT,
) -> tuple[LinkId, ...] | None:
    """The path of least cost, up to `FACTOR`, or None where no usable path is inside the bound at all.

    Without a bound the cost is least among those within `stretched_ns` of the fastest usable path.

    `barred` are links that may not be used. `hint` is a path that may do (the other direction's, turned round), and
    `fair_ns` a price (that one's) at which nothing cheaper than the better of it and the fastest is looked for.
    Of paths that cost the same the fastest wins, then the one of fewer hops: the answer is a function of the arguments.
    """
    least_ns = graph.toward(graph.number[target])[graph.number[source]]
    may = prices.may
    best = least_latency_path(
        graph,
        source,
        target,
        (lambda number: number not in barred and may(number)) if barred else may,
        bound_ns=bound_ns,
    )
    if best is None:
        return None
    under, most = prices.of(graph, best), stretched_ns(_ns(graph, best)) if bound_ns is None else bound_ns
    if under <= NEAR * least_ns:
        return best
    if hint is not None and _ns(graph, hint) <= most:
        price = _price_of(graph, hint, prices, barred)
        if 0 <= price < under:
            best, under = hint, price
        if under <= NEAR * fair_ns:
            return best
    return _search(graph, source, target, prices, barred, most, under, effort) or best


def _search(
    graph: Graph,
    source: SiteId,
    target: SiteId,
    prices: Prices,
    barred: Collection[int],
    most: int,
    under: int,
    effort: int,
) -> tuple[LinkId, ...] | None:
    """The cheapest path inside a latency that costs less than `under`, up to FACTOR; None if the effort runs out.

    A price is asked for when the label that paid it is taken, not when it is made: till then the link costs its
    latency, so that few prices are asked for (lazy weighted A*, Cohen, Phillips, Likhachev 2014).
    """
    start, goal = graph.number[source], graph.number[target]
    toward, transit, out, latency_ns = graph.toward(goal), graph.transit, graph.out, graph.latency_ns
    weight = round(FACTOR * 10)
    settled: dict[int, int] = {}
    best: dict[int, tuple[int, int]] = {}
    """Of each site, the cheapest priced label yet."""
    came: list[tuple[int, int]] = [(-1, -1)]
    """Of each label: the link that it came by, and the label before it."""
    heap = [(weight * toward[start], 0, 0, 0, start, 0)]
    while heap:
        _, latency, hops, label, here, cost = heapq.heappop(heap)
        if settled.get(here, UNREACHABLE) <= latency:
            continue
        if label < 0:
            label = -label
            number = came[label][0]
            price = prices[number]
            cost += price - latency_ns[number]
            ahead = toward[here]
            if price < 0 or cost + ahead >= under:
                continue
            known = best.get(here)
            if known is not None and known[0] <= cost and known[1] <= latency:
                continue
            if known is None or cost < known[0]:
                best[here] = (cost, latency)
            if price > latency_ns[number]:
                heapq.heappush(heap, (10 * cost + weight * ahead, latency, hops, label, here, cost))
                continue
        if here == goal:
            return _trace(graph, came, label)
        settled[here] = latency
        if here != start and not transit[here]:
            continue
        effort -= 1
        if effort < 0:
            return None
        for arc in out[here]:
            head, reached = arc.head, latency + arc.latency_ns
            ahead = toward[head]
            if reached + ahead > most or settled.get(head, UNREACHABLE) <= reached:
                continue
            number = arc.index
            spent, known_price = cost + arc.latency_ns, prices.get(number)
            if known_price is not None:
                if known_price < 0:
                    continue
                spent = cost + known_price
            if spent + ahead >= under or number in barred:
                continue
            known = best.get(head)
            if known is not None and known[0] <= spent and known[1] <= reached:
                continue
            priced = known_price is not None
            if priced and (known is None or spent < known[0]):
                best[head] = (spent, reached)
            serial = len(came) if priced else -len(came)
            heapq.heappush(heap, (10 * spent + weight * ahead, reached, hops + 1, serial, head, spent))
            came.append((number, label))
    return None


def widest_path(
    graph: Graph,
    source: SiteId,
    target: SiteId,
    room: Callable[[int], int],
    *,
    bound_ns: int,
    enough: int,
    barred: Collection[int] = NONE,
) -> tuple[int, tuple[LinkId, ...]] | None:
    """The path inside the bound whose narrowest link has most room, and that room (at most `enough`); None if none has.

    Exact: labels (width, latency) are taken in order of width, and one that is slower than one before it is dropped.
    Before, a few sites around either end tell how wide any path can be at most: what is wider counts as just that, so
    that the search goes for the target instead of wherever there is most room.
    """
    start, goal = graph.number[source], graph.number[target]
    toward, transit, out = graph.toward(goal), graph.transit, graph.out
    widths = Prices(lambda number: 0 if number in barred else room(number))
    for end, other, around in ((goal, start, graph.arriving()), (start, goal, graph.leaving())):
        enough = _widest_around(end, other, around, widths, enough)
        if enough < 0:
            return None
    settled: dict[int, int] = {}
    came: list[tuple[int, int]] = [(-1, -1)]
    heap = [(-enough, toward[start], 0, 0, start, 0)]
    while heap:
        narrow, _, hops, label, here, latency = heapq.heappop(heap)
        if settled.get(here, UNREACHABLE) <= latency:
            continue
        if here == goal:
            return -narrow, _trace(graph, came, label)
        settled[here] = latency
        if here != start and not transit[here]:
            continue
        for arc in out[here]:
            head, reached = arc.head, latency + arc.latency_ns
            if reached + toward[head] > bound_ns or settled.get(head, UNREACHABLE) <= reached:
                continue
            width = widths[arc.index]
            if width > 0:
                heapq.heappush(heap, (max(narrow, -width), reached + toward[head], hops + 1, len(came), head, reached))
                came.append((arc.index, label))
    return None


def _widest_around(
    end: int, other: int, around: Sequence[Sequence[tuple[int, int]]], widths: Prices, enough: int
) -> int:
    """No less than the width of any path between an end and another site, from a look at a few sites around the end."""
    seen = {end}
    heap = [(-enough, end)]
    for _ in range(AROUND):
        if not heap:
            return -1
        narrow, here = heapq.heappop(heap)
        enough = min(enough, -narrow)
        if here == other:
            break
        seen.add(here)
        for site, number in around[here]:
            if site not in seen and widths[number] > 0:
                heapq.heappush(heap, (max(narrow, -widths[number]), site))
    return enough


def _trace(graph: Graph, came: list[tuple[int, int]], label: int) -> tuple[LinkId, ...]:
    path: list[LinkId] = []
    while label:
        number, label = came[label]
        path.append(graph.links[number])
    return tuple(reversed(path))


def _price_of(graph: Graph, path: tuple[LinkId, ...], prices: Prices, barred: Collection[int]) -> int:
    if any(graph.link_number[link] in barred or not prices.may(graph.link_number[link]) for link in path):
        return UNUSABLE
    return prices.of(graph, path)


def _ns(graph: Graph, path: tuple[LinkId, ...]) -> int:
    return sum(graph.latency_ns[graph.link_number[link]] for link in path)
