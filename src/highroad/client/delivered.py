"""What clients ask of what was measured and delivered; each client has it beside its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from highroad.client import proof, telemetry
from highroad.client.calls import Ask
from highroad.wire.proof import ProofEntryOut, ProofKeyOut
from highroad.wire.services import ServiceOut
from highroad.wire.telemetry import TracksOut

T = TypeVar("T")
Kind = Literal["link", "service", "paths"]


class Delivered:
    """Of a client that waits."""

    def send(self, ask: Ask[T]) -> T:
        """The client's own."""
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Ask[Any]]) -> Iterator[Any]:
        raise NotImplementedError

    def telemetry(
        self,
        kind: Kind,
        name: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        step_s: int | None = None,
        series: Sequence[str] = (),
    ) -> TracksOut:
        """What was measured of a link, a service, or the paths of one, over time: None where nothing was."""
        return self.send(telemetry.tracks(kind, name, start=start, end=end, step_s=step_s, series=series))

    def proof(
        self, service: ServiceOut | str, *, start: datetime | str | None = None, end: datetime | str | None = None
    ) -> Iterator[ProofEntryOut]:
        """What was delivered of a service, entry by entry; of a time, those entries that have some of it."""
        service_id = service if isinstance(service, str) else service.id
        return self._pages(lambda cursor: proof.entries(service_id, cursor, start=start, end=end))

    def proof_key(self) -> ProofKeyOut:
        """The key that signs proofs."""
        return self.send(proof.key())


class AsyncDelivered:
    """Of a client that awaits."""

    async def send(self, ask: Ask[T]) -> T:
        """The client's own."""
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Ask[Any]]) -> AsyncIterator[Any]:
        raise NotImplementedError

    async def telemetry(
        self,
        kind: Kind,
        name: str,
        *,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        step_s: int | None = None,
        series: Sequence[str] = (),
    ) -> TracksOut:
        """What was measured of a link, a service, or the paths of one, over time: None where nothing was."""
        return await self.send(telemetry.tracks(kind, name, start=start, end=end, step_s=step_s, series=series))

    def proof(
        self, service: ServiceOut | str, *, start: datetime | str | None = None, end: datetime | str | None = None
    ) -> AsyncIterator[ProofEntryOut]:
        """What was delivered of a service, entry by entry; of a time, those entries that have some of it."""
        service_id = service if isinstance(service, str) else service.id
        return self._pages(lambda cursor: proof.entries(service_id, cursor, start=start, end=end))

    async def proof_key(self) -> ProofKeyOut:
        """The key that signs proofs."""
        return await self.send(proof.key())
