"""Where on the earth things are: the great circle, which no fibre is shorter than."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the WGS 84 ellipsoid (IUGG R1)."""


def great_circle_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """The distance of two positions in degrees, by the haversine formula (within 0.6 % of the ellipsoid)."""
    a_phi, b_phi = radians(a_lat), radians(b_lat)
    h = sin((b_phi - a_phi) / 2) ** 2 + cos(a_phi) * cos(b_phi) * sin(radians(b_lon - a_lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))
