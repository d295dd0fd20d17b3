"""The earth in arrays: distances between many places, and the places along a great circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from highroad.model.position import EARTH_RADIUS_KM, great_circle_km

__all__ = ["EARTH_RADIUS_KM", "along_great_circle", "bearing_deg", "great_circle_km", "great_circles_km"]

Floats = NDArray[np.float64]


def great_circles_km(a_lat: ArrayLike, a_lon: ArrayLike, b_lat: ArrayLike, b_lon: ArrayLike) -> Floats:
    """Distances of positions in degrees, element by element; shapes broadcast. Haversine, mean WGS 84 radius."""
    a_phi, a_lam = np.radians(a_lat), np.radians(a_lon)
    b_phi, b_lam = np.radians(b_lat), np.radians(b_lon)
    h = np.sin((b_phi - a_phi) / 2) ** 2 + np.cos(a_phi) * np.cos(b_phi) * np.sin((b_lam - a_lam) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(h, 1.0))), dtype=np.float64)


def along_great_circle(
    a_lat: float, a_lon: float, b_lat: float, b_lon: float, *, step_km: float
) -> tuple[Floats, Floats]:
    """Latitudes and longitudes from a to b, both included, evenly spaced and at most `step_km` apart.

    Two ends that are the same give that one place; two that are opposite have no one great circle, and get some.
    """
    distance_km = great_circle_km(a_lat, a_lon, b_lat, b_lon)
    if distance_km == 0.0:
        return np.array([a_lat], dtype=np.float64), np.array([a_lon], dtype=np.float64)
    start, end = _unit(a_lat, a_lon), _unit(b_lat, b_lon)
    across = end - start * float(start @ end)
    norm = float(np.linalg.norm(across))
    if norm < 1e-12:
        across, norm = np.array([-start[1], start[0], 0.0]) + 1e-9, 1.0
        across = across - start * float(start @ across)
        norm = float(np.linalg.norm(across))
    angles = np.linspace(0.0, distance_km / EARTH_RADIUS_KM, max(2, int(np.ceil(distance_km / step_km)) + 1))
    points = np.cos(angles)[:, None] * start + np.sin(angles)[:, None] * (across / norm)
    lats = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    lons = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    return lats.astype(np.float64), lons.astype(np.float64)


def bearing_deg(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """The course on which the great circle leaves a for b: 0 is north, 90 east, in [0, 360)."""
    a_phi, b_phi, d_lam = np.radians(a_lat), np.radians(b_lat), np.radians(b_lon - a_lon)
    east = np.sin(d_lam) * np.cos(b_phi)
    north = np.cos(a_phi) * np.sin(b_phi) - np.sin(a_phi) * np.cos(b_phi) * np.cos(d_lam)
    return float(np.degrees(np.arctan2(east, north)) % 360.0)


def _unit(lat: float, lon: float) -> Floats:
    phi, lam = np.radians(lat), np.radians(lon)
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], dtype=np.float64)
