"""What doors ask about webhooks: looked up here, decided by whoever leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from highroad.control import webhooks
from highroad.control.book import Book
from highroad.control.commands import (
    AddWebhook,
    ChangeWebhook,
    Command,
    RemoveWebhook,
    ReplayWebhook,
    RotateWebhookSecret,
)
from highroad.control.dispatch import send
from highroad.control.names import test_id, webhook_secret
from highroad.errors import Conflict, Finding, Invalid
from highroad.mail import Mail, Sent
from highroad.model.service import TenantId
from highroad.model.webhook import Attempt, Webhook
from highroad.ports import Clock, EventRecord, Executor, Store

T = TypeVar("T")

TIMES_READ = 5000
"""Times of events that are read at once, in some ten milliseconds."""


class Doing(Protocol):
    """How a command is done, by whoever leads."""

    async def __call__(self, command: Command[T]) -> T:
        """Do it."""


class Mailroom:
    """The webhooks of everybody. `tenant` is whose they have to be, None for an operator, who may see all."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        execute: Executor,
        do: Doing,
        settled: Callable[[], Awaitable[Book]],
        mail: Mail | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._execute = execute
        self._do = do
        self._settled = settled
        self._mail = mail

    @property
    def mail(self) -> Mail:
        """What delivers. Raises Conflict where nothing does."""
        if self._mail is None:
            raise Conflict("this controller delivers to no webhooks")
        return self._mail

    async def all(self, tenant: TenantId | None) -> list[Webhook]:
        """Every webhook, by id."""
        book = await self._settled()
        return sorted((one for one in book.webhooks.values() if tenant in (None, one.tenant)), key=lambda one: one.id)

    async def one(self, webhook_id: str, tenant: TenantId | None) -> Webhook:
        """A webhook. Raises NotFound."""
        return webhooks.find(await self._settled(), webhook_id, tenant)

    async def last_place(self, viewer: str | None) -> int:
        """The place of the newest event that a webhook of a tenant, or of operators for None, may be sent."""
        return await self._execute(self._store.last_place, tenant=viewer, operator=viewer is None)

    async def add(
        self, *, owner: str | None, url: str, kinds: Sequence[str], description: str, start: int | str
    ) -> tuple[Webhook, str]:
        """A new webhook and its secret, which is told this once. `start` is a place, `now` or `beginning`.

        Raises Invalid with every finding, Conflict.
        """
        findings = [
            *self.mail.courier.check(url, tenant=owner is not None),
            *webhooks.wrong_with(tuple(kinds), description),
        ]
        newest = await self.last_place(owner)
        cursor = newest if start == "now" else 0 if start == "beginning" else int(start)
        findings += _beyond(cursor, newest, "from")
        if owner is not None and owner not in (await self._settled()).tenants:
            findings.append(Finding(code="unknown-tenant", place="tenant", message=f"there is no tenant {owner!r}"))
        if findings:
            raise Invalid(findings)
        secret = webhook_secret()
        command = AddWebhook(
            tenant=owner,
            url=url,
            kinds=tuple(kinds),
            description=description,
            cursor=cursor,
            sealed=self.mail.vault.seal(secret),
        )
        return await self._do(command), secret

    async def change(self, webhook_id: str, tenant: TenantId | None, changes: Mapping[str, Any]) -> Webhook:
        """Change what is named. Raises NotFound, Invalid."""
        webhook = await self.one(webhook_id, tenant)
        owned = webhook.tenant is not None
        if "url" in changes and (findings := self.mail.courier.check(changes["url"], tenant=owned)):
            raise Invalid([*findings, *webhooks.wrong_with(tuple(changes.get("kinds", ())), "")])
        return await self._do(ChangeWebhook(webhook=webhook.id, tenant=tenant, changes=dict(changes)))

    async def rotate(self, webhook_id: str, tenant: TenantId | None, overlap_s: float) -> tuple[Webhook, str]:
        """A new secret, told this once. Raises NotFound, Invalid."""
        webhook = await self.one(webhook_id, tenant)
        secret = webhook_secret()
        sealed = self.mail.vault.seal(secret)
        command = RotateWebhookSecret(webhook=webhook.id, tenant=tenant, sealed=sealed, overlap_s=overlap_s)
        return await self._do(command), secret

    async def replay(
        self, webhook_id: str, tenant: TenantId | None, *, after: int | None = None, from_s: float | None = None
    ) -> Webhook:
        """Deliver again from a place or a time on. Raises NotFound, Invalid."""
        webhook = await self.one(webhook_id, tenant)
        if (after is None) == (from_s is None):
            raise Invalid([Finding(code="replay", place="after", message="give either `after` or `from`")])
        place = await self._place_at(webhook.tenant, from_s or 0.0) if after is None else after
        newest = await self.last_place(webhook.tenant)
        if findings := _beyond(place, newest, "after"):
            raise Invalid(findings)
        return await self._do(ReplayWebhook(webhook=webhook.id, tenant=tenant, after=place))

    async def remove(self, webhook_id: str, tenant: TenantId | None) -> Webhook:
        """Send nothing there any more. Raises NotFound."""
        webhook = await self.one(webhook_id, tenant)
        return await self._do(RemoveWebhook(webhook=webhook.id, tenant=tenant))

    async def test(self, webhook_id: str, tenant: TenantId | None) -> Sent:
        """Send an event that tells of nothing, at once and from this process. Raises NotFound."""
        webhook = await self.one(webhook_id, tenant)
        now_s = self._clock.now_s()
        event = EventRecord(
            kind="highroad.webhook.test", subject=webhook.id, at_s=now_s, tenant=webhook.tenant, data={"test": True}
        )
        return await send(self.mail, webhook, event, test_id(), now_s)

    async def attempts(self, webhook_id: str, tenant: TenantId | None) -> Sequence[Attempt]:
        """The newest attempts to deliver. Raises NotFound."""
        webhook = await self.one(webhook_id, tenant)
        return await self._execute(self._store.attempts, webhook.id)

    async def _place_at(self, viewer: str | None, from_s: float) -> int:
        """The place before the first event at a time or later. All before it are looked at: where the clock was set
        back, an event may be of an earlier time than one before it.
        """
        last = 0
        while True:
            found = await self._execute(
                self._store.times, after=last, limit=TIMES_READ, tenant=viewer, operator=viewer is None
            )
            for place, at_s in found:
                if at_s >= from_s:
                    return place - 1
                last = place
            if len(found) < TIMES_READ:
                return last


def _beyond(place: int, newest: int, name: str) -> list[Finding]:
    if place <= newest:
        return []
    message = f"there is no event {place} yet, the newest is {newest}"
    return [Finding(code="after-the-newest", place=name, message=message)]
