"""Paths into a router's tree, as gNMI has them: names, and the keys of list entries, with `*` for any.

As text they are written `/interfaces/interface[name=eth0]/state`; in a key's value `]` and `\\` are escaped by `\\`.
A name may carry its module (`openconfig-interfaces:interfaces`), which says no more than the name alone does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from highroad.errors import Finding, Invalid

WILDCARD = "*"

_ELEM = re.compile(r"(?P<name>[^/\[\]]+)(?P<keys>(?:\[(?:[^\]\\]|\\.)*\])*)")
_KEY = re.compile(r"\[(?P<key>[^=\]]+)=(?P<value>(?:[^\]\\]|\\.)*)\]")


@dataclass(frozen=True, slots=True)
class Elem:
    """One step down: a name, and for an entry of a list the values of its keys, sorted by key."""

    name: str
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def bare(self) -> str:
        """The name without its module."""
        return self.name.rpartition(":")[2]

    def key(self, name: str) -> str:
        """The value of a key; any (`*`) when it is not given."""
        return dict(self.keys).get(name, WILDCARD)

    def __str__(self) -> str:
        return self.name + "".join(f"[{key}={_escaped(value)}]" for key, value in self.keys)


@dataclass(frozen=True, slots=True)
class Path:
    """Steps down from the root."""

    elems: tuple[Elem, ...] = ()

    def __str__(self) -> str:
        return "/" + "/".join(map(str, self.elems))

    def __truediv__(self, below: Path | str) -> Path:
        """The path that goes on from this one."""
        return Path(self.elems + (parse(below) if isinstance(below, str) else below).elems)

    def __len__(self) -> int:
        return len(self.elems)

    @property
    def wild(self) -> bool:
        """Whether it may lead to several places by a `*` (a key that is not given is one, too)."""
        return any(
            elem.name in (WILDCARD, "...") or any(value == WILDCARD for _, value in elem.keys) for elem in self.elems
        )

    def covers(self, other: Path) -> bool:
        """Whether `other` is at or below this one, wildcards in this one matching anything."""
        return len(self) <= len(other) and meets(self, other)


ROOT = Path()


def meets(pattern: Path, other: Path) -> bool:
    """Whether one lies at, above or below the other, as far as both go."""
    return all(_matches(mine, its) for mine, its in zip(pattern.elems, other.elems, strict=False))


def elem(name: str, keys: Mapping[str, object] | None = None) -> Elem:
    """A step with its keys in order."""
    return Elem(name, tuple(sorted((key, str(value)) for key, value in (keys or {}).items())))


def entry(name: str, **keys: object) -> Path:
    """The path of one step, keys given by name: `entry("policy", service="s-1")`."""
    return Path((elem(name, keys),))


def parse(text: str) -> Path:
    """The path that is written so. Raises Invalid."""
    at, elems = 0, []
    while at < len(text):
        if text[at] == "/":
            at += 1
            continue
        found = _ELEM.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != "/"):
            raise Invalid([Finding(code="path", place=text, message=f"not a path, from `{text[at : at + 20]}` on")])
        keys, matched = {}, 0
        for key in _KEY.finditer(found["keys"]):
            keys[key["key"]] = re.sub(r"\\(.)", r"\1", key["value"])
            matched += len(key[0])
        if matched != len(found["keys"]):
            raise Invalid([Finding(code="path", place=text, message=f"`{found['keys']}` is not [key=value]")])
        elems.append(elem(found["name"], keys))
        at = found.end()
    return Path(tuple(elems))


def as_path(path: Path | str) -> Path:
    """The path itself, or the one that is written so."""
    return parse(path) if isinstance(path, str) else path


def _matches(pattern: Elem, other: Elem) -> bool:
    if pattern.name != WILDCARD and pattern.bare != other.bare:
        return False
    theirs = dict(other.keys)
    return all(value == WILDCARD or theirs.get(key, value) in (value, WILDCARD) for key, value in pattern.keys)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("]", "\\]")
