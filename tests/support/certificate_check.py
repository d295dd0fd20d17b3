"""Whether a plan is what it says it is, found out by numpy and networkx alone: nothing of planning, nothing compiled.

What is wrong is said as a set of words, one for each kind; a plan without fault has none.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Reals = NDArray[np.float64]

NEAR = 1e-9
"""Sums that are equal but for the order in which they were added up differ by no more than this share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is claimed. `flow` has a row of links for each set; a set is all demands of one source and one fence.

    Rates are in one unit, whichever. `fence` of a demand or of a set is a row of `fences`, or -1. With the objective
    `total` the value is what is served, with `utilisation` the largest load over capacity while all is served.
    """

    nodes: int
    tail: Ints
    head: Ints
    capacity: Reals
    source: Ints
    target: Ints
    amount: Reals
    fence: Ints
    fences: NDArray[np.bool_]
    set_source: Ints
    set_fence: Ints
    flow: Reals
    served: Reals
    price: Reals
    value: float
    bound: float
    objective: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPlan:
    """A claim of most flow on given paths: demand d has the paths [first[d], first[d + 1]), each of links in order."""

    tail: Ints
    head: Ints
    capacity: Reals
    source: Ints
    target: Ints
    amount: Reals
    first: Ints
    start: Ints
    link: Ints
    flow: Reals
    price: Reals
    value: float
    bound: float


def faults(plan: Plan) -> set[str]:
    """Everything that is wrong with a plan of flows by source."""
    numbers = (plan.flow, plan.served, plan.price, np.array([plan.value, plan.bound]))
    if not all(np.isfinite(array).all() for array in numbers):
        return {"not a number"}
    if plan.flow.shape != (len(plan.set_source), len(plan.tail)) or plan.served.shape != plan.amount.shape:
        return {"shape"}
    if plan.price.shape != plan.capacity.shape:
        return {"shape"}
    found: set[str] = set()
    if (plan.flow < 0).any() or (plan.served < 0).any():
        found.add("negative flow")
    if (plan.price < 0).any():
        found.add("negative price")
    if (plan.served > plan.amount * (1 + NEAR)).any():
        found.add("served more than asked")
    if plan.objective == "utilisation" and (plan.served < plan.amount * (1 - NEAR)).any():
        found.add("served less than asked")
    load = plan.flow.sum(axis=0)
    used = float((load / plan.capacity).max(initial=0.0))
    if plan.objective == "total" and used > 1 + NEAR:
        found.add("over capacity")
    found |= _faults_of_sets(plan)
    value = float(plan.served.sum()) if plan.objective == "total" else used
    if abs(plan.value - value) > NEAR * max(value, plan.value):
        found.add("value")
    if not found & {"negative price"}:
        found |= _faults_of_bound(plan)
    return found


def _faults_of_sets(plan: Plan) -> set[str]:
    found: set[str] = set()
    mine_of = [
        (plan.source == source) & (plan.fence == fence)
        for source, fence in zip(plan.set_source.tolist(), plan.set_fence.tolist(), strict=True)
    ]
    if (plan.served[~np.any(mine_of, axis=0)] > 0).any() if mine_of else (plan.served > 0).any():
        found.add("served by nobody")
    # All of it is to be carried: what rounding errors leave is small beside the largest demand. Else beside what flows.
    least = float(plan.amount.max(initial=0.0)) if plan.objective == "utilisation" else 0.0
    for row, source in enumerate(plan.set_source.tolist()):
        flow, mine = plan.flow[row], mine_of[row]
        net = np.zeros(plan.nodes)
        np.add.at(net, plan.head, flow)
        np.subtract.at(net, plan.tail, flow)
        np.subtract.at(net, plan.target[mine], plan.served[mine])
        net[source] += plan.served[mine].sum()
        through = np.zeros(plan.nodes)
        np.add.at(through, plan.head, np.abs(flow))
        np.add.at(through, plan.tail, np.abs(flow))
        if (np.abs(net) > NEAR * np.maximum(through, least)).any():
            found.add("not conserved")
        used = np.flatnonzero(flow)
        ends = zip(plan.tail[used].tolist(), plan.head[used].tolist(), strict=True)
        if not nx.is_directed_acyclic_graph(nx.DiGraph(list(ends))):
            found.add("cycle")
        fence = int(plan.set_fence[row])
        if fence >= 0 and (flow[~plan.fences[fence]] != 0).any():
            found.add("outside the fence")
    return found


def _faults_of_bound(plan: Plan) -> set[str]:
    paid = float((plan.price * plan.capacity).sum())
    distance = distances(plan)
    wanted = plan.amount > 0
    if plan.objective == "total":
        proven = paid + float((can_be_carried(plan) * np.maximum(0.0, 1.0 - distance))[wanted].sum())
        return {"bound"} if plan.bound < proven * (1 - NEAR) or plan.value > plan.bound * (1 + NEAR) else set()
    if not wanted.any():
        return {"bound"} if plan.bound > 0 else set()
    proven = float((plan.amount * distance)[wanted].sum()) / paid if paid > 0 else 0.0
    return {"bound"} if plan.bound > proven * (1 + NEAR) or plan.value < plan.bound * (1 - NEAR) else set()


def can_be_carried(plan: Plan) -> Reals:
    """What is asked; from one node to one other no more than the links out of the one, and into the other."""
    most = plan.amount.copy()
    for key in set(zip(plan.source.tolist(), plan.target.tolist(), plan.fence.tolist(), strict=True)):
        mine = (plan.source == key[0]) & (plan.target == key[1]) & (plan.fence == key[2])
        leaves = float(plan.capacity[plan.tail == key[0]].sum())
        comes = float(plan.capacity[plan.head == key[1]].sum())
        asked = float(plan.amount[mine].sum())
        if asked > min(leaves, comes):
            most[mine] *= min(leaves, comes) / asked
    return most


def distances(plan: Plan) -> Reals:
    """The least price from the source of every demand to its target inside its fence."""
    found = np.full(len(plan.source), np.inf)
    pairs = set(zip(plan.source.tolist(), plan.fence.tolist(), strict=True))
    for source, fence in pairs:
        inside = np.ones(len(plan.tail), np.bool_) if fence < 0 else plan.fences[fence]
        out: list[list[tuple[int, float]]] = [[] for _ in range(plan.nodes)]
        for link in np.flatnonzero(inside).tolist():
            out[int(plan.tail[link])].append((int(plan.head[link]), float(plan.price[link])))
        least = [np.inf] * plan.nodes
        least[source] = 0.0
        heap = [(0.0, source)]
        while heap:
            cost, here = heapq.heappop(heap)
            if cost > least[here]:
                continue
            for there, price in out[here]:
                if cost + price < least[there]:
                    least[there] = cost + price
                    heapq.heappush(heap, (cost + price, there))
        mine = (plan.source == source) & (plan.fence == fence)
        found[mine] = np.array(least)[plan.target[mine]]
    return found


def faults_on_paths(plan: PathPlan) -> set[str]:
    """Everything that is wrong with a plan on paths that are given."""
    if not all(np.isfinite(array).all() for array in (plan.flow, plan.price, np.array([plan.value, plan.bound]))):
        return {"not a number"}
    if plan.flow.shape != (len(plan.start) - 1,) or plan.price.shape != plan.capacity.shape:
        return {"shape"}
    found: set[str] = set()
    if (plan.flow < 0).any():
        found.add("negative flow")
    if (plan.price < 0).any():
        found.add("negative price")
    load, earned = np.zeros(len(plan.capacity)), 0.0
    for demand, amount in enumerate(plan.amount.tolist()):
        paths = range(int(plan.first[demand]), int(plan.first[demand + 1]))
        least = np.inf
        for path in paths:
            links = plan.link[int(plan.start[path]) : int(plan.start[path + 1])]
            if not _is_simple(plan, links, int(plan.source[demand]), int(plan.target[demand])):
                found.add("not a path")
            load[links] += plan.flow[path]
            least = min(least, float(plan.price[links].sum()))
        if float(plan.flow[paths.start : paths.stop].sum()) > amount * (1 + NEAR):
            found.add("served more than asked")
        earned += amount * max(0.0, 1.0 - least)
    if (load > plan.capacity * (1 + NEAR)).any():
        found.add("over capacity")
    if abs(plan.value - float(plan.flow.sum())) > NEAR * plan.value:
        found.add("value")
    proven = earned + float((plan.price * plan.capacity).sum())
    if plan.bound < proven * (1 - NEAR) or plan.value > plan.bound * (1 + NEAR):
        found.add("bound")
    return found


def _is_simple(plan: PathPlan, links: Ints, source: int, target: int) -> bool:
    nodes = [source, *plan.head[links].tolist()]
    return (
        nodes[:-1] == plan.tail[links].tolist()
        and nodes[-1] == target
        and len(links) > 0
        and len(set(nodes)) == len(nodes)
    )
