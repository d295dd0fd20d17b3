"""What somebody else's file says of a network, with gaps: nodes and edges, before `derive` makes a network of them.

A reader of a format fills a `Rough` with what the file says and nothing else. Values that a file gets wrong are
findings of the reader; values that it does not have are None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from highroad.errors import Finding, Severity
from highroad.model.text import shown as text_shown

DEFAULT_CAPACITY_GBPS = 400.0
"""What a link has of which a file says nothing: one 400 Gbit/s wave."""

Position = tuple[float, float]
"""Latitude and longitude in degrees."""


class Ways(StrEnum):
    """What an edge of the file stands for."""

    BOTH = "both"  # a fibre that is used both ways
    ONE = "one"  # one direction; its opposite is another edge
    DRAWN = "drawn"  # directed in the file, and one direction only if every edge has an opposite


@dataclass(slots=True, kw_only=True)
class Node:
    """A place. `key` is what edges call it by; `places` are texts in which a city may be named."""

    key: str
    name: str
    lat: float | None = None
    lon: float | None = None
    kind: str = "pop"
    jurisdiction: str | None = None
    operator: str | None = None
    places: tuple[str, ...] = ()
    line: int | None = None


@dataclass(slots=True, kw_only=True)
class Edge:
    """A connection of two nodes, by their keys. `label` is text in which a capacity may be read."""

    a: str
    b: str
    length_km: float | None = None
    latency_ms: float | None = None
    capacity_gbps: float | None = None
    label: str = ""
    groups: tuple[str, ...] = ()
    line: int | None = None


@dataclass(slots=True, kw_only=True)
class Rough:
    """A network with gaps. `groups` are names of what several edges share; `found` is what the reader found."""

    name: str
    source: str
    ways: Ways = Ways.BOTH
    straight: bool = False
    """Whether lengths are along the great circle, not along the fibre."""
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)

    def tell(
        self, code: str, place: str, message: str, severity: Severity = Severity.ERROR, line: int | None = None
    ) -> None:
        """Note a finding."""
        self.found.append(Finding(code=code, place=place, message=message, severity=severity, line=line))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How gaps are filled. `positions` are by a node's key or label; they go before what the file says."""

    derive: bool = False
    """Whether places may be guessed: by the names of cities, then by neighbours."""
    positions: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))
    default_length_km: float | None = None
    default_capacity_gbps: float = DEFAULT_CAPACITY_GBPS


PLAIN_RULES = Rules()


def slug(name: str) -> str:
    """An id from a name: lower case, without accents, what is left joined by single hyphens."""
    bare = unicodedata.normalize("NFKD", name[:400]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:40].strip("-") or "site"


class Names:
    """Ids that are taken; the second of one name is `name-2`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def free(self, wanted: str) -> str:
        """The wanted id, or the first of `wanted-2`, `wanted-3`, ... that nobody has; it is taken from then on."""
        id_, number = wanted, self._next.get(wanted, 1)
        while id_ in self._taken:
            number += 1
            id_ = f"{wanted}-{number}"
        self._next[wanted] = number
        self._taken.add(id_)
        return id_


def shown(text: str) -> str:
    """A name of a file as it may stand in a message: quoted, what is not seen as its code, and short."""
    return text_shown(text, 40)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Some names in a message, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
