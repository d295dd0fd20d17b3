"""What tenants do to services: order, change in place, release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from highroad.control.book import Book, Draft
from highroad.control.safety import check_thawed
from highroad.errors import Conflict, Invalid, KeyReused, NotFound, Refused, VersionConflict
from highroad.model.lifecycle import CARRYING, ENDED, Event, State
from highroad.model.service import Order, Placement, Protection, Request, Service, ServiceId, TenantId
from highroad.planning.admission import Admitted, Binding, admit, check_change
from highroad.planning.order import check_description, check_rate
from highroad.ports import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """The caller's key for a request: `scope` is who asks, `digest` is of what is asked."""

    scope: str
    key: str
    digest: str


def order(draft: Draft, request: Request, new_id: Callable[[], ServiceId], key: Idempotency | None = None) -> Service:
    """Admit a request and reserve its capacity. Raises Invalid, or Refused with what binds and what is possible."""
    book = draft.book
    decision = _admitted(book, request, draft.now_s)
    service = draft.put(
        Service(
            id=new_id(),
            version=0,
            state=State.RESERVED,
            order=decision.order,
            created_s=draft.now_s,
            changed_s=draft.now_s,
            placement=decision.placement,
        )
    )
    draft.tell_of(
        service,
        "reserved",
        **{
            "from": service.order.a_site,
            "to": service.order.b_site,
            "bandwidth_gbps": service.order.bandwidth_gbps,
        },
        path=path_of(book, decision.placement),
        latency_ms=book.latency_ms(decision.placement),
    )
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
) -> tuple[Service | ServiceId, bool]:
    """Order under a key: the service, or the id of the one that the key made before. Raises KeyReused besides."""
    for answer in (draft.book.fresh_answers.get((key.scope, key.key)), answered(key.scope, key.key)):
        if answer is not None:
            return replayed(answer, key), True
    return order(draft, request, new_id, key), False


def preview(book: Book, request: Request, now_s: float) -> Service:
    """What `order` would make, without making it. Raises as it does."""
    decision = _admitted(book, request, now_s)
    return Service(
        id=ServiceId("preview"),
        version=0,
        state=State.REQUESTED,
        order=decision.order,
        created_s=now_s,
        changed_s=now_s,
        placement=decision.placement,
    )


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
    *,
    tenant: TenantId | None,
    if_version: int | None,
    bandwidth_gbps: float | None = None,
    description: str | None = None,
    protection: Protection | None = None,
) -> Service:
    """Change a live service in place: as it was if the new rate does not fit.

    A higher rate is kept from now on; of a lower one the difference is free when routers have confirmed it.
    """
    service = changed(draft.book, service_id, tenant, if_version, bandwidth_gbps, description, protection)
    before = draft.book.services[service_id]
    if service.order == before.order:
        return before
    service = draft.put(service)
    draft.tell_of(
        service,
        "changed",
        bandwidth_gbps=service.order.bandwidth_gbps,
        protection=service.order.protection,
        description=service.order.description,
        was_gbps=before.order.bandwidth_gbps,
    )
    if service.placement is not None and before.placement is not None:
        draft.book.changes += service.order.bandwidth_gbps < before.order.bandwidth_gbps
    return service


def changed(
    book: Book,
    service_id: ServiceId,
    tenant: TenantId | None,
    if_version: int | None,
    bandwidth_gbps: float | None,
    description: str | None,
    protection: Protection | None = None,
) -> Service:
    """The service as a change would make it. Raises NotFound, VersionConflict, Conflict, Frozen, Invalid, Refused."""
    service = own(book, service_id, tenant)
    _check_version(service, if_version)
    if service.state in ENDED:
        raise has_ended(service)
    order = service.order
    findings = []
    if bandwidth_gbps is not None:
        slowest = min(book.ports[end.port].rate_gbps for end in (order.a, order.b))
        findings += check_rate(bandwidth_gbps, order.traffic_class, slowest)
    if description is not None:
        findings += check_description(description)
    if findings:
        raise Invalid(findings)
    if description is not None:
        order = replace(order, description=description)
    bandwidth_gbps = order.bandwidth_gbps if bandwidth_gbps is None else bandwidth_gbps
    order = replace(order, protection=order.protection if protection is None else protection)
    if (bandwidth_gbps, order.protection) == (service.order.bandwidth_gbps, service.order.protection):
        return replace(service, order=order)
    if service.state in CARRYING:
        check_thawed(book, "the rate of a service that is carried can be changed after the thaw")
    burst = order.burst_gbps
    order = replace(
        order, bandwidth_gbps=bandwidth_gbps, burst_gbps=None if burst is None else max(burst, bandwidth_gbps)
    )
    here = service.placement
    same = order.protection is service.order.protection
    unwhole = here is None or book.dark(here) or (order.protection is Protection.PATH and not book.covered(here))
    if same and unwhole and bandwidth_gbps < service.order.bandwidth_gbps:
        placement = None if here is None else replace(here, bandwidth_gbps=bandwidth_gbps)  # less of what is dark: fits
    else:
        placement, binding = _resize(book, service, order)
        if placement is None:
            raise Refused(
                f"no: {binding.message if binding else 'it does not fit'}; the service stays as it is",
                binding=binding,
                offers=[],
            )
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    return replace(service, order=order, placement=placement, leaving=leaving)


def release(draft: Draft, service_id: ServiceId, *, tenant: TenantId | None, if_version: int | None = None) -> Service:
    """Give a service back. Its capacity is free when routers have confirmed that they let go."""
    service = own(draft.book, service_id, tenant)
    _check_version(service, if_version)
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


def path_of(book: Book, placement: Placement) -> list[str]:
    """The sites that the way there passes."""
    links = [book.network.link[link] for link in placement.there]
    return [links[0].tail, *(link.head for link in links)]


def _admitted(book: Book, request: Request, now_s: float) -> Admitted:
    decision = admit(book.ground, request, now_s)
    if isinstance(decision, Admitted):
        return decision
    raise Refused(f"no: {decision.binding.message}", binding=decision.binding, offers=list(decision.offers))


def _resize(book: Book, service: Service, order: Order) -> tuple[Placement | None, Binding | None]:
    """The same path at the new rate if it has room and is up, else another one."""
    here = service.placement
    protected = order.protection is Protection.PATH
    if here is not None and not book.dark(here) and (not protected or book.covered(here)):
        with book.ground.calendar.without(service.id):
            backup = here.backup if protected else None
            wider = replace(here, bandwidth_gbps=order.bandwidth_gbps, backup=backup)
            room = book.ground.room(wider, order.window)
            ports = book.ground.port_room(order)
        if room and ports:
            return wider, None
    return check_change(book.ground, order, service.id)


def _check_version(service: Service, if_version: int | None) -> None:
    if if_version is not None and service.version != if_version:
        raise VersionConflict(
            f"{service.id} was changed since you read it: it is at version {service.version}, not {if_version}",
            version=service.version,
        )
