"""Shared conduits: fibres that leave a site side by side lie in one trench for as long as they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from highroad.graph.geo import along_great_circle, bearing_deg, great_circles_km
from highroad.model.network import Fibre, FibreId, RiskGroup, RiskGroupId, Site

APART_KM = 5.0
TOGETHER_KM = 20.0
STEP_KM = 1.0

_COURSES = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def dig(sites: Sequence[Site], fibres: Sequence[Fibre]) -> tuple[list[Fibre], list[RiskGroup]]:
    """The fibres with their conduits, and the conduits.

    Two fibres that leave one site share a conduit if the first TOGETHER_KM of the shorter's great circle, or all of it
    where it is shorter than that, are less than APART_KM from the longer's. Three that share pairwise in a row share
    one. A fibre whose ends are less than APART_KM apart would be near to whatever leaves its site: it shares nothing.
    Of several fibres between the same two sites, the longer ones go another way and share nothing. A conduit is named
    after the site and the course on which it leaves.
    """
    site_of = {site.id: site for site in sites}
    groups: list[RiskGroup] = []
    members: dict[FibreId, list[RiskGroupId]] = {}
    for site in sites:
        away = _first_ways([fibre for fibre in fibres if site.id in (fibre.a, fibre.b)])
        ends = {fibre.id: site_of[fibre.b if fibre.a == site.id else fibre.a] for fibre in away}
        together: dict[FibreId, set[FibreId]] = {fibre.id: {fibre.id} for fibre in away}
        for one, other in combinations(away, 2):
            if _side_by_side(site, ends[one.id], ends[other.id]):
                joined = together[one.id] | together[other.id]
                for id_ in joined:
                    together[id_] = joined
        taken: set[str] = set()
        for shared in sorted({tuple(sorted(ids)) for ids in together.values() if len(ids) > 1}):
            course = _course(site, ends[shared[0]], taken)
            group = RiskGroup(id=RiskGroupId(f"conduit-{site.id}-{course}"), name=f"{site.name}, duct {course}")
            groups.append(group)
            for id_ in shared:
                members.setdefault(id_, []).append(group.id)
    return [replace(fibre, risk_groups=tuple(members.get(fibre.id, ()))) for fibre in fibres], groups


def _first_ways(fibres: Sequence[Fibre]) -> list[Fibre]:
    """The shortest fibre of each pair of ends."""
    first: dict[tuple[str, str], Fibre] = {}
    for fibre in sorted(fibres, key=lambda fibre: (fibre.length_km, fibre.id)):
        first.setdefault((fibre.a, fibre.b), fibre)
    return [fibre for fibre in fibres if fibre is first[fibre.a, fibre.b]]


def _side_by_side(site: Site, one: Site, other: Site) -> bool:
    ways = []
    for end in (one, other):
        lat, lon = along_great_circle(site.lat, site.lon, end.lat, end.lon, step_km=STEP_KM)
        ways.append((lat, lon, great_circles_km(site.lat, site.lon, lat, lon)))
    shorter, longer = sorted(ways, key=lambda way: float(way[2][-1]))
    if float(shorter[2][-1]) < APART_KM:
        return False
    lat, lon, gone_km = (part[shorter[2] <= TOGETHER_KM] for part in shorter)
    apart_km = great_circles_km(lat[:, None], lon[:, None], longer[0], longer[1]).min(axis=1)
    return bool(np.all(apart_km < APART_KM)) and len(gone_km) > 1


def _course(site: Site, end: Site, taken: set[str]) -> str:
    bearing = bearing_deg(site.lat, site.lon, end.lat, end.lon)
    wanted = _COURSES[round(bearing / 45) % 8]
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name
