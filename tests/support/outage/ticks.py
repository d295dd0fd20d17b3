"""What a sender and those who count share: a file in memory with the ticks that were sent, and when.

Every tick (1 ms) has a number, which is the sequence of every packet that is sent in it. The file has how many ticks
are done, whether to go on, which probes send, and of each of the last ticks when it was really sent.
"""

from __future__ import annotations

import mmap
from itertools import pairwise
from pathlib import Path

TICK_NS = 1_000_000
PACKETS_PER_S = 1_000_000_000 // TICK_NS

KEPT = 1 << 18
"""So many ticks are remembered: four minutes."""

PROBES = 1024
_DONE, _STOP, _ACTIVE, _TIMES = 0, 8, 16, 16 + PROBES
SIZE = _TIMES + 8 * KEPT


class Ticks:
    """The file, open."""

    def __init__(self, path: Path, *, new: bool = False) -> None:
        if new:
            path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self._numbers = memoryview(self._map).cast("q")

    @property
    def done(self) -> int:
        """How many ticks were sent."""
        return self._numbers[_DONE]

    @property
    def stop(self) -> bool:
        """Whether the sender is to end."""
        return bool(self._numbers[_STOP // 8])

    def end(self) -> None:
        """Let the sender end."""
        self._numbers[_STOP // 8] = 1

    def activate(self, probes: set[int]) -> None:
        """Let these send from now on, and no others."""
        self._map[_ACTIVE : _ACTIVE + PROBES] = bytes(number in probes for number in range(PROBES))

    def active(self) -> bytes:
        """A flag for each probe."""
        return self._map[_ACTIVE : _ACTIVE + PROBES]

    def sent(self, tick: int, at_ns: int) -> None:
        """A tick was begun."""
        self._numbers[_TIMES // 8 + tick % KEPT] = at_ns
        self._numbers[_DONE] = tick + 1

    def when_ns(self, tick: int) -> int:
        """When, by the monotonic clock."""
        return self._numbers[_TIMES // 8 + tick % KEPT]

    def stall_ms(self, first: int, after: int) -> float:
        """The longest that the sender took from one of these ticks to the next, beyond what a tick is."""
        times = [self.when_ns(tick) for tick in range(first, after)]
        return max((after_ns - before_ns - TICK_NS for before_ns, after_ns in pairwise(times)), default=0) / 1e6
