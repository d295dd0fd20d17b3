"""Where those wait who are turned away. They are told many at once: a turn of the loop, a timer and a sender that is
woken for each of them would cost several times what it takes to tell them.
"""

from __future__ import annotations

import logging
import math
from asyncio import AbstractEventLoop
from collections.abc import Callable

TOLD_EACH_S = 0.05
"""Who is told within so long is told together."""

log = logging.getLogger(__name__)


class Tarpit:
    """What is to be said, by when."""

    def __init__(self) -> None:
        self._due: dict[int, list[Callable[[], None]]] = {}
        """By the end of each time of `TOLD_EACH_S`, counted from when the loop's clock began."""

    def add(self, loop: AbstractEventLoop, in_s: float, say: Callable[[], None]) -> None:
        """Have something said not before so many seconds, and up to `TOLD_EACH_S` later."""
        place = math.ceil((loop.time() + in_s) / TOLD_EACH_S)
        due = self._due.get(place)
        if due is None:
            due = self._due[place] = []
            loop.call_at(place * TOLD_EACH_S, self._tell, place)
        due.append(say)

    def _tell(self, place: int) -> None:
        for say in self._due.pop(place):
            try:
                say()
            except Exception:
                log.exception("one who was turned away was not told")
