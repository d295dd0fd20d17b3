"""How much each fibre of a backbone is lit for: gravity traffic on shortest paths, in steps of what is sold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from highroad.model.network import Fibre, FibreId, Site, SiteId, SiteKind
from highroad.siting.cities import Cities
from highroad.siting.reach import enter_at

STEP_GBPS = 400
LEAST_GBPS = 400
MOST_GBPS = 3200
FULL_SHARE = 0.1
"""This part of the fibres, those with the most traffic, gets MOST_GBPS; the rest is in proportion to the last."""

METRO_GBPS = {SiteKind.CLOUD: 1600, SiteKind.CAMPUS: 1600, SiteKind.EDGE: 800}


def backbone_gbps(pops: Sequence[Site], fibres: Sequence[Fibre], cities: Cities) -> dict[FibreId, int]:
    """By fibre: its share of the traffic of all pairs of pops, as a capacity.

    A pair's traffic is proportional to the product of the populations nearest to the two pops, divided by their
    distance over fibre; it takes the shortest way. Capacities are rounded up to STEP_GBPS.
    """
    number = {pop.id: index for index, pop in enumerate(pops)}
    length_km = np.full((len(pops), len(pops)), np.inf)
    np.fill_diagonal(length_km, 0.0)
    for fibre in fibres:
        a, b = number[fibre.a], number[fibre.b]
        length_km[a, b] = length_km[b, a] = min(length_km[a, b], fibre.length_km)
    for middle in range(len(pops)):
        length_km = np.minimum(length_km, length_km[:, middle, None] + length_km[middle])
    people = _people(pops, cities)
    with np.errstate(divide="ignore"):
        traffic = np.where(length_km > 0, np.outer(people, people) / length_km, 0.0)
    load = {fibre.id: _load(fibre, number, length_km, traffic) for fibre in fibres}
    full = sorted(load.values(), reverse=True)[max(0, math.ceil(len(load) * FULL_SHARE) - 1)]
    return {
        id_: int(
            min(MOST_GBPS, max(LEAST_GBPS, math.ceil(round(carried / full * MOST_GBPS / STEP_GBPS, 6)) * STEP_GBPS))
        )
        for id_, carried in load.items()
    }


def _people(pops: Sequence[Site], cities: Cities) -> NDArray[np.float64]:
    entrance = enter_at(pops, cities)
    weights = cities.population[entrance.city].astype(np.float64)
    return np.bincount(entrance.site, weights=weights, minlength=len(pops)).astype(np.float64)


def _load(
    fibre: Fibre, number: dict[SiteId, int], length_km: NDArray[np.float64], traffic: NDArray[np.float64]
) -> float:
    """The traffic of the pairs whose shortest way has the fibre, both directions together."""
    a, b = number[fibre.a], number[fibre.b]
    over = length_km[:, a, None] + fibre.length_km + length_km[b]
    return float(2 * traffic[np.abs(over - length_km) < 1e-6].sum())
