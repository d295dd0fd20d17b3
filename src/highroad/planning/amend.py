"""From a service and a change to the order that it would have: read and checked as a new order is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from highroad.errors import Finding
from highroad.model.change import Change
from highroad.model.lifecycle import CARRYING
from highroad.model.service import Attachment, End, Order, Request, Service
from highroad.planning.ground import Ground
from highroad.planning.order import resolve
from highroad.planning.wrong import Wrong
from highroad.units import iso_from_s

TIMES = frozenset({"start_s", "end_s", "windows", "recurrence"})

REPEATED = frozenset({"windows", "recurrence"})


def amend(ground: Ground, service: Service, change: Change, now_s: float) -> tuple[Order | None, list[Finding]]:
    """The order of a service once it is changed, or everything that is wrong with the change.

    What is not named stays just as it is, also the time of its window that has passed. The ground has to be the one
    without the service (`Ground.without`), so that its own tags are free.
    """
    before, named = service.order, _named(change)
    wrong = Wrong()
    _check_none(service, change, wrong)
    _check_times(service, named, now_s, wrong)
    order, findings = resolve(_request(service, named, ground, now_s), ground, now_s)
    if order is None or wrong.findings:
        return None, [*wrong.findings, *findings]
    if not TIMES & named.keys():
        order = replace(order, window=before.window, recurrence=before.recurrence, notes=before.notes)
    elif TIMES & named.keys() <= {"start_s", "end_s"} and not before.window.pieces and _begun(service, now_s):
        order = replace(order, window=replace(order.window, start_s=min(order.window.start_s, before.window.start_s)))
    # A tag that was found for an end stays with it.
    return replace(order, a=order.a if "a" in named else before.a, b=order.b if "b" in named else before.b), []


def requested(ground: Ground, service: Service, change: Change, now_s: float) -> Request:
    """The request that a service would have been ordered by, had it been as the change wants it."""
    return _request(service, _named(change), ground, now_s)


def _named(change: Change) -> dict[str, Any]:
    """What is changed, but for times that are none: what takes their place is named beside them."""
    return {name: value for name, value in change.named.items() if value is not None or name not in REPEATED}


def _check_none(service: Service, change: Change, wrong: Wrong) -> None:
    """No times of its own do not say when it is carried instead."""
    order, named = service.order, _named(change)
    has = {"windows": order.window.pieces, "recurrence": order.recurrence}
    for name in sorted(REPEATED & change.named.keys() - named.keys()):
        if has[name] and not TIMES & named.keys():
            message = "null does not say when it is to be instead: give `windows`, a `recurrence`, or `start` and `end`"
            wrong("window-pieces", name, message)


def _check_times(service: Service, named: dict[str, Any], now_s: float, wrong: Wrong) -> None:
    window, times = service.order.window, TIMES & named.keys()
    if "start_s" in times and not window.pieces and _begun(service, now_s) and named["start_s"] != window.start_s:
        wrong("window-begun", "start", f"its window began at {iso_from_s(window.start_s)}: only its end can be changed")
    if window.pieces and times and times <= {"start_s", "end_s"} and len(times) == 1:
        wrong("window-pieces", "end", "its window is in pieces: give `windows`, a `recurrence`, or `start` and `end`")


def _request(service: Service, named: dict[str, Any], ground: Ground, now_s: float) -> Request:
    before, times = service.order, TIMES & named.keys()
    request = Request(
        tenant=before.tenant,
        a=_end(before.a, ground.carries_tags),
        b=_end(before.b, ground.carries_tags),
        bandwidth_gbps=before.bandwidth_gbps,
        kind=before.kind,
        traffic_class=before.traffic_class,
        burst_gbps=before.burst_gbps,
        latency_bound_ms=before.latency_bound_ms,
        fence=None if before.fence is None else tuple(before.fence.codes),
        protection=before.protection,
        description=before.description,
        max_paths=before.max_paths,
        autoscale=before.autoscale,
    )
    if not times and before.window.pieces:
        left = service.window.pieces or (service.piece,)
        pieces = tuple(replace(one, start_s=max(one.start_s, now_s)) for one in left if one.until_s > now_s)
        request = replace(request, windows=pieces)
    elif times <= {"start_s", "end_s"}:
        start_s = None if _begun(service, now_s) else before.window.start_s
        request = replace(request, start_s=start_s, end_s=before.window.end_s)
        if "start_s" in named and named["start_s"] == before.window.start_s:
            named = {name: value for name, value in named.items() if name != "start_s"}
    request = replace(request, **named)
    rule = request.autoscale
    if "autoscale" in named and rule is not None and "bandwidth_gbps" not in named:
        # A rate that nobody speaks of is brought inside the rule.
        inside_gbps = min(max(before.bandwidth_gbps, rule.floor_gbps), rule.ceiling_gbps)
        request = replace(request, bandwidth_gbps=inside_gbps)
    if {"bandwidth_gbps", "autoscale"} & named.keys() and "burst_gbps" not in named and before.burst_gbps is not None:
        # A burst that nobody speaks of rises with the guarantee, and with what that may follow to.
        most_gbps = request.bandwidth_gbps if rule is None else max(request.bandwidth_gbps, rule.ceiling_gbps)
        request = replace(request, burst_gbps=max(before.burst_gbps, most_gbps))
    return request


def _begun(service: Service, now_s: float) -> bool:
    return service.state in CARRYING or service.order.window.start_s <= now_s


def _end(end: Attachment, tagged: bool) -> End:
    return End(at=end.port, vlan=end.vlan if tagged else None, whole_port=end.vlan is None, prefixes=end.prefixes)
