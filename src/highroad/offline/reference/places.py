"""The sites: pops, cloud regions, metros with an edge, campuses where power is cleanest. One function a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.formats.rough import slug
from highroad.graph.geo import great_circles_km
from highroad.model.network import Network, Site, SiteId, SiteKind
from highroad.model.position import great_circle_km
from highroad.offline.reference.borders import borders
from highroad.offline.reference.sources import Region, carbon_g_per_kwh, cloud_regions
from highroad.siting.cities import Cities

METRO_KM = 65.0
CAMPUS_PEOPLE = (50_000, 300_000)
CAMPUS_APART_KM = 50.0

_OPERATORS = {"aws": "AWS", "azure": "Azure", "gcp": "GCP"}
_NOT_FOR_CUSTOMERS = ("euap", "stg")
_MOVED = {
    ("aws", "us-east-1"): ("Ashburn", 39.0438, -77.4874),
    ("azure", "eastus"): ("Ashburn", 39.0438, -77.4874),
    ("aws", "us-west-1"): ("San Jose", 37.3394, -121.8950),
    ("aws", "us-west-2"): ("Boardman", 45.8399, -119.7006),
    ("azure", "westcentralus"): ("Cheyenne", 41.1400, -104.8202),
}
"""Regions that the list puts at the middle of a state, or in the wrong one, and the town they are moved to."""

MOVED = ", ".join(f"{operator} {name} to {town}" for (operator, name), (town, _, _) in _MOVED.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Metro:
    """A large city and those about it. `index` is the city's in the list that it was found in."""

    index: int
    population: int


def placed(
    id_: str,
    name: str,
    kind: SiteKind,
    lat: float,
    lon: float,
    operator: str | None = None,
    code: str | None = None,
) -> Site:
    """A site with its jurisdiction (from the borders, if not given) and the carbon intensity there.

    Positions are kept to 4 decimals, some 10 m.
    """
    code = code or borders().code(lat, lon)
    carbon = carbon_g_per_kwh()
    return Site(
        id=SiteId(id_),
        name=name,
        kind=kind,
        lat=round(lat, 4),
        lon=round(lon, 4),
        jurisdiction=code,
        operator=operator,
        carbon_g_per_kwh=carbon.get(code, carbon.get(code.partition("-")[0])),
    )


def pops(backbone: Network) -> list[Site]:
    """The backbone's own sites, by id."""
    return sorted(
        (placed(site.id, site.name, SiteKind.POP, site.lat, site.lon) for site in backbone.sites),
        key=lambda site: site.id,
    )


def clouds(wanted: Callable[[Site], bool]) -> list[Site]:
    """The wanted ones of the cloud regions that customers can use, by id."""
    regions = [region for region in cloud_regions() if not region.name.endswith(_NOT_FOR_CUSTOMERS)]
    return sorted(filter(wanted, map(_cloud, regions)), key=lambda site: site.id)


def metros(cities: Cities) -> list[Metro]:
    """Cities gathered into metros, largest first: the largest left takes all within METRO_KM in its country."""
    country = np.array(cities.country)
    free = np.ones(len(cities), dtype=np.bool_)
    found: list[Metro] = []
    for index in range(len(cities)):
        if free[index]:
            distance_km = great_circles_km(cities.lat[index], cities.lon[index], cities.lat, cities.lon)
            taken = free & (distance_km <= METRO_KM) & (country == country[index])
            free &= ~taken
            found.append(Metro(index=index, population=int(cities.population[taken].sum())))
    return sorted(found, key=lambda metro: (-metro.population, metro.index))


def edges(cities: Cities, chosen: Sequence[Metro], known: Sequence[Site]) -> list[Site]:
    """An edge site in the middle of each of the metros, by id; named as a pop is, where the names are alike."""
    names = {site.name for site in known}
    found: list[Site] = []
    for metro in chosen:
        city = cities.name[metro.index]
        short = city.removesuffix(" City")
        name = short if short in names else city
        lat, lon = float(cities.lat[metro.index]), float(cities.lon[metro.index])
        code = jurisdiction(cities, metro.index)
        found.append(placed(f"edge-{slug(name)}", f"{name} edge", SiteKind.EDGE, lat, lon, code=code))
    return sorted(found, key=lambda site: site.id)


def jurisdiction(cities: Cities, index: int) -> str:
    """The state of a US city, the country of any other, as GeoNames has it."""
    country = cities.country[index]
    return f"US-{cities.region[index]}" if country == "US" else country


def campuses(cities: Cities, areas: Sequence[str], count: int) -> list[Site]:
    """A campus in each of the `count` areas with the cleanest power that have a city fit for one, by id.

    It is at the area's largest city of CAMPUS_PEOPLE with no larger one of the area within CAMPUS_APART_KM: land and
    power, and people to run it, outside the big metros.
    """
    carbon = carbon_g_per_kwh()
    found: list[Site] = []
    area_of = np.array([jurisdiction(cities, index) for index in range(len(cities))])
    for area in sorted((area for area in areas if area in carbon), key=lambda area: (carbon[area], area)):
        fit = _fit(cities, np.flatnonzero(area_of == area))
        if fit is not None and len(found) < count:
            index = fit
            name = cities.name[index]
            if name in cities.name[:index]:
                name = f"{name} {area.partition('-')[2] or area}"
            lat, lon = float(cities.lat[index]), float(cities.lon[index])
            code = jurisdiction(cities, index)
            found.append(placed(f"campus-{slug(name)}", f"{name} campus", SiteKind.CAMPUS, lat, lon, code=code))
    return sorted(found, key=lambda site: site.id)


def nearest(site: Site, pops: Sequence[Site], count: int) -> list[tuple[float, Site]]:
    """The pops nearest to a site, and how far they are in km."""
    by_distance = ((great_circle_km(site.lat, site.lon, pop.lat, pop.lon), pop) for pop in pops)
    return sorted(by_distance, key=lambda pair: (pair[0], pair[1].id))[:count]


def _fit(cities: Cities, members: NDArray[np.int64]) -> int | None:
    """The largest city of an area that a campus may stand at; the members are largest first."""
    low, high = CAMPUS_PEOPLE
    for number, index in enumerate(members):
        larger = members[:number]
        lat, lon = cities.lat[index], cities.lon[index]
        distance_km = great_circles_km(lat, lon, cities.lat[larger], cities.lon[larger])
        if low <= cities.population[index] <= high and not (distance_km < CAMPUS_APART_KM).any():
            return int(index)
    return None


def _cloud(region: Region) -> Site:
    _, lat, lon = _MOVED.get((region.operator, region.name), ("", region.lat, region.lon))
    spoken = region.place if region.operator == "azure" else region.name
    name = f"{_OPERATORS[region.operator]} {spoken}"
    return placed(f"{region.operator}-{slug(region.name)}", name, SiteKind.CLOUD, lat, lon, region.operator)
