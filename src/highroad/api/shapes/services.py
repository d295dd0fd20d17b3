"""Orders in, services and their counters out."""

from __future__ import annotations

import math
from datetime import datetime

from highroad.api.shapes.measured import measured
from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.graph.paths import Graph
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import Attachment, End, Placement, Request, Service, TenantId
from highroad.ports import Sample, ServiceCounters
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.operations import ServiceRateOut
from highroad.wire.services import BackupOut, CountersOut, EndIn, EndOut, OrderIn, PathOut, ServiceOut


def request_of(order: OrderIn, tenant: TenantId) -> Request:
    """What a tenant asks for, as the planner takes it; judged there."""
    return Request(
        tenant=tenant,
        a=_end(order.a),
        b=_end(order.b),
        bandwidth_gbps=order.bandwidth_gbps,
        start_s=_seconds(order.start),
        end_s=_seconds(order.end),
        kind=order.kind,
        traffic_class=order.traffic_class,
        burst_gbps=order.burst_gbps,
        latency_bound_ms=order.latency_bound_ms,
        fence=None if order.fence is None else tuple(order.fence),
        protection=order.protection,
        description=order.description,
    )


def service_out(service: Service, book: Book) -> ServiceOut:
    """A service as it stands, with both directions of its path."""
    network, graph, tagged = book.network, book.graph, book.carries_tags
    order = service.order
    placement = service.placement
    return ServiceOut(
        id=service.id,
        version=service.version,
        state=service.state,
        reason=service.reason,
        tenant=service.tenant,
        a=_end_out(order.a, order.a_site, tagged=tagged),
        b=_end_out(order.b, order.b_site, tagged=tagged),
        bandwidth_gbps=order.bandwidth_gbps,
        burst_gbps=order.burst_gbps,
        latency_bound_ms=order.latency_bound_ms,
        fence=None if order.fence is None else list(order.fence.codes),
        start=time_from_s(order.window.start_s),
        end=maybe_time(order.window.end_s),
        kind=order.kind,
        traffic_class=order.traffic_class,
        protection=order.protection,
        description=order.description,
        there=None if placement is None else path_out(placement.there, network, graph),
        back=None if placement is None else path_out(placement.back, network, graph),
        backup=None if placement is None else _backup_out(placement, network, graph),
        created=time_from_s(service.created_s),
        changed=time_from_s(service.changed_s),
    )


def _backup_out(placement: Placement, network: Network, graph: Graph) -> BackupOut | None:
    one = placement.backup
    if one is None:
        return None
    return BackupOut(there=path_out(one.there, network, graph), back=path_out(one.back, network, graph))


def path_out(path: tuple[LinkId, ...], network: Network, graph: Graph) -> PathOut | None:
    """One direction, or None where the network in force no longer has one of its links."""
    links = [network.link[link] for link in path if link in network.link]
    if len(links) != len(path) or not links:
        return None
    fibres = [network.fibre[fibre] for link in links for fibre in link.fibres]
    crossed = frozenset().union(*(network.jurisdictions_of(link) for link in path))
    return PathOut(
        sites=[links[0].tail, *(link.head for link in links)],
        links=list(path),
        latency_ms=graph.latency_ms(path),
        length_km=round(sum(fibre.length_km for fibre in fibres), 3),
        jurisdictions=sorted(crossed),
    )


def counters_out(service: Service, sample: Sample, controller: Controller) -> CountersOut:
    """What was carried of a service; all zero for one that nothing carries yet."""
    counters = sample.services.get(service.id) or _NOTHING
    return CountersOut(
        **measured(controller),
        at=time_from_s(sample.at_s),
        offered_bytes=round(counters.offered_bytes),
        carried_bytes=round(counters.carried_bytes),
        lost_bytes=round(counters.lost_bytes),
        dark_ms=counters.dark_s * 1000.0,
        offered_gbps=counters.offered_gbps,
        carried_gbps_there=counters.carried_gbps_there,
        carried_gbps_back=counters.carried_gbps_back,
        latency_ms_there=_latency(counters.latency_ms_there, counters.carried_gbps_there),
        latency_ms_back=_latency(counters.latency_ms_back, counters.carried_gbps_back),
    )


def rate_out(state: State, counters: ServiceCounters) -> ServiceRateOut:
    """A service in a sample."""
    return ServiceRateOut(
        state=state.value,
        offered_gbps=round(counters.offered_gbps, 3),
        carried_gbps_there=round(counters.carried_gbps_there, 3),
        carried_gbps_back=round(counters.carried_gbps_back, 3),
        latency_ms_there=_latency(counters.latency_ms_there, counters.carried_gbps_there),
        latency_ms_back=_latency(counters.latency_ms_back, counters.carried_gbps_back),
        dark_ms=round(counters.dark_s * 1000.0, 3),
        lost_bytes=round(counters.lost_bytes),
    )


_NOTHING = ServiceCounters(
    offered_bytes=0.0,
    carried_bytes=0.0,
    lost_bytes=0.0,
    dark_s=0.0,
    offered_gbps=0.0,
    carried_gbps_there=0.0,
    carried_gbps_back=0.0,
    latency_ms_there=math.nan,
    latency_ms_back=math.nan,
)


def _end(end: str | EndIn) -> End:
    if isinstance(end, str):
        return End(at=end)
    return End(at=end.at, vlan=end.vlan, whole_port=end.whole_port, prefixes=tuple(end.prefixes))


def _end_out(end: Attachment, site: SiteId, *, tagged: bool) -> EndOut:
    """Where routers carry no tags, the one that was found only numbers an interface, and is nothing to configure."""
    vlan = end.vlan if tagged else None
    return EndOut(site=site, port=end.port, vlan=vlan, whole_port=end.vlan is None, prefixes=list(end.prefixes))


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _latency(latency_ms: float, carried_gbps: float) -> float | None:
    """Of what arrives; while nothing does, nobody knows it."""
    return round(latency_ms, 6) if carried_gbps > 0.0 and math.isfinite(latency_ms) else None
