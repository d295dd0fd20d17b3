"""JSON of nodes and edges: topohub's node-link form, and the traced backbones, to a rough network.

topohub (networkx's node-link form): `nodes` with `id`, `name`, `pos` as [longitude, latitude]; `edges` or `links` with
`source`, `target`, `dist` in km along the great circle, so the fibre is longer. The traced backbones (tracegeog) have
`Nodes` of `Lat` and `Lon` without names, `Links` of `Src` and `Dst`, places in that list, and `TransitOnly`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from highroad.errors import Severity
from highroad.formats.plain import MAX_THINGS
from highroad.formats.rough import Edge, Node, Rough, Ways, shown


def is_topohub(document: Mapping[Any, Any]) -> bool:
    """Whether it has `nodes` and `edges` or `links`, as networkx writes a graph."""
    return "nodes" in document and ("edges" in document or "links" in document) and "directed" in document


def is_traced(document: Mapping[Any, Any]) -> bool:
    """Whether it has `Nodes` and `Links`."""
    return "Nodes" in document and "Links" in document


def topohub(document: Mapping[Any, Any], *, name: str = "network") -> Rough:
    """The rough network of a node-link document."""
    graph = document.get("graph")
    called = graph.get("name") if isinstance(graph, Mapping) else None
    rough = Rough(
        name=called if isinstance(called, str) and called else name,
        source="topohub's node-link JSON",
        ways=Ways.DRAWN if document.get("directed") is True else Ways.BOTH,
        straight=True,
    )
    for index, one in enumerate(things(rough, document, "nodes")):
        place = f"nodes[{index}]"
        key = _key(one.get("id", index))
        called = one.get("name")
        pos = one.get("pos")
        lon, lat = pos if isinstance(pos, list) and len(pos) == 2 else (one.get("lon"), one.get("lat"))
        if key is None:
            rough.tell("wrong-type", f"{place}.id", "it has to be text or a whole number")
            continue
        node = Node(key=key, name=called if isinstance(called, str) and called.strip() else key)
        node.lat, node.lon = number(rough, f"{place}.pos", lat), number(rough, f"{place}.pos", lon)
        rough.nodes.append(node)
    part = "edges" if "edges" in document else "links"
    for index, one in enumerate(things(rough, document, part)):
        place = f"{part}[{index}]"
        a, b = _key(one.get("source")), _key(one.get("target"))
        if a is None or b is None:
            rough.tell("wrong-type", place, "it needs a source and a target, ids of nodes")
            continue
        edge = Edge(a=a, b=b, length_km=number(rough, f"{place}.dist", one.get("dist")))
        edge.capacity_gbps = number(rough, f"{place}.capacity_gbps", one.get("capacity_gbps"))
        rough.edges.append(edge)
    return rough


def traced(document: Mapping[Any, Any], *, name: str = "network") -> Rough:
    """The rough network of a traced backbone; its nodes are called by their number."""
    rough = Rough(name=name, source="a traced backbone (tracegeog)")
    for index, one in enumerate(things(rough, document, "Nodes")):
        called = one.get("Name")
        node = Node(key=str(index), name=called if isinstance(called, str) and called else f"node {index}")
        node.lat = number(rough, f"Nodes[{index}].Lat", one.get("Lat"))
        node.lon = number(rough, f"Nodes[{index}].Lon", one.get("Lon"))
        rough.nodes.append(node)
    if rough.nodes:
        message = "the format has no names: sites are called by their number in the list"
        rough.tell("derived-name", "sites", message, Severity.NOTE)
    for index, one in enumerate(things(rough, document, "Links")):
        a, b = _key(one.get("Src")), _key(one.get("Dst"))
        if a is None or b is None:
            rough.tell("wrong-type", f"Links[{index}]", "it needs a Src and a Dst, numbers of nodes")
            continue
        rough.edges.append(Edge(a=a, b=b))
    return rough


def things(rough: Rough, document: Mapping[Any, Any], part: str, most: int = 2 * MAX_THINGS) -> list[Mapping[Any, Any]]:
    """The mappings of a list of the document; anything else is a finding."""
    listed = document.get(part)
    if not isinstance(listed, list):
        rough.tell("wrong-type", part, "it has to be a list")
        return []
    if len(listed) > most:
        rough.tell("too-many", part, f"there are {len(listed)} of them; at most {most} are read")
        return []
    good: list[Mapping[Any, Any]] = []
    for index, one in enumerate(listed):
        if isinstance(one, Mapping):
            good.append(one)
        else:
            rough.tell("wrong-type", f"{part}[{index}]", "it has to be a mapping")
            good.append({})
    return good


def number(rough: Rough, place: str, value: object) -> float | None:
    """A finite number, or None where there is nothing; anything else is a finding."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            if math.isfinite(value):
                return float(value)
        except OverflowError:
            pass
    told = shown(value) if isinstance(value, str) else "what is here"
    rough.tell("wrong-type", place, f"it has to be a number, not {told}")
    return None


def _key(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return None
