"""Tenants: who may order."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.operations import tenant_out
from highroad.errors import NotFound
from highroad.model.service import Tenant, TenantId
from highroad.wire.operations import QuotaIn, TenantIn, TenantOut, TenantPage

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=Guarded)


@router.get("", response_model=TenantPage, summary="List tenants", **allow(OPERATOR))
async def list_tenants(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    tenants = sorted(book.tenants.values(), key=_key)
    shown, following = page(tenants, _key, cursor, limit)
    known = await call.controller.usage([one.id for one in shown])
    return answer(TenantPage(items=[tenant_out(*known[one.id]) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=TenantOut,
    summary="Add a tenant",
    **allow(OPERATOR, body=TenantIn, problems=("invalid", "conflict")),
)
async def add(call: Call) -> Response:
    body = await call.read(TenantIn)
    tenant = await call.controller.add_tenant(Tenant(id=TenantId(body.id), name=body.name))
    return await _shown(call, tenant.id, 201)


@router.get(
    "/{tenant_id}",
    response_model=TenantOut,
    summary="One tenant, with what it has and may have",
    description="A tenant sees itself.",
    **allow(TENANT, OPERATOR, problems=("not-found",)),
)
async def show(call: Call, tenant_id: str) -> Response:
    if call.tenant not in (None, tenant_id):
        raise NotFound(f"there is no tenant {tenant_id[:100]}")
    return await _shown(call, TenantId(tenant_id))


@router.patch(
    "/{tenant_id}/quota",
    response_model=TenantOut,
    summary="Set a tenant's quotas",
    description="What is left out stays as it is; null takes a limit away. What the tenant has over a limit lives on, "
    "and nothing is added to it: `quota-exceeded`.",
    **allow(OPERATOR, body=QuotaIn, problems=("invalid", "not-found")),
)
async def set_quota(call: Call, tenant_id: str) -> Response:
    body = await call.read(QuotaIn)
    await call.controller.set_quota(TenantId(tenant_id), body.model_dump(exclude_unset=True))
    return await _shown(call, TenantId(tenant_id))


async def _shown(call: Call, tenant: TenantId, status: int = 200) -> Response:
    known = await call.controller.usage([tenant])
    return answer(tenant_out(*known[tenant]), status)


def _key(tenant: Tenant) -> str:
    return tenant.id
