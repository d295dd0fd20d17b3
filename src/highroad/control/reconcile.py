"""The loop's heart: what is wanted, what is, and the safe difference. Level-triggered: it remembers nothing.

    read the fabric -> `observe` (what time and the fabric changed, committed) -> `diff` -> apply -> read again

`observe` is the only place where a service's state follows the world; `diff` never lets the old and the new
together exceed a link, so a step that has no room yet waits until what is in its way is confirmed gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from highroad.control import (
    choreography,
    displace,
    healing,
    holds,
    incidents,
    maintain,
    repair,
    restore,
    rollback,
    safety,
    shedding,
    trial,
)
from highroad.control.book import NOTICED_WITHIN_S, Book, Draft
from highroad.control.order import let_go, path_of
from highroad.model.lifecycle import ENDED, Event, State
from highroad.model.network import LinkId
from highroad.model.policy import Policy
from highroad.model.service import PortId, Service, ServiceId
from highroad.ports import Change, Install, Observed, Replace, Sample, Withdraw

AT_ONCE = 200
"""So many windows open or close, and so many services are confirmed, in one look: then orders have their turn."""

BUSY = 64
"""So many while orders come in, which wait for some milliseconds then."""


def observe(
    draft: Draft,
    observed: Observed,
    sample: Sample | None,
    refusals: Mapping[ServiceId, str] | None = None,
    *,
    busy: bool = False,
) -> None:
    """Bring services, incidents and maintenances in line with the time and with what the fabric reports.

    `refusals` are the changes that it would not make when it was last asked; `busy` is whether orders come in.
    """
    draft.book.unfinished = False
    most = min(BUSY, AT_ONCE) if busy else AT_ONCE
    _windows(draft, most)
    incidents.failures(draft, observed)
    rollback.check(draft, observed, sample)
    _confirmations(draft, observed, most)
    choreography.go_on(draft)
    displace.go_on(draft)
    repair.mend(draft, observed, refusals or {})
    if rollback.give_way(draft):
        _confirmations(draft, observed, most)
        repair.mend(draft, observed, {})
    if displace.give_way(draft):
        repair.mend(draft, observed, {})
    displace.place_again(draft)
    shedding.shed(draft)
    safety.say_why(draft, observed)
    maintain.drains(draft)
    healing.by_routers(draft, observed)
    healing.heal(draft, observed, sample)
    healing.reprotect(draft, observed)
    shedding.back(draft, observed)
    if not healing.is_busy(draft, observed):
        repair.go_home(draft)
    incidents.close(draft)
    past = draft.book.readings
    if sample is not None and (not past or sample.at_s >= past[-1][0] + NOTICED_WITHIN_S):
        past.append((sample.at_s, sample.services))


def wanted(book: Book) -> dict[ServiceId, Policy]:
    """The policies that routers are to hold, all of them."""
    policies = ((service.id, book.policy(service)) for service in book.services.values())
    return {service: policy for service, policy in policies if policy is not None}


def diff(
    book: Book,
    have: Mapping[ServiceId, Policy] | None = None,
    *,
    most: int | None = None,
    later: Collection[ServiceId] = (),
) -> list[Change]:
    """The next step towards what is wanted: repairs, then what is planned, without what has no room yet.

    `have` is what routers hold, None for what the book knows of them. What is planned touches at most so many services,
    those that the fabric would not change before (`later`) last; none while changes are frozen; and but for a few, what
    moves waits for the counters of what was moved before; who waits for others to make room is not begun at all.
    Withdrawals come before other plans, but their room counts as free only once the fabric has confirmed it: so each
    step fits with old and new both present, whatever order they take effect in.
    """
    if have is not None:
        book.present.hold(have)
    held = book.present.held
    repairs: list[ServiceId] = []
    ended: list[ServiceId] = []
    planned: list[ServiceId] = []
    for name in book.present.differs:
        service = book.services.get(name)
        if service is not None and name in book.stands_back:
            repairs.append(name)
        elif service is None or book.policy(service) is None:
            ended.append(name)
        else:
            (repairs if safety.is_repair(book, service, held.get(name)) else planned).append(name)
    if book.home_left:
        # Who goes home goes when all were asked: a canary goes before them.
        planned = [name for name in planned if not _goes_home(book.services[name])]
    if book.rooms.waiting:
        planned = [name for name in planned if name not in book.rooms.waiting]
    if book.underway is not None and book.underway.making:
        planned = [name for name in planned if not book.on_the_way(name)]
    planned = [*ended, *planned]
    if not repairs and (not planned or book.freeze is not None):
        return []
    planned, quota = book.trials.quota(planned, book.wanted, held)
    planned.sort(key=lambda service: service in later)
    room = _Room(book)
    changes = [change for name in repairs if (change := room.change(name)) is not None]
    if book.freeze is not None:
        # What has ended waits like all that is planned, unless it is in the way of a repair.
        blocks = (one for one in ended if one in room.blocking or not held[one].links.isdisjoint(room.lacking))
        return [*changes, *(Withdraw(service=one) for one in blocks)]
    end = None if most is None else len(changes) + most
    for name in planned:
        if len(changes) == end:
            break
        change = room.change(name) if quota.admits(name) else None
        if change is not None:
            quota.take(name)
            changes.append(change)
    return changes


def _goes_home(service: Service) -> bool:
    return service.away and service.state is State.ACTIVE and bool(service.leaving)


class _Room:
    """What routers may hold once everything that was asked so far is made, in whatever order."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.lacking: set[LinkId] = set()
        """Links that had too little for what could not be made."""
        self.blocking: set[ServiceId] = set()
        """Services that routers still hold on an end that another one is to have."""
        self._more: dict[LinkId, int] = {}
        self._plugged: dict[tuple[PortId, int | None], ServiceId] = {}
        self._ports: dict[PortId, set[ServiceId]] = {}

    def change(self, name: ServiceId) -> Change | None:
        """What brings routers to what is wanted of a service; None where there is no room for it yet."""
        book = self._book
        service = book.services.get(name)
        policy = None if service is None else book.policy(service)
        if policy is None:
            return Withdraw(service=name)
        old = book.present.held.get(name)
        before: Mapping[LinkId, int] = {} if old is None else book.loads(old)
        more = {link: rate - before.get(link, 0) for link, rate in book.loads(policy).items()}
        capacity = book.ground.calendar.capacity
        short = {link for link, rate in more.items() if rate > 0 and self._load(link) + rate > capacity(link)}
        others = self._others(policy)
        if short or others:
            self.lacking |= short
            self.blocking |= others
            return None
        self._plug(policy)
        for link, rate in more.items():
            self._more[link] = self._more.get(link, 0) + max(0, rate)
        return Install(policy=policy) if old is None else Replace(policy=policy)

    def _load(self, link: LinkId) -> int:
        return self._book.present.load_mbps(link) + self._more.get(link, 0)

    def _plug(self, policy: Policy) -> None:
        for end in (policy.a, policy.b):
            if end is not None:
                self._plugged[end.port, end.vlan] = policy.service
                self._ports.setdefault(end.port, set()).add(policy.service)

    def _others(self, policy: Policy) -> set[ServiceId]:
        """Who has its tags now; a whole port is everybody's on it."""
        found: set[ServiceId] = set()
        for end in (policy.a, policy.b):
            if end is None:
                continue
            found.update(self._book.present.plugged(end.port, end.vlan))
            if end.vlan is None:
                found |= self._ports.get(end.port, set())
            else:
                soon = (self._plugged.get((end.port, tag)) for tag in (None, end.vlan))
                found.update(service for service in soon if service is not None)
        return found - {policy.service}


def next_boundary_s(book: Book, now_s: float) -> float | None:
    """When a window opens or closes next, a hold is over, or a maintenance begins or ends: till then the loop need not
    look unless it is told to.
    """
    times = (book.index.next_s(now_s), maintain.next_boundary_s(book, now_s), restore.next_s(book))
    return min((time for time in times if time is not None), default=None)


def _windows(draft: Draft, most: int) -> None:
    now, index = draft.now_s, draft.book.index
    due = index.due(now, most)
    draft.book.unfinished |= len(due) == most
    for service in map(draft.book.services.__getitem__, due):
        _window(draft, service)
        if draft.book.services.get(service.id) is service:
            index.wait(service, now)


def _window(draft: Draft, service: Service) -> None:
    now = draft.now_s
    if service.state in ENDED:
        if service.piece.until_s <= now:  # routers may still hold it; its room is somebody else's by right
            draft.book.ground.keep(replace(service, leaving=(), leaving_ends=()))
        return
    if service.state is State.HELD and holds.is_over(service, now):
        holds.expire(draft, service)
        return
    if service.piece.until_s <= now:
        service = _close_piece(draft, service)
    if service.state is State.RESERVED and service.piece.start_s <= now:
        draft.book.tried.pop(service.id, None)
        draft.move(service, Event.WINDOW_OPENS)


def _close_piece(draft: Draft, service: Service) -> Service:
    """End a service with its window; if a further piece is to come it rests until then, or goes on if that is now."""
    pieces, now = service.order.window.pieces, draft.now_s
    passed = service.passed
    while passed < len(pieces) and pieces[passed].until_s <= now:
        passed += 1
    if passed >= len(pieces):
        return _close_window(draft, service)
    after = replace(service, passed=passed, reason=None)
    if service.state in (State.RESERVED, State.HELD):
        missed = draft.put(after)
        draft.tell_of(missed, "window-missed")
        return missed
    if pieces[passed].start_s <= now or service.state is State.SUSPENDED:
        goes_on = draft.put(replace(after, reason=service.reason))
        if pieces[passed].start_s > pieces[passed - 1].until_s:
            # Nobody was there to pause it: routers went on with it from one window to another.
            draft.tell_of(goes_on, "carried-through", windows=passed - service.passed)
        return goes_on
    placement = service.placement
    rests = let_go(after)
    return draft.move(replace(rests, placement=placement), Event.WINDOW_PAUSES, "paused", until=pieces[passed].start_s)


def _close_window(draft: Draft, service: Service) -> Service:
    if service.state is State.ACTIVATING:
        reason = service.reason or "it could not be carried before its window closed"
        return draft.move(replace(let_go(service), reason=reason), Event.CANNOT_CARRY)
    if service.state is State.RESERVED:
        reason = "its whole window had passed before it could be activated"
        opened = draft.move(service, Event.WINDOW_OPENS)
        return draft.move(replace(let_go(opened), leaving=(), reason=reason), Event.CANNOT_CARRY)
    return draft.move(let_go(service), Event.WINDOW_CLOSES)


def _confirmations(draft: Draft, observed: Observed, most: int) -> None:
    """What routers hold is what is wanted: then what is left behind is free, and a new service is ACTIVE."""
    book, left = draft.book, most
    for name in dict.fromkeys((*book.index.leaving, *book.index.within([State.ACTIVATING]))):
        service = book.services[name]
        if book.trials.holds(name) or trial.is_short(service):
            continue
        if not book.confirmed(service, observed):
            continue
        if not left:
            book.unfinished = True
            break
        left -= service.placement is None or not book.dark(service.placement)  # else it stays as it is
        if service.leaving or service.leaving_ends:
            was = service.leaving[-1] if service.leaving else service.placement
            service = draft.put(replace(service, leaving=(), leaving_ends=(), leaves_by_s=None))
            book.changes += 1
            here = service.placement if service.wants_carrying else None
            if was is not None and here is not None and here.branches != was.branches:
                draft.tell_of(service, "rerouted", path=path_of(book, here), latency_ms=book.latency_ms(here))
        if service.state is State.ACTIVATING and service.placement and not book.dark(service.placement):
            book.openings += service.away  # carried, but perhaps not where it belongs
            service = draft.move(replace(service, reason=None), Event.CARRIED)
