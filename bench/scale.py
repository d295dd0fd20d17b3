"""Networks and services of any size, by stated rules and a seed: what the figures of scale are measured over.

A network of n sites:

- Sites lie uniformly at random (by area) between 30 and 50 degrees north and 120 and 75 degrees west, none closer to
  another than 0.3 times the side of the square that each would have. All of them end traffic and carry that of others.
- Fibres are the relative neighbourhood graph (Toussaint 1980: two sites are joined if no third is closer to both than
  they are to each other), which is connected, and then the shortest pairs that are not joined, but for sites that have
  eight fibres, until there are 2.5 fibres a site. A fibre is 1.2 times as long as the great circle.
- A link each way over every fibre, so five directed links a site, of 40 Tbit/s: what is measured here is how long
  answers take, not who is refused.
- Risk groups: each fibre; each site in transit; and conduits: of the fibres of a site, in order of bearing, those that
  leave it within 20 degrees of their neighbour share one.

Services:

- Between 10 and 100 pairs of sites for every thousand services (at most 50,000 pairs): one end uniform, the other with
  a probability that falls by e for every 2.5 mean fibre lengths of distance. The services are dealt to them at random.
- Rates are 50 to 1,000 Mbit/s. Half of the services run and have no end; a tenth have no end and start within 90 days;
  the others start within 90 days and last an hour to half a year (uniform in the logarithm), all on whole minutes.
- Each takes the path of least latency there and back, and two ports of which each has about 100 services. A fifth are
  protected: a backup each way that shares no risk group with the primary, for all of the primary's groups both ways.
  Pairs for which there is none are not protected, and more of the others are.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from highroad.graph.geo import bearing_deg, great_circles_km
from highroad.graph.paths import Graph, graph_of, least_latency_path
from highroad.model.network import (
    Fibre,
    FibreId,
    Link,
    LinkId,
    Medium,
    Network,
    RiskGroup,
    RiskGroupId,
    Site,
    SiteId,
    SiteKind,
)
from highroad.model.position import EARTH_RADIUS_KM
from highroad.planning.calendar import Claim, Standby

NOW_S = 1_800_000_000.0
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
SOUTH, NORTH, WEST, EAST = 30.0, 50.0, -120.0, -75.0
FIBRES_A_SITE = 2.5
MOST_FIBRES = 8
ROUTE_FACTOR = 1.2
TOGETHER_DEG = 20.0
CAPACITY_GBPS = 40_000.0
PORT_SERVICES = 100
EVER_S = -math.inf

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Booking:
    """A service as the calendar sees it."""

    holder: str
    claims: tuple[Claim, ...]
    standbys: tuple[Standby, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the services between two sites go, there and back, and around if there is a way; groups of the primary."""

    a: SiteId
    b: SiteId
    primary: tuple[LinkId, ...]
    backup: tuple[LinkId, ...] = ()
    groups: frozenset[str] = field(default=frozenset())


@cache
def network(sites: int, seed: int = 1) -> Network:
    """The network of so many sites."""
    dice = random.Random(f"network {sites} {seed}")
    lat, lon = _places(sites, dice)
    away = great_circles_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    pairs = _joined(away)
    width = len(str(sites - 1))
    names = [SiteId(f"n{number:0{width}}") for number in range(sites)]
    groups, conduits = _conduits(names, lat, lon, pairs)
    fibres = tuple(
        Fibre(
            id=FibreId(f"{names[a]}-{names[b]}"),
            a=names[a],
            b=names[b],
            length_km=round(float(away[a, b]) * ROUTE_FACTOR, 1),
            jurisdictions=("US",),
            risk_groups=tuple(groups.get((a, b), ())),
        )
        for a, b in pairs
    )
    return Network(
        name=f"scale-{sites}-{seed}",
        sites=tuple(
            Site(id=name, name=name, kind=SiteKind.EDGE, lat=float(y), lon=float(x), jurisdiction="US")
            for name, y, x in zip(names, lat, lon, strict=True)
        ),
        fibres=fibres,
        links=tuple(link for fibre in fibres for link in _both_ways(fibre)),
        risk_groups=tuple(RiskGroup(id=group, name=group) for group in conduits),
        assumptions=("By the rules of bench/scale.py.",),
    )


def capacities(network: Network, services: int) -> dict[str, int]:
    """Mbit/s of every link and of the ports that so many services have."""
    ports = 1 + 2 * services // (PORT_SERVICES * len(network.sites))
    rates = {str(link.id): round(link.capacity_gbps * 1000) for link in network.links}
    rates.update({f"port:{site.id}-{port}": 400_000 for site in network.sites for port in range(ports)})
    return rates


def risk_groups(network: Network, link: LinkId) -> frozenset[str]:
    """What takes a link down: its fibres, their conduits, and the sites at its ends."""
    over = network.link[link]
    conduits = {group for fibre in over.fibres for group in network.fibre[fibre].risk_groups}
    return frozenset({*over.fibres, *conduits, f"site:{over.tail}", f"site:{over.head}"})


def routes(network: Network, services: int, seed: int = 1) -> list[Route]:
    """The pairs of sites that so many services are between, and their ways."""
    dice = random.Random(f"routes {network.name} {services} {seed}")
    lat, lon = (np.array([getattr(site, axis) for site in network.sites]) for axis in ("lat", "lon"))
    away = great_circles_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    near_km = 2.5 * float(np.mean([fibre.length_km for fibre in network.fibres])) / ROUTE_FACTOR
    weights = np.exp(-away / near_km)
    np.fill_diagonal(weights, 0.0)
    weights = weights.cumsum(axis=1)
    graph = graph_of(network)
    groups = [risk_groups(network, link) for link in graph.links]
    found: dict[tuple[int, int], Route] = {}
    for _ in range(min(50_000, max(100, services // 10))):
        a = dice.randrange(len(network.sites))
        b = int(np.searchsorted(weights[a], dice.random() * weights[a, -1], "right"))
        if (a, b) not in found:
            found[a, b] = _route(graph, groups, graph.sites[a], graph.sites[b])
    return list(found.values())


def bookings(network: Network, ways: list[Route], services: int, seed: int = 1) -> Iterator[Booking]:
    """So many services over these ways, each with its claims and standbys."""
    dice = random.Random(f"services {network.name} {services} {seed}")
    ports = 1 + 2 * services // (PORT_SERVICES * len(network.sites))
    safe = [way for way in ways if way.backup]
    for number in range(services):
        protected = dice.random() < 0.2
        way = dice.choice(safe if protected else ways)
        yield booking(dice, way, f"s-{number}", protected=protected, ports=ports)


def booking(dice: random.Random, way: Route, holder: str, *, protected: bool, ports: int = 1) -> Booking:
    """One service over a way."""
    start_s, until_s = window(dice)
    rate = dice.randint(50, 1000)
    ends = (f"port:{end}-{dice.randrange(ports)}" for end in (way.a, way.b))
    claims = tuple(Claim(name, start_s, until_s, rate) for name in (*way.primary, *ends))
    standbys = tuple(Standby(link, start_s, until_s, rate, way.groups) for link in way.backup) if protected else ()
    return Booking(holder, claims, standbys)


def window(dice: random.Random) -> tuple[float, float]:
    """When a service is, as the calendar has it: one that runs claims from ever on."""
    drawn = dice.random()
    if drawn < 0.5:
        return EVER_S, math.inf
    start_s = NOW_S + MINUTE_S * dice.randrange(90 * 24 * 60)
    if drawn < 0.6:
        return start_s, math.inf
    lasts_s = HOUR_S * math.exp(dice.uniform(0.0, math.log(183 * 24)))
    return start_s, start_s + MINUTE_S * round(lasts_s / MINUTE_S)


def _places(sites: int, dice: random.Random) -> tuple[Floats, Floats]:
    low, high = math.sin(math.radians(SOUTH)), math.sin(math.radians(NORTH))
    area_km2 = EARTH_RADIUS_KM**2 * math.radians(EAST - WEST) * (high - low)
    apart_km = 0.3 * math.sqrt(area_km2 / sites)
    lat, lon = np.zeros(sites), np.zeros(sites)
    placed = 0
    while placed < sites:
        y, x = math.degrees(math.asin(dice.uniform(low, high))), dice.uniform(WEST, EAST)
        if not placed or great_circles_km(y, x, lat[:placed], lon[:placed]).min() >= apart_km:
            lat[placed], lon[placed] = round(y, 4), round(x, 4)
            placed += 1
    return lat, lon


def _joined(away: Floats) -> list[tuple[int, int]]:
    sites = len(away)
    joined: list[tuple[int, int]] = []
    for a in range(sites):
        order = np.argsort(away[a])[1:]
        left = order[order > a]
        for witnesses in (order[:8], order):
            closer = np.maximum(away[a, witnesses][:, None], away[np.ix_(witnesses, left)]) < away[a, left]
            left = left[~closer.any(axis=0)]
        joined += [(a, b) for b in sorted(left.tolist())]
    fibres = [0] * sites
    for a, b in joined:
        fibres[a] += 1
        fibres[b] += 1
    have = set(joined)
    ones, others = np.triu_indices(sites, 1)
    for index in np.argsort(away[ones, others], kind="stable").tolist():
        if len(joined) >= FIBRES_A_SITE * sites:
            break
        a, b = int(ones[index]), int(others[index])
        if (a, b) not in have and max(fibres[a], fibres[b]) < MOST_FIBRES:
            joined.append((a, b))
            fibres[a] += 1
            fibres[b] += 1
    return joined


def _conduits(
    names: list[SiteId], lat: Floats, lon: Floats, pairs: list[tuple[int, int]]
) -> tuple[Mapping[tuple[int, int], list[RiskGroupId]], list[RiskGroupId]]:
    leaving: list[list[tuple[float, tuple[int, int]]]] = [[] for _ in names]
    for a, b in pairs:
        for here, there in ((a, b), (b, a)):
            leaving[here].append((bearing_deg(lat[here], lon[here], lat[there], lon[there]), (a, b)))
    groups: dict[tuple[int, int], list[RiskGroupId]] = {}
    conduits: list[RiskGroupId] = []
    for name, fibres in zip(names, leaving, strict=True):
        fibres.sort()
        bundles: list[list[tuple[int, int]]] = []
        for index, (course, fibre) in enumerate(fibres):
            if index and course - fibres[index - 1][0] < TOGETHER_DEG:
                bundles[-1].append(fibre)
            else:
                bundles.append([fibre])
        if len(bundles) > 1 and fibres[0][0] + 360.0 - fibres[-1][0] < TOGETHER_DEG:
            bundles[0] += bundles.pop()
        for bundle in bundles:
            if len(bundle) > 1:
                conduits.append(RiskGroupId(f"conduit-{name}-{len(conduits)}"))
                for fibre in bundle:
                    groups.setdefault(fibre, []).append(conduits[-1])
    return groups, conduits


def _both_ways(fibre: Fibre) -> Iterator[Link]:
    for tail, head in ((fibre.a, fibre.b), (fibre.b, fibre.a)):
        yield Link(
            id=LinkId(f"{tail}>{head}"),
            tail=tail,
            head=head,
            capacity_gbps=CAPACITY_GBPS,
            latency_ms=fibre.length_km * Medium.SMF.latency_ms_per_km,
            fibres=(fibre.id,),
        )


def _route(graph: Graph, groups: list[frozenset[str]], a: SiteId, b: SiteId) -> Route:
    there = least_latency_path(graph, a, b, lambda _: True)
    back = least_latency_path(graph, b, a, lambda _: True)
    if there is None or back is None:
        raise ValueError("the relative neighbourhood graph is connected")
    taken = frozenset().union(*(groups[graph.link_number[link]] for link in (*there, *back)))
    taken -= {f"site:{a}", f"site:{b}"}
    around = least_latency_path(graph, a, b, lambda link: groups[link].isdisjoint(taken))
    round_back = least_latency_path(graph, b, a, lambda link: groups[link].isdisjoint(taken))
    if around is None or round_back is None:
        return Route(a=a, b=b, primary=there + back)
    return Route(a=a, b=b, primary=there + back, backup=around + round_back, groups=taken)
