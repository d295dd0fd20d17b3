"""Hands what happens to whoever watches: every event once and in order, and the latest sample.

A watcher that is slow loses no event (it reads them from the store, from where it stood) and gets the newest sample
only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from highroad.ports import EventRecord, Sample

PAGE = 500


class Live:
    """What was published last, and who waits for more."""

    def __init__(self) -> None:
        self._wakes: set[asyncio.Event] = set()
        self.sample: Sample | None = None
        self.last_sequence = 0

    def events(self, events: Sequence[EventRecord]) -> None:
        """There are new events in the store."""
        self.last_sequence = max(self.last_sequence, events[-1].sequence)
        self._wake()

    def sampled(self, sample: Sample) -> None:
        """There is a new sample."""
        self.sample = sample
        self._wake()

    async def watch(
        self, after: int, read: Callable[[int, int], Sequence[EventRecord]]
    ) -> AsyncIterator[EventRecord | Sample]:
        """Every event after a sequence number, as `read(after, limit)` finds them, and samples as they come."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        seen: Sample | None = None
        try:
            while True:
                wake.clear()
                while after < self.last_sequence:
                    events = await asyncio.to_thread(read, after, PAGE)
                    for event in events:
                        yield event
                    if not events:
                        break
                    after = events[-1].sequence
                if self.sample is not None and self.sample is not seen:
                    seen = self.sample
                    yield seen
                    continue
                await wake.wait()
        finally:
            self._wakes.discard(wake)

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()
