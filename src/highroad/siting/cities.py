"""The cities that users live in, as arrays: text in, arrays out."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.graph.geo import great_circles_km

MIN_POPULATION = 50_000
DENSITY_PER_KM2 = 4_000.0
"""People in a square kilometre of a large city, for the circle within which smaller entries are parts of it."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cities:
    """Cities, largest first; all fields have one length. `region` is the first administrative level."""

    name: tuple[str, ...]
    country: tuple[str, ...]
    region: tuple[str, ...]
    lat: Floats
    lon: Floats
    population: Ints

    def __len__(self) -> int:
        return len(self.name)

    def where(self, keep: Iterable[bool]) -> Cities:
        """Those for which `keep`, one flag each, is true."""
        return self._at([index for index, kept in enumerate(keep) if kept])

    def _at(self, indices: list[int]) -> Cities:
        chosen = np.array(indices, dtype=np.int64)
        return Cities(
            name=tuple(self.name[index] for index in indices),
            country=tuple(self.country[index] for index in indices),
            region=tuple(self.region[index] for index in indices),
            lat=self.lat[chosen],
            lon=self.lon[chosen],
            population=self.population[chosen],
        )


def read(text: str, *, min_population: int = MIN_POPULATION) -> Cities:
    """Cities from a CSV with the columns name, country, admin1, lat, lon, population (GeoNames').

    Nobody is counted twice: an entry within the circle of a larger one of the same country and region is a part of
    it (Brooklyn of New York). The circle has the larger one's population at DENSITY_PER_KM2. Entries under
    `min_population` are left out: under MIN_POPULATION only the USA has any. Raises KeyError or ValueError if a
    column or a number is missing.
    """
    rows = [row for row in csv.DictReader(text.splitlines()) if int(row["population"]) >= min_population]
    rows.sort(key=lambda row: (-int(row["population"]), row["country"], row["name"], row["lat"], row["lon"]))
    cities = Cities(
        name=tuple(row["name"] for row in rows),
        country=tuple(row["country"] for row in rows),
        region=tuple(row["admin1"] for row in rows),
        lat=np.array([float(row["lat"]) for row in rows], dtype=np.float64),
        lon=np.array([float(row["lon"]) for row in rows], dtype=np.float64),
        population=np.array([int(row["population"]) for row in rows], dtype=np.int64),
    )
    return cities.where(_counted_once(cities))


def _counted_once(cities: Cities) -> NDArray[np.bool_]:
    """Which entries are not a part of a larger one, deciding from the largest down."""
    keep = np.ones(len(cities), dtype=np.bool_)
    regions: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(zip(cities.country, cities.region, strict=True)):
        regions.setdefault(key, []).append(index)
    radius_km = np.sqrt(cities.population / (np.pi * DENSITY_PER_KM2))
    for members in regions.values():
        chosen = np.array(members, dtype=np.int64)
        lat, lon = cities.lat[chosen], cities.lon[chosen]
        near = great_circles_km(lat[:, None], lon[:, None], lat, lon) < radius_km[chosen][:, None]
        alone = np.ones(len(chosen), dtype=np.bool_)
        for row in np.flatnonzero(near.sum(axis=1) > 1):
            if alone[row]:
                alone[row + 1 :] &= ~near[row, row + 1 :]
        keep[chosen] = alone
    return keep
