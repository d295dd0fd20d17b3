"""Moves that wait for each other in a circle are made together: in steps, each of which has room for old and new.

A drain moves services one by one, and a repair too; who waits for another that also moves has its turn when that one is
gone. Where several wait for each other nobody ever has. Then places are found for all of them as if none held its own,
and `planning.sequence` says in which steps they get there: over a detour, or a share at a time, if need be. Each step
is made of ordinary moves, and the next begins when routers have confirmed it. What no longer matches is dropped, and
looked at anew. A guarantee is never reduced on the way: where only that would help, it is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from highroad.control import rearrange, reroute, safety
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.together import CIRCLE, Ask, Mover, circle_of, targets_of, with_a_place
from highroad.control.underway import Part, Underway
from highroad.model.lifecycle import CARRYING, HOLDING, State
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.sequence import ChangePlan, Harm, Knot
from highroad.units import gbps_from_mbps

MOST_TOGETHER = 32
"""So many services are planned at once; more wait for the next time."""

MOVES_TOGETHER = "move together, in steps, when the maintenance begins"

PARKED = "dark: it is being moved to another path"


def go_on(draft: Draft) -> None:
    """Make the next step of what is under way, if the last one is confirmed; forget it if it does not match."""
    book = draft.book
    plan = book.underway
    if plan is None:
        return
    if plan.plan is not None:
        rearrange.go_on(draft, plan)
        return
    services = [book.services.get(one) for one in plan.parts]
    if not _matches(book, plan, services):
        _drop(book, plan)
        return
    if plan.steps and plan.planned and book.freeze is not None:
        _wait_for_the_thaw(draft, plan)
        return
    if any(one is not None and one.leaving for one in services):
        return
    if not plan.steps:
        book.underway = None
        return
    for service_id, to in plan.steps.pop(0).items():
        if not _hop(draft, plan, book.services[service_id], to):
            _drop(book, plan)
            return


def begin(draft: Draft, stuck: Iterable[Mover]) -> dict[ServiceId, str]:
    """Plan for services that found no place alone, and make the first step. Returns why there is no order for some."""
    book = draft.book
    movers = list({one.id: one for one in stuck}.values())
    together = {one.id for one in movers}
    if len(together) < 2 or any(one.service.leaving for one in movers):
        return {}
    busy = book.underway
    if busy is not None and not busy.yields:
        return {}
    if book.considered == (book.changes, together):
        return {}
    book.considered = (book.changes, together)
    found = _plan(book, movers)
    if found is None:
        return {}
    _, ask, change = found
    left = {one.service for one in change.left}
    if busy is not None and change.steps:
        # Who has to go goes first.
        if busy.plan is None:
            _drop(book, busy)
        else:
            rearrange.break_off(draft, busy, "others have to move, and go first")
    _start(draft, *found)
    return {} if not left else _why(ask, left)


def home(draft: Draft, away: Sequence[Service]) -> bool:
    """Begin to bring those home who each found no faster place alone, because others of them are in it. Returns whether
    anybody goes.
    """
    book = draft.book
    movers = [Mover(service=one, faster=True) for one in away if one.placement is not None]
    if book.underway is not None or len(movers) < 2:
        return False
    found = _plan(book, with_a_place(book, movers))
    return found is not None and _start(draft, *found)


def _start(draft: Draft, chosen: Sequence[Mover], ask: Ask, change: ChangePlan) -> bool:
    book = draft.book
    left = {one.service for one in change.left}
    if change.steps:
        parts = {
            one.id: Part(
                order=one.service.order,
                was=one.service.placement,
                at=one.service.placement,
                home=one.home,
                drain=one.drain,
            )
            for one in chosen
            if one.id not in left
        }
        steps = [{hop.service: ask.place(hop) for hop in step.hops} for step in change.steps]
        ground = book.ground
        book.underway = Underway(
            steps=steps,
            parts=parts,
            revision=book.revision,
            avoid=ground.avoid,
            closures=ground.closures,
            planned=any(one.drain is not None or one.faster for one in chosen),
            home=any(one.faster for one in chosen),
        )
        go_on(draft)
    return book.underway is not None


def _drop(book: Book, plan: Underway) -> None:
    """Break off: who was on the way home goes one by one, until there is something new."""
    book.underway = None
    if plan.home:
        book.openings += 1
        book.one_by_one = book.openings


def _wait_for_the_thaw(draft: Draft, plan: Underway) -> None:
    """Go no further while changes are frozen; say so of those who are neither where they were nor where they go."""
    book = draft.book
    book.underway = None
    book.openings += 1
    for service_id, part in plan.parts.items():
        service, ends = book.services[service_id], (part.was, plan.last_of(service_id))
        if service.state is State.ACTIVE and any(one not in ends for one in (service.placement, *service.leaving)):
            draft.put(replace(service, reason=safety.HALF_WAY))


def would(book: Book, stuck: Iterable[Mover]) -> tuple[dict[ServiceId, Placement], dict[ServiceId, str]]:
    """Where services that found no place alone would go together, and why there is no order for some."""
    found = _plan(book, list({one.id: one for one in stuck}.values()))
    if found is None:
        return {}, {}
    chosen, ask, change = found
    left = {one.service for one in change.left}
    goes = {one.id: ask.targets[one.id] for one in chosen if one.id not in left}
    return goes, _why(ask, left) if left else {}


def told_together(book: Book, stuck: Mapping[ServiceId, str], movers: Iterable[Mover]) -> dict[ServiceId, str]:
    """Why services that have no detour alone would be stuck when a maintenance begins, or that they will move together:
    as things are now, of which nothing is kept.
    """
    goes, why = would(book, movers) if len(stuck) > 1 else ({}, {})
    text = f"but as things are {' and '.join(sorted(goes))} {MOVES_TOGETHER}"
    return {one: f"{alone}, {text}" if one in goes else why.get(one, alone) for one, alone in stuck.items()}


def still_so(before: Mapping[ServiceId, str], alone: Mapping[ServiceId, str]) -> bool:
    """Whether what was said of the same services says why each finds nothing alone as it is now."""
    return all(before[one].startswith((text, CIRCLE)) for one, text in alone.items())


def dark_and_nowhere(book: Book) -> list[Mover]:
    """Services that are dark and for which no repair was found."""
    book.nowhere = {
        one
        for one in book.nowhere
        if (service := book.services.get(one)) is not None
        and service.state in CARRYING
        and (service.placement is None or book.dark(service.placement))
    }
    services = in_order_of_need(book.services[one] for one in book.nowhere if one not in book.stands_back)
    return [Mover(service=one, home=one.home) for one in services]


def _plan(book: Book, movers: Sequence[Mover]) -> tuple[list[Mover], Ask, ChangePlan] | None:
    """Those who have a place together, and in which steps they get there; None where there are not two."""
    chosen = list(movers[:MOST_TOGETHER])
    targets = targets_of(book, chosen)
    for_good = [replace(one, home=None) for one in chosen]
    if len(targets) < len(chosen) and for_good != chosen:
        # Who changes places has no time to change back in which both are in both: rather nobody has a way home booked.
        whole = targets_of(book, for_good)
        chosen, targets = (for_good, whole) if len(whole) > len(targets) else (chosen, targets)
    chosen = [one for one in chosen if one.id in targets]
    if len(chosen) < 2:
        return None
    ask = Ask(book, chosen, targets)
    return chosen, ask, ask.sequence(ask.most_harm)


def _matches(book: Book, plan: Underway, services: Iterable[Service | None]) -> bool:
    same = (plan.revision, plan.avoid, plan.closures) == (book.revision, book.ground.avoid, book.ground.closures)
    return same and all(
        service is not None and service.state in HOLDING and (service.order, service.placement) == (part.order, part.at)
        for service, part in zip(services, plan.parts.values(), strict=True)
    )


def _hop(draft: Draft, plan: Underway, service: Service, to: Placement | None) -> bool:
    """Move one service, if it still fits."""
    book, part = draft.book, plan.parts[service.id]
    if to is None:
        reroute.give_up(draft, service, PARKED)
    else:
        bound = reroute.with_home(service, part.home) if service.home != part.home else service
        with book.ground.calendar.without(service.id):
            if not book.ground.room(to, bound.stay):
                return False
        waits = PARKED if bound.reason is not None and bound.state is not State.ACTIVE else None
        reroute.move(draft, replace(bound, away=True, reason=waits), to)
    plan.parts[service.id] = replace(part, at=to)
    drain = None if part.drain is None else book.maintenances.get(part.drain)
    if drain is not None and service.id not in drain.moved:
        draft.put_maintenance(replace(drain, moved=(*drain.moved, service.id)))
    return True


def _why(ask: Ask, left: Iterable[ServiceId]) -> dict[ServiceId, str]:
    """Why services have no order, and the least harm that would undo it."""
    change = ask.sequence(Harm.REDUCTION)
    knots = {service: knot for knot in change.knots for service in knot.services}
    said: dict[ServiceId, str] = {}
    for service in left:
        knot = knots.get(service)
        if knot is not None and knot.circle:
            said[service] = f"{circle_of(knot)}; {_harm(change, knot, ask.rates_mbps)}"
    return said


def _harm(change: ChangePlan, knot: Knot, rates_mbps: Mapping[ServiceId, int]) -> str:
    cut = [
        f"{one.service} were dark for {_seconds(one.for_s)}"
        if one.by_mbps >= rates_mbps.get(one.service, math.inf)
        else f"{one.service} had {gbps_from_mbps(one.by_mbps):g} Gbit/s less for {_seconds(one.for_s)}"
        for step in change.steps
        if any(hop.service in knot.services for hop in step.hops)
        for one in step.reductions
    ]
    if knot.harm is None or not cut:
        return "nothing short of giving one of them up would undo that"
    return f"they could be moved if {' and '.join(dict.fromkeys(cut))}"


def _seconds(time_s: float) -> str:
    return "a second" if time_s == 1 else f"{time_s:g} seconds"
