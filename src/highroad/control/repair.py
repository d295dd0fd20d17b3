"""Keeps services where their promises are kept: away from what is dark, back inside their bounds, and home again.

A service that has nowhere to go stays where it is, DEGRADED, and says why; it never leaves its fence. It is tried
again whenever anything has changed. What is whole again is so when the fabric has confirmed it, not when we decided it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace

from highroad.control import choreography, reroute, shedding, trial
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.model.lifecycle import CARRYING, Event, State
from highroad.model.network import LinkId
from highroad.model.service import Placement, Protection, Service, ServiceId, Window
from highroad.ports import Observed

PROTECTED_AT_ONCE = 64
"""For so many a backup is looked for in one look: then routers are told, and whoever else fails has its turn."""

HOME_AT_ONCE = 16
"""So many are asked in one look whether they have a better path: with many backups to heed an answer takes a while."""

ON_BACKUP = "unprotected: a failure put it on its backup, and another is being looked for"
NO_BACKUP = "unprotected: no second way that shares no risk group with its path has room"


def mend(draft: Draft, observed: Observed, refusals: Mapping[ServiceId, str]) -> None:
    """Find a place, in order of need, for whatever is dark or slow; restore what is confirmed whole. Who is carried and
    has no backup is given one when routers have been told of those who are not carried, some in each look.

    A window that starts so far ahead that what is dark now is counted on is left alone until it is nearer.
    """
    book = draft.book
    broken = [
        service
        for service in map(book.services.__getitem__, book.index.broken)
        if not book.on_the_way(service.id) and service.piece.start_s < book.ground.mended_s
    ]
    spent: set[LinkId] = set()
    exposed: list[Service] = []
    moved = False
    for service in in_order_of_need(broken):
        if shedding.waits(book, service):
            continue
        if book.is_dark(service):
            before = service.placement
            to = _fail_over(draft, service)
            if to is None:
                _repair(draft, service)
            else:
                spent.update(to.links)
            moved |= book.services[service.id].placement != before
        elif book.is_slow(service):
            _quicken(draft, service)
        elif book.is_unprotected(service):
            exposed.append(service)
        elif trial.is_short(service):
            _widen(draft, service)
        elif book.confirmed(service, observed):
            book.openings += service.away  # whole, but perhaps not yet where it belongs
            draft.move(replace(service, reason=None), Event.PROMISE_KEPT, "restored")
    if spent:
        _take_spare(draft, spent)
    _protect_some(draft, exposed, 0 if moved else PROTECTED_AT_ONCE)
    for service_id, why in refusals.items():
        _refused(draft, observed, service_id, why)


def go_home(draft: Draft) -> None:
    """Send what failures and drains have moved to a faster path, if there is one, whenever links are in use again: one
    by one, then together those who stand in each other's place. Who goes makes room, so it is looked again until
    nobody does; then, if nothing is out of use and nobody is still moved, all forget that they are away. It waits while
    changes are frozen. In one look it is asked of a few, so that a repair never waits for it; routers are told when all
    were asked.
    """
    book = draft.book
    if book.freeze is not None:
        return
    if not book.home_left:
        if book.homed == book.openings:
            return
        ready = [
            one.id for one in in_order_of_need(map(book.services.__getitem__, book.index.away)) if _goes(book, one)
        ]
        seen = (book.openings, book.changes, len(ready))
        if seen == book.home_looked:
            return
        book.home_looked, book.home_left, book.home_moved = seen, ready, False
    asked, book.home_left = book.home_left[:HOME_AT_ONCE], book.home_left[HOME_AT_ONCE:]
    for name in asked:
        service = book.services.get(name)
        if service is not None and _goes(book, service):
            book.home_moved |= reroute.better(draft, service) is not None
    if book.home_left:
        book.unfinished = True
        return
    away = [book.services[one] for one in book.index.away]
    ready_now = [one for one in away if _goes(book, one)]
    if book.home_moved or any(one.leaving or book.on_the_way(one.id) for one in away):
        return
    if book.one_by_one != book.openings and choreography.home(draft, in_order_of_need(ready_now)):
        return
    book.homed = book.home_looked[0]
    all_in_use = not book.down and not book.waiting and not book.drained and not book.ground.closures
    waits = [one for one in away if one.home is not None or one.state in (State.ACTIVATING, State.DEGRADED)]
    if all_in_use and not waits:
        for service in ready_now:
            draft.put(replace(service, away=False))


def _goes(book: Book, service: Service) -> bool:
    return _may_go(service) and not service.leaving and not book.on_the_way(service.id)


def _may_go(service: Service) -> bool:
    """Whether a service is away, and is neither broken nor on a detour, from which it returns by itself."""
    return service.away and service.home is None and service.state in (State.ACTIVE, State.RESERVED)


def _repair(draft: Draft, service: Service) -> None:
    """Move a service that is dark to another path; to a slow one if nothing inside the bound is left."""
    book = draft.book
    if book.tried.get(service.id) == book.changes:
        return
    found = reroute.find(book, service)
    if found is None and service.order.protection is Protection.PATH and service.state in CARRYING:
        found = reroute.find(book, service, unprotected=True)
    slow = False
    if found is None and service.order.latency_bound_ms is not None and service.state in CARRYING:
        found = reroute.find(book, service, any_latency=True, unprotected=True)
        slow = found is not None
    if found is None and book.waiting and service.state in CARRYING:
        with book.trusting():
            found = reroute.find(book, service, unprotected=True)
            if found is None and service.order.latency_bound_ms is not None:
                found = reroute.find(book, service, any_latency=True, unprotected=True)
                slow = found is not None
    if found is not None:
        moved = reroute.move(draft, replace(service, away=True), found)
        if slow:
            _quicken(draft, moved)
        elif moved.reason is not None:
            waits = "dark: it is being moved to another path" if moved.state is State.DEGRADED else None
            draft.put(replace(moved, reason=waits))
        return
    book.tried[service.id] = book.changes
    book.nowhere.add(service.id)
    if shedding.stands_back(book, service):
        return  # it says so
    reason = f"dark: {_why_dark(book, service)}"
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=reason), Event.PROMISE_BROKEN)
    elif service.reason != reason:
        draft.put(replace(service, reason=reason))


def _fail_over(draft: Draft, service: Service) -> Placement | None:
    """Carry a service whose path is dark along its backup, for which there is room: nothing is searched. Returns
    where it goes, None if it cannot; its spare is spent then, and it is unprotected until there is another.
    """
    book, here = draft.book, service.placement
    if here is None or here.backup is None or service.state not in CARRYING or not book.covered(here):
        return None
    to = Placement(there=here.backup.there, back=here.backup.back, bandwidth_gbps=here.bandwidth_gbps)
    calendar = book.ground.calendar
    own = {claim.resource for claim in calendar.claims(service.id)}
    # What stands by does not count, and to set that aside takes long: mostly nothing else of its own is there.
    apart = own.isdisjoint(to.links) and not book.detours.of(service.id)
    with nullcontext() if apart else calendar.without(service.id):
        if not book.ground.spare_holds(to, service.stay):
            return None
    left = replace(here, backup=None)
    moved = replace(service, placement=to, leaving=(*service.leaving, left), away=True, reason=ON_BACKUP)
    if service.state is State.ACTIVE:
        draft.move(moved, Event.PROMISE_BROKEN)
    else:
        draft.put(moved)
    return to


def _take_spare(draft: Draft, spent: Iterable[LinkId]) -> None:
    """What failures have used is no spare any more: who counted on it, the least in need first, is unprotected."""
    book, always = draft.book, Window(start_s=-math.inf)
    calendar = book.ground.calendar
    for link in sorted(link for link in spent if calendar.free(link, always) < 0):
        counting = [service for service in book.over([link]) if _counts_on(service, link)]
        for one in reversed(in_order_of_need(counting)):
            now = book.services[one.id]
            if calendar.free(link, always) >= 0:
                break
            if now.placement is not None and now.placement.backup is not None:
                draft.put(replace(now, placement=replace(now.placement, backup=None)))


def _counts_on(service: Service, link: LinkId) -> bool:
    backup = service.placement.backup if service.placement is not None else None
    return backup is not None and link in (*backup.there, *backup.back)


def _protect_some(draft: Draft, exposed: list[Service], most: int) -> None:
    """Look for backups, for so many at most: those for which that was done longest ago first, in order of need."""
    book = draft.book
    for service in sorted(exposed, key=lambda one: book.tried.get(one.id, -1)):
        if book.tried.get(service.id) != book.changes:
            if not most:
                book.unfinished = True
                continue
            most -= 1
        _protect(draft, book.services[service.id])


def _protect(draft: Draft, service: Service) -> None:
    """Give a service that is carried another backup; another path too if there is none for the one that it has; or say
    that it has none.
    """
    book, here = draft.book, service.placement
    if book.tried.get(service.id) != book.changes:
        kept = None if here is None or here.beside else reroute.with_backup(book, service)
        if kept is not None and (kept.backup is None or _did_harm(book, service, kept)):
            kept = None
        found = kept or reroute.find(book, service)
        if found is not None and here is not None and not _did_harm(book, service, found):
            if found.branches == here.branches:
                draft.put(replace(service, placement=found))
            else:
                reroute.move(draft, replace(service, away=True), found)
            return
        book.tried[service.id] = book.changes
        if here is not None and here.backup is not None:
            # Nobody is to count on what is dark.
            service = draft.put(replace(service, placement=replace(here, backup=None)))
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=NO_BACKUP), Event.PROMISE_BROKEN)
    elif service.reason != NO_BACKUP:
        draft.put(replace(service, reason=NO_BACKUP))


def _did_harm(book: Book, service: Service, placement: Placement) -> bool:
    """Whether a path or its backup was found harmful."""
    backup = placement.backup
    instead = None if backup is None else replace(placement, there=backup.there, back=backup.back, backup=None)
    return any(book.trials.shuns(service.id, one) for one in (placement, instead))


def _quicken(draft: Draft, service: Service) -> None:
    """Bring a service that is over its bound back inside it, or say that it is slow."""
    book = draft.book
    if book.tried.get(service.id) != book.changes:
        found = reroute.find(book, service)
        if found is not None:
            reroute.move(draft, replace(service, away=True), found)
            return
        book.tried[service.id] = book.changes
    here = service.placement
    if here is None:
        return
    bound = service.order.latency_bound_ms
    reason = f"slow: {book.latency_ms(here):.3f} ms one way instead of at most {bound:g}"
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=reason), Event.PROMISE_BROKEN)
    elif service.reason != reason:
        draft.put(replace(service, reason=reason))


def _widen(draft: Draft, service: Service) -> None:
    """Look again for a place for the whole of a rate whose first one was found harmful, once changes go on."""
    book = draft.book
    if book.freeze is not None or book.tried.get(service.id) == book.changes:
        return
    found = reroute.find(book, service)
    if found is None:
        book.tried[service.id] = book.changes
    else:
        reroute.move(draft, service, found)


def _refused(draft: Draft, observed: Observed, service_id: ServiceId, why: str) -> None:
    """Say of a service what the fabric would not do for it; it is DEGRADED if what routers still hold is dark."""
    book = draft.book
    service = book.services.get(service_id)
    if service is None or book.confirmed(service, observed):
        return
    if service.state is State.ACTIVATING:
        reason = f"not carried yet: {why}"
        if service.reason != reason:
            draft.put(replace(service, reason=reason))
        return
    held = observed.policies.get(service_id)
    if service.state is State.ACTIVE and (held is None or book.dark_links & held.links):
        draft.move(replace(service, reason=f"dark: routers do not take its new path: {why}"), Event.PROMISE_BROKEN)


def _why_dark(book: Book, service: Service) -> str:
    for end in (service.order.a, service.order.b):
        site = book.ports[end.port].site if end.port in book.ports else None
        if site is not None and site in book.dead:
            return f"router {site} is cut off"
    limits = [
        f"{service.order.bandwidth_gbps:g} Gbit/s",
        *([f"the fence ({service.order.fence})"] if service.order.fence is not None else []),
    ]
    return f"no other way is left that has {' inside '.join(limits)}"
