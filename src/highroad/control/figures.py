"""What the controller counts of itself: plain numbers, which are only read when somebody asks for them.

Ages are by the machine's monotonic clock: a wall clock that jumps makes nothing old.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic

from highroad.errors import HighroadError
from highroad.planning.binding import Binding

REQUEST: ContextVar[str] = ContextVar("highroad_request", default="")
"""The id of the request for which something is done; empty for what the controller does by itself."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BEAT_S = 1.0
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Spread:
    """How values are spread: so many up to each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(slots=True)
class Figures:
    """Of one controller since it started. `decided` is by outcome and, of what was refused, by what binds."""

    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    batches: Spread = field(default_factory=lambda: Spread(SIZES))
    commits: Spread = field(default_factory=Spread)
    store_errors: int = 0
    reloads: int = 0
    passes: Spread = field(default_factory=Spread)
    passes_failed: int = 0
    applied: int = 0
    refused: int = 0
    started_at: float = field(default_factory=monotonic)
    passed_at: float | None = None
    """When the loop's last whole pass ended, on the monotonic clock."""
    deciding_at: float | None = None
    """When the batch under way was begun; None while there is none."""
    written_at: float | None = None
    """When the store was last seen to write."""
    lag_s: float = 0.0
    """How much later than asked the event loop ran what was due, when last looked."""
    looked_at: float | None = None
    """When that was; None where nobody looks."""

    def decision(self, error: BaseException | None) -> None:
        """Count a decision that was asked for: None for a yes."""
        if error is None:
            self.decided["accepted", ""] += 1
        elif isinstance(error, HighroadError):
            binding = error.facts.get("binding")
            self.decided[error.code, binding.constraint if isinstance(binding, Binding) else ""] += 1
        else:
            self.decided["broken-off", ""] += 1

    def looked(self, late_s: float) -> None:
        """The event loop ran, so much too late."""
        self.lag_s = max(0.0, late_s)
        self.looked_at = monotonic()

    async def watch(self, beat: Callable[[], None], every_s: float = BEAT_S) -> None:
        """Look for ever how late the event loop runs what is due, and `beat` each time."""
        while True:
            beat()
            begun = monotonic()
            await asyncio.sleep(every_s)
            self.looked(monotonic() - begun - every_s)

    def begin(self) -> None:
        """A loop starts now: what passed before it was another's, or of another time that this process led."""
        self.started_at, self.passed_at = monotonic(), None

    def since_pass_s(self) -> float:
        """How long ago the loop's last whole pass ended, or it was started. It means nothing where none runs."""
        return monotonic() - (self.started_at if self.passed_at is None else self.passed_at)

    def deciding_s(self) -> float:
        """For how long the batch under way has been; 0 while there is none."""
        return 0.0 if self.deciding_at is None else monotonic() - self.deciding_at
