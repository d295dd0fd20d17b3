"""Metro fibre: how a site that is no pop is joined to the backbone."""

from __future__ import annotations

from collections.abc import Sequence

from highroad.model.network import Fibre, FibreId, Site
from highroad.offline.reference.borders import borders
from highroad.offline.reference.places import nearest

ROUTE_FACTOR = 1.2
MIN_LENGTH_KM = 2.0
SECOND_POP_KM = 500.0
SECOND_WAY_FACTOR = 1.8


def to_two_pops(sites: Sequence[Site], pops: Sequence[Site]) -> list[Fibre]:
    """From each site a fibre to each of the two nearest pops."""
    return [
        _fibre(site, pop, distance_km * ROUTE_FACTOR, "")
        for site in sites
        for distance_km, pop in nearest(site, pops, 2)
    ]


def by_two_ways(sites: Sequence[Site], pops: Sequence[Site]) -> list[Fibre]:
    """Two fibres from each site: to the two nearest pops, or both to the nearest if the second is too far off."""
    fibres: list[Fibre] = []
    for site in sites:
        (near_km, near), (far_km, far) = nearest(site, pops, 2)
        fibres.append(_fibre(site, near, near_km * ROUTE_FACTOR, ""))
        if far_km <= SECOND_POP_KM:
            fibres.append(_fibre(site, far, far_km * ROUTE_FACTOR, ""))
        else:
            fibres.append(_fibre(site, near, near_km * SECOND_WAY_FACTOR, ":2"))
    return fibres


def _fibre(site: Site, pop: Site, length_km: float, suffix: str) -> Fibre:
    a, b = sorted((site.id, pop.id))
    crossed = borders().crossed((site.lat, site.lon), (pop.lat, pop.lon), on_land=_in_the_usa(site, pop))
    least_km = MIN_LENGTH_KM * (SECOND_WAY_FACTOR / ROUTE_FACTOR if suffix else 1)
    return Fibre(
        id=FibreId(f"{a}--{b}{suffix}"),
        a=a,
        b=b,
        length_km=round(max(length_km, least_km), 3),
        jurisdictions=tuple(dict.fromkeys((site.jurisdiction, *crossed))),
    )


def _in_the_usa(*sites: Site) -> bool:
    return all(site.jurisdiction.startswith("US-") for site in sites)
