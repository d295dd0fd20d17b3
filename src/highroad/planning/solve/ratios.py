"""What a Gbit/s of a class weighs beside one of the next: little at first, more wherever that gives a class up.

A sum weighted like this is one linear program, and its bound one of cumulative classes. Where the ratio w_k / w_{k+1}
is too small, as where one long way stands in the way of many short ones, a class gets less than its own stage found for
it; where it is large, a small gap of the sum is a large one of the classes that weigh little.

    X_r <= B_r - sum_{k < r} (w_k - w_{k+1}) X_k             X_k: all classes up to k;  B_r: bound of stage r;  w_r = 1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from highroad.planning.solve.problem import Reals

HIGHEST = 4096.0
"""No unit weighs more than so many of the next class."""


class Ratios:
    """The ratios of neighbouring classes, and what each stage found for all classes up to its own."""

    def __init__(self, classes: int, first: float, *, short: float) -> None:
        """`first` is each ratio to begin with; a class is short that lacks more than the share `short` of what its own
        stage found for it and those before it.
        """
        self._ratio = np.full(max(0, classes - 1), first)
        self._factor = first
        self._short = short
        self.reached: list[float] = []

    def worth(self, number: int) -> Reals:
        """Of each class up to this one what a unit of it weighs: 1 for the last."""
        worth: Reals = np.ones(number + 1)
        worth[:-1] = np.cumprod(self._ratio[:number][::-1])[::-1]
        return worth

    def raised(self, sums: Sequence[float]) -> bool:
        """Whether a class is short where all up to each get `sums`, and can weigh more: the first such does then."""
        short = next((one for one, most in enumerate(self.reached) if sums[one] < most * (1 - self._short)), None)
        if short is None or short >= len(self._ratio) or self._ratio[short] >= HIGHEST:
            return False
        self._ratio[short] *= self._factor
        return True


def bound_of(number: int, bound: float, worth: Reals, sums: Sequence[float]) -> float:
    """What all classes up to this one get at most, as above: `worth` are the weights of its stage."""
    return bound - float(((worth[:-1] - worth[1:]) * np.asarray(sums[:number])).sum())


def better(one: Sequence[float], other: Sequence[float], number: int, same: float) -> bool:
    """Whether of two plans the first has more of the first cumulative class, up to this, that differs by the share
    `same`.
    """
    for a, b in zip(one[: number + 1], other[: number + 1], strict=True):
        if abs(a - b) > same * max(a, b):
            return a > b
    return False
