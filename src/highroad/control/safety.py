"""What a change may touch: while changes are frozen nothing but repairs, and otherwise so many services a step.

`is_repair` tells the two apart, `Blast` bounds a step of what is planned; `reconcile.diff` asks both. The first step
of a large change is a canary (`trial`), and what turns out harmful is rolled back (`rollback`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from highroad.control.book import Book, Draft
from highroad.control.names import freeze_id
from highroad.errors import Finding, Frozen, Invalid
from highroad.model.freeze import Freeze
from highroad.model.lifecycle import State
from highroad.model.policy import Policy
from highroad.model.service import Service
from highroad.model.text import wrong_with
from highroad.ports import Observed

WAITS = "not carried yet: the operator has frozen changes to the network"
"""Why a service is not activated: what its tenant reads."""

HALF_WAY = "half way from one path to another: the operator has frozen changes to the network"
"""Why a service that is carried is on a way, or on two, where it is not to stay."""

LONGEST_REASON = 500


def short(rate_gbps: float) -> str:
    """Why a service is DEGRADED whose change of rate was rolled back."""
    return f"its new path lost traffic: it is carried at {rate_gbps:g} Gbit/s along the one before, until the thaw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """How many services one step of planned changes may touch: `services`, or a share of the live ones if that is more.

    A step is what the fabric is asked at once; the next one waits until routers have been read again.
    """

    services: int = 200
    share: float = 0.2

    def most(self, live: int) -> int:
        """The bound, where so many services are live."""
        return max(1, self.services, int(self.share * live))


def is_repair(book: Book, service: Service, held: Policy | None) -> bool:
    """Whether bringing routers from what they hold to what is wanted of a service mends something.

    It does where nothing carries a service that was active, where routers hold what nobody asked of them, where what
    they hold is dark or was found harmful, and where a promise is broken. A new service, a move by choice and a new
    rate are planned.
    """
    if held is None:
        return service.state is not State.ACTIVATING
    if service.id in book.trials.returning or service.id in book.yielding:
        return True
    if not service.leaving or service.state is State.DEGRADED:
        return True
    return not book.dark_links.isdisjoint(held.links) or not held.links <= book.network.link.keys()


def check_thawed(book: Book, what: str) -> None:
    """Raises Frozen where something that is planned, in words, is asked for while changes are frozen."""
    if book.freeze is not None:
        raise Frozen(f"changes to the network are frozen: {what}")


def freeze(draft: Draft, reason: str = "") -> Freeze:
    """Begin no planned change from now on, over restarts; again only changes the reason. Raises Invalid."""
    if wrong := wrong_with(reason, most=LONGEST_REASON, empty=True):
        raise Invalid([Finding(code="reason", place="reason", message=f"a reason {wrong}")])
    known = draft.book.freeze
    if known is not None and reason in ("", known.reason):
        return known
    if known is not None:
        made = replace(known, reason=reason)
    else:
        made = Freeze(id=freeze_id(), reason=reason, started_s=draft.now_s)
    draft.put_freeze(made)
    draft.tell("highroad.network.frozen", made.id, reason=reason)
    return made


def thaw(draft: Draft) -> Freeze | None:
    """Let planned changes go on. Returns the freeze that has ended; None where there was none."""
    known = draft.book.freeze
    if known is None:
        return None
    ended = draft.put_freeze(replace(known, ended_s=draft.now_s))
    draft.book.changes += draft.book.trials.thaw()
    draft.tell("highroad.network.thawed", ended.id, reason=ended.reason, frozen_s=draft.now_s - ended.started_s)
    for service in list(draft.book.services.values()):
        if service.reason in (WAITS, HALF_WAY):
            draft.put(replace(service, reason=None))
    return ended


def say_why(draft: Draft, observed: Observed) -> None:
    """Say of services whose window has opened that they wait for the thaw."""
    book = draft.book
    if book.freeze is None:
        return
    for service in map(book.services.__getitem__, book.index.within([State.ACTIVATING])):
        if service.reason != WAITS and not book.confirmed(service, observed):
            draft.put(replace(service, reason=WAITS))
