"""Latency reach: how many people are within a round trip of a site of some kind, over the network as it stands.

A city enters the backbone at the nearest `pop` or `edge` site, over access fibre that is `route_factor` times the
great circle long. From there the traffic takes the least round trip, the same way there and back, to the best site
of the kind. The people who count are those in cities of 50,000 and more, in the countries that have sites.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Invalid
from highroad.graph.geo import great_circles_km
from highroad.graph.nearest import Nearest, arcs_of, nearest
from highroad.model.network import FibreId, Medium, Network, Site, SiteId, SiteKind
from highroad.planning.ground import CARRIES_OTHERS
from highroad.siting.cities import Cities

ENTRY_KINDS = (SiteKind.POP, SiteKind.EDGE)
ROUTE_FACTOR = 1.5
FARTHEST = 10

_TOLERANCE_MS = 1e-9
_CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entrance:
    """Where each city that counts enters: numbers into `Network.sites`, and the great circle to there in km.

    It depends on the sites and the cities only, not on what is up: keep it for as long as those stay.
    """

    city: NDArray[np.int64]
    site: NDArray[np.int64]
    distance_km: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Where users may be who enter at `site` and are served at `serves`: a circle about `site`."""

    site: SiteId
    serves: SiteId
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Who is within `rtt_ms` of a site of a kind.

    `by_site` has every site of the kind with the people for whom it is the nearest and near enough; `rings` one for
    each entry from which the round trip leaves something for access; `farthest` the largest cities not within it.
    """

    rtt_ms: float
    kind: SiteKind
    route_factor: float
    population_total: int
    population_within: int
    by_site: Mapping[SiteId, int]
    rings: tuple[Ring, ...]
    farthest: tuple[str, ...]

    @property
    def share(self) -> float:
        """The part of the population that is within it, 0 to 1."""
        return self.population_within / self.population_total if self.population_total else 0.0


def enter(network: Network, cities: Cities) -> Entrance:
    """Each city that counts at its nearest entry site; infinitely far if the network has no entry site."""
    return enter_at(network.sites, cities)


def enter_at(sites: Sequence[Site], cities: Cities) -> Entrance:
    """The same for sites that are not a network yet."""
    entries = np.array([i for i, site in enumerate(sites) if site.kind in ENTRY_KINDS], dtype=np.int64)
    countries = {site.jurisdiction.partition("-")[0] for site in sites}
    city = np.flatnonzero([country in countries for country in cities.country]).astype(np.int64)
    if not len(entries):
        return Entrance(city=city, site=np.zeros_like(city), distance_km=np.full(len(city), np.inf))
    site_lat = np.array([sites[i].lat for i in entries])
    site_lon = np.array([sites[i].lon for i in entries])
    towards = _units(site_lat, site_lon).T
    lat, lon = cities.lat[city], cities.lon[city]
    best = np.zeros(len(city), dtype=np.int64)
    for start in range(0, len(city), _CHUNK):
        part = slice(start, start + _CHUNK)
        best[part] = np.argmax(_units(lat[part], lon[part]) @ towards, axis=1)
    distance_km = great_circles_km(lat, lon, site_lat[best], site_lon[best])
    return Entrance(city=city, site=entries[best], distance_km=distance_km)


def reach(
    network: Network,
    cities: Cities,
    *,
    rtt_ms: float,
    kind: SiteKind,
    down_fibres: Collection[FibreId] = frozenset(),
    route_factor: float = ROUTE_FACTOR,
    entrance: Entrance | None = None,
) -> Reach:
    """The population within a round trip of a site of a kind, with some fibres dark.

    `entrance` is `enter(network, cities)`, if the caller has kept it. Raises Invalid for a round trip that is not a
    positive number of milliseconds, or a route factor under 1.
    """
    _check(rtt_ms, route_factor)
    if entrance is None:
        entrance = enter(network, cities)
    served = _round_trips(network, kind, frozenset(down_fibres))
    backbone_ms = np.array(served.cost)
    ms_per_km = 2 * route_factor * Medium.SMF.latency_ms_per_km
    population = cities.population[entrance.city]
    within = entrance.distance_km * ms_per_km + backbone_ms[entrance.site] <= rtt_ms + _TOLERANCE_MS
    people = {site.id: 0 for site in network.sites if site.kind is kind}
    source = np.array(served.source, dtype=np.int64)[entrance.site]
    for number in np.unique(source[within]):
        people[network.sites[number].id] = int(population[within & (source == number)].sum())
    rings = tuple(
        Ring(
            site=site.id,
            serves=network.sites[served.source[i]].id,
            radius_km=(rtt_ms - served.cost[i]) / ms_per_km,
        )
        for i, site in enumerate(network.sites)
        if site.kind in ENTRY_KINDS and served.cost[i] <= rtt_ms
    )
    outside = entrance.city[~within]
    order = np.argsort(-cities.population[outside], kind="stable")[:FARTHEST]
    return Reach(
        rtt_ms=rtt_ms,
        kind=kind,
        route_factor=route_factor,
        population_total=int(population.sum()),
        population_within=int(population[within].sum()),
        by_site=people,
        rings=rings,
        farthest=tuple(cities.name[index] for index in outside[order]),
    )


def _round_trips(network: Network, kind: SiteKind, down: frozenset[FibreId]) -> Nearest:
    """For each site the least round trip to a site of the kind, by adjacencies that are up in both directions.

    Only sites that carry others' traffic are passed through; the search runs outwards from the sites of the kind.
    """
    number = {site.id: index for index, site in enumerate(network.sites)}
    one_way: dict[tuple[int, int], float] = {}
    for link in network.links:
        if down.isdisjoint(link.fibres):
            way = (number[link.tail], number[link.head])
            one_way[way] = min(link.latency_ms, one_way.get(way, math.inf))
    passed = [site.kind is kind or site.kind in CARRIES_OTHERS for site in network.sites]
    both = [(a, b, ms + one_way[b, a]) for (a, b), ms in one_way.items() if (b, a) in one_way and passed[a]]
    arcs = arcs_of(len(network.sites), [a for a, _, _ in both], [b for _, b, _ in both], [ms for _, _, ms in both])
    return nearest(arcs, [index for index, site in enumerate(network.sites) if site.kind is kind])


def _units(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def _check(rtt_ms: float, route_factor: float) -> None:
    findings = []
    if not (math.isfinite(rtt_ms) and rtt_ms > 0):
        message = f"{rtt_ms!r} is not a round trip: a finite number of ms above 0"
        findings.append(Finding(code="bad-rtt", place="rtt_ms", message=message))
    if not (math.isfinite(route_factor) and route_factor >= 1):
        message = f"{route_factor!r} is not a route factor: fibre is at least as long as the great circle, 1 or more"
        findings.append(Finding(code="bad-route-factor", place="route_factor", message=message))
    if findings:
        raise Invalid(findings)
