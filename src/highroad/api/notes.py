"""What the API writes down now and then instead of with every request: which tokens were used, who was turned away."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace

from highroad.control.accounts import Caller
from highroad.control.desk import Desk
from highroad.errors import HighroadError
from highroad.model.audit import Asked

log = logging.getLogger(__name__)

COARSE_S = 3600.0
"""A token's last use is written again when what is written is so old."""

GATHER_S = 1.0
"""So long is gathered what is written at once."""

REST_S = 10.0
"""And so long is waited from one writing to the next."""

MOST_ROWS = 20
"""Refusals of so many kinds (from where, of what) are told apart at once of each token, and so many of all who are not
known; the rest of each is one row, with a count.
"""

MOST_CALLERS = 200
"""Of so many tokens at once; of more, each is one row that says which."""


class Notes:
    """Gathers, and writes a little later; what was not written yet is lost with the process."""

    def __init__(self, controller: Desk) -> None:
        self._controller = controller
        self._used_s: dict[str, float] = {}
        self._written_s: dict[str, float] = {}
        self._refused: Counter[Asked] = Counter()
        self._places: dict[str, dict[Asked, Asked]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._wrote_s = float("-inf")

    def used(self, caller: Caller, now_s: float) -> None:
        """Somebody was let in."""
        token = caller.token_id
        if caller.until_s is not None:
            return  # an identity provider's, which it keeps itself
        known_s = max(caller.used_s or 0.0, self._written_s.get(token, 0.0))
        if now_s - known_s >= COARSE_S:
            self._written_s[token] = self._used_s[token] = now_s
            self._begin()

    def refused(self, asked: Asked, status: int) -> None:
        """Somebody was turned away. The request's id is that of the first of its kind."""
        kind = replace(asked, status=status, request="")
        rest = Asked(who=asked.who, role=asked.role, tenant=asked.tenant, status=status)
        places = self._places.setdefault(asked.who, {})
        most = MOST_ROWS if len(self._places) <= MOST_CALLERS else 0
        if kind in places or len(places) < most:
            self._refused[places.setdefault(kind, replace(kind, request=asked.request))] += 1
        else:
            self._refused[rest] += 1
        self._begin()

    async def settle(self) -> None:
        """Write what was gathered, now."""
        used_s, self._used_s = self._used_s, {}
        refused, self._refused, self._places = self._refused, Counter(), {}
        if used_s:
            await self._controller.note_uses(used_s)
        if refused:
            await self._controller.note_asked(list(refused.items()), "refused")

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write(), name="notes")

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(GATHER_S, self._wrote_s + REST_S - loop.time()))
        self._wrote_s = loop.time()
        try:
            await self.settle()
        except HighroadError as error:
            log.warning("what was gathered is not written: %s", error)
