"""What services offer in the lab when nobody tells them: a slow, smooth swing, so that the map lives.

A function of the seed, the service and the time, and of nothing else: no state, so a restart changes nothing.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from highroad.model.service import ServiceId
from highroad.planning.fair import Floats

Keys = NDArray[np.uint64]

STEP_S = 1.0
"""What a service offers is constant between whole multiples of this time."""

GUARANTEED_SHARE = (0.55, 0.95)
"""A service swings from the one share of its guarantee to the other of its ceiling, which is the guarantee unless a
burst was sold.
"""

CEILING_SHARE = (0.20, 0.60)
"""Between what shares of its ceiling one swings that is guaranteed nothing."""

_KNOT_STEPS = 60
"""Steps between two levels drawn at random; it moves smoothly from one to the next, at most 1% a step."""

_INCREMENT = np.uint64(0x9E3779B97F4A7C15)


def keys_of(seed: int, service: ServiceId) -> tuple[int, int]:
    """The 64-bit numbers that the traffic of a service there and back is drawn from."""
    digest = blake2b(f"{seed}/{service}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def step_at(at_s: float) -> int:
    """The number of the step that a time is in."""
    return int(at_s // STEP_S)


def offered_gbps(keys: Keys, guaranteed_gbps: Floats, ceiling_gbps: Floats, step: int) -> Floats:
    """What each direction offers in a step; each has its own key and swings at its own time."""
    knots = np.uint64(_KNOT_STEPS)
    position = keys % knots + np.uint64(max(0, step))
    knot = position // knots
    way = (position % knots).astype(np.float64) / _KNOT_STEPS
    smooth = way * way * (3.0 - 2.0 * way)
    before, after = _uniform(keys, knot), _uniform(keys, knot + np.uint64(1))
    swing = before + (after - before) * smooth
    return np.where(
        guaranteed_gbps > 0.0,
        guaranteed_gbps * _between(GUARANTEED_SHARE, swing)
        + (ceiling_gbps - guaranteed_gbps) * GUARANTEED_SHARE[1] * swing,
        ceiling_gbps * _between(CEILING_SHARE, swing),
    )


def _between(bounds: tuple[float, float], part: Floats) -> Floats:
    low, high = bounds
    return low + (high - low) * part


def _uniform(keys: Keys, counter: Keys) -> Floats:
    """A number in [0, 1) for each key and counter: splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = keys + (counter + np.uint64(1)) * _INCREMENT
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
