"""Incidents: what broke, and how it went on.

A tenant sees those that touched services of its own, and of those its own part: no fibre, and nobody else.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, newest_first, page
from highroad.api.shapes.flight import replay_out
from highroad.api.shapes.operations import incident_out, own_incident_out, touched_by
from highroad.control.book import Book
from highroad.errors import NotFound
from highroad.model.incident import Incident, IncidentId
from highroad.model.service import ServiceId, TenantId
from highroad.wire.flight import ReplayOut
from highroad.wire.operations import IncidentOut, IncidentPage

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], route_class=Guarded)

MOST_OWNERS = 200_000


@router.get("", response_model=IncidentPage, summary="List incidents, the newest first", **allow(TENANT, OPERATOR))
async def list_incidents(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    incidents = sorted(book.incidents.values(), key=_key)
    if call.tenant is None:
        shown, following = page(incidents, _key, cursor, limit)
        return answer(IncidentPage(items=[incident_out(one) for one in shown], next_cursor=following))
    owned = {one.id: await _own(call, book, one, call.tenant) for one in incidents}
    shown, following = page([one for one in incidents if owned[one.id]], _key, cursor, limit)
    return answer(IncidentPage(items=[own_incident_out(one, owned[one.id]) for one in shown], next_cursor=following))


@router.get(
    "/{incident_id}",
    response_model=IncidentOut,
    summary="Look at an incident and its time line",
    **allow(TENANT, OPERATOR, problems=("not-found",)),
)
async def show(call: Call, incident_id: str) -> Response:
    book = await call.controller.settled()
    incident = book.incidents.get(IncidentId(incident_id))
    if incident is not None and call.tenant is None:
        return answer(incident_out(incident))
    if incident is not None and call.tenant is not None:
        own = await _own(call, book, incident, call.tenant)
        if own:
            return answer(own_incident_out(incident, own))
    raise NotFound(f"there is no incident {incident_id}")


@router.get(
    "/{incident_id}/replay",
    response_model=ReplayOut,
    summary="Decide an incident again",
    description="What was decided from when it opened until it closed, or until now, is decided again from what the "
    "flight recorder noted, and compared to the byte; nothing is touched. It takes about as long as the decisions did. "
    "What is forgotten is `not-found`.",
    **allow(OPERATOR, problems=("not-found",), waits=True),
)
async def replay(call: Call, incident_id: str) -> Response:
    return answer(replay_out(await call.controller.replay(incident_id)))


async def _own(call: Call, book: Book, incident: Incident, tenant: TenantId) -> frozenset[ServiceId]:
    """The tenant's own services among those that an incident touched, ended ones too."""
    return frozenset([service for service in touched_by(incident) if await _owner(call, book, service) == tenant])


async def _owner(call: Call, book: Book, service_id: ServiceId) -> TenantId | None:
    """Whose a service is or was: it never changes, so it is looked up once."""
    owners: dict[ServiceId, TenantId | None] = call.app.state.owners
    if service_id not in owners:
        service = book.services.get(service_id)
        if service is None:
            try:
                service = await call.controller.find_service(service_id, None)
            except NotFound:
                return None
        if len(owners) >= MOST_OWNERS:
            owners.clear()
        owners[service_id] = service.tenant
    return owners[service_id]


def _key(incident: Incident) -> str:
    return newest_first(incident.opened_s, incident.id)
