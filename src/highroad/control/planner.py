"""The one writer: takes what is to be decided in batches, commits each batch, and only then answers.

While a batch is being written the next one gathers, so the disk's latency is shared by all who wait for it. If the
write fails, nobody in the batch got a yes, and the book is read from the store again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from highroad.control.book import Book, Draft
from highroad.errors import HighroadError, Unavailable
from highroad.ports import Clock, Commit, EventRecord, Executor, Store

T = TypeVar("T")

log = logging.getLogger(__name__)

BATCH = 64
"""Orders in one commit at most: bounds how long the first of them waits for the last."""

WAITING = 1000
"""Orders that may wait at once; one more is told to come again."""


@dataclass(slots=True)
class _Task(Generic[T]):
    decide: Callable[[Draft], T]
    answer: asyncio.Future[T]


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
    ) -> None:
        self._store = store
        self._clock = clock
        self._published = published
        self._execute = execute
        self._tasks: asyncio.Queue[_Task[Any]] = asyncio.Queue()
        self._settled = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._carries_tags = carries_tags
        self.book = Book(store.load(), carries_tags=carries_tags)
        self.reloads = 0

    def start(self) -> None:
        """Begin to decide."""
        self._running = asyncio.create_task(self._run(), name="planner")

    async def stop(self) -> None:
        """Finish the batch under way and stop; who still waits is told so."""
        if self._running is not None:
            async with self._settled:
                self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        while not self._tasks.empty():
            _fail(self._tasks.get_nowait(), Unavailable("the controller is stopping"))

    async def submit(self, decide: Callable[[Draft], T], *, urgent: bool = False) -> T:
        """Have a decision made and committed. Raises what it raises, and Unavailable where nothing was written.

        `urgent` is for the loop's own work, which is never turned away.
        """
        if not urgent and self._tasks.qsize() >= WAITING:
            raise Unavailable("too many orders are waiting; try again in a second")
        if self._running is None or self._running.done():
            raise Unavailable("the controller is not running")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = _Task(decide, answer)
        self._tasks.put_nowait(task)
        return await answer

    async def settled(self) -> Book:
        """The book with nothing in it that is not yet in the store; read it before the next await."""
        async with self._settled:
            return self.book

    async def _run(self) -> None:
        while True:
            batch = [await self._tasks.get()]
            try:
                async with self._settled:
                    while len(batch) < BATCH and not self._tasks.empty():
                        batch.append(self._tasks.get_nowait())
                    await self._decide_all(batch)
            except asyncio.CancelledError:
                for task in batch:
                    _fail(task, Unavailable("the controller is stopping"))
                raise

    async def _decide_all(self, batch: list[_Task[Any]]) -> None:
        try:
            await self._decide(batch)
        except Exception:
            log.exception("a batch broke: nobody in it got a yes that is not on disk")
            for task in batch:
                _fail(task, Unavailable("the decision broke off; look whether it was made, and try again"))
            await self._reload()

    async def _decide(self, batch: list[_Task[Any]]) -> None:
        """Decide each task on a draft of its own; write all the drafts in one transaction; answer."""
        done: list[tuple[_Task[Any], Any]] = []
        commits: list[Commit] = []
        for task in batch:
            draft = Draft(book=self.book, now_s=self._clock.now_s())
            try:
                result = task.decide(draft)
            except HighroadError as error:
                if not draft.empty:
                    await self._reload()
                    for other, _ in done:
                        _fail(other, Unavailable("another decision failed half way; try again"))
                    done, commits = [], []
                _fail(task, error)
                continue
            except Exception as error:
                await self._reload()
                for other, _ in done:
                    _fail(other, Unavailable("another decision failed; try again"))
                done, commits = [], []
                _fail(task, error)
                continue
            done.append((task, result))
            if not draft.empty:
                commits.append(draft.commit())
        if commits:
            try:
                events = await self._execute(self._store.commit, merge(commits))
            except Exception as error:
                await self._reload()
                reason = error if isinstance(error, HighroadError) else Unavailable(f"nothing was written: {error}")
                for task, _ in done:
                    _fail(task, reason)
                return
            if events:
                self.book.last_sequence = events[-1].sequence
        else:
            events = ()
        for task, result in done:
            if not task.answer.done():
                task.answer.set_result(result)
        if events:
            self._published(events)

    async def _reload(self) -> None:
        """Forget what was drafted: the store is right."""
        changes = self.book.changes
        while True:
            try:
                self.book = Book(await self._execute(self._store.load), carries_tags=self._carries_tags)
                self.book.changes += changes
                self.reloads += 1
                return
            except Exception:
                await asyncio.sleep(0.5)


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
        answers=tuple(answer for commit in commits for answer in commit.answers),
        events=tuple(event for commit in commits for event in commit.events),
    )


def _fail(task: _Task[Any], error: BaseException) -> None:
    if not task.answer.done():
        task.answer.set_exception(error)
