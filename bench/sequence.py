"""How long it takes to put a change of many services in order, into how many steps, and how often an order is missed.

The network: 1,000 places in a square, each joined to its nearest until there are 5,000 directed links. A service goes
by the shortest way under one drawing of lengths and is to go by the shortest under another, as after a change of cost.
A link has just room for what it holds before and after, and so much slack.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from itertools import pairwise

import networkx

from bench.figure import Figure
from highroad.model.network import LinkId
from highroad.model.service import ServiceId
from highroad.planning.sequence import Harm, Load, sequence

SITES, LINKS, SERVICES, PER_SOURCE = 1_000, 5_000, 10_000, 50

Loads = dict[ServiceId, Load]


def figures() -> Iterator[Figure]:
    """10,000 services over 5,000 links at several slacks, and orders that were hidden."""
    have, want = change(SERVICES)
    for slack in (0.5, 0.1, 0.02, 0.0):
        capacity = capacities(have, want, slack)
        for at_most in (50, 1):
            began = time.perf_counter()
            plan = sequence(capacity, have, want, at_most=at_most)
            took_s = time.perf_counter() - began
            caught = len({service for knot in plan.knots for service in knot.services})
            reduced = sum(reduction.by_mbps for step in plan.steps for reduction in step.reductions)
            detail = f"{caught} services in {len(plan.knots)} knots, {reduced / 1000:,.1f} Gbit/s reduced"
            yield Figure(
                what=f"order of {SERVICES:,} moves over {LINKS:,} links, {slack:.0%} slack, {at_most} a step",
                ours=f"{took_s:.2f} s, {len(plan.steps):,} steps; {detail if caught else 'no harm'}",
                bar="1 s",
                met=took_s <= 1.0,
            )
    for count, links in ((16, 6), (80, 25), (400, 60)):
        changes = [hidden(random.Random(seed), count, links) for seed in range(100)]
        missed = sum(sequence(*change, at_most=10).harm > Harm.NONE for change in changes)
        stuck = sum(not _whoever_fits(*change) for change in changes)
        yield Figure(
            what=f"orders missed, of 100 hidden ones of {count} moves over {links} links",
            ours=f"{missed}",
            peer=f"whoever fits first: {stuck}",
        )


def change(count: int, seed: int = 4) -> tuple[Loads, Loads]:
    """What services hold and are to hold."""
    rng = random.Random(seed)
    ways = [_ways(rng) for _ in range(2)]
    have: Loads = {}
    want: Loads = {}
    for source in rng.sample(range(SITES), count // PER_SOURCE):
        trees = [networkx.single_source_dijkstra_path(graph, source, weight="km") for graph in ways]
        for target in rng.sample([site for site in trees[0] if site != source], PER_SOURCE):
            rate = rng.choice((100, 1_000, 2_500, 10_000))
            service = ServiceId(f"s{len(have)}")
            have[service], want[service] = (_load(tree[target], rate) for tree in trees)
    return have, want


def capacities(have: Loads, want: Loads, slack: float) -> dict[LinkId, int]:
    """What each link has to hold before and after, and so much more."""
    totals: list[dict[LinkId, int]] = []
    for loads in (have, want):
        total: dict[LinkId, int] = {}
        for load in loads.values():
            for link, rate in load.items():
                total[link] = total.get(link, 0) + rate
        totals.append(total)
    before, after = totals
    return {link: math.ceil(max(before.get(link, 0), after.get(link, 0)) * (1 + slack)) for link in {*before, *after}}


def hidden(rng: random.Random, count: int, links: int) -> tuple[dict[LinkId, int], Loads, Loads]:
    """Links that are just large enough for one order of the moves, which is forgotten."""
    names = [LinkId(f"l{n}") for n in range(links)]
    have: Loads = {}
    want: Loads = {}
    for number in range(count):
        for loads in (have, want):
            loads[ServiceId(f"s{number}")] = dict.fromkeys(rng.sample(names, rng.randint(1, 3)), rng.randint(1, 10))
    present = dict.fromkeys(names, 0)
    for load in have.values():
        for link, rate in load.items():
            present[link] += rate
    capacity = dict(present)
    for service in rng.sample(sorted(have), count):
        old, new = have[service], want[service]
        for link, rate in new.items():
            capacity[link] = max(capacity[link], present[link] + rate - old.get(link, 0))
        for link in {*old, *new}:
            present[link] += new.get(link, 0) - old.get(link, 0)
    return capacity, have, want


def _whoever_fits(capacity: dict[LinkId, int], have: Loads, want: Loads) -> bool:
    """Whether a script gets through that moves whoever fits, in the order given, again and again."""
    room = dict(capacity)
    for load in have.values():
        for link, rate in load.items():
            room[link] -= rate
    waiting = list(have)
    while waiting:
        late = []
        for service in waiting:
            old, new = have[service], want[service]
            more = {link: new.get(link, 0) - old.get(link, 0) for link in {*old, *new}}
            if any(rate > max(0, room[link]) for link, rate in more.items()):
                late.append(service)
                continue
            for link, rate in more.items():
                room[link] -= rate
        if len(late) == len(waiting):
            return False
        waiting = late
    return True


def _ways(rng: random.Random) -> networkx.DiGraph[int]:
    places = random.Random(1)
    at = [(places.random(), places.random()) for _ in range(SITES)]
    near = sorted(
        (math.dist(at[a], at[b]), a, b) for a in range(SITES) for b in range(a) if math.dist(at[a], at[b]) < 0.2
    )
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(SITES))
    tree = networkx.utils.UnionFind(range(SITES))
    spanning = []
    for edge in near:
        if tree[edge[1]] != tree[edge[2]]:
            tree.union(edge[1], edge[2])
            spanning.append(edge)
    kept = set(spanning)
    rest = [edge for edge in near if edge not in kept]
    for km, a, b in (*spanning, *rest[: LINKS // 2 - len(spanning)]):
        for tail, head in ((a, b), (b, a)):
            graph.add_edge(tail, head, km=km * rng.uniform(1.0, 2.0))
    return graph


def _load(way: list[int], rate: int) -> Load:
    return {LinkId(f"{tail}>{head}"): rate for tail, head in pairwise(way)}
