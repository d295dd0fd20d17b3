"""What was known before a batch was decided: so that it is known again when the store does not take the batch and
cannot be read either. Readers go on with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from highroad.model.freeze import Freeze
from highroad.model.network import Network
from highroad.ports import Snapshot

if TYPE_CHECKING:
    from highroad.control.book import Book

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True)
class Before:
    """The values that drafts have put others in the place of, the first of each; None where there was none."""

    services: dict[str, Any] = field(default_factory=dict)
    tenants: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, Any] = field(default_factory=dict)
    incidents: dict[str, Any] = field(default_factory=dict)
    maintenances: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    freeze: list[Freeze | None] = field(default_factory=list)
    network: list[tuple[Network, int]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing was replaced."""
        one = (self.services, self.tenants, self.ports, self.incidents, self.maintenances, self.tokens)
        return not (any(one) or self.freeze or self.network)

    def snapshot(self, book: Book) -> Snapshot:
        """What a book had before."""
        network, revision = self.network[0] if self.network else (book.network, book.revision)
        return Snapshot(
            network=network if revision else None,
            network_revision=revision,
            tenants=_as_it_was(book.tenants, self.tenants),
            ports=_as_it_was(book.ports, self.ports),
            services=_as_it_was(book.services, self.services),
            incidents=sorted(_as_it_was(book.incidents, self.incidents), key=lambda one: one.opened_s),
            maintenances=sorted(_as_it_was(book.maintenances, self.maintenances), key=lambda one: one.started_s),
            freeze=self.freeze[0] if self.freeze else book.freeze,
            tokens=_as_it_was(book.tokens, self.tokens),
            last_sequence=book.last_sequence,
        )


def _as_it_was(now: Mapping[Any, T], before: Mapping[str, T | None]) -> list[T]:
    """In the order of names, as the store gives them."""
    was = {name: value for name, value in {**now, **before}.items() if value is not None}
    return [was[name] for name in sorted(was)]
