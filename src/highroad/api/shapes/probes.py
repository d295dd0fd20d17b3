"""Pings, traces and measurements out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from highroad.api.shapes.measured import measured
from highroad.control.desk import Desk
from highroad.model.measurement import Measurement
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import Service
from highroad.ports import Echo, Hop, Trace
from highroad.wire.base import time_from_s
from highroad.wire.probes import EchoOut, HopOut, MeasurementOut, MeasurementsOut, PingOut, TraceOut, TraceWayOut


def ping_out(service: Service, echoes: Sequence[Echo], controller: Desk, at_s: float, size_bytes: int) -> PingOut:
    """What came back, and what it comes to."""
    came_ms = [echo.rtt_ms for echo in echoes if echo.rtt_ms is not None]
    mean_ms = sum(came_ms) / len(came_ms) if came_ms else None
    return PingOut(
        **measured(controller),
        service=service.id,
        at=time_from_s(at_s),
        size_bytes=size_bytes,
        echoes=[EchoOut(sequence=echo.sequence, rtt_ms=_rounded(echo.rtt_ms)) for echo in echoes],
        sent=len(echoes),
        received=len(came_ms),
        loss=1.0 - len(came_ms) / len(echoes) if echoes else 0.0,
        rtt_ms_min=_rounded(min(came_ms, default=None)),
        rtt_ms_avg=_rounded(mean_ms),
        rtt_ms_max=_rounded(max(came_ms, default=None)),
        rtt_ms_mdev=None
        if mean_ms is None
        else _rounded(math.sqrt(sum((one - mean_ms) ** 2 for one in came_ms) / len(came_ms))),
    )


def trace_out(service: Service, trace: Trace, network: Network, controller: Desk, at_s: float) -> TraceOut:
    """Every hop with the names of sites."""
    return TraceOut(
        **measured(controller),
        service=service.id,
        at=time_from_s(at_s),
        there=_way_out(service.order.a_site, trace.there, network),
        back=_way_out(service.order.b_site, trace.back, network),
    )


def measurements_out(
    service: Service, measurements: Sequence[Measurement], controller: Desk, at_s: float
) -> MeasurementsOut:
    """Every interval."""
    return MeasurementsOut(
        **measured(controller),
        service=service.id,
        at=time_from_s(at_s),
        intervals=[_measurement_out(one) for one in measurements],
    )


def _measurement_out(one: Measurement) -> MeasurementOut:
    return MeasurementOut(
        way=one.way,
        at=time_from_s(one.at_s),
        for_s=one.for_s,
        preference=one.preference,
        list_index=one.list_index,
        in_use=one.in_use,
        pinned=one.pinned,
        sent=one.sent,
        lost_out=one.lost_out,
        lost_home=one.lost_home,
        lost_unknown=one.lost_unknown,
        late=one.late,
        doubled=one.doubled,
        loss=one.lost / one.sent if one.sent else 0.0,
        rtt_ms_min=_rounded(one.rtt_min_ms),
        rtt_ms_p50=_rounded(one.rtt_p50_ms),
        rtt_ms_p99=_rounded(one.rtt_p99_ms),
        rtt_ms_max=_rounded(one.rtt_max_ms),
        jitter_ms=_rounded(one.jitter_ms),
        jitter_ms_out=_rounded(one.jitter_out_ms),
        jitter_ms_home=_rounded(one.jitter_home_ms),
        latency_ms_out=_rounded(one.out_ms),
        latency_ms_home=_rounded(one.home_ms),
        clock_error_ms=_rounded(one.clock_error_ms),
    )


def _way_out(headend: SiteId, hops: Sequence[Hop], network: Network) -> TraceWayOut:
    found: list[HopOut] = []
    light_ms: float | None = 0.0
    for hop in hops:
        light_ms = _further(light_ms, hop.link, network)
        found.append(
            HopOut(
                site=hop.site,
                name=_name(hop.site, network),
                link=hop.link,
                latency_ms=_rounded(light_ms),
                rtt_ms=_rounded(hop.rtt_ms),
            )
        )
    return TraceWayOut(site=headend, name=_name(headend, network), hops=found)


def _further(light_ms: float | None, link: LinkId, network: Network) -> float | None:
    """Light's time to the end of a link; unknown from a link on that the network in force no longer has."""
    known = network.link.get(link)
    return None if light_ms is None or known is None else light_ms + known.latency_ms


def _name(site: SiteId, network: Network) -> str:
    known = network.site.get(site)
    return site if known is None else known.name


def _rounded(value_ms: float | None) -> float | None:
    return None if value_ms is None else round(value_ms, 6)
