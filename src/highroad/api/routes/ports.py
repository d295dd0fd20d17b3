"""Ports: where tenants plug in. A tenant sees its own."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.operations import port_out
from highroad.control.accounts import port_id
from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, TenantId
from highroad.wire.operations import PortIn, PortOut, PortPage

router = APIRouter(prefix="/v1/ports", tags=["ports"], route_class=Guarded)


@router.get("", response_model=PortPage, summary="List ports", **allow(TENANT, OPERATOR))
async def list_ports(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    mine = (port for port in book.ports.values() if call.tenant is None or port.tenant == call.tenant)
    shown, following = page(sorted(mine, key=_key), _key, cursor, limit)
    return answer(PortPage(items=[port_out(one) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=PortOut,
    summary="Give a tenant a port",
    **allow(OPERATOR, body=PortIn, problems=("invalid", "conflict", "quota-exceeded")),
)
async def add(call: Call) -> Response:
    body = await call.read(PortIn)
    port = Port(
        id=port_id(body.tenant, body.site) if body.id is None else PortId(body.id),
        tenant=TenantId(body.tenant),
        site=SiteId(body.site),
        rate_gbps=body.rate_gbps,
        mtu_bytes=body.mtu_bytes,
    )
    return answer(port_out(await call.controller.add_port(port)), 201)


def _key(port: Port) -> str:
    return port.id
