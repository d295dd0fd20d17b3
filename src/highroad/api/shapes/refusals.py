"""Refusals, counter-offers and previews of a network's change as they travel."""

from __future__ import annotations

from typing import Any

from highroad.control.reload import NetworkChange
from highroad.model.autoscale import Autoscale
from highroad.model.recurrence import Recurrence
from highroad.model.service import End, Protection, Request, ServiceKind, TrafficClass
from highroad.planning.binding import Binding
from highroad.planning.offers import Offer
from highroad.units import iso_from_s
from highroad.wire.base import maybe_time
from highroad.wire.problems import NetworkChangeOut, ServiceEffectOut
from highroad.wire.services import BindingOut, HolderOut, OfferOut


def binding_out(binding: Binding) -> BindingOut:
    """What stands in the way."""
    return BindingOut(
        constraint=binding.constraint,
        message=binding.message,
        link=binding.link,
        site=binding.site,
        at=maybe_time(binding.at_s),
        available_gbps=binding.available_gbps,
        least_latency_ms=binding.least_latency_ms,
        outside=list(binding.outside),
        risk_groups=list(binding.risk_groups),
        holders=[
            HolderOut(service=one.service, bandwidth_gbps=one.bandwidth_gbps, standby=one.standby)
            for one in binding.holders
        ],
    )


def offer_out(offer: Offer) -> OfferOut:
    """What can be had instead, with the body that takes it: of POST, or of PATCH for a change in place."""
    if offer.patch is not None:
        changes = change_body(offer.request, offer.patch)
        return OfferOut(message=offer.message, changes=changes, latency_ms=offer.latency_ms)
    return OfferOut(
        message=offer.message,
        changes=dict(offer.changes),
        order=order_body(offer.request),
        latency_ms=offer.latency_ms,
    )


def order_body(request: Request) -> dict[str, Any]:
    """A request as the body of POST /v1/services, with what differs from the defaults only."""
    body: dict[str, Any] = {
        "from": _end(request.a),
        "to": _end(request.b),
        "bandwidth_gbps": request.bandwidth_gbps,
    }
    maybe = {
        "burst_gbps": request.burst_gbps,
        "latency_bound_ms": request.latency_bound_ms,
        "fence": None if request.fence is None else list(request.fence),
        "start": None if request.start_s is None else iso_from_s(request.start_s),
        "windows": _pieces(request) or None,
        "recurrence": _recurrence(request.recurrence),
        "max_paths": request.max_paths,
        "end": None if request.end_s is None else iso_from_s(request.end_s),
        "kind": None if request.kind is ServiceKind.IP else request.kind.value,
        "traffic_class": None if request.traffic_class is TrafficClass.ASSURED else request.traffic_class.value,
        "protection": None if request.protection is Protection.NONE else request.protection.value,
        "hold_s": request.hold_s,
        "autoscale": _autoscale(request.autoscale),
        "description": request.description or None,
    }
    return body | {name: value for name, value in maybe.items() if value is not None}


def change_body(request: Request, named: frozenset[str]) -> dict[str, Any]:
    """Fields of a request as the body of PATCH /v1/services/{id}; null is none."""
    values: dict[str, tuple[str, Any]] = {
        "a": ("from", _end(request.a)),
        "b": ("to", _end(request.b)),
        "start_s": ("start", None if request.start_s is None else iso_from_s(request.start_s)),
        "end_s": ("end", None if request.end_s is None else iso_from_s(request.end_s)),
        "fence": ("fence", None if request.fence is None else list(request.fence)),
        "windows": ("windows", _pieces(request) or None),
        "recurrence": ("recurrence", _recurrence(request.recurrence)),
        "protection": ("protection", request.protection.value),
        "traffic_class": ("traffic_class", request.traffic_class.value),
        "autoscale": ("autoscale", _autoscale(request.autoscale)),
    }
    pieces = frozenset({"start_s", "end_s", "recurrence"}) if request.windows else frozenset[str]()
    body: dict[str, Any] = {}
    for field in sorted(named - pieces):
        name, value = values.get(field) or (field, getattr(request, field))
        body[name] = value
    return body


def network_change_out(change: NetworkChange) -> NetworkChangeOut:
    """The difference between two networks, and what it does to services."""
    return NetworkChangeOut(
        from_revision=change.from_revision,
        added=list(change.added),
        removed=list(change.removed),
        changed=list(change.changed),
        effects=[
            ServiceEffectOut(
                service=effect.service, tenant=effect.tenant, effect=effect.effect.value, message=effect.message
            )
            for effect in change.effects
        ],
        confirm=change.confirm,
    )


def _autoscale(rule: Autoscale | None) -> dict[str, float] | None:
    return None if rule is None else {"floor_gbps": rule.floor_gbps, "ceiling_gbps": rule.ceiling_gbps}


def _pieces(request: Request) -> list[dict[str, str]]:
    return [{"start": iso_from_s(one.start_s), "end": iso_from_s(one.until_s)} for one in request.windows]


def _recurrence(recurrence: Recurrence | None) -> dict[str, Any] | None:
    if recurrence is None:
        return None
    return {
        "rule": recurrence.rule,
        "time_zone": recurrence.time_zone,
        "start": recurrence.start.isoformat(),
        "duration_s": recurrence.duration_s,
    }


def _end(end: End) -> str | dict[str, Any]:
    if end.vlan is None and not end.whole_port and not end.prefixes:
        return end.at
    full: dict[str, Any] = {"at": end.at}
    if end.vlan is not None:
        full["vlan"] = end.vlan
    if end.whole_port:
        full["whole_port"] = True
    if end.prefixes:
        full["prefixes"] = list(end.prefixes)
    return full
