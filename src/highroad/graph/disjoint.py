"""Two ways between two sites, there and back, that no single risk group takes down together.

A risk group is a fibre, what fibres declare to share, or a site on the way (`site:<id>`). Whether two paths that share
none exist is NP-complete (Hu 2003), so it is searched: the cheapest primary first, and the cheapest backup that avoids
its groups. Where a primary has none, we look for a *conflict*, a small set of its groups such that no way at all avoids
them; so every primary through all of them fails, and the search goes on with primaries that avoid one of them (as CoSE
does for links: Rostami, Khorsandi, Khodaparast 2007). With enough `TRIES` that is exact: it misses no pair, but for
primaries that use one link in both directions.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from highroad.graph.cheapest import Prices, cheapest_path
from highroad.graph.paths import Graph, least_latency_path
from highroad.model.network import LinkId, Network, SiteId

TRIES = 12
"""Primaries that are tried before a pair is given up."""

SHARED_NS = 1_000_000_000
"""What a backup pays for each group of its primary that it may share: it does so only where it has to."""

Groups = frozenset[str]

NOTHING: Groups = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """Which groups take a link down, and which links a group takes down; links are numbered as in the graph."""

    groups: tuple[Groups, ...]
    links: Mapping[str, frozenset[int]]

    def of(self, numbers: Iterable[int]) -> Groups:
        """What takes down any of some links."""
        return NOTHING.union(*(self.groups[number] for number in numbers))

    def down(self, groups: Iterable[str]) -> frozenset[int]:
        """What goes down if all of some groups do."""
        return frozenset().union(*(self.links[group] for group in groups))


def risks_of(network: Network, graph: Graph) -> Risks:
    """The groups of every link: its fibres, what they share, and each site that its fibres touch."""
    groups = tuple(groups_of(network, link) for link in graph.links)
    links: dict[str, set[int]] = {}
    for number, names in enumerate(groups):
        for name in names:
            links.setdefault(name, set()).add(number)
    return Risks(groups=groups, links={name: frozenset(numbers) for name, numbers in links.items()})


def groups_of(network: Network, link_id: LinkId) -> Groups:
    """What takes a link down."""
    link = network.link[link_id]
    fibres = [network.fibre[fibre] for fibre in link.fibres]
    sites = {link.tail, link.head, *(site for fibre in fibres for site in (fibre.a, fibre.b))}
    shared = {group for fibre in fibres for group in fibre.risk_groups}
    return frozenset({*link.fibres, *shared, *map(site_group, sites)})


def site_group(site: SiteId) -> str:
    """The risk group that a site is; no fibre and no declared group can be called so."""
    return f"site:{site}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A path there and a path back, by name and by number."""

    there: tuple[LinkId, ...]
    back: tuple[LinkId, ...]
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two ways; `shared` are the groups that take down both, of those that may."""

    primary: Way
    backup: Way
    shared: Groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A pair that is wanted from `a` to `b` and back.

    `primary` prices the links of a primary; `backup` those of a backup, given what takes its primary down and the
    primary's own links. What is dearer or unusable against fewer groups has to be so against more of them.
    `exempt` are the groups that both ways may share at no price (those of the ends), `may_share` those at one.
    """

    graph: Graph
    risks: Risks
    a: SiteId
    b: SiteId
    primary: Prices
    backup: Callable[[Groups, frozenset[int]], Prices]
    bound_ns: int | None
    may_share: Groups = NOTHING
    effort: int = 60
    """Labels that the search for a backup takes: its prices are dear to find."""

    @property
    def exempt(self) -> Groups:
        """The two ends are on every way between them."""
        return frozenset({site_group(self.a), site_group(self.b)})


def disjoint_pair(ask: Ask, tries: int = TRIES) -> Pair | None:
    """The pair of the cheapest primary that has a backup, with the cheapest of its backups; None if none was found."""
    first = way(ask, ask.primary, frozenset())
    if first is None:
        return None
    serial = 0
    waiting = [(ask.primary.of(ask.graph, first.there), serial, NOTHING, first)]
    seen = {NOTHING}
    while waiting and tries:
        _, _, without, primary = heapq.heappop(waiting)
        tries -= 1
        groups = ask.risks.of(primary.numbers) - ask.exempt - ask.may_share
        found = _backup(ask, primary, groups)
        if isinstance(found, Way):
            shared = (ask.risks.of(primary.numbers) & ask.risks.of(found.numbers)) - ask.exempt
            return Pair(primary=primary, backup=found, shared=shared)
        for group in _conflict(ask, primary, groups, found):
            other = without | {group}
            if other in seen:
                continue
            seen.add(other)
            next_way = way(ask, ask.primary, ask.risks.down(other))
            if next_way is not None:
                serial += 1
                heapq.heappush(waiting, (ask.primary.of(ask.graph, next_way.there), serial, other, next_way))
    return None


def way(ask: Ask, prices: Prices, barred: frozenset[int]) -> Way | None:
    """The cheapest way there and back without some links; back over the same fibres where that is as good."""
    there = cheapest_path(ask.graph, ask.a, ask.b, prices, bound_ns=ask.bound_ns, barred=barred)
    return None if there is None else _with_back(ask, prices, barred, there)


def _with_back(ask: Ask, prices: Prices, barred: frozenset[int], there: tuple[LinkId, ...]) -> Way | None:
    graph = ask.graph
    numbers = frozenset(map(graph.link_number.__getitem__, there))
    back = graph.turned(there)
    if back is None or not _usable(ask, back, prices, barred):
        back = cheapest_path(graph, ask.b, ask.a, prices, bound_ns=ask.bound_ns, barred=barred | numbers)
    if back is None:
        return None
    return Way(there=there, back=back, numbers=numbers.union(map(graph.link_number.__getitem__, back)))


def _usable(ask: Ask, path: tuple[LinkId, ...], prices: Prices, barred: frozenset[int]) -> bool:
    graph, latency_ns = ask.graph, 0
    for link in path:
        number = graph.link_number[link]
        if number in barred or not prices.may(number):
            return False
        latency_ns += graph.latency_ns[number]
    return ask.bound_ns is None or latency_ns <= ask.bound_ns


def _backup(ask: Ask, primary: Way, groups: Groups) -> Way | bool:
    """The cheapest backup of a primary; else whether it is the way there that there is none of (or the way back)."""
    barred, prices = ask.risks.down(groups), ask.backup(groups, primary.numbers)
    if ask.may_share:
        prices = _dearer(ask, prices, ask.risks.of(primary.numbers) & ask.may_share)
    there = cheapest_path(ask.graph, ask.a, ask.b, prices, bound_ns=ask.bound_ns, barred=barred, effort=ask.effort)
    if there is None:
        return True
    return _with_back(ask, prices, barred, there) or False


def _dearer(ask: Ask, prices: Prices, shared: Groups) -> Prices:
    groups = ask.risks.groups

    def price(number: int) -> int:
        known = prices[number]
        return known if known < 0 else known + SHARED_NS * len(groups[number] & shared)

    return Prices(price, prices.may)


def _conflict(ask: Ask, primary: Way, groups: Groups, there: bool) -> list[str]:
    """Groups of a primary that no way of one direction avoids, none of them for nothing; in order of size and name."""
    source, target = (ask.a, ask.b) if there else (ask.b, ask.a)

    def around(some: Collection[str]) -> tuple[LinkId, ...] | None:
        taken = frozenset(some)
        barred, prices = ask.risks.down(taken), ask.backup(taken, primary.numbers)
        return least_latency_path(
            ask.graph,
            source,
            target,
            lambda number: number not in barred and prices.may(number),
            bound_ns=ask.bound_ns,
        )

    conflict: list[str] = []
    while (path := around(conflict)) is not None:
        left = groups.difference(conflict)
        crossed = ask.risks.of(map(ask.graph.link_number.__getitem__, path)) & left
        if not crossed:
            crossed = _too_full(ask, primary, conflict, left, path) or left
        if not crossed:
            break  # both directions exist, but not without a link in common
        conflict.append(max(crossed, key=lambda group: (len(ask.risks.links[group]), group)))
    for group in list(conflict):
        rest = [other for other in conflict if other != group]
        if around(rest) is None:
            conflict = rest
    return conflict


def _too_full(ask: Ask, primary: Way, conflict: list[str], left: Groups, path: tuple[LinkId, ...]) -> Groups:
    """The groups against which some link of a path has too little to spare."""
    numbers = [ask.graph.link_number[link] for link in path]
    return frozenset(
        group for group in left if not all(map(ask.backup(frozenset({*conflict, group}), primary.numbers).may, numbers))
    )
