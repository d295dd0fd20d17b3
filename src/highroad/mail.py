"""What it takes to deliver events to addresses that customers chose, as Protocols; `courier` implements them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from highroad.errors import Finding
from highroad.ports import EventRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of an attempt to deliver: `error` in words where it was not, `status` None where no answer came."""

    duration_ms: float
    status: int | None = None
    error: str = ""
    excerpt: str = ""
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the other end has it."""
        return not self.error


class Courier(Protocol):
    """What brings a delivery to an address of somebody else's choice, and nowhere that it may not go."""

    def check(self, url: str, *, tenant: bool) -> Sequence[Finding]:
        """What is wrong with an address, as far as that can be seen without asking anybody; a `tenant`'s webhook may go
        to other places than an operator's.
        """

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, *, tenant: bool) -> Sent:
        """Deliver once, within seconds; raises nothing. Why a tenant's failed quotes nothing of the answer."""


class Vault(Protocol):
    """Keeps secrets so that the store alone does not tell them."""

    def seal(self, secret: str) -> str:
        """A secret as it is kept."""

    def open(self, sealed: str) -> str:
        """The secret again. Raises Unavailable where it was sealed with another key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What it takes to deliver events: `write` makes the body of one as a tenant sees it, or an operator for None."""

    courier: Courier
    vault: Vault
    write: Callable[[EventRecord, str | None, str], bytes]
    give_up_s: float = 72 * 3600.0
    """A webhook that failed for so long is disabled."""
