"""Services: order, look, change, release."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer, etag, version_of
from highroad.api.pages import DEFAULT, WHOLE, Cursor, Limit, cursor_after, key_of
from highroad.api.problems import PreconditionRequired
from highroad.api.shapes.flight import explanation_out
from highroad.api.shapes.probes import measurements_out, ping_out, trace_out
from highroad.api.shapes.services import change_of, counters_out, request_of, service_out, services_out
from highroad.control.effects import effects_of
from highroad.control.order import Idempotency
from highroad.errors import Finding, Invalid, Unavailable
from highroad.model.lifecycle import ENDED, State
from highroad.model.service import Service, ServiceId, TenantId
from highroad.wire.flight import ExplanationOut
from highroad.wire.probes import MeasurementsOut, PingIn, PingOut, TraceOut
from highroad.wire.services import (
    CountersOut,
    OrderIn,
    PreviewOut,
    ServiceChangeIn,
    ServiceOut,
    ServicePage,
)

router = APIRouter(prefix="/v1/services", tags=["services"], route_class=Guarded)

KEY_LIMIT = 255

ORDERED = ("invalid", "refused", "quota-exceeded", "hold-limit", "slow-down", "idempotency-key-reused", "unavailable")
CHANGED = ("not-found", "invalid", "refused", "conflict", "frozen", "version-conflict", "precondition-required")

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag that was read last, or `*` for any.")]
DryRun = Annotated[bool, Query(description="Only say what would be; nothing is done or kept.")]


@router.post(
    "",
    status_code=201,
    response_model=ServiceOut,
    summary="Order connectivity",
    description="Decided at once: 201 with the path that is reserved, or a `refused` problem that names what binds "
    "and has counter-offers, each of which can be posted as it is. An operator is told exact figures, and who has most "
    "of what is full. The answer comes when the order is durable. "
    "With an `Idempotency-Key` the same request can be sent again safely: the first answer is repeated, with "
    "`Idempotency-Replayed: true`. An operator orders on behalf of a tenant with `tenant`. With `hold_s` the capacity "
    "is only kept for so long: confirm it, or cancel it with DELETE.",
    responses={200: {"model": PreviewOut, "description": "What would be, with `dry_run`."}},
    **allow(TENANT, OPERATOR, body=OrderIn, problems=ORDERED),
)
async def order(
    call: Call,
    dry_run: DryRun = False,
    tenant: Annotated[str | None, Query(description="For whom; an operator's to say.", examples=["acme"])] = None,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description=f"1 to {KEY_LIMIT} printable characters; a UUID is good."),
    ] = None,
) -> Response:
    holder = _holder(call, tenant)

    async def judge(body: OrderIn) -> None:
        await call.controller.order(request_of(body, holder), dry_run=True, asker=call.tenant)

    body = await call.read(OrderIn, judge)
    request = request_of(body, holder)
    if dry_run:
        effects: list[str] = []
        service, _ = await call.controller.order(request, dry_run=True, asker=call.tenant, effects=effects)
        book = await call.controller.settled()
        message = "it would be admitted"
        return answer(PreviewOut(service=service_out(service, book), message=message, effects=effects))
    key = None
    if idempotency_key is not None:
        scope = f"{'operator' if call.tenant is None else 'tenant'}:{holder}"
        digest = hashlib.sha256(body.model_dump_json(by_alias=True).encode()).hexdigest()
        key = Idempotency(scope=scope, key=_checked_key(idempotency_key), digest=digest)
    service, replayed = await call.controller.order(request, idempotency=key, asker=call.tenant)
    book = await call.controller.settled()
    headers = {"Location": f"/v1/services/{service.id}", "ETag": etag(service.version)}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer(service_out(service, book), 201, headers)


@router.get(
    "",
    response_model=ServicePage,
    summary="List services",
    description="By id, those that have ended too. A tenant sees its own.",
    **allow(TENANT, OPERATOR),
)
async def list_services(
    call: Call,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    tenant: Annotated[str | None, Query(description="Only this tenant's; an operator's to say.")] = None,
    live: Annotated[bool, Query(description="Only those that have not ended.")] = False,
) -> Response:
    holder = call.tenant
    if tenant is not None:
        holder = _holder(call, tenant)
    states = None if state is None else frozenset({state})
    if live:
        states = (frozenset(State) if states is None else states) - ENDED
    found = await call.controller.services(holder, key_of(cursor), limit + 1, states)
    book = await call.controller.settled()
    shown = found[:limit]
    page = ServicePage(
        items=services_out(shown, book),
        next_cursor=cursor_after(shown[-1].id) if len(found) > limit else None,
    )
    return answer(page)


@router.get(
    "/{service_id}",
    response_model=ServiceOut,
    summary="Look at a service",
    **allow(TENANT, OPERATOR, problems=("not-found",)),
)
async def show(call: Call, service_id: str) -> Response:
    service = await call.controller.find_service(ServiceId(service_id), call.tenant)
    book = await call.controller.settled()
    return answer(service_out(service, book), headers={"ETag": etag(service.version)})


@router.patch(
    "/{service_id}",
    response_model=ServiceOut | PreviewOut,
    summary="Change a service in place",
    description="Everything but its kind: rates, bound, fence, window, protection, and either end to another port. "
    "If-Match has to have the ETag that was read last; if the change does not fit, the service stays as it is, and the "
    "`changes` of each counter-offer can be sent instead. With "
    "`dry_run` the preview says what the change does.",
    responses={200: {"description": "As it is now; a preview with `dry_run`."}},
    **allow(
        TENANT,
        OPERATOR,
        body=ServiceChangeIn,
        problems=(*CHANGED, "quota-exceeded", "hold-limit", "slow-down"),
    ),
)
async def change(call: Call, service_id: str, dry_run: DryRun = False, if_match: IfMatch = None) -> Response:
    async def judge(body: ServiceChangeIn, if_version: int | None = None, dry_run: bool = True) -> Service:
        return await call.controller.change(
            ServiceId(service_id), change_of(body), tenant=call.tenant, if_version=if_version, dry_run=dry_run
        )

    body = await call.read(ServiceChangeIn, judge)
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    if if_match is None:
        raise PreconditionRequired("send the service's ETag in If-Match, so that nobody's change is lost")
    service = await judge(body, version_of(if_match), dry_run)
    book = await call.controller.settled()
    if dry_run:
        before = await call.controller.find_service(ServiceId(service_id), call.tenant)
        effects = list(effects_of(book, before, service))
        return answer(PreviewOut(service=service_out(service, book), message="it would be changed", effects=effects))
    return answer(service_out(service, book), headers={"ETag": etag(service.version)})


@router.post(
    "/{service_id}/confirm",
    response_model=ServiceOut,
    summary="Take a hold",
    description="What was ordered with `hold_s` is RESERVED, and carried in its window; again does nothing. What has "
    "expired is `conflict`: order it anew. If-Match is heeded.",
    **allow(TENANT, OPERATOR, problems=("not-found", "conflict", "version-conflict", "unavailable")),
)
async def confirm(call: Call, service_id: str, if_match: IfMatch = None) -> Response:
    service = await call.controller.confirm(ServiceId(service_id), tenant=call.tenant, if_version=version_of(if_match))
    book = await call.controller.settled()
    return answer(service_out(service, book), headers={"ETag": etag(service.version)})


@router.delete(
    "/{service_id}",
    response_model=ServiceOut,
    summary="Release a service",
    description="Its capacity is free for others when routers have confirmed that they let go. If-Match is heeded.",
    **allow(TENANT, OPERATOR, problems=("not-found", "conflict", "version-conflict")),
)
async def release(call: Call, service_id: str, if_match: IfMatch = None) -> Response:
    service = await call.controller.release(ServiceId(service_id), tenant=call.tenant, if_version=version_of(if_match))
    book = await call.controller.settled()
    return answer(service_out(service, book), headers={"ETag": etag(service.version)})


@router.get(
    "/{service_id}/explanation",
    response_model=ExplanationOut,
    summary="Why it is where it is",
    description="What happened to it, and the decision that placed it (the newest, or the one that held after the "
    "event `at`), made again from what the flight recorder noted: what led to it, the shortest ways that there were, "
    "and what stood against each. Operators are told exact figures and which fibres were dark; a tenant what refusals "
    "tell.",
    **allow(TENANT, OPERATOR, problems=("not-found", "slow-down"), waits=True),
)
async def explanation(
    call: Call,
    service_id: str,
    at: Annotated[int | None, Query(ge=0, le=10**15, description="The `sequence` of an event of it."), WHOLE] = None,
) -> Response:
    found = await call.controller.explain(ServiceId(service_id), at=at, caller=call.caller)
    return answer(explanation_out(found, call.tenant))


@router.get(
    "/{service_id}/counters",
    response_model=CountersOut,
    summary="What was carried of a service",
    description="From the newest sample: bytes both ways together since it was first carried, rates now.",
    **allow(TENANT, OPERATOR, problems=("not-found", "unavailable")),
)
async def counters(call: Call, service_id: str) -> Response:
    service = await call.controller.find_service(ServiceId(service_id), call.tenant)
    sample = call.controller.last_sample
    if sample is None:
        raise Unavailable("nothing was measured yet")
    return answer(counters_out(service, sample, call.controller))


@router.post(
    "/{service_id}/ping",
    response_model=PingOut,
    summary="Ping a service",
    description="Packets of the routers' own from its first end to its second along its path there, answered along its "
    "path back; they come on top of what it is guaranteed. The twin answers from its model. Answers when all are back "
    "or given up.",
    **allow(
        TENANT,
        OPERATOR,
        body=PingIn,
        problems=("not-found", "conflict", "slow-down", "unavailable"),
        looks=True,
        waits=True,
    ),
)
async def ping(call: Call, service_id: str) -> Response:
    service = await call.controller.find_service(ServiceId(service_id), call.tenant)
    body = await call.read(PingIn)
    echoes = await call.controller.ping(
        service, count=body.count, interval_ms=body.interval_ms, size_bytes=body.size_bytes
    )
    return answer(ping_out(service, echoes, call.controller, call.now_s, body.size_bytes))


@router.post(
    "/{service_id}/trace",
    response_model=TraceOut,
    summary="Trace a service",
    description="A packet to every router on its way, there and back, along the very path that its traffic takes.",
    **allow(TENANT, OPERATOR, problems=("not-found", "conflict", "unavailable"), looks=True, waits=True),
)
async def trace(call: Call, service_id: str) -> Response:
    service = await call.controller.find_service(ServiceId(service_id), call.tenant)
    found = await call.controller.trace(service)
    book = await call.controller.settled()
    return answer(trace_out(service, found, book.network, call.controller, call.now_s))


@router.get(
    "/{service_id}/measurements",
    response_model=MeasurementsOut,
    summary="What is measured of a service",
    description="Routers measure every path of a service all the time, with packets of their own (STAMP, RFC 8762), "
    "each end its own way and back: these are the intervals of the last seconds, the oldest first. The twin answers "
    "from its model.",
    **allow(TENANT, OPERATOR, problems=("not-found", "conflict", "unavailable"), waits=True),
)
async def measurements(call: Call, service_id: str) -> Response:
    service = await call.controller.find_service(ServiceId(service_id), call.tenant)
    found = await call.controller.measurements(service)
    return answer(measurements_out(service, found, call.controller, call.now_s))


def _holder(call: Call, tenant: str | None) -> TenantId:
    """For whom the caller speaks. Raises Invalid."""
    if call.tenant is not None:
        if tenant is not None and tenant != call.tenant:
            raise Invalid([Finding(code="tenant", place="tenant", message="is not you: leave it out")])
        return call.tenant
    if tenant is None:
        message = "an operator has to say for whom: `?tenant=`"
        raise Invalid([Finding(code="tenant", place="tenant", message=message)])
    return TenantId(tenant)


def _checked_key(key: str) -> str:
    if not 1 <= len(key) <= KEY_LIMIT or not all(" " <= character <= "~" for character in key):
        message = f"has to be 1 to {KEY_LIMIT} printable ASCII characters"
        raise Invalid([Finding(code="idempotency-key", place="Idempotency-Key", message=message)])
    return key
