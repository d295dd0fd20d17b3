"""What a booked maintenance keeps in the calendar: for each service in its way a detour for just that time.

It is found when the maintenance is booked, so that nobody else can take its room, and anew when the service changes.
A service without one is stuck, which is said, and is looked at again whenever something has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from highroad.control import choreography, reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.together import Mover
from highroad.model.incident import Detour, Maintenance
from highroad.model.lifecycle import HOLDING
from highroad.model.network import LinkId
from highroad.model.service import Home, Placement, Protection, Service, ServiceId
from highroad.model.window import Window


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
    at_s = end_s if before is None else max(end_s, before.at_s)
    return Home(placement=here, at_s=at_s, until_s=at_s + maintenance.lead_s)


def find(book: Book, maintenance: Maintenance, service: Service) -> Detour | str | None:
    """A detour that is kept from now on, or why there is none. Where only its backup is in the way it is another
    backup, and another path only if that one has none; None if there is no pair: it is unprotected then, and in
    nobody's way.
    """
    ground, holder = book.ground, maintenance.holder(service.id)
    time = service.window.within(maintenance.begin_s, maintenance.kept_until_s)
    ground.give_up_detour(holder, service.id)
    carried = _carried(book, maintenance, service)
    kept = None if carried else other_backup(book, service, time)
    if kept is not None and ground.keep_detour(holder, service, kept, time):
        return Detour(service=service.id, placement=kept)
    found: Placement | None = None
    for unprotected in (False, True) if carried and service.order.protection is Protection.PATH else (False,):
        found = reroute.find(book, service, unprotected=unprotected, during=time)
        if found is not None and ground.keep_detour(holder, service, found, time):
            return Detour(service=service.id, placement=found)
    if not carried:
        return None
    return reroute.why_nowhere(book, service, time) if found is None else _no_room_beside(service)


def _no_room_beside(service: Service) -> str:
    """Why a way that has room is not kept: a detour is kept beside what the service keeps until it moves."""
    return (
        f"another way has {service.order.bandwidth_gbps:g} Gbit/s free, but not beside what the service keeps until it "
        "moves: it goes there when the drain begins, if nobody has taken the room by then"
    )


def other_backup(book: Book, service: Service, time: Window) -> Placement | None:
    """The path that a service has, with a backup that has room for that time; None where there is none."""
    here = service.placement
    if here is None or here.beside:
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
            if service.id in known and maintenance.id in book.detours.of(service.id):
                continue
            known.pop(service.id, None)
            stuck.pop(service.id, None)
            found = find(book, maintenance, service)
            if isinstance(found, str):
                stuck[service.id] = found
            elif found is not None:
                known[service.id] = found
        if stuck.keys() == before.keys() and touched.isdisjoint(stuck):
            stuck = before  # what they can do together is looked at again when they are others
        elif stuck:
            stuck = explained(book, maintenance, stuck)
        put(draft, maintenance, known.values(), stuck)


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
