"""Hands what happens to whoever watches: every event once and in order, and the latest sample.

A watcher stands at a place in the sequence of its viewer (a tenant's own, or all for operators), which has no gaps:
what is remembered of the newest events is used where it goes on at the very next place, and else the store is read. So
a watcher that is slow or comes late loses no event and costs no memory; of samples it gets the newest only.

It makes no difference who wrote: the planner in this process says what it has committed, and elsewhere the
follower what it has read of the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from highroad.ports import EventRecord, Sample

PAGE = 500
"""Events that are read at once, and that a watcher holds at most."""

REMEMBERED = 256
"""The newest events that are kept in memory for each viewer that somebody watches for."""

Read = Callable[[int, int, str | None], Awaitable[Sequence[EventRecord]]]
"""Events after a place, so many at most, of a tenant or of operators for None; from the store."""


class Feed:
    """The newest events of one viewer, and who waits for more. `newest` is None before it is known."""

    def __init__(self, viewer: str | None) -> None:
        self.viewer = viewer
        self.newest: int | None = None
        self.recent: deque[EventRecord] = deque(maxlen=REMEMBERED)
        self.seats: set[Seat] = set()

    def add(self, event: EventRecord) -> None:
        """Remember an event."""
        place = event.place(self.viewer)
        if self.newest is not None and place <= self.newest:
            return
        if self.recent and place != self.recent[-1].place(self.viewer) + 1:
            self.recent.clear()
        self.recent.append(event)
        self.newest = place

    def after(self, at: int) -> list[EventRecord] | None:
        """The events after a place; None where memory does not reach back so far."""
        if self.newest is not None and at >= self.newest:
            return []
        first = self.recent[0].place(self.viewer) if self.recent else None
        if first is None or first > at + 1:
            return None
        return list(islice(self.recent, at + 1 - first, None))


class Seat:
    """One who watches: `wake` is set when there may be more for it."""

    def __init__(self, feed: Feed, read: Read, *, samples: bool) -> None:
        self.wake = asyncio.Event()
        self.samples = samples
        self._feed = feed
        self._read = read

    async def page(self, at: int) -> Sequence[EventRecord]:
        """The next events after a place, none where there are none yet. Raises Unavailable."""
        feed = self._feed
        known = feed.after(at)
        if known is not None:
            return known
        found = await self._read(at, PAGE, feed.viewer)
        if not found and feed.newest is None:
            feed.newest = at
        return found


class Live:
    """What was published last, and who waits for more."""

    def __init__(self) -> None:
        self._feeds: dict[str | None, Feed] = {}
        self.sample: Sample | None = None
        self.last_sequence = 0

    def events(self, events: Sequence[EventRecord]) -> None:
        """There are new events in the store."""
        self.last_sequence = max(self.last_sequence, events[-1].sequence)
        touched: set[Feed] = set()
        for event in events:
            for viewer in {None, event.tenant}:
                feed = self._feeds.get(viewer)
                if feed is not None:
                    feed.add(event)
                    touched.add(feed)
        for feed in touched:
            for seat in feed.seats:
                seat.wake.set()

    def sampled(self, sample: Sample) -> None:
        """There is a new sample."""
        self.sample = sample
        for feed in self._feeds.values():
            for seat in feed.seats:
                if seat.samples:
                    seat.wake.set()

    @contextmanager
    def seat(self, viewer: str | None, read: Read, *, samples: bool = False) -> Iterator[Seat]:
        """A place to watch from, of a tenant or of operators for None."""
        feed = self._feeds.setdefault(viewer, Feed(viewer))
        seat = Seat(feed, read, samples=samples)
        feed.seats.add(seat)
        try:
            yield seat
        finally:
            feed.seats.discard(seat)
            if not feed.seats and self._feeds.get(viewer) is feed:
                del self._feeds[viewer]

    async def watch(
        self, after: int, viewer: str | None, read: Read, *, samples: bool = False
    ) -> AsyncIterator[EventRecord | Sample]:
        """Every event after a place in a viewer's sequence and, where they are wanted, samples as they come."""
        seen: Sample | None = None
        with self.seat(viewer, read, samples=samples) as seat:
            while True:
                seat.wake.clear()
                found = await seat.page(after)
                for event in found:
                    after = event.place(viewer)
                    yield event
                if samples and self.sample is not None and self.sample is not seen:
                    seen = self.sample
                    yield seen
                elif not found:
                    await seat.wake.wait()
