"""Conversions between the units that names carry, and nothing else.

Rates are Gbit/s in the model and whole Mbit/s in the calendar, where sums have to be exact; latencies are
milliseconds one way unless a name says `rtt`; lengths are kilometres; times are UTC seconds since 1970.
"""

from __future__ import annotations

from datetime import UTC, datetime

MBPS_PER_GBPS = 1000

LIGHT_IN_VACUUM_MS_PER_KM = 1.0 / 299.792458
"""The least latency that any medium allows, 3.336 us/km: c = 299,792,458 m/s (SI definition)."""


TIMES_END_S = 32_503_680_000
"""The year 3000: a time that is told is before it, and not before 1970; most calendars end not much later."""


def mbps_from_gbps(rate_gbps: float) -> int:
    """Whole Mbit/s; a rate is sold in steps of 1 Mbit/s, so a checked rate converts exactly."""
    return round(rate_gbps * MBPS_PER_GBPS)


def gbps_from_mbps(rate_mbps: float) -> float:
    """Gbit/s from Mbit/s."""
    return rate_mbps / MBPS_PER_GBPS


def bytes_from_gbps(rate_gbps: float, duration_s: float) -> float:
    """Bytes that a rate carries in a time (1 byte = 8 bits)."""
    return rate_gbps * 1e9 / 8.0 * duration_s


def iso_from_s(at_s: float) -> str:
    """RFC 3339 in UTC, to the millisecond: `2026-11-20T10:00:00.000Z`."""
    return datetime.fromtimestamp(round(at_s, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
