"""Decisions about webhooks: who has which, what they are sent, and from where on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from highroad.control.book import Book, Draft
from highroad.control.names import webhook_id
from highroad.control.quota import check_webhook
from highroad.errors import Finding, Invalid, NotFound
from highroad.model import text
from highroad.model.service import TenantId
from highroad.model.webhook import Webhook, WebhookId, WebhookSecret

MOST_KINDS = 32
OVERLAP_S = 24 * 3600.0
"""How long an old secret goes on signing beside a new one, if nobody says otherwise."""

LONGEST_OVERLAP_S = 14 * 24 * 3600.0
SWITCHED_OFF = "it was switched off"

_KIND = re.compile(r"[a-z0-9.*?\[\]!_-]{1,100}")


def find(book: Book, webhook_id: str, tenant: TenantId | None) -> Webhook:
    """A webhook of a tenant, or of anybody for None. Raises NotFound."""
    found = book.webhooks.get(WebhookId(webhook_id))
    if found is None or (tenant is not None and found.tenant != tenant):
        raise NotFound(f"there is no webhook {webhook_id}")
    return found


def wrong_with(kinds: tuple[str, ...], description: str) -> list[Finding]:
    """Everything that is wrong with what is said of a webhook besides its address."""
    findings = []
    if len(kinds) > MOST_KINDS:
        findings.append(Finding(code="kinds", place="kinds", message=f"at most {MOST_KINDS} are given"))
    for number, kind in enumerate(kinds[:MOST_KINDS]):
        if not _KIND.fullmatch(kind):
            message = "is a type of event, or a glob of them: `highroad.service.*`"
            findings.append(Finding(code="kind", place=f"kinds[{number}]", message=message))
    if message := text.wrong_with(description, empty=True):
        findings.append(Finding(code="description", place="description", message=message))
    return findings


def add(
    draft: Draft, *, tenant: str | None, url: str, kinds: tuple[str, ...], description: str, cursor: int, sealed: str
) -> Webhook:
    """Send events to an address from a place on. Raises Invalid, QuotaExceeded, Conflict where there are too many."""
    findings = wrong_with(kinds, description)
    if tenant is not None and tenant not in draft.book.tenants:
        findings.append(Finding(code="unknown-tenant", place="tenant", message=f"there is no tenant {tenant!r}"))
    if findings:
        raise Invalid(findings)
    check_webhook(draft.book, None if tenant is None else TenantId(tenant))
    secret = WebhookSecret(sealed=sealed, created_s=draft.now_s)
    webhook = Webhook(
        id=webhook_id(),
        tenant=tenant,
        url=url,
        kinds=kinds,
        description=description,
        cursor=cursor,
        secrets=(secret,),
        created_s=draft.now_s,
    )
    draft.put_webhook(webhook)
    _tell(draft, webhook, "added")
    return webhook


def change(draft: Draft, webhook_id: WebhookId, tenant: TenantId | None, changes: Mapping[str, Any]) -> Webhook:
    """Change `url`, `kinds`, `description` or `enabled`, whichever are given. Raises NotFound, Invalid."""
    webhook = find(draft.book, webhook_id, tenant)
    kinds = tuple(changes.get("kinds", webhook.kinds))
    description = changes.get("description", webhook.description)
    if findings := wrong_with(kinds, description):
        raise Invalid(findings)
    changed = replace(webhook, url=changes.get("url", webhook.url), kinds=kinds, description=description)
    enabled = changes.get("enabled")
    if enabled is False and webhook.disabled_s is None:
        return _disable(draft, changed, SWITCHED_OFF)
    if enabled and webhook.disabled_s is not None:
        changed = replace(_afresh(changed), disabled_s=None, disabled_because="")
        draft.put_webhook(changed)
        _tell(draft, changed, "enabled")
    elif changed != webhook:
        draft.put_webhook(changed)
        _tell(draft, changed, "changed")
    return changed


def rotate(draft: Draft, webhook_id: WebhookId, tenant: TenantId | None, sealed: str, overlap_s: float) -> Webhook:
    """Sign with a new secret from now on, and for a while with the old one besides. Raises NotFound, Invalid."""
    webhook = find(draft.book, webhook_id, tenant)
    if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
        message = f"has to be from 0 to {LONGEST_OVERLAP_S:g} (two weeks)"
        raise Invalid([Finding(code="overlap", place="overlap_s", message=message)])
    until_s = draft.now_s + overlap_s
    old = (replace(one, until_s=min(until_s, one.until_s or until_s)) for one in webhook.signs_with(draft.now_s))
    kept = tuple(one for one in old if (one.until_s or 0) > draft.now_s)[:2]
    webhook = replace(webhook, secrets=(WebhookSecret(sealed=sealed, created_s=draft.now_s), *kept))
    draft.put_webhook(webhook)
    _tell(draft, webhook, "secret-rotated")
    return webhook


def replay(draft: Draft, webhook_id: WebhookId, tenant: TenantId | None, after: int) -> Webhook:
    """Deliver everything after a place, again if it was delivered. Raises NotFound."""
    webhook = replace(_afresh(find(draft.book, webhook_id, tenant)), cursor=after)
    draft.put_webhook(webhook)
    _tell(draft, webhook, "replayed", after=after)
    return webhook


def remove(draft: Draft, webhook_id: WebhookId, tenant: TenantId | None) -> Webhook:
    """Send nothing any more, and forget the secrets. Raises NotFound."""
    webhook = find(draft.book, webhook_id, tenant)
    webhook = replace(webhook, removed_s=draft.now_s, secrets=())
    draft.put_webhook(webhook)
    _tell(draft, webhook, "removed")
    return webhook


def record(draft: Draft, webhook_id: WebhookId, turn: int, note: Callable[[Webhook], Webhook]) -> Webhook | None:
    """Note how far deliveries are, unless somebody has set the cursor since or the webhook is gone."""
    webhook = draft.book.webhooks.get(webhook_id)
    if webhook is None or webhook.turn != turn:
        return None
    return draft.put_webhook(note(webhook))


def disable(
    draft: Draft, webhook_id: WebhookId, turn: int, note: Callable[[Webhook], Webhook], because: str
) -> Webhook | None:
    """Give up on a webhook, loudly."""
    webhook = record(draft, webhook_id, turn, note)
    return None if webhook is None or webhook.disabled_s is not None else _disable(draft, webhook, because)


def _disable(draft: Draft, webhook: Webhook, because: str) -> Webhook:
    webhook = draft.put_webhook(replace(webhook, disabled_s=draft.now_s, disabled_because=because))
    _tell(draft, webhook, "disabled", because=because, cursor=webhook.cursor)
    return webhook


def _afresh(webhook: Webhook) -> Webhook:
    """The same with nothing held against it."""
    return replace(webhook, turn=webhook.turn + 1, failures=0, failing_since_s=None, last_error="")


def _tell(draft: Draft, webhook: Webhook, what: str, **data: Any) -> None:
    """Addresses may hold what is nobody else's to know: they are in the webhook, and not in the event."""
    draft.tell(f"highroad.webhook.{what}", webhook.id, tenant=webhook.tenant, **data)
