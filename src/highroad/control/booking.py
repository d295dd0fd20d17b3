"""What a booked maintenance keeps in the calendar: for each service in its way a detour for just that time.

It is found when the maintenance is booked, so that nobody else can take its room, and anew when the service changes.
A service without one is stuck, which is said, and is looked at again whenever something has changed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from highroad.control import choreography, reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.rearrange import joins
from highroad.control.together import Mover
from highroad.model.incident import Detour, Maintenance
from highroad.model.lifecycle import HOLDING
from highroad.model.network import LinkId
from highroad.model.service import Home, Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.closure import Heed, closed
from highroad.planning.placement import keeps


def crosses(service: Service, links: frozenset[LinkId], maintenance: Maintenance) -> bool:
    """Whether a service is carried, or backed up, over links that a maintenance closes, when it closes them."""
    if service.placement is None or service.state not in HOLDING:
        return False
    if maintenance.start_s is None and maintenance.end_s is None:
        return over(service.placement, links)
    if not service.window.meets(maintenance.window):
        return False
    home = service.home
    if home is not None and over(home.placement, links) and home.at_s < maintenance.window.until_s:
        return maintenance.window.start_s < service.window.until_s
    if not over(service.placement, links):
        return False
    # Who will be home by then is not in the way; but once it is drained, who has not gone yet is.
    return home is None or maintenance.in_force or maintenance.window.start_s < home.at_s


def over(placement: Placement, links: frozenset[LinkId]) -> bool:
    """Whether a placement, or its backup, is over any of some links."""
    backup = placement.backup
    return placement.uses(links) or (backup is not None and not links.isdisjoint((*backup.there, *backup.back)))


def in_the_way(book: Book, maintenance: Maintenance) -> list[Service]:
    """The services that have to leave a maintenance's links, in order of need."""
    links = book.links_over(maintenance.fibres)
    return in_order_of_need(one for one in book.over(links) if crosses(one, links, maintenance))


def home_of(service: Service, maintenance: Maintenance) -> Home | None:
    """Where a service that makes way goes back to by itself; None where it has no time left after the maintenance."""
    end_s = maintenance.end_s
    if end_s is None or end_s >= service.window.until_s:
        return None
    before = service.home
    here = service.placement if before is None else before.placement
    if here is None:
        return None
    until_s = end_s + maintenance.lead_s
    if before is None:
        return Home(placement=here, at_s=end_s, until_s=until_s)
    return Home(placement=here, at_s=max(end_s, before.at_s), until_s=max(until_s, before.until_s))


def find(book: Book, maintenance: Maintenance, service: Service) -> Detour | str | None:
    """A detour that is kept from now on, or why there is none. Where only its backup is in the way it is another
    backup, and another path only if that one has none; None if there is no pair: it is unprotected then, and in
    nobody's way.
    """
    ground, holder = book.ground, maintenance.holder(service.id)
    time = service.window.within(maintenance.begin_s, maintenance.kept_until_s)
    ground.give_up_detour(holder, service.id)
    for place in _places(book, maintenance, service, time):
        if place is not None and ground.keep_detour(holder, service, place, time):
            return Detour(service=service.id, placement=place)
    return (
        reroute.why_nowhere(book, service, time, maintenance.fibres) if _has_to_go(book, maintenance, service) else None
    )


def _has_to_go(book: Book, maintenance: Maintenance, service: Service) -> bool:
    """Whether more than its backup is in the way: it itself, or, of who is on a detour, its home."""
    home = service.home
    closed_home = home is not None and over(home.placement, book.links_over(maintenance.fibres))
    return closed_home or _carried(book, maintenance, service)


def _places(book: Book, maintenance: Maintenance, service: Service, time: Window) -> Iterator[Placement | None]:
    """Where a service could be in a time, the best first, not all of which have the room."""
    goes, protected = _has_to_go(book, maintenance, service), service.order.protection is Protection.PATH
    elsewhere, of_all = _elsewhere_then(book, maintenance, service, time) if goes else ([], time)
    for unprotected in (False, True) if goes and protected else (False,):
        fit = (one for one in elsewhere if may_stay(book, service, one, time, unprotected=unprotected))
        yield from fit
        if not unprotected and not _carried(book, maintenance, service):
            yield other_backup(book, service, time)
        for during in dict.fromkeys((of_all, time)):
            yield reroute.find(book, service, unprotected=unprotected, during=during)


def _elsewhere_then(
    book: Book, maintenance: Maintenance, service: Service, time: Window
) -> tuple[list[Placement], Window]:
    """Where a service is on a detour, or will be, for others at any time of a maintenance: where that will do it need
    not move again. And the time of all of these, for one detour that will do for all.
    """
    found = [] if service.home is None or service.placement is None else [service.placement]
    begin_s, until_s = maintenance.begin_s, maintenance.kept_until_s
    for other, detour in booked_for(book, service.id):
        if other.id != maintenance.id and other.begin_s < time.until_s and time.start_s < other.kept_until_s:
            found.append(detour.placement)
            begin_s, until_s = min(begin_s, other.begin_s), max(until_s, other.kept_until_s)
    return list(dict.fromkeys(found)), service.window.within(begin_s, until_s)


def booked_for(book: Book, service: ServiceId) -> list[tuple[Maintenance, Detour]]:
    """The detours that are kept for a service, the first first."""
    booked = [book.maintenances[one] for one in book.detours.of(service)]
    return [
        (one, detour)
        for one in sorted(booked, key=lambda one: (one.begin_s, one.id))
        for detour in one.detours
        if detour.service == service
    ]


def is_for(book: Book, service: Service, place: Placement) -> bool:
    """Whether a placement is one for a service as it is ordered now, whatever is closed, dark or full."""
    order, backup = service.order, place.backup
    if place.bandwidth_gbps != order.bandwidth_gbps or (backup is not None and order.protection is not Protection.PATH):
        return False
    links = place.links if backup is None else (*place.links, *backup.there, *backup.back)
    there = all(link in book.network.link for link in links)
    return there and joins(book, service, place) and keeps(book.ground, place, order)


def may_stay(book: Book, service: Service, place: Placement, time: Window, *, unprotected: bool) -> bool:
    """Whether a service may be somewhere for some time, but for room: nothing there is dark, or closed then."""
    if book.dark(place) or not is_for(book, service, place):
        return False
    if service.order.protection is Protection.PATH and not (unprotected or book.covered(place)):
        return False
    shut = closed(book.ground.closures, time, Heed.ALL)
    return not over(place, frozenset(book.graph.links[one] for one in shut))


def join(draft: Draft, services: Iterable[ServiceId]) -> None:
    """Have services that are booked to be in several places at a time be in one of these for all of it, where one has
    the room: fewer moves, and less is kept.
    """
    book = draft.book
    for service in (book.services[one] for one in services if one in book.services):
        here = () if service.placement is None else service.placement.branches
        booked = [one for one in booked_for(book, service.id) if one[1].placement.branches != here]
        for group in _at_a_time(booked):
            places = dict.fromkeys(detour.placement for _, detour in group)
            if len(places) > 1:
                _join(draft, service, group, places)


def _at_a_time(booked: Sequence[tuple[Maintenance, Detour]]) -> list[list[tuple[Maintenance, Detour]]]:
    """What is booked, in its order, apart where there is time between."""
    groups: list[list[tuple[Maintenance, Detour]]] = []
    until_s = -math.inf
    for one in booked:
        if one[0].begin_s < until_s:
            groups[-1].append(one)
        else:
            groups.append([one])
        until_s = max(until_s, one[0].kept_until_s)
    return groups


def _join(
    draft: Draft, service: Service, group: Sequence[tuple[Maintenance, Detour]], places: Iterable[Placement]
) -> None:
    book = draft.book
    times = [service.window.within(one.begin_s, one.kept_until_s) for one, _ in group]
    bare = [detour.placement.backup is None for _, detour in group]
    for place in places:
        each = zip(times, bare, strict=True)
        if not all(may_stay(book, service, place, time, unprotected=without) for time, without in each):
            continue
        kept = [
            book.ground.keep_detour(one.holder(service.id), service, place, time)
            for (one, _), time in zip(group, times, strict=True)
        ]
        if all(kept):
            for one, detour in group:
                detours = [replace(each, placement=place) if each is detour else each for each in one.detours]
                draft.put_maintenance(replace(one, detours=tuple(detours)))
            return
        for (one, detour), time in zip(group, times, strict=True):
            book.ground.keep_detour(one.holder(service.id), service, detour.placement, time)


def other_backup(book: Book, service: Service, time: Window) -> Placement | None:
    """The path that a service has, with a backup that has room for that time; None where there is none."""
    here = service.placement
    if here is None or here.beside or service.order.protection is not Protection.PATH:
        return None
    found = reroute.with_backup(book, service, during=time)
    return None if found.backup is None else found


def plan(book: Book, maintenance: Maintenance) -> tuple[list[Detour], dict[ServiceId, str]]:
    """Detours for everything in the way, kept from now on, and why there is none for others."""
    detours: list[Detour] = []
    stuck: dict[ServiceId, str] = {}
    for service in in_the_way(book, maintenance):
        found = find(book, maintenance, service)
        if isinstance(found, str):
            stuck[service.id] = found
        elif found is not None:
            detours.append(found)
    return detours, stuck


def explained(book: Book, maintenance: Maintenance, stuck: Mapping[ServiceId, str]) -> dict[ServiceId, str]:
    """Why there are no detours, with what those who are stuck alone can do together."""
    movers = [mover(maintenance, book.services[one]) for one in stuck]
    return choreography.told_together(book, stuck, [one for one in movers if _carried(book, maintenance, one.service)])


def mover(maintenance: Maintenance, service: Service) -> Mover:
    """A service that makes way for a maintenance and found no place alone."""
    return Mover(service=service, home=home_of(service, maintenance), drain=maintenance.id)


def _carried(book: Book, maintenance: Maintenance, service: Service) -> bool:
    return service.placement is not None and service.placement.uses(book.links_over(maintenance.fibres))


def look_again(draft: Draft) -> None:
    """Bring what is booked in line with services as they are now: what changed, and what was stuck before."""
    book = draft.book
    touched, book.touched = book.touched, set()
    for maintenance in [one for one in book.maintenances.values() if one.open and not one.in_force]:
        links = book.links_over(maintenance.fibres)
        known = {one.service: one for one in maintenance.detours}
        again = book.looked.get(maintenance.id) != book.changes
        book.looked[maintenance.id] = book.changes
        before = dict(zip(maintenance.stuck, maintenance.because, strict=False))
        stuck = dict(before)
        ids = {*touched, *(stuck if again else ())}
        concerned = [one for name in ids if (one := book.services.get(name)) and crosses(one, links, maintenance)]
        for gone in ids - {one.id for one in concerned}:
            known.pop(gone, None)
            stuck.pop(gone, None)
        for service in in_order_of_need(concerned):
            booked = known.get(service.id)
            kept = booked is not None and maintenance.id in book.detours.of(service.id)
            if kept and booked is not None and is_for(book, service, booked.placement):
                continue
            known.pop(service.id, None)
            stuck.pop(service.id, None)
            found = find(book, maintenance, service)
            if isinstance(found, str):
                stuck[service.id] = found
            elif found is not None:
                known[service.id] = found
        if stuck.keys() == before.keys() and touched.isdisjoint(stuck) and choreography.still_so(before, stuck):
            stuck = before  # what they can do together is looked at again when they are others
        elif stuck:
            stuck = explained(book, maintenance, stuck)
        put(draft, maintenance, known.values(), stuck)
    join(draft, sorted(touched & book.detours.several))


def put(draft: Draft, maintenance: Maintenance, detours: Iterable[Detour], stuck: dict[ServiceId, str]) -> Maintenance:
    """Record what is booked, if it is not what was."""
    ids = sorted(stuck)
    after = replace(
        maintenance,
        detours=tuple(sorted(detours, key=lambda one: one.service)),
        stuck=tuple(ids),
        because=tuple(stuck[one] for one in ids),
    )
    return draft.put_maintenance(after) if after != maintenance else maintenance


def give_up(maintenance: Maintenance, services: Collection[ServiceId]) -> Maintenance:
    """A maintenance without the detours of some services."""
    return replace(maintenance, detours=tuple(one for one in maintenance.detours if one.service not in services))
