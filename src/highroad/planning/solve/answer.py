"""What a solver says: what is carried, over which links, at what prices, and how near to the best that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from highroad.graph import _kernels
from highroad.planning.solve.problem import Commodities, Problem, Reals

FITS = 1e-9
"""No link of a plan is over its capacity by more than this share."""

SILENT_S = 2.0
"""Longer than this nobody waits for the first that is known."""

Clock = Callable[[], float]
"""Seconds, from any point in time on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was known after so many seconds: the best value found, and what no plan can better."""

    after_s: float
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best (0 where both are 0)."""
        return gap_of(self.value, self.bound)


Progress = Callable[[Moment], None]


def gap_of(value: float, bound: float) -> float:
    """How far two values are apart, as a share of the greater."""
    most = max(value, bound)
    return abs(bound - value) / most if most > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a solver stops: at a proven gap, or after so long; and on how many threads it works (0: all there are)."""

    gap: float = 1e-4
    time_s: float = float("inf")
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A plan that fits, with its certificate: `price` is by link, in the units of the objective a Gbit/s.

    `value` is what `bound` bounds: for the total in Gbit/s, for the largest share a factor of every demand, both from
    above. `flows` are by commodity, and `served_gbps` and `load_gbps` what they add up to.
    """

    problem: Problem
    commodities: Commodities
    flows: _kernels.Flows
    served_gbps: Reals
    load_gbps: Reals
    price: Reals
    value: float
    bound: float
    moments: tuple[Moment, ...]
    sweeps: int

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best."""
        return gap_of(self.value, self.bound)


class Course:
    """How far a solver is: whether there is time for another sweep, and what it has told."""

    def __init__(self, limits: Limits, clock: Clock, progress: Progress | None = None) -> None:
        self.moments: list[Moment] = []
        self._clock, self._progress = clock, progress
        self._most_s = limits.time_s
        self._begun_s = self._sweep_s = clock()
        self._longest_s = 0.0
        self._told_s = self._begun_s

    def sweeps(self) -> None:
        """A sweep begins."""
        self._sweep_s = self._clock()

    def is_late(self) -> bool:
        """A sweep has ended: whether another one, and what comes after it, would take too long."""
        now_s = self._clock()
        self._longest_s = max(self._longest_s, now_s - self._sweep_s)
        return now_s - self._begun_s + 2 * self._longest_s > self._most_s

    @property
    def is_over(self) -> bool:
        """Whether time is up, in the midst of a sweep."""
        return self._clock() - self._begun_s > self._most_s

    @property
    def is_long_silent(self) -> bool:
        """Whether somebody who waits would want to know how far it is."""
        return self._sweep_s - self._told_s > SILENT_S

    def tell(self, value: float, bound: float) -> None:
        """What is known now."""
        self._told_s = self._clock()
        self.moments.append(Moment(after_s=self._told_s - self._begun_s, value=value, bound=bound))
        if self._progress is not None:
            self._progress(self.moments[-1])
