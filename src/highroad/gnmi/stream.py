"""One subscription: ONCE, POLL, or a STREAM of changes and samples, told as fast as the reader reads and no faster.

What a subscriber has not read yet waits as the newest value of each path, so a slow one costs no memory and gets old
news never. Values are told leaf by leaf, unless `allow_aggregation` says that whole subtrees are welcome.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from highroad.errors import Finding, Invalid, NotFound
from highroad.gnmi import proto
from highroad.gnmi.path import Path, meets
from highroad.gnmi.target import Kind, Notification, Target
from highroad.gnmi.tree import find, leaves
from highroad.gnmi.value import check_encoding, to_typed

SHORTEST_S = 0.05
"""The shortest interval at which is sampled; 0 asks for what suits the target, which is `SUITABLE_S`."""

SUITABLE_S = 1.0

MAX_UPDATES = 1_000
"""How many values one message bears: with more, a message would come near what clients take."""

Told = tuple[Path, Any]


@dataclass(slots=True, kw_only=True)
class Wanted:
    """One path of a subscription and how it is to be told."""

    path: Path
    mode: int
    interval_s: float = 0.0
    heartbeat_s: float = 0.0
    suppress: bool = False
    due_s: float = float("inf")
    beat_s: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How values are written."""

    encoding: int
    aggregate: bool
    target: str

    def split(self, found: Iterable[Told]) -> Iterator[Told]:
        """Subtrees as they are, or their leaves."""
        for path, value in found:
            if self.aggregate:
                yield path, value
            else:
                yield from leaves(path, value)

    def responses(self, updates: Iterable[Told], deletes: Iterable[Path] = (), at_ns: int = 0) -> Iterator[Any]:
        """The messages that tell these."""
        response, size = None, 0
        timestamp = at_ns or time.time_ns()
        for path in deletes:
            response = response or self._empty(timestamp)
            response.update.delete.append(proto.path_to_proto(path))
        for path, value in updates:
            if response is None or size == MAX_UPDATES:
                if response is not None:
                    yield response
                response, size = self._empty(timestamp), 0
            response.update.update.add(path=proto.path_to_proto(path), val=to_typed(value, self.encoding))
            size += 1
        if response is not None:
            yield response

    def _empty(self, timestamp: int) -> Any:
        response = proto.SubscribeResponse()
        response.update.timestamp = timestamp
        if self.target:
            response.update.prefix.target = self.target
        return response


async def subscription(target: Target, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Answers the requests of one Subscribe call until the caller has had enough. Raises Highroad's errors."""
    asking = aiter(requests)
    try:
        first = await anext(asking)
    except StopAsyncIteration:
        return
    if not first.HasField("subscribe"):
        raise _invalid("the first message of a Subscribe is its list of subscriptions")
    asked = first.subscribe
    check_encoding(asked.encoding)
    form = Form(encoding=asked.encoding, aggregate=asked.allow_aggregation, target=asked.prefix.target)
    wanted = _wanted(asked)
    if asked.mode == proto.STREAM:
        async for response in _stream(target, wanted, form, asked.updates_only, asking):
            yield response
        return
    async for response in _round(target, wanted, form, asked.updates_only):
        yield response
    if asked.mode == proto.POLL:
        async for request in asking:
            if not request.HasField("poll"):
                raise _invalid("after the list of a POLL subscription there come polls only")
            async for response in _round(target, wanted, form, False):
                yield response


async def _round(target: Target, wanted: Sequence[Wanted], form: Form, updates_only: bool) -> AsyncIterator[Any]:
    for one in wanted:
        found = await _read(target, one.path)
        if not updates_only:
            for response in form.responses(form.split(found)):
                yield response
    yield _synced()


async def _stream(
    target: Target, wanted: Sequence[Wanted], form: Form, updates_only: bool, asking: AsyncIterator[Any]
) -> AsyncIterator[Any]:
    # What is new is watched before what is there is read: a change in between is told twice rather than never.
    changing = [one.path for one in wanted if one.mode in (proto.ON_CHANGE, proto.TARGET_DEFINED)]
    watch = target.watch(changing) if changing else None
    more = asyncio.ensure_future(_nothing_more(asking))
    news: asyncio.Future[Notification] | None = None
    last: dict[Path, Any] = {}
    try:
        for one in wanted:
            found = list(form.split(await _read(target, one.path)))
            _changed(found, last, one)
            if not updates_only:
                for response in form.responses(found):
                    yield response
        yield _synced()
        changes = aiter(watch) if watch is not None else None
        now = time.monotonic()
        for one in wanted:
            one.due_s = now + one.interval_s if one.interval_s else float("inf")
            one.beat_s = now + one.heartbeat_s if one.heartbeat_s else float("inf")
        while True:
            if changes is not None and news is None:
                news = asyncio.ensure_future(anext(changes))
            wait_s = min((min(one.due_s, one.beat_s) for one in wanted), default=float("inf")) - time.monotonic()
            waiting: set[asyncio.Future[Any]] = {one for one in (news, more) if one is not None and not _idle(one)}
            timeout = None if wait_s == float("inf") else max(0.0, wait_s)
            if waiting:
                await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(timeout if timeout is not None else 3600.0)
            if more.done():
                more.result()
            if news is not None and news.done():
                try:
                    batch = news.result()
                except StopAsyncIteration:
                    return
                news = None
                for response in _news(batch, changing, form, last):
                    yield response
            async for response in _samples(target, wanted, form, last):
                yield response
    finally:
        for task in (news, more):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration, Invalid):
                    await task
        if watch is not None:
            await watch.aclose()


def _idle(future: asyncio.Future[Any]) -> bool:
    """Whether a future has done all that it will: a caller that has said all it had to say."""
    return future.done() and future.exception() is None and future.result() is None


async def _nothing_more(asking: AsyncIterator[Any]) -> None:
    async for _ in asking:
        raise _invalid("a STREAM subscription is not changed; open another one")


def _news(batch: Notification, paths: Sequence[Path], form: Form, last: dict[Path, Any]) -> Iterator[Any]:
    deletes = [path for path in batch.deletes if any(mine.covers(path) or path.covers(mine) for mine in paths)]
    found: dict[Path, Any] = {}
    for path, value in batch.updates:
        for mine in paths:
            if mine.covers(path):
                found[path] = value
            elif meets(mine, path):
                # The change is of more than is watched: what of it is.
                found.update(_part(path, value, mine))
    for path in deletes:
        for old in [one for one in last if path.covers(one)]:
            del last[old]
    split = list(form.split(found.items()))
    last.update((path, value) for path, value in split if path in last)
    yield from form.responses(split, deletes, batch.timestamp_ns)


def _part(path: Path, value: Any, wanted: Path) -> Iterator[Told]:
    below = Path(wanted.elems[len(path) :])
    for at, inside in find(value, below):
        yield Path(path.elems + at.elems), inside


async def _samples(target: Target, wanted: Sequence[Wanted], form: Form, last: dict[Path, Any]) -> AsyncIterator[Any]:
    now = time.monotonic()
    for one in wanted:
        due, beat = one.due_s <= now, one.beat_s <= now
        if not due and not beat:
            continue
        if due:
            # On the grid where that can be kept; a reader that was slow is not sent what it missed.
            one.due_s = max(one.due_s + one.interval_s, now)
        if beat:
            one.beat_s = max(one.beat_s + one.heartbeat_s, now)
        try:
            found = list(form.split(await target.read(one.path, Kind.ALL)))
        except NotFound:
            found = []
        changed = _changed(found, last, one)
        for response in form.responses(found if beat or not one.suppress else changed):
            yield response


def _changed(found: Sequence[Told], last: dict[Path, Any], one: Wanted) -> list[Told]:
    """What differs from what was told before; remembered only where somebody asks for that."""
    if not one.suppress:
        return []
    missing = object()
    changed = [(path, value) for path, value in found if last.get(path, missing) != value]
    last.update(changed)
    return changed


async def _read(target: Target, path: Path) -> Sequence[Told]:
    """What is there now. What is not there yet may come: an unknown name is refused, an absent entry is not."""
    try:
        return await target.read(path, Kind.ALL)
    except NotFound:
        return ()


def _wanted(asked: Any) -> list[Wanted]:
    prefix = proto.path_from_proto(asked.prefix)
    if not asked.subscription:
        raise _invalid("there is nothing to subscribe to in the list")
    wanted, findings = [], []
    for one in asked.subscription:
        path = prefix / proto.path_from_proto(one.path)
        interval_s, heartbeat_s = one.sample_interval / 1e9, one.heartbeat_interval / 1e9
        for name, told_s in (("sample_interval", interval_s), ("heartbeat_interval", heartbeat_s)):
            if 0 < told_s < SHORTEST_S:
                message = f"{name} {told_s * 1e3:g} ms is shorter than {SHORTEST_S * 1e3:g} ms, the shortest here"
                findings.append(Finding(code="interval", place=str(path), message=message))
        if one.mode not in (proto.TARGET_DEFINED, proto.ON_CHANGE, proto.SAMPLE):
            findings.append(Finding(code="mode", place=str(path), message=f"there is no mode {one.mode}"))
        sampled = one.mode != proto.ON_CHANGE
        wanted.append(
            Wanted(
                path=path,
                mode=one.mode,
                interval_s=(interval_s or SUITABLE_S) if sampled else 0.0,
                heartbeat_s=heartbeat_s,
                suppress=one.suppress_redundant or one.mode == proto.TARGET_DEFINED,
            )
        )
    if findings:
        raise Invalid(findings)
    return wanted


def _synced() -> Any:
    return proto.SubscribeResponse(sync_response=True)


def _invalid(message: str) -> Invalid:
    return Invalid([Finding(code="subscribe", place="subscribe", message=message)])
