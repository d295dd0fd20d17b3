"""A hold: capacity that is kept for minutes, to be taken or let go. Nothing carries it before it is taken."""

from __future__ import annotations

from dataclasses import replace

from highroad.control import order as orders
from highroad.control.book import Draft
from highroad.errors import Conflict
from highroad.model.lifecycle import HOLDING, Event, State
from highroad.model.service import Service, ServiceId, TenantId
from highroad.units import iso_from_s


def take(draft: Draft, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None) -> Service:
    """Make a hold a reservation; again does nothing. Raises NotFound, VersionConflict, Conflict."""
    book = draft.book
    service = orders.own(book, service_id, tenant)
    orders.check_version(service, if_version)
    if service.state is not State.HELD:
        if service.hold_until_s is not None and service.state in HOLDING:
            return service
        raise not_held(service)
    if is_over(service, draft.now_s):
        raise _expired(service)
    here = service.placement
    if here is None or (service.piece.start_s < book.ground.mended_s and book.dark(here)):
        raise Conflict(
            f"the path of {service.id} has failed or is no longer there, and no other is left: it is held until "
            f"{iso_from_s(_until_s(service))} in case there is one again; order it anew to see what is possible"
        )
    book.openings += service.away  # it may have a better path, which is looked for from now on
    taken = draft.move(replace(service, reason=None), Event.RESERVE, **orders.told_of(book, service))
    book.changes += 1
    return taken


def expire(draft: Draft, service: Service) -> Service:
    """End a hold that nobody took: its capacity is free."""
    why = "its window had passed" if service.order.window.until_s <= _until_s(service) else "nobody took it in time"
    let_go = replace(orders.let_go(service), reason=f"it was held until {iso_from_s(_until_s(service))}: {why}")
    return draft.move(let_go, Event.EXPIRE)


def is_over(service: Service, now_s: float) -> bool:
    """Whether a service that is held is so no longer: its time is up, or its whole window has passed."""
    return min(_until_s(service), service.order.window.until_s) <= now_s


def not_held(service: Service) -> Conflict:
    """What to say to who would take what is no hold, or no longer."""
    if service.state is State.EXPIRED:
        return _expired(service)
    if service.hold_until_s is None:
        return Conflict(f"{service.id} is {service.state} and was never held: there is nothing to confirm")
    return orders.has_ended(service)


def _expired(service: Service) -> Conflict:
    return Conflict(
        f"{service.id} was held until {iso_from_s(min(_until_s(service), service.order.window.until_s))} and has "
        "expired: its capacity is free for anybody; order it anew",
        state=State.EXPIRED.value,
    )


def _until_s(service: Service) -> float:
    return service.created_s if service.hold_until_s is None else service.hold_until_s
