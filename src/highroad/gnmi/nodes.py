"""What a YANG module says, in the few words that ours needs: types, leaves, leaf-lists, containers and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A string of so many characters, that matches the pattern whole."""

    least: int = 0
    most: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number; of 64 bits it is a string in JSON."""

    least: int
    most: int
    bits: Literal[8, 16, 32, 64]


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal number with so many digits after the point; a string in JSON."""

    digits: int


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, without a zone; `version` 0 is either."""

    version: Literal[0, 4, 6] = 0


@dataclass(frozen=True, slots=True)
class Prefix:
    """An IP prefix; `version` 0 is either."""

    version: Literal[0, 4, 6] = 0


@dataclass(frozen=True, slots=True)
class Reference:
    """The key of an entry of another list."""

    path: str


Type = Text | Number | Decimal | Flag | Choice | Address | Prefix | Reference


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value."""

    type: Type
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class LeafList:
    """Some values, no two alike."""

    type: Type


@dataclass(frozen=True, slots=True)
class Container:
    """Named members. `config` False: told, never set; that holds for all below."""

    members: Mapping[str, Node]
    config: bool = True


@dataclass(frozen=True, slots=True)
class Entries:
    """A list: entries with keys."""

    keys: tuple[str, ...]
    members: Mapping[str, Node]
    least: int = 0
    most: int | None = None


Node = Leaf | LeafList | Container | Entries

COUNTER = Number(0, 2**64 - 1, 64)
"""What counts up, or nanoseconds."""
