"""How fast counters grow between two events: of all services at once, or of those that an event has changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from highroad.fabric.twin.fluid import admitted_gbps, carry, roomy
from highroad.fabric.twin.headend import Choice, Routes
from highroad.fabric.twin.rows import Tail
from highroad.planning.fair import Flags, Floats, summed


class Rates:
    """Gbit/s (and dark seconds a second) by service, Gbit/s by direction and by link.

    As long as no link is filled, nobody gets less because of somebody else: then a service that comes or goes changes
    its own rates and the loads of its links, and nothing more. What a link loses without being dark (`arrives` is the
    share that it does not) loads the links behind it all the same: whoever sends does not know.
    """

    def __init__(
        self,
        routes: Routes,
        choice: Choice,
        offered_gbps: Floats,
        cut: Flags,
        capacity_gbps: Floats,
        arrives: Floats,
    ) -> None:
        of = routes.direction
        list_offered = offered_gbps[of] * choice.share
        carried = carry(
            capacity_gbps=capacity_gbps,
            dark=cut,
            paths=routes.paths,
            rank=routes.rank[of],
            guaranteed_gbps=routes.guaranteed_gbps[of] * choice.share,
            ceiling_gbps=routes.ceiling_gbps[of] * choice.share,
            offered_gbps=list_offered,
        )
        self._capacity_gbps = capacity_gbps
        self.links = routes.paths.load(carried, len(capacity_gbps))
        self._roomy = roomy(self.links, capacity_gbps)
        self._list_gbps = Tail(carried)
        tally = _tally(routes, choice, offered_gbps, list_offered, carried * arriving(routes, arrives), cut)
        self.services, self.offered_gbps, self.carried_gbps = (
            Tail(tally.services),
            Tail(offered_gbps),
            Tail(tally.carried),
        )

    def add(self, routes: Routes, choice: Choice, offered_gbps: Floats, cut: Flags, arrives: Floats) -> bool:
        """Have rows for more services. Returns whether nobody else's rates change: else all are to be found anew."""
        if not self._roomy:
            return False
        of = routes.direction
        list_offered = offered_gbps[of] * choice.share
        carried = admitted_gbps(cut, routes.paths, routes.ceiling_gbps[of] * choice.share, list_offered)
        links = self.links.copy()
        np.add.at(links, routes.paths.links, carried[routes.paths.flow])
        if not roomy(links, self._capacity_gbps):
            return False
        self.links = links
        self._list_gbps.add(carried)
        tally = _tally(routes, choice, offered_gbps, list_offered, carried * arriving(routes, arrives), cut)
        self.services.add(tally.services)
        self.offered_gbps.add(offered_gbps)
        self.carried_gbps.add(tally.carried)
        return True

    def drop(self, row: int, lists: slice) -> None:
        """Have nothing in a row; `relieve` then says what that changes."""
        self._list_gbps.now[lists] = 0.0
        self.services.now[row] = 0.0
        for tail in (self.offered_gbps, self.carried_gbps):
            tail.now[2 * row : 2 * row + 2] = 0.0

    def relieve(self, routes: Routes) -> bool:
        """Take what was dropped off the links. Returns as `add` does."""
        if self._roomy:
            self.links = routes.paths.load(self._list_gbps.now, len(self._capacity_gbps))
        return self._roomy


def arriving(routes: Routes, arrives: Floats) -> Floats:
    """Of what each list carries, the share that its links leave of it."""
    paths = routes.paths
    return np.asarray(np.multiply.reduceat(arrives[paths.links], paths.first[:-1])) if len(paths) else np.zeros(0)


class _Tally(NamedTuple):
    services: Floats
    carried: Floats


def _tally(
    routes: Routes, choice: Choice, offered: Floats, list_offered: Floats, list_carried: Floats, cut: Flags
) -> _Tally:
    """What that comes to by service and by direction."""
    of, share, ways = routes.direction, choice.share, len(offered)
    carried = summed(of, list_carried, ways)
    lost = summed(of, list_offered - list_carried, ways)
    lost = np.where(choice.stranded, offered, lost)
    lit = (share > 0.0) & ~routes.paths.any_on(cut) if len(share) else np.zeros(0, dtype=np.bool_)
    dark = (offered > 0.0) & (summed(of, lit, ways) == 0.0)
    by_way = np.stack((offered, carried, lost), axis=1).reshape(-1, 2, 3).sum(axis=1)
    return _Tally(np.column_stack((by_way, dark.reshape(-1, 2).any(axis=1))), carried)
