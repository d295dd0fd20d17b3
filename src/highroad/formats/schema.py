"""The JSON Schema of our own network file, for editors and for those who write such files by program.

It says what a file has to look like: keys, types, ranges, the form of names. What takes more than one value to see,
such as a fibre that is shorter than the earth allows, only the reader says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from highroad.formats.plain import MAX_ITEMS, MAX_LINKS, MAX_THINGS, VERSION
from highroad.model import check
from highroad.model.network import Medium, SiteKind
from highroad.model.text import NAME_LIMIT

_CODE = "^([A-Z]{2}(-[A-Z0-9]{1,3})?)$"
_ID = r"^[a-z0-9][a-z0-9._:-]{0,99}$"
_LINK_ID = r"^[a-z0-9][a-z0-9._>:-]{0,99}$"


def schema() -> dict[str, Any]:
    """The schema as plain values (JSON Schema 2020-12)."""
    name = {"type": "string", "minLength": 1, "maxLength": NAME_LIMIT, "pattern": r"\S"}
    id_ = {"type": "string", "pattern": _ID}
    links = {"type": "string", "pattern": _LINK_ID}
    code = {"type": "string", "pattern": _CODE}
    site = _mapping(
        "Where traffic enters, leaves or is switched.",
        {
            "id": id_,
            "name": _or_none(name),
            "kind": {"enum": [kind.value for kind in SiteKind]},
            "lat": _between(-90, 90, "Latitude in degrees."),
            "lon": _between(-180, 180, "Longitude in degrees."),
            "jurisdiction": {**code, "description": "An ISO 3166 code, US or US-CO."},
            "operator": _or_none(name),
            "carbon_g_per_kwh": _or_none(_between(0, 10_000, "Carbon intensity of the grid there.")),
        },
        ["id", "kind", "lat", "lon", "jurisdiction"],
    )
    fibre = _mapping(
        "A physical route between two sites, and what it crosses and shares.",
        {
            "id": id_,
            "a": id_,
            "b": id_,
            "length_km": _above_zero(check.MAX_LENGTH_KM, "Along the fibre."),
            "medium": {"enum": [*(medium.value for medium in Medium), None], "default": Medium.SMF.value},
            "jurisdictions": _or_none(_list(code)),
            "risk_groups": _or_none(_list(id_)),
        },
        ["id", "a", "b", "length_km"],
    )
    group = _mapping(
        "What fails together: a conduit, a bridge, a landing station.",
        {
            "id": id_,
            "name": _or_none(name),
            "failure_probability": _or_none(_between(0, 1, "Share of time in which it is down.")),
        },
        ["id"],
    )
    link = _mapping(
        "One direction (tail, head), or both (between), over fibres in order.",
        {
            "id": _or_none(links),
            "tail": id_,
            "head": id_,
            "between": {"type": "array", "items": id_, "minItems": 2, "maxItems": 2},
            "capacity_gbps": _above_zero(check.MAX_CAPACITY_GBPS, "A whole number of Mbit/s."),
            "latency_ms": _or_none(_above_zero(check.MAX_LATENCY_MS, "One way; without it what light takes.")),
            "fibres": {**_list(id_), "minItems": 1},
        },
        ["capacity_gbps", "fibres"],
    )
    no_ends = {"not": {"anyOf": [{"required": [key]} for key in ("tail", "head", "id")]}}
    link["oneOf"] = [
        {"required": ["between"], **no_ends},
        {"required": ["tail", "head"], "not": {"required": ["between"]}},
    ]
    top = _mapping(
        "A network file of Highroad.",
        {
            "highroad": {"const": VERSION},
            "name": name,
            "assumptions": _or_none(_list({**name, "maxLength": check.MAX_ASSUMPTION})),
            "risk_groups": _or_none(_list({"$ref": "#/$defs/risk_group"}, MAX_THINGS)),
            "sites": {**_list({"$ref": "#/$defs/site"}, MAX_THINGS), "minItems": 1},
            "fibres": _or_none(_list({"$ref": "#/$defs/fibre"}, MAX_THINGS)),
            "links": _or_none(_list({"$ref": "#/$defs/link"}, MAX_LINKS)),
        },
        ["highroad", "name", "sites"],
    )
    defined = {"site": site, "fibre": fibre, "risk_group": group, "link": link}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:highroad:network:{VERSION}"}
    return {**head, "title": "Highroad network", **top, "$defs": defined}


def schema_text() -> str:
    """The file that is published, the same bytes each time."""
    return json.dumps(schema(), indent=2) + "\n"


def _mapping(description: str, properties: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
    }


def _list(items: dict[str, Any], most: int = MAX_ITEMS) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


def _or_none(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "type": [one["type"], "null"]}


def _between(low: float, high: float, description: str) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high, "description": description}


def _above_zero(high: float, description: str) -> dict[str, Any]:
    return {"type": "number", "exclusiveMinimum": 0, "maximum": high, "description": description}
