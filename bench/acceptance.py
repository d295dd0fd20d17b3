"""How many orders fit: the choice of path that keeps room for others against the fastest path that has room.

Orders arrive one after the other (Poisson) between two random ends, hold for a time (exponential) and leave; a third
of them has a latency bound of 1.05 to 1.8 times the least. Both ways of choosing see the same orders at the same
times. Counted are the orders after the first two fifths, when the network is as loaded as it will be; the load is
such that the fastest path refuses one in ten or so.
"""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench import scale, world
from bench.figure import Figure, quantile
from highroad.graph.paths import graph_of, least_latency_path
from highroad.model.network import FibreId, Link, Network, SiteKind
from highroad.model.service import Placement, Window
from highroad.planning.calendar import Calendar, Claim
from highroad.planning.ground import CARRIES_OTHERS, Ground, capacities_of
from highroad.planning.placement import Want, place

STEP_GBPS = 400.0
RATES_GBPS = (10.0, 25.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the orders that were counted, and how long each answer took."""

    asked: int
    admitted: int
    asked_gbps: float
    admitted_gbps: float
    took_ms: list[float]


def figures() -> Iterator[Figure]:
    """Acceptance on the US reference network and on 1,000 sites."""
    for name, network, orders, holding_s, seeds in (
        ("the US network", world.us(), 3_000, 350.0, range(6)),
        ("1,000 sites, 5,000 links", thousand(seed=1), 9_000, 6_300.0, range(2)),
    ):
        ours, theirs = ([run(network, orders, holding_s, seed, fastest) for seed in seeds] for fastest in (False, True))
        mine, peer = _share(ours), _share(theirs)
        yield Figure(
            what=f"orders admitted at the same load, {name}, {len(seeds)} seeds",
            ours=f"{mine[0]:.2%} ({mine[1]:.2%} of the bandwidth), p99 {_took(ours, 0.99):.2f} ms",
            bar="higher",
            peer=f"fastest path with room: {peer[0]:.2%} ({peer[1]:.2%}), p99 {_took(theirs, 0.99):.2f} ms",
            met=mine[0] > peer[0] and mine[1] > peer[1],
        )


def run(network: Network, orders: int, holding_s: float, seed: int, fastest: bool) -> Tally:
    """Let so many orders come, one a second on average."""
    dice = world.dice_of(network, seed)
    ground = Ground(network=network, calendar=Calendar(capacities_of(network, {})))
    ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
    now_s, leaving = world.NOW_S, list[tuple[float, int]]()
    asked = admitted = 0
    asked_gbps = admitted_gbps = 0.0
    took_ms: list[float] = []
    for number in range(orders):
        now_s += dice.expovariate(1.0)
        while leaving and leaving[0][0] <= now_s:
            ground.calendar.keep(str(heapq.heappop(leaving)[1]), ())
        (a, b), rate, until_s = dice.sample(ends, 2), dice.choice(RATES_GBPS), now_s + dice.expovariate(1 / holding_s)
        factor = dice.choice([None, None, dice.uniform(1.05, 1.8)])
        least_ms = ground.graph.toward(ground.graph.number[b])[ground.graph.number[a]] / 1e6
        want = Want(
            a=a,
            b=b,
            window=Window(start_s=now_s, end_s=until_s),
            bandwidth_gbps=rate,
            bound_ms=None if factor is None else factor * least_ms,
            fence=None,
            fastest=fastest,
        )
        ground.graph.toward(ground.graph.number[a])
        begun = time.perf_counter()
        placement = place(ground, want)
        took_ms.append((time.perf_counter() - begun) * 1e3)
        counts = number >= orders * 2 // 5
        asked, asked_gbps = asked + counts, asked_gbps + counts * rate
        if placement is not None:
            admitted, admitted_gbps = admitted + counts, admitted_gbps + counts * rate
            ground.calendar.keep(str(number), _claims(placement, want.window))
            heapq.heappush(leaving, (until_s, number))
    return Tally(asked=asked, admitted=admitted, asked_gbps=asked_gbps, admitted_gbps=admitted_gbps, took_ms=took_ms)


def thousand(seed: int) -> Network:
    """The network of 1,000 sites of `scale`, of which a third (at random) has ports where orders end.

    Capacities are in steps of 400 Gbit/s in proportion to what random ends put on each fibre by the fastest way, with
    a mean of 1,600 and, so that it is the backbone that binds, at least 1,600 at a site where orders end.
    """
    bare = scale.network(1_000, seed)
    dice = world.dice_of(bare, seed)
    served = set(dice.sample([site.id for site in bare.sites], len(bare.sites) // 3))
    sites = tuple(replace(site, kind=SiteKind.EDGE if site.id in served else SiteKind.POP) for site in bare.sites)
    return _dimensioned(replace(bare, sites=sites), dice)


def _dimensioned(network: Network, dice: random.Random) -> Network:
    graph = graph_of(network, lambda site: site.kind in CARRIES_OTHERS)
    ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
    crossings: dict[FibreId, int] = {}
    for b in dice.sample(ends, min(200, len(ends))):
        for a in dice.sample(ends, min(100, len(ends))):
            for link in (least_latency_path(graph, a, b, lambda _: True) if a != b else None) or ():
                fibre = network.link[link].fibres[0]
                crossings[fibre] = crossings.get(fibre, 0) + 1
    mean = sum(crossings.values()) / len(network.fibres)

    def capacity(link: Link) -> float:
        least = 4 if {link.tail, link.head} & set(ends) else 1
        return STEP_GBPS * max(least, round(4.0 * crossings.get(link.fibres[0], 0) / mean))

    return replace(network, links=tuple(replace(link, capacity_gbps=capacity(link)) for link in network.links))


def _claims(placement: Placement, window: Window) -> list[Claim]:
    return [Claim(link, window.start_s, window.until_s, rate) for link, rate in placement.load_mbps().items()]


def _share(tallies: list[Tally]) -> tuple[float, float]:
    return (
        sum(one.admitted for one in tallies) / sum(one.asked for one in tallies),
        sum(one.admitted_gbps for one in tallies) / sum(one.asked_gbps for one in tallies),
    )


def _took(tallies: list[Tally], share: float) -> float:
    return quantile([took for one in tallies for took in one.took_ms], share)
