"""Pings and traces of a service as they travel."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import In, Out, Time
from highroad.wire.measured import Measured

MOST_PACKETS = 20


class PingIn(In):
    """How to ping a service: everything may be left out."""

    count: int = Field(default=5, ge=1, le=MOST_PACKETS, description="Packets, one after the other.")
    interval_ms: float = Field(default=200.0, ge=1.0, le=1000.0, description="From one packet to the next.")
    size_bytes: int = Field(default=64, ge=28, le=8972, description="Of what follows the IP header of each packet.")


class EchoOut(Out):
    """One packet; without an `rtt_ms` where no answer came."""

    sequence: int
    rtt_ms: float | None


class PingOut(Measured):
    """What came back of a ping, from the service's first end to its second and back."""

    service: str
    at: Time
    size_bytes: int
    echoes: list[EchoOut]
    sent: int
    received: int
    loss: float = Field(description="The share of packets without an answer, 0 to 1.")
    rtt_ms_min: float | None
    rtt_ms_avg: float | None
    rtt_ms_max: float | None
    rtt_ms_mdev: float | None = Field(description="Their standard deviation.")


class HopOut(Out):
    """A router on the way, and the link that leads to it."""

    site: str
    name: str
    link: str
    latency_ms: float | None = Field(description="Of light from the headend to here, one way along the path.")
    rtt_ms: float | None = Field(
        description="From the headend along the path to here, and back by the routers' own shortest way; null where no "
        "answer came."
    )


class TraceWayOut(Out):
    """One direction, from its headend on."""

    site: str = Field(description="Where the headend is.")
    name: str
    hops: list[HopOut]


class TraceOut(Measured):
    """Every router that a service's traffic passes, each way."""

    service: str
    at: Time
    there: TraceWayOut
    back: TraceWayOut
