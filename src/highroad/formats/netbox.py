"""NetBox's REST export of sites, circuits, cables and devices, to a rough network.

Each part is a list, or a page `{"count": ..., "next": ..., "results": [...]}`; several parts are one mapping by any
names (`{"sites": ..., "circuits": ...}`) or the files of a folder. What a part holds is told by its fields, as NetBox
2.10 to 4.x writes them:

- a site has `latitude` and `longitude`; the `status` of what is not in use (planned, retired, ...) is told;
- a circuit joins the sites of its terminations A and Z; `commit_rate` (kbit/s) is its capacity, else the
  terminations' `port_speed`; `distance` its length;
- a cable joins the sites of the devices at its ends, which needs the devices; one within a site is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from highroad.errors import Severity
from highroad.formats.nodelink import number
from highroad.formats.plain import MAX_THINGS
from highroad.formats.rates import whole_gbps
from highroad.formats.rough import Edge, Node, Rough, listed, shown

_KM = {"km": 1.0, "m": 0.001, "cm": 0.00001, "mi": 1.609344, "ft": 0.0003048, "in": 0.0000254}
_IN_USE = ("active", "connected", None)
_MARKS = (
    ("circuits", ("cid",)),
    ("terminations", ("term_side",)),
    ("cables", ("a_terminations",)),
    ("cables", ("termination_a_type",)),
    ("devices", ("device_type",)),
    ("sites", ("latitude", "longitude")),
)
_MOST = 10 * MAX_THINGS

Thing = Mapping[Any, Any]


def is_netbox(document: Mapping[Any, Any]) -> bool:
    """Whether it is a page of NetBox, or a mapping of such pages or lists, one of which has things of NetBox."""
    return any(_kind(one) is not None for part in _lists(document) for one in part[:1])


def read(documents: Sequence[Mapping[Any, Any]], *, name: str = "network") -> Rough:
    """The rough network of all the parts together."""
    rough = Rough(name=name, source="a NetBox export")
    parts: dict[str, list[Thing]] = {kind: [] for kind, _ in _MARKS}
    for document in documents:
        for page in (document, *document.values()):
            if isinstance(page, Mapping) and isinstance(page.get("results"), list) and page.get("next"):
                message = (
                    "a page says that there are more: export all at once with ?limit=0, or put all pages in a folder"
                )
                rough.tell("more-pages", "results", message, Severity.WARNING)
        for listed_ in _lists(document):
            for one in listed_:
                kind = _kind(one)
                if kind is not None and isinstance(one, Mapping):
                    parts[kind].append(one)
    if sum(map(len, parts.values())) > _MOST:
        rough.tell("too-many", "results", f"there are more than {_MOST} things in the export")
        return rough
    sites = _sites(rough, parts["sites"])
    _circuits(rough, parts, sites)
    _cables(rough, parts, sites)
    if not sites:
        rough.tell("empty-network", "sites", "the export has no sites; add that of /api/dcim/sites/")
    return rough


def _lists(document: Mapping[Any, Any]) -> list[list[Any]]:
    if isinstance(document.get("results"), list):
        return [document["results"]]
    pages = [page.get("results") if isinstance(page, Mapping) else page for page in document.values()]
    return [page for page in pages if isinstance(page, list)]


def _kind(one: object) -> str | None:
    if not isinstance(one, Mapping) or "id" not in one:
        return None
    return next((kind for kind, marks in _MARKS if all(mark in one for mark in marks)), None)


def _sites(rough: Rough, things: Sequence[Thing]) -> set[str]:
    keys: set[str] = set()
    for one in things:
        key = _id(one)
        place = f"sites[{key}]"
        called = one.get("name")
        if key is None or not isinstance(called, str):
            rough.tell("wrong-type", "sites", "a site needs an id that is a number and a name of text")
            continue
        if key in keys:
            continue
        keys.add(key)
        node = Node(key=key, name=called)
        node.lat = number(rough, f"{place}.latitude", _decimal(one.get("latitude")))
        node.lon = number(rough, f"{place}.longitude", _decimal(one.get("longitude")))
        texts = (one.get("physical_address"), one.get("facility"))
        node.places = tuple(text for text in texts if isinstance(text, str) and text)
        rough.nodes.append(node)
        _status(rough, place, called, one)
    return keys


def _circuits(rough: Rough, parts: Mapping[str, Sequence[Thing]], sites: set[str]) -> None:
    ends: dict[tuple[str, str], Thing] = {}
    for one in parts["terminations"]:
        circuit = one.get("circuit")
        side = one.get("term_side")
        if isinstance(circuit, Mapping) and isinstance(side, str) and (key := _id(circuit)) is not None:
            ends[key, side.upper()] = one
    for one in parts["circuits"]:
        key = _id(one) or "?"
        cid = one.get("cid")
        called = cid if isinstance(cid, str) else key
        place = f"circuits[{shown(called)}]"
        sides = [ends.get((key, side)) or one.get(f"termination_{side.lower()}") for side in "AZ"]
        joined = [_site_of(side) for side in sides]
        a, b = joined
        if a is None or b is None or a not in sites or b not in sites:
            message = "it does not end at a site of the export on both sides (a provider's network?); it is left out"
            rough.tell("half-circuit", place, message, Severity.WARNING)
            continue
        rates = [one.get("commit_rate"), *(side.get("port_speed") for side in sides if isinstance(side, Mapping))]
        kbps = next((rate for rate in rates if rate), None)
        edge = Edge(a=a, b=b, length_km=_length_km(rough, place, one, "distance", "distance_unit"))
        value = number(rough, f"{place}.commit_rate", kbps)
        edge.capacity_gbps = whole_gbps(value / 1e6) if value is not None and 0 < value < 1e15 else None
        rough.edges.append(edge)
        _status(rough, place, called, one)


def _cables(rough: Rough, parts: Mapping[str, Sequence[Thing]], sites: set[str]) -> None:
    site_of = {_id(device): _site_of(device) for device in parts["devices"]}
    inside = 0
    lost: list[str] = []
    for one in parts["cables"]:
        label = one.get("label")
        called = label if isinstance(label, str) and label else f"cable {_id(one) or '?'}"
        ends = [_cable_end(one, side, site_of) for side in "ab"]
        if "circuit" in ends:
            continue  # the circuit is an edge already
        a, b = ends
        if a is None or b is None or a not in sites or b not in sites:
            lost.append(shown(called))
        elif a == b:
            inside += 1
        else:
            place = f"cables[{shown(called)}]"
            length_km = _length_km(rough, place, one, "length", "length_unit")
            rough.edges.append(Edge(a=a, b=b, length_km=length_km))
            _status(rough, place, called, one)
    if inside:
        rough.tell("inside", "cables", f"{inside} cables are within a site; they are left out", Severity.NOTE)
    if lost:
        message = f"the sites at both ends of {len(lost)} cables are not known, they are left out: {listed(lost)}"
        rough.tell("half-cable", "cables", f"{message}; add the export of /api/dcim/devices/", Severity.WARNING)


def _cable_end(cable: Thing, side: str, site_of: Mapping[str | None, str | None]) -> str | None:
    ends = cable.get(f"{side}_terminations")
    end = ends[0] if isinstance(ends, list) and ends else cable.get(f"termination_{'a' if side == 'a' else 'b'}")
    if not isinstance(end, Mapping):
        return None
    kind = end.get("object_type") or cable.get(f"termination_{side}_type")
    inner = end.get("object", end)
    if isinstance(kind, str) and "circuittermination" in kind:
        return "circuit"
    device = inner.get("device") if isinstance(inner, Mapping) else None
    if not isinstance(device, Mapping):
        return None
    return _site_of(device) or site_of.get(_id(device))


def _site_of(thing: object) -> str | None:
    """The id of the site of a termination or a device."""
    if not isinstance(thing, Mapping):
        return None
    site = thing.get("site")
    if site is None and thing.get("termination_type") == "dcim.site":
        site = thing.get("termination")
    return _id(site) if isinstance(site, Mapping) else None


def _length_km(rough: Rough, place: str, thing: Thing, field: str, unit_field: str) -> float | None:
    value = number(rough, f"{place}.{field}", _decimal(thing.get(field)))
    if value is None or value <= 0:
        return None
    unit = thing.get(unit_field)
    unit = unit.get("value") if isinstance(unit, Mapping) else unit
    km = _KM.get(unit) if isinstance(unit, str) else None
    if km is None:
        rough.tell("bad-length", f"{place}.{unit_field}", f"a length needs a unit, one of {', '.join(_KM)}")
        return None
    return round(value * km, 6)


def _status(rough: Rough, place: str, called: str, thing: Thing) -> None:
    status = thing.get("status")
    status = status.get("value") if isinstance(status, Mapping) else status
    if status not in _IN_USE and isinstance(status, str):
        message = f"{shown(called)} is {shown(status)} in NetBox; it is in the network all the same"
        rough.tell("not-active", place, message, Severity.WARNING)


def _decimal(value: object) -> object:
    """NetBox writes decimals as numbers, or as text where it is set up so."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _id(thing: Thing) -> str | None:
    value = thing.get("id")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else None
