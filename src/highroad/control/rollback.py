"""A planned change that turns out harmful is undone by itself, and nothing more of it is begun until the thaw.

    routers are asked -> `begin` puts moves on trial -> counters and probes are read -> `check`: it ends, or all go back

What is on trial keeps its old placement in the calendar, so there is always a way back, make-before-break.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from highroad.control import displace, safety
from highroad.control.book import Book, Draft
from highroad.control.names import change_id
from highroad.control.trial import (
    LONGEST_CHECK_S,
    NOISE_BYTES,
    SETTLE_S,
    Check,
    Loss,
    Seen,
    Step,
    Trial,
    is_move,
    seen,
    suspects,
)
from highroad.model.freeze import Freeze
from highroad.model.lifecycle import Event, State
from highroad.model.policy import Policy
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.planning.placement import keeps
from highroad.ports import Change, Observed, Replace, Sample

NAMED = 3
"""So many services and links are named in words; the event has all of them."""

MOST_PROBED = 500
"""Of so many it is asked at once how they are measured before they move."""


def begin(book: Book, have: Mapping[ServiceId, Policy], changes: Sequence[Change], now_s: float) -> None:
    """Put on trial what routers are being asked to move by choice."""
    if book.trials.check is None:
        return
    trials = [
        trial
        for change in changes
        if isinstance(change, Replace) and (trial := _trial(book, have, change.policy)) is not None
    ]
    if trials:
        step = Step(id=change_id(), begun_s=now_s, trials={one.service: one for one in trials})
        book.trials.begin(step)
    elif not book.trials.steps:
        book.trials.probes.forget()


def to_be_probed(book: Book) -> set[ServiceId]:
    """Who is to be moved by choice, and of whom it is not known how its path is measured now: a step's worth."""
    found: set[ServiceId] = set()
    for name in book.present.differs:
        held, policy = book.present.held.get(name), book.wanted(name)
        if held is None or policy is None or book.trials.probes.knows(name) or not is_move(held, policy):
            continue
        service = book.services.get(name)
        if service is not None and service.state is State.ACTIVE and not safety.is_repair(book, service, held):
            found.add(name)
            if len(found) >= MOST_PROBED:
                break
    return found


def check(draft: Draft, observed: Observed, sample: Sample | None) -> None:
    """Judge what is on trial by what was read after `observed`: let it be, or bring all of it back."""
    book, trials = draft.book, draft.book.trials
    trials.returning = {one for one in trials.returning if (known := book.services.get(one)) and known.leaving}
    rules = trials.check
    harmed: dict[ServiceId, Loss] = {}
    for step in list(trials.steps) if rules is not None else ():
        _drop(book, observed, step)
        if not step.trials:
            trials.end(step, clean=False)
        elif step.due_s is None:
            step.due_s = (draft.now_s if sample is None else max(draft.now_s, sample.at_s)) + SETTLE_S
            step.since_s = step.due_s
        elif sample is not None and rules is not None and step.due_s > sample.at_s + SETTLE_S + rules.for_s:
            step.since_s = step.due_s = sample.at_s + SETTLE_S  # the clock was set back
            step.readings = []
        elif sample is not None and sample.at_s >= step.due_s and rules is not None:
            step.readings.append((sample.at_s, sample.services))
            step.due_s = sample.at_s + rules.for_s / 2
            harmed |= _judge(draft, step, rules)
    if harmed:
        _roll_back(draft, observed, harmed)
    if not trials.steps and not book.present.differs:
        trials.probes.forget()
    if sample is not None:
        trials.note(sample)


def give_way(draft: Draft) -> bool:
    """End every trial where something that has failed since cannot be repaired: it may need the room."""
    book, trials = draft.book, draft.book.trials
    if not trials.steps:
        return False
    since_s = min(step.begun_s for step in trials.steps)
    struck = {
        outage.service
        for one in book.incidents.values()
        if one.open and one.opened_s >= since_s
        for outage in one.outages
        if not outage.healed
    }
    dark = (book.services.get(one) for one in struck)
    if not any(one is not None and one.state is State.DEGRADED and _is_dark(book, one) for one in dark):
        return False
    for step in list(trials.steps):
        trials.end(step, clean=False)
    return True


def _trial(book: Book, have: Mapping[ServiceId, Policy], policy: Policy) -> Trial | None:
    """The trial of a move; None where it is a repair, no move, or there is no way back: to other ends or in another
    window, out of a new bound or fence, or without the room of a new rate in windows to come.
    """
    service, held = book.services[policy.service], have.get(policy.service)
    if held is None or not is_move(held, policy) or service.placement is None:
        return None
    if service.state is not State.ACTIVE or safety.is_repair(book, service, held):
        return None
    if service.leaving_ends or _leaves_in_time(book, service):
        return None
    was = _held_placement(book, service, held)
    if was is None or not keeps(book.ground, was, service.order):
        return None
    if was.bandwidth_gbps < service.order.bandwidth_gbps and len(service.window.parts) > 1:
        return None
    return Trial(service=service.id, was=was, branches=service.placement.branches, lost=book.trials.before(service.id))


def _leaves_in_time(book: Book, service: Service) -> bool:
    """Whether where a service was is not its own for as long as it is on trial; who made room for another that is not
    carried yet has it back from that one.
    """
    return service.leaves_by_s is not None and not (service.gave_way and book.rooms.makes_room(service.id))


def _held_placement(book: Book, service: Service, held: Policy) -> Placement | None:
    """The placement, of those that a service is leaving, that routers hold."""
    for left in reversed(service.leaving):
        policy = book.policy_at(service, left)
        if policy is not None and not is_move(held, policy):
            return left
    return None


def _drop(book: Book, observed: Observed, step: Step) -> None:
    """Leave out who was moved again, released, struck by a failure or not moved after all: nothing to be judged."""
    for trial in list(step.trials.values()):
        service = book.services.get(trial.service)
        here = None if service is None else service.placement
        held = observed.policies.get(trial.service)
        if (
            service is None
            or here is None
            or service.state is not State.ACTIVE
            or here.branches != trial.branches
            or trial.was not in service.leaving
            or service.leaving_ends
            or _leaves_in_time(book, service)
            or book.dark(here)
            or book.dark(trial.was)
            or held is None
            or (policy := book.policy(service)) is None
            or is_move(held, policy)
        ):
            del step.trials[trial.service]


def _judge(draft: Draft, step: Step, rules: Check) -> dict[ServiceId, Loss]:
    """Who is harmed, by counters or by probes; nobody, and the step is over, where all are carried or neither says
    anything; nobody yet, where it is unclear.
    """
    if len(step.readings) < 3:
        return {}
    book = draft.book
    noise_bytes = NOISE_BYTES / book.trials.rate_scale
    verdicts = {
        trial.service: _probed(
            book, step, trial, rules, seen(step, trial, book.services[trial.service], rules, noise_bytes)
        )
        for trial in step.trials.values()
    }
    harmed = {service: loss for service, (what, loss) in verdicts.items() if what is Seen.HARMED}
    if not harmed and not any(what is Seen.UNCLEAR for what, _ in verdicts.values()):
        book.trials.end(step, clean=True)
        silent = sum(what is Seen.SILENT for what, _ in verdicts.values())
        by_probes = sum(loss.probed for _, loss in verdicts.values())
        draft.tell(
            "highroad.change.kept",
            step.id,
            canary=step.canary,
            services=list(verdicts),
            without_traffic=silent,
            by_probes=by_probes,
        )
    return harmed


def _probed(book: Book, step: Step, trial: Trial, rules: Check, by_counters: tuple[Seen, Loss]) -> tuple[Seen, Loss]:
    """What probes add to what counters say. They come seconds later, and are waited for where a service that is
    measured sends nothing, or has a bound, which counters say nothing of, and no canary went before it.
    """
    what, loss = by_counters
    service, probes = book.services[trial.service], book.trials.probes
    if what is Seen.HARMED or step.since_s is None:
        return what, loss
    bound_ms = service.order.latency_bound_ms
    said = probes.of(service.id, begun_s=step.begun_s, since_s=step.since_s, bound_ms=bound_ms, allowed=rules.loss)
    if said.harmed:
        share = said.lost or 0.0
        return Seen.HARMED, Loss(share=share, dark=share == 1.0, probed=True, late_ms=said.late_ms)
    wanted = what is Seen.SILENT or (what is Seen.CARRIED and bound_ms is not None and not step.proven)
    if not wanted or not probes.knows(service.id):
        return what, loss
    if said.enough:
        return Seen.CARRIED, replace(loss, probed=what is Seen.SILENT)
    late = step.readings[-1][0] - step.readings[0][0] >= LONGEST_CHECK_S
    return (what if late else Seen.UNCLEAR), loss


def _roll_back(draft: Draft, observed: Observed, harmed: Mapping[ServiceId, Loss]) -> None:
    book, trials = draft.book, draft.book.trials
    on_trial = [trial for step in trials.steps for trial in step.trials.values()]
    ways = {one.service: (one.was, here) for one in on_trial if (here := book.services[one.service].placement)}
    links = suspects((ways[one] for one in harmed), [now for one, (_, now) in ways.items() if one not in harmed])
    back = [trial.service for trial in on_trial if _go_back(draft, trial, harmed.get(trial.service))]
    text = _text(harmed, len(on_trial), len(back), links)
    frozen = _freeze(draft, text)
    undone = {*back, *_not_begun(draft, observed)}
    for maintenance in list(book.maintenances.values()):
        if maintenance.in_force and not undone.isdisjoint(maintenance.moved):
            moved = tuple(one for one in maintenance.moved if one not in undone)
            draft.put_maintenance(replace(maintenance, moved=moved, note=text))
    draft.tell(
        "highroad.change.rolled-back",
        trials.steps[0].id,
        text=text,
        freeze=frozen.id,
        services=back,
        harmed={service: round(loss.share, 4) for service, loss in harmed.items()},
        late_ms={service: round(loss.late_ms, 3) for service, loss in harmed.items() if loss.late_ms is not None},
        by_probes=[service for service, loss in harmed.items() if loss.probed],
        links=links,
    )
    for step in list(trials.steps):
        trials.end(step, clean=False)
    book.openings += 1  # who was on the way home tries again after the thaw


def _text(harmed: Mapping[ServiceId, Loss], moved: int, back: int, links: Sequence[str]) -> str:
    worst = sorted(harmed, key=lambda one: -harmed[one].share)
    names = [f"{one} {harmed[one].what}" for one in worst[:NAMED]]
    how = "were late" if all(one.late_ms is not None for one in harmed.values()) else "lost traffic"
    more = [f"{len(worst) - NAMED} more"] if len(worst) > NAMED else []
    over = list(links[:NAMED]) + ([f"{len(links) - NAMED} more"] if len(links) > NAMED else [])
    return (
        f"rolled back{'' if back == moved else f' ({moved - back} could not be)'}: {len(harmed)} of {moved} moved "
        f"services {how} ({', '.join([*names, *more])}) over {', '.join(over)}"
    )[: safety.LONGEST_REASON]


def _freeze(draft: Draft, text: str) -> Freeze:
    """Freeze changes; of a freeze that an operator began the reason stays."""
    known = draft.book.freeze
    reason = f"{known.reason}; {text}" if known is not None and known.reason else text
    return safety.freeze(draft, reason[: safety.LONGEST_REASON])


def _go_back(draft: Draft, trial: Trial, loss: Loss | None) -> bool:
    """Bring one service back; who is harmed is DEGRADED until then, and who has not its rate there until after the
    thaw. Returns whether it has room there, as it has but where the network was changed meanwhile.
    """
    book = draft.book
    service = book.services[trial.service]
    order, here = service.order, service.placement
    to = _as_it_was(book, service, trial.was)
    if to is None and displace.give_up_for(draft, service.id):
        to = _as_it_was(book, service, trial.was)
    if to is None or here is None:
        return False
    book.trials.shun(service.id, trial.branches)
    by_s = None if service.gave_way else service.leaves_by_s
    back = replace(service, placement=to, leaving=(*service.leaving, here), leaves_by_s=by_s, away=True)
    short = to.bandwidth_gbps < order.bandwidth_gbps
    if short:
        back = replace(back, reason=safety.short(to.bandwidth_gbps))
    elif loss is not None:
        back = replace(back, reason=f"{_harm(loss)} on its new path: it goes back to the one before")
    if short or loss is not None:
        draft.move(back, Event.PROMISE_BROKEN)
    else:
        draft.put(back)
    book.trials.returning.add(service.id)
    return True


def _harm(loss: Loss) -> str:
    if loss.late_ms is not None:
        return f"it took {loss.late_ms:.1f} ms, more than its bound,"
    if loss.probed:
        return "no probe was answered" if loss.dark else f"{loss.share:.1%} of probes were lost"
    return "it was dark" if loss.dark else f"it lost {loss.share:.1%} of what it sent"


def _as_it_was(book: Book, service: Service, was: Placement) -> Placement | None:
    """A placement that a service is leaving, as it may have it again; without its backup if that has no room."""
    order = service.order
    to = replace(
        was,
        bandwidth_gbps=min(was.bandwidth_gbps, order.bandwidth_gbps),
        backup=was.backup if order.protection is Protection.PATH else None,
    )
    with book.ground.calendar.without(service.id):
        for one in (to, replace(to, backup=None)):
            if keeps(book.ground, one, order) and book.ground.room(one, service.window):
                return one
    return None


def _not_begun(draft: Draft, observed: Observed) -> list[ServiceId]:
    """Forget what a drain or a plan has decided and routers were not asked yet: after the thaw it is decided again."""
    book = draft.book
    undone: list[ServiceId] = []
    drains = [one for one in book.maintenances.values() if one.in_force]
    plan = book.underway if book.underway is not None and book.underway.plan is not None else None
    names = [service for one in drains for service in one.moved]
    for name in dict.fromkeys([*names, *(() if plan is None else plan.parts)]):
        service, held = book.services.get(name), observed.policies.get(name)
        if service is None or held is None or service.state is not State.ACTIVE or book.trials.holds(name):
            continue
        policy = book.policy(service)
        if policy is None or not is_move(held, policy):
            continue
        was = _held_placement(book, service, held)
        to = None if was is None or book.dark(was) else _as_it_was(book, service, was)
        if to is None or to.bandwidth_gbps != service.order.bandwidth_gbps:
            continue
        kept = tuple(one for one in service.leaving if one != was)
        draft.put(replace(service, placement=to, leaving=kept, away=service.away or name in names))
        undone.append(name)
    book.changes += bool(undone)
    return undone


def _is_dark(book: Book, service: Service) -> bool:
    return service.placement is None or book.dark(service.placement)
