"""Where the optimiser's plans are computed, as the loop sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from highroad.planning.replan import Asked, Replan, replan
from highroad.planning.solve.answer import Limits

P = ParamSpec("P")
T = TypeVar("T")


class Solver(Protocol):
    """Computes; blocks, and is asked in a thread. `close` ends what is computed; who is asked again begins anew."""

    def replan(self, asked: Asked, limits: Limits, stop: Callable[[], bool]) -> Replan:
        """A better plan of all that is carried. Raises Unavailable."""

    def call(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function of a module makes of values. Raises Unavailable."""

    def close(self) -> None:
        """End."""


class Here:
    """In the thread that asks."""

    def replan(self, asked: Asked, limits: Limits, stop: Callable[[], bool]) -> Replan:
        """A better plan of all that is carried."""
        return replan(asked, limits, clock=time.perf_counter, stop=stop)

    def call(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function makes of values."""
        return work(*args, **kwargs)

    def close(self) -> None:
        """What is computed is told to stop by who asked."""
