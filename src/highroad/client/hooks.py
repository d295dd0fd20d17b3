"""The asks about webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from highroad.client.calls import JSON, Ask, checked, get, name, post, reader, written
from highroad.wire.webhooks import (
    AttemptsOut,
    ReplayIn,
    RotateIn,
    WebhookChangeIn,
    WebhookIn,
    WebhookMadeOut,
    WebhookOut,
    WebhookPage,
    WebhookTestOut,
)


def webhooks(cursor: str | None) -> Ask[WebhookPage]:
    """A page of webhooks."""
    return get("/v1/webhooks", WebhookPage, cursor=cursor)


def webhook(webhook_id: str) -> Ask[WebhookOut]:
    """One webhook."""
    return get(_path(webhook_id), WebhookOut)


def add_webhook(
    url: str, *, kinds: Sequence[str], start: str | int, description: str, tenant: str | None
) -> Ask[WebhookMadeOut]:
    """Have events sent to an address."""
    fields = {"url": url, "kinds": list(kinds), "from": start, "description": description}
    return post("/v1/webhooks", checked(WebhookIn, fields | ({"tenant": tenant} if tenant else {})), WebhookMadeOut)


def change_webhook(webhook_id: str, changes: dict[str, Any]) -> Ask[WebhookOut]:
    """Change a webhook."""
    given = {key: value for key, value in changes.items() if value is not None}
    body = written(checked(WebhookChangeIn, given))
    headers = {"Content-Type": JSON}
    return Ask(method="PATCH", path=_path(webhook_id), headers=headers, content=body, read=reader(WebhookOut))


def remove_webhook(webhook_id: str) -> Ask[None]:
    """Remove a webhook."""
    return Ask(method="DELETE", path=_path(webhook_id), read=lambda body: None, repeatable=False)


def rotate_webhook(webhook_id: str, overlap_s: float) -> Ask[WebhookMadeOut]:
    """Sign with a new secret."""
    return post(f"{_path(webhook_id)}/rotate", checked(RotateIn, {"overlap_s": overlap_s}), WebhookMadeOut)


def test_webhook(webhook_id: str) -> Ask[WebhookTestOut]:
    """Send a test event."""
    return Ask(method="POST", path=f"{_path(webhook_id)}/test", read=reader(WebhookTestOut))


def replay_webhook(webhook_id: str, *, after: int | None, start: datetime | str | None) -> Ask[WebhookOut]:
    """Deliver again."""
    given = {"after": after, "from": start}
    body = checked(ReplayIn, {key: value for key, value in given.items() if value is not None})
    return post(f"{_path(webhook_id)}/replay", body, WebhookOut, repeatable=True)


def deliveries(webhook_id: str) -> Ask[AttemptsOut]:
    """The newest attempts."""
    return get(f"{_path(webhook_id)}/deliveries", AttemptsOut)


def _path(webhook_id: str) -> str:
    return f"/v1/webhooks/{name(webhook_id)}"
