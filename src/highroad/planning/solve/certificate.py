"""What an answer is held against, by code that the solver does not share: it fits, it is conserved, its bound is true.

The bound is taken anew at the answer's prices, from trees of cheapest paths that `_kernels.Network.trees` grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.planning.solve.answer import FITS, Answer
from highroad.planning.solve.problem import Ints, Problem, Reals, at_most, commodities

Places = NDArray[np.intp]

_ROWS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The largest share by which a link is over, the largest part of a flow that goes missing, and the bound anew."""

    over: float
    lost: float
    bound: float

    def holds(self, answer: Answer, *, fits: bool = True) -> bool:
        """Whether the answer is what it says. `fits` is False where loads are of demands that are not scaled yet."""
        near = 1e-9 * max(1.0, abs(answer.bound))
        return (self.over <= FITS or not fits) and self.lost <= 1e-6 and abs(self.bound - answer.bound) <= near


def certificate(answer: Answer, *, shares: bool = False) -> Certificate:
    """Of an answer of `total.total`; with `shares`, of `shared.utilisation`."""
    problem, made = answer.problem, answer.commodities
    bound = share_bound(problem, answer.price) if shares else total_bound(problem, answer.price)
    if not problem.links:
        return Certificate(over=0.0, lost=0.0, bound=bound)
    flow = answer.flows.flow.reshape(len(made.source), problem.links)
    load = flow.sum(axis=0)
    served = answer.flows.served
    lost = 0.0
    for row, source in enumerate(made.source):
        net: Reals = np.zeros(problem.nodes)
        np.add.at(net, problem.head, flow[row])
        np.subtract.at(net, problem.tail, flow[row])
        mine = slice(made.start[row], made.start[row + 1])
        np.subtract.at(net, made.target[mine], served[mine])
        net[source] += served[mine].sum()
        lost = max(lost, float(np.abs(net).max()))
    scale = float(max(problem.capacity_gbps.max(), made.amount_gbps.max(initial=0.0)))
    return Certificate(
        over=float((load / problem.capacity_gbps).max()) - 1.0, lost=lost / scale if scale > 0 else 0.0, bound=bound
    )


def total_bound(problem: Problem, price: Reals) -> float:
    """What no plan carries more than: sum C y + sum D max(0, 1 - dist), all demands worth 1."""
    amount = at_most_together(problem)
    earned = sum(
        float((amount[mine] * np.maximum(0.0, 1.0 - distance)).sum())
        for mine, distance in _distances(problem, price, 1.0)
    )
    return earned + float((price * problem.capacity_gbps).sum())


def at_most_together(problem: Problem) -> Reals:
    """The demands of a problem; those of one source, target and fence together no more than can be carried at all."""
    made = commodities(problem)
    sources: Ints = np.repeat(made.source, np.diff(made.start))
    whole = made.amount_gbps
    carried = at_most(problem, sources, made.target, whole)
    part = np.divide(carried, whole, out=np.ones_like(whole), where=whole > 0)
    return problem.amount_gbps * part[made.of]


def share_bound(problem: Problem, price: Reals) -> float:
    """What no plan that carries everything stays below: sum D dist / sum C y."""
    cost = sum(
        float((problem.amount_gbps[mine] * distance).sum()) for mine, distance in _distances(problem, price, np.inf)
    )
    paid = float((price * problem.capacity_gbps).sum())
    return cost / paid if paid > 0 else 0.0


def _distances(problem: Problem, price: Reals, cut: float) -> list[tuple[Places, Reals]]:
    """Demands, part after part, with the least price from their source to their target."""
    found: list[tuple[Places, Reals]] = []
    network = problem.network
    for fence in np.unique(problem.fence):
        mine = np.flatnonzero(problem.fence == fence)
        inside = price if fence < 0 else np.where(problem.fences[fence], price, np.inf)
        sources, row = np.unique(problem.source[mine], return_inverse=True)
        for start in range(0, len(sources), _ROWS):
            here = np.flatnonzero((row >= start) & (row < start + _ROWS))
            distance, _ = network.trees(inside, sources[start : start + _ROWS].astype(np.int32), cut)
            found.append((mine[here], distance[row[here] - start, problem.target[mine[here]]]))
    return found
