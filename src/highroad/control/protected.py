"""Which links are to be repaired locally, inside which fences, and along what: kept as services come and go.

What is wanted is a way around every link that a service that is carried may go over, primary or backup, for each fence
of such services. It follows from the services, the network and what is out of use; a start makes it anew. Planned is
only what has changed: a way that was the best stays so while only links that it does not use go out of use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId
from highroad.model.policy import LocalRepair
from highroad.model.service import Service
from highroad.planning.detour import detour
from highroad.planning.ground import Ground

KEPT_S = 60.0
"""A way around a link that nobody uses any more is kept for so long: who left it may soon be back."""

Use = tuple[LinkId, str]
"""A link, and the label of a fence that services on it have to stay inside of; "" for those without."""


class Protected:
    """The uses of all services, and the ways around their links."""

    def __init__(self, services: Iterable[Service] = ()) -> None:
        self._count: dict[str, dict[LinkId, int]] = {}
        """How many services use each link, by the label of their fence."""
        self._labels: dict[Fence | None, str] = {None: ""}
        self._fences: dict[str, Fence | None] = {"": None}
        self._idle: dict[Use, float | None] = {}
        """Uses that ended, and since when, as far as that was looked at."""
        self._changed = True
        self._ground: Ground | None = None
        self._avoid: frozenset[int] = frozenset()
        self._ways: dict[Use, tuple[int, ...] | None] = {}
        self._without: dict[Use, frozenset[int]] = {}
        """What was out of use when a way was planned."""
        self._repairs: tuple[LocalRepair, ...] = ()
        for service in services:
            self.put(None, service)

    def put(self, before: Service | None, after: Service | None) -> None:
        """A service as it was known and as it is now; None where it was not, or is no more."""
        if before is not None and after is not None and _alike(before, after):
            return
        if after is not None and (links := _links(after)):
            label = self._label(after.order.fence)
            count = self._count.setdefault(label, {})
            for link in links:
                known = count.get(link, 0)
                count[link] = known + 1
                if not known:
                    self._begin((link, label))
        if before is not None and (links := _links(before)):
            label = self._label(before.order.fence)
            count = self._count[label]
            for link in links:
                count[link] -= 1
                if not count[link]:
                    del count[link]
                    self._idle[link, label] = None

    def repairs(self, ground: Ground, avoid: frozenset[int], now_s: float) -> tuple[LocalRepair, ...]:
        """The ways around links that are wanted now: the same object as long as nothing has changed. `avoid` are the
        links out of use, by their numbers.
        """
        self._forget(now_s)
        self._settle(ground, avoid)
        if not self._changed:
            return self._repairs
        self._changed = False
        ways = {use: self._way(use) for use in (*self._in_use(), *self._idle)}
        links = ground.graph.links
        found = tuple(
            LocalRepair(link=link, fence=fence, links=tuple(links[number] for number in way))
            for (link, fence), way in sorted(ways.items())
            if way is not None
        )
        if found != self._repairs:
            self._repairs = found
        return self._repairs

    def around(self, link: LinkId) -> list[tuple[LinkId, ...]]:
        """The ways around a link that routers were last to have, of every fence."""
        return [one.links for one in self._repairs if one.link == link]

    def uses(self, ground: Ground, avoid: frozenset[int]) -> dict[Use, tuple[LinkId, ...] | None]:
        """Every link in use, for each fence, and the way around it; None where there is none: a loss there is felt
        until headends have moved away.
        """
        self._settle(ground, avoid)
        ways = {use: self._way(use) for use in sorted(self._in_use())}
        links = ground.graph.links
        return {use: None if way is None else tuple(links[one] for one in way) for use, way in ways.items()}

    def bare(self, service: Service, ground: Ground, avoid: frozenset[int]) -> list[LinkId]:
        """The links of a service that there is no way around inside its fence, in the order of its path."""
        self._settle(ground, avoid)
        label = self._label(service.order.fence)
        return [link for link in _links(service) if self._way((link, label)) is None]

    def _settle(self, ground: Ground, avoid: frozenset[int]) -> None:
        """Stand on this network, with these links out of use."""
        if self._ground is None or ground.network is not self._ground.network:
            self._ways.clear()
            self._changed = True
        elif avoid != self._avoid:
            self._reconsider(avoid)
            self._changed = True
        self._ground, self._avoid = ground, avoid

    def _way(self, use: Use) -> tuple[int, ...] | None:
        """The way around a link, planned once."""
        ground = self._ground
        if use not in self._ways and ground is not None:
            number = ground.graph.link_number
            found = None
            if use[0] in number:
                found = detour(ground, use[0], self._fences[use[1]], self._avoid)
            self._ways[use] = None if found is None else tuple(number[link] for link in found)
            self._without[use] = self._avoid
        return self._ways[use]

    def _forget(self, now_s: float) -> None:
        """What nobody has used for long."""
        for use, since_s in list(self._idle.items()):
            if since_s is None:
                self._idle[use] = now_s
            elif now_s - since_s >= KEPT_S:
                del self._idle[use]
                self._ways.pop(use, None)
                self._changed = True

    def _reconsider(self, avoid: frozenset[int]) -> None:
        """Plan again what goes over links that are out of use now, and what was planned without some that are back: all
        else is the best that there is.
        """
        for use, way in list(self._ways.items()):
            if self._without[use] - avoid or (way is not None and not avoid.isdisjoint(way)):
                del self._ways[use]

    def _begin(self, use: Use) -> None:
        if use in self._idle:
            del self._idle[use]
        else:
            self._changed = True

    def _in_use(self) -> list[Use]:
        return [(link, label) for label, count in self._count.items() for link in count]

    def _label(self, fence: Fence | None) -> str:
        label = self._labels.get(fence)
        if label is None and fence is not None:
            label = self._labels[fence] = fence.label
            self._fences.setdefault(label, fence)
        return label or ""


def _links(service: Service) -> Collection[LinkId]:
    """What routers are to carry it over: along its path, or along its backup."""
    placement = service.placement
    if placement is None or not service.wants_carrying:
        return ()
    backup = placement.backup
    return dict.fromkeys(placement.links if backup is None else (*placement.links, *backup.there, *backup.back))


def _alike(one: Service, other: Service) -> bool:
    return (
        one.placement is other.placement
        and one.wants_carrying == other.wants_carrying
        and one.order.fence == other.order.fence
    )
