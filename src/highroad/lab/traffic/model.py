"""How much a service sends, in packets: a slow swing where nobody tells it, within what one process can do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

from highroad.ports.panel import Load

GUARANTEED_SHARE = (0.55, 0.95)
"""A service swings from the one share of its guarantee to the other of its ceiling, which is the guarantee unless a
burst was sold.
"""

CEILING_SHARE = (0.20, 0.60)
"""Between what shares of its ceiling one swings that is guaranteed nothing."""

PERIOD_S = 240.0

MOST_PACKETS_PER_S = 4000.0
"""What all hosts of a lab send together at most, so that two cores stay usable. Above it, all send less than told."""

OFTEN_PACKETS_PER_S = 1500.0
"""What they send together where their rates ask for no more: a gap shows as soon as packets are often."""

TELLING_PPS, SELDOM_PACKETS_PER_S = 2.0, 500.0
"""Less often than this a direction's gaps tell little, and what they all send together is less, in larger packets."""

MOST_OF_ONE = 100.0
"""What one direction of one service sends at most, where that is enough for its rate."""

HEADERS_BYTES = 28
LEAST_BYTES = 128
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """What one direction sends: packets of so many bytes (headers of IP included), one each so many ns; 0 is none."""

    size_bytes: int
    interval_ns: int


def swing_gbps(load: Load, way: str, at_s: float) -> float:
    """What one direction (`there`, `back`) of a service offers at a time, by itself: the same each time it is asked."""
    digest = blake2b(f"{load.service}/{way}".encode(), digest_size=16).digest()
    phase, second = (int.from_bytes(half, "little") / 2.0**64 for half in (digest[:8], digest[8:]))
    slow = math.sin(2 * math.pi * (at_s / PERIOD_S + phase))
    slower = math.sin(2 * math.pi * (at_s / (PERIOD_S * math.sqrt(7.0)) + second))
    part = 0.5 + 0.3 * slow + 0.2 * slower
    if load.guaranteed_gbps <= 0.0:
        least, most = (share * load.ceiling_gbps for share in CEILING_SHARE)
    else:
        least, most = GUARANTEED_SHARE[0] * load.guaranteed_gbps, GUARANTEED_SHARE[1] * load.ceiling_gbps
    return least + (most - least) * part


def share_pps(directions: int) -> float:
    """How often each of so many directions is to send, where its rate can be had so."""
    often_pps = OFTEN_PACKETS_PER_S / max(1, directions)
    return min(MOST_OF_ONE, often_pps) if often_pps >= TELLING_PPS else SELDOM_PACKETS_PER_S / directions


def pace(gbps: float, mtu_bytes: int, often_pps: float) -> Pace:
    """How a direction sends at a rate: small packets so often, or large ones as often as it takes.

    `gbps` is what is really sent.
    """
    bytes_per_s = gbps * 1e9 / 8
    if bytes_per_s <= 0.0:
        return Pace(0, 0)
    size = round(min(max(bytes_per_s / often_pps, LEAST_BYTES), mtu_bytes))
    return Pace(size, max(1, round(size / bytes_per_s * NS)))


def slowed(packets_per_s: float) -> float:
    """By what part all send less than told, when together they would send so many packets."""
    return min(1.0, MOST_PACKETS_PER_S / packets_per_s) if packets_per_s > 0.0 else 1.0
