"""What routers would have measured, by the model: a packet each 100 ms for the second that was, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from highroad.model.measurement import Measurement, Way
from highroad.model.service import ServiceId

SENT = 10


def measurements(
    services: Sequence[ServiceId],
    shares: Sequence[Sequence[float]],
    latency_ms: Sequence[Sequence[float]],
    *,
    at_s: float,
    for_s: float,
) -> Iterator[Measurement]:
    """Of every service: which share arrives, and how long it takes, there and back."""
    for service, arrives, taken_ms in zip(services, shares, latency_ms, strict=True):
        for way, out, home in ((Way.THERE, 0, 1), (Way.BACK, 1, 0)):
            lost_out = round(SENT * (1.0 - arrives[out]))
            lost_home = round((SENT - lost_out) * (1.0 - arrives[home]))
            answered = lost_out + lost_home < SENT
            rtt_ms = taken_ms[out] + taken_ms[home] if answered else None
            yield Measurement(
                service=service,
                way=way,
                at_s=at_s,
                for_s=for_s,
                sent=SENT,
                lost_out=lost_out,
                lost_home=lost_home,
                rtt_min_ms=rtt_ms,
                rtt_p50_ms=rtt_ms,
                rtt_p99_ms=rtt_ms,
                rtt_max_ms=rtt_ms,
                jitter_ms=0.0 if answered else None,
                jitter_out_ms=0.0 if answered else None,
                jitter_home_ms=0.0 if answered else None,
                out_ms=taken_ms[out] if answered else None,
                home_ms=taken_ms[home] if answered else None,
                clock_error_ms=0.0 if answered else None,
                pinned=True,
                path="model",
            )
