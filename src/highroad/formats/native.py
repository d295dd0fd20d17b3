"""Our own network file: YAML, one line a thing, so that a diff reads well.

    highroad: 1
    name: Two towns
    sites:
      - {id: oslo, name: Oslo, kind: pop, lat: 59.91, lon: 10.75, jurisdiction: "NO"}
      - {id: bergen, name: Bergen, kind: campus, lat: 60.39, lon: 5.32, jurisdiction: "NO"}
    fibres:
      - {id: bergen--oslo, a: bergen, b: oslo, length_km: 463, jurisdictions: ["NO"]}
    links:
      - {between: [bergen, oslo], capacity_gbps: 400, fibres: [bergen--oslo]}

Only a plain part of YAML is read: mappings, lists, text, numbers, true, false and null. No aliases (a few lines of
them grow to gigabytes), no tags, one document. The parser hands us events, so depth and size are bounded before
anything is built, and every finding has its line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from highroad.errors import Finding
from highroad.formats.jsonform import to_plain
from highroad.formats.loaded import MAX_BYTES, Loaded, refused
from highroad.formats.plain import VERSION, Path, build, light_latency_ms
from highroad.model.network import Link, Network

MAX_DEPTH = 12
MAX_VALUES = 1_000_000

SCHEMA_LINE = "yaml-language-server: $schema=network.schema.json"
"""A comment by which editors check a file while it is written."""

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_NOT_FINITE = re.compile(r"([-+]?)(?:(\.?inf(?:inity)?)|\.?nan)", re.IGNORECASE)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_BARE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./+-]|[:>](?=[A-Za-z0-9])| (?=[A-Za-z0-9(]))*")
_BARE_NOT = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"])


def read(text: str) -> Loaded:
    """The network of a file, or everything that is wrong with it, line by line. Never raises on bad input."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB; a network is a few hundred kB")
    reader = _Reader()
    try:
        document = reader.document(yaml.parse(text, Loader=_LOADER))
    except _GiveUpError as give_up:
        return refused(give_up.code, give_up.message, line=give_up.line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        if "nesting depth" in problem:  # the scanner's own bound, where it is met before ours
            return refused("too-deep", f"nested more than {MAX_DEPTH} deep; a network is not", line=line)
        return refused("bad-yaml", f"this is not YAML: {problem}", line=line)
    except UnicodeEncodeError:
        return refused("bad-yaml", "this is not YAML: the text holds half of a surrogate pair")
    return build(document, reader.lines.get, reader.found)


def write(network: Network, header: Sequence[str] = ()) -> str:
    """A file that `read` turns back into an equal network, the same bytes each time; `header` lines are comments."""
    return "".join(f"{line}\n" for line in _written(network, header))


# --- reading ------------------------------------------------------------------------------------------------

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _GiveUpError(Exception):
    """The text is nothing that we read on with."""

    def __init__(self, code: str, message: str, line: int) -> None:
        super().__init__(message)
        self.code, self.message, self.line = code, message, line


class _Reader:
    """Events to plain values, with the line of each; depth is bounded, aliases and tags are refused."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.found: list[Finding] = []

    def document(self, events: Iterator[yaml.Event]) -> object:
        """The one document of the stream."""
        stack: list[_Open] = []
        root: object = None
        documents = values = 0
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark is not None else 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _GiveUpError("bad-yaml", "a second document starts here; a network file has one", line)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                stack.pop()
            elif isinstance(event, yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent):
                _plain_only(event, line)
                values += 1
                if values > MAX_VALUES:
                    raise _GiveUpError("too-large", f"more than {MAX_VALUES:,} values; a network has far fewer", line)
                opened = None
                if isinstance(event, yaml.CollectionStartEvent):
                    if len(stack) >= MAX_DEPTH:
                        raise _GiveUpError("too-deep", f"nested more than {MAX_DEPTH} deep; a network is not", line)
                    opened = _Open((), is_list=isinstance(event, yaml.SequenceStartEvent))
                value = opened.value if opened else _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
                path: Path = ()
                if stack:
                    path = self._put(stack[-1], event, value, line)
                else:
                    root = value
                    self.lines[()] = line
                if opened is not None:
                    opened.path = path
                    stack.append(opened)
        return root

    def _put(self, parent: _Open, event: yaml.Event, value: object, line: int) -> Path:
        """Add a value to the mapping or list that is open; returns the value's path."""
        line_key: str | int
        if parent.items is not None:
            line_key = len(parent.items)
            parent.items.append(value)
        elif not parent.has_key:
            if not isinstance(event, yaml.ScalarEvent):
                raise _GiveUpError("bad-yaml", "a key has to be a word", line)
            parent.key, parent.has_key = event.value, True
            return parent.path
        else:
            line_key = parent.key
            parent.has_key = False
            if line_key in parent.values:
                first = self.lines.get((*parent.path, line_key))
                message = f"the key {line_key[:40]!a} is here twice; the first is on line {first}"
                self.found.append(Finding(code="duplicate-key", place="", message=message, line=line))
                return (*parent.path, line_key, "again", line)
            parent.values[line_key] = value
        path = (*parent.path, line_key)
        self.lines[path] = line
        return path


class _Open:
    """A mapping (`values`) or list (`items`) whose end has not come yet, and the key that waits for its value."""

    __slots__ = ("has_key", "items", "key", "path", "values")

    def __init__(self, path: Path, *, is_list: bool) -> None:
        self.items: list[object] | None = [] if is_list else None
        self.values: dict[str, object] = {}
        self.path = path
        self.key = ""
        self.has_key = False

    @property
    def value(self) -> object:
        """What is being filled."""
        return self.values if self.items is None else self.items


def _plain_only(event: yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
    if event.anchor is not None:
        raise _GiveUpError("alias", "anchors and aliases (& and *) are not read; write the value out", line)
    if not isinstance(event, yaml.AliasEvent) and event.tag is not None:
        raise _GiveUpError("tag", f"tags (!) are not read; {event.tag[:40]!a} is not needed here", line)


def _scalar(event: yaml.ScalarEvent) -> object:
    """Text, unless it is written without quotes and is a number, true, false or null. `no` is Norway."""
    text = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 400 and _NUMBER.fullmatch(text):
        return int(text) if text.isdigit() and len(text) <= 18 else float(text)
    if len(text) <= 10 and (other := _NOT_FINITE.fullmatch(text)):
        return (-math.inf if other[1] == "-" else math.inf) if other[2] else math.nan
    return text


# --- writing ------------------------------------------------------------------------------------------------


def _written(network: Network, header: Sequence[str]) -> Iterator[str]:
    for comment in header:
        yield f"# {comment}".rstrip()
    plain = to_plain(network)
    yield f"highroad: {VERSION}"
    yield f"name: {_text(network.name)}"
    if network.assumptions:
        yield "assumptions:"
        yield from (f"  - {_quoted(line)}" for line in network.assumptions)
    for part in ("risk_groups", "sites", "fibres"):
        if part == "sites" or plain[part]:
            yield f"{part}:" if plain[part] else f"{part}: []"
        for thing in plain[part]:
            yield f"  - {_flow({key: value for key, value in thing.items() if _said(key, value)})}"
    if network.links:
        yield "links:"
    index = 0
    while index < len(network.links):
        link = network.links[index]
        paired = index + 1 < len(network.links) and _are_pair(link, network.links[index + 1])
        yield f"  - {_flow(_link(network, link, paired))}"
        index += 2 if paired else 1


def _said(key: str, value: object) -> bool:
    return value != [] and (key, value) != ("medium", "smf")


def _are_pair(link: Link, other: Link) -> bool:
    return (
        (link.tail, link.head, link.fibres) == (other.head, other.tail, other.fibres[::-1])
        and (link.capacity_gbps, link.latency_ms) == (other.capacity_gbps, other.latency_ms)
        and (link.id, other.id) == (f"{link.tail}>{link.head}", f"{other.tail}>{other.head}")
    )


def _link(network: Network, link: Link, paired: bool) -> dict[str, object]:
    ends: dict[str, object] = {"between": [link.tail, link.head]}
    if not paired:
        own = {} if link.id == f"{link.tail}>{link.head}" else {"id": link.id}
        ends = {**own, "tail": link.tail, "head": link.head}
    entry: dict[str, object] = {**ends, "capacity_gbps": link.capacity_gbps}
    if any(id_ not in network.fibre for id_ in link.fibres) or link.latency_ms != light_latency_ms(
        network.fibre[id_] for id_ in link.fibres
    ):
        entry["latency_ms"] = link.latency_ms
    return {**entry, "fibres": list(link.fibres)}


def _flow(entry: dict[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {_value(value)}" for key, value in entry.items()) + "}"


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, float):
        if math.isnan(value):
            return ".nan"
        if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return _text(str(value))


def _text(text: str) -> str:
    """Bare where every reader of YAML takes it for text, else quoted."""
    if len(text) <= 100 and _BARE.fullmatch(text) and text.lower() not in _BARE_NOT:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    escaped = []
    for char in text:
        if char in '"\\':
            escaped.append("\\" + char)
        elif char.isprintable():
            escaped.append(char)
        else:
            code = ord(char)
            escaped.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
    return '"' + "".join(escaped) + '"'
