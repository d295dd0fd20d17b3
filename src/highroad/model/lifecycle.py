"""The lifecycle of a service: one table, from which the control loop, the docs' diagram and the tests derive."""

from __future__ import annotations

from enum import StrEnum

from highroad.errors import Conflict


class State(StrEnum):
    """Where a service is in its life."""

    REQUESTED = "REQUESTED"
    REJECTED = "REJECTED"
    HELD = "HELD"
    INVITED = "INVITED"
    RESERVED = "RESERVED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    ACTIVATING = "ACTIVATING"
    FAILED = "FAILED"
    ACTIVE = "ACTIVE"
    DEGRADED = "DEGRADED"
    SUSPENDED = "SUSPENDED"
    TERMINATED = "TERMINATED"


class Event(StrEnum):
    """What moves a service from one state to another."""

    REFUSE = "refuse"
    HOLD = "hold"
    INVITE = "invite"
    RESERVE = "reserve"
    CANCEL = "cancel"
    EXPIRE = "expire"
    WINDOW_OPENS = "window-opens"
    CARRIED = "carried"
    CANNOT_CARRY = "cannot-carry"
    PROMISE_BROKEN = "promise-broken"
    PROMISE_KEPT = "promise-kept"
    SUSPEND = "suspend"
    RESUME = "resume"
    RELEASE = "release"
    WINDOW_PAUSES = "window-pauses"
    WINDOW_CLOSES = "window-closes"


S, E = State, Event

TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.REQUESTED, E.REFUSE): S.REJECTED,
    (S.REQUESTED, E.HOLD): S.HELD,
    (S.REQUESTED, E.INVITE): S.INVITED,
    (S.REQUESTED, E.RESERVE): S.RESERVED,
    (S.HELD, E.RESERVE): S.RESERVED,
    (S.HELD, E.CANCEL): S.CANCELLED,
    (S.HELD, E.EXPIRE): S.EXPIRED,
    (S.INVITED, E.RESERVE): S.RESERVED,
    (S.INVITED, E.CANCEL): S.CANCELLED,
    (S.INVITED, E.EXPIRE): S.EXPIRED,
    (S.RESERVED, E.WINDOW_OPENS): S.ACTIVATING,
    (S.RESERVED, E.CANCEL): S.CANCELLED,
    (S.ACTIVATING, E.CARRIED): S.ACTIVE,
    (S.ACTIVATING, E.CANNOT_CARRY): S.FAILED,
    (S.ACTIVATING, E.RELEASE): S.TERMINATED,  # a customer need not wait for routers to change their mind
    (S.ACTIVE, E.PROMISE_BROKEN): S.DEGRADED,
    (S.DEGRADED, E.PROMISE_KEPT): S.ACTIVE,
    (S.ACTIVE, E.SUSPEND): S.SUSPENDED,
    (S.SUSPENDED, E.RESUME): S.ACTIVE,
    (S.ACTIVE, E.RELEASE): S.TERMINATED,
    (S.DEGRADED, E.RELEASE): S.TERMINATED,
    (S.SUSPENDED, E.RELEASE): S.TERMINATED,
    (S.ACTIVATING, E.WINDOW_PAUSES): S.RESERVED,  # a piece of a window that comes again is over
    (S.ACTIVE, E.WINDOW_PAUSES): S.RESERVED,
    (S.DEGRADED, E.WINDOW_PAUSES): S.RESERVED,
    (S.ACTIVE, E.WINDOW_CLOSES): S.TERMINATED,
    (S.DEGRADED, E.WINDOW_CLOSES): S.TERMINATED,
    (S.SUSPENDED, E.WINDOW_CLOSES): S.TERMINATED,
}

ENDED = frozenset(state for state in State if not any(origin is state for origin, _ in TRANSITIONS))
"""States that nothing leaves."""

CARRYING = frozenset({S.ACTIVATING, S.ACTIVE, S.DEGRADED})
"""States in which routers are to carry the service."""

HOLDING = frozenset({S.HELD, S.INVITED, S.RESERVED, S.ACTIVATING, S.ACTIVE, S.DEGRADED, S.SUSPENDED})
"""States in which the calendar keeps the service's capacity."""


def advance(state: State, event: Event) -> State:
    """The state after an event. Raises Conflict where the table has no such transition."""
    try:
        return TRANSITIONS[(state, event)]
    except KeyError:
        legal = sorted(known.value for origin, known in TRANSITIONS if origin is state)
        can = f"it can only {', '.join(legal)}" if legal else "it has ended"
        raise Conflict(
            f"a service that is {state} cannot {event.value}: {can}", state=state.value, event=event.value
        ) from None
