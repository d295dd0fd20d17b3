"""The one writer: takes what is to be decided in batches, commits each batch, and only then answers.

While a batch is being written the next one gathers, so the disk's latency is shared by all who wait for it. If the
write fails, nobody in the batch got a yes, and the book is read from the store again. Where it cannot be read, or has
not said for `PATIENCE_S` whether it wrote, the book is as it was before the batch: readers go on with that, whoever
wants something decided is told to come again, and the store is looked for until it is back.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from highroad.control.before import Before
from highroad.control.book import Book, Draft
from highroad.control.figures import Figures
from highroad.control.recorder import Recorder, What, is_quiet
from highroad.errors import Deposed, HighroadError, Unavailable
from highroad.ports import Answer, Clock, Commit, EventRecord, Executor, Reply, Snapshot, Store, Tracer

T = TypeVar("T")

log = logging.getLogger(__name__)

BATCH = 64
"""Orders in one commit at most: bounds how long the first of them waits for the last."""

LONGEST_WAIT_S = 0.5
"""Who would wait longer for the decisions before its own is told to come again, so that who is taken is answered."""

WAITING = 1000
"""Orders that may wait at once; one more is told to come again."""

PATIENCE_S = 5.0
"""So long the store may take for a batch, or for being read again: till then readers wait for it."""

AGAIN_S = 0.5
"""So long after it was in vain the store is asked again."""

PAGE = 500
"""Events that are read at once."""


class Replying(Protocol):
    """Who asked through the store: the reply is written in the commit of the decision, or not at all."""

    def yes(self, result: Any) -> Reply:
        """The reply to what was decided."""

    def no(self, error: Exception) -> Reply:
        """The reply to what was refused."""

    def check(self) -> None:
        """Raises TooLate where nobody waits any more."""


Keyed = tuple[str, str]
"""Who asks, and the Idempotency-Key."""


class Hangs(Unavailable):
    """The store has not said in time whether it did what it was asked for."""


class Replied(Exception):
    """The answer was a refusal, and is written."""


class TooLate(Exception):
    """Nothing was decided, and nothing is answered."""


NOTED = 500
"""So many entries of the flight recorder are not left to wait for a commit of something else."""


@dataclass(slots=True)
class _Task(Generic[T]):
    decide: Callable[[Draft], T]
    answer: asyncio.Future[T]
    context: Context
    """Of the request it is for: what is logged while it is decided carries its id."""
    urgent: bool
    replying: Replying | None = None
    what: What | None = None
    keyed: Keyed | None = None


@dataclass(slots=True)
class _Done:
    """What was decided and is to be answered when it is written: a result, or a refusal of who hears of it there."""

    task: _Task[Any]
    result: Any = None
    error: Exception | None = None


class Planner:
    """Decides on drafts of the book, one after the other, and commits them in batches."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        published: Callable[[Sequence[EventRecord]], None],
        execute: Executor,
        *,
        carries_tags: bool = True,
        book: Book | None = None,
        figures: Figures | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """`book` is what the store has, where that is known already."""
        self._store = store
        self._clock = clock
        self._published = published
        self._execute = execute
        self._tasks: asyncio.Queue[_Task[Any]] = asyncio.Queue()
        self._settled = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._before = Before()
        self._answers: dict[Keyed, Answer | None] = {}
        """What the store has under the keys of the batch."""
        self._spoilt = False
        """Whether a decision that broke off may have left in the book what `_before` knows nothing of."""
        self._late: asyncio.Future[Any] | None = None
        """What the store was asked for and has not answered in time."""
        self._returning: asyncio.Task[None] | None = None
        """Looks for the store while that is away."""
        self._carries_tags = carries_tags
        self.book = book or Book(store.load(), carries_tags=carries_tags)
        self.book.rooms.start(self.book.services.values())
        self.deposed = asyncio.Event()
        """Set when the store has refused a commit because another process leads: the book is worth nothing then."""
        self.figures = figures or Figures()
        self._tracer = tracer
        self.recorder = Recorder()
        self.recorder.started(clock.now_s(), self.book, carries_tags=carries_tags)
        self._batch_s = 0.0
        """What a batch takes with its commit, lately, by the machine's clock."""
        self.asked = 0
        """How many decisions were asked for so far, but for the loop's own."""

    def start(self) -> None:
        """Begin to decide."""
        self._running = asyncio.create_task(self._run(), name="planner")

    async def stop(self) -> None:
        """Finish the batch under way and stop; who still waits is told so."""
        if self._running is not None:
            async with self._settled:
                self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)
        while not self._tasks.empty():
            _fail(self._tasks.get_nowait(), self._stopping())

    def _stopping(self) -> Unavailable:
        return _deposed() if self.deposed.is_set() else Unavailable("the controller is stopping")

    async def submit(
        self,
        decide: Callable[[Draft], T],
        *,
        urgent: bool = False,
        replying: Replying | None = None,
        what: What | None = None,
        keyed: Keyed | None = None,
    ) -> T:
        """Have a decision made and committed. Raises what it raises, and Unavailable where nothing was written.

        `urgent` is for the loop's own work, which is never turned away. With `replying` a refusal is raised only when
        the reply is written, as `Replied`. `what` is for the flight recorder. What the store has under `keyed` is
        looked up before it is decided, and is what `answered` says then.
        """
        if not urgent and self._tasks.qsize() >= WAITING:
            raise Unavailable("too many orders are waiting; try again in a second")
        wait_s = self.waiting // BATCH * self._batch_s
        if wait_s > LONGEST_WAIT_S and not urgent and replying is None:
            raise Unavailable(
                f"{self.waiting} orders are waiting, which takes {wait_s:.1f} s: try again in a second",
                retry_after_s=max(1, math.ceil(wait_s)),
            )
        if self._running is None or self._running.done():
            raise Unavailable("the controller is not running")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.asked += not urgent
        self._tasks.put_nowait(_Task(decide, answer, copy_context(), urgent, replying, what, keyed))
        return await answer

    @property
    def waiting(self) -> int:
        """How many decisions wait for the next batch."""
        return self._tasks.qsize()

    async def settled(self) -> Book:
        """The book with nothing in it that is not yet in the store; read it before the next await."""
        async with self._settled:
            if self.deposed.is_set():
                raise _deposed()
            if self.away and self._spoilt:
                raise _away()
            return self.book

    def known(self) -> Book | None:
        """What is known without what was decided and not written, whatever has become of the store; None where that
        cannot be told.
        """
        if self._spoilt:
            return None
        if not self._before.empty:
            self._take(self._before.snapshot(self.book))
        return self.book

    @property
    def away(self) -> bool:
        """Whether the store is: nothing is decided until it is back."""
        return self._returning is not None

    async def _run(self) -> None:
        while True:
            batch = [await self._tasks.get()]
            try:
                async with self._settled:
                    while len(batch) < BATCH and not self._tasks.empty():
                        batch.append(self._tasks.get_nowait())
                    await self._decide_all(batch)
                await asyncio.sleep(0)  # who was answered tells it, and reads the book, before the next batch has it
            except asyncio.CancelledError:
                for task in batch:
                    _fail(task, self._stopping())
                raise

    async def _decide_all(self, batch: list[_Task[Any]]) -> None:
        self.figures.deciding_at = time.monotonic()
        self.figures.batches.add(len(batch))
        begun = time.perf_counter()
        try:
            await self._decide(await self._looked_up(batch))
            self._batch_s += (time.perf_counter() - begun - self._batch_s) / 8
        except Exception:
            log.exception("a batch broke: nobody in it got a yes that is not on disk")
            for task in batch:
                _fail(task, Unavailable("the decision broke off; look whether it was made, and try again"))
            await self._reload()
        finally:
            self.figures.deciding_at = None

    def answered(self, scope: str, key: str) -> Answer | None:
        """What the store has under a key that is being decided on; nothing waits for the store here."""
        return self._answers.get((scope, key))

    async def _looked_up(self, batch: list[_Task[Any]]) -> list[_Task[Any]]:
        """Know what the store has under the keys of a batch: nothing else is written meanwhile. Returns those that can
        be decided on.
        """
        keys = {task.keyed for task in batch if task.keyed is not None}
        self._answers = {}
        if not keys or self.away or self.deposed.is_set():
            return batch
        try:
            self._answers = await self._in_time(lambda: {keyed: self._store.answer(*keyed) for keyed in keys})
            return batch
        except HighroadError as error:
            self.figures.store_errors += 1
            for task in batch:
                if task.keyed is not None:
                    _fail(task, _away())
            log.warning("keys cannot be looked up: %s", error)
            await self._reload()
            return [task for task in batch if task.keyed is None]

    async def _decide(self, batch: list[_Task[Any]]) -> None:
        """Decide each task on a draft of its own; write all the drafts in one transaction; answer.

        One that breaks off with something drafted spoils the book for those after it: those before it are written and
        answered, the book is read from the store again, and then the rest is decided.
        """
        if self.deposed.is_set():
            for task in batch:
                _fail(task, _deposed())
            return
        if self.away:
            for task in batch:
                _fail(task, _away())
            return
        done: list[_Done] = []
        commits: list[Commit] = []
        replies: list[Reply] = []
        rest: list[_Task[Any]] | None = None
        for place, task in enumerate(batch):
            if task.answer.cancelled():
                continue  # who asked has given up, and was told that it may be sent again
            draft = Draft(book=self.book, now_s=self._clock.now_s(), before=self._before)
            try:
                if task.replying is not None:
                    task.replying.check()
                result = task.context.run(self._decided, task, draft)
            except Exception as error:
                if task.replying is None or isinstance(error, TooLate):
                    _fail(task, error)
                else:
                    replies.append(task.replying.no(error))
                    done.append(_Done(task, error=error))
                if draft.empty:
                    continue
                rest, self._spoilt = batch[place + 1 :], True
                break
            done.append(_Done(task, result))
            if task.replying is not None:
                replies.append(task.replying.yes(result))
            if not draft.empty:
                commits.append(draft.commit())
        await self._write(done, [*commits, Commit(replies=replies)] if replies else commits)
        if rest is not None and not self.deposed.is_set():
            await self._reload()
        if rest:
            await self._decide(rest)

    def _decided(self, task: _Task[T], draft: Draft) -> T:
        """What is decided on a draft, in the context of who asked: counted unless it was the loop, and traced."""
        begun_s = time.time()
        failed: Exception | None = None
        try:
            with self.recorder.deciding(task.what, draft.now_s, partial(_came_to_nothing, draft)):
                return task.decide(draft)
        except Exception as error:
            failed = error
            if not isinstance(error, HighroadError):
                log.exception("a decision broke off")
            raise
        finally:
            if not task.urgent:
                self.figures.decision(failed)
                if self._tracer is not None:
                    outcome = "accepted" if failed is None else getattr(failed, "code", "broken-off")
                    self._tracer.record("decision", begun_s, time.time(), outcome=outcome)

    async def _write(self, done: list[_Done], commits: list[Commit]) -> None:
        if commits or self.recorder.waiting > NOTED:
            begun_s = time.time()
            begun = time.perf_counter()
            try:
                merged = merge(commits)
                noted = replace(merged, inputs=self.recorder.take(merged))
                events = await self._in_time(self._store.commit, noted)
            except Deposed as error:
                self.deposed.set()
                for one in done:
                    _fail(one.task, error)
                return
            except Exception as error:
                self.figures.store_errors += 1
                self.figures.written_at = None
                log.warning("nothing is known to be written of %d decisions: %s", len(done), error)
                await self._reload()
                reason = error if isinstance(error, HighroadError) else Unavailable(f"nothing was written: {error}")
                for one in done:
                    _fail(one.task, reason)
                return
            self.figures.commits.add(time.perf_counter() - begun)
            self.figures.written_at = time.monotonic()
            self._before = Before()
            if self._tracer is not None:
                for task in (one.task for one in done):
                    if not task.urgent:
                        task.context.run(self._tracer.record, "commit", begun_s, time.time(), decisions=len(done))
            if events:
                self.book.last_sequence = events[-1].sequence
        else:
            events = ()
        for one in done:
            if one.error is not None:
                _fail(one.task, Replied(one.error))
            elif not one.task.answer.done():
                one.task.answer.set_result(one.result)
        if events:
            self._published(events)

    async def _in_time(self, work: Callable[..., T], *arguments: Any) -> T:
        """What the store answers. Raises Hangs where it does not in time; it may do it all the same."""
        asked = asyncio.ensure_future(self._execute(work, *arguments))
        await asyncio.wait({asked}, timeout=PATIENCE_S)
        if asked.done():
            return asked.result()
        self._late = asked
        raise Hangs(
            f"the store has not said for {PATIENCE_S:g} s whether it wrote this: send the same request again with the "
            "same Idempotency-Key, or look whether it was made"
        )

    async def _reload(self) -> None:
        """Forget what was drafted: the store is right. Where it cannot be read, what was known before stays."""
        if self._late is None:
            try:
                await self._read_again(await self._in_time(self._store.load))
                return
            except Exception as error:
                self.figures.store_errors += 1
                log.warning("the store cannot be read, and everything waits for it but readers: %s", error)
        if not self._spoilt:
            self._take(self._before.snapshot(self.book))
        self._returning = asyncio.create_task(self._return(), name="store away")

    async def _return(self) -> None:
        """Look for the store until it writes and reads again; then go on with what it has."""
        while True:
            try:
                if self._late is not None:
                    await asyncio.wait({self._late})
                    self._late.exception()  # whatever became of it is in the store
                    self._late = None
                await self._execute(self._store.probe)
                snapshot = await self._execute(self._store.load)
                async with self._settled:
                    await self._read_again(snapshot)
                    self._returning = None
            except Deposed:
                self.deposed.set()
                return
            except Exception as error:
                self.figures.store_errors += 1
                log.warning("the store is away: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                log.warning("the store is back")
                return

    async def _read_again(self, snapshot: Snapshot) -> None:
        """Go on with what the store has. What it wrote after all, and nobody was told of, is published now."""
        told = self.book.last_sequence
        while told < snapshot.last_sequence:
            events = await self._execute(self._store.events, after=told, limit=PAGE, operator=True)
            self._published(events)
            told = events[-1].sequence
        self._take(snapshot)
        self.recorder.started(self._clock.now_s(), self.book, carries_tags=self._carries_tags, reload=True)
        self.figures.reloads += 1
        self._spoilt = False

    def _take(self, snapshot: Snapshot) -> None:
        changes = self.book.changes
        self.book = Book(snapshot, carries_tags=self._carries_tags, before=self.book)
        self.book.changes += changes
        self._before = Before()


def merge(commits: Sequence[Commit]) -> Commit:
    """Several commits as one; of two that record the same thing the later wins."""
    if len(commits) == 1:
        return commits[0]

    def last(kind: str) -> tuple[Any, ...]:
        return tuple({one.id: one for commit in commits for one in getattr(commit, kind)}.values())

    networks = [commit.network for commit in commits if commit.network is not None]
    return Commit(
        network=networks[-1] if networks else None,
        tenants=last("tenants"),
        ports=last("ports"),
        services=last("services"),
        incidents=last("incidents"),
        maintenances=last("maintenances"),
        freezes=last("freezes"),
        tokens=last("tokens"),
        webhooks=last("webhooks"),
        attempts=tuple(attempt for commit in commits for attempt in commit.attempts),
        answers=tuple(answer for commit in commits for answer in commit.answers),
        events=tuple(event for commit in commits for event in commit.events),
        audits=tuple(row for commit in commits for row in commit.audits),
        replies=tuple(reply for commit in commits for reply in commit.replies),
    )


def _away() -> Unavailable:
    return Unavailable("the store cannot be written now, and nothing was done: what was acknowledged is kept")


def _deposed() -> Deposed:
    return Deposed("another process leads by now: nothing was done")


def _came_to_nothing(draft: Draft) -> bool:
    return draft.empty and is_quiet(draft.book)


def _fail(task: _Task[Any], error: BaseException) -> None:
    if not task.answer.done():
        task.answer.set_exception(error)
