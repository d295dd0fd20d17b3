"""What capacity is worth at the ends of demands that ask for more than their links have.

The bound of a total counts no more of a demand than the links out of its source, or into its target, have. So the price
of these may be nothing while each Gbit/s more on them is carried: it is the demand that counts for more.
"""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.answer import Answer
from highroad.planning.solve.offered import Lots
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


class Ends:
    """Of the lots of one source and one target together no more counts than the links out of the one have, or those
    into the other: whoever brings most for a Gbit/s counts first.
    """

    def __init__(self, lots: Lots) -> None:
        live, ways = lots.ways.live, lots.ways
        self._live, self._gbps = live, lots.gbps
        leaves = np.bincount(live.a, live.capacity_gbps, live.nodes)
        comes = np.bincount(live.b, live.capacity_gbps, live.nodes)
        if not live.directed:
            leaves = comes = leaves + comes
        self._source, self._target = ways.source[lots.family], ways.target[lots.family]
        self._leaves = leaves[self._source] <= comes[self._target]
        self.most_gbps: Reals = np.minimum(leaves[self._source], comes[self._target])
        """Of each lot, however little the others are."""
        pair = np.unique(self._source.astype(np.int64) * live.nodes + self._target, return_inverse=True)[1]
        asked = np.bincount(pair, self._gbps)
        self._pair = pair
        self._short = np.flatnonzero(asked[pair] > self.most_gbps)

    def counted(self, gain: Reals) -> Reals:
        """What counts of each lot where a Gbit/s of it brings so much."""
        counts: Reals = self._gbps.copy()
        short = self._short
        order = short[np.lexsort((-gain[short], self._pair[short]))]
        gbps, pair = np.minimum(self._gbps, self.most_gbps)[order], self._pair[order]
        before = gbps.cumsum() - gbps
        before -= before[np.searchsorted(pair, pair)]
        counts[order] = np.clip(self.most_gbps[order] - before, 0.0, gbps)
        return counts

    def earned(self, gain: Reals) -> float:
        """What all lots bring together, none less than nothing."""
        return float((self.counted(gain) * np.maximum(0.0, gain)).sum())

    def worth(self, gain: Reals) -> Reals:
        """What the first Gbit/s more on each link adds to that."""
        live, more = self._live, np.zeros(self._live.spans)
        short = self._short
        left = short[self.counted(gain)[short] < self._gbps[short]]
        left = left[np.argsort(-gain[left], kind="stable")]
        next_ = left[np.unique(self._pair[left], return_index=True)[1]]
        first, gains = self._leaves[next_], np.maximum(0.0, gain[next_])
        out = np.bincount(self._source[next_[first]], gains[first], live.nodes)
        into = np.bincount(self._target[next_[~first]], gains[~first], live.nodes)
        more += out[live.a] + into[live.b]
        return more if live.directed else more + out[live.b] + into[live.a]
