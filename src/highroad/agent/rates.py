"""What the kernel's shapers, queues and meters are told for a rate on customers' bytes."""

from __future__ import annotations

from highroad.agent.config import AgentConfig

LEAST_RATE = 1_000
"""Bytes a second: a class of rate 0 does not exist; this is 8 kbit/s."""

MOST_QUEUE_BYTES = 256_000_000
"""More is memory, not room."""

LEAST_QUEUE_BYTES = 200_000
"""Three segments of the largest size that a sender hands to its network card (64 kB)."""

BURST_S = 0.002
"""What a class may send at once, besides one super-frame: the grain of the scheduler."""

ETHERNET_BYTES = 14
"""The header that the shaper counts with each packet, and the customer does not."""

TYPICAL_BYTES = 1500
"""The packet at which a rate on customer bytes is exact: larger ones get up to 0.8 % more, smaller ones less."""


def bytes_a_second(config: AgentConfig, kbps: float) -> int:
    """What the shaper is told for a rate on customer bytes: scaled, with the Ethernet header that it counts."""
    scaled = kbps * 1000 / 8 * config.rate_scale
    return max(LEAST_RATE, round(scaled * (1 + ETHERNET_BYTES / TYPICAL_BYTES)))


def burst(rate: int, mtu_bytes: int) -> int:
    """Bytes that a class may send at once."""
    return max(2 * (mtu_bytes + ETHERNET_BYTES), int(rate * BURST_S))


def queue_bytes(rate: int, seconds: float) -> int:
    """How long a queue may get that empties at a rate in so many seconds."""
    return min(MOST_QUEUE_BYTES, max(LEAST_QUEUE_BYTES, int(rate * seconds)))


def quantum(rate: int) -> int:
    """What a class may borrow in its turn: in proportion to its rate, so that spare room is shared like guarantees."""
    return min(200_000, max(1_600, rate // 10))
