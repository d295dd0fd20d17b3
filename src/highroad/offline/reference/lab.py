"""The network of the lab: as much of the US reference as one machine has room for, as routers of their own."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from highroad.formats.plain import light_latency_ms
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, RiskGroup, RiskGroupId, Site, SiteId, SiteKind
from highroad.model.position import great_circle_km
from highroad.offline.reference import us

JOINED = (
    "campus-boise",
    "campus-eugene",
    "aws-us-east-1",
    "azure-northcentralus",
    "gcp-us-central1",
    "edge-chicago",
    "edge-denver",
    "edge-seattle",
    "edge-washington",
)
MORE_POPS = 5
APART_KM = 250.0
MOST_FIBRES = 5

RULES = (
    "This is the US reference with fewer sites, so that each of them can be a router on one machine; all that is not "
    "said here is as it is there.",
    f"Two campuses, a cloud region of each operator and four edges are kept: {', '.join(JOINED)}.",
    f"The pops are those that these are joined to, and {MORE_POPS} more: those at which the most backbone capacity "
    f"ends, none less than {APART_KM:g} km from another that is kept; among equals the first by id.",
    "The shortest way between two kept pops over pops that are not kept becomes a link, then the next shortest between "
    f"two others; a fibre is in one of them at most, a way has at most {MOST_FIBRES}, and two pops have one link.",
    "A way of one fibre is that fibre. A way of several is one fibre from end to end, as long as all of them, in the "
    "jurisdictions and the risk groups of all of them; its capacity is the least of theirs.",
    "A pop that is not kept, and that two of the new fibres pass, is a risk group that they share.",
)


def build() -> Network:
    """The network, made from the US reference; the same each time."""
    whole = us.build()
    joined = [whole.site[SiteId(name)] for name in JOINED]
    kept = [*_pops(whole, joined), *joined]
    stay = {site.id for site in kept}
    laterals = [[fibre] for site in joined for fibre in whole.fibres if site.id in (fibre.a, fibre.b)]
    ways = [*laterals, *shortest_ways(whole, [site.id for site in kept if _is_pop(site)])]
    fibres = sorted((_one(way) for way in ways), key=lambda fibre: fibre.id)
    of = {_one(way).id: way for way in ways}
    shared, groups = _risks(whole, fibres, of, stay)
    told = [
        f"{fibre.id} is {', '.join(part.id for part in of[fibre.id])}." for fibre in fibres if len(of[fibre.id]) > 1
    ]
    return Network(
        name="US lab",
        assumptions=(*RULES, *told, *us.ASSUMPTIONS),
        risk_groups=tuple(sorted(groups, key=lambda group: group.id)),
        sites=tuple(site for site in whole.sites if site.id in stay),
        fibres=tuple(shared),
        links=tuple(link for fibre in shared for link in _links(fibre, _least_gbps(whole, of[fibre.id]))),
    )


def shortest_ways(whole: Network, pops: Collection[SiteId]) -> Iterator[list[Fibre]]:
    """The ways between kept pops, in order from the first, as the rules say."""
    used: set[FibreId] = set()
    pairs: set[frozenset[SiteId]] = set()
    at: dict[SiteId, list[tuple[SiteId, Fibre]]] = {}
    for fibre in whole.fibres:
        if _is_pop(whole.site[fibre.a]) and _is_pop(whole.site[fibre.b]):
            at.setdefault(fibre.a, []).append((fibre.b, fibre))
            at.setdefault(fibre.b, []).append((fibre.a, fibre))
    while True:
        found = [way for pop in sorted(pops) for way in _ways_from(pop, at, frozenset(pops), used, pairs)]
        if not found:
            return
        _, ends, path = min(found, key=lambda way: (way[0], sorted(way[1])))
        used.update(fibre.id for fibre in path)
        pairs.add(ends)
        yield list(path)


def _ways_from(
    start: SiteId,
    at: Mapping[SiteId, Sequence[tuple[SiteId, Fibre]]],
    pops: Collection[SiteId],
    used: Collection[FibreId],
    pairs: Collection[frozenset[SiteId]],
) -> Iterator[tuple[float, frozenset[SiteId], tuple[Fibre, ...]]]:
    """The shortest way from a kept pop to each other that it reaches over pops that are not kept."""
    heap: list[tuple[float, int, SiteId, tuple[Fibre, ...]]] = [(0.0, 0, start, ())]
    seen: set[SiteId] = set()
    turn = 0
    while heap:
        length_km, _, here, path = heapq.heappop(heap)
        if here in seen:
            continue
        seen.add(here)
        if here != start and here in pops:
            if frozenset((start, here)) not in pairs:
                yield round(length_km, 3), frozenset((start, here)), path
            continue
        if len(path) == MOST_FIBRES:
            continue
        for other, fibre in at.get(here, ()):
            if fibre.id not in used:
                turn += 1
                heapq.heappush(heap, (length_km + fibre.length_km, turn, other, (*path, fibre)))


def _pops(whole: Network, joined: Sequence[Site]) -> list[Site]:
    ends = [other for site in joined for fibre in whole.fibres if (other := _other_end(fibre, site.id)) is not None]
    kept = [whole.site[end] for end in dict.fromkeys(ends)]
    gbps: Counter[SiteId] = Counter()
    for link in whole.links:
        if _is_pop(whole.site[link.tail]) and _is_pop(whole.site[link.head]):
            gbps[link.tail] += int(link.capacity_gbps)
    most = len(kept) + MORE_POPS
    for name in sorted(gbps, key=lambda name: (-gbps[name], name)):
        site = whole.site[name]
        if len(kept) < most and all(_apart_km(site, other) >= APART_KM for other in kept):
            kept.append(site)
    return kept


def _one(way: Sequence[Fibre]) -> Fibre:
    """One fibre from end to end: the only one of the way, or one that stands for all of it."""
    if len(way) == 1:
        return way[0]
    a, b = sorted(
        site for site, times in Counter(end for fibre in way for end in (fibre.a, fibre.b)).items() if times == 1
    )
    return Fibre(
        id=FibreId(f"{a}--{b}"),
        a=a,
        b=b,
        length_km=round(sum(fibre.length_km for fibre in way), 3),
        jurisdictions=tuple(dict.fromkeys(code for fibre in way for code in fibre.jurisdictions)),
        risk_groups=tuple(dict.fromkeys(group for fibre in way for group in fibre.risk_groups)),
    )


def _risks(
    whole: Network, fibres: Sequence[Fibre], of: Mapping[FibreId, Sequence[Fibre]], stay: Collection[SiteId]
) -> tuple[list[Fibre], list[RiskGroup]]:
    """The fibres with the groups that more than one of them is in, and these groups."""
    passing: dict[FibreId, tuple[RiskGroupId, ...]] = {}
    names = {group.id: group for group in whole.risk_groups}
    for fibre in fibres:
        passed = sorted({end for part in of[fibre.id] for end in (part.a, part.b)} - set(stay))
        passing[fibre.id] = tuple(RiskGroupId(f"pop-{site}") for site in passed)
        for site in passed:
            group = RiskGroup(id=RiskGroupId(f"pop-{site}"), name=f"{whole.site[site].name}, passed without a router")
            names[group.id] = group
    times = Counter(group for fibre in fibres for group in (*fibre.risk_groups, *passing[fibre.id]))
    shared = [
        replace(
            fibre, risk_groups=tuple(group for group in (*fibre.risk_groups, *passing[fibre.id]) if times[group] > 1)
        )
        for fibre in fibres
    ]
    return shared, [names[group] for group, count in times.items() if count > 1]


def _links(fibre: Fibre, gbps: float) -> Iterator[Link]:
    for tail, head in ((fibre.a, fibre.b), (fibre.b, fibre.a)):
        yield Link(
            id=LinkId(f"{tail}>{head}"),
            tail=tail,
            head=head,
            capacity_gbps=gbps,
            latency_ms=light_latency_ms([fibre]),
            fibres=(fibre.id,),
        )


def _least_gbps(whole: Network, way: Sequence[Fibre]) -> float:
    return min(whole.link[link].capacity_gbps for fibre in way for link in whole.links_on[fibre.id])


def _other_end(fibre: Fibre, site: SiteId) -> SiteId | None:
    return fibre.b if fibre.a == site else fibre.a if fibre.b == site else None


def _is_pop(site: Site) -> bool:
    return site.kind is SiteKind.POP


def _apart_km(a: Site, b: Site) -> float:
    return great_circle_km(a.lat, a.lon, b.lat, b.lon)
