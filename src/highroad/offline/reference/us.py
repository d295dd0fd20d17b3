"""The US reference network, in the order in which it is made."""

from __future__ import annotations

from highroad.model.network import Network, Site
from highroad.offline.reference import assemble, capacities, laterals, places, rules
from highroad.offline.reference.countries import STATE_BY_FIPS
from highroad.offline.reference.sources import backbone, world_cities
from highroad.siting.cities import Cities

EDGES = 20
CAMPUSES = 6
TOWN = 15_000

ASSUMPTIONS = (
    "Pops and backbone fibres are the 75 sites and 99 fibre pairs of CORONET CONUS, a model and nobody's network.",
    rules.FIBRES,
    f"Edge sites stand in the {EDGES} largest metros of the contiguous USA, counting towns of {TOWN:,} and more.",
    rules.METROS,
    "Cloud sites are the regions of AWS, Azure and GCP in the contiguous USA, without government regions.",
    rules.CLOUDS,
    f"Campuses stand in the {CAMPUSES} contiguous states with the cleanest power that have such a city: each at "
    + rules.CAMPUS_CITY,
    "Each edge, cloud and campus site is joined to its two nearest pops.",
    rules.METRO_FIBRE,
    rules.CAPACITIES,
    rules.LINKS,
    rules.CONDUITS,
    rules.NO_CONDUIT,
    rules.PROBABILITIES,
    rules.JURISDICTIONS,
    rules.WATER,
    rules.COAST,
    rules.PEOPLE,
    rules.CARBON,
)

CONTIGUOUS = frozenset(f"US-{state}" for state in STATE_BY_FIPS.values() if state not in ("AK", "HI"))


def build() -> Network:
    """The network, made from the sources; the same each time."""
    conus = backbone("CONUS")
    inside = _inside(world_cities())
    towns = _inside(world_cities(min_population=TOWN))
    pops = places.pops(conus)
    edges = places.edges(towns, places.metros(towns)[:EDGES], pops)
    campuses = places.campuses(inside, sorted(CONTIGUOUS), CAMPUSES)
    joined = [*places.clouds(_in_the_contiguous_usa), *edges, *campuses]
    trunks = assemble.between_pops(conus, pops, all_on_land=True)
    return assemble.network(
        "US reference",
        ASSUMPTIONS,
        [*pops, *joined],
        [*trunks, *laterals.to_two_pops(joined, pops)],
        capacities.backbone_gbps(pops, trunks, inside),
    )


def _inside(cities: Cities) -> Cities:
    return cities.where(places.jurisdiction(cities, index) in CONTIGUOUS for index in range(len(cities)))


def _in_the_contiguous_usa(site: Site) -> bool:
    return site.jurisdiction in CONTIGUOUS
