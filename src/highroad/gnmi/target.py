"""What the gNMI server serves: a tree that can be read, changed all or nothing, and watched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from highroad.gnmi.path import Path


class Kind(Enum):
    """What part of the tree a Get is after."""

    ALL = "all"
    CONFIG = "config"
    STATE = "state"
    OPERATIONAL = "operational"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A YANG module that the target speaks, as Capabilities names it."""

    name: str
    organization: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove what is at the path; nothing there is no error."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Put the value in the place of all that is at the path."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Merge the value into what is at the path."""

    path: Path
    value: Any


Edit = Delete | Replace | Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What changed at a moment: new values (of leaves, or of whole subtrees), and what is there no more."""

    timestamp_ns: int
    updates: tuple[tuple[Path, Any], ...] = ()
    deletes: tuple[Path, ...] = ()


class Watch(Protocol):
    """Changes, as they come, from the moment that it was made. Each batch has what is newest, and no more."""

    def __aiter__(self) -> AsyncIterator[Notification]:
        """The changes."""

    async def aclose(self) -> None:
        """Stop watching."""


class Target(Protocol):
    """A tree of JSON (RFC 7951) and what may be done with it. It raises Highroad's errors, which the server maps.

    Every path that it is given is absolute and without module names; a step into a list may lack keys or have `*`.
    """

    @property
    def models(self) -> Sequence[Model]:
        """What it speaks."""

    @property
    def elections(self) -> Mapping[str, int]:
        """The highest election id seen so far for each role, as `elected` was told, before a restart too."""

    async def elected(self, role: str, election_id: int) -> None:
        """Remember, durably, that a controller of this id speaks now: none with a lower one is heard any more."""

    async def read(self, path: Path, kind: Kind) -> Sequence[tuple[Path, Any]]:
        """What is at the path: one entry for every place that it leads to, with its full path. Raises NotFound."""

    async def write(self, edits: Sequence[Edit]) -> None:
        """Make all the edits, in this order, or none; return when they are in force. It is never cancelled midway."""

    def watch(self, paths: Sequence[Path]) -> Watch:
        """Changes at or below these paths, or of a subtree that they are in."""
