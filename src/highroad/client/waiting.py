"""When a service that is waited for is there, and how often to look."""

from __future__ import annotations

from highroad.errors import Conflict
from highroad.model.lifecycle import ENDED, State
from highroad.wire.services import ServiceOut

POLL_MOST_S = 0.25


def check_waited(service: ServiceOut, late: bool, timeout_s: float) -> bool:
    """Whether it is ACTIVE. Raises Conflict if it never will be, TimeoutError if it is late."""
    if service.state is State.ACTIVE:
        return True
    if service.state in ENDED:
        why = f": {service.reason}" if service.reason else ""
        raise Conflict(f"{service.id} is {service.state} and will not be active{why}", state=service.state.value)
    if service.state is State.HELD:
        raise Conflict(f"{service.id} is only held: confirm it first", state=service.state.value)
    if late:
        why = f" ({service.reason})" if service.reason else ""
        raise TimeoutError(f"{service.id} is still {service.state} after {timeout_s:g} s{why}")
    return False


def poll_s(before_s: float) -> float:
    """The next pause: short at first, because a service mostly is active in milliseconds."""
    return min(POLL_MOST_S, max(0.01, before_s * 1.5))
