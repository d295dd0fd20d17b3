"""Who of the live services is where, by what the loop asks: so that a pass costs what has changed, not what lives.

All of it follows from the services and from what is out of use. The book keeps it current, service by service; a book
that is read anew makes it anew.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import chain

from highroad.model.lifecycle import CARRYING, State
from highroad.model.network import LinkId
from highroad.model.service import Placement, Service, ServiceId

SLACK = 1000
"""So many times that are no service's any more may be in the heap, besides one for each that is."""


def boundary_s(service: Service) -> float:
    """When time alone changes a service next: its window opens or closes, or its hold is over; infinite for never."""
    if service.state is State.HELD:
        until_s = service.created_s if service.hold_until_s is None else service.hold_until_s
        return min(until_s, service.piece.until_s)
    return service.piece.start_s if service.state is State.RESERVED else service.piece.until_s


class Index:
    """Services by state, by link and by need. `broken` says whether the loop has to look after one."""

    def __init__(self, services: Iterable[Service], broken: Callable[[Service], bool]) -> None:
        self._is_broken = broken
        self._states: dict[State, dict[ServiceId, None]] = {state: {} for state in State}
        self._over: defaultdict[LinkId, set[ServiceId]] = defaultdict(set)
        self._boundaries: dict[ServiceId, float] = {}
        self._heap: list[tuple[float, ServiceId]] = []
        self.leaving: dict[ServiceId, None] = {}
        """Those that routers may still carry elsewhere, or between other ends."""
        self.away: dict[ServiceId, None] = {}
        """Those that a failure or a drain has moved."""
        self.broken: dict[ServiceId, None] = {}
        """Those that are to be mended, whenever their windows are."""
        over = self._over
        for service in services:
            name = service.id
            self._states[service.state][name] = None
            if service.leaving or service.leaving_ends:
                self.leaving[name] = None
            if service.away:
                self.away[name] = None
            if broken(service):
                self.broken[name] = None
            for link in _links(service):
                over[link].add(name)
            at_s = boundary_s(service)
            if at_s < math.inf:
                self._boundaries[name] = at_s
        self._sift()

    def put(self, before: Service | None, after: Service | None) -> None:
        """A service as it was known and as it is now; None where it was not, or is no more."""
        if before is not None:
            self._leave(before, after)
        if after is not None:
            self._enter(after, before)
            self._mark(after.id, boundary_s(after))
        elif before is not None:
            self._mark(before.id, math.inf)

    # --- what is asked ----------------------------------------------------------------------------------------

    def within(self, states: Iterable[State]) -> list[ServiceId]:
        """The services in any of some states."""
        return [service for state in states for service in self._states[state]]

    @property
    def carrying(self) -> int:
        """How many services routers are to carry."""
        return sum(len(self._states[state]) for state in CARRYING)

    def over(self, links: Iterable[LinkId]) -> set[ServiceId]:
        """The services that have to do with any of some links: placed on it, backed up by it, leaving it, or at home on
        it.
        """
        return set().union(*(self._over.get(link, ()) for link in links))

    def due(self, now_s: float, most: int | None = None) -> list[ServiceId]:
        """The services that time has changed, in that order, at most so many. Each is named once: then it is put, or
        `wait` is asked.
        """
        due: list[ServiceId] = []
        while self._heap and self._heap[0][0] <= now_s and len(due) != most:
            at_s, service = heapq.heappop(self._heap)
            if self._boundaries.get(service) == at_s:
                del self._boundaries[service]
                due.append(service)
        return due

    def wait(self, service: Service, now_s: float) -> None:
        """Name a service again when time changes it after now, which changed nothing."""
        at_s = boundary_s(service)
        if at_s > now_s:
            self._mark(service.id, at_s)

    def next_s(self, now_s: float) -> float | None:
        """When time changes a service next after now."""
        past: list[tuple[float, ServiceId]] = []
        while self._heap and (self._heap[0][0] <= now_s or self._stale(*self._heap[0])):
            entry = heapq.heappop(self._heap)
            if not self._stale(*entry):
                past.append(entry)
        found = self._heap[0][0] if self._heap else None
        for entry in past:
            heapq.heappush(self._heap, entry)
        return found

    def look_again(self, services: Iterable[Service]) -> None:
        """What is out of use has changed for these."""
        for service in services:
            self._judge(service)

    def facts(self) -> Mapping[str, object]:
        """All of it, in a form that can be compared: equal to that of an index built of the same services."""
        return {
            "states": {state: set(services) for state, services in self._states.items()},
            "over": {link: services for link, services in self._over.items() if services},
            "boundaries": {service: at_s for at_s, service in self._heap if not self._stale(at_s, service)},
            "leaving": set(self.leaving),
            "away": set(self.away),
            "broken": set(self.broken),
        }

    # --- keeping it -------------------------------------------------------------------------------------------

    def _enter(self, service: Service, before: Service | None = None) -> None:
        name = service.id
        self._states[service.state][name] = None
        _keep(self.leaving, name, bool(service.leaving or service.leaving_ends))
        _keep(self.away, name, service.away)
        self._judge(service)
        if before is None or not _same_ways(before, service):
            for link in _links(service):
                self._over[link].add(name)

    def _leave(self, before: Service, after: Service | None) -> None:
        name = before.id
        if after is None or after.state is not before.state:
            self._states[before.state].pop(name, None)
        if after is None or not _same_ways(before, after):
            for link in _links(before):
                self._over[link].discard(name)
        if after is None:
            for kept in (self.leaving, self.away, self.broken):
                kept.pop(name, None)

    def _judge(self, service: Service) -> None:
        _keep(self.broken, service.id, self._is_broken(service))

    def _mark(self, service: ServiceId, at_s: float) -> None:
        if at_s == math.inf:
            self._boundaries.pop(service, None)
        elif self._boundaries.get(service) != at_s:
            self._boundaries[service] = at_s
            heapq.heappush(self._heap, (at_s, service))
            if len(self._heap) > 2 * len(self._boundaries) + SLACK:
                self._sift()

    def _sift(self) -> None:
        self._heap = [(at_s, service) for service, at_s in self._boundaries.items()]
        heapq.heapify(self._heap)

    def _stale(self, at_s: float, service: ServiceId) -> bool:
        return self._boundaries.get(service) != at_s


def _keep(kept: dict[ServiceId, None], service: ServiceId, wanted: bool) -> None:
    if wanted:
        kept[service] = None
    else:
        kept.pop(service, None)


def _same_ways(one: Service, other: Service) -> bool:
    return one.placement is other.placement and one.leaving is other.leaving and one.home is other.home


def _links(service: Service) -> Collection[LinkId]:
    if service.home is None and not service.leaving:
        return () if service.placement is None else _ways_of(service.placement)
    home = None if service.home is None else service.home.placement
    ways = (one for one in (service.placement, home, *service.leaving) if one is not None)
    return set(chain.from_iterable(map(_ways_of, ways)))


def _ways_of(placement: Placement) -> tuple[LinkId, ...]:
    backup = placement.backup
    return placement.links if backup is None else (*placement.links, *backup.there, *backup.back)
