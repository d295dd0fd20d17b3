"""Whose turn it is: most regret sits with few sources, and the others are asked every few sweeps only."""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.problem import Flags, Ints, Reals

WORTH_IT = 0.3
"""Sets of less than this share of the mean regret wait."""

LONGEST = 4
"""Nobody waits for more sweeps."""


class Turns:
    """The regret of every set of demands when it was last asked, and when that was."""

    def __init__(self, sets: int, first: Flags | None = None) -> None:
        """`first`: those whose turn it is in the first sweep, the rest being about where it should be."""
        self.regret: Reals = np.full(sets, np.inf)
        if first is not None:
            self.regret[~first] = 0.0
        self._asked: Ints = np.zeros(sets, np.int32)

    def order(self, sweep: int, rng: np.random.Generator) -> Ints:
        """The sets that take part in a sweep, in random order."""
        due = (self.regret >= WORTH_IT * self.regret.mean()) | (sweep - self._asked >= LONGEST)
        order: Ints = rng.permutation(np.flatnonzero(due)).astype(np.int32)
        self._asked[order] = sweep
        return order

    def told(self, order: Ints, regret: Reals) -> float:
        """These sets had so much regret; what all have together."""
        self.regret[order] = regret
        return max(0.0, float(self.regret.sum()))
