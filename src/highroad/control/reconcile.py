"""The loop's heart: what is wanted, what is, and the safe difference. Level-triggered: it remembers nothing.

    read the fabric -> `observe` (what time and the fabric changed, committed) -> `diff` -> apply -> read again

`observe` is the only place where a service's state follows the world; `diff` never lets the old and the new
together exceed a link, so a step that has no room yet waits until what is in its way is confirmed gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from highroad.control import incidents, maintain, repair
from highroad.control.book import NOTICED_WITHIN_S, Book, Draft
from highroad.control.order import let_go, path_of
from highroad.model.lifecycle import ENDED, Event, State
from highroad.model.network import LinkId
from highroad.model.policy import Policy
from highroad.model.service import Service, ServiceId
from highroad.ports import Change, Install, Observed, Replace, Sample, Withdraw


def observe(
    draft: Draft, observed: Observed, sample: Sample | None, refusals: Mapping[ServiceId, str] | None = None
) -> None:
    """Bring services, incidents and maintenances in line with the time and with what the fabric reports.

    `refusals` are the changes that it would not make when it was last asked.
    """
    _windows(draft)
    incidents.failures(draft, observed)
    _confirmations(draft, observed)
    repair.mend(draft, observed, refusals or {})
    maintain.drains(draft)
    repair.go_home(draft)
    incidents.heal(draft, observed, sample)
    incidents.close(draft)
    past = draft.book.readings
    if sample is not None and (not past or sample.at_s >= past[-1][0] + NOTICED_WITHIN_S):
        readings = {service: counters.dark_s * 1e3 for service, counters in sample.services.items()}
        past.append((sample.at_s, readings))


def wanted(book: Book) -> dict[ServiceId, Policy]:
    """The policies that routers are to hold."""
    policies = ((service.id, book.policy(service)) for service in book.services.values())
    return {service: policy for service, policy in policies if policy is not None}


def diff(book: Book, have: Mapping[ServiceId, Policy]) -> list[Change]:
    """The changes that bring the fabric to what is wanted, without those that have no room yet.

    Withdrawals come first, but their room counts as free only once the fabric has confirmed it: so each step fits
    with old and new both present, whatever order they take effect in.
    """
    want = wanted(book)
    changes: list[Change] = [Withdraw(service=service) for service in have if service not in want]
    differing = {service: policy for service, policy in want.items() if have.get(service) != policy}
    if not differing:
        return changes
    present: dict[LinkId, int] = {}
    for policy in have.values():
        for link, rate in book.loads(policy).items():
            present[link] = present.get(link, 0) + rate
    for service, policy in differing.items():
        old = have.get(service)
        before: Mapping[LinkId, int] = {} if old is None else book.loads(old)
        more = {link: rate - before.get(link, 0) for link, rate in book.loads(policy).items()}
        if not all(
            rate <= 0 or present.get(link, 0) + rate <= book.ground.calendar.capacity(link)
            for link, rate in more.items()
        ):
            continue
        for link, rate in more.items():
            present[link] = present.get(link, 0) + max(0, rate)
        changes.append(Install(policy=policy) if old is None else Replace(policy=policy))
    return changes


def next_boundary_s(book: Book, now_s: float) -> float | None:
    """When a window opens or closes next: the loop need not look before, unless something else happens."""
    times = [
        service.order.window.start_s if service.state is State.RESERVED else service.order.window.until_s
        for service in book.services.values()
        if service.state not in ENDED
    ]
    return min((time for time in times if time > now_s), default=None)


def _windows(draft: Draft) -> None:
    now = draft.now_s
    for service in list(draft.book.services.values()):
        if service.state in ENDED:
            continue
        window = service.order.window
        if window.until_s <= now:
            _close_window(draft, service)
        elif service.state is State.RESERVED and window.start_s <= now:
            draft.book.tried.pop(service.id, None)
            draft.move(service, Event.WINDOW_OPENS)


def _close_window(draft: Draft, service: Service) -> None:
    if service.state is State.ACTIVATING:
        reason = service.reason or "it could not be carried before its window closed"
        draft.move(replace(let_go(service), reason=reason), Event.CANNOT_CARRY)
    elif service.state is State.RESERVED:
        reason = "its whole window had passed before it could be activated"
        opened = draft.move(service, Event.WINDOW_OPENS)
        draft.move(replace(let_go(opened), leaving=(), reason=reason), Event.CANNOT_CARRY)
    else:
        draft.move(let_go(service), Event.WINDOW_CLOSES)


def _confirmations(draft: Draft, observed: Observed) -> None:
    """What routers hold is what is wanted: then what is left behind is free, and a new service is ACTIVE."""
    book = draft.book
    for service in list(book.services.values()):
        if not service.leaving and service.state is not State.ACTIVATING:
            continue
        if not book.confirmed(service, observed):
            continue
        if service.leaving:
            was = service.leaving[-1]
            service = draft.put(replace(service, leaving=()))
            book.changes += 1
            here = service.placement
            if here is not None and (here.there, here.back) != (was.there, was.back):
                draft.tell_of(service, "rerouted", path=path_of(book, here), latency_ms=book.latency_ms(here))
        if service.state is State.ACTIVATING and service.placement and not book.dark(service.placement):
            service = draft.move(replace(service, reason=None), Event.CARRIED)
