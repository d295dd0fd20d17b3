"""Delivers events to webhooks, each in order and at least once, where the leader is.

Every webhook has a worker of its own with one delivery under way. Those whose last answer was long in coming have
places apart from the others, and no owner may take more than a share of either: one who has many that hang holds up
nobody else. What was delivered is committed for all of them together by the one writer, soon after: a worker is never
further ahead of what is committed than `AHEAD` deliveries, and stands still while nothing can be committed, so a
leader that was replaced sends no more than those. They are what comes twice after a kill, with the same `webhook-id`;
nothing is skipped, because the cursor moves after the answer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from highroad.control import webhooks
from highroad.control.book import Book, Draft
from highroad.control.live import Live, Read
from highroad.control.places import Places
from highroad.control.planner import Planner
from highroad.errors import HighroadError
from highroad.mail import Mail, Sent
from highroad.model.webhook import KEPT_ATTEMPTS, Attempt, Webhook, WebhookId
from highroad.ports import Clock, EventRecord
from highroad.webhooks import sign

log = logging.getLogger(__name__)

AHEAD = 32
"""Deliveries of one webhook that were answered and are not yet committed, at most."""

COMMIT_EACH_S = 0.02
"""Between two commits of cursors: what is delivered meanwhile is in the next one."""

LAZY_S = 5.0
"""How long it may take until it is committed that events of no interest were passed over."""

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
LONGEST_RETRY_AFTER_S = 3600.0
GONE = 410
SLOW_S = 2.0
"""A webhook whose last attempt took longer is slow; one that failed at once is not, and holds up nobody."""

FAST_PLACES = 128
FAST_SHARE = 32
SLOW_PLACES = 128
SLOW_SHARE = 8
"""Deliveries under way at once: of all, and of one tenant or of the operators."""


@dataclass(slots=True)
class Progress:
    """How far the worker of a webhook is, and what of that is not committed yet."""

    webhook: WebhookId
    turn: int
    at: int
    committed: int
    attempts: int
    failures: int
    failing_since_s: float | None
    last_error: str
    delivered_s: float | None
    ahead: int = 0
    slow: bool = False
    changed: bool = False
    tried: deque[Attempt] = field(default_factory=lambda: deque(maxlen=KEPT_ATTEMPTS))

    def note(self, webhook: Webhook) -> Webhook:
        """A webhook with this in it."""
        return replace(
            webhook,
            cursor=self.at,
            attempts=self.attempts,
            failures=self.failures,
            failing_since_s=self.failing_since_s,
            last_error=self.last_error,
            delivered_s=self.delivered_s,
        )


@dataclass(slots=True)
class _Worker:
    task: asyncio.Task[None] | None = None
    progress: Progress | None = None
    edited: asyncio.Event = field(default_factory=asyncio.Event)
    wakes: set[asyncio.Event] = field(default_factory=set)
    known: Webhook | None = None

    def wake(self) -> None:
        self.edited.set()
        for one in self.wakes:
            one.set()


class Dispatcher:
    """The workers of all webhooks that are enabled."""

    def __init__(
        self,
        *,
        planner: Planner,
        live: Live,
        read: Read,
        clock: Clock,
        mail: Mail,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._planner = planner
        self._live = live
        self._read = read
        self._clock = clock
        self._mail = mail
        self._jitter = jitter
        self._workers: dict[WebhookId, _Worker] = {}
        self._look = asyncio.Event()
        self._dirty = asyncio.Event()
        self._room = asyncio.Condition()
        self._blocked = False
        self._fast = Places(FAST_PLACES, FAST_SHARE)
        self._slow = Places(SLOW_PLACES, SLOW_SHARE)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver."""
        self._look.set()
        self._tasks = [asyncio.create_task(self._hire()), asyncio.create_task(self._commit())]

    async def stop(self) -> None:
        """End every delivery that is under way, and commit what was delivered."""
        tasks = [*self._tasks, *(one.task for one in self._workers.values() if one.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(2.0):
                await self._commit_all()
        except (HighroadError, TimeoutError):
            pass  # then it is delivered again
        self._workers.clear()

    def told(self, events: Sequence[EventRecord]) -> None:
        """These have been committed: perhaps there is another webhook."""
        if any(one.kind.startswith("highroad.webhook.") for one in events):
            self._look.set()

    # --- workers ----------------------------------------------------------------------------------------------

    async def _hire(self) -> None:
        """Have a worker for each webhook that is enabled, and tell them when something was edited."""
        while True:
            await self._look.wait()
            self._look.clear()
            book = await self._planner.settled()
            enabled = {one.id for one in book.webhooks.values() if one.disabled_s is None}
            for known in [*self._workers]:
                task = self._workers[known].task
                if known not in book.webhooks and (task is None or task.done()):
                    del self._workers[known]
            for one in sorted(enabled):
                worker = self._workers.setdefault(one, _Worker())
                if worker.task is None or worker.task.done():
                    worker.task = asyncio.create_task(self._work(one, worker), name=f"webhook {one}")
            for one, worker in self._workers.items():
                now = _edited_part(book.webhooks.get(one))
                if now != worker.known:
                    worker.known = now
                    worker.wake()

    async def _work(self, webhook_id: WebhookId, worker: _Worker) -> None:
        while True:
            try:
                await self._follow(webhook_id, worker)
            except Exception:
                log.exception("the deliveries of %s broke off, and go on", webhook_id)
                await asyncio.sleep(1.0)
            else:
                self._look.set()  # it may have been enabled again since
                return

    async def _follow(self, webhook_id: WebhookId, worker: _Worker) -> None:
        first = self._webhook(webhook_id)
        if first is None:
            return
        with self._live.seat(first.tenant, self._read) as seat:
            worker.wakes.add(seat.wake)
            try:
                while (webhook := self._webhook(webhook_id)) is not None:
                    progress = self._progress(webhook, worker)
                    seat.wake.clear()
                    worker.edited.clear()
                    events = await seat.page(progress.at)
                    if not await self._deliver_all(webhook, worker, events) and not events:
                        await seat.wake.wait()
            finally:
                worker.wakes.discard(seat.wake)

    async def _deliver_all(self, webhook: Webhook, worker: _Worker, events: Sequence[EventRecord]) -> bool:
        """Deliver a page in order, until something was edited. Returns whether anything was done."""
        progress = worker.progress
        for event in events:
            if progress is None or worker.edited.is_set():
                return True
            if webhook.wants(event.kind):
                if not await self._deliver(webhook, progress, event, worker.edited):
                    return True
                progress.ahead += 1
                self._dirty.set()
            progress.at = event.place(webhook.tenant)
        return bool(events)

    async def _deliver(self, webhook: Webhook, progress: Progress, event: EventRecord, edited: asyncio.Event) -> bool:
        """Deliver an event, however often that takes; False where the webhook was edited or given up before."""
        while True:
            async with self._room:
                await self._room.wait_for(lambda: progress.ahead < AHEAD and not self._blocked)
            if edited.is_set():
                return False
            sent = await self._send(webhook, event, slow=progress.slow)
            self._note(progress, webhook, event, sent)
            if sent.delivered:
                return True
            since_s = self._clock.now_s() - (progress.failing_since_s or self._clock.now_s())
            if sent.status == GONE:
                await self._give_up(progress, "the endpoint answered 410 Gone")
                return False
            if since_s >= self._mail.give_up_s:
                hours = self._mail.give_up_s / 3600
                await self._give_up(progress, f"it failed for {hours:g} hours, at last: {sent.error}")
                return False
            self._dirty.set()
            try:
                async with asyncio.timeout(self.pause_s(progress.failures, sent.retry_after_s)):
                    await edited.wait()
            except TimeoutError:
                continue
            return False

    def pause_s(self, failures: int, retry_after_s: float | None) -> float:
        """How long to wait after so many failures in a row: twice as long each time, not all at the same instant, and
        at least as long as was asked for.
        """
        least = FIRST_RETRY_S * 2.0 ** min(failures - 1, 30)
        pause = min(LONGEST_RETRY_S, least) * (0.75 + self._jitter() / 2)
        return max(pause, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))

    async def _send(self, webhook: Webhook, event: EventRecord, *, slow: bool) -> Sent:
        async with (self._slow if slow else self._fast).taken(webhook.tenant):
            return await send(self._mail, webhook, event, event.id, self._clock.now_s())

    def _note(self, progress: Progress, webhook: Webhook, event: EventRecord, sent: Sent) -> None:
        now_s = self._clock.now_s()
        progress.attempts += 1
        progress.changed = True
        progress.slow = sent.duration_ms > SLOW_S * 1000
        progress.last_error = sent.error
        if sent.delivered:
            progress.failures, progress.failing_since_s, progress.delivered_s = 0, None, now_s
        else:
            progress.failures += 1
            progress.failing_since_s = progress.failing_since_s or now_s
        progress.tried.append(
            Attempt(
                webhook=webhook.id,
                number=progress.attempts,
                event=event.id,
                kind=event.kind,
                at_s=now_s,
                duration_ms=round(sent.duration_ms, 3),
                status=sent.status,
                error=sent.error,
                excerpt=sent.excerpt,
            )
        )

    async def _give_up(self, progress: Progress, because: str) -> None:
        def decide(draft: Draft) -> None:
            draft.attempts.extend(progress.tried)
            webhooks.disable(draft, progress.webhook, progress.turn, progress.note, because)

        while True:
            try:
                await self._planner.submit(decide, urgent=True)
            except HighroadError:
                await asyncio.sleep(1.0)
            else:
                return

    def _webhook(self, webhook_id: WebhookId) -> Webhook | None:
        """A webhook as it is now, if it is enabled."""
        found = self._book.webhooks.get(webhook_id)
        return found if found is not None and found.disabled_s is None else None

    def _progress(self, webhook: Webhook, worker: _Worker) -> Progress:
        """How far a worker is: from where the book says, if somebody has set that since."""
        progress = worker.progress
        if progress is None or progress.turn != webhook.turn:
            progress = Progress(
                webhook=webhook.id,
                turn=webhook.turn,
                at=webhook.cursor,
                committed=webhook.cursor,
                attempts=webhook.attempts if progress is None else max(progress.attempts, webhook.attempts),
                failures=webhook.failures,
                failing_since_s=webhook.failing_since_s,
                last_error=webhook.last_error,
                delivered_s=webhook.delivered_s,
            )
            worker.progress = progress
        return progress

    @property
    def _book(self) -> Book:
        return self._planner.book

    # --- what was delivered -----------------------------------------------------------------------------------

    async def _commit(self) -> None:
        """Commit how far everybody is, as soon as somebody has something that matters."""
        while True:
            try:
                async with asyncio.timeout(LAZY_S):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
            try:
                await self._commit_all()
                self._blocked = False
            except HighroadError as error:
                if not self._blocked:
                    log.warning("deliveries to webhooks stand still, because nothing can be committed: %s", error)
                self._blocked = True
                self._dirty.set()
                await asyncio.sleep(0.5)
            async with self._room:
                self._room.notify_all()
            await asyncio.sleep(COMMIT_EACH_S)

    async def _commit_all(self) -> None:
        due = [
            one.progress
            for one in self._workers.values()
            if one.progress is not None and (one.progress.changed or one.progress.at != one.progress.committed)
        ]
        if not due:
            return
        notes = [(one, _as_it_is(one)) for one in due]

        def decide(draft: Draft) -> None:
            for one, then in notes:
                if webhooks.record(draft, one.webhook, one.turn, then.note) is not None:
                    draft.attempts.extend(then.tried)

        await self._planner.submit(decide, urgent=True)
        for one, then in notes:
            one.committed = then.at
            one.ahead -= then.ahead
            one.changed = one.attempts != then.attempts
            while one.tried and one.tried[0].number <= then.attempts:
                one.tried.popleft()


def _edited_part(webhook: Webhook | None) -> Webhook | None:
    """A webhook without what deliveries change of it."""
    if webhook is None:
        return None
    return replace(webhook, cursor=0, attempts=0, failures=0, failing_since_s=None, last_error="", delivered_s=None)


def _as_it_is(progress: Progress) -> Progress:
    """A progress as it is at this instant."""
    return replace(progress, tried=deque(progress.tried))


async def send(mail: Mail, webhook: Webhook, event: EventRecord, message_id: str, now_s: float) -> Sent:
    """Deliver an event once, signed with every secret that is in use; raises nothing."""
    try:
        secrets = [mail.vault.open(one.sealed) for one in webhook.signs_with(now_s)]
    except HighroadError as error:
        return Sent(duration_ms=0.0, error=error.message)
    body = mail.write(event, webhook.tenant, message_id)
    headers = sign(message_id, int(now_s), body, secrets) | {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "highroad-webhooks/1",
    }
    return await mail.courier.send(webhook.url, headers, body, tenant=webhook.tenant is not None)
