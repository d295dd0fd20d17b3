"""Keeps services where their promises are kept: away from what is dark, back inside their bounds, and home again.

A service that has nowhere to go stays where it is, DEGRADED, and says why; it never leaves its fence. It is tried
again whenever anything has changed. What is whole again is so when the fabric has confirmed it, not when we decided it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from highroad.control import reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.model.lifecycle import CARRYING, HOLDING, Event, State
from highroad.model.network import LinkId
from highroad.model.service import Placement, Protection, Service, ServiceId, Window
from highroad.ports import Observed

ON_BACKUP = "unprotected: a failure put it on its backup, and another is being looked for"
NO_BACKUP = "unprotected: no second way that shares no risk group with its path has room"


def mend(draft: Draft, observed: Observed, refusals: Mapping[ServiceId, str]) -> None:
    """Find a place, in order of need, for whatever is dark or slow; restore what is confirmed whole.

    A window that starts so far ahead that what is dark now is counted on is left alone until it is nearer.
    """
    book = draft.book
    broken = [
        service
        for service in book.services.values()
        if service.state in HOLDING
        and service.order.window.start_s < book.ground.mended_s
        and (
            service.state is State.DEGRADED
            or _dark(book, service)
            or _slow(book, service)
            or _unprotected(book, service)
        )
    ]
    spent = False
    for service in in_order_of_need(broken):
        if _dark(book, service):
            if _fail_over(draft, service):
                spent = True
            else:
                _repair(draft, service)
        elif _slow(book, service):
            _quicken(draft, service)
        elif _unprotected(book, service):
            _protect(draft, service)
        elif book.confirmed(service, observed):
            book.openings += service.away  # whole, but perhaps not yet where it belongs
            draft.move(replace(service, reason=None), Event.PROMISE_KEPT, "restored")
    if spent:
        _take_spare(draft)
    for service_id, why in refusals.items():
        _refused(draft, observed, service_id, why)


def go_home(draft: Draft) -> None:
    """Send what failures and drains have moved to a faster path, if there is one, whenever links are in use again;
    forget that it is away when nothing is out of use any more. It waits while changes are frozen.
    """
    book = draft.book
    if book.homed == book.openings or book.freeze is not None:
        return
    away = [one for one in book.services.values() if one.away and one.state in (State.ACTIVE, State.RESERVED)]
    ready = [service for service in away if not service.leaving]
    all_in_use = not book.down and not book.drained
    for service in in_order_of_need(ready):
        moved = reroute.better(draft, service)
        if all_in_use:
            draft.put(replace(moved or service, away=False))
    if len(ready) == len(away):
        book.homed = book.openings


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
    if found is not None:
        moved = reroute.move(draft, replace(service, away=True), found)
        if slow:
            _quicken(draft, moved)
        elif moved.reason is not None:
            waits = "dark: it is being moved to another path" if moved.state is State.DEGRADED else None
            draft.put(replace(moved, reason=waits))
        return
    book.tried[service.id] = book.changes
    reason = f"dark: {_why_dark(service)}"
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=reason), Event.PROMISE_BROKEN)
    elif service.reason != reason:
        draft.put(replace(service, reason=reason))


def _fail_over(draft: Draft, service: Service) -> bool:
    """Carry a service whose path is dark along its backup, for which there is room: nothing is searched. Returns
    whether it could be; its spare is spent then, and it is unprotected until there is another.
    """
    book, here = draft.book, service.placement
    if here is None or here.backup is None or service.state not in CARRYING or not book.covered(here):
        return False
    to = Placement(there=here.backup.there, back=here.backup.back, bandwidth_gbps=here.bandwidth_gbps)
    with book.ground.calendar.without(service.id):
        if not book.ground.spare_holds(to, service.order.window):
            return False
    left = replace(here, backup=None)
    moved = replace(service, placement=to, leaving=(*service.leaving, left), away=True, reason=ON_BACKUP)
    if service.state is State.ACTIVE:
        draft.move(moved, Event.PROMISE_BROKEN)
    else:
        draft.put(moved)
    return True


def _take_spare(draft: Draft) -> None:
    """What failures have used is no spare any more: who counted on it, the least in need first, is unprotected."""
    book, always = draft.book, Window(start_s=-math.inf)
    calendar = book.ground.calendar
    counting: dict[LinkId, list[Service]] = {LinkId(name): [] for name, _ in calendar.oversold()}
    for service in book.services.values() if counting else ():
        backup = service.placement.backup if service.placement is not None else None
        for link in () if backup is None else {*backup.there, *backup.back} & counting.keys():
            counting[link].append(service)
    for link, services in counting.items():
        for one in reversed(in_order_of_need(services)):
            now = book.services[one.id]
            if calendar.free(link, always) >= 0:
                break
            if now.placement is not None and now.placement.backup is not None:
                draft.put(replace(now, placement=replace(now.placement, backup=None)))


def _protect(draft: Draft, service: Service) -> None:
    """Give a service that is carried another backup, and another path if that takes one; or say that it has none."""
    book, here = draft.book, service.placement
    if book.tried.get(service.id) != book.changes:
        found = reroute.find(book, service)
        if found is not None and here is not None:
            if found.branches == here.branches:
                draft.put(replace(service, placement=found))
            else:
                reroute.move(draft, service, found)
            return
        book.tried[service.id] = book.changes
        if here is not None and here.backup is not None:
            # Nobody is to count on what is dark.
            service = draft.put(replace(service, placement=replace(here, backup=None)))
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=NO_BACKUP), Event.PROMISE_BROKEN)
    elif service.reason != NO_BACKUP:
        draft.put(replace(service, reason=NO_BACKUP))


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


def _why_dark(service: Service) -> str:
    limits = [
        f"{service.order.bandwidth_gbps:g} Gbit/s",
        *([f"the fence ({service.order.fence})"] if service.order.fence is not None else []),
    ]
    return f"no other way is left that has {' inside '.join(limits)}"


def _dark(book: Book, service: Service) -> bool:
    return service.placement is None or book.dark(service.placement)


def _unprotected(book: Book, service: Service) -> bool:
    """Whether a service that is to survive a failure would not survive one now."""
    here = service.placement
    return service.order.protection is Protection.PATH and here is not None and not book.covered(here)


def _slow(book: Book, service: Service) -> bool:
    bound = service.order.latency_bound_ms
    return bound is not None and service.placement is not None and book.latency_ms(service.placement) > bound
