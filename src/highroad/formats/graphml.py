"""GraphML: as the Internet Topology Zoo, yEd and networkx write it, to a rough network.

The file is read as it streams by, so a hostile one costs no more than its own size: document types and entities are
refused, depth and text are bounded. Attributes are known by their names, in any case:

- node: `label`, `Latitude`/`lat`, `Longitude`/`lon`, `Country` (as an ISO code), `geocode_name`, yEd's label;
- edge: `LinkSpeedRaw` (bit/s), `capacity_gbps`, else the text of `LinkLabel`, `label`, `bandwidth`; `length_km`,
  `length`, `distance` or `dist` (km); `latency_ms`.
"""

from __future__ import annotations

import math
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from highroad.errors import Severity
from highroad.formats.loaded import Loaded, refused
from highroad.formats.plain import MAX_THINGS
from highroad.formats.rates import whole_gbps
from highroad.formats.rough import Edge, Node, Rough, Ways, listed, shown
from highroad.model.jurisdiction import NAMED_SETS, is_code

MAX_DEPTH = 64
MAX_TEXT = 10_000
"""Characters of one attribute's value."""

_CHUNK = 1 << 16
_LENGTHS = ("length_km", "length", "distance", "dist")
_LABELS = ("linklabel", "label", "bandwidth", "capacity", "linknote")
_TRUE = ("1", "true")


def is_graphml(text: str) -> bool:
    """Whether a text looks like XML; what it holds is seen when it is read."""
    return text[:1000].lstrip().startswith("<")


def read(text: str, *, name: str = "network") -> Rough | Loaded:
    """The nodes and edges of a GraphML text, or why it is none."""
    document = _Document(name)
    parser: Any = XMLParser(target=document, forbid_dtd=True)
    document.parser = parser.parser
    try:
        for start in range(0, len(text), _CHUNK):
            parser.feed(text[start : start + _CHUNK])
        parser.close()
    except DefusedXmlException:
        return refused("bad-xml", "document types and entities (<!DOCTYPE, <!ENTITY) are not read; leave them out")
    except ParseError as error:
        line = error.position[0] if getattr(error, "position", None) else None
        return refused("bad-xml", f"this is not XML: {str(error).partition(':')[0]}", line=line)
    except (ValueError, LookupError, UnicodeError):
        return refused("bad-xml", "this is not XML: it holds characters that XML has not")
    except _StopError as stop:
        return refused(stop.code, stop.message, line=stop.line)
    return document.rough()


class _StopError(Exception):
    def __init__(self, code: str, message: str, line: int | None) -> None:
        super().__init__(message)
        self.code, self.message, self.line = code, message, line


class _Thing:
    """A node or an edge whose end has not come yet."""

    __slots__ = ("drawn", "ends", "key", "line", "values")

    def __init__(self, key: str, line: int | None, ends: tuple[str, str] | None = None) -> None:
        self.key, self.line, self.ends = key, line, ends
        self.values: dict[str, str] = {}
        self.drawn = ""


class _Document:
    """What the parser calls, element by element."""

    def __init__(self, name: str) -> None:
        self.parser: Any = None
        self.name = name
        self.stack: list[str] = []
        self.keys: dict[str, tuple[str, str]] = {}  # id: (for, name)
        self.defaults: dict[str, dict[str, str]] = {"node": {}, "edge": {}}
        self.key = ""
        self.open: list[_Thing] = []
        self.graph: dict[str, str] = {}
        self.directed = False
        self.graphs = 0
        self.nodes: list[_Thing] = []
        self.edges: list[_Thing] = []
        self.text: list[str] | None = None
        self.length = 0
        self.seen_graphml = False

    # --- called by the parser -------------------------------------------------------------------------------

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        tag = tag.rpartition("}")[2]
        self.stack.append(tag)
        if len(self.stack) > MAX_DEPTH:
            raise _StopError("too-deep", f"nested more than {MAX_DEPTH} deep; GraphML is not", self.line)
        if len(self.stack) == 1 and tag != "graphml":
            raise _StopError("unknown-format", f"this is XML of {shown(tag)}, not GraphML", self.line)
        match tag:
            case "key":
                self.keys[attributes.get("id", "")] = (
                    attributes.get("for", "all"),
                    attributes.get("attr.name", "").lower(),
                )
                self.key = attributes.get("id", "")
            case "graph":
                if not self.open:
                    self.graphs += 1
                    self.directed = self.directed or (
                        self.graphs == 1 and attributes.get("edgedefault") != "undirected"
                    )
            case "node" if self.graphs == 1:
                self.open.append(_Thing(self._needed(attributes, "id", "a node"), self.line))
                self.nodes.append(self.open[-1])
            case "edge" if self.graphs == 1:
                ends = (self._needed(attributes, "source", "an edge"), self._needed(attributes, "target", "an edge"))
                self.open.append(_Thing(attributes.get("id", ""), self.line, ends))
                self.edges.append(self.open[-1])
            case "hyperedge":
                message = "hyperedges are not read; write a node that joins its ends, and an edge to each"
                raise _StopError("unknown-element", message, self.line)
            case "data":
                self.key = attributes.get("key", "")
                self._listen()
            case "default" | "NodeLabel" | "EdgeLabel":
                self._listen()
            case _:
                pass
        if len(self.nodes) > MAX_THINGS or len(self.edges) > 2 * MAX_THINGS:
            raise _StopError(
                "too-many", f"more than {MAX_THINGS} nodes, or twice as many edges; no more are read", self.line
            )

    def end(self, tag: str) -> None:
        """An element ends."""
        tag = tag.rpartition("}")[2]
        self.stack.pop()
        if tag in ("data", "default", "NodeLabel", "EdgeLabel"):
            text = "".join(self.text or ()).strip()
            self.text = None
            self._value(tag, text)
        elif tag in ("node", "edge") and self.open:
            self.open.pop()

    def data(self, text: str) -> None:
        """Some text."""
        if self.text is not None:
            self.length += len(text)
            if self.length > MAX_TEXT:
                raise _StopError("too-large", f"a value of more than {MAX_TEXT:,} characters", self.line)
            self.text.append(text)

    def close(self) -> None:
        """The document ends."""

    # --- what it comes to -----------------------------------------------------------------------------------

    @property
    def line(self) -> int | None:
        """Where the parser is."""
        return int(self.parser.CurrentLineNumber) if self.parser is not None else None

    def rough(self) -> Rough:
        """The rough network of what was read."""
        name = next((self.graph[key] for key in ("network", "label", "name") if self.graph.get(key)), self.name)
        rough = Rough(name=name, source="GraphML", ways=Ways.DRAWN if self.directed else Ways.BOTH)
        for thing in self.nodes:
            rough.nodes.append(self._node(rough, thing))
        for thing in self.edges:
            rough.edges.append(self._edge(rough, thing))
        if self.graphs > 1:
            message = f"the file has {self.graphs} graphs; the first is read"
            rough.tell("many-graphs", "graph", message, Severity.WARNING)
        self._tell_nodes(rough)
        return rough

    def _tell_nodes(self, rough: Rough) -> None:
        external = [
            shown(thing.drawn or thing.key) for thing in self.nodes if thing.values.get("internal", "1") not in _TRUE
        ]
        external = external if any("internal" in thing.values for thing in self.nodes) else []
        unnamed = [shown(node.key) for node in rough.nodes if node.name == node.key]
        if external:
            message = (
                f"the file says that {len(external)} nodes are outside the network; they are sites: {listed(external)}"
            )
            rough.tell("external", "sites", message, Severity.NOTE)
        if unnamed:
            message = f"{len(unnamed)} nodes have no label; they are called by their id: {listed(unnamed)}"
            rough.tell("derived-name", "sites", message, Severity.NOTE)

    def _node(self, rough: Rough, thing: _Thing) -> Node:
        values = {**self.defaults["node"], **thing.values}
        label = values.get("label") or thing.drawn or values.get("name") or thing.key
        label = " ".join(label.split())
        country = values.get("country", "").upper()
        place = f"nodes[{shown(thing.key)}]"
        lat = _number(rough, place, values, ("latitude", "lat"), thing.line)
        lon = _number(rough, place, values, ("longitude", "lon", "lng"), thing.line)
        return Node(
            key=thing.key,
            name=label,
            lat=lat,
            lon=lon,
            jurisdiction=country if is_code(country) and country not in NAMED_SETS else None,
            places=tuple(filter(None, [values.get("geocode_name")])),
            line=thing.line,
        )

    def _edge(self, rough: Rough, thing: _Thing) -> Edge:
        values = {**self.defaults["edge"], **thing.values}
        a, b = thing.ends or ("", "")
        place = f"edges[{shown(thing.key or f'{a}>{b}')}]"
        bits = _number(rough, place, values, ("linkspeedraw",), thing.line)
        gbps = _number(rough, place, values, ("capacity_gbps",), thing.line)
        if gbps is None and bits is not None and 0 < bits < math.inf:
            gbps = whole_gbps(bits / 1e9)
        label = next((values[key] for key in _LABELS if values.get(key)), thing.drawn)
        return Edge(
            a=a,
            b=b,
            length_km=_number(rough, place, values, _LENGTHS, thing.line),
            latency_ms=_number(rough, place, values, ("latency_ms",), thing.line),
            capacity_gbps=gbps,
            label=" ".join(label.split()),
            line=thing.line,
        )

    def _listen(self) -> None:
        self.text, self.length = [], 0

    def _needed(self, attributes: dict[str, str], name: str, what: str) -> str:
        value = attributes.get(name)
        if value is None:
            raise _StopError("missing-key", f"{what} without {name}", self.line)
        return value

    def _value(self, tag: str, text: str) -> None:
        kind, name = self.keys.get(self.key, ("all", ""))
        if tag in ("NodeLabel", "EdgeLabel"):
            if self.open and not self.open[-1].drawn:
                self.open[-1].drawn = text
        elif tag == "default":
            for one in ("node", "edge"):
                if kind in (one, "all") and name and text:
                    self.defaults[one][name] = text
        elif not name or not text:
            return
        elif self.open:
            self.open[-1].values[name] = text
        elif self.graphs <= 1 and self.stack[-1:] == ["graph"]:
            self.graph[name] = text


def _number(rough: Rough, place: str, values: dict[str, str], names: tuple[str, ...], line: int | None) -> float | None:
    name = next((name for name in names if values.get(name)), None)
    if name is None:
        return None
    try:
        number = float(values[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        rough.tell("wrong-type", f"{place}.{name}", f"it has to be a number, not {shown(values[name])}", line=line)
        return None
    return number
