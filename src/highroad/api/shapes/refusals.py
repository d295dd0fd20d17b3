"""Refusals, counter-offers and previews of a network's change as they travel."""

from __future__ import annotations

from typing import Any

from highroad.control.reload import NetworkChange
from highroad.model.service import End, Protection, Request, ServiceKind, TrafficClass
from highroad.planning.admission import Binding
from highroad.planning.offers import Offer
from highroad.units import iso_from_s
from highroad.wire.base import maybe_time
from highroad.wire.problems import NetworkChangeOut, ServiceEffectOut
from highroad.wire.services import BindingOut, OfferOut


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
    )


def offer_out(offer: Offer) -> OfferOut:
    """What can be had instead, with the body that takes it."""
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
        "end": None if request.end_s is None else iso_from_s(request.end_s),
        "kind": None if request.kind is ServiceKind.IP else request.kind.value,
        "traffic_class": None if request.traffic_class is TrafficClass.ASSURED else request.traffic_class.value,
        "protection": None if request.protection is Protection.NONE else request.protection.value,
        "description": request.description or None,
    }
    return body | {name: value for name, value in maybe.items() if value is not None}


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
