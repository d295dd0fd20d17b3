"""Whether a plan on ways inside bounds of latency is what it says it is: by numpy and plain searches, nothing of
planning, nothing compiled.

What is wrong is said as a set of words, one for each kind; a plan without fault has none.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Reals = NDArray[np.float64]

NEAR = 1e-9
"""Sums that are equal but for the order in which they were added up differ by no more than this share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedPlan:
    """What is claimed. Demand d is one of lot `lot[d]`, and what it is served comes over the paths of that: path k is
    of lot `of[k]`, the links link[start[k]], ..., link[start[k + 1] - 1] in order, and carries `flow[k]`.

    `fence` of a demand is a row of `fences`, or -1; latencies are in one unit, rates in one. With the objective `total`
    the value is what is served by `worth`, with `utilisation` the largest load over capacity while all is served.
    """

    nodes: int
    tail: Ints
    head: Ints
    capacity: Reals
    latency: Reals
    source: Ints
    target: Ints
    amount: Reals
    latest: Reals
    fence: Ints
    fences: NDArray[np.bool_]
    worth: Reals
    lot: Ints
    of: Ints
    start: Ints
    link: Ints
    flow: Reals
    served: Reals
    price: Reals
    value: float
    bound: float
    objective: str


def faults_inside_bounds(plan: BoundedPlan) -> set[str]:
    """Everything that is wrong with a plan."""
    if not all(np.isfinite(one).all() for one in (plan.flow, plan.served, plan.price, [plan.value, plan.bound])):
        return {"not a number"}
    shapes = (plan.flow.shape, (len(plan.start) - 1,)), (plan.price.shape, plan.capacity.shape)
    if any(one != other for one, other in (*shapes, (plan.served.shape, plan.amount.shape))):
        return {"shape"}
    found = _faults_of_paths(plan)
    spread = plan.objective == "utilisation"
    if (plan.flow < 0).any() or (plan.served < 0).any():
        found.add("negative flow")
    if (plan.served > plan.amount * (1 + NEAR)).any():
        found.add("served more than asked")
    if spread and (plan.served < plan.amount * (1 - NEAR)).any():
        found.add("served less than asked")
    load = np.zeros(len(plan.capacity))
    np.add.at(load, plan.link, np.repeat(plan.flow, np.diff(plan.start)))
    used = float((load / plan.capacity).max(initial=0.0))
    if not spread and used > 1 + NEAR:
        found.add("over capacity")
    value = used if spread else float((plan.served * plan.worth).sum())
    if abs(plan.value - value) > NEAR * max(value, plan.value):
        found.add("value")
    if (plan.price < 0).any():
        found.add("negative price")
    elif not _is_bound(plan):
        found.add("bound")
    return found


def _faults_of_paths(plan: BoundedPlan) -> set[str]:
    found: set[str] = set()
    lots = int(max(plan.lot.max(initial=-1), plan.of.max(initial=-1))) + 1
    served = np.bincount(plan.lot, plan.served, lots)
    carried = np.bincount(plan.of, plan.flow, lots)
    if (np.abs(served - carried) > NEAR * np.maximum(served, carried)).any():
        found.add("not what its paths carry")
    for path in np.flatnonzero(plan.flow > 0).tolist():
        links = plan.link[int(plan.start[path]) : int(plan.start[path + 1])]
        for demand in np.flatnonzero(plan.lot == plan.of[path]).tolist():
            nodes = [int(plan.source[demand]), *plan.head[links].tolist()]
            whole = nodes[:-1] == plan.tail[links].tolist() and nodes[-1] == plan.target[demand]
            if not whole or not len(links) or len(set(nodes)) < len(nodes):
                found.add("not a path")
            if plan.latency[links].sum() > plan.latest[demand] * (1 + 2 * NEAR):
                found.add("too late")
            if plan.fence[demand] >= 0 and not plan.fences[plan.fence[demand], links].all():
                found.add("outside the fence")
    return found


def _is_bound(plan: BoundedPlan) -> bool:
    """Whether prices prove what is claimed, at least."""
    paid = float((plan.price * plan.capacity).sum())
    if plan.objective == "utilisation":
        spent = float((plan.amount * least_inside(plan)).sum())
        proven = spent / paid if paid > 0 else 0.0
        return plan.bound <= proven * (1 + NEAR) and plan.value >= plan.bound * (1 - NEAR)
    proven = paid + earned(plan, np.maximum(0.0, plan.worth - least_inside(plan)))
    return plan.bound >= proven * (1 - NEAR) and plan.value <= plan.bound * (1 + NEAR)


def earned(plan: BoundedPlan, gain: Reals) -> float:
    """What demands bring by so much each Gbit/s: from one node to one other no more counts than the links out of the
    one have, or those into the other; whoever brings most counts first.
    """
    total = 0.0
    for source, target in set(zip(plan.source.tolist(), plan.target.tolist(), strict=True)):
        room = min(float(plan.capacity[ends == end].sum()) for ends, end in ((plan.tail, source), (plan.head, target)))
        mine = np.flatnonzero((plan.source == source) & (plan.target == target))
        for demand in sorted(mine.tolist(), key=lambda one: -gain[one]):
            counts = min(room, float(plan.amount[demand]))
            total += counts * float(gain[demand])
            room -= counts
    return total


def least_inside(plan: BoundedPlan) -> Reals:
    """Of every demand, the least price of a way inside its fence that takes no longer than it may; infinity without."""
    found = np.full(len(plan.source), np.inf)
    for fence, source in set(zip(plan.fence.tolist(), plan.source.tolist(), strict=True)):
        mine = np.flatnonzero((plan.fence == fence) & (plan.source == source))
        inside = np.ones(len(plan.tail), np.bool_) if fence < 0 else plan.fences[fence]
        fronts = front(plan.nodes, plan.tail, plan.head, plan.price, plan.latency, inside, source)
        for demand in mine.tolist():
            latest = float(plan.latest[demand]) * (1 + NEAR)
            costs = [cost for cost, latency in fronts[int(plan.target[demand])] if latency <= latest]
            found[demand] = min(costs, default=np.inf)
    return found


def front(
    nodes: int, tail: Ints, head: Ints, price: Reals, latency: Reals, inside: NDArray[np.bool_], source: int
) -> list[list[tuple[float, float]]]:
    """Of every node each (price, latency) of ways from a source of which no other is better in both: all of them."""
    out: list[list[tuple[int, float, float]]] = [[] for _ in range(nodes)]
    for link in np.flatnonzero(inside & np.isfinite(price)).tolist():
        out[int(tail[link])].append((int(head[link]), float(price[link]), float(latency[link])))
    found: list[list[tuple[float, float]]] = [[] for _ in range(nodes)]
    heap = [(0.0, 0.0, source)]
    while heap:
        cost, takes, here = heapq.heappop(heap)
        if found[here] and found[here][-1][1] <= takes:
            continue
        found[here].append((cost, takes))
        for there, more, longer in out[here]:
            if not found[there] or found[there][-1][1] > takes + longer:
                heapq.heappush(heap, (cost + more, takes + longer, there))
    return found
