"""Whether the controller is alive, and whether it can take orders: named checks, each good or with what is amiss.

What they say is for anybody: no tenant, no path and no address is in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from highroad.control.figures import Figures
from highroad.control.loop import Loop
from highroad.control.planner import WAITING, Planner
from highroad.errors import HighroadError
from highroad.ports import Executor, Store

log = logging.getLogger(__name__)

LAG_S = 5.0
"""An event loop that runs what is due so much too late is as good as dead."""

UNSEEN_S = 15.0
"""So long the event loop may go without having run what is due each second."""

PASS_S = 15.0
"""So long ago the last whole pass of the loop may be: one is made each second."""

DECIDING_S = 5.0
"""So long a batch of decisions may take."""

WRITE_S = 2.0
"""So long a write that changes nothing may take."""

FRESH_S = 5.0
"""A write that was seen so recently need not be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found: `amiss` is empty where all is well."""

    name: str
    amiss: str = ""


Look = Callable[[], str]
"""A check: what is amiss, in words, or nothing. It waits for nothing."""


def leading(planner: Planner, loop: Loop) -> dict[str, Look]:
    """What has to be well with who decides and reconciles: who adds a way to be unready adds a line to it."""
    figures = planner.figures

    def passes() -> str:
        since_s = figures.since_pass_s()
        return f"the last whole pass was {since_s:.0f} s ago" if since_s > PASS_S else ""

    def decides() -> str:
        deciding_s = figures.deciding_s()
        if deciding_s > DECIDING_S:
            return f"a batch has been under way for {deciding_s:.0f} s"
        return "too many orders are waiting" if planner.waiting >= WAITING else ""

    return {
        "fabric": lambda: "" if loop.ready else "the fabric has not been read yet",
        "network": lambda: "" if planner.book.network.sites else "no network is loaded",
        "loop": passes,
        "planner": decides,
    }


class Health:
    """Of one process: `alive` for its event loop; `checks` for the store, and for what `also` names at that time."""

    def __init__(
        self, figures: Figures, store: Store, execute: Executor, also: Callable[[], Mapping[str, Look]]
    ) -> None:
        self._figures = figures
        self._store = store
        self._execute = execute
        self._also = also
        self._probing: asyncio.Task[str] | None = None

    def alive(self) -> Verdict:
        """Whether the event loop runs in time; nothing else is asked, the store least of all."""
        at = self._figures.looked_at
        late_s = self._figures.lag_s if at is None else max(self._figures.lag_s, monotonic() - at - UNSEEN_S)
        return Verdict(name="event loop", amiss=f"it is {late_s:.1f} s late" if late_s > LAG_S else "")

    async def checks(self) -> list[Verdict]:
        """Whether orders can be taken: every check, whatever the others say."""
        store = Verdict(name="store", amiss=await self._writes())
        return [*(Verdict(name=name, amiss=look()) for name, look in self._also().items()), store]

    async def _writes(self) -> str:
        """Good where a commit was seen just now; else one is tried, and never two at once."""
        at = self._figures.written_at
        if at is not None and monotonic() - at < FRESH_S:
            return ""
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe(), name="store probe")
        try:
            return await asyncio.wait_for(asyncio.shield(self._probing), WRITE_S)
        except TimeoutError:
            return f"it has not written for more than {WRITE_S:g} s"

    async def _probe(self) -> str:
        try:
            await self._execute(self._store.probe)
        except Exception as error:
            self._figures.store_errors += 1
            log.log(logging.WARNING if isinstance(error, HighroadError) else logging.ERROR, "no probe: %s", error)
            return "it cannot be written"
        self._figures.written_at = monotonic()
        return ""


def amiss(checks: list[Verdict]) -> Mapping[str, str]:
    """The checks that are not good, with what is amiss."""
    return {one.name: one.amiss for one in checks if one.amiss}
