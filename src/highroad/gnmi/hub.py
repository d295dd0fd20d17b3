"""Changes, from whoever sees them to whoever watches: a slow watcher gets what is newest, and no queue grows.

A target that publishes here has its `watch` for free. Used from one event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from highroad.gnmi.path import Path, meets
from highroad.gnmi.target import Notification

_GONE = object()


class Hub:
    """Where changes are published."""

    def __init__(self) -> None:
        """Nobody watches yet."""
        self._watches: set[HubWatch] = set()

    def publish(self, notification: Notification) -> None:
        """Tell every watcher of these paths; returns at once."""
        for watch in self._watches:
            watch.offer(notification)

    def watch(self, paths: Sequence[Path]) -> HubWatch:
        """Everything that is published from now on at, below or above one of the paths."""
        watch = HubWatch(self, tuple(paths))
        self._watches.add(watch)
        return watch

    def forget(self, watch: HubWatch) -> None:
        """It watches no more."""
        self._watches.discard(watch)

    @property
    def watched(self) -> bool:
        """Whether anybody watches: what nobody watches need not be looked for."""
        return bool(self._watches)


class HubWatch:
    """One watcher's changes: by path, the newest of each."""

    def __init__(self, hub: Hub, paths: tuple[Path, ...]) -> None:
        """Made by `Hub.watch`."""
        self._hub = hub
        self._paths = paths
        self._pending: dict[Path, Any] = {}
        self._at_ns = 0
        self._news = asyncio.Event()
        self._closed = False

    def offer(self, notification: Notification) -> None:
        """Keep what of it is watched, in the place of what it supersedes."""
        for path in notification.deletes:
            if self._watches(path):
                self._supersede(path)
                self._pending[path] = _GONE
        for path, value in notification.updates:
            if self._watches(path):
                self._supersede(path)
                self._pending[path] = value
        if self._pending:
            self._at_ns = max(self._at_ns, notification.timestamp_ns)
            self._news.set()

    async def aclose(self) -> None:
        """Stop watching; whoever waits for the next change learns that there is none."""
        self._closed = True
        self._hub.forget(self)
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Notification]:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._closed:
                return
            pending, self._pending = self._pending, {}
            yield Notification(
                timestamp_ns=self._at_ns,
                updates=tuple((path, value) for path, value in pending.items() if value is not _GONE),
                deletes=tuple(path for path, value in pending.items() if value is _GONE),
            )

    def _watches(self, path: Path) -> bool:
        return any(meets(mine, path) for mine in self._paths)

    def _supersede(self, path: Path) -> None:
        # A subtree that goes, or is told anew, makes what waits of its inside old.
        if path in self._pending:
            del self._pending[path]
        for older in [one for one in self._pending if len(one) > len(path) and path.covers(one)]:
            del self._pending[older]
