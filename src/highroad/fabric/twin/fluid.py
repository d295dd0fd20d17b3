"""How links are shared: traffic as a fluid, guarantees first, then what is left, max-min fair in each class.

Pure arithmetic on arrays: flows are numbered, links are numbered, rates are Gbit/s. Nothing queues: what does
not fit is lost at once, at the headend, and loads no link.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

_NOTHING = 1e-12
"""A remainder of a link under this share of its capacity is rounding, not room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The links of each flow, in one row: flow i uses `links[first[i]:first[i + 1]]`, at least one."""

    links: Ints
    first: Ints
    flow: Ints = field(init=False, repr=False)
    """Whose link each entry of `links` is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "flow", np.repeat(np.arange(len(self.first) - 1), np.diff(self.first)))

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


def summed(numbers: Ints, amounts: Floats | Flags, size: int) -> Floats:
    """The sum of the amounts of each number in [0, size)."""
    return np.asarray(np.bincount(numbers, weights=amounts, minlength=size), dtype=np.float64)


def carry(
    *,
    capacity_gbps: Floats,
    dark: Flags,
    paths: Paths,
    rank: Ints,
    guaranteed_gbps: Floats,
    ceiling_gbps: Floats,
    offered_gbps: Floats,
) -> Floats:
    """The rate at which each flow arrives; what it offers above that is lost.

    First every flow's offer up to its guarantee, then the rest up to its ceiling; each time the classes in
    the order of their rank (0 first), max-min fair inside a class. A flow with a dark link on its path
    carries nothing and loads nothing, upstream of the cut neither.
    """
    carried = np.zeros(len(paths))
    if len(paths) == 0:
        return carried
    admitted = np.minimum(offered_gbps, ceiling_gbps)
    admitted = np.where(paths.any_on(dark), 0.0, admitted)
    first = np.minimum(admitted, guaranteed_gbps)
    room = capacity_gbps.astype(np.float64)
    ranks = np.unique(rank)
    for demand in (first, admitted - first):
        for served in ranks:
            chosen = (rank == served) & (demand > 0.0)
            if not chosen.any():
                continue
            of_class = paths.pick(chosen)
            rate = max_min(room, of_class, demand[chosen])
            carried[chosen] += rate
            room = _left(room - of_class.load(rate, len(room)), capacity_gbps)
    # A guarantee and an excess that both fit add up to the offer but for rounding: nothing is lost then.
    return np.where(carried >= admitted * (1.0 - _NOTHING), admitted, carried)


def max_min(room_gbps: Floats, paths: Paths, demand_gbps: Floats) -> Floats:
    """The max-min fair rates: none can grow but at the cost of one that is no larger.

    Progressive filling (Bertsekas and Gallager, Data Networks, 2nd ed., section 6.5.2), with as many steps
    taken at once as are independent. A link's equal share of its room can only grow as others are settled for
    less, so a flow whose demand is no more than the least share on its path is settled at its demand; and a
    link all of whose flows find their least share there is a bottleneck, and settles them at that share.
    """
    links, first, flow = paths.links, paths.first, paths.flow
    room = room_gbps.copy()
    rate = np.zeros(len(paths))
    open_ = demand_gbps > 0.0
    while open_.any():
        users = summed(links, open_[flow], len(room))
        share = np.full(len(room), np.inf)
        np.divide(room, users, out=share, where=users > 0.0)
        least = np.minimum.reduceat(share[links], first[:-1])
        settled = open_ & (demand_gbps <= least)
        if not settled.any():
            elsewhere = open_[flow] & (least[flow] < share[links])
            bottleneck = (users > 0.0) & (summed(links, elsewhere, len(room)) == 0.0)
            settled = open_ & paths.any_on(bottleneck)
        new = np.where(settled, np.minimum(demand_gbps, least), 0.0)
        rate += new
        room = _left(room - paths.load(new, len(room)), room_gbps)
        open_ &= ~settled
    return rate


def _left(room: Floats, whole: Floats) -> Floats:
    return np.where(room > whole * _NOTHING, room, 0.0)
