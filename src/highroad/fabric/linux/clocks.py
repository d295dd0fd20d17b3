"""How far a router's clock is from ours, and what its times are by ours.

Known from request and answer (NTP's midpoint, RFC 5905, section 8): an answer with the router's time was written
between our sending and our receiving, so half the round trip is the most that the estimate is wrong. Of the last few
the one with the shortest round trip counts: who was stopped for twenty seconds has had one of twenty seconds, and
believes it as little as that. A time that is told on its own, without our asking, says nothing of the clock: it may
have been long on its way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from highroad.gnmi.client import Answered

MARGIN_NS = 50_000_000
"""A clock that is no more than so far off, besides the error of knowing, is taken as it is."""

LAST = 8
"""Of so many answers the one with the shortest round trip counts."""

REMEMBERED = 4096
"""So many times of a router are remembered by ours: one is told the same each time, whatever its clock does."""


@dataclass(frozen=True, slots=True)
class _Offset:
    """How far a router is ahead of us, and how wrong that may be."""

    ns: int
    error_ns: int

    def agrees(self, other: _Offset) -> bool:
        return abs(self.ns - other.ns) <= self.error_ns + other.error_ns + MARGIN_NS

    def ours(self, router_ns: int) -> int:
        return router_ns - self.ns if abs(self.ns) > self.error_ns + MARGIN_NS else router_ns


@dataclass(frozen=True, slots=True)
class _Told:
    """One of its times by ours, when it was heard, and how many answers there had been."""

    ns: int
    heard_ns: int
    answers: int


class RouterClock:
    """One router's clock, as far as we know it."""

    def __init__(self) -> None:
        self._offsets: deque[_Offset] = deque(maxlen=LAST)
        self._told: dict[int, _Told] = {}
        self._answers = 0

    @property
    def ahead_s(self) -> float:
        """How far it is ahead of ours; 0 where that is no more than could be an error."""
        best = self._best()
        return 0.0 if best is None else (best.ns - best.ours(best.ns)) / 1e9

    def answered(self, one: Answered) -> bool:
        """Take an answer. Returns whether it says that a clock, theirs or ours, was set since the last one."""
        if abs(one.got_ns - one.sent_ns - one.took_ns) > MARGIN_NS:
            return False  # ours was set between request and answer
        offset, before = _Offset(one.router_ns - (one.sent_ns + one.got_ns) // 2, one.took_ns // 2), self._best()
        was_set = before is not None and not offset.agrees(before)
        if was_set:
            self._offsets.clear()
            # What was heard since the last answer may be of either side of it: whichever is nearer to the hearing.
            for router_ns, told in self._told.items():
                if told.answers == self._answers:
                    now_ns = _not_later(offset, router_ns, told.heard_ns)
                    if abs(told.heard_ns - now_ns) < abs(told.heard_ns - told.ns):
                        self._told[router_ns] = _Told(now_ns, told.heard_ns, told.answers)
        self._offsets.append(offset)
        self._answers += 1
        return was_set

    def ours(self, router_ns: int, heard_ns: int) -> int:
        """A time of the router's by our clock, heard at a time by ours; as it is where its clock is not known yet."""
        told, best = self._told.get(router_ns), self._best()
        if told is not None:
            return told.ns
        if best is None or not router_ns:
            return router_ns
        found_ns = _not_later(best, router_ns, heard_ns)
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[router_ns] = _Told(found_ns, heard_ns, self._answers)
        return found_ns

    def _best(self) -> _Offset | None:
        return min(self._offsets, key=lambda one: one.error_ns, default=None)


def _not_later(offset: _Offset, router_ns: int, heard_ns: int) -> int:
    """By our clock; of what would not have been yet when it was heard, its own time, of before the clock was set."""
    found_ns = offset.ours(router_ns)
    if found_ns <= heard_ns + offset.error_ns + MARGIN_NS:
        return found_ns
    return min(router_ns, heard_ns)
