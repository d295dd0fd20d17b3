"""Which jurisdiction a place is in, and which ones a fibre crosses, from the borders of us-atlas and world-atlas.

In this order: the US state whose land it is; the country whose land it is (a point of the USA in no state, such as
one in Lake Michigan, belongs to the nearest state); the state or country whose coast is within TERRITORIAL_SEA_KM,
the nearest first; else the high seas. The Caspian is no country's land in world-atlas, so it is sea.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from highroad.formats.shipped import data_text
from highroad.graph.geo import along_great_circle
from highroad.model.jurisdiction import HIGH_SEAS
from highroad.offline.reference import countries
from highroad.offline.reference.topojson import Ring, Topology

STEP_KM = 2.0
"""A fibre is looked at about every so many km of its great circle."""

SLIVER_KM = 5.0
"""A jurisdiction crossed for less than this in all is taken for the inaccuracy of the borders and left out."""

TERRITORIAL_SEA_KM = 22.224
"""12 nautical miles (UN Convention on the Law of the Sea, article 3)."""

Floats = NDArray[np.float64]
Position = tuple[float, float]
"""Latitude and longitude in degrees."""

_RINGS_KM = np.linspace(0.0, TERRITORIAL_SEA_KM, 9)[1:]
_COURSES = np.radians(np.arange(0.0, 360.0, 15.0))
_KM_PER_DEGREE = 111.195


class Borders:
    """The borders, indexed. Building one takes a few hundred ms; `borders()` keeps it."""

    def __init__(self) -> None:
        import shapely

        self._shapely = shapely
        self._states = _Areas(shapely)
        self._countries = _Areas(shapely)
        for fips, _, polygons in Topology(data_text("sources/borders/states-10m.json")).polygons("states"):
            if fips in countries.STATE_BY_FIPS:
                self._states.add(f"US-{countries.STATE_BY_FIPS[fips]}", polygons)
        for number, name, polygons in Topology(data_text("sources/borders/countries-50m.json")).polygons("countries"):
            code = countries.BY_NUMBER.get(number or "") or countries.BY_NAME.get(name)
            if code is not None:
                self._countries.add(code, polygons)
        self._states.index()
        self._countries.index()

    def codes(self, lat: Floats, lon: Floats) -> list[str]:
        """The jurisdiction of each place."""
        found = self._land(lat, lon)
        sea = np.flatnonzero(found == "")
        if len(sea):
            near = sea[self._countries.near(lat[sea], lon[sea], TERRITORIAL_SEA_KM)]
            found[near] = self._coast(lat[near], lon[near])
        found[found == ""] = HIGH_SEAS
        return [str(code) for code in found]

    def code(self, lat: float, lon: float) -> str:
        """The jurisdiction of one place."""
        return self.codes(np.array([lat]), np.array([lon]))[0]

    def crossed(self, a: Position, b: Position, *, on_land: bool) -> tuple[str, ...]:
        """The jurisdictions along the great circle of two places, in the order met; both ends' always.

        A fibre that is on land follows the coast where its great circle goes out to sea: those points belong to
        the nearest US state.
        """
        lat, lon = along_great_circle(*a, *b, step_km=STEP_KM)
        codes = self.codes(lat, lon)
        if on_land:
            for index, code in enumerate(codes):
                if code == HIGH_SEAS:
                    codes[index] = self._states.nearest(float(lat[index]), float(lon[index]))
        ends = {codes[0], codes[-1]}
        met = dict.fromkeys(codes)
        return tuple(code for code in met if code in ends or codes.count(code) * STEP_KM >= SLIVER_KM)

    def _land(self, lat: Floats, lon: Floats) -> NDArray[Any]:
        found = self._states.of(lat, lon)
        rest = np.flatnonzero(found == "")
        found[rest] = self._countries.of(lat[rest], lon[rest])
        for index in np.flatnonzero(found == "US"):
            found[index] = self._states.nearest(float(lat[index]), float(lon[index]))
        return found

    def _coast(self, lat: Floats, lon: Floats) -> NDArray[Any]:
        """The land first met on growing circles about each place, eight of them, of 24 points each."""
        found = np.full(len(lat), "", dtype="<U8")
        for radius_km in _RINGS_KM:
            left = np.flatnonzero(found == "")
            degrees = radius_km / _KM_PER_DEGREE
            around_lat = lat[left, None] + degrees * np.cos(_COURSES)
            stretch = np.maximum(np.cos(np.radians(lat[left, None])), 0.05)
            around_lon = (lon[left, None] + degrees * np.sin(_COURSES) / stretch + 180.0) % 360.0 - 180.0
            land = self._land(around_lat.ravel(), around_lon.ravel()).reshape(around_lat.shape)
            hit = land != ""
            some = hit.any(axis=1)
            found[left[some]] = land[some, hit[some].argmax(axis=1)]
        return found


class _Areas:
    """Polygons with a code each, found by a point in them."""

    def __init__(self, shapely: Any) -> None:
        self._shapely = shapely
        self._shapes: list[Any] = []
        self._codes: list[str] = []

    def add(self, code: str, polygons: list[list[Ring]]) -> None:
        """Add the polygons of one area."""
        for rings in (rings for rings in polygons if len(rings[0]) > 3):
            for shift in _shifts(rings[0]):
                outer, *holes = [_unwrapped(ring, shift) for ring in rings if len(ring) > 3]
                shape = self._shapely.Polygon(outer, holes)
                self._shapes.append(shape if shape.is_valid else self._shapely.make_valid(shape))
                self._codes.append(code)

    def index(self) -> None:
        """Make it ready to be asked."""
        self._shapely.prepare(self._shapes)
        self._tree = self._shapely.STRtree(self._shapes)
        self._code_of = np.array(self._codes, dtype="<U8")

    def of(self, lat: Floats, lon: Floats) -> NDArray[Any]:
        """The code of each point, empty where there is none; of two that overlap, the first added."""
        found = np.full(len(lat), "", dtype="<U8")
        point, shape = self._tree.query(self._shapely.points(lon, lat), predicate="intersects")
        order = np.lexsort((shape, point))[::-1]
        found[point[order]] = self._code_of[shape[order]]
        return found

    def near(self, lat: Floats, lon: Floats, within_km: float) -> NDArray[np.int64]:
        """Which points may be so near to an area; it errs towards yes."""
        degrees = within_km / _KM_PER_DEGREE / np.maximum(np.cos(np.radians(lat)), 0.05) * 1.01
        points = self._shapely.points(lon, lat)
        point, _ = self._tree.query(points, predicate="dwithin", distance=degrees)
        return np.unique(point)

    def nearest(self, lat: float, lon: float) -> str:
        """The code of the area nearest to a point, in degrees stretched to the latitude."""
        return str(self._code_of[self._tree.nearest(self._shapely.points(lon, lat))])


def _shifts(ring: Ring) -> tuple[float, ...]:
    """How often to draw a ring: beyond the antimeridian as well, if it crosses that."""
    crosses = any(abs(after[0] - before[0]) > 180 for before, after in pairwise(ring))
    return (-360.0, 0.0, 360.0) if crosses else (0.0,)


def _unwrapped(ring: Ring, shift: float) -> Ring:
    """A ring whose longitudes go on beyond 180 instead of jumping."""
    unwrapped: Ring = []
    for lon, lat in ring:
        if unwrapped:
            while lon + shift - unwrapped[-1][0] > 180:
                shift -= 360
            while lon + shift - unwrapped[-1][0] < -180:
                shift += 360
        unwrapped.append((lon + shift, lat))
    return unwrapped


@cache
def borders() -> Borders:
    """The borders, read once."""
    return Borders()
