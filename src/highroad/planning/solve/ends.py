"""What capacity is worth at the ends of demands that ask for more than their links have.

The bound of a total counts no more of a demand than the links out of its source, or into its target, have. So the price
of these may be nothing while each Gbit/s more on them is carried: it is the demand that counts for more.
"""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.answer import Answer
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.rising import distances


def worth_at_ends(answer: Answer) -> Reals:
    """What the first Gbit/s more on each link adds to the bound besides its price: of demands of which no more counts
    than the links out of their source, or into their target, have, it counts more.
    """
    problem, made = answer.problem, answer.commodities
    asked = np.bincount(made.of, problem.amount_gbps, len(made.target))
    more, short = np.zeros(problem.links), np.flatnonzero(made.amount_gbps < asked)
    if not len(short):
        return more
    sources = np.repeat(made.source, np.diff(made.start))[short]
    earned = np.maximum(0.0, 1.0 - distances(problem, made, answer.price))[short]
    leaves = np.bincount(problem.tail, problem.capacity_gbps, problem.nodes)[sources]
    first = leaves <= made.amount_gbps[short]
    more += np.bincount(sources[first], earned[first], problem.nodes)[problem.tail]
    more += np.bincount(made.target[short][~first], earned[~first], problem.nodes)[problem.head]
    return more
