"""A GNPy topology (JSON) as a network: each Roadm a pop, each chain of fibre between two Roadms a fibre.

GNPy is about light, so much that a network needs is not in its files. What is missing is filled in by these rules,
and each rule that was used is a note:

- a chain runs from Roadm to Roadm over Fiber, RamanFiber, Edfa, Fused and Multiband_amplifier elements; its length
  is the sum of its fibres'; the chains of the two directions are one fibre, as long as the longer;
- every link has the default capacity, and the latency of light over its fibre;
- the country is not known: `XX`, which no fence that names countries lets in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from highroad.errors import Finding, Severity
from highroad.formats.loaded import Loaded, refused
from highroad.formats.plain import MAX_THINGS, build
from highroad.formats.rates import whole_gbps
from highroad.formats.rough import PLAIN_RULES, Names, Rules, slug

UNKNOWN_COUNTRY = "XX"

_FIBRE_TYPES = ("Fiber", "RamanFiber")
_PASSED = (*_FIBRE_TYPES, "Edfa", "Fused", "Multiband_amplifier")
_KM = {"km": 1.0, "m": 0.001}


def is_gnpy(document: object) -> bool:
    """Whether plain JSON values look like a GNPy topology: it has `elements` and `connections`."""
    return isinstance(document, Mapping) and "elements" in document and "connections" in document


def read(document: object, *, name: str = "GNPy topology", rules: Rules = PLAIN_RULES) -> Loaded:
    """The network of a GNPy topology, with a note for everything that had to be filled in.

    Of the rules the default capacity and the positions are used, by the uid or the city of a Roadm.
    """
    if not isinstance(document, Mapping) or not is_gnpy(document):
        return refused("not-gnpy", "a GNPy topology is a mapping with `elements` and `connections`")
    reader = _Reader(rules)
    plain = reader.network(document, name)
    return build(plain, before=reader.found)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Fibre from one Roadm to another."""

    tail: str
    head: str
    length_km: float


class _Reader:
    def __init__(self, rules: Rules) -> None:
        self.capacity_gbps = whole_gbps(rules.default_capacity_gbps)
        self.positions = {key.strip().casefold(): at for key, at in rules.positions.items()}
        self.found: list[Finding] = []

    def network(self, document: Mapping[Any, Any], name: str) -> dict[str, Any]:
        elements, following = self._elements(document), self._following(document)
        sites, ids = self._sites(elements)
        chains = [chain for uid in ids for chain in self._chains(uid, elements, following)]
        fibres: list[dict[str, Any]] = []
        links: list[dict[str, Any]] = []
        names = Names()
        waiting: dict[tuple[str, str], list[_Chain]] = {}
        for chain in chains:
            waiting.setdefault((chain.tail, chain.head), []).append(chain)
        for (tail, head), there in waiting.items():
            back = waiting.get((head, tail), [])
            if tail == head or (ids[tail] > ids[head] and back):
                continue
            for number in range(max(len(there), len(back))):
                both = [ways[number] for ways in (there, back) if number < len(ways)]
                fibre = self._fibre(ids[tail], ids[head], both, names)
                fibres.append(fibre)
                link = {"capacity_gbps": self.capacity_gbps, "fibres": [fibre["id"]]}
                suffix = "" if number == 0 else f":{number + 1}"
                for chain in both:
                    a, b = ids[chain.tail], ids[chain.head]
                    links.append({"id": f"{a}>{b}{suffix}", "tail": a, "head": b, **link})
        if links:
            self._note(
                "derived-capacity",
                "links",
                f"the format has no capacities: each of the {len(links)} links has {self.capacity_gbps:g} Gbit/s",
            )
            self._note("derived-latency", "links", "latencies are those of light over the fibres' lengths")
        if sites:
            self._note(
                "derived-jurisdiction",
                "sites",
                f"the format has no countries: sites and fibres are in {UNKNOWN_COUNTRY}, which no fence lets in",
            )
        kinds = {str(element.get("type"))[:40] for element in elements.values()} & set(_PASSED)
        if kinds:
            message = f"loss, gain and kind of glass of {', '.join(sorted(kinds))} elements are no part of a network"
            self._note("left-out", "elements", message)
        given = document.get("network_name")
        title = given if isinstance(given, str) and given else name
        return {"highroad": 1, "name": title, "sites": sites, "fibres": fibres, "links": links}

    def _elements(self, document: Mapping[Any, Any]) -> dict[str, Mapping[Any, Any]]:
        elements: dict[str, Mapping[Any, Any]] = {}
        listed = document.get("elements")
        if not isinstance(listed, list):
            self._error("wrong-type", "elements", "it has to be a list")
            return {}
        if len(listed) > 10 * MAX_THINGS:
            self._error("too-many", "elements", f"there are {len(listed)} of them")
            return {}
        for index, element in enumerate(listed):
            place = f"elements[{index}]"
            uid = element.get("uid") if isinstance(element, Mapping) else None
            if not isinstance(element, Mapping) or not isinstance(uid, str):
                self._error("wrong-type", place, "an element has to be a mapping with a uid of text")
            elif uid in elements:
                self._error("duplicate-id", place, f"two elements of one uid, {uid[:60]!a}")
            else:
                elements[uid] = element
        return elements

    def _following(self, document: Mapping[Any, Any]) -> dict[str, list[str]]:
        following: dict[str, list[str]] = {}
        listed = document.get("connections")
        if not isinstance(listed, list) or len(listed) > 20 * MAX_THINGS:
            self._error("wrong-type", "connections", "it has to be a list, of a size that can be read")
            return {}
        for index, connection in enumerate(listed):
            ends = connection if isinstance(connection, Mapping) else {}
            tail, head = ends.get("from_node"), ends.get("to_node")
            if isinstance(tail, str) and isinstance(head, str):
                following.setdefault(tail, []).append(head)
            else:
                self._error("wrong-type", f"connections[{index}]", "it needs a from_node and a to_node of text")
        return following

    def _sites(self, elements: Mapping[str, Mapping[Any, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """The sites, and their ids by the uid of their Roadm."""
        sites: list[dict[str, Any]] = []
        ids: dict[str, str] = {}
        names = Names()
        for uid, element in elements.items():
            if element.get("type") != "Roadm":
                continue
            metadata = element.get("metadata")
            location = metadata.get("location") if isinstance(metadata, Mapping) else None
            location = location if isinstance(location, Mapping) else {}
            city = location.get("city")
            called = city if isinstance(city, str) and city else re.sub(r"(?i)^roadm[ _-]*", "", uid) or uid
            called = called.replace("_", " ")
            ids[uid] = names.free(slug(called))
            site: dict[str, Any] = {"id": ids[uid], "name": called, "kind": "pop"}
            lat, lon = location.get("latitude"), location.get("longitude")
            for given in (called, uid):
                lat, lon = self.positions.get(given.strip().casefold(), (lat, lon))
            site |= {"lat": lat, "lon": lon}
            sites.append({**site, "jurisdiction": UNKNOWN_COUNTRY})
        return sites, ids

    def _chains(
        self, start: str, elements: Mapping[str, Mapping[Any, Any]], following: Mapping[str, list[str]]
    ) -> list[_Chain]:
        """Every chain that leaves a Roadm and ends at another."""
        chains: list[_Chain] = []
        for first in following.get(start, ()):
            at, length_km, passed = first, 0.0, {start}
            while elements.get(at, {}).get("type") in _PASSED and at not in passed:
                passed.add(at)
                length_km += self._length_km(elements[at])
                onward = following.get(at, [])
                if len(onward) != 1:
                    break
                at = onward[0]
            kind = elements.get(at, {}).get("type")
            if at not in elements:
                shown = ascii(at[:60])
                self._error("unknown-element", "connections", f"a connection leads to {shown}, which is no element")
            elif kind == "Roadm" and at != start:
                chains.append(_Chain(start, at, length_km))
            elif kind != "Transceiver":
                message = f"the fibre from {start[:60]!a} by {first[:60]!a} ends at no other Roadm"
                self._error("broken-path", "connections", message)
        return chains

    def _length_km(self, element: Mapping[Any, Any]) -> float:
        if element.get("type") not in _FIBRE_TYPES:
            return 0.0
        params = element.get("params")
        params = params if isinstance(params, Mapping) else {}
        length = params.get("length")
        km = _KM.get(str(params.get("length_units", "km"))[:10])
        if km is None or isinstance(length, bool) or not isinstance(length, int | float) or not length >= 0:
            shown = ascii(str(element.get("uid"))[:60])
            self._error(
                "bad-length",
                f"elements[{shown}].params",
                "it needs a length that is not negative, and length_units of km or m",
            )
            return math.nan
        try:
            return round(float(length) * km, 6)
        except OverflowError:
            return math.inf

    def _fibre(self, a: str, b: str, both: list[_Chain], names: Names) -> dict[str, Any]:
        a, b = min(a, b), max(a, b)
        id_ = names.free(f"{a}--{b}")
        lengths = [chain.length_km for chain in both]
        if len(set(lengths)) > 1 and all(map(math.isfinite, lengths)):
            shown = " and ".join(f"{length:g}" for length in lengths)
            message = f"its directions are {shown} km long; both are taken to be as long as the longer"
            self._note("derived-length", f"fibres[{id_}].length_km", message)
        longest = max(lengths) if not any(map(math.isnan, lengths)) else math.nan
        return {"id": id_, "a": a, "b": b, "length_km": longest, "jurisdictions": [UNKNOWN_COUNTRY]}

    def _error(self, code: str, place: str, message: str) -> None:
        self.found.append(Finding(code=code, place=place, message=message))

    def _note(self, code: str, place: str, message: str) -> None:
        self.found.append(Finding(code=code, place=place, message=message, severity=Severity.NOTE))
