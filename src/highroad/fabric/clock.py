"""Where time comes from: the machine's clock, or a virtual one that only moves when it is told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from highroad.ports import Clock

T = TypeVar("T")

_SETTLING_PASSES = 64
"""Turns of the event loop that woken tasks get before virtual time moves on: the longest chain of callbacks
between two sleeps that `VirtualClock` keeps in order."""

_IDLE_PASSES = 2
"""After so many in which nobody else had anything to do, all is settled."""

_PATIENCE_S = 0.001
"""Real seconds that `VirtualClock.run` waits for work outside the event loop before it looks again."""


class SystemClock:
    """UTC as the machine has it."""

    def now_s(self) -> float:
        """UTC seconds since 1970; may step back when the machine's clock is set."""
        return time.time()

    async def sleep(self, duration_s: float) -> None:
        """Wait; a duration of 0 or less lets other tasks run once."""
        await asyncio.sleep(max(0.0, duration_s))


class SteadyClock:
    """A clock's time as long as that goes forward. Where it was set back, time goes on from where it was, as fast as
    the machine counts seconds: for what has to pass, and not for what the time is.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._steady = clock, steady
        self._now_s, self._counted_s = clock.now_s(), steady()

    def now_s(self) -> float:
        """UTC seconds since 1970, unless it was set back."""
        counted_s = self._steady()
        if (now_s := self._clock.now_s()) < self._now_s:
            now_s = self._now_s + max(0.0, counted_s - self._counted_s)
        self._now_s, self._counted_s = now_s, counted_s
        return now_s

    def begin_at(self, at_s: float) -> None:
        """Be no earlier: it has been so late before."""
        self._now_s = max(self.now_s(), at_s)

    async def sleep(self, duration_s: float) -> None:
        """Wait, in the clock's time."""
        await self._clock.sleep(duration_s)


class VirtualClock:
    """Time that stands still until `advance` or `run` moves it; sleepers wake in the order of their times.

    Two that are due at the same instant wake in the order in which they went to sleep, and everything that
    the first one sets off is done before the second one wakes: a run is the same every time. Work in threads
    is not waited for by `advance`; `run` waits for it through the awaitable that it was given.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_s(self) -> float:
        """Virtual UTC seconds since 1970."""
        return self._now_s

    async def sleep(self, duration_s: float) -> None:
        """Wait in virtual time; a duration of 0 or less lets other tasks run once."""
        if duration_s <= 0.0:
            await asyncio.sleep(0)
            return
        waking = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_s + duration_s, next(self._order), waking))
        await waking

    async def advance(self, duration_s: float) -> None:
        """Let so much time pass, and wake on the way whoever is due."""
        target_s = self._now_s + duration_s
        await _settle()
        while await self._wake_next(target_s):
            pass
        self._now_s = max(self._now_s, target_s)

    async def run(self, work: Awaitable[T]) -> T:
        """Let time pass from sleeper to sleeper until some work is done, and return what it returns."""
        task = asyncio.ensure_future(work)
        try:
            await _settle()
            while not task.done():
                if not await self._wake_next(math.inf):
                    await asyncio.wait({task}, timeout=_PATIENCE_S)
        except BaseException:
            task.cancel()
            raise
        return task.result()

    async def _wake_next(self, target_s: float) -> bool:
        while self._sleepers and self._sleepers[0][0] <= target_s:
            at_s, _, waking = heapq.heappop(self._sleepers)
            if waking.done():
                continue  # its task was cancelled
            self._now_s = max(self._now_s, at_s)
            waking.set_result(None)
            await _settle()
            return True
        return False


async def _settle() -> None:
    # What asyncio's own loops are about to run: where there is nothing besides whoever looks, nothing follows either.
    ready = getattr(asyncio.get_running_loop(), "_ready", None)
    idle = 0
    for _ in range(_SETTLING_PASSES):
        await asyncio.sleep(0)
        idle = idle + 1 if ready is not None and not ready else 0
        if idle == _IDLE_PASSES:
            return
