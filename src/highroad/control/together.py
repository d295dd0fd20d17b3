"""Places for services that have to go together, and what `planning.sequence` is asked about the way there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice, permutations
from math import gcd

from highroad.control import reroute
from highroad.control.book import Book
from highroad.model.incident import MaintenanceId
from highroad.model.network import LinkId
from highroad.model.service import Branch, Home, Placement, Protection, Service, ServiceId
from highroad.planning.find import find as placed
from highroad.planning.ground import claims_of, standbys_of
from highroad.planning.placement import want_of
from highroad.planning.sequence import SHARES, ChangePlan, Detour, Harm, Hop, Knot, Share, Whole, sequence
from highroad.planning.spread import MOST_PATHS
from highroad.units import gbps_from_mbps, mbps_from_gbps

SEARCHES = 200
"""So many places are looked for at most, give or take a round: what cannot be had soon is not to hold up the rest."""

AT_ONCE = 200
"""Services in one step; what routers are asked at once is bounded besides."""

ORDERS_TRIED = 24
THIRDS = 4
"""Third ways that are looked for, for one service."""

CIRCLE = "they wait for each other in a circle"

WHOLE_SHARES = (SHARES, 10, 8, 5, 4, 2)
"""Into how many shares a split may go, best those in which every share is whole Mbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A service that has to go and found no place alone: where it goes home to, and which drain it makes way for; or
    one that only would go, to a `faster` place than it has.
    """

    service: Service
    home: Home | None = None
    drain: MaintenanceId | None = None
    faster: bool = False

    @property
    def id(self) -> ServiceId:
        """The service's."""
        return self.service.id

    @property
    def bound(self) -> Service:
        """The service as it is once it has that home."""
        return replace(self.service, home=self.home)

    def place(self, book: Book) -> Placement | None:
        """Where it could go now."""
        find = reroute.faster if self.faster else reroute.find
        return find(book, self.service, during=self.bound.stay)


def targets_of(book: Book, movers: list[Mover]) -> dict[ServiceId, Placement]:
    """A place for as many as possible of those who, together, give up theirs; the others keep what they hold.

    Who has none although none of them holds any is left out first. Then they are placed in turn, in several orders, as
    long as there is patience.
    """
    left = SEARCHES
    while len(movers) > 1 and left > 0:
        left -= len(movers)
        possible = _together(book, movers, side_by_side=False)
        if len(possible) < len(movers):
            movers = [one for one in movers if one.id in possible]
            continue
        best: dict[ServiceId, Placement] = {}
        for order in _orders(movers):
            left -= len(movers)
            found = _together(book, order)
            if len(found) > len(best):
                best = found
            if len(best) == len(movers):
                return best
            if left <= 0:
                break
        movers = [one for one in movers if one.id in best]
    return {}


def with_a_place(book: Book, movers: Sequence[Mover]) -> list[Mover]:
    """Those of them who would have a place if none of them held any."""
    possible = _together(book, movers, side_by_side=False)
    return [one for one in movers if one.id in possible]


def _orders(movers: list[Mover]) -> Iterator[Sequence[Mover]]:
    """Orders in which to look for places: that of need first, then by rate, then whatever comes."""
    yield movers
    yield sorted(movers, key=lambda one: -one.service.order.bandwidth_gbps)
    yield movers[::-1]
    yield from islice(permutations(movers), ORDERS_TRIED)


def _together(book: Book, movers: Sequence[Mover], *, side_by_side: bool = True) -> dict[ServiceId, Placement]:
    """A place for each in turn, nobody holding any but those who have found one; not even those if each is alone."""
    calendar = book.ground.calendar
    found: dict[ServiceId, Placement] = {}
    with _without(book, movers):
        try:
            for one in movers:
                place = one.place(book)
                there = replace(one.bound, placement=place, leaving=(), leaves_by_s=None)
                if place is not None and _has_home(book, there):
                    found[one.id] = place
                    if side_by_side:
                        calendar.keep_beside(
                            f"moving:{one.id}", one.id, claims_of(there), standbys_of(there, book.ground)
                        )
        finally:
            for service in found if side_by_side else ():
                calendar.keep_beside(f"moving:{service}", service, ())
    return found


def _has_home(book: Book, service: Service) -> bool:
    home = service.home
    return home is None or book.ground.room(home.placement, service.window.within(home.at_s, math.inf))


@contextmanager
def _without(book: Book, movers: Iterable[Mover]) -> Iterator[None]:
    with ExitStack() as aside:
        for one in movers:
            aside.enter_context(book.ground.calendar.without(one.id, alone=True))
        yield


class Ask:
    """What `sequence` is asked for some services, and what its hops mean; `targets` is where they go."""

    def __init__(self, book: Book, movers: Sequence[Mover], targets: Mapping[ServiceId, Placement]) -> None:
        self._movers, self.targets = movers, targets
        self._before = {one.id: one.service.placement for one in movers}
        self._thirds = {one.id: _thirds(book, one, movers, targets) for one in movers}
        self._have = {one.id: _load(self._before[one.id]) for one in movers}
        self._want = {one.id: targets[one.id].load_mbps() for one in movers}
        self._shares = _shares(movers)
        thirds = [_load(third) for each in self._thirds.values() for third in each]
        links = dict.fromkeys(link for load in (*self._have.values(), *self._want.values(), *thirds) for link in load)
        with _without(book, movers):
            stays = [one.bound.stay for one in movers]
            free = {link: min(book.ground.calendar.free(link, stay) for stay in stays) for link in links}
        self._capacity = {
            link: max(rate, *(sum(load.get(link, 0) for load in loads.values()) for loads in (self._have, self._want)))
            for link, rate in free.items()
        }

    @property
    def rates_mbps(self) -> dict[ServiceId, int]:
        """What each of them is to have."""
        return {one.id: mbps_from_gbps(one.service.order.bandwidth_gbps) for one in self._movers}

    @property
    def most_harm(self) -> Harm:
        """A split only where somebody may be on several ways."""
        return Harm.DETOUR if len(self.whole) == len(self._movers) else Harm.SPLIT

    @property
    def whole(self) -> frozenset[ServiceId]:
        """Who may not be on the way where it was and on the one where it goes at a time: who is protected, or would be
        on more ways than its order allows, or than a router holds.
        """
        return frozenset(one.id for one in self._movers if not self._may_split(one))

    def _may_split(self, mover: Mover) -> bool:
        order, before = mover.service.order, self._before[mover.id]
        ways = len(self.targets[mover.id].branches) + (0 if before is None else len(before.branches))
        return order.protection is not Protection.PATH and ways <= min(MOST_PATHS, order.max_paths)

    def sequence(self, allow: Harm) -> ChangePlan:
        """The steps, with no more harm than is allowed."""
        thirds = {service: [_load(third) for third in each] for service, each in self._thirds.items()}
        return sequence(
            self._capacity,
            self._have,
            self._want,
            at_most=AT_ONCE,
            classes={one.id: one.service.order.traffic_class for one in self._movers},
            thirds=thirds,
            shares=self._shares,
            allow=allow,
            whole=self.whole,
        )

    def place(self, hop: Hop) -> Placement | None:
        """Where a service is after a hop."""
        match hop:
            case Whole(service=service):
                return self.targets[service]
            case Detour(service=service, third=third):
                return self._thirds[service][third]
            case Share(service=service, moved=moved, of=of):
                return _split(self._before[service], self.targets[service], moved, of)


def circle_of(knot: Knot) -> str:
    """Who waits for whom, in words."""
    waits = (
        f"{one.service} needs {gbps_from_mbps(one.needs_mbps):g} Gbit/s of {one.link}, "
        f"where {gbps_from_mbps(one.free_mbps):g} are free until {one.held_by} has left it"
        for one in knot.circle
    )
    proven = "" if knot.proven else ", and no other order was found"
    return f"{CIRCLE}: {', and '.join(waits)}{proven}"


def _load(place: Placement | None) -> dict[LinkId, int]:
    return {} if place is None else place.load_mbps()


def _split(here: Placement | None, there: Placement, moved: int, of: int) -> Placement:
    """So many shares of a service where it goes, and the rest where it was."""
    if here is None:
        return there
    stays, goes = here.branches, there.branches
    was, will = sum(one.weight for one in stays), sum(one.weight for one in goes)
    branches = [replace(one, weight=one.weight * (of - moved) * will) for one in stays]
    branches += [replace(one, weight=one.weight * moved * was) for one in goes]
    common = gcd(*(one.weight for one in branches))
    merged: dict[tuple[tuple[LinkId, ...], tuple[LinkId, ...]], int] = {}
    for one in branches:
        merged[one.there, one.back] = merged.get((one.there, one.back), 0) + one.weight // common
    (first, weight), *rest = sorted(merged.items(), key=lambda each: -each[1])
    return replace(
        there,
        there=first[0],
        back=first[1],
        weight=weight,
        beside=tuple(Branch(there=way[0], back=way[1], weight=parts) for way, parts in rest),
    )


def _shares(movers: Sequence[Mover]) -> int:
    rates = [mbps_from_gbps(one.service.order.bandwidth_gbps) for one in movers]
    return next((shares for shares in WHOLE_SHARES if not any(rate % shares for rate in rates)), SHARES)


def _thirds(
    book: Book, mover: Mover, movers: Sequence[Mover], targets: Mapping[ServiceId, Placement]
) -> list[Placement | None]:
    """Ways on which a service could wait: off what others want of where it is. What is being drained still carries.

    One that is dark can also wait nowhere: it carries nothing.
    """
    here = mover.service.placement
    mine = frozenset() if here is None else frozenset(here.links)
    wanted = [mine & frozenset(targets[one.id].links) for one in movers if one.id != mover.id]
    every = frozenset[LinkId]().union(*wanted)
    found: list[Placement | None] = []
    for clear_of in dict.fromkeys((every, *wanted)):
        third = _third(book, mover, clear_of) if clear_of else None
        if third is not None and third not in (*found, here, targets[mover.id]):
            found.append(third)
    found = found[:THIRDS]
    if here is not None and book.dark(here):
        found.append(None)
    return found


def _third(book: Book, mover: Mover, clear_of: frozenset[LinkId]) -> Placement | None:
    ground, number = book.ground, book.graph.link_number
    avoid, closures = ground.avoid, ground.closures
    want = replace(want_of(mover.service.order), window=mover.bound.stay)
    try:
        ground.avoid = frozenset(number[link] for link in book.dark_links | clear_of)
        ground.closures = ()
        with ground.calendar.without(mover.id):
            return placed(ground, want)
    finally:
        ground.avoid, ground.closures = avoid, closures
