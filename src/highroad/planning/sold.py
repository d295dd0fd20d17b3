"""Steps in which what is free is shown and offered."""

from __future__ import annotations

SOLD_STEP_MBPS = 1000
"""Free capacity is shown, and rates are offered, in whole Gbit/s; below one, as it is."""


def sold(rate_mbps: int) -> int:
    """A free rate as it is shown: rounded down to the step in which it is sold, never below 0."""
    return max(0, rate_mbps if rate_mbps < SOLD_STEP_MBPS else rate_mbps // SOLD_STEP_MBPS * SOLD_STEP_MBPS)
