"""Maintenances: drain a fibre, a site or a risk group without losing anything, and return it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, newest_first, page
from highroad.api.shapes.operations import maintenance_out
from highroad.errors import NotFound
from highroad.model.incident import Maintenance, MaintenanceId
from highroad.wire.operations import MaintenanceIn, MaintenanceOut, MaintenancePage

router = APIRouter(prefix="/v1/maintenances", tags=["maintenances"], route_class=Guarded)


@router.get("", response_model=MaintenancePage, summary="List drains, the newest first", **allow(OPERATOR))
async def list_maintenances(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    shown, following = page(sorted(book.maintenances.values(), key=_key), _key, cursor, limit)
    return answer(MaintenancePage(items=[maintenance_out(one) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=MaintenanceOut,
    summary="Drain a fibre, a site or a risk group",
    description="Services are moved away make-before-break, inside their promises; those that cannot be moved stay "
    "and are listed in `stuck`. It answers at once: `state` tells how far it is.",
    **allow(OPERATOR, body=MaintenanceIn, problems=("invalid", "not-found", "conflict", "frozen")),
)
async def drain(call: Call) -> Response:
    body = await call.read(MaintenanceIn)
    maintenance = await call.controller.drain(body.target)
    return answer(maintenance_out(maintenance), 201, {"Location": f"/v1/maintenances/{maintenance.id}"})


@router.get(
    "/{maintenance_id}",
    response_model=MaintenanceOut,
    summary="Look at a drain",
    **allow(OPERATOR, problems=("not-found",)),
)
async def show(call: Call, maintenance_id: str) -> Response:
    book = await call.controller.settled()
    maintenance = book.maintenances.get(MaintenanceId(maintenance_id))
    if maintenance is None:
        raise NotFound(f"there is no maintenance {maintenance_id}")
    return answer(maintenance_out(maintenance))


@router.delete(
    "/{maintenance_id}",
    response_model=MaintenanceOut,
    summary="End a drain",
    description="What was moved away goes back, make-before-break.",
    **allow(OPERATOR, problems=("not-found", "conflict")),
)
async def end(call: Call, maintenance_id: str) -> Response:
    return answer(maintenance_out(await call.controller.end_maintenance(MaintenanceId(maintenance_id))))


def _key(maintenance: Maintenance) -> str:
    return newest_first(maintenance.started_s, maintenance.id)
