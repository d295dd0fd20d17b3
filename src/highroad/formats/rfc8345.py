"""RFC 8345 topologies with the TE attributes of RFC 8795, as JSON of RFC 7951: written, and read.

What is written is two networks, the fibre plant and the backbone over it, with the leaves of our own module
`highroad-topology` (in `yang/`) for what the RFCs have no place for: reading it gives an equal network. Of other
people's files the TE topology is read: names, positions, bandwidths, delays and SRLGs. Delays are taken for
microseconds, as in RFC 7471, to which RFC 8795 refers.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from highroad.errors import Severity
from highroad.formats.loaded import Loaded
from highroad.formats.nodelink import things
from highroad.formats.plain import MAX_ITEMS, build
from highroad.formats.rough import Edge, Node, Rough, Ways, listed, shown
from highroad.model.network import Fibre, Link, Network, Site

PLANT, BACKBONE = "fibre-plant", "backbone"

_REAL = re.compile(r"-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,3})?")
_BANDWIDTH = re.compile(r"0[xX][0-9a-fA-F]{1,8}(\.[0-9a-fA-F]{0,6})?([pP]\+?\d{1,3})?|\d{1,30}")
_MODULES = ("ietf-network", "ietf-network-topology", "ietf-te-topology", "highroad-topology")


# --- writing ------------------------------------------------------------------------------------------------


def write(network: Network) -> str:
    """JSON that `read` turns back into an equal network, the same bytes each time; valid against the RFCs' modules."""
    return json.dumps(to_plain(network), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_plain(network: Network) -> dict[str, Any]:
    """The same as plain values."""
    srlg = {fibre.id: number for number, fibre in enumerate(network.fibres, 1)}
    shared = {group.id: number for number, group in enumerate(network.risk_groups, len(srlg) + 1)}
    groups = []
    for group in network.risk_groups:
        one: dict[str, Any] = {"id": group.id, "name": group.name, "srlg": shared[group.id]}
        if group.failure_probability is not None:
            one["failure-probability"] = _real(group.failure_probability)
        groups.append(one)
    plant = {
        "network-id": PLANT,
        "network-types": {"highroad-topology:fibre-plant": {}},
        "node": [{"node-id": site.id} for site in network.sites],
        "ietf-network-topology:link": [link for fibre in network.fibres for link in _fibre(fibre)],
    }
    backbone = {
        "network-id": BACKBONE,
        "network-types": {"ietf-te-topology:te-topology": {}, "highroad-topology:backbone": {}},
        "supporting-network": [{"network-ref": PLANT}],
        "ietf-te-topology:te-topology-identifier": {"provider-id": 0, "client-id": 0, "topology-id": BACKBONE},
        "ietf-te-topology:te": {"name": network.name},
        "highroad-topology:about": {
            "name": network.name,
            "assumption": [{"position": at, "text": text} for at, text in enumerate(network.assumptions)],
            "risk-group": groups,
        },
        "node": [_node(site, number) for number, site in enumerate(network.sites, 1)],
        "ietf-network-topology:link": [_link(network, link, srlg, shared) for link in network.links],
    }
    return {"ietf-network:networks": {"network": [plant, backbone]}}


def _node(site: Site, number: int) -> dict[str, Any]:
    own: dict[str, Any] = {"name": site.name, "kind": site.kind.value, "lat": _real(site.lat), "lon": _real(site.lon)}
    own["jurisdiction"] = site.jurisdiction
    if site.operator is not None:
        own["operator"] = site.operator
    if site.carbon_g_per_kwh is not None:
        own["carbon-g-per-kwh"] = _real(site.carbon_g_per_kwh)
    return {
        "node-id": site.id,
        "supporting-node": [{"network-ref": PLANT, "node-ref": site.id}],
        "ietf-te-topology:te-node-id": ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)),
        "ietf-te-topology:te": {
            "te-node-attributes": {"admin-status": "up", "name": site.name},
            "geolocation": {"latitude": f"{site.lat:.8f}", "longitude": f"{site.lon:.8f}"},
        },
        "highroad-topology:site": own,
    }


def _fibre(fibre: Fibre) -> Iterator[dict[str, Any]]:
    own: dict[str, Any] = {"length-km": _real(fibre.length_km), "medium": fibre.medium.value}
    own["crosses"] = [{"position": at, "jurisdiction": code} for at, code in enumerate(fibre.jurisdictions)]
    own["shares"] = [{"position": at, "risk-group": group} for at, group in enumerate(fibre.risk_groups)]
    yield {**_ends(fibre.id, fibre.a, fibre.b), "highroad-topology:fibre": own}
    yield {**_ends(f"{fibre.id}/back", fibre.b, fibre.a), "highroad-topology:fibre": {"back-of": fibre.id}}


def _link(network: Network, link: Link, srlg: Mapping[Any, int], shared: Mapping[Any, int]) -> dict[str, Any]:
    fibres = [network.fibre[id_] for id_ in link.fibres]
    groups = {shared[group] for fibre in fibres for group in fibre.risk_groups}
    ends = _ends(link.id, link.tail, link.head)
    if len(fibres) == 1:  # RFC 8795 allows one: those of a longer path are in our own leaves
        forward = fibres[0].a == link.tail
        ref = fibres[0].id if forward else f"{fibres[0].id}/back"
        ends["supporting-link"] = [{"network-ref": PLANT, "link-ref": ref}]
    attributes = {
        "name": link.id,
        "admin-status": "up",
        "max-link-bandwidth": {"te-bandwidth": {"generic": te_bandwidth(link.capacity_gbps)}},
        "te-delay-metric": min(math.ceil(round(link.latency_ms * 1000, 6)), 2**32 - 1),
        "te-srlgs": {"value": sorted({*(srlg[fibre.id] for fibre in fibres), *groups})},
    }
    return {
        **ends,
        "ietf-te-topology:te": {"te-link-attributes": attributes},
        "highroad-topology:adjacency": {
            "capacity-gbps": _real(link.capacity_gbps),
            "latency-ms": _real(link.latency_ms),
            "over": [{"position": at, "fibre": id_} for at, id_ in enumerate(link.fibres)],
        },
    }


def _ends(id_: str, tail: str, head: str) -> dict[str, Any]:
    return {"link-id": id_, "source": {"source-node": tail}, "destination": {"dest-node": head}}


def te_bandwidth(gbps: float) -> str:
    """Bytes a second as RFC 8294's bandwidth-ieee-float32 is written, `0x1.748a8p35`: rounded down to 24 bits."""
    mantissa, exponent = math.frexp(gbps * 1e9 / 8)
    digits = f"{(int(mantissa * 2**24) - 2**23) << 1:06x}".rstrip("0")
    return f"0x1{'.' if digits else ''}{digits}p{exponent - 1}"


def _real(value: float) -> str:
    """The shortest decimal text of the same number."""
    return repr(float(value)).lower()


# --- reading ------------------------------------------------------------------------------------------------


def is_rfc8345(document: Mapping[Any, Any]) -> bool:
    """Whether it has `ietf-network:networks`, or `ietf-network:network`."""
    return any(f"ietf-network:{key}" in document for key in ("networks", "network"))


def read(document: Mapping[Any, Any], *, name: str = "network") -> Rough | Loaded:
    """The network, if it was written here; else the rough network of the TE topology, or of the one that has links."""
    rough = Rough(name=name, source="RFC 8345 JSON", ways=Ways.ONE)
    top = document.get("ietf-network:networks", {"network": document.get("ietf-network:network")})
    networks = things(rough, top if isinstance(top, Mapping) else {}, "network", MAX_ITEMS)
    types = [_map(_get(one, "network-types")) for one in networks]
    plant = next((one for one, kinds in zip(networks, types, strict=True) if _get(kinds, PLANT) is not None), None)
    backbone = next(
        (one for one, kinds in zip(networks, types, strict=True) if _get(kinds, BACKBONE) is not None), None
    )
    if plant is not None and backbone is not None:
        return build(_plain(plant, backbone), before=rough.found)
    linked = [one for one in networks if _get(one, "link")]
    te = [
        one
        for one, kinds in zip(networks, types, strict=True)
        if _get(kinds, "te-topology") is not None and one in linked
    ]
    chosen = next(iter([*te, *linked, *networks]), None)
    if chosen is None:
        rough.tell("empty-network", "ietf-network:networks", "there is no network in it")
        return rough
    if len(networks) > 1:
        others = [shown(str(one.get("network-id"))[:60]) for one in networks if one is not chosen]
        message = (
            f"of {len(networks)} networks {shown(str(chosen.get('network-id'))[:60])} is read, not {listed(others)}"
        )
        rough.tell("many-networks", "ietf-network:networks", message, Severity.WARNING)
    _foreign(rough, chosen, name)
    return rough


def _foreign(rough: Rough, network: Mapping[Any, Any], name: str) -> None:
    called = _map(_get(network, "te")).get("name") or network.get("network-id")
    rough.name = called if isinstance(called, str) and called else name
    for index, one in enumerate(_things(rough, network, "node")):
        key = one.get("node-id")
        if not isinstance(key, str):
            rough.tell("wrong-type", f"node[{index}].node-id", "it has to be text")
            continue
        te = _map(_get(one, "te"))
        title = _map(te.get("te-node-attributes")).get("name")
        at = _map(te.get("geolocation"))
        lat, lon = (_decimal(at.get(axis)) for axis in ("latitude", "longitude"))
        node = Node(key=key, name=title if isinstance(title, str) and title else key)
        node.lat, node.lon = lat, lon
        rough.nodes.append(node)
    for index, one in enumerate(_things(rough, network, "link")):
        tail = _map(one.get("source")).get("source-node")
        head = _map(one.get("destination")).get("dest-node")
        if not isinstance(tail, str) or not isinstance(head, str):
            rough.tell("wrong-type", f"link[{index}]", "it needs a source.source-node and a destination.dest-node")
            continue
        attributes = _map(_map(_get(one, "te")).get("te-link-attributes"))
        edge = Edge(a=tail, b=head, capacity_gbps=_gbps(attributes))
        delay = attributes.get("te-delay-metric")
        if isinstance(delay, int) and not isinstance(delay, bool) and 0 < delay < 2**32:
            edge.latency_ms = delay / 1000
        values = _map(attributes.get("te-srlgs")).get("value")
        numbers = values[:MAX_ITEMS] if isinstance(values, list) else []
        good = [one for one in numbers if isinstance(one, int) and 0 <= one < 2**32]
        edge.groups = tuple(f"srlg-{number}" for number in good)
        rough.edges.append(edge)
    _shared(rough)


def _shared(rough: Rough) -> None:
    """Keep the SRLGs that more than one fibre is in: each fibre is a risk group of its own anyhow."""
    count = Counter(group for edge in rough.edges for group in edge.groups)
    pairs: dict[str, set[frozenset[str]]] = {}
    for edge in rough.edges:
        for group in edge.groups:
            pairs.setdefault(group, set()).add(frozenset((edge.a, edge.b)))
    kept = {group for group in pairs if len(pairs[group]) > 1 or count[group] > 2}
    rough.groups.update({group: f"SRLG {group.removeprefix('srlg-')}" for group in sorted(kept)})
    for edge in rough.edges:
        edge.groups = tuple(group for group in edge.groups if group in kept)


def _gbps(attributes: Mapping[Any, Any]) -> float | None:
    """Of `max-link-bandwidth`, bytes a second: to whole Mbit/s, which is finer than a 32-bit float is anyhow."""
    text = _map(_map(attributes.get("max-link-bandwidth")).get("te-bandwidth")).get("generic")
    if not isinstance(text, str) or not _BANDWIDTH.fullmatch(text):
        return None
    try:
        gbps = (float.fromhex(text) if text[:2].lower() == "0x" else float(text)) * 8 / 1e9
    except OverflowError:
        return None
    return max(1, round(gbps * 1000)) / 1000 if 0 < gbps < 1e12 else None


def _plain(plant: Mapping[Any, Any], backbone: Mapping[Any, Any]) -> dict[str, Any]:
    """Our own form of what was written here, value by value: what is wrong with one is found where all is checked."""
    about = _map(_get(backbone, "about"))
    groups = [
        {"id": one.get("id"), "name": one.get("name"), "failure_probability": _number(one.get("failure-probability"))}
        for one in _maps(about.get("risk-group"))
    ]
    sites = []
    for one in _maps(_get(backbone, "node")):
        own = _map(_get(one, "site"))
        site = {"id": one.get("node-id"), **{key: own.get(key) for key in ("name", "kind", "jurisdiction", "operator")}}
        site |= {key: _number(own.get(key)) for key in ("lat", "lon")}
        sites.append({**site, "carbon_g_per_kwh": _number(own.get("carbon-g-per-kwh"))})
    fibres = []
    for one in _maps(_get(plant, "link")):
        own = _map(_get(one, "fibre"))
        if own.get("back-of") is None:
            fibre = {"id": one.get("link-id"), "a": _map(one.get("source")).get("source-node")}
            fibre |= {"b": _map(one.get("destination")).get("dest-node"), "length_km": _number(own.get("length-km"))}
            fibre |= {"medium": own.get("medium"), "jurisdictions": _column(own.get("crosses"), "jurisdiction")}
            fibres.append({**fibre, "risk_groups": _column(own.get("shares"), "risk-group")})
    links = []
    for one in _maps(_get(backbone, "link")):
        own = _map(_get(one, "adjacency"))
        link = {"id": one.get("link-id"), "tail": _map(one.get("source")).get("source-node")}
        link |= {"head": _map(one.get("destination")).get("dest-node"), "fibres": _column(own.get("over"), "fibre")}
        capacity, latency = _number(own.get("capacity-gbps")), _number(own.get("latency-ms"))
        links.append({**link, "capacity_gbps": capacity, "latency_ms": latency})
    assumptions = _column(about.get("assumption"), "text")
    parts = {"sites": sites, "fibres": fibres, "links": links, "risk_groups": groups}
    return {"highroad": 1, "name": about.get("name"), "assumptions": assumptions, **parts}


def _column(listed_: object, field: str) -> list[Any]:
    """One field of a list, in the order of its positions."""
    ranked = [(at if isinstance(at := one.get("position"), int) else 2**32, one.get(field)) for one in _maps(listed_)]
    return [value for _, value in sorted(ranked, key=lambda pair: pair[0])]


def _number(value: object) -> object:
    """The number of a `real`; what is none stays as it is, to be told."""
    return float(value) if isinstance(value, str) and _REAL.fullmatch(value) else value


def _decimal(value: object) -> float | None:
    number = _number(value)
    return float(number) if isinstance(number, int | float) and abs(number) < 1000 else None


def _get(values: Mapping[Any, Any], key: str) -> Any:
    """A member by its name, with or without the module's."""
    return next((values[one] for one in (*(f"{module}:{key}" for module in _MODULES), key) if one in values), None)


def _map(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[Any, Any]]:
    return [one if isinstance(one, Mapping) else {} for one in value] if isinstance(value, list) else []


def _things(rough: Rough, network: Mapping[Any, Any], key: str) -> list[Mapping[Any, Any]]:
    value = _get(network, key)
    return [] if value is None else things(rough, {key: value}, key)
