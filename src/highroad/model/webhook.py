"""Webhooks: where a tenant's events, or an operator's, are sent as they happen, and how far that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NewType

WebhookId = NewType("WebhookId", str)

KEPT_ATTEMPTS = 50
"""The newest attempts that are kept of each webhook."""


class WebhookState(StrEnum):
    """How a webhook is doing."""

    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """What deliveries are signed with, sealed; `until_s` is when an old one is no longer used."""

    sealed: str
    created_s: float
    until_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where events go. `tenant` None is an operator's, which gets all; `kinds` are globs, none of them means all.

    Everything up to the place `cursor` in its viewer's sequence was delivered, or is of no kind that it wants. `turn`
    rises when somebody sets the cursor, so that what was under way before cannot.
    """

    id: WebhookId
    tenant: str | None
    url: str
    secrets: tuple[WebhookSecret, ...]
    created_s: float
    kinds: tuple[str, ...] = ()
    description: str = ""
    cursor: int = 0
    turn: int = 0
    attempts: int = 0
    failures: int = 0
    """In a row, up to now."""
    failing_since_s: float | None = None
    last_error: str = ""
    delivered_s: float | None = None
    disabled_s: float | None = None
    disabled_because: str = ""
    removed_s: float | None = None

    @property
    def state(self) -> WebhookState:
        """How it is doing."""
        if self.disabled_s is not None:
            return WebhookState.DISABLED
        return WebhookState.FAILING if self.failures else WebhookState.ACTIVE

    def wants(self, kind: str) -> bool:
        """Whether events of a kind are sent."""
        return not self.kinds or any(fnmatchcase(kind, glob) for glob in self.kinds)

    def signs_with(self, now_s: float) -> tuple[WebhookSecret, ...]:
        """The secrets in use, the newest first."""
        return tuple(one for one in self.secrets if one.until_s is None or one.until_s > now_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to deliver one event; `status` is None where no answer came, `error` empty where it was delivered."""

    webhook: WebhookId
    number: int
    event: str
    kind: str
    at_s: float
    duration_ms: float
    status: int | None
    error: str
    excerpt: str
