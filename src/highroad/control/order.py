"""What tenants do to services: order, change in place, release."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from highroad.control import booking, displace, reroute
from highroad.control.book import Book, Draft
from highroad.control.quota import check_change as check_quota
from highroad.control.quota import check_holds, check_order
from highroad.control.reroute import path_of as path_of
from highroad.control.rooms import WAITS
from highroad.control.safety import check_thawed
from highroad.errors import Conflict, Invalid, KeyReused, NotFound, Refused, VersionConflict
from highroad.model.change import Change, Keep
from highroad.model.lifecycle import CARRYING, ENDED, Event, State
from highroad.model.service import Home, Order, Placement, Protection, Request, Service, ServiceId, TenantId
from highroad.planning.admission import Admitted, admit, check_change, deny_change
from highroad.planning.amend import amend
from highroad.planning.ground import Ground
from highroad.planning.order import check_description
from highroad.planning.placement import keeps
from highroad.planning.room import Made
from highroad.ports import Answer
from highroad.units import iso_from_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """The caller's key for a request: `scope` is who asks, `digest` is of what is asked."""

    scope: str
    key: str
    digest: str


def order(
    draft: Draft,
    request: Request,
    new_id: Callable[[], ServiceId],
    key: Idempotency | None = None,
    *,
    exact: bool = False,
) -> Service:
    """Admit a request and reserve its capacity, or hold it; others are moved for it where that may be. Raises Invalid,
    Refused with what binds (with `exact` figures for an operator) and what is possible, HoldLimit, QuotaExceeded.
    """
    book = draft.book
    decision = _admitted(book, request, draft.now_s, exact)
    held = request.hold_s is not None
    name = new_id()
    waits = bool(decision.moves) and displace.begin(draft, name, decision.moves)
    service = draft.put(
        Service(
            id=name,
            version=0,
            state=State.HELD if held else State.RESERVED,
            order=decision.order,
            created_s=draft.now_s,
            changed_s=draft.now_s,
            placement=decision.placement,
            hold_until_s=_until(request, draft.now_s),
            reason=WAITS if waits else None,
        )
    )
    draft.tell_of(service, "held" if held else "reserved", **told_of(book, service))
    if key is not None:
        draft.put_answer(
            Answer(
                scope=key.scope,
                key=key.key,
                digest=key.digest,
                at_s=draft.now_s,
                outcome={"service": service.id},
            )
        )
    return service


def order_once(
    draft: Draft,
    request: Request,
    new_id: Callable[[], ServiceId],
    key: Idempotency,
    answered: Callable[[str, str], Answer | None],
    *,
    exact: bool = False,
) -> tuple[Service | ServiceId, bool]:
    """Order under a key: the service, or the id of the one that the key made before. Raises KeyReused besides."""
    for answer in (draft.book.fresh_answers.get((key.scope, key.key)), answered(key.scope, key.key)):
        if answer is not None:
            return replayed(answer, key), True
    return order(draft, request, new_id, key, exact=exact), False


def preview(
    book: Book, request: Request, now_s: float, *, exact: bool = False, effects: list[str] | None = None
) -> Service:
    """What `order` would make, without making it; `effects` is told what it would do to others. Raises as it does."""
    decision = _admitted(book, request, now_s, exact, decides=False)
    if effects is not None:
        effects += displace.effects(book, decision.moves, exact=exact)
    return Service(
        id=ServiceId("preview"),
        version=0,
        state=State.REQUESTED,
        order=decision.order,
        created_s=now_s,
        changed_s=now_s,
        placement=decision.placement,
        hold_until_s=_until(request, now_s),
    )


def told_of(book: Book, service: Service) -> dict[str, Any]:
    """What an event tells of a service that is held or reserved."""
    order, here = service.order, service.placement
    told: dict[str, Any] = {"from": order.a_site, "to": order.b_site, "bandwidth_gbps": order.bandwidth_gbps}
    if here is not None:
        told |= {"path": path_of(book, here), "latency_ms": book.latency_ms(here)}
    if service.state is State.HELD and service.hold_until_s is not None:
        told["until"] = iso_from_s(service.hold_until_s)
    return told


def _until(request: Request, now_s: float) -> float | None:
    return None if request.hold_s is None else now_s + request.hold_s


def replayed(answer: Answer, key: Idempotency) -> ServiceId:
    """The service that a key made before. Raises KeyReused if it came with another request."""
    if answer.digest != key.digest:
        raise KeyReused(
            f"the Idempotency-Key {key.key!r} was used for another request: use a new one for a new request"
        )
    return ServiceId(str(answer.outcome["service"]))


def change(
    draft: Draft,
    service_id: ServiceId,
    change: Change,
    *,
    tenant: TenantId | None,
    if_version: int | None,
    by: str | None = None,
) -> Service:
    """Change a live service in place: as it was if it does not fit.

    A higher rate is kept from now on; of a lower one the difference is free when routers have confirmed it. `by` is
    told where it was not the tenant who asked.
    """
    after = changed(draft.book, service_id, change, tenant=tenant, if_version=if_version, now_s=draft.now_s)
    before = draft.book.services[service_id]
    if after.order == before.order and after.window == before.window:
        return before
    if _rests(after, draft.now_s):
        rests = replace(let_go(after), placement=after.placement)
        service = draft.move(rests, Event.WINDOW_PAUSES, "paused", until=after.piece.start_s)
    else:
        service = draft.put(after)
    draft.tell_of(
        service,
        "changed",
        bandwidth_gbps=service.order.bandwidth_gbps,
        protection=service.order.protection,
        description=service.order.description,
        was_gbps=before.order.bandwidth_gbps,
        changes=sorted(change.named),
        **({} if by is None else {"by": by}),
    )
    draft.book.changes += 1
    booking.look_again(draft)
    return service


def preview_change(
    book: Book,
    service_id: ServiceId,
    change: Change,
    *,
    tenant: TenantId | None,
    if_version: int | None,
    now_s: float,
) -> Service:
    """What `change` would make of a service, without making it. Raises as it does."""
    after = changed(book, service_id, change, tenant=tenant, if_version=if_version, now_s=now_s)
    return replace(after, state=State.RESERVED) if _rests(after, now_s) else after


def _rests(after: Service, now_s: float) -> bool:
    """Whether the windows that a service that is carried has now begin later."""
    return after.state in CARRYING and after.piece.start_s > now_s


def changed(
    book: Book,
    service_id: ServiceId,
    change: Change,
    *,
    tenant: TenantId | None,
    if_version: int | None,
    now_s: float,
) -> Service:
    """The service as a change would make it. Raises NotFound, VersionConflict, Conflict, Frozen,
    QuotaExceeded, Invalid, Refused.
    """
    service = own(book, service_id, tenant)
    check_version(service, if_version)
    if service.state in ENDED:
        raise has_ended(service)
    if change.named.keys() <= {"description"}:
        return _described(service, change)
    with book.ground.without(service.id):
        order, findings = amend(book.ground, service, change, now_s)
    if order is None:
        raise Invalid(findings)
    before = service.order
    timed = order.window != before.window
    if order == before and not timed:
        return service
    check_quota(book, service, order, now_s)
    if service.state is State.HELD:
        check_holds(book, service.tenant, order.bandwidth_gbps, besides=service)
    if service.state in CARRYING:
        check_thawed(book, "a service that is carried can be changed after the thaw")
    after = replace(service, order=order, passed=0 if timed else service.passed)
    here = service.placement
    home = _home_at(service, order.bandwidth_gbps)
    if here is not None and _asks_no_more(before, order) and not _whole(book, service):
        placement: Placement | None = replace(here, bandwidth_gbps=order.bandwidth_gbps)  # less of what is dark: fits
    elif here is None and _asks_no_more(before, order):
        placement = None
    else:
        placement, home = _placed(book, after, home)
        if placement is None:
            denied = deny_change(
                book.ground,
                change,
                after,
                service,
                now_s,
                exact=tenant is None,
                allowed=lambda order: check_quota(book, service, order, now_s),
            )
            raise Refused(
                f"no: {denied.binding.message}; the service stays as it is",
                binding=denied.binding,
                offers=list(denied.offers),
            )
    if service.home is not None and home is None:
        after = reroute.with_home(after, None)
    leaving, ends = service.leaving, service.leaving_ends
    if service.state in CARRYING and here is not None:
        leaving = (*leaving, here)
        ends = (*ends, *(end for end in (before.a, before.b) if end not in (order.a, order.b)))
    leaves_by_s = after.leaves_by_s
    if leaving and after.piece.until_s > service.piece.until_s:
        leaves_by_s = service.piece.until_s if leaves_by_s is None else min(leaves_by_s, service.piece.until_s)
    return replace(after, placement=placement, leaving=leaving, leaving_ends=ends, leaves_by_s=leaves_by_s, home=home)


def _described(service: Service, change: Change) -> Service:
    """Only people read it: no router is asked, and nothing else is checked again."""
    if isinstance(change.description, Keep):
        return service
    if findings := check_description(change.description):
        raise Invalid(findings)
    return replace(service, order=replace(service.order, description=change.description))


def _asks_no_more(before: Order, after: Order) -> bool:
    """Whether an order wants nothing of its path that it did not want before."""
    same = replace(
        after,
        bandwidth_gbps=before.bandwidth_gbps,
        burst_gbps=before.burst_gbps,
        window=before.window,
        description=before.description,
        traffic_class=before.traffic_class,
        autoscale=before.autoscale,
    )
    within = after.window == before.window or (
        not after.window.pieces and not before.window.pieces and after.window.until_s <= before.window.until_s
    )
    return same == before and within and after.bandwidth_gbps <= before.bandwidth_gbps


def _whole(book: Book, service: Service) -> bool:
    here = service.placement
    protected = service.order.protection is Protection.PATH
    return here is not None and not book.dark(here) and (not protected or book.covered(here))


def release(draft: Draft, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None) -> Service:
    """Give a service back. Its capacity is free when routers have confirmed that they let go."""
    service = own(draft.book, service_id, tenant)
    check_version(service, if_version)
    if service.state in ENDED:
        raise has_ended(service)
    event = Event.CANCEL if service.state in (State.RESERVED, State.HELD, State.INVITED) else Event.RELEASE
    return draft.move(let_go(service), event)


def let_go(service: Service) -> Service:
    """A service as it is when it ends: nothing wanted of routers, and all they may carry still kept."""
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    return replace(service, placement=None, leaving=leaving, reason=None)


def has_ended(service: Service) -> Conflict:
    """What to say to who would change or release it."""
    return Conflict(f"{service.id} is {service.state}: it has ended, and nothing changes it any more")


def own(book: Book, service_id: ServiceId, tenant: TenantId | None) -> Service:
    """A live service of a tenant, or of anybody for an operator (None). Raises NotFound."""
    service = book.services.get(service_id)
    if service is None or (tenant is not None and service.tenant != tenant):
        raise NotFound(f"there is no service {service_id}")
    return service


def _admitted(book: Book, request: Request, now_s: float, exact: bool, *, decides: bool = True) -> Admitted:
    def others(order: Order) -> Made | None:
        return displace.seek(book, order, exact=exact, now_s=now_s if decides else None)

    def allowed(order: Order) -> None:
        check_order(book, order, now_s)
        if request.hold_s is not None:
            check_holds(book, request.tenant, order.bandwidth_gbps)

    decision = admit(
        book.ground,
        request,
        now_s,
        exact=exact,
        allowed=allowed,
        otherwise=others if request.hold_s is None else None,
    )
    if isinstance(decision, Admitted):
        return decision
    raise Refused(f"no: {decision.binding.message}", binding=decision.binding, offers=list(decision.offers))


def _placed(book: Book, after: Service, home: Home | None) -> tuple[Placement | None, Home | None]:
    """Where a service goes whose order is changed: along the path that it has if that still does, and home to the
    one that it goes back to if it is on a detour; else another.
    """
    ground, order, here = book.ground, after.order, after.placement
    if here is not None and _whole(book, after) and _leads(book, here, order):
        protected = order.protection is Protection.PATH
        same = replace(here, bandwidth_gbps=order.bandwidth_gbps, backup=here.backup if protected else None)
        with ground.without(after.id):
            if (
                keeps(ground, same, order)
                and ground.room(same, after.stay)
                and ground.port_room(order, after.window)
                and _has_room(ground, after, home)
            ):
                return same, home
    return check_change(ground, order, after), None


def _has_room(ground: Ground, after: Service, home: Home | None) -> bool:
    """Whether a service has room where it goes back to, if it is on a detour."""
    if home is None:
        return True
    return keeps(ground, home.placement, after.order) and ground.room(
        home.placement, after.window.within(home.at_s, math.inf)
    )


def _home_at(service: Service, bandwidth_gbps: float) -> Home | None:
    """Where a service goes back to, at another rate."""
    home = service.home
    if home is None:
        return None
    return replace(home, placement=replace(home.placement, bandwidth_gbps=bandwidth_gbps))


def _leads(book: Book, here: Placement, order: Order) -> bool:
    link = book.network.link
    return (link[here.there[0]].tail, link[here.there[-1]].head) == (order.a_site, order.b_site)


def check_version(service: Service, if_version: int | None) -> None:
    """Raises VersionConflict where a service is at another version than the one that was read."""
    if if_version is not None and service.version != if_version:
        raise VersionConflict(
            f"{service.id} was changed since you read it: it is at version {service.version}, not {if_version}",
            version=service.version,
        )
