"""A plan of before as a beginning for the next: after a cut, with more capacity, with other amounts.

The plan is taken apart into paths. Those over links that are gone are dropped; where everything has to be carried, what
is left of a commodity takes over what is lost, and a commodity with nothing left goes the shortest way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer
from highroad.planning.solve.few import paths_of
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows

ALL_PATHS = 100_000
"""More than a demand ever has."""


def again(answer: Answer, problem: Problem, place: Ints, *, whole: bool) -> _kernels.Flows:
    """Flows of an answer for another problem on the same nodes with the same fences.

    `place` is, for each link of the answer, its number in the problem, -1 where it is gone. With `whole` every demand
    is carried in full, as `shared.utilisation` has it, and links may be over their capacity; without, they are not if
    no capacity is less.
    """
    made = commodities(problem)
    paths, amount = paths_of(answer, ALL_PATHS)
    old = answer.commodities
    sets = np.repeat(np.arange(len(made.source)), np.diff(made.start))
    now = np.searchsorted(_keys(problem, made), _keys(answer.problem, old)).astype(np.int64)
    found = np.zeros(len(old.target), np.bool_)
    inside = now < len(made.target)
    found[inside] = _keys(problem, made)[now[inside]] == _keys(answer.problem, old)[inside]
    link = place[paths.link]
    hops = np.diff(paths.start)
    lost = np.add.reduceat(np.append(link < 0, False).astype(np.int64), paths.start[:-1]) if len(hops) else hops
    of = np.repeat(np.arange(len(old.target)), np.diff(paths.first))
    stays = (lost == 0) & found[of] & (hops > 0)
    mine = np.where(found[of], now[of], 0)
    kept = np.where(stays, amount, 0.0)
    served: Reals = np.bincount(mine, weights=kept, minlength=len(made.target)).astype(np.float64)
    scale = np.divide(made.amount_gbps, served, out=np.zeros_like(served), where=served > 0)
    if not whole:
        scale = np.minimum(1.0, scale)
    kept = kept * scale[mine]
    where = sets[mine][np.repeat(np.arange(len(hops)), hops)] * problem.links + np.where(link < 0, 0, link)
    flow: Reals = np.bincount(where, weights=np.repeat(kept, hops), minlength=len(made.source) * problem.links).astype(
        np.float64
    )
    served = np.where(served > 0, served * scale, 0.0)
    if whole:
        _fill(problem, made, sets, served, flow)
        served = made.amount_gbps.copy()
    worth = np.full(len(made.target), np.inf if whole else 1.0)
    begun = flows(problem, made, worth)
    begun.set(flow, served)
    return begun


def _keys(problem: Problem, made: Commodities) -> NDArray[np.int64]:
    """A number for each commodity, in their order: that of its source, fence and target."""
    each = np.repeat(np.arange(len(made.source)), np.diff(made.start))
    fences = len(problem.fences) + 1
    return (made.source[each].astype(np.int64) * fences + made.fence[each] + 1) * problem.nodes + made.target


def _fill(problem: Problem, made: Commodities, sets: NDArray[np.int64], served: Reals, flow: Reals) -> None:
    """What is carried of nothing, the shortest way by 1 / capacity."""
    left = np.flatnonzero((served <= 0) & (made.amount_gbps > 0))
    network = problem.network
    tail = problem.tail
    for row in np.unique(sets[left]).tolist():
        fence = int(made.fence[row])
        price = 1.0 / problem.capacity_gbps
        if fence >= 0:
            price = np.where(problem.fences[fence], price, np.inf)
        _, into = network.trees(price, made.source[row : row + 1])
        for commodity in left[sets[left] == row].tolist():
            node = int(made.target[commodity])
            while (on := int(into[0, node])) >= 0:
                flow[row * problem.links + on] += made.amount_gbps[commodity]
                node = int(tail[on])
