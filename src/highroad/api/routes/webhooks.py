"""Webhooks: where events are sent as they happen, and how far that is."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.webhooks import attempt_out, test_out, webhook_out
from highroad.errors import Finding, Invalid
from highroad.model.access import Role
from highroad.model.webhook import Webhook
from highroad.wire.webhooks import (
    AttemptsOut,
    ReplayIn,
    RotateIn,
    WebhookChangeIn,
    WebhookIn,
    WebhookMadeOut,
    WebhookOut,
    WebhookPage,
    WebhookTestOut,
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=Guarded)

MANAGES = (Role.OPERATOR, Role.ADMIN)
"""Who sees webhooks too: an address may hold a secret of its owner's."""

CHANGED = ("invalid", "not-found", "conflict", "unavailable")


@router.get("", response_model=WebhookPage, summary="List webhooks", **allow(only=MANAGES, problems=("invalid",)))
async def list_webhooks(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    shown, following = page(await call.controller.webhooks.all(call.tenant), _key, cursor, limit)
    places = {one.tenant: await call.controller.webhooks.last_place(one.tenant) for one in shown}
    return answer(WebhookPage(items=[webhook_out(one, places[one.tenant]) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=WebhookMadeOut,
    summary="Have events sent to an address",
    description="In order, each until it is answered with 2xx, signed as Standard Webhooks says. The secret is in this "
    "answer and nowhere else. A tenant gets its own events; an operator all, or those of one `tenant`.",
    **allow(only=MANAGES, body=WebhookIn, problems=("invalid", "conflict", "quota-exceeded", "unavailable")),
)
async def add(call: Call) -> Response:
    body = await call.read(WebhookIn)
    if call.tenant is not None and body.tenant not in (None, call.tenant):
        raise Invalid([Finding(code="tenant", place="tenant", message="is an operator's to say")])
    webhook, secret = await call.controller.webhooks.add(
        owner=call.tenant or body.tenant,
        url=body.url,
        kinds=body.kinds,
        description=body.description,
        start=body.start,
    )
    return await _made(call, webhook, secret, 201)


@router.get(
    "/{webhook_id}",
    response_model=WebhookOut,
    summary="One webhook",
    **allow(only=MANAGES, problems=("not-found",)),
)
async def show(call: Call, webhook_id: str) -> Response:
    return await _shown(call, await call.controller.webhooks.one(webhook_id, call.tenant))


@router.patch(
    "/{webhook_id}",
    response_model=WebhookOut,
    summary="Change a webhook",
    description="`enabled: true` after it was disabled goes on where deliveries stopped: nothing is skipped.",
    **allow(only=MANAGES, body=WebhookChangeIn, problems=CHANGED),
)
async def change(call: Call, webhook_id: str) -> Response:
    await call.controller.webhooks.one(webhook_id, call.tenant)
    body = await call.read(WebhookChangeIn)
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    return await _shown(call, await call.controller.webhooks.change(webhook_id, call.tenant, changes))


@router.delete(
    "/{webhook_id}", status_code=204, summary="Remove a webhook", **allow(only=MANAGES, problems=("not-found",))
)
async def remove(call: Call, webhook_id: str) -> Response:
    await call.controller.webhooks.remove(webhook_id, call.tenant)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotate",
    response_model=WebhookMadeOut,
    summary="Sign with a new secret",
    description="For `overlap_s` deliveries are signed with the old one besides. The secret is in this answer only.",
    **allow(only=MANAGES, body=RotateIn, problems=CHANGED),
)
async def rotate(call: Call, webhook_id: str) -> Response:
    await call.controller.webhooks.one(webhook_id, call.tenant)
    body = await call.read(RotateIn)
    webhook, secret = await call.controller.webhooks.rotate(webhook_id, call.tenant, body.overlap_s)
    return await _made(call, webhook, secret, 200)


@router.post(
    "/{webhook_id}/test",
    response_model=WebhookTestOut,
    summary="Send a test event",
    description="At once, whatever else waits: of the type `highroad.webhook.test`, and no part of the sequence.",
    **allow(only=MANAGES, problems=("not-found", "conflict"), waits=True),
)
async def test(call: Call, webhook_id: str) -> Response:
    return answer(test_out(await call.controller.webhooks.test(webhook_id, call.tenant), call.tenant))


@router.post(
    "/{webhook_id}/replay",
    response_model=WebhookOut,
    summary="Deliver again",
    description="Everything after a place (`after`) or from a time (`from`) on, in order, with the ids that it had.",
    **allow(only=MANAGES, body=ReplayIn, problems=CHANGED),
)
async def replay(call: Call, webhook_id: str) -> Response:
    await call.controller.webhooks.one(webhook_id, call.tenant)
    body = await call.read(ReplayIn)
    from_s = None if body.start is None else body.start.timestamp()
    webhook = await call.controller.webhooks.replay(webhook_id, call.tenant, after=body.after, from_s=from_s)
    return await _shown(call, webhook)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=AttemptsOut,
    summary="The newest attempts",
    description="The last 50, the newest first; those of the last moment may be missing yet.",
    **allow(only=MANAGES, problems=("not-found",)),
)
async def deliveries(call: Call, webhook_id: str) -> Response:
    found = await call.controller.webhooks.attempts(webhook_id, call.tenant)
    return answer(AttemptsOut(items=[attempt_out(one, call.tenant) for one in found]))


async def _shown(call: Call, webhook: Webhook) -> Response:
    return answer(webhook_out(webhook, await call.controller.webhooks.last_place(webhook.tenant)))


async def _made(call: Call, webhook: Webhook, secret: str, status: int) -> Response:
    out = webhook_out(webhook, await call.controller.webhooks.last_place(webhook.tenant))
    return answer(WebhookMadeOut(**out.model_dump(), secret=secret), status)


def _key(webhook: Webhook) -> str:
    return webhook.id
