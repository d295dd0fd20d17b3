"""The loop's heart: what is wanted, what is, and the safe difference. Level-triggered: it remembers nothing.

    read the fabric -> `observe` (what time and the fabric changed, committed) -> `diff` -> apply -> read again

`observe` is the only place where a service's state follows the world; `diff` never lets the old and the new
together exceed a link, so a step that has no room yet waits until what is in its way is confirmed gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from highroad.control import incidents, maintain, repair, safety
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
    safety.say_why(draft, observed)
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


def diff(
    book: Book, have: Mapping[ServiceId, Policy], *, most: int | None = None, later: Collection[ServiceId] = ()
) -> list[Change]:
    """The next step towards what is wanted: repairs, then what is planned, without what has no room yet.

    What is planned touches at most so many services, those that the fabric would not change before (`later`) last; none
    while changes are frozen. Withdrawals come before other plans, but their room counts as free only once the fabric
    has confirmed it: so each step fits with old and new both present, whatever order they take effect in.
    """
    want = wanted(book)
    repairs: list[ServiceId] = []
    ended = [service for service in have if service not in want]
    planned = list(ended)
    for service, policy in want.items():
        held = have.get(service)
        if held != policy:
            mends = safety.is_repair(book, book.services[service], held)
            (repairs if mends else planned).append(service)
    if not repairs and (not planned or book.freeze is not None):
        return []
    planned.sort(key=lambda service: service in later)
    room = _Room(book, have)
    changes = [change for service in repairs if (change := room.change(service, want.get(service))) is not None]
    if book.freeze is not None:
        # What has ended waits like all that is planned, unless it is in the way of a repair.
        return [*changes, *(Withdraw(service=one) for one in ended if not have[one].links.isdisjoint(room.lacking))]
    end = None if most is None else len(changes) + most
    for service in planned:
        if len(changes) == end:
            break
        change = room.change(service, want.get(service))
        if change is not None:
            changes.append(change)
    return changes


class _Room:
    """What routers may hold once everything that was asked so far is made, in whatever order."""

    def __init__(self, book: Book, have: Mapping[ServiceId, Policy]) -> None:
        self._book = book
        self._have = have
        self.lacking: set[LinkId] = set()
        """Links that had too little for what could not be made."""
        self._present: dict[LinkId, int] = {}
        for policy in have.values():
            for link, rate in book.loads(policy).items():
                self._present[link] = self._present.get(link, 0) + rate

    def change(self, service: ServiceId, policy: Policy | None) -> Change | None:
        """What brings routers to a policy of a service, or to none; None where there is no room for it yet."""
        if policy is None:
            return Withdraw(service=service)
        old = self._have.get(service)
        before: Mapping[LinkId, int] = {} if old is None else self._book.loads(old)
        more = {link: rate - before.get(link, 0) for link, rate in self._book.loads(policy).items()}
        capacity = self._book.ground.calendar.capacity
        short = {link for link, rate in more.items() if rate > 0 and self._present.get(link, 0) + rate > capacity(link)}
        if short:
            self.lacking |= short
            return None
        for link, rate in more.items():
            self._present[link] = self._present.get(link, 0) + max(0, rate)
        return Install(policy=policy) if old is None else Replace(policy=policy)


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
        window = service.order.window
        if service.state in ENDED:
            if window.until_s <= now:  # routers may still hold it; its room is somebody else's by right
                draft.book.ground.keep(replace(service, leaving=()))
            continue
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
            if here is not None and here.branches != was.branches:
                draft.tell_of(service, "rerouted", path=path_of(book, here), latency_ms=book.latency_ms(here))
        if service.state is State.ACTIVATING and service.placement and not book.dark(service.placement):
            book.openings += service.away  # carried, but perhaps not where it belongs
            service = draft.move(replace(service, reason=None), Event.CARRIED)
