"""What room is worth: the cost of putting a rate on a link, in nanoseconds of detour.

    cost(l) = latency(l) + DEAR (latency(l) + HOP_NS) u^4,   u = (peak of what is promised + rate) / capacity

The peak is over the window. An empty link costs its latency, so that on an idle network everybody goes the fastest
way; a full one costs as much
as a detour of twice its latency and 4 ms more. The fourth power (as in the BPR function of road traffic, 1964) leaves
links below a half alone and is convex: what one more Gbit/s costs rises with what is there. HOP_NS makes a hop worth
something, since every hop takes room of one more link.
"""

from __future__ import annotations

DEAR = 2.0
HOP_NS = 2_000_000


def room_price_ns(latency_ns: int, used: float) -> int:
    """The cost of a link of which a share is used once the rate is on it."""
    square = used * used
    return latency_ns + int(DEAR * (latency_ns + HOP_NS) * square * square)
