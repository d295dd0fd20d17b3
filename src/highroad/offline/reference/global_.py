"""The global reference network, in the order in which it is made: for fences, oceans and long round trips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from highroad.graph.geo import great_circles_km
from highroad.model.network import Network, Site
from highroad.offline.reference import assemble, capacities, laterals, places, rules
from highroad.offline.reference.sources import backbone, world_cities
from highroad.siting.cities import Cities

EDGES = 20
CAMPUSES = 4
NEAR_KM = 100.0

ASSUMPTIONS = (
    "Pops and backbone fibres are the 100 sites and 136 fibre pairs of CORONET Global, a model and nobody's network; "
    "its regions are not used, countries come from positions.",
    rules.FIBRES,
    "Submarine fibre follows the great circle here, over land as well, where real cables go round it.",
    f"Edge sites stand in the {EDGES} largest metros whose city is within {places.METRO_KM:g} km of a pop in the same "
    "country.",
    rules.METROS,
    f"Cloud sites are regions of AWS, Azure and GCP within {NEAR_KM:g} km of a pop in the same country, one of each "
    "operator at a pop, the first by name.",
    rules.CLOUDS,
    f"Campuses stand in the {CAMPUSES} countries with the cleanest power that have a pop and such a city: each at "
    + rules.CAMPUS_CITY,
    "Each edge, cloud and campus site has two fibres: to its two nearest pops, or, if the second is more than "
    f"{laterals.SECOND_POP_KM:g} km away, both to the nearest, the second by a way of the great circle x "
    f"{laterals.SECOND_WAY_FACTOR:g}.",
    rules.METRO_FIBRE,
    rules.CAPACITIES,
    rules.LINKS,
    rules.CONDUITS,
    rules.NO_CONDUIT,
    rules.PROBABILITIES,
    rules.JURISDICTIONS,
    rules.WATER,
    rules.CASPIAN,
    rules.COAST,
    rules.PEOPLE,
    rules.CARBON,
)


def build() -> Network:
    """The network, made from the sources; the same each time."""
    world = backbone("Global")
    pops = places.pops(world)
    people = world_cities()
    about = people.where(_away_km(people, pops) <= 2 * places.METRO_KM)
    near = _away_km(about, pops) <= places.METRO_KM
    metros = [metro for metro in places.metros(about) if near[metro.index]]
    edges = places.edges(about, metros[:EDGES], pops)
    countries = sorted({_country(pop) for pop in pops})
    campuses = places.campuses(people, countries, CAMPUSES)
    joined = [*_clouds(pops), *edges, *campuses]
    trunks = assemble.between_pops(world, pops, all_on_land=False)
    return assemble.network(
        "Global reference",
        ASSUMPTIONS,
        [*pops, *joined],
        [*trunks, *laterals.by_two_ways(joined, pops)],
        capacities.backbone_gbps(pops, trunks, people),
    )


def _clouds(pops: list[Site]) -> list[Site]:
    first: dict[tuple[str | None, str], Site] = {}
    for site in places.clouds(lambda site: True):
        distance_km, pop = places.nearest(site, pops, 1)[0]
        if distance_km <= NEAR_KM and _country(pop) == _country(site):
            first.setdefault((site.operator, pop.id), site)
    return sorted(first.values(), key=lambda site: site.id)


def _away_km(cities: Cities, pops: list[Site]) -> NDArray[np.float64]:
    """How far each city is from the nearest pop of its country."""
    lat, lon = np.array([pop.lat for pop in pops]), np.array([pop.lon for pop in pops])
    distance_km = great_circles_km(cities.lat[:, None], cities.lon[:, None], lat, lon)
    abroad = np.array(cities.country)[:, None] != np.array([_country(pop) for pop in pops])
    return np.asarray(np.where(abroad, np.inf, distance_km).min(axis=1), dtype=np.float64)


def _country(site: Site) -> str:
    return site.jurisdiction.partition("-")[0]
