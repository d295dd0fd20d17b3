"""Two ways between two sites, there and back, that no single risk group takes down together.

A risk group is a fibre, what fibres declare to share, or a site on the way (`site:<id>`). Whether two paths that share
none exist is NP-complete (Hu 2003), so it is searched: the cheapest primary first, and the cheapest backup that avoids
its groups. Where a primary has none, we look for a *conflict*, a small set of its groups such that no way at all avoids
them; so every primary through all of them fails, and the search goes on with primaries that avoid one of them (as CoSE
does for links: Rostami, Khorsandi, Khodaparast 2007). A conflict is read off the cut that the search for a backup ran
into (`cut_between`): groups that between them refuse each of its links. Where all of these are too full for any
backup, or those that are not share a group, no primary helps, and that is the end. With enough `TRIES` and `SEARCHES`
it is exact: it misses no pair, but for primaries that use one link in both directions.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from highroad.graph.cheapest import Prices, cheapest_path
from highroad.graph.paths import Graph, cut_between
from highroad.model.network import LinkId, Network, SiteId

TRIES = 12
"""Primaries that are tried before a pair is given up."""

SEARCHES = 100
"""Searches, of primaries and of what they cannot avoid, after which a pair is given up: where very many links are full
or too far. One that exists may then be missed, as it may be after `TRIES`.
"""

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
    full: Callable[[int], bool]
    """Whether a link has too little room for the backup of any primary at all."""
    may_share: Groups = NOTHING
    effort: int = 60
    """Labels that the search for a backup takes: its prices are dear to find."""

    @property
    def exempt(self) -> Groups:
        """The two ends are on every way between them."""
        return frozenset({site_group(self.a), site_group(self.b)})

    @property
    def helpless(self) -> bool:
        """Whether every primary has groups that its backup must not share: none goes where there is no room."""
        direct = (arc.index for end in (self.a, self.b) for arc in self.graph.out[self.graph.number[end]])
        return not self.may_share and all(self.risks.groups[number] - self.exempt for number in direct)


@dataclass(slots=True)
class _Effort:
    left: int = SEARCHES


def disjoint_pair(ask: Ask, tries: int = TRIES) -> Pair | None:
    """The pair of the cheapest primary that has a backup, with the cheapest of its backups; None if none was found."""
    first = way(ask, ask.primary, frozenset())
    if first is None:
        return None
    serial, effort = 0, _Effort()
    waiting = [(ask.primary.of(ask.graph, first.there), serial, NOTHING, first)]
    seen = {NOTHING}
    while waiting and tries and effort.left > 0:
        _, _, without, primary = heapq.heappop(waiting)
        tries -= 1
        groups = ask.risks.of(primary.numbers) - ask.exempt - ask.may_share
        found = _backup(ask, primary, groups)
        if isinstance(found, Way):
            shared = (ask.risks.of(primary.numbers) & ask.risks.of(found.numbers)) - ask.exempt
            return Pair(primary=primary, backup=found, shared=shared)
        conflict = _conflict(ask, primary, groups, found, effort)
        if conflict is None:
            return None
        for group in conflict:
            other = without | {group}
            if other in seen or effort.left <= 0:
                continue
            seen.add(other)
            effort.left -= 1
            next_way = way(ask, ask.primary, ask.risks.down(other))
            if next_way is not None:
                serial += 1
                heapq.heappush(waiting, (ask.primary.of(ask.graph, next_way.there), serial, other, next_way))
    return None


def backup_of(ask: Ask, there: tuple[LinkId, ...], back: tuple[LinkId, ...]) -> Way | None:
    """The cheapest backup of a primary that is given; None if there is none."""
    numbers = frozenset(map(ask.graph.link_number.__getitem__, (*there, *back)))
    found = _backup(
        ask, Way(there=there, back=back, numbers=numbers), ask.risks.of(numbers) - ask.exempt - ask.may_share
    )
    return found if isinstance(found, Way) else None


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


def _conflict(ask: Ask, primary: Way, groups: Groups, there: bool, effort: _Effort) -> list[str] | None:
    """Groups of a primary that no way of one direction avoids, none of them for nothing; None where no primary has one.

    The search for a backup saw links refused, and finds nothing as long as those are. So groups that between them
    refuse each of them are a conflict. Where all are too full for any backup, or those that are not have a group in
    common, there is no pair: both ways would cross one of them.
    """
    source, target = (ask.a, ask.b) if there else (ask.b, ask.a)

    def cut(some: Groups) -> frozenset[int] | None:
        effort.left -= 1
        barred, prices = ask.risks.down(some), ask.backup(some, primary.numbers)
        return cut_between(
            ask.graph,
            source,
            target,
            lambda number: number not in barred and prices.may(number),
            bound_ns=ask.bound_ns,
        )

    refused = cut(groups)
    if refused is None:
        return sorted(groups)  # both directions exist, but not without a link in common
    refused = frozenset(number for number in refused if not ask.full(number))
    if ask.helpless and (
        not refused or frozenset.intersection(*map(ask.risks.groups.__getitem__, refused)) - ask.exempt
    ):
        return None
    conflict = _cover(ask, primary, groups, refused) or [min(groups)]
    for group in reversed(conflict) if len(conflict) > 1 else ():
        rest = [other for other in conflict if other != group]
        if effort.left > 0 and cut(frozenset(rest)) is not None:
            conflict = rest
    return conflict


def _cover(ask: Ask, primary: Way, groups: Groups, refused: Iterable[int]) -> list[str]:
    """Groups that between them refuse every one of some links: again and again the one that refuses most."""
    conflict: list[str] = []
    left = {number: ask.risks.groups[number] & groups for number in refused}
    full = [number for number, crossed in left.items() if not crossed]
    left = {number: crossed for number, crossed in left.items() if crossed}
    for number in [*([None] if left else []), *full]:
        if number is not None:
            if not ask.backup(frozenset(conflict), primary.numbers).may(number) and conflict:
                continue
            left = {number: frozenset(group for group in groups if not _stands(ask, primary, group, number))}
        while left:
            counted = Counter(group for crossed in left.values() for group in crossed)
            best = max(counted, key=lambda group: (counted[group], len(ask.risks.links[group]), group))
            conflict.append(best)
            left = {number: crossed for number, crossed in left.items() if best not in crossed}
    return conflict


def _stands(ask: Ask, primary: Way, group: str, number: int) -> bool:
    return ask.backup(frozenset({group}), primary.numbers).may(number)
