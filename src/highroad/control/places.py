"""Places that several owners share, none of whom can take all."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """So many at once, and of one owner at most a share of them: who has none waits behind no more of another's."""

    def __init__(self, most: int, share: int) -> None:
        self._share = share
        self._all = asyncio.Semaphore(most)
        self._own: dict[str | None, asyncio.Semaphore] = {}
        self._users: Counter[str | None] = Counter()

    @asynccontextmanager
    async def taken(self, owner: str | None) -> AsyncIterator[None]:
        """Have a place, as soon as there is one: in the order of asking among those of one owner."""
        own = self._own.setdefault(owner, asyncio.Semaphore(self._share))
        self._users[owner] += 1
        try:
            async with own, self._all:
                yield
        finally:
            self._users[owner] -= 1
            if not self._users[owner]:
                del self._users[owner], self._own[owner]
