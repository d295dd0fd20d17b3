"""A network as plain JSON values: what the API and the store carry. Every link is written out, one direction each."""

from __future__ import annotations

from typing import Any

from highroad.formats.loaded import Loaded
from highroad.formats.plain import VERSION, build
from highroad.model.network import Fibre, Link, Network, RiskGroup, Site


def to_plain(network: Network) -> dict[str, Any]:
    """A dict that `json.dumps` takes; `from_plain` reads it back to an equal network."""
    return {
        "highroad": VERSION,
        "name": network.name,
        "assumptions": list(network.assumptions),
        "risk_groups": [_risk_group(group) for group in network.risk_groups],
        "sites": [_site(site) for site in network.sites],
        "fibres": [_fibre(fibre) for fibre in network.fibres],
        "links": [_link(link) for link in network.links],
    }


def from_plain(document: object) -> Loaded:
    """The network of such a dict, or of any other value at all, with everything that is wrong with it."""
    return build(document)


def _site(site: Site) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": site.id,
        "name": site.name,
        "kind": site.kind.value,
        "lat": site.lat,
        "lon": site.lon,
        "jurisdiction": site.jurisdiction,
    }
    if site.operator is not None:
        plain["operator"] = site.operator
    if site.carbon_g_per_kwh is not None:
        plain["carbon_g_per_kwh"] = site.carbon_g_per_kwh
    return plain


def _fibre(fibre: Fibre) -> dict[str, Any]:
    return {
        "id": fibre.id,
        "a": fibre.a,
        "b": fibre.b,
        "length_km": fibre.length_km,
        "medium": fibre.medium.value,
        "jurisdictions": list(fibre.jurisdictions),
        "risk_groups": list(fibre.risk_groups),
    }


def _risk_group(group: RiskGroup) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": group.id, "name": group.name}
    if group.failure_probability is not None:
        plain["failure_probability"] = group.failure_probability
    return plain


def _link(link: Link) -> dict[str, Any]:
    return {
        "id": link.id,
        "tail": link.tail,
        "head": link.head,
        "capacity_gbps": link.capacity_gbps,
        "latency_ms": link.latency_ms,
        "fibres": list(link.fibres),
    }
