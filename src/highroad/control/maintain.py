"""Drains: traffic is moved away from fibres on purpose, make-before-break, and comes back afterwards.

One that is booked for a time is drained before it begins, each service to the detour that is kept for it, and ends by
itself: then everything that moved goes home, where its room has waited for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from highroad.control import booking, choreography, reroute, safety
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.detours import closure_of
from highroad.control.names import maintenance_id
from highroad.control.together import Mover
from highroad.errors import Conflict, Finding, Invalid, NotFound, did_you_mean
from highroad.model.incident import LEAD_S, Detour, Maintenance, MaintenanceId, MaintenanceState
from highroad.model.lifecycle import HOLDING
from highroad.model.service import Home, Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.when import LAST_S, PAST_TOLERANCE_S
from highroad.units import iso_from_s

LONGEST_LEAD_S = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a maintenance is: from `start_s` (None is at once) to `end_s` (None is until somebody ends it).

    Services leave, and come back, within `lead_s` before and after.
    """

    start_s: float | None = None
    end_s: float | None = None
    lead_s: float = LEAD_S


AT_ONCE = Times()


def drain(draft: Draft, target: str, times: Times = AT_ONCE) -> Maintenance:
    """Begin to keep a fibre, a risk group or a site free of traffic, or book it for a time: then what has to move has
    its detours from now on. Raises Invalid with every finding, Frozen, or Conflict where another is in the way.
    """
    book = draft.book
    safety.check_thawed(book, "drain after the thaw (`highroad thaw`)")
    maintenance = draft.put_maintenance(_checked(book, target, times, draft.now_s))
    book.avoid_again()
    _clear_detours(draft, maintenance)
    if maintenance.state is MaintenanceState.SCHEDULED:
        detours, stuck = booking.plan(book, maintenance)
        stuck = booking.explained(book, maintenance, stuck)
        maintenance = booking.put(draft, maintenance, detours, stuck)
        booking.join(draft, [one.service for one in detours])
        start, end = iso_from_s(maintenance.window.start_s), maintenance.end_s
        draft.tell(
            "highroad.maintenance.scheduled",
            maintenance.id,
            target=target,
            fibres=list(maintenance.fibres),
            start=start,
            end=None if end is None else iso_from_s(end),
            moving=len(detours),
            stuck=len(stuck),
        )
    else:
        _tell_started(draft, maintenance)
    drains(draft)
    return book.maintenances[maintenance.id]


def preview(book: Book, target: str, times: Times, now_s: float) -> Maintenance:
    """What `drain` would make, with detours for all that would move, without making it. Raises as it does."""
    safety.check_thawed(book, "drain after the thaw (`highroad thaw`)")
    book.look_from(now_s)
    maintenance = replace(_checked(book, target, times, now_s), id=MaintenanceId("preview"))
    detours: list[Detour] = []
    before = book.ground.closures
    try:
        book.ground.closures = (*before, closure_of(maintenance, book.network, book.graph))
        detours, stuck = booking.plan(book, maintenance)
        if maintenance.in_force:
            movers = [booking.mover(maintenance, book.services[service]) for service in stuck]
            together, why = choreography.would(book, movers)
            detours += [Detour(service=service, placement=place) for service, place in together.items()]
            stuck = {service: why.get(service, text) for service, text in stuck.items() if service not in together}
        else:
            stuck = booking.explained(book, maintenance, stuck)
    finally:
        book.ground.closures = before
        for detour in detours:
            book.ground.give_up_detour(maintenance.holder(detour.service), detour.service)
    ids = sorted(stuck)
    return replace(
        maintenance, detours=tuple(detours), stuck=tuple(ids), because=tuple(stuck[service] for service in ids)
    )


def end(draft: Draft, maintenance_id: MaintenanceId) -> Maintenance:
    """Give the fibres back, or cancel what has not begun; what was moved goes home by the loop. Raises NotFound, or
    Conflict if it has ended.
    """
    maintenance = draft.book.maintenances.get(maintenance_id)
    if maintenance is None:
        raise NotFound(f"there is no maintenance {maintenance_id}")
    if not maintenance.open:
        raise Conflict(f"{maintenance_id} has ended already")
    return _return(draft, maintenance)


def by_the_clock(draft: Draft) -> None:
    """Begin to drain what is due, and give back what has ended."""
    for maintenance in list(draft.book.maintenances.values()):
        if not maintenance.open:
            continue
        if maintenance.end_s is not None and maintenance.end_s <= draft.now_s:
            _return(draft, maintenance)
        elif maintenance.state is MaintenanceState.SCHEDULED and maintenance.begin_s <= draft.now_s:
            begun = replace(maintenance, state=MaintenanceState.DRAINING, stuck=(), because=())
            _tell_started(draft, draft.put_maintenance(begun))
            draft.book.avoid_again()


def drains(draft: Draft) -> None:
    """Move what still crosses a fibre that is being drained, unless changes are frozen; note when it is free. Look for
    detours for what is booked.
    """
    by_the_clock(draft)
    book = draft.book
    found = {one.id: _drain(draft, one) for one in list(book.maintenances.values()) if one.in_force}
    settled = not any(state.leaving for state in found.values())
    movers = [mover for state in found.values() for mover in state.movers] if settled and book.freeze is None else []
    why = choreography.begin(draft, [*movers, *choreography.dark_and_nowhere(book)])
    for drained, state in found.items():
        _note(draft, book.maintenances[drained], state, why)
    booking.look_again(draft)
    returns(draft)


def returns(draft: Draft) -> None:
    """Send what is on a detour home, as soon as its home is open and has room; its room is its own when its time comes.
    It waits while changes are frozen.
    """
    book = draft.book
    for service in in_order_of_need(book.services[one] for one in book.on_detour if one in book.services):
        home = service.home
        if home is None or service.leaving or book.freeze is not None or service.state not in HOLDING:
            continue
        if _open(book, service, home, draft.now_s):
            reroute.move(draft, reroute.with_home(service, None), home.placement)
            book.openings += 1
        elif home.at_s <= draft.now_s and book.tried.get(service.id) != book.changes:
            found = reroute.find(book, replace(service, home=None))
            if found is None:
                book.tried[service.id] = book.changes
            else:
                reroute.move(draft, reroute.with_home(service, None), found)


def next_boundary_s(book: Book, now_s: float) -> float | None:
    """When a maintenance begins to be drained or ends next."""
    times = (
        time_s
        for one in book.maintenances.values()
        if one.open
        for time_s in (one.begin_s, math.inf if one.end_s is None else one.end_s)
    )
    return min((time_s for time_s in times if now_s < time_s < math.inf), default=None)


def _checked(book: Book, target: str, times: Times, now_s: float) -> Maintenance:
    findings = [*_check_target(book, target), *_check_times(times, now_s)]
    if findings:
        raise Invalid(findings)
    begins_later = times.start_s is not None and times.start_s - times.lead_s > now_s
    maintenance = Maintenance(
        id=maintenance_id(),
        target=target,
        fibres=book.network.fibres_of(target),
        state=MaintenanceState.SCHEDULED if begins_later else MaintenanceState.DRAINING,
        started_s=now_s,
        start_s=times.start_s,
        end_s=times.end_s,
        lead_s=times.lead_s,
    )
    for other in book.maintenances.values():
        if other.target != target or not other.open or not other.window.meets(maintenance.window):
            continue
        if other.in_force:
            raise Conflict(f"{target} is being drained already, by {other.id}")
        until = "" if other.end_s is None else f" to {iso_from_s(other.end_s)}"
        raise Conflict(f"{target} is booked already from {iso_from_s(other.window.start_s)}{until}, by {other.id}")
    return maintenance


def _check_target(book: Book, target: str) -> Iterable[Finding]:
    network = book.network
    if not network.fibres_of(target):
        hint = did_you_mean(target, [*network.fibre, *network.site, *(group.id for group in network.risk_groups)])
        message = f"there is no fibre, site or risk group {target[:100]}{hint}"
        yield Finding(code="unknown-target", place="target", message=message)


def _check_times(times: Times, now_s: float) -> Iterable[Finding]:
    start_s, end_s = times.start_s, times.end_s
    for time_s, place in ((start_s, "start"), (end_s, "end")):
        if time_s is not None and not time_s <= LAST_S:
            yield Finding(code="window-far", place=place, message="a maintenance is before the year 3000")
    if start_s is not None and start_s < now_s - PAST_TOLERANCE_S:
        message = f"it would begin at {iso_from_s(start_s)}, which is over: it is {iso_from_s(now_s)}"
        yield Finding(code="window-past", place="start", message=message)
    begin_s = now_s if start_s is None else start_s
    if end_s is not None and not end_s > begin_s:
        message = f"it would end at {iso_from_s(end_s)}, and not after it begins at {iso_from_s(begin_s)}"
        yield Finding(code="window-order", place="end", message=message)
    elif end_s is not None and end_s <= now_s:
        message = f"it would end at {iso_from_s(end_s)}, which is over: it is {iso_from_s(now_s)}"
        yield Finding(code="window-past", place="end", message=message)
    if not 0 <= times.lead_s <= LONGEST_LEAD_S:
        message = f"services leave within 0 to {LONGEST_LEAD_S:g} seconds before it begins, not {times.lead_s:g}"
        yield Finding(code="lead", place="lead_s", message=message)


def _clear_detours(draft: Draft, maintenance: Maintenance) -> None:
    """What others have booked over its links at the same time is looked for anew."""
    book, links = draft.book, draft.book.links_over(maintenance.fibres)
    for other in book.booked:
        if other.id == maintenance.id or not other.window.meets(maintenance.window):
            continue
        over = {one.service for one in other.detours if one.placement.uses(links)}
        if over:
            draft.put_maintenance(booking.give_up(other, over))
            book.touched |= over


def _tell_started(draft: Draft, maintenance: Maintenance) -> None:
    fibres = list(maintenance.fibres)
    draft.tell("highroad.maintenance.started", maintenance.id, target=maintenance.target, fibres=fibres)


def _return(draft: Draft, maintenance: Maintenance) -> Maintenance:
    begun = maintenance.in_force or maintenance.window.start_s <= draft.now_s
    state = MaintenanceState.RETURNED if begun else MaintenanceState.CANCELLED
    ended = replace(maintenance, state=state, ended_s=draft.now_s, stuck=(), because=(), detours=())
    draft.put_maintenance(ended)
    draft.book.avoid_again()
    kind = "highroad.maintenance.returned" if begun else "highroad.maintenance.cancelled"
    draft.tell(kind, ended.id, target=ended.target)
    return ended


@dataclass(slots=True, kw_only=True)
class _Found:
    """How far a drain is: what was moved now, what is stuck and why, and whether anything still has to leave."""

    moved: list[ServiceId] = field(default_factory=list)
    stuck: dict[ServiceId, str] = field(default_factory=dict)
    movers: list[Mover] = field(default_factory=list)
    waiting: bool = False
    leaving: bool = False


def _drain(draft: Draft, maintenance: Maintenance) -> _Found:
    book = draft.book
    links, found = book.links_over(maintenance.fibres), _Found()
    before = dict(zip(maintenance.stuck, maintenance.because, strict=False))
    for service in booking.in_the_way(book, maintenance):
        if book.on_the_way(service.id):
            found.waiting = True
        elif book.freeze is not None:
            found.waiting = True
            if service.id in maintenance.stuck:
                found.stuck[service.id] = before.get(service.id, "")
        elif service.placement is None or not (service.placement.uses(links) or _booked(maintenance, service)):
            continue  # its home or its backup is, of which others take care
        elif _make_way(draft, book.maintenances[maintenance.id], service):
            found.moved.append(service.id)
        elif service.placement.uses(links):
            found.stuck[service.id] = _why(book, maintenance, service, before)
            found.movers.append(booking.mover(maintenance, service))
    found.leaving = any(placement.uses(links) for service in book.over(links) for placement in service.leaving)
    book.looked[maintenance.id] = book.changes
    return found


def _note(draft: Draft, maintenance: Maintenance, found: _Found, why: Mapping[ServiceId, str]) -> None:
    """Record how far a drain is, `why` being what is known of those who wait for each other."""
    on_the_way = {service for service in found.stuck if draft.book.on_the_way(service)}
    stuck = {one: why.get(one, text) for one, text in found.stuck.items() if one not in on_the_way}
    clear = not (stuck or on_the_way or found.waiting or found.leaving)
    after = replace(
        maintenance,
        state=MaintenanceState.DRAINED if clear else MaintenanceState.DRAINING,
        note="" if clear else maintenance.note,
        moved=tuple(dict.fromkeys((*maintenance.moved, *found.moved))),
        stuck=tuple(stuck),
        because=tuple(stuck.values()),
    )
    if after != maintenance:
        draft.put_maintenance(after)
        if clear and maintenance.state is not after.state:
            draft.tell("highroad.maintenance.drained", maintenance.id, target=maintenance.target)


def _make_way(draft: Draft, maintenance: Maintenance, service: Service) -> bool:
    """Move a service to its booked detour, else to another, else to a place for good. Returns whether it could be."""
    book = draft.book
    home = booking.home_of(service, maintenance)
    stay = replace(service, home=home).stay
    booked, here, found = _booked(maintenance, service), service.placement, None
    in_the_way = here is not None and here.uses(book.links_over(maintenance.fibres))
    if booked is not None:
        draft.put_maintenance(booking.give_up(maintenance, {service.id}))
        place = booked.placement
        if not in_the_way and here is not None and place.branches != here.branches:
            place = _less_of_a_move(book, service, place, stay)
        if _fits(book, service, place, stay):
            found = place
    elif book.tried.get(service.id) == book.changes:
        return False
    if found is None and not in_the_way:
        return False
    found = found or elsewhere(book, service, stay)
    if found is None and home is not None:
        home, found = None, elsewhere(book, service, service.window)
    if found is None:
        book.tried[service.id] = book.changes
        return False
    if found == here:  # it goes home later
        draft.put(replace(reroute.with_home(service, home) if service.leaving else service, home=home, away=True))
    else:
        reroute.move(draft, replace(reroute.with_home(service, home), away=True), found)
    return True


def _less_of_a_move(book: Book, service: Service, place: Placement, stay: Window) -> Placement:
    """Of who is not in the way, but its home or its backup is: where it is on a detour, for longer; or another backup
    for where it is; else the place that is booked.
    """
    here, home = service.placement, service.home
    if here is not None and home is not None:
        may = booking.may_stay(book, service, here, stay, unprotected=place.backup is None)
        if may and _fits(book, service, here, stay):
            return here
    return booking.other_backup(book, service, stay) or place


def _booked(maintenance: Maintenance, service: Service) -> Detour | None:
    return next((one for one in maintenance.detours if one.service == service.id), None)


def elsewhere(book: Book, service: Service, stay: Window) -> Placement | None:
    """Where a service could be for some time; without a backup if need be."""
    found = reroute.find(book, service, during=stay)
    if found is None and service.order.protection is Protection.PATH:
        found = reroute.find(book, service, during=stay, unprotected=True)
    return found


def _fits(book: Book, service: Service, placement: Placement, stay: Window) -> bool:
    if book.dark(placement):
        return False
    with book.ground.calendar.without(service.id):
        return book.ground.room(placement, stay)


def _why(book: Book, maintenance: Maintenance, service: Service, before: dict[ServiceId, str]) -> str:
    known = before.get(service.id)
    if known and book.looked.get(maintenance.id) == book.changes:
        return known
    home = booking.home_of(service, maintenance)
    return reroute.why_nowhere(book, service, replace(service, home=home).stay, maintenance.fibres)


def _open(book: Book, service: Service, home: Home, now_s: float) -> bool:
    """Whether a home can be gone to now: whole, closed by nobody, and free until it is its own."""
    if book.dark(home.placement):
        return False
    closed = (book.links_over(one.fibres) for one in book.maintenances.values() if one.in_force)
    if any(booking.over(home.placement, links) for links in closed):
        return False
    return home.at_s <= now_s or _fits(book, service, home.placement, service.window)
