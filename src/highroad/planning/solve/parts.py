"""Weights in whole parts, as a router's shaper holds them: each path of a demand carries so many sixteenths of it.

Shares are rounded to the nearest parts that add up (largest remainders). Of the largest demands a part is then moved
from one path to another where that makes links that are full emptier. Where something must fit, whoever crosses what is
over its capacity gets less, the last class first, and room that is left is given to whoever wants it.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from highroad.planning.solve.few import Paths, only
from highroad.planning.solve.problem import Reals

LARGEST, ROUNDS = 1000, 3
"""So many demands are looked at one by one, so often."""

STEEP, MOST = 60.0, 50.0
"""How dear a link is the fuller it is."""

FILLS, ENOUGH = 24, 1e-6
"""Room is given out so often at most, until a round gives less than this share of all."""

SAFE = 1 - 1e-12

Weights = NDArray[np.int64]


def weights(capacity: Reals, paths: Paths, flow_gbps: Reals, parts: int) -> Weights:
    """The parts of each path: those of a commodity add up, or are all 0 where nothing is carried."""
    count = len(paths.first) - 1
    of = np.repeat(np.arange(count), np.diff(paths.first))
    whole = np.bincount(of, flow_gbps, count).astype(np.float64)
    exact = parts * np.divide(flow_gbps, whole[of], out=np.zeros_like(flow_gbps), where=whole[of] > 0)
    found = np.floor(exact + 1e-9).astype(np.int64)
    left = np.where(whole > 0, parts - np.bincount(of, found, count), 0).astype(np.int64)
    order = np.lexsort((-(exact - found), of))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - paths.first[:-1][of[order]]
    found += (place < left[of]) & (flow_gbps > 0)
    _improve(capacity, paths, whole, found, parts)
    return found


def _improve(capacity: Reals, paths: Paths, whole: Reals, found: Weights, parts: int) -> None:
    """Parts of the largest demands of several paths go where links are emptier."""
    several = np.flatnonzero((np.diff(paths.first) > 1) & (whole > 0))
    several = several[np.argsort(-whole[several], kind="stable")][:LARGEST]
    of = np.repeat(np.arange(len(paths.first) - 1), np.diff(paths.first))
    load = loads(paths, whole[of] * found / parts, len(capacity))
    unit = max(1.0, float((load / capacity).max(initial=0.0)))
    full = (load / (capacity * unit)).tolist()
    room = (capacity * unit).tolist()
    link, start = paths.link.tolist(), paths.start.tolist()
    price = _price
    for _ in range(ROUNDS):
        moved = False
        for one in several.tolist():
            low, high = int(paths.first[one]), int(paths.first[one + 1])
            step = float(whole[one]) / parts
            costs = []
            for path in range(low, high):
                on = link[start[path] : start[path + 1]]
                more = sum(price(full[e] + step / room[e]) - price(full[e]) for e in on)
                less = sum(price(full[e]) - price(full[e] - step / room[e]) for e in on)
                costs.append((more, less, path))
            to = min(costs)
            away = max((one for one in costs if found[one[2]] > 0), key=lambda one: one[1], default=to)
            if away[2] == to[2] or not away[1] > to[0] * (1 + 1e-6) + 1e-15:
                continue
            moved = True
            for path, sign in ((away[2], -1), (to[2], 1)):
                found[path] += sign
                for e in link[start[path] : start[path + 1]]:
                    full[e] += sign * step / room[e]
        if not moved:
            break


def _price(full: float) -> float:
    return exp(min(MOST, STEEP * (full - 1.0)))


def loads(paths: Paths, flow_gbps: Reals, rows: int) -> Reals:
    """What every link carries."""
    return np.bincount(paths.link, np.repeat(flow_gbps, np.diff(paths.start)), rows).astype(np.float64)


def fitted(
    capacity: Reals, amount: Reals, served: Reals, worth: Reals, paths: Paths, found: Weights, parts: int
) -> Reals:
    """How much of each commodity is carried in such parts so that no link is over: from what was `served`, who is worth
    most last to lose and first to win.
    """
    count = len(amount)
    of = np.repeat(np.arange(count), np.diff(paths.first))
    share = found / parts
    carried = np.where(np.bincount(of, found, count) > 0, served, 0.0)
    load = loads(paths, carried[of] * share, len(capacity))
    for one in np.unique(worth).tolist():
        over = np.flatnonzero(load > capacity)
        if not len(over):
            break
        mine = worth == one
        held = np.where(mine[of], carried[of] * share, 0.0)
        own = loads(paths, held, len(capacity))
        cut, there = np.zeros(len(capacity)), over[own[over] > 0]
        cut[there] = np.minimum(1.0, (load[there] - capacity[there]) / own[there])
        carried = carried * np.where(mine, np.maximum(0.0, 1.0 - _worst(paths, found, cut, count) * (1 + 1e-12)), 1.0)
        load = loads(paths, carried[of] * share, len(capacity))
    for one in np.unique(worth)[::-1].tolist():
        carried = _filled(capacity, amount, carried, paths, found, parts, worth == one)
    return carried


def _worst(paths: Paths, found: Weights, values: Reals, count: int) -> Reals:
    """Of each commodity the largest of some values by link over the paths that it uses."""
    of = np.repeat(np.repeat(np.arange(count), np.diff(paths.first)), np.diff(paths.start))
    used = np.repeat(found > 0, np.diff(paths.start))
    worst = np.zeros(count)
    np.maximum.at(worst, of[used], values[paths.link[used]])
    return worst


def _filled(
    capacity: Reals, amount: Reals, carried: Reals, paths: Paths, found: Weights, parts: int, which: NDArray[np.bool_]
) -> Reals:
    """Room that is left shared out among some commodities that want more, in proportion, again and again."""
    carried = carried.copy()
    count = len(amount)
    of = np.repeat(np.arange(count), np.diff(paths.first))
    used = np.bincount(of, found, count) > 0
    load = loads(paths, carried[of] * found / parts, len(capacity))
    for _ in range(FILLS):
        short = which & used & (carried < amount * (1 - 1e-9))
        if not short.any():
            break
        places = np.flatnonzero(short[of] & (found > 0))
        some = only(paths, places)
        mine, share = of[places], found[places] / parts
        links = np.repeat(np.arange(len(places)), np.diff(some.start))
        free = np.maximum(0.0, capacity * SAFE - load)
        shut = np.zeros(count, np.bool_)
        shut[mine[links[free[some.link] <= 1e-9 * capacity[some.link]]]] = True
        want = np.where(shut, 0.0, amount - carried)
        wanted = np.bincount(some.link, (want[mine] * share)[links], len(capacity))
        ratio = np.minimum(1.0, np.divide(free, wanted, out=np.ones_like(free), where=wanted > 0))
        least = np.ones(count)
        np.minimum.at(least, mine[links], ratio[some.link])
        more = np.where(short, want * least, 0.0)
        if not float(more.sum()) > ENOUGH * float(amount.sum()):
            carried = carried + more
            break
        carried = carried + more
        load = load + np.bincount(some.link, (more[mine] * share)[links], len(capacity))
    return carried
