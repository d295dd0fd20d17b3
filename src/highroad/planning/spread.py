"""Several weighted branches where one path does not suffice.

Shares are whole sixteenths of the rate, which a router's shaper holds as small integers, on at most four branches.
Splitting over the fewest paths is NP-hard (Baier, Koehler, Skutella 2005), so it is done greedily: the widest way
again and again, until what remains fits on one; that one is the cheapest.
"""

from __future__ import annotations

from math import gcd

from highroad.graph.cheapest import stretched_ns, widest_path
from highroad.graph.paths import UNREACHABLE
from highroad.model.service import Branch, Placement, share_mbps
from highroad.planning.ground import Ground
from highroad.planning.placement import Path, Room, Want, one_way, place

MOST_PATHS = 4
PARTS = 16
"""A branch carries so many of these parts of the rate, at least one."""


def place_spread(
    ground: Ground, want: Want, most_branches: int = MOST_PATHS, room: Room | None = None
) -> Placement | None:
    """One path where that suffices, else the fewest weighted branches that were found, or None.

    Every branch keeps the bound and the fence in both directions; where no bound is asked for, a branch goes no
    further than the stretch of the least latency allows (`graph.cheapest.stretched_ns`), so that none lags far behind.
    """
    room = room or Room(ground, want)
    placement = place(ground, want, room)
    rate = want.rate_mbps
    if placement is not None or rate is None or rate < PARTS:
        return placement
    branches = _branches(ground, want, rate, most_branches, room.beside())
    return None if branches is None else _placement(want, branches)


def _branches(ground: Ground, want: Want, rate: int, most_branches: int, room: Room) -> list[Branch] | None:
    """The widest way as long as what remains does not fit on one, which all of it does not."""
    left = PARTS
    branches: list[Branch] = []
    while len(branches) < most_branches:
        last = _cheapest(ground, want, room, share_mbps(rate, left, PARTS), left) if branches else None
        if last is not None:
            return [*branches, last]
        widest = _widest(ground, want, room, rate, left)
        if widest is None:
            return None
        _take(ground, room, widest, rate)
        branches.append(widest)
        left -= widest.weight
    return None


def _cheapest(ground: Ground, want: Want, room: Room, share: int, parts: int) -> Branch | None:
    there = one_way(ground, want, want.a, want.b, room, None, share)
    back = None if there is None else one_way(ground, want, want.b, want.a, room, there, share)
    if there is None or back is None or not _inside(ground, want, there, back):
        return None
    return Branch(there=there, back=back, weight=parts)


def _widest(ground: Ground, want: Want, room: Room, rate: int, left: int) -> Branch | None:
    """The widest way there and back, the same fibres home where that is as wide; as many parts as fit, but not all."""
    graph = ground.graph
    enough = share_mbps(rate, left - 1, PARTS)
    if left < 2:
        return None
    there = widest_path(graph, want.a, want.b, room.free, bound_ns=most_ns(ground, want), enough=enough)
    if there is None:
        return None
    numbers = frozenset(map(graph.link_number.__getitem__, there[1]))
    home = most_ns(ground, want, home=True)
    back = widest_path(graph, want.b, want.a, room.free, bound_ns=home, enough=there[0], barred=numbers)
    if back is None:
        return None
    parts = min(left - 1, back[0] * PARTS // rate)
    return Branch(there=there[1], back=back[1], weight=parts) if parts else None


def most_ns(ground: Ground, want: Want, home: bool = False) -> int:
    """How long a branch may take one way."""
    if want.bound_ns is not None:
        return want.bound_ns
    number = ground.graph.number
    source, target = (want.b, want.a) if home else (want.a, want.b)
    least_ns = ground.graph.toward(number[target])[number[source]]
    return UNREACHABLE - 1 if least_ns >= UNREACHABLE else stretched_ns(least_ns)


def _inside(ground: Ground, want: Want, there: Path, back: Path) -> bool:
    latency_ns, number = ground.graph.latency_ns, ground.graph.link_number
    return all(
        sum(latency_ns[number[link]] for link in way) <= most_ns(ground, want, home)
        for way, home in ((there, False), (back, True))
    )


def _take(ground: Ground, room: Room, branch: Branch, rate: int) -> None:
    for link in (*branch.there, *branch.back):
        number = ground.graph.link_number[link]
        room.taken[number] = room.taken.get(number, 0) + share_mbps(rate, branch.weight, PARTS)


def _placement(want: Want, branches: list[Branch]) -> Placement:
    """Weights in their lowest terms, the heaviest first; the same way twice is one branch."""
    merged: dict[tuple[Path, Path], int] = {}
    for branch in branches:
        way = (branch.there, branch.back)
        merged[way] = merged.get(way, 0) + branch.weight
    common = gcd(*merged.values())
    ordered = sorted(merged.items(), key=lambda item: -item[1])
    ((there, back), weight), *rest = ordered
    return Placement(
        there=there,
        back=back,
        bandwidth_gbps=want.bandwidth_gbps or 0.0,
        weight=weight // common,
        beside=tuple(Branch(there=way[0], back=way[1], weight=parts // common) for way, parts in rest),
    )
