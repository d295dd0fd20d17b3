"""Pings, traces and measurements of a service as they travel."""

from __future__ import annotations

from pydantic import Field

from highroad.model.measurement import Way
from highroad.wire.base import In, Out, Time, Whole
from highroad.wire.measured import Measured

MOST_PACKETS = 20


class PingIn(In):
    """How to ping a service: everything may be left out."""

    count: Whole = Field(default=5, ge=1, le=MOST_PACKETS, description="Packets, one after the other.")
    interval_ms: float = Field(default=200.0, ge=1.0, le=1000.0, description="From one packet to the next.")
    size_bytes: Whole = Field(default=64, ge=28, le=8972, description="Of what follows the IP header of each packet.")


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


class MeasurementOut(Out):
    """One interval of one path: sent by the headend of the way, answered by the far end. Null is what is not known."""

    way: Way = Field(description="`there` is measured from the first end, `back` from the second.")
    at: Time = Field(description="When the interval began; packets count in the one in which they were sent.")
    for_s: float
    preference: int = Field(description="Of the candidate path.")
    list_index: int = Field(description="Which of its segment lists.")
    in_use: bool = Field(description="Whether traffic goes there.")
    pinned: bool = Field(description="Whether answers came along the service's own path, and not as routers like.")
    sent: int
    lost_out: int = Field(description="Packets that did not reach the far end.")
    lost_home: int = Field(description="Packets that did, and whose answer got lost.")
    lost_unknown: int = Field(description="Packets that were lost, nobody knows where.")
    late: int = Field(description="Answers that were overtaken.")
    doubled: int = Field(description="Answers that came once more.")
    loss: float = Field(description="The share of packets without an answer, 0 to 1.")
    rtt_ms_min: float | None = Field(description="Round trips, without what the far end took.")
    rtt_ms_p50: float | None
    rtt_ms_p99: float | None
    rtt_ms_max: float | None
    jitter_ms: float | None = Field(description="The mean difference from one packet to the next, of round trips.")
    jitter_ms_out: float | None
    jitter_ms_home: float | None
    latency_ms_out: float | None = Field(
        description="One way, the median: null unless both routers' clocks are known to be right to less than it."
    )
    latency_ms_home: float | None
    clock_error_ms: float | None = Field(description="By how much both clocks together may be off.")


class MeasurementsOut(Measured):
    """What was measured of a service's paths within the last seconds, the oldest first."""

    service: str
    at: Time
    intervals: list[MeasurementOut]
