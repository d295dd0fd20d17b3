"""Tells whoever watches that something has changed, without a queue: those who are late hear of it once."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung by a fabric; any number of watchers may listen at once. For one event loop."""

    def __init__(self) -> None:
        self.rings = 0
        self.closed = False
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake every watcher."""
        self.rings += 1
        self._wake()

    def close(self) -> None:
        """End every watch, after what was rung before."""
        self.closed = True
        self._wake()

    def watch(self) -> Watch:
        """A watch from this moment on: nothing falls between the call and the first wait."""
        return Watch(self)

    async def wait(self) -> None:
        """Wait for the next ring, or for the end."""
        await self._rung.wait()

    def _wake(self) -> None:
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()


class Watch:
    """An asynchronous iterator that yields when the bell has been rung since it yielded last."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._heard = bell.rings

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> None:
        while self._heard == self._bell.rings:
            if self._bell.closed:
                raise StopAsyncIteration
            await self._bell.wait()
        self._heard = self._bell.rings
