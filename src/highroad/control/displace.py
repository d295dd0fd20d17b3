"""Lets an order in that nothing has room for, by moving others out of its way; what it may touch, and in what order.

    `seek`: may others be moved now, and is there a way -> `begin`: the moves, in the commit of the order
    -> routers take the moves, and counters are checked -> `go_on`: now the new service may be told to routers

The yes is firm with its commit: who is moved keeps no right to where it was (`Service.gave_way`), so the calendar holds
the new service from then on. On routers it comes last: `reconcile.diff` installs nothing before it fits beside what
they still hold, and the new one not before those who made room for it are found to be carried as before. Until then it
is the first to step back: where one of them has to go back, or loses its new place, the new one gives its own up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from highroad.control.book import Book, Draft
from highroad.control.reroute import path_of
from highroad.control.rooms import WAITS
from highroad.model.lifecycle import CARRYING, ENDED, State
from highroad.model.network import LinkId
from highroad.model.plan import Optimising
from highroad.model.service import Order, Placement, Service, ServiceId
from highroad.planning.room import USUAL, Effort, Made, Others, make_room, movable

MOST_ON_THE_WAY = 64
"""While routers have more than so many moves to confirm, nobody else is moved to make room."""

LEAST_SEARCHES = 8
"""With fewer nothing is begun."""

NOT_CARRIED = (State.RESERVED, State.ACTIVATING)

LOST = "not carried: what was to make room for it had to stay"


def seek(book: Book, order: Order, *, exact: bool, now_s: float | None = None) -> Made | None:
    """Room for an order that is refused otherwise, if others may be moved for it; `exact` is whether it is an
    operator's. With a time what is searched is taken from what may be; without one nothing is decided.
    """
    if not may_begin(book, operator=exact):
        return None
    limits = USUAL
    if now_s is not None:
        left = book.rooms.searches(now_s)
        if left < LEAST_SEARCHES:
            return None
        limits = replace(USUAL, searches=min(left, USUAL.searches))
    effort = Effort()
    try:
        return make_room(book.ground, order, _others(book), limits, effort)
    finally:
        if now_s is not None:
            book.rooms.spend(effort.searches)


def may_begin(book: Book, *, operator: bool) -> bool:
    """Whether an order may have others moved now: not while changes are frozen or being made, or anything is dark.

    Where the optimiser asks before it moves anybody, an operator's order is its yes.
    """
    if book.optimising is Optimising.OFF or (book.optimising is Optimising.ASK and not operator):
        return False
    if book.freeze is not None or book.underway is not None or book.unhealed:
        return False
    if len(book.index.leaving) > MOST_ON_THE_WAY:
        return False
    broken = (book.services[one] for one in book.index.broken)
    return not any(one.state in CARRYING and book.is_dark(one) for one in broken)


def _others(book: Book) -> Others:
    def over(link: LinkId) -> Iterator[Service]:
        services = map(book.services.__getitem__, book.index.over([link]))
        return (one for one in services if _may_move(book, one))

    leaving = map(book.services.__getitem__, book.index.leaving)
    return Others(
        over=over,
        takes=lambda service, to: not _did_harm(book, service, to),
        moving=[one for one in leaving if one.gave_way],
    )


def _may_move(book: Book, service: Service) -> bool:
    """Whether nobody else has to do with where a service is: no repair, drain, incident, trial or other order."""
    name = service.id
    return (
        movable(service)
        and name not in book.rooms.waiting
        and name not in book.stands_back
        and name not in book.yielding
        and name not in book.index.broken
        and not book.trials.holds(name)
        and not book.detours.of(name)
    )


def _did_harm(book: Book, service: Service, to: Placement) -> bool:
    backup = to.backup
    instead = None if backup is None else replace(to, there=backup.there, back=backup.back, backup=None)
    return any(book.trials.shuns(service.id, one) for one in (to, instead))


# --- making it --------------------------------------------------------------------------------------------------


def begin(draft: Draft, service: ServiceId, moves: Mapping[ServiceId, Placement]) -> bool:
    """Move others for a service that is about to be put. Returns whether it has to wait for routers to take that."""
    book = draft.book
    told, waits = [], []
    for name, to in moves.items():
        one = book.services[name]
        here = one.placement
        if here is None:
            raise ValueError(f"{name} has no place to move from")
        told.append(_told(book, one, here, to))
        if to.branches == here.branches:
            draft.put(replace(one, placement=to))
            continue
        if one.state not in CARRYING:
            moved = draft.put(replace(one, placement=to))
            draft.tell_of(moved, "rerouted", path=path_of(book, to), latency_ms=book.latency_ms(to))
            continue
        draft.put(replace(one, placement=to, leaving=(*one.leaving, here), leaves_by_s=one.order.window.start_s))
        waits.append(name)
    draft.tell("highroad.room.made", service, text=_said(told), moves=told)
    if waits:
        book.rooms.waiting[service] = tuple(waits)
    return bool(waits)


def _told(book: Book, service: Service, here: Placement, to: Placement) -> dict[str, object]:
    return {
        "service": service.id,
        "tenant": service.tenant,
        "from": path_of(book, here),
        "to": path_of(book, to),
        "was_ms": book.latency_ms(here),
        "latency_ms": book.latency_ms(to),
    }


def _said(told: list[dict[str, object]]) -> str:
    return f"{', '.join(str(one['service']) for one in told)} {'moves' if len(told) == 1 else 'move'} to make room"


def effects(book: Book, moves: Mapping[ServiceId, Placement], *, exact: bool) -> list[str]:
    """What making room does, in words: to whom for an operator, and for a tenant that it does."""
    if not moves:
        return []
    if not exact:
        return ["others are moved to make room for it, and it is carried once they are: no packet of theirs is lost"]
    said = []
    for name, to in moves.items():
        here = book.services[name].placement
        if here is None:
            continue
        if here.branches == to.branches:
            said.append(f"{name} is backed up over another way")
            continue
        ways = [" → ".join(path_of(book, one)) for one in (here, to)]
        times = f"{book.latency_ms(to):.3f} ms instead of {book.latency_ms(here):.3f}"
        said.append(f"{name} moves from {ways[0]} to {ways[1]}, {times}, to make room for it")
    return said


# --- until it is carried ----------------------------------------------------------------------------------------


def go_on(draft: Draft) -> None:
    """Let those be told to routers for whom all have made room."""
    book = draft.book
    for name, others in list(book.rooms.waiting.items()):
        service = book.services.get(name)
        left = [one for one in others if (known := book.services.get(one)) is not None and _is_on_its_way(book, known)]
        if left and service is not None and service.state not in ENDED:
            continue
        del book.rooms.waiting[name]
        if service is not None and service.reason == WAITS:
            draft.put(replace(service, reason=None))


def _is_on_its_way(book: Book, service: Service) -> bool:
    return bool(service.leaving) or _is_dark(book, service)


def _is_dark(book: Book, service: Service) -> bool:
    return service.state in CARRYING and book.is_dark(service)


def give_way(draft: Draft) -> bool:
    """Take the place back from whom others make room for, if one of them has none. Returns whether anybody gave way."""
    book = draft.book
    hurt = [
        one
        for others in book.rooms.waiting.values()
        for one in others
        if (known := book.services.get(one)) is not None and _is_dark(book, known)
    ]
    gave_up = [give_up_for(draft, one) for one in dict.fromkeys(hurt)]
    return any(gave_up)


def place_again(draft: Draft) -> None:
    """Look for room for those who have their yes, lost their place, and were never carried in it: as if they came anew.

    Once for all that may have changed since; what they were told holds, whoever asks for what from now on.
    """
    book = draft.book
    for name in list(book.index.broken):
        service = book.services[name]
        if service.placement is not None or service.leaving or service.state not in NOT_CARRIED:
            continue
        nothing_new = book.rooms.tried.get(name) == book.changes
        if nothing_new or book.tried.get(name) != book.changes:
            continue
        if not may_begin(book, operator=True):
            return
        book.rooms.tried[name] = book.changes
        with book.ground.calendar.without(name, alone=True):
            made = seek(book, replace(service.order, window=service.window), exact=True, now_s=draft.now_s)
        if made is not None:
            waits = begin(draft, name, made.moves)
            draft.put(replace(service, placement=made.placement, reason=WAITS if waits else None))
    for name in [one for one in book.rooms.tried if one not in book.index.broken]:
        del book.rooms.tried[name]


def give_up_for(draft: Draft, service: ServiceId) -> bool:
    """Have those give their place up for whom a service made room and who are not carried yet; they look for another
    one when it has found its own. Returns whether there were any.
    """
    book = draft.book
    found = False
    for name, others in list(book.rooms.waiting.items()):
        one = book.services.get(name)
        if service not in others or one is None or one.state not in NOT_CARRIED:
            continue
        del book.rooms.waiting[name]
        draft.put(replace(one, placement=None, reason=LOST))
        draft.tell("highroad.room.lost", name, text=f"{name} has no place yet: {service} could not make room for it")
        book.changes += 1
        book.tried[name] = book.changes
        found = True
    return found
