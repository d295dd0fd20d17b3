"""A plan of max-min shares on ways inside bounds of latency: what each path of every demand carries."""

from __future__ import annotations

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.few import Paths
from highroad.planning.solve.live import Live, ragged
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals
from highroad.planning.solve.routed import Routed
from highroad.planning.solve.standing import Standing
from highroad.planning.solve.ways import Found, Places, Ways


def on_ways(
    problem: Problem,
    live: Live,
    single: Commodities,
    weight: Reals,
    levels: _kernels.Levels,
    price: Reals,
    bound: float,
    sweeps: int,
) -> Routed:
    """The shares so far as a plan; `single` has a commodity for each demand, and `weight` is theirs."""
    count = len(single.target)
    demand, start, link, amount = levels.paths()
    order = np.argsort(demand, kind="stable")
    first = np.searchsorted(demand[order], np.arange(count + 1)).astype(np.int64)
    begin, places = ragged(start, order)
    link = link[places]
    whose = np.empty(count, np.int64)
    whose[single.of] = np.arange(problem.demands)
    ways = Ways(live)
    family = ways.of[whose[demand[order]]]
    ways.add(Found(family=family, start=begin, span=link), live.latency_ms)
    standing = Standing(ways)
    standing.take_in()
    load = np.bincount(link, np.repeat(amount[order], np.diff(begin)), live.spans)
    over = max(1.0, float((load / live.capacity_gbps).max(initial=0.0)))  # by rounding
    flow = amount[order] / over
    served = np.bincount(np.repeat(np.arange(count), np.diff(first)), flow, count).astype(np.float64)
    return Routed(
        problem=problem,
        commodities=single,
        ways=ways,
        standing=standing,
        paths=Paths(first=first, start=begin, link=link),
        way=_which(ways, family, begin, link),
        flow_gbps=flow,
        served_gbps=served[single.of],
        load_gbps=load / over,
        reserve_gbps=np.zeros(live.spans),
        price=price,
        least=levels.distances(price),
        ends=np.zeros(live.spans),
        by_group=(),
        value=float((served / weight).min()),
        bound=bound,
        moments=(),
        sweeps=sweeps,
    )


def _which(ways: Ways, family: Places, start: Places, link: Ints) -> Places:
    """Which of the ways that are known each path is."""
    known = {
        (of, ways.span[ways.start[place] : ways.start[place + 1]].tobytes()): place
        for place, of in enumerate(ways.family.tolist())
    }
    span = link.astype(ways.span.dtype)
    return np.array(
        [known[of, span[start[place] : start[place + 1]].tobytes()] for place, of in enumerate(family.tolist())],
        np.int64,
    )
