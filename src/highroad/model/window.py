"""When something is wanted: one stretch of time, or several."""

from __future__ import annotations

import math
from dataclasses import dataclass

STOOD_PIECES = 8
"""Of a window in more pieces a backup stands by throughout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a service is wanted: [start, end) in UTC seconds; an open end is None.

    With `pieces` it is wanted in these only, which are in order, do not overlap, and fill it from its start to its end;
    a piece has no pieces of its own.
    """

    start_s: float
    end_s: float | None = None
    pieces: tuple[Window, ...] = ()

    @property
    def until_s(self) -> float:
        """The end, or infinity."""
        return math.inf if self.end_s is None else self.end_s

    @property
    def stood_by(self) -> Window:
        """The window in which a backup stands by: of very many pieces all of the time between them too, since what
        stands by is shared, and each piece on each link would be one more thing to add up.
        """
        return Window(start_s=self.start_s, end_s=self.end_s) if len(self.pieces) > STOOD_PIECES else self

    def meets(self, other: Window) -> bool:
        """Whether the two have any time in common."""
        if not (self.start_s < other.until_s and other.start_s < self.until_s):
            return False
        if not self.pieces and not other.pieces:
            return True
        return any(one.start_s < two.until_s and two.start_s < one.until_s for one in self.parts for two in other.parts)

    def within(self, start_s: float, until_s: float) -> Window:
        """What of it is in [start, until): an empty window if nothing is."""
        cut = [
            Window(start_s=max(start_s, one.start_s), end_s=one.end_s if until_s >= one.until_s else until_s)
            for one in self.parts
            if one.start_s < until_s and start_s < one.until_s
        ]
        return window_of(tuple(cut)) if cut else Window(start_s=self.start_s, end_s=self.start_s)

    @property
    def parts(self) -> tuple[Window, ...]:
        """The pieces, or the window itself."""
        return self.pieces or (self,)


def window_of(pieces: tuple[Window, ...]) -> Window:
    """The window that has these pieces, which are in order and at least one."""
    first, last = pieces[0], pieces[-1]
    return first if len(pieces) == 1 else Window(start_s=first.start_s, end_s=last.end_s, pieces=pieces)
