"""Makes a plan of the optimiser real: decided on once, then step by step, each when routers have confirmed the last.

A plan is refused as a whole where the network, the calendar or a service of it is not what it was made for. Once it is
under way the world goes on: who was changed meanwhile is left out, who has no room waits for those who make some, and
where anything fails, or changes are frozen, nothing more of it is begun. What was moved by then stays where it is.
Each move is one like any other that is planned: make-before-break, in steps within the blast radius, a canary first,
on trial until counters show that it is carried as before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from highroad.control import reroute, safety
from highroad.control.book import Book, Draft
from highroad.control.underway import Part, Underway
from highroad.errors import Conflict, PlanStale
from highroad.graph.disjoint import site_group
from highroad.model.lifecycle import ENDED, State
from highroad.model.network import LinkId
from highroad.model.plan import Applied, Doing, MadeFor, Optimising, Rearrangement, Was
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.closure import Heed, closed
from highroad.planning.placement import keeps
from highroad.units import gbps_from_mbps, iso_from_s

AT_ONCE = 64
"""So many are moved in the book in one look: then orders have their turn."""

NAMED = 5
"""Of what has changed so much is named."""

NO_ROOM = "there was no room for it any more when its turn came"


def apply(draft: Draft, change: Rearrangement) -> Applied:
    """Begin to make a plan real. Raises PlanStale with what has changed since, Frozen, Conflict; then nothing is."""
    book = draft.book
    if book.optimising is Optimising.OFF:
        raise Conflict("the optimiser is off: HIGHROAD_OPTIMISE says so")
    safety.check_thawed(book, f"{change.plan} is not applied")
    if book.unhealed:
        raise Conflict("services are dark and are being repaired: that goes first")
    if book.underway is not None:
        other = book.underway.plan or "a change of several services"
        raise Conflict(f"{other} is being made step by step: that goes first")
    changed = what_changed(book, change.made_for, draft.now_s)
    if changed:
        more = [f"{len(changed) - NAMED} more"] if len(changed) > NAMED else []
        text = "; ".join([*changed[:NAMED], *more])
        raise PlanStale(f"{change.plan} was made for what is not so any more: {text}", changed=changed)
    moved = {service: None for step in change.steps for service in step}
    wrong = [one for one in moved if not may_be_at(book, book.services[one], change.last_of(one))]
    if wrong:
        raise Conflict(f"{change.plan} would break a promise of {' and '.join(wrong[:NAMED])}: it is not applied")
    if not moved:
        raise Conflict(f"{change.plan} moves nobody")
    book.underway = Underway(
        steps=[dict(step) for step in change.steps],
        parts={one: _part(book.services[one]) for one in moved},
        revision=book.revision,
        avoid=book.ground.avoid,
        closures=book.ground.closures,
        planned=True,
        home=False,
        plan=change.plan,
    )
    draft.tell("highroad.plan.applied", change.plan, services=list(moved), steps=len(change.steps))
    go_on(draft, book.underway)
    return Applied(id=change.plan, services=len(moved), steps=len(change.steps))


def _part(service: Service) -> Part:
    return Part(order=service.order, was=service.placement, at=service.placement, home=None, drain=None)


# --- step by step ---------------------------------------------------------------------------------------------


def go_on(draft: Draft, plan: Underway) -> None:
    """Make the next step of a plan, if the last one is confirmed; end it when there is none, and say what became of it.

    Who has no room is tried again after the others, for as long as that moves anybody.
    """
    book = draft.book
    why = _in_the_way(book, plan)
    if why:
        break_off(draft, plan, why)
        return
    _leave_out(book, plan)
    if not plan.making and any(book.services[one].leaving for one in plan.parts):
        return
    while plan.steps:
        plan.making = _make(draft, plan, plan.steps[0])
        if plan.making:
            book.unfinished = True
            return
        del plan.steps[0]
        if any(book.services[one].leaving for one in plan.parts):
            return
    again = {one: plan.waits.pop(one) for one in list(plan.waits) if one in plan.parts} if plan.came_on else {}
    plan.came_on = False
    if again:
        plan.steps.append(dict(again))
        go_on(draft, plan)
        return
    plan.left.update(dict.fromkeys(plan.waits, NO_ROOM))
    book.underway = None
    draft.tell("highroad.plan.finished", plan.plan or "", services=sorted(plan.moved), left=dict(plan.left))


def break_off(draft: Draft, plan: Underway, why: str) -> None:
    """Begin nothing more of a plan; what it has moved stays where it is."""
    draft.book.underway = None
    services = sorted(plan.moved)
    draft.tell("highroad.plan.broken-off", plan.plan or "", text=why, services=services, left=sorted(_yet(plan)))


def doing(book: Book) -> Doing | None:
    """How far a plan is."""
    plan = book.underway
    if plan is None or plan.plan is None:
        return None
    return Doing(
        plan=plan.plan, moved=len(plan.moved), services=len(plan.moved | _yet(plan)), steps_left=len(plan.steps)
    )


def _yet(plan: Underway) -> set[ServiceId]:
    return {service for step in plan.steps for service in step} | plan.waits.keys()


def _in_the_way(book: Book, plan: Underway) -> str:
    """Why nothing more of a plan is begun, in words; empty where it goes on."""
    if book.freeze is not None:
        return "changes are frozen"
    if plan.revision != book.revision:
        return f"the network is at revision {book.revision} now"
    if plan.avoid != book.ground.avoid or book.unhealed:
        return "something has failed or is in use again"
    if plan.closures != book.ground.closures:
        return "a maintenance was booked, begun or ended"
    return ""


def _leave_out(book: Book, plan: Underway) -> None:
    """Who was changed, moved or released by somebody else is not moved any more."""
    for name, part in list(plan.parts.items()):
        service = book.services.get(name)
        as_it_was = service is not None and (service.order, service.placement) == (part.order, part.at)
        if as_it_was and service is not None and service.state is State.ACTIVE:
            continue
        del plan.parts[name]
        waited = [step.pop(name) for step in plan.steps if name in step]
        if waited or plan.waits.pop(name, None) is not None:
            ended = service is None or service.state in ENDED
            plan.left[name] = "it has ended" if ended else "it was changed meanwhile"


def _make(draft: Draft, plan: Underway, step: dict[ServiceId, Placement | None]) -> bool:
    """Move some of a step, those that fit. Returns whether there are more in it."""
    book = draft.book
    for name in list(step)[:AT_ONCE]:
        to, service = step.pop(name), book.services[name]
        if to is None or not may_be_at(book, service, to):
            plan.left[name] = "its place would break a promise by now"
            continue
        with book.ground.calendar.without(name):
            fits = book.ground.room(to, service.stay)
        if not fits:
            plan.waits[name] = to
            continue
        plan.parts[name] = replace(plan.parts[name], at=reroute.move(draft, service, to).placement)
        plan.moved.add(name)
        plan.came_on = True
    return bool(step)


# --- what a plan holds for ------------------------------------------------------------------------------------


def made_for(book: Book, moves: Iterable[tuple[Service, Placement]], now_s: float) -> MadeFor:
    """What a plan with these moves holds for, as things are."""
    moves = list(moves)
    more = {link for service, to in moves for link in more_of(service.placement, to)}
    return MadeFor(
        revision=book.revision,
        out_of_use=_out_of_use(book),
        booked=_booked(book),
        services={
            service.id: Was(version=service.version, placement=service.placement)
            for service, _ in moves
            if service.placement is not None
        },
        free_mbps={link: free_of(book, link, now_s) for link in sorted(more)},
    )


def what_changed(book: Book, then: MadeFor, now_s: float) -> list[str]:
    """What is not any more as it was when a plan was made, in words; nothing where it still holds.

    Of the calendar counts what concerns the plan: where the services are that it moves, and whether as much is free as
    then of the links that it brings something to.
    """
    if then.revision != book.revision:
        return [f"the network is at revision {book.revision}, and was at {then.revision}"]
    out, said = set(_out_of_use(book)), []
    said += [f"{link} is out of use" for link in sorted(out.difference(then.out_of_use))]
    said += [f"{link} is in use again" for link in sorted(set(then.out_of_use) - out)]
    booked = set(_booked(book))
    said += [f"{one} is booked" for one in sorted(booked.difference(then.booked))]
    said += [f"{one} is booked no longer" for one in sorted(set(then.booked) - booked)]
    for name, was in then.services.items():
        why = why_not_as_it_was(book, name, was)
        if why:
            said.append(f"{name} {why}")
    for link, free_mbps in then.free_mbps.items():
        now_mbps = free_of(book, link, now_s)
        if now_mbps < free_mbps:
            free = f"{gbps_from_mbps(now_mbps):g} Gbit/s are free of {link}"
            said.append(f"{free}, and {gbps_from_mbps(free_mbps):g} were")
    return said


def why_not_as_it_was(book: Book, name: ServiceId, was: Was) -> str:
    """Why a service is not to be moved as it was planned, in words; empty where it is."""
    service = book.services.get(name)
    if service is None or service.state in ENDED:
        return "has ended"
    if service.state is not State.ACTIVE:
        return f"is {service.state.value}"
    if service.version != was.version:
        return "was changed by its tenant"
    if service.placement != was.placement:
        return "was moved"
    if service.leaving or service.leaving_ends or service.leaves_by_s is not None:
        return "is being moved"
    if service.home is not None:
        return "is on a detour for a maintenance"
    return ""


def more_of(was: Placement | None, to: Placement) -> dict[LinkId, int]:
    """The links of which a service takes more after a move than before, and how much, Mbit/s: its backup's too."""
    before = {} if was is None else was.load_mbps()
    after = to.load_mbps()
    if to.backup is not None:
        had = set() if was is None or was.backup is None else {*was.backup.there, *was.backup.back}
        for link in {*to.backup.there, *to.backup.back} - had:
            after.setdefault(link, 1)  # shared with others: whatever it is that it needs more
    return {link: more for link, rate in after.items() if (more := rate - before.get(link, 0)) > 0}


def may_be_at(book: Book, service: Service, to: Placement | None) -> bool:
    """Whether a placement keeps every promise but that there is room, and is none that was found harmful."""
    if to is None or book.dark(to) or book.trials.shuns(service.id, to):
        return False
    if to.bandwidth_gbps != service.order.bandwidth_gbps or not keeps(book.ground, to, service.order):
        return False
    if not joins(book, service, to):
        return False
    if service.order.protection is Protection.PATH and not (book.covered(to) and _apart(book, service, to)):
        return False
    shut = {book.graph.links[one] for one in closed(book.ground.closures, service.stay, Heed.ALL)}
    enters = {*to.links, *(() if to.backup is None else (*to.backup.there, *to.backup.back))}
    here = set() if service.placement is None else set(service.placement.links)
    return shut.isdisjoint(enters - here)


def _ways(to: Placement) -> tuple[tuple[LinkId, ...], tuple[LinkId, ...]]:
    return ((), ()) if to.backup is None else (to.backup.there, to.backup.back)


def joins(book: Book, service: Service, to: Placement) -> bool:
    """Whether a placement, and its backup, lead from one end of a service to the other and back."""
    ways = [(to.there, to.back), *([] if to.backup is None else [_ways(to)])]
    return all(_joins(book, service, there, back) for there, back in ways)


def _joins(book: Book, service: Service, there: Sequence[LinkId], back: Sequence[LinkId]) -> bool:
    ends = service.order.a_site, service.order.b_site
    for way, (start, end) in ((there, ends), (back, ends[::-1])):
        links = [book.network.link[one] for one in way]
        at = start
        for link in links:
            if link.tail != at:
                return False
            at = link.head
        if at != end:
            return False
    return True


def _apart(book: Book, service: Service, to: Placement) -> bool:
    """Whether a backup shares no risk group with what it is for, but those of the ends."""
    ends = frozenset(map(site_group, (service.order.a_site, service.order.b_site)))
    own, theirs = (
        frozenset[str]().union(*map(book.ground.groups_of, links)) for links in (to.links, itertools.chain(*_ways(to)))
    )
    return not (own & theirs) - ends


def _out_of_use(book: Book) -> tuple[LinkId, ...]:
    return tuple(sorted(book.graph.links[one] for one in book.ground.avoid))


def _booked(book: Book) -> tuple[str, ...]:
    """The maintenances that are to come or go on, and until when."""
    return tuple(
        sorted(
            f"{one.id} from {iso_from_s(one.begin_s)}" + ("" if one.end_s is None else f" to {iso_from_s(one.end_s)}")
            for one in book.booked
        )
    )


def free_of(book: Book, link: LinkId, now_s: float) -> int:
    """What is free of a link from now on, for ever, Mbit/s."""
    return book.ground.calendar.free(link, Window(start_s=now_s))
