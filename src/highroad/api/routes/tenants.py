"""Tenants: who may order."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.operations import tenant_out
from highroad.model.service import Tenant, TenantId
from highroad.wire.operations import TenantIn, TenantOut, TenantPage

router = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=Guarded)


@router.get("", response_model=TenantPage, summary="List tenants", **allow(OPERATOR))
async def list_tenants(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    tenants = sorted(book.tenants.values(), key=_key)
    shown, following = page(tenants, _key, cursor, limit)
    return answer(TenantPage(items=[tenant_out(one) for one in shown], next_cursor=following))


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
    return answer(tenant_out(tenant), 201)


def _key(tenant: Tenant) -> str:
    return tenant.id
