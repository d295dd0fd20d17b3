"""Times in which links are closed: a maintenance that is booked keeps its links free of whatever is placed then, and
what is on them keeps detours for that time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from highroad.model.lifecycle import CARRYING
from highroad.model.service import Home, Placement, Service
from highroad.model.window import Window

EVER_S = float("-inf")


class Heed(IntEnum):
    """Which closures a placement keeps out of."""

    NONE = 0
    IN_FORCE = 1
    """Those that are drained now; what is closed later will be left in time."""
    ALL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Links, numbered as in `graph.links`, that nothing may be on in a window; `in_force` once they are drained."""

    window: Window
    links: frozenset[int]
    in_force: bool = False

    def concerns(self, window: Window, heed: Heed) -> bool:
        """Whether who is placed in a window and heeds so much keeps out of it."""
        return heed >= (Heed.IN_FORCE if self.in_force else Heed.ALL) and self.window.meets(window)


def closed(closures: Iterable[Closure], window: Window, heed: Heed) -> frozenset[int]:
    """The links that are closed to who is placed in a window."""
    return frozenset().union(*(one.links for one in closures if one.concerns(window, heed)))


def in_turn(service: Service, home: Home, gone_s: float | None) -> Iterator[tuple[Window, list[Placement]]]:
    """Where a service that goes home keeps room, and when: also where it leaves (`gone_s` is until when that is its
    own), and where it is about to go.
    """
    stands = [] if gone_s is None else [(one, EVER_S, min(gone_s, home.until_s)) for one in service.leaving]
    for place, piece in enumerate(service.window.parts if service.holds else ()):
        start_s = EVER_S if service.state in CARRYING and not place else piece.start_s
        if service.placement is not None:
            stands.append((service.placement, start_s, min(piece.until_s, home.until_s)))
        stands.append((home.placement, max(start_s, home.at_s), piece.until_s))
    stands = [one for one in stands if one[1] < one[2]]
    times_s = sorted({time_s for _, start_s, until_s in stands for time_s in (start_s, until_s)})
    begin, active = sorted(stands, key=lambda one: one[1]), list[tuple[Placement, float, float]]()
    for start_s, until_s in pairwise(times_s):
        active = [one for one in active if one[2] > start_s]
        while begin and begin[0][1] <= start_s:
            active.append(begin.pop(0))
        if active:
            yield (
                Window(start_s=start_s, end_s=None if until_s == math.inf else until_s),
                [placement for placement, _, _ in active],
            )
