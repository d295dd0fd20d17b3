"""Room for what nothing has room for: a place for it together with a few moves of others, all of which fits at the end.

Admission puts each order on what is free and never touches anybody. Here a want that it has no place for is given one
over links that are full, if those that fill them find another place: inside their own bound, fence and protection, for
all of their own time. It is a search by augmenting displacement, as in a matching:

    way      the cheapest way where a full link costs what a detour of `MOVE_NS` does, for each direction that is full
    clear    on each full link of it, who frees enough moves away; each takes the cheapest place that is left to it, or,
             one level deeper, has others move for it in turn
    shut     a link that cannot be cleared is shut, and the next way is looked for

Everything is tried on the calendar itself, which is as it was afterwards: so that windows, shared reserve and closures
count as they do in admission. The work is bounded by searches and not by a clock: a question always has one answer.

What is found has an order of steps without harm, and more than that: whatever order routers take the moves in, none of
them ever waits in a circle (`in_any_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from highroad.graph.cheapest import UNUSABLE, Prices, cheapest_path, stretched_ns
from highroad.graph.disjoint import Ask, Groups, disjoint_pair
from highroad.model.lifecycle import CARRYING, State
from highroad.model.network import LinkId
from highroad.model.service import Backup, Order, Placement, Service, ServiceId
from highroad.model.window import STOOD_PIECES, Window
from highroad.planning.find import find
from highroad.planning.ground import Ground, claims_of, standbys_of
from highroad.planning.placement import Room, Want, latency_ms, want_of
from highroad.planning.price import room_price_ns
from highroad.planning.protection import backup_for

MOVE_NS = 10_000_000
"""What one direction of a full link costs a way: as much as a detour of 10 ms."""

EFFORT = 250
"""Labels that the search for a way takes."""

PAIR = 3
"""For so many searches one for a pair of ways counts."""

ORDER = "room:the order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is tried for one order, and how many services it may move."""

    moves: int = 4
    searches: int = 20
    """Places that are looked for, of the order and of others, in all; one with a backup counts for `PAIR`."""
    ways: int = 6
    """Ways of the order that are tried at each depth."""
    deeper: int = 2
    """Ways of one that moves, on which others move for it in turn."""
    each: int = 6
    """Services that are tried on one full link."""
    depth: int = 2
    """1: who moves goes where there is room. 2: others may move for it in turn."""


USUAL = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """Who may be moved: those on a link that may, whether one may go to a placement, and who is on the move already
    (`leaving` something that is nobody's by right any more).
    """

    over: Callable[[LinkId], Iterable[Service]]
    takes: Callable[[Service, Placement], bool] = lambda service, to: True
    moving: Sequence[Service] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A place for the order, and where others go for it."""

    placement: Placement
    moves: Mapping[ServiceId, Placement]


@dataclass(slots=True)
class Effort:
    """What was spent, for who counts it."""

    searches: int = 0


def movable(service: Service) -> bool:
    """Whether a service is whole, has one place, which it neither leaves nor goes home from, and one window."""
    return (
        service.state in (State.ACTIVE, State.RESERVED)
        and service.placement is not None
        and service.stays
        and not service.order.window.pieces
        and service.placement.bandwidth_gbps == service.order.bandwidth_gbps
        and (service.state is State.ACTIVE or service.reason is None)
    )


def make_room(
    ground: Ground, order: Order, others: Others, limits: Limits = USUAL, effort: Effort | None = None
) -> Made | None:
    """A place for an order that `find` has none for, with the moves that make room for it; None where none was found.

    Its ports have to have room, and its window not too many pieces. The calendar is left as it was found.
    """
    if len(order.window.pieces) > STOOD_PIECES or not ground.port_room(order):
        return None
    search = _Search(ground, others, limits, effort or Effort())
    for depth in range(1, limits.depth + 1):
        try:
            made = search.seat_order(order, depth)
        finally:
            search.undo(0)
            ground.calendar.keep(ORDER, ())
        if made is not None or search.spent:
            return made
    return None


def in_any_order(ground: Ground, moved: Sequence[tuple[Service, Placement]], moving: Sequence[Service] = ()) -> bool:
    """Whether moves, and those that are under way, never wait for each other in a circle, whatever is made first.

    The calendar holds everybody where it will be. A move waits on a link that it comes to where what others still hold
    there, who go, has no room beside all that is to be there. Where no circle of such waits is, some move can always
    be made next: all that it could wait for has gone.
    """
    graph: dict[str, set[str]] = {}
    comes: list[tuple[str, list[LinkId], Window]] = []
    left: dict[LinkId, dict[str, int]] = {}
    goes = [(one, to, (one.placement,)) for one, to in moved if one.state in CARRYING and one.placement is not None]
    under_way = [(one, one.placement, one.leaving) for one in moving if one.placement is not None]
    for service, to, was in (*goes, *under_way):
        new, old = to.load_mbps(), dict[LinkId, int]()
        for one in was:
            for link, rate in one.load_mbps().items():
                old[link] = max(rate, old.get(link, 0))
        for link, rate in old.items():
            if rate > new.get(link, 0):
                left.setdefault(link, {})[service.id] = rate - new.get(link, 0)
        comes.append((service.id, [link for link, rate in new.items() if rate > old.get(link, 0)], service.stay))
    for name, links, stay in comes:
        for link in links:
            if link in left and ground.calendar.free(link, stay) < sum(left[link].values()):
                graph.setdefault(name, set()).update(one for one in left[link] if one != name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return False
    return True


@dataclass(slots=True)
class _Moved:
    """A service that is set aside, and what brings it back; where it is kept meanwhile."""

    service: Service
    back: ExitStack
    to: Placement


@dataclass(slots=True)
class _Search:
    """One order's search. Whoever is moved is out of the calendar, and kept under another name where it would go."""

    ground: Ground
    others: Others
    limits: Limits
    effort: Effort
    moved: list[_Moved] = field(default_factory=list)
    busy: set[ServiceId] = field(default_factory=set)
    """Those that are moved, or for whom a place is being looked for."""
    on: dict[LinkId, list[Service]] = field(default_factory=dict)
    """Who is on a link and may be moved, as far as that was asked."""
    stuck: set[tuple[ServiceId, LinkId, int]] = field(default_factory=set)
    """Who could not leave a link, and how deep that was looked for: another way of the order seldom helps."""

    @property
    def spent(self) -> bool:
        return self.effort.searches >= self.limits.searches

    def seat_order(self, order: Order, depth: int) -> Made | None:
        """A place for the order, which is kept in the calendar with the moves when it is found."""
        want = want_of(order)
        room, shut = Room(self.ground, want), set[LinkId]()
        for _ in range(self.limits.ways):
            placement = self._open_way(room, shut)
            if placement is None:
                return None
            self._keep(ORDER, _as_service(order, placement))
            over = self._over(_links(placement), want.window)
            failed = self._clear(want.window, placement, depth)
            made = None if failed is not None else self._made(placement, want.window)
            if made is not None:
                return made
            self.undo(0)
            self.ground.calendar.keep(ORDER, ())
            shut.add(failed or max(over, key=lambda link: (over[link], link)))
        return None

    def _made(self, placement: Placement, window: Window) -> Made | None:
        """Without the moves that it can do without; None where they would wait for each other in a circle."""
        for one in list(self.moved):
            if len(self.moved) > 1 and self._is_needless(one, placement, window):
                self.moved.remove(one)
        moves = [(one.service, one.to) for one in self.moved]
        if not in_any_order(self.ground, moves, self.others.moving):
            return None
        return Made(placement=placement, moves={one.id: to for one, to in moves})

    def _is_needless(self, one: _Moved, placement: Placement, window: Window) -> bool:
        """Whether everything has room with one where it was; then it is there again."""
        self.ground.calendar.keep(_name(one.service), ())
        one.back.close()
        needed = any(self._over(links, when) for links, when in self._held(one, placement, window))
        if needed:
            one.back = self._aside(one.service)
            self._keep(_name(one.service), _at(one.service, one.to))
        else:
            self.busy.discard(one.service.id)
        return not needed

    def _held(self, one: _Moved, placement: Placement, window: Window) -> Iterator[tuple[list[LinkId], Window]]:
        here = one.service.placement
        yield _links(placement), window
        yield ([] if here is None else _links(here)), one.service.stay
        for other in self.moved:
            if other is not one:
                yield _links(other.to), other.service.stay

    def _open_way(self, room: Room, shut: Collection[LinkId]) -> Placement | None:
        if self.spent:
            return None
        self.effort.searches += 1
        return _open_way(room, frozenset(self.ground.graph.link_number[link] for link in shut))

    def _clear(self, window: Window, placement: Placement, depth: int) -> LinkId | None:
        """Move others off the links of a placement, which is kept, until it has room; a link where that failed, if any.

        The link that lacks most goes first: where it cannot be cleared nothing else was tried in vain.
        """
        links = _links(placement)
        while over := self._over(links, window):
            worst = max(over, key=lambda link: (over[link], link))
            if not self._move_one(worst, over, window, depth):
                return worst
        return None

    def _over(self, links: Iterable[LinkId], window: Window) -> dict[LinkId, int]:
        """Of some links those that are needed above their capacity, and by how much at worst, Mbit/s."""
        free = ((link, self.ground.calendar.free(link, window)) for link in links)
        return {link: -rate for link, rate in free if rate < 0}

    def _move_one(self, link: LinkId, over: Mapping[LinkId, int], window: Window, depth: int) -> bool:
        """Have one service leave a link at the time when it is fullest."""
        at_s = self.ground.calendar.peak(link, window).at_s
        tried = 0
        for service in self._candidates(link, over, at_s):
            if self.spent or len(self.moved) >= self.limits.moves or tried == self.limits.each:
                return False
            if (service.id, link, depth) in self.stuck:
                continue
            tried += 1
            if self._move(service, depth, looked=(service.id, link, depth - 1) in self.stuck):
                return True
            self.stuck.add((service.id, link, depth))
        return False

    def _candidates(self, link: LinkId, over: Mapping[LinkId, int], at_s: float) -> list[Service]:
        """Who is on a link at an instant and may move: first who frees enough there, of those who frees most of the
        others too, who is not carried yet, and who is smallest; then the largest of those who do not suffice.
        """
        short = over[link]
        found: list[tuple[tuple[float, ...], ServiceId, Service]] = []
        if link not in self.on:
            self.on[link] = list(self.others.over(link))
        for service in self.on[link]:
            here = service.placement
            if here is None or service.id in self.busy:
                continue
            window = service.order.window
            if window.until_s <= at_s or (service.state not in CARRYING and window.start_s > at_s):
                continue
            load = here.load_mbps()
            backs_up = link not in load
            rate = round(here.bandwidth_gbps * 1000) if backs_up else load[link]
            covers = sum(1 for one in over if load.get(one, 0) >= over[one])
            suffices = rate >= short
            key = (
                not suffices,
                -covers,
                service.state in CARRYING and not backs_up,
                here.backup is not None,
                rate if suffices else -rate,
            )
            found.append((key, service.id, service))
        found.sort(key=lambda one: one[:2])
        return [service for _, _, service in found]

    def _move(self, service: Service, depth: int, *, looked: bool) -> bool:
        """Have a service go elsewhere, with others moving for it in turn where that is deep enough; `looked` is whether
        it is known that without those there is nowhere.
        """
        mark = len(self.moved)
        want = _want_of(self.ground, service)
        looked = want.protected or (looked and depth > 1)
        to = None if looked else self._beside_itself(service, want)
        if to is None and not want.protected and depth < 2:
            return False
        self.busy.add(service.id)
        back = self._aside(service)
        if to is None:
            to = self._seat(service, want, depth - 1)
        if to is None or not self.others.takes(service, to) or len(self.moved) >= self.limits.moves:
            self.undo(mark)
            self.ground.calendar.keep(_name(service), ())
            back.close()
            self.busy.discard(service.id)
            return False
        self._keep(_name(service), _at(service, to))
        self.moved.append(_Moved(service, back, to))
        return True

    def _beside_itself(self, service: Service, want: Want) -> Placement | None:
        """A place for a service that is not set aside, which takes longer than to look: where it is it holds as much
        throughout its stay, so that without it just that would be free besides.
        """
        here = service.placement
        if here is None:
            return None
        self.effort.searches += 1
        room, numbers = Room(self.ground, want), self.ground.graph.link_number
        own = ((numbers[link], rate) for link, rate in here.load_mbps().items())
        room.taken = {number: -rate for number, rate in own if room.allows(number)}
        return find(self.ground, want, room)

    def _seat(self, service: Service, want: Want, depth: int) -> Placement | None:
        """A place for a service that is set aside; of one that is not protected it is known that nothing has room."""
        if want.protected:
            self.effort.searches += PAIR
            found = self._other_backup(service, want) or find(self.ground, want)
            if found is not None:
                return found
        if depth < 1:
            return None
        mark = len(self.moved)
        room, shut = Room(self.ground, want), set[LinkId]()
        for _ in range(self.limits.deeper):
            placement = self._open_way(room, shut)
            if placement is None:
                return None
            self._keep(_name(service), _at(service, placement))
            failed = self._clear(want.window, placement, depth)
            if failed is None:
                return placement
            self.undo(mark)
            self.ground.calendar.keep(_name(service), ())
            shut.add(failed)
        return None

    def _other_backup(self, service: Service, want: Want) -> Placement | None:
        """Where it is, if its place still has room for it, with another backup: nothing that it sends is moved."""
        here = service.placement
        if here is None or here.backup is None:
            return None
        bare = replace(here, backup=None)
        if not self.ground.room(bare, want.window):
            return None
        return backup_for(self.ground, want, here)

    def _aside(self, service: Service) -> ExitStack:
        back = ExitStack()
        back.enter_context(self.ground.calendar.without(service.id, alone=True))
        return back

    def _keep(self, name: str, service: Service) -> None:
        self.ground.calendar.keep(name, claims_of(service), standbys_of(service, self.ground))

    def undo(self, mark: int) -> None:
        """Bring back everybody who was moved since there were so many."""
        while len(self.moved) > mark:
            one = self.moved.pop()
            self.ground.calendar.keep(_name(one.service), ())
            one.back.close()
            self.busy.discard(one.service.id)


def _want_of(ground: Ground, service: Service) -> Want:
    """What a place for a service has to satisfy for the rest of its stay. One without a bound is sent no further than
    an order is that has none, with nothing in its way; or than it is now.
    """
    want = replace(want_of(service.order), window=service.stay)
    if want.bound_ms is not None or service.placement is None:
        return want
    number = ground.graph.number
    least_ns = max(
        ground.graph.toward(number[end])[number[other]] for end, other in ((want.a, want.b), (want.b, want.a))
    )
    return replace(want, bound_ms=max(stretched_ns(least_ns) / 1e6, latency_ms(ground, service.placement)))


def _name(service: Service) -> str:
    return f"room:{service.id}"


def _at(service: Service, to: Placement) -> Service:
    return replace(service, placement=to)


def _as_service(order: Order, placement: Placement) -> Service:
    return Service(
        id=ServiceId(ORDER),
        version=0,
        state=State.RESERVED,
        order=order,
        created_s=0.0,
        changed_s=0.0,
        placement=placement,
    )


def _links(placement: Placement) -> list[LinkId]:
    backup = placement.backup
    stands = () if backup is None else (*backup.there, *backup.back)
    return list(dict.fromkeys((*placement.links, *stands)))


def _open_way(room: Room, closed: frozenset[int]) -> Placement | None:
    """The cheapest place for a want, room or no room, but for links that are closed: over the same fibres both ways
    where that can be, since who is on one direction of a fibre mostly is on the other.
    """
    ground, want = room.ground, room.want
    rate = want.rate_mbps or 0
    if want.protected:
        return _open_pair(room, rate, closed)
    graph, opposite = ground.graph, ground.graph.opposite
    single = Prices(lambda number: _price(room, number, rate, closed), lambda number: _may(room, number, rate, closed))

    def both(number: int) -> int:
        here, other = single[number], opposite[number]
        there = 0 if other < 0 else single[other]
        return UNUSABLE if here < 0 or there < 0 else here + there

    there = cheapest_path(graph, want.a, want.b, Prices(both, single.may), bound_ns=want.bound_ns, effort=EFFORT)
    if there is None or any(single[graph.link_number[link]] < 0 for link in there):
        return None
    back = graph.turned(there)
    numbers = frozenset(graph.link_number[link] for link in there)
    if (
        back is None
        or any(single[graph.link_number[link]] < 0 for link in back)
        or _too_long(graph.latency_ms(back), want)
    ):
        back = cheapest_path(graph, want.b, want.a, single, bound_ns=want.bound_ns, barred=numbers, effort=EFFORT)
    if back is None:
        return None
    return Placement(there=there, back=back, bandwidth_gbps=want.bandwidth_gbps or 0.0)


def _too_long(latency_ms: float, want: Want) -> bool:
    return want.bound_ns is not None and latency_ms * 1e6 > want.bound_ns + 0.5


def _open_pair(room: Room, rate: int, closed: frozenset[int]) -> Placement | None:
    ground, want = room.ground, room.want

    def standby(groups: Groups, own: frozenset[int]) -> Prices:
        def price(number: int) -> int:
            if number in closed or not _may(room, number, rate, closed):
                return UNUSABLE
            latency = ground.graph.latency_ns[number]
            return latency if number in own or room.stands(number, rate, groups) else latency + MOVE_NS

        return Prices(price, lambda number: _may(room, number, rate, closed))

    pair = disjoint_pair(
        Ask(
            graph=ground.graph,
            risks=ground.risks,
            a=want.a,
            b=want.b,
            primary=Prices(
                lambda number: _price(room, number, rate, closed), lambda number: _may(room, number, rate, closed)
            ),
            backup=standby,
            bound_ns=want.bound_ns,
            full=lambda number: not _may(room, number, rate, closed),
        )
    )
    if pair is None:
        return None
    return Placement(
        there=pair.primary.there,
        back=pair.primary.back,
        bandwidth_gbps=want.bandwidth_gbps or 0.0,
        backup=Backup(there=pair.backup.there, back=pair.backup.back),
    )


def _may(room: Room, number: int, rate: int, closed: frozenset[int]) -> bool:
    """Whether a link could have room, whoever is on it."""
    return number not in closed and room.allows(number) and room.ground.capacity_mbps[number] >= rate


def _price(room: Room, number: int, rate: int, closed: frozenset[int]) -> int:
    if not _may(room, number, rate, closed):
        return UNUSABLE
    latency, capacity = room.ground.graph.latency_ns[number], room.ground.capacity_mbps[number]
    left = room.free(number) - rate
    if left >= 0:
        return room_price_ns(latency, 1 - left / capacity)
    return room_price_ns(latency, 1.0) + MOVE_NS - MOVE_NS * (left + rate) // (2 * rate or 1)
