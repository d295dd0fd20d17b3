"""Webhooks from the model to the wire."""

from __future__ import annotations

from highroad.api.shapes.operations import event_out
from highroad.mail import Sent
from highroad.model.webhook import Attempt, Webhook
from highroad.ports import EventRecord
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.webhooks import AttemptOut, WebhookOut, WebhookTestOut


def webhook_out(webhook: Webhook, newest: int) -> WebhookOut:
    """A webhook without its secrets; `newest` is the place of its viewer's newest event."""
    old = [one.until_s for one in webhook.secrets if one.until_s is not None]
    return WebhookOut(
        id=webhook.id,
        tenant=webhook.tenant,
        url=webhook.url,
        kinds=list(webhook.kinds),
        description=webhook.description,
        created=time_from_s(webhook.created_s),
        state=webhook.state.value,
        cursor=webhook.cursor,
        lag=max(0, newest - webhook.cursor),
        failures=webhook.failures,
        failing_since=maybe_time(webhook.failing_since_s),
        last_error=webhook.last_error,
        delivered=maybe_time(webhook.delivered_s),
        disabled=maybe_time(webhook.disabled_s),
        disabled_because=webhook.disabled_because,
        old_secret_until=maybe_time(max(old, default=None)),
    )


def attempt_out(attempt: Attempt, viewer: str | None) -> AttemptOut:
    """An attempt; what the other end said is for operators, None, only: a tenant reads nothing through us."""
    return AttemptOut(
        number=attempt.number,
        event=attempt.event,
        type=attempt.kind,
        at=time_from_s(attempt.at_s),
        duration_ms=attempt.duration_ms,
        status=attempt.status,
        delivered=not attempt.error,
        error=attempt.error,
        excerpt=attempt.excerpt if viewer is None else "",
    )


def test_out(sent: Sent, viewer: str | None) -> WebhookTestOut:
    """What became of a test, as much of it as of an attempt."""
    return WebhookTestOut(
        delivered=sent.delivered,
        status=sent.status,
        duration_ms=round(sent.duration_ms, 3),
        error=sent.error,
        excerpt=sent.excerpt if viewer is None else "",
    )


def delivery_of(event: EventRecord, viewer: str | None, message_id: str) -> bytes:
    """The body of a delivery: a CloudEvent in structured JSON, as a tenant sees it, or an operator for None."""
    shown = event_out(event, viewer).model_copy(update={"id": message_id})
    return shown.__pydantic_serializer__.to_json(shown, by_alias=True)
