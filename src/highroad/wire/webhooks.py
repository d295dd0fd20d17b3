"""Webhooks as they travel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from highroad.wire.base import In, Out, Page, Time, Whole

Place = Annotated[Whole, Field(ge=0, le=10**15)]


class WebhookIn(In):
    """Where to send events from now on, or from a place on."""

    url: str = Field(description="https://, to a public address; without credentials.")
    kinds: list[str] = Field(default=[], description="Types of events, as globs: `highroad.service.*`; all if empty.")
    start: Literal["now", "beginning"] | Place = Field(
        default="now", alias="from", description="`now`, `beginning`, or the `sequence` of the last event you know."
    )
    description: str = ""
    tenant: str | None = Field(default=None, description="Whose events, for an operator to say; all if left out.")


class WebhookChangeIn(In):
    """What to change; what is left out stays."""

    url: str | None = None
    kinds: list[str] | None = None
    description: str | None = None
    enabled: bool | None = Field(default=None, description="false stops deliveries; true goes on where they stopped.")


class RotateIn(In):
    """A new secret."""

    overlap_s: float = Field(default=86400.0, description="How long deliveries are signed with the old one besides.")


class ReplayIn(In):
    """From where on to deliver again: a place, or a time."""

    after: Place | None = Field(default=None, description="The `sequence` of the last event not to deliver again.")
    start: Time | None = Field(default=None, alias="from", description="Everything from this time on.")


class WebhookOut(Out):
    """A webhook, and how it is doing."""

    id: str
    tenant: str | None
    url: str
    kinds: list[str]
    description: str
    created: Time
    state: str = Field(description="`active`, `failing` (it is tried again), or `disabled`.")
    cursor: int = Field(description="The `sequence` up to which everything was delivered.")
    lag: int = Field(description="How many events there are after that.")
    failures: int = Field(description="Attempts that failed in a row.")
    failing_since: Time | None
    last_error: str
    delivered: Time | None = Field(description="When an event was delivered last.")
    disabled: Time | None
    disabled_because: str
    old_secret_until: Time | None = Field(description="Until when deliveries are signed with an old secret besides.")


class WebhookMadeOut(WebhookOut):
    """A webhook with its new secret, which is shown this once."""

    secret: str


class WebhookPage(Page):
    """Webhooks by id."""

    items: list[WebhookOut]


class WebhookTestOut(Out):
    """What became of a test."""

    delivered: bool
    status: int | None
    duration_ms: float
    error: str
    excerpt: str = Field(description="The beginning of what was answered; for operators only.")


class AttemptOut(Out):
    """One attempt to deliver an event."""

    number: int
    event: str = Field(description="The `id` of the event, which is the `webhook-id` of the delivery.")
    type: str
    at: Time
    duration_ms: float
    status: int | None
    delivered: bool
    error: str
    excerpt: str = Field(description="The beginning of what was answered; for operators only.")


class AttemptsOut(Out):
    """The newest attempts, the newest first."""

    items: list[AttemptOut]
