"""Maintenances: drain a fibre, a site or a risk group without losing anything, and return it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, newest_first, page
from highroad.api.shapes.operations import emptied_out, maintenance_out
from highroad.control.emptied import emptied
from highroad.control.maintain import Times
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
    "and are listed in `stuck`, with why in `because`. It answers at once: `state` tells how far it is. With a "
    "`start` it is booked: from now on new services keep out of its way, each in its way has a detour kept for that "
    "time, or is `stuck`, and it is drained in time; with an `end` it ends by itself, and everything goes home.",
    responses={
        200: {
            "model": MaintenanceOut,
            "description": "With `dry_run`: what would move, where to, what links would carry then; and what would "
            "not.",
        }
    },
    **allow(OPERATOR, body=MaintenanceIn, problems=("invalid", "not-found", "conflict", "frozen")),
)
async def drain(call: Call, dry_run: Annotated[bool, Query(description="Only say.")] = False) -> Response:
    async def judge(body: MaintenanceIn, dry_run: bool = True) -> Maintenance:
        return await call.controller.drain(body.target, _times(body), dry_run=dry_run)

    body = await call.read(MaintenanceIn, judge)
    maintenance = await judge(body, dry_run)
    if dry_run:
        book = await call.controller.settled()
        would = emptied(book, maintenance, call.controller.last_sample)
        return answer(maintenance_out(maintenance, emptied_out(would, book)))
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
    description="What was moved away goes back, make-before-break; what has not begun is CANCELLED.",
    **allow(OPERATOR, problems=("not-found", "conflict")),
)
async def end(call: Call, maintenance_id: str) -> Response:
    return answer(maintenance_out(await call.controller.end_maintenance(MaintenanceId(maintenance_id))))


def _times(body: MaintenanceIn) -> Times:
    start_s, end_s = (None if time is None else time.timestamp() for time in (body.start, body.end))
    return Times(start_s=start_s, end_s=end_s, lead_s=body.lead_s)


def _key(maintenance: Maintenance) -> str:
    return newest_first(maintenance.started_s, maintenance.id)
