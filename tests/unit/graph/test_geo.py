"""Great circles against distances worked out by hand and published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.graph.geo import (
    EARTH_RADIUS_KM,
    along_great_circle,
    bearing_deg,
    great_circle_km,
    great_circles_km,
)

lats = st.floats(-90, 90)
lons = st.floats(-180, 180)

QUARTER_KM = math.pi / 2 * EARTH_RADIUS_KM


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((0, 0), (0, 1), math.radians(1) * EARTH_RADIUS_KM),
        ((0, 0), (90, 77), QUARTER_KM),
        ((0, 0), (0, 180), 2 * QUARTER_KM),
        ((0, 179.5), (0, -179.5), math.radians(1) * EARTH_RADIUS_KM),
        ((40.7128, -74.0060), (51.5074, -0.1278), 5570.2),  # New York to London
        ((45, 45), (45, 45), 0.0),
    ],
)
def test_known_distances(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert great_circle_km(*a, *b) == pytest.approx(km, rel=1e-4, abs=1e-9)


@given(lats, lons, lats, lons)
def test_arrays_give_what_numbers_give(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> None:
    one = great_circle_km(a_lat, a_lon, b_lat, b_lon)
    assert great_circles_km([a_lat], [a_lon], b_lat, b_lon)[0] == pytest.approx(one, abs=1e-6)
    assert great_circle_km(b_lat, b_lon, a_lat, a_lon) == pytest.approx(one, abs=1e-6)
    assert 0 <= one <= 2 * QUARTER_KM + 1e-6


@given(lats, lons, lats, lons)
def test_points_along_are_evenly_spaced_and_end_where_they_should(
    a_lat: float, a_lon: float, b_lat: float, b_lon: float
) -> None:
    km = great_circle_km(a_lat, a_lon, b_lat, b_lon)
    lat, lon = along_great_circle(a_lat, a_lon, b_lat, b_lon, step_km=500.0)
    assert great_circle_km(lat[0], lon[0], a_lat, a_lon) < 1e-3
    if km < 2 * QUARTER_KM - 1:
        assert great_circle_km(lat[-1], lon[-1], b_lat, b_lon) < 1e-3
    steps = great_circles_km(lat[:-1], lon[:-1], lat[1:], lon[1:])
    assert np.all(steps < 500.001)
    assert float(steps.sum()) == pytest.approx(km, rel=1e-6, abs=1e-3)


def test_over_the_antimeridian_and_over_the_pole() -> None:
    lat, lon = along_great_circle(0, 179, 0, -179, step_km=60)
    assert np.all(np.abs(lat) < 1e-9)
    assert np.all(np.abs(lon) >= 179 - 1e-9)
    lat, _ = along_great_circle(60, 0, 60, 180, step_km=100)
    assert lat.max() > 89


@pytest.mark.parametrize(("b", "course"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)])
def test_courses(b: tuple[float, float], course: float) -> None:
    assert bearing_deg(0, 0, *b) == pytest.approx(course)
