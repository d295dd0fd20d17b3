"""Where proofs of what was delivered are kept, and who signs them. Blocking, like the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from highroad.model.proof import Entry


class Proofs(Protocol):
    """Proofs: only ever added."""

    def heads(self, services: Collection[str]) -> Mapping[str, Entry]:
        """The newest entry of each of some services."""

    def entries(
        self, service: str, *, after: int, limit: int, from_s: float | None = None, until_s: float | None = None
    ) -> Sequence[Entry]:
        """Entries of a service in order after a place, of those that have some of a time."""

    def seal(self, entries: Sequence[Entry]) -> None:
        """Add entries to their chains, durably, all of them or none; fenced as a commit is. Raises Unavailable."""


class Signs(Protocol):
    """The operator's key."""

    @property
    def key(self) -> str:
        """The public one: 64 hexadecimal digits."""

    def sign(self, doc: bytes) -> str:
        """The signature of a document, in hexadecimal."""
