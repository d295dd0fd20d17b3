"""Orders in, services and their counters out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from functools import cache, partial
from typing import Any

from highroad.api.shapes.measured import measured
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.graph.paths import Graph
from highroad.model.autoscale import Autoscale
from highroad.model.change import Change
from highroad.model.lifecycle import ENDED, State
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.recurrence import Recurrence
from highroad.model.service import Attachment, End, Placement, Request, Service, TenantId
from highroad.model.window import Window
from highroad.planning.chances import service_availability
from highroad.ports import Sample, ServiceCounters
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.operations import ServiceRateOut
from highroad.wire.services import (
    AutoscaleIn,
    AutoscaleOut,
    BackupOut,
    BranchOut,
    CountersOut,
    EndIn,
    EndOut,
    OrderIn,
    PathOut,
    RecurrenceIn,
    RecurrenceOut,
    ScaleRefusalOut,
    ScaleStepOut,
    ServiceChangeIn,
    ServiceOut,
    WindowIn,
    WindowOut,
)

WINDOWS_SHOWN = 10
"""Of several windows so many are told."""


def request_of(order: OrderIn, tenant: TenantId) -> Request:
    """What a tenant asks for, as the planner takes it; judged there."""
    return Request(
        tenant=tenant,
        a=_end(order.a),
        b=_end(order.b),
        bandwidth_gbps=_bandwidth_gbps(order),
        start_s=_seconds(order.start),
        end_s=_seconds(order.end),
        kind=order.kind,
        traffic_class=order.traffic_class,
        burst_gbps=order.burst_gbps,
        latency_bound_ms=order.latency_bound_ms,
        fence=None if order.fence is None else tuple(order.fence),
        protection=order.protection,
        description=order.description,
        windows=_windows(order.windows),
        recurrence=_recurrence(order.recurrence),
        max_paths=order.max_paths,
        hold_s=order.hold_s,
        autoscale=_autoscale(order.autoscale),
    )


def change_of(body: ServiceChangeIn) -> Change:
    """What a tenant changes, as the planner takes it; judged there. Null changes nothing where there can be no none."""
    given = body.model_fields_set
    plain: tuple[tuple[str, Any], ...] = (
        ("a", None if body.a is None else _end(body.a)),
        ("b", None if body.b is None else _end(body.b)),
        ("bandwidth_gbps", body.bandwidth_gbps),
        ("protection", body.protection),
        ("traffic_class", body.traffic_class),
        ("description", body.description),
        ("start_s", _seconds(body.start)),
    )
    named = {name: value for name, value in plain if value is not None}
    for name in ("burst_gbps", "latency_bound_ms", "max_paths"):
        if name in given:
            named[name] = getattr(body, name)
    if "fence" in given:
        named["fence"] = None if body.fence is None else tuple(body.fence)
    if "autoscale" in given:
        named["autoscale"] = _autoscale(body.autoscale)
    if "windows" in given:
        named["windows"] = _windows(body.windows) or None
    if "recurrence" in given:
        named["recurrence"] = _recurrence(body.recurrence)
    if "end" in given:
        named["end_s"] = _seconds(body.end)
    return Change(**named)


def _bandwidth_gbps(order: OrderIn) -> float:
    """The rate to begin with: the floor of a rule where none is named, which is one of the two."""
    if order.bandwidth_gbps is None:
        return math.nan if order.autoscale is None else order.autoscale.floor_gbps
    return order.bandwidth_gbps


def _autoscale(rule: AutoscaleIn | None) -> Autoscale | None:
    return None if rule is None else Autoscale(floor_gbps=rule.floor_gbps, ceiling_gbps=rule.ceiling_gbps)


def _windows(windows: list[WindowIn] | None) -> tuple[Window, ...]:
    return tuple(Window(start_s=one.start.timestamp(), end_s=one.end.timestamp()) for one in (windows or ()))


def _recurrence(recurrence: RecurrenceIn | None) -> Recurrence | None:
    if recurrence is None:
        return None
    return Recurrence(
        rule=recurrence.rule,
        time_zone=recurrence.time_zone,
        start=recurrence.start,
        duration_s=recurrence.duration_s,
    )


class _Ways:
    """What is the same of all services that go the same way: worked out once for those that are told together."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.path = cache(partial(path_out, network=book.network, graph=book.graph))
        self._known: dict[tuple[tuple[LinkId, ...], ...], float | None] = {}

    def availability(self, placement: Placement) -> float | None:
        """To ten digits; None where the network in force no longer has one of its links."""
        backup = placement.backup
        over = (placement.links,) if backup is None else (placement.links, backup.there, backup.back)
        if over not in self._known:
            self._known[over] = _availability(placement, self._book)
        return self._known[over]


def service_out(service: Service, book: Book) -> ServiceOut:
    """A service as it stands, with both directions of its path."""
    return _out(service, book, _Ways(book))


def services_out(services: Iterable[Service], book: Book) -> list[ServiceOut]:
    """The same of several."""
    ways = _Ways(book)
    return [_out(service, book, ways) for service in services]


def _out(service: Service, book: Book, ways: _Ways) -> ServiceOut:
    tagged = book.carries_tags
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
        windows=[_window_out(one) for one in service.window.pieces[:WINDOWS_SHOWN]],
        windows_left=0 if service.state in ENDED else len(service.window.parts),
        recurrence=_recurrence_out(order.recurrence),
        kind=order.kind,
        traffic_class=order.traffic_class,
        protection=order.protection,
        max_paths=order.max_paths,
        notes=list(order.notes),
        description=order.description,
        there=None if placement is None else ways.path(placement.there),
        back=None if placement is None else ways.path(placement.back),
        branches=_branches_out(placement, ways),
        backup=None if placement is None else _backup_out(placement, ways),
        autoscale=_autoscale_out(service),
        unrepairable_links=list(book.unrepairable(service)),
        availability=None if placement is None else ways.availability(placement),
        hold_until=maybe_time(service.hold_until_s) if service.state in (State.HELD, State.REQUESTED) else None,
        created=time_from_s(service.created_s),
        changed=time_from_s(service.changed_s),
    )


def _availability(placement: Placement, book: Book) -> float | None:
    backup = placement.backup
    links = placement.links if backup is None else (*placement.links, *backup.there, *backup.back)
    if not all(link in book.network.link for link in links):
        return None
    return round(service_availability(book.network, book.ground.chances, placement), 10)


def _autoscale_out(service: Service) -> AutoscaleOut | None:
    rule, step, refusal = service.order.autoscale, service.scaled, service.scale_refused
    if rule is None:
        return None
    return AutoscaleOut(
        floor_gbps=rule.floor_gbps,
        ceiling_gbps=rule.ceiling_gbps,
        last_step=None
        if step is None
        else ScaleStepOut(at=time_from_s(step.at_s), from_gbps=step.from_gbps, to_gbps=step.to_gbps),
        last_refusal=None
        if refusal is None
        else ScaleRefusalOut(at=time_from_s(refusal.at_s), wanted_gbps=refusal.wanted_gbps, message=refusal.message),
    )


def _branches_out(placement: Placement | None, ways: _Ways) -> list[BranchOut]:
    if placement is None or not placement.beside:
        return []
    whole = sum(branch.weight for branch in placement.branches)
    return [
        BranchOut(
            share=branch.weight / whole,
            there=ways.path(branch.there),
            back=ways.path(branch.back),
        )
        for branch in placement.branches
    ]


def _window_out(window: Window) -> WindowOut:
    return WindowOut(start=time_from_s(window.start_s), end=time_from_s(window.until_s))


def _recurrence_out(recurrence: Recurrence | None) -> RecurrenceOut | None:
    if recurrence is None:
        return None
    return RecurrenceOut(
        rule=recurrence.rule,
        time_zone=recurrence.time_zone,
        start=recurrence.start,
        duration_s=recurrence.duration_s,
    )


def _backup_out(placement: Placement, ways: _Ways) -> BackupOut | None:
    one = placement.backup
    if one is None:
        return None
    return BackupOut(there=ways.path(one.there), back=ways.path(one.back))


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


def counters_out(service: Service, sample: Sample, controller: Desk) -> CountersOut:
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
        latency_ms_there=latency_out(counters.latency_ms_there, counters.carried_gbps_there),
        latency_ms_back=latency_out(counters.latency_ms_back, counters.carried_gbps_back),
    )


def rate_out(state: State, counters: ServiceCounters) -> ServiceRateOut:
    """A service in a sample."""
    return ServiceRateOut(
        state=state.value,
        offered_gbps=round(counters.offered_gbps, 3),
        carried_gbps_there=round(counters.carried_gbps_there, 3),
        carried_gbps_back=round(counters.carried_gbps_back, 3),
        latency_ms_there=latency_out(counters.latency_ms_there, counters.carried_gbps_there),
        latency_ms_back=latency_out(counters.latency_ms_back, counters.carried_gbps_back),
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


def latency_out(latency_ms: float, carried_gbps: float) -> float | None:
    """Of what arrives; while nothing does, nobody knows it."""
    return round(latency_ms, 6) if carried_gbps > 0.0 and math.isfinite(latency_ms) else None
