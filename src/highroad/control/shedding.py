"""Who stands back when a failure leaves too little for all: classes in their order, and in one the last in need.

A service that a failure left dark, with no place among all the others, gets the room of others whose class comes after
its own. Who can go elsewhere inside its promises makes way without losing a packet; who cannot is dark, says so, and is
looked for a place again whenever anything changes. Nobody's room is given away before routers have let go of it, so
that nothing is oversold on the way. One that is protected stands back only for one that is too: what it was promised
holds in every failure that this covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from highroad.control import reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.incidents import note, open_ones
from highroad.model.incident import Incident, Phase, Shed
from highroad.model.lifecycle import CARRYING
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.ground import claims_of
from highroad.ports import Observed

MOST = 2000
"""So many of a lower class are considered at most, the last in need."""

LOOKS = 20
"""For so many services room is looked for in one look of the loop."""

NAMED = 5

STANDS_BACK = "dark: it stands back, because a failure left too little for all and {} goes first"
"""What the tenant of who stands back reads."""


def shed(draft: Draft) -> None:
    """Make room for who is dark and comes before others."""
    book = draft.book
    book.yielding = {one for one in book.yielding if (now := book.services.get(one)) is not None and now.leaving}
    _let_back(draft)
    looks, others = LOOKS, list[ServiceId]()
    for service in _dark(book):
        incident = _incident_of(book, service)
        if incident is None or book.room_looked.get(service.id) == book.changes or book.on_the_way(service.id):
            continue
        if not looks:
            book.unfinished = True
            break
        looks -= 1
        book.room_looked[service.id] = book.changes
        if reroute.has_a_way(book, service):
            others = others or _carried(book)
            _make_room(draft, service, incident, others)


def stands_back(book: Book, service: Service) -> bool:
    """Whether a service has no place because of one that goes first, and is away from its own."""
    first = book.services.get(book.stands_back.get(service.id, service.id))
    return first is not None and first.id != service.id and (first.away or book.is_dark(first))


def waits(book: Book, service: Service) -> bool:
    """Whether a service stands back for one that has not got its place yet."""
    first = book.services.get(book.stands_back.get(service.id, service.id))
    if first is None or first.id == service.id:
        return False
    return first.state in CARRYING and book.is_dark(first)


def back(draft: Draft, observed: Observed) -> None:
    """Note who stood back and is carried again."""
    book = draft.book
    for incident in open_ones(book):
        if not incident.shed:
            continue
        carried: list[Shed] = []
        left: list[Shed] = []
        for one in incident.shed:
            service = book.services.get(one.service)
            if service is None or service.state not in CARRYING:
                continue
            here = service.placement
            lit = here is not None and not book.dark(here) and book.confirmed(service, observed)
            (carried if lit else left).append(one)
        if len(left) == len(incident.shed):
            continue
        after = replace(incident, shed=tuple(left))
        if carried:
            names = _named([one.service for one in carried])
            note(draft, after, Phase.SHED, f"{names} {'is' if len(carried) == 1 else 'are'} carried again")
        else:
            draft.put_incident(after)


def yields(service: Service, first: Service) -> bool:
    """Whether a service stands back for another."""
    comes_after = service.order.traffic_class.rank > first.order.traffic_class.rank
    covered = service.order.protection is Protection.PATH and first.order.protection is not Protection.PATH
    return comes_after and not covered


def _dark(book: Book) -> list[Service]:
    """Services for which no repair was found, in order of need."""
    found = (book.services.get(one) for one in book.nowhere)
    return in_order_of_need(
        one for one in found if one is not None and one.state in CARRYING and book.is_dark(one) and not one.leaving
    )


def _incident_of(book: Book, service: Service) -> Incident | None:
    """The failure that a service is dark for, the newest if there are several."""
    struck = (
        one
        for one in open_ones(book)
        if any(outage.service == service.id for outage in one.outages)
        or any(shed.service == service.id for shed in one.shed)
    )
    return max(struck, key=lambda one: (one.opened_s, one.id), default=None)


def _carried(book: Book) -> list[ServiceId]:
    """Everybody whom routers are to carry, in order of need."""
    return [one.id for one in in_order_of_need(map(book.services.__getitem__, book.index.within(list(CARRYING))))]


def _make_room(draft: Draft, service: Service, incident: Incident, others: Sequence[ServiceId]) -> None:
    book = draft.book
    lower = [
        one
        for one in map(book.services.__getitem__, others)
        if yields(one, service) and one.home is None and not book.on_the_way(one.id)
    ][-MOST:]
    to, aside = _place(book, service, lower)
    if to is None:
        return
    victims = _in_the_way(book, service, to, aside)
    holder = f"first:{service.id}"
    book.ground.calendar.keep(holder, claims_of(_at(service, to)))
    moved: list[Service] = []
    stand: list[Service] = []
    try:
        for one in victims:
            here = one.placement
            if one.id in book.yielding or (one.leaving and here is not None and not here.uses(frozenset(to.links))):
                continue  # it is about to have left
            elsewhere = None if one.leaving or book.is_dark(one) else reroute.find(book, one)
            if elsewhere is None:
                stand.append(one)
            else:
                book.yielding.add(one.id)
                moved.append(reroute.move(draft, replace(one, away=True), elsewhere))
    finally:
        book.ground.calendar.keep(holder, ())
    first = f"{service.id} ({service.order.traffic_class.value}, {service.order.bandwidth_gbps:g} Gbit/s)"
    why = STANDS_BACK.format(service.order.traffic_class.value)
    for one in stand:
        if one.placement is not None:
            reroute.give_up(draft, one, why)
        elif one.reason != why:
            draft.put(replace(one, reason=why))
        book.tried[one.id] = book.changes
        book.nowhere.add(one.id)
    known = {one.service: one for one in incident.shed}
    new = [one for one in stand if one.id not in known]
    after = replace(
        incident,
        shed=tuple((known | {one.id: Shed(service=one.id, goes_first=service.id) for one in stand}).values()),
    )
    told = [
        *([f"{_classed(new)} {'stands' if len(new) == 1 else 'stand'} back"] if new else []),
        *([f"{_classed(moved)} {'makes' if len(moved) == 1 else 'make'} way"] if moved else []),
    ]
    if told:
        note(draft, after, Phase.SHED, f"too little for all: {' and '.join(told)} for {first}")
    elif after != incident:
        draft.put_incident(after)


def _place(book: Book, service: Service, lower: Sequence[Service]) -> tuple[Placement | None, list[Service]]:
    """Where a service could go without as few classes as possible, and who was taken out for that."""
    ranks = sorted({one.order.traffic_class.rank for one in lower}, reverse=True)
    calendar = book.ground.calendar
    with ExitStack() as aside:
        out: list[Service] = []
        for rank in ranks:
            group = [one for one in lower if one.order.traffic_class.rank == rank]
            for one in group:
                aside.enter_context(calendar.without(one.id))
            out += group
            found = reroute.find(book, service, unprotected=True)
            if found is None and service.order.latency_bound_ms is not None:
                found = reroute.find(book, service, any_latency=True, unprotected=True)
            if found is not None:
                return found, in_order_of_need(out)
    return None, []


def _in_the_way(book: Book, service: Service, to: Placement, out: Sequence[Service]) -> list[Service]:
    """Of those who were taken out, who has no room beside the one that goes first: in order of need, who fits stays."""
    calendar, always = book.ground.calendar, Window(start_s=-math.inf)
    held = {one.id: (calendar.claims(one.id), calendar.standbys(one.id)) for one in out}
    links = frozenset(to.links)
    names: list[str] = []
    found: list[Service] = []
    with ExitStack() as aside:
        for one in out:
            aside.enter_context(calendar.without(one.id))
        try:
            names.append(f"first:{service.id}")
            with calendar.without(service.id):
                calendar.keep(names[0], claims_of(_at(service, to)))
                for one in out:
                    claims, standbys = held[one.id]
                    touched = {claim.resource for claim in claims} | {standby.resource for standby in standbys}
                    name = f"stays:{one.id}"
                    names.append(name)
                    calendar.keep(name, claims, standbys)
                    if not touched.isdisjoint(links) and any(calendar.free(link, always) < 0 for link in touched):
                        calendar.keep(name, ())
                        found.append(one)
        finally:
            for name in names:
                calendar.keep(name, ())
    return found


def _at(service: Service, to: Placement) -> Service:
    return replace(service, placement=to, leaving=(), leaves_by_s=None)


def _let_back(draft: Draft) -> None:
    """Who stood back for one that is gone, or has no way any more whoever stands back, stands back for nobody."""
    book = draft.book
    freed = {
        one
        for one, name in book.stands_back.items()
        if name != one
        and ((first := book.services.get(name)) is None or first.state not in CARRYING or not _may_come(book, first))
    }
    if not freed:
        return
    for incident in open_ones(book):
        if any(one.service in freed for one in incident.shed):
            shed = tuple(
                Shed(service=one.service, goes_first=one.service) if one.service in freed else one
                for one in incident.shed
            )
            draft.put_incident(replace(incident, shed=shed))
    book.changes += 1


def _may_come(book: Book, first: Service) -> bool:
    return not book.is_dark(first) or reroute.has_a_way(book, first)


def _classed(services: Sequence[Service]) -> str:
    words = [f"{one.id} ({one.order.traffic_class.value}, {one.order.bandwidth_gbps:g} Gbit/s)" for one in services]
    return ", ".join(words[:NAMED]) + (f" and {len(words) - NAMED} more" if len(words) > NAMED else "")


def _named(names: Sequence[ServiceId]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
