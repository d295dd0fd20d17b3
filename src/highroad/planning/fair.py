"""Who gets what is left: every link's room, shared by class and weight, max-min fair over whole paths.

What is guaranteed is carried first. What then is left of each link goes to what services send above their guarantee,
class by class as routers' queues have it (interactive, assured, bulk, and scavenger last), and inside a class by
weight. Pure arithmetic on arrays: flows are numbered, links are numbered, rates are Gbit/s. Nothing queues: what does
not fit loads no link.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

ROUNDING = 1e-12
"""A remainder of a link under this share of what it had is rounding, not room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The links of each flow, in one row: flow i uses `links[first[i]:first[i + 1]]`, at least one."""

    links: Ints
    first: Ints
    flow: Ints = field(init=False, repr=False)
    """Whose link each entry of `links` is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "flow", np.repeat(np.arange(len(self.first) - 1), np.diff(self.first)))

    @classmethod
    def known(cls, *, links: Ints, first: Ints, flow: Ints) -> Paths:
        """Where `flow` is known already."""
        paths = object.__new__(cls)
        for name, value in (("links", links), ("first", first), ("flow", flow)):
            object.__setattr__(paths, name, value)
        return paths

    def __len__(self) -> int:
        return len(self.first) - 1

    def pick(self, chosen: Flags) -> Paths:
        """The paths of some of the flows, numbered anew."""
        lengths = np.diff(self.first)[chosen]
        return Paths(links=self.links[chosen[self.flow]], first=np.concatenate(([0], np.cumsum(lengths))))

    def any_on(self, flagged: Flags) -> Flags:
        """For each flow, whether any of its links is flagged."""
        return np.asarray(np.logical_or.reduceat(flagged[self.links], self.first[:-1]))

    def load(self, rate_gbps: Floats, links: int) -> Floats:
        """What flows at these rates put on each of so many links."""
        return summed(self.links, rate_gbps[self.flow], links)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The rate at which each flow arrives: of what it is guaranteed, and above that."""

    sure_gbps: Floats
    more_gbps: Floats


def summed(numbers: Ints, amounts: Floats | Flags, size: int) -> Floats:
    """The sum of the amounts of each number in [0, size)."""
    return np.asarray(np.bincount(numbers, weights=amounts, minlength=size), dtype=np.float64)


def share(
    *, capacity_gbps: Floats, paths: Paths, rank: Ints, sure_gbps: Floats, more_gbps: Floats, weight: Floats
) -> Carried:
    """Carry what is guaranteed, and share what is left of every link.

    `sure_gbps` is what each flow sends of its guarantee, `more_gbps` what it sends above it (its burst room, or its
    offered load if that is less), `rank` its class (0 is served first). Flows of one class share a link's remainder in
    proportion to their `weight`, which is positive wherever `more_gbps` is. What the calendar admitted fits, so that
    guarantees arrive whole; where links were lost since, they are shed by class, and in a class in equal parts of each.
    """
    room = capacity_gbps.astype(np.float64)
    sure = _by_class(room, capacity_gbps, paths, rank, sure_gbps, sure_gbps)
    more = _by_class(room, capacity_gbps, paths, rank, more_gbps, weight)
    return Carried(sure_gbps=sure, more_gbps=more)


def max_min(room_gbps: Floats, paths: Paths, demand_gbps: Floats, weight: Floats) -> Floats:
    """The weighted max-min fair rates: none can grow but at the cost of one that has no more for its weight.

    Progressive filling (Bertsekas and Gallager, Data Networks, 2nd ed., section 6.5.2), with as many steps taken at
    once as are independent. A link's level (its room by the weight of who still wants some) can only grow as others
    are settled for less, so a flow whose demand is no more than the least level on its path gives it is settled at its
    demand; and a link all of whose flows find their least level there is a bottleneck, and settles them at that level.
    It takes as many rounds as the longest chain of bottlenecks that follow from each other: a few dozen in a backbone.
    """
    rate = np.zeros(len(paths))
    room = room_gbps
    flows = np.flatnonzero((demand_gbps > 0.0) & (weight > 0.0))
    if len(flows) < len(paths):
        chosen = np.zeros(len(paths), dtype=np.bool_)
        chosen[flows] = True
        paths = paths.pick(chosen)
    while len(flows):
        demand, parts = demand_gbps[flows], weight[flows]
        level = _levels(room, paths, parts)
        here = level[paths.links]
        least = np.minimum.reduceat(here, paths.first[:-1])
        content = demand <= least * parts
        unsettled = np.zeros(len(room), dtype=np.bool_)
        unsettled[paths.links[(least[paths.flow] < here) | content[paths.flow]]] = True
        settled = content | paths.any_on(~unsettled)
        new = np.where(settled, np.minimum(demand, least * parts), 0.0)
        rate[flows] = new
        room = _left(room - paths.load(new, len(room)), room_gbps)
        paths, flows = paths.pick(~settled), flows[~settled]
    return rate


def _by_class(room: Floats, whole: Floats, paths: Paths, rank: Ints, demand: Floats, weight: Floats) -> Floats:
    """The rates of all classes, one after the other; what they take is taken from `room`."""
    rate = np.zeros(len(paths))
    for served in np.unique(rank[demand > 0.0]):
        chosen = (rank == served) & (demand > 0.0)
        of_class = paths.pick(chosen)
        rate[chosen] = max_min(room, of_class, demand[chosen], weight[chosen])
        room[:] = _left(room - of_class.load(rate[chosen], len(room)), whole)
    return rate


def _levels(room: Floats, paths: Paths, weight: Floats) -> Floats:
    """Each link's room by the weight of the flows on it; infinite where there are none."""
    users = summed(paths.links, weight[paths.flow], len(room))
    level = np.full(len(room), np.inf)
    np.divide(room, users, out=level, where=users > 0.0)
    return level


def _left(room: Floats, whole: Floats) -> Floats:
    return np.where(room > whole * ROUNDING, room, 0.0)
