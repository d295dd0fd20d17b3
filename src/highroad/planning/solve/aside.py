"""Services that go another way so that backups have room: what backups that go elsewhere cannot do alone."""

from __future__ import annotations

import numpy as np

from highroad.planning.solve.live import Live, distinct, ragged
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.ways import Places

MOST = 5_000
"""So many are looked at in one go, the largest first."""


def aside(live: Live, lots: Lots, way: Places, load: Reals, reserve: Reals, price: Reals) -> bool:
    """Who goes over a span that is over, with what it carries and keeps for backups, takes another of its ways: inside
    its bound, all of it with room, and no span fuller than the fullest. No more do than have to. `price` is what ways
    that are not known yet are found at. Changes `way`; returns whether anybody moved.
    """
    ways, capacity = lots.ways, live.capacity_gbps
    room = capacity - load - reserve
    over = np.maximum(0.0, -room)
    free = np.minimum(room, capacity * float((load / capacity).max()) - load)
    held = np.flatnonzero(way >= 0)
    first, places = ragged(ways.start, way[held])
    there = distinct(np.repeat(held, np.diff(first))[over[ways.span[places]] > 0])
    there = there[np.argsort(-live.gbps[there], kind="stable")][:MOST]
    _, found = ways.cheapest(price, distinct(ways.of[there]))
    ways.add(found, price)
    lots.offer()
    moved = False
    for service in there.tolist():
        rate, now = float(live.gbps[service]), int(way[service])
        mine, stands = _spans(lots, now)
        if not (over[mine] > 0).any():
            continue
        lot = lots.of[service]
        for other in lots.way[lots.first[lot] : lots.first[lot + 1]].tolist():
            then, backup = _spans(lots, other)
            new, called = np.setdiff1d(then, mine), np.setdiff1d(backup, stands)
            if (over[then] > 0).any() or (free[new] < rate).any() or (room[called] < rate).any():
                continue
            left = np.setdiff1d(mine, then)
            over[left] = np.maximum(0.0, over[left] - rate)
            for more in (new, called):
                room[more] -= rate
                free[more] -= rate
            way[service] = other
            moved = True
            break
    return moved


def _spans(lots: Lots, way: int) -> tuple[Places, Places]:
    """The spans of a way, and of its backup."""
    ways = lots.ways
    return (
        ways.span[ways.start[way] : ways.start[way + 1]].astype(np.int64),
        ways.backup[ways.backup_start[way] : ways.backup_start[way + 1]].astype(np.int64),
    )
