"""Services are moved off the fullest links, a level at a time, on a ground of one's own: what a plan is made with.

At a level no link may be filled above that share of its capacity. Links that are, are worked on from the fullest on:
of the services there those go first that suffice alone, the smallest of them, and each goes where admission would put
it now, inside its bound, fence and windows, with a backup where it is protected. So whatever is moved fits, one after
the other, as the calendar counts it. A link that nobody can leave is `stuck` and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from highroad.model.network import LinkId
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.find import find
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, latency_ms, want_of

TRIES = 64
"""So many kinds of service are tried in vain on a link before it is stuck."""

LATENCY_WORTH_MS, LATENCY_WORTH = 1.0, 0.1
"""A way has to be faster by so much, and by such a share of what it takes, to be worth a move of its own."""

ROOMY = 0.7
"""Nobody is moved for latency alone onto a link that is then fuller: that room is for those who come."""

_Kind = tuple[object, ...]


class Levelling:
    """A ground on which services move, and where they were. `stop` says when there is no time left."""

    def __init__(
        self,
        ground: Ground,
        services: Mapping[ServiceId, Service],
        now_s: float,
        most_moves: int,
        stop: Callable[[], bool],
    ) -> None:
        self.ground, self.services, self.now_s, self.most_moves, self.stop = ground, services, now_s, most_moves, stop
        self.capacity: dict[LinkId, int] = {
            link.id: rate for link, rate in zip(ground.network.links, ground.capacity_mbps, strict=True)
        }
        self.here: dict[ServiceId, Placement] = {}
        self.stuck: dict[LinkId, float] = {}
        self._on: dict[LinkId, set[ServiceId]] = {}
        self._moved: set[ServiceId] = set()
        for name, service in self.services.items():
            if service.placement is not None:
                self._put(name, service.placement)

    @property
    def moves(self) -> dict[ServiceId, Placement]:
        """Who is somewhere else now."""
        return {name: self.here[name] for name in sorted(self._moved)}

    @property
    def links(self) -> list[LinkId]:
        """The links that carry anybody who may be moved, or that such a one stands by on."""
        return [link for link, names in self._on.items() if names and self.capacity.get(link)]

    def used(self, link: LinkId) -> float:
        """The share of its capacity that is needed of a link now: what is claimed, and the reserve."""
        return self.ground.calendar.at(link, self.now_s) / self.capacity[link]

    def fullest(self, without: Iterable[LinkId] = ()) -> float:
        """The share of the fullest of the links that count, but for some; 0 where there are none."""
        left_out = frozenset(without)
        return max((self.used(link) for link in self.links if link not in left_out), default=0.0)

    def hold(self, level: float) -> None:
        """From now on no link is filled above a level; one that is stuck stays as full as it is."""
        calendar = self.ground.calendar
        for link, rate in self.capacity.items():
            most = min(rate, int(max(level, self.stuck.get(link, 0.0)) * rate + 1e-6))
            if calendar.capacity(link) != most:
                calendar.set_capacity(link, most)

    def lower(self, level: float) -> bool:
        """Move services until no link that counts is filled above a level; False if there was no time, or no move,
        left.
        """
        self.hold(level)
        calendar, failed = self.ground.calendar, dict[_Kind, int]()
        while True:
            over = {link: calendar.at(link, self.now_s) - calendar.capacity(link) for link in self.links}
            hot = [link for link, by in over.items() if by > 0 and link not in self.stuck]
            if not hot:
                return True
            link = max(hot, key=lambda one: (self.used(one), one))
            while (by := calendar.at(link, self.now_s) - calendar.capacity(link)) > 0:
                if self.stop() or (len(self._moved) >= self.most_moves and not self._again(link)):
                    return False
                if not self._relieve(link, by, failed):
                    self.stuck[link] = self.used(link)
                    break

    def faster(self) -> None:
        """Move services whose way takes longer than it has to, the largest sums first."""
        graph = self.ground.graph
        waits: list[tuple[float, ServiceId]] = []
        for name, service in self.services.items():
            order, here = service.order, self.here[name]
            a, b = graph.number[order.a_site], graph.number[order.b_site]
            least_ms = max(graph.toward(b)[a], graph.toward(a)[b]) / 1e6
            loses = latency_ms(self.ground, here) - least_ms
            if loses > max(LATENCY_WORTH_MS, LATENCY_WORTH * least_ms):
                waits.append((-loses * order.bandwidth_gbps, name))
        failed: dict[_Kind, int] = {}
        for _, name in sorted(waits):
            if self.stop():
                return
            if name not in self._moved and len(self._moved) >= self.most_moves:
                continue
            found = self._find(name, failed, fastest=True)
            if found is not None and self._worth(self.here[name], found):
                self._put(name, found)

    def undo(self) -> None:
        """Take back every move without which all is as good: whose place of before has room at the level held."""
        for name in sorted(self.moves, key=lambda one: (self.services[one].order.bandwidth_gbps, one)):
            before = self.services[name].placement
            if before is None or self.stop():
                continue
            if self._worth(before, self.here[name]):
                continue
            with self.ground.calendar.without(name):
                fits = self.ground.room(before, self.services[name].stay)
            if fits:
                self._put(name, before)

    def _worth(self, one: Placement, other: Placement) -> bool:
        """Whether a move to another place is worth its latency alone."""
        takes_ms = latency_ms(self.ground, one)
        return takes_ms - latency_ms(self.ground, other) > max(LATENCY_WORTH_MS, LATENCY_WORTH * takes_ms)

    def _again(self, link: LinkId) -> bool:
        """Whether anybody on a link was moved already: to move it again is no more moves."""
        return not self._moved.isdisjoint(self._on.get(link, ()))

    def _relieve(self, link: LinkId, by: int, failed: dict[_Kind, int]) -> bool:
        rates = {name: self._rate(name) for name in self._on.get(link, ())}
        enough = sorted((rate, name) for name, rate in rates.items() if rate >= by)
        rest = sorted(((-rate, name) for name, rate in rates.items() if rate < by))
        full = len(self._moved) >= self.most_moves
        tries = TRIES
        for name in (*(name for _, name in enough), *(name for _, name in rest)):
            if full and name not in self._moved:
                continue
            if not self._hopeful(name, failed):
                continue
            found = self._find(name, failed)
            if found is not None:
                self._put(name, found)
                return True
            tries -= 1
            if not tries or self.stop():
                return False
        return False

    def _rate(self, name: ServiceId) -> int:
        return round(self.here[name].bandwidth_gbps * 1000)

    def _kind(self, service: Service, fastest: bool) -> _Kind:
        order = service.order
        return (
            order.a_site,
            order.b_site,
            order.latency_bound_ms,
            order.fence,
            order.protection,
            service.stay,
            fastest,
        )

    def _hopeful(self, name: ServiceId, failed: Mapping[_Kind, int], fastest: bool = False) -> bool:
        """Whether nobody of the same kind and no greater rate was in vain."""
        least = failed.get(self._kind(self.services[name], fastest))
        return least is None or self._rate(name) < least

    def _find(self, name: ServiceId, failed: dict[_Kind, int], *, fastest: bool = False) -> Placement | None:
        if not self._hopeful(name, failed, fastest):
            return None
        service = self.services[name]
        want: Want = replace(want_of(service.order), window=service.stay, max_paths=1, fastest=fastest)
        with self.ground.calendar.without(name):
            found = find(self.ground, want)
        if found is None:
            failed[self._kind(service, fastest)] = self._rate(name)
        return None if found == self.here[name] else found

    def _put(self, name: ServiceId, at: Placement) -> None:
        before = self.here.get(name)
        if before is not None:
            for link in _touched(before):
                self._on[link].discard(name)
            self.ground.keep(replace(self.services[name], placement=at))
        self.here[name] = at
        if at == self.services[name].placement:
            self._moved.discard(name)
        else:
            self._moved.add(name)
        for link in _touched(at):
            self._on.setdefault(link, set()).add(name)


def _touched(placement: Placement) -> set[LinkId]:
    backup = placement.backup
    return set(placement.links) if backup is None else {*placement.links, *backup.there, *backup.back}
