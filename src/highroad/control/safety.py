"""What a change may touch: while changes are frozen nothing but repairs, and otherwise so many services a step.

`is_repair` tells the two apart, `Blast` bounds a step of what is planned; `reconcile.diff` asks both. The first step
of a large change will be a canary here, and what turns out harmful will be rolled back from here.
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
from highroad.ports import Observed

WAITS = "not carried yet: the operator has frozen changes to the network"
"""Why a service is not activated: what its tenant reads."""

LONGEST_REASON = 500


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
    they hold is dark, and where a promise is broken. A new service, a move by choice and a new rate are planned.
    """
    if held is None:
        return service.state is not State.ACTIVATING
    if not service.leaving or service.state is State.DEGRADED:
        return True
    return not book.dark_links.isdisjoint(held.links) or not held.links <= book.network.link.keys()


def check_thawed(book: Book, what: str) -> None:
    """Raises Frozen where something that is planned, in words, is asked for while changes are frozen."""
    if book.freeze is not None:
        raise Frozen(f"changes to the network are frozen: {what}")


def freeze(draft: Draft, reason: str = "") -> Freeze:
    """Begin no planned change from now on, over restarts; again only changes the reason. Raises Invalid."""
    if len(reason) > LONGEST_REASON or not (reason.isprintable() or reason == ""):
        message = f"a reason has at most {LONGEST_REASON} printable characters"
        raise Invalid([Finding(code="reason", place="reason", message=message)])
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
    draft.tell("highroad.network.thawed", ended.id, reason=ended.reason, frozen_s=draft.now_s - ended.started_s)
    for service in list(draft.book.services.values()):
        if service.reason == WAITS:
            draft.put(replace(service, reason=None))
    return ended


def say_why(draft: Draft, observed: Observed) -> None:
    """Say of services whose window has opened that they wait for the thaw."""
    book = draft.book
    if book.freeze is None:
        return
    for service in list(book.services.values()):
        waits = service.state is State.ACTIVATING and service.reason != WAITS
        if waits and not book.confirmed(service, observed):
            draft.put(replace(service, reason=WAITS))
