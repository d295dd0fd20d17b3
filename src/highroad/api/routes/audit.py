"""The audit log: who changed what, and who was turned away."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import APIRouter, Response

from highroad.api.access import Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, cursor_after, key_of
from highroad.errors import Finding, Invalid
from highroad.model.access import Role
from highroad.model.audit import Link, Row, readable, wrong_with
from highroad.model.service import TenantId
from highroad.wire.audit import AuditHeadOut, AuditPage, AuditRowOut
from highroad.wire.base import time_from_s

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=Guarded)

PLACE = re.compile(r"(?:(-?\d{1,18}))?(?:\+(\d{1,9}))?", re.ASCII)
"""Where a page begins: after a place of the log, and after so many rows more."""


@router.get(
    "",
    response_model=AuditPage,
    summary="Who changed what, and who was turned away",
    description="The oldest first, and kept for ever. Each row is chained to the one before by its hash: `highroad "
    "audit verify` holds the whole log against them. A tenant's admin gets what its tenant asked for and what was done "
    "to its things; then places in the log and hashes are null, and so is who did it where that is not the tenant.",
    **allow(only=(Role.OPERATOR, Role.ADMIN), problems=("invalid",)),
)
async def show(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    place, skip = _place(cursor)
    if call.tenant is not None:
        tenant = call.tenant
        rows = await call.controller.audit_rows(tenant, skip, limit + 1)
        shown = rows[:limit]
        following = cursor_after(f"+{skip + limit}") if len(rows) > limit else None
        return answer(AuditPage(items=[_own_out(row, tenant) for row in shown], next_cursor=following))
    count, head = await call.controller.audit_head()
    links = await call.controller.audit_links(place, skip, limit + 1)
    items = [_link_out(link) for link in links[:limit]]
    following = cursor_after(_next(place, skip, links[:limit])) if len(links) > limit else None
    return answer(AuditPage(items=items, head=AuditHeadOut(rows=count, hash=head), next_cursor=following))


def _place(cursor: str | None) -> tuple[int | None, int]:
    found = PLACE.fullmatch(key_of(cursor) or "")
    if found is None:
        message = "is no cursor of this list: take `next_cursor` of the page before as it is"
        raise Invalid([Finding(code="cursor", place="cursor", message=message)])
    return None if found[1] is None else int(found[1]), int(found[2] or 0)


def _next(place: int | None, skip: int, shown: Sequence[Link]) -> str:
    """The cursor after rows. Those whose place is no number are counted from the last whose place is one."""
    for link in shown:
        place, skip = (place, skip + 1) if link.sequence is None else (link.sequence, 0)
    return ("" if place is None else str(place)) + (f"+{skip}" if skip else "")


def _link_out(link: Link) -> AuditRowOut:
    out = _row_out(readable(link))
    document = link.doc.decode("ascii", "replace")
    more = {"sequence": link.sequence, "hash": link.hash, "document": document, "wrong": wrong_with(link) or None}
    return out.model_copy(update=more)


def _own_out(row: Row, tenant: TenantId) -> AuditRowOut:
    """A row as a tenant may see it: nothing tells of how much others do, or who works for whom."""
    hidden: dict[str, object] = {"sequence": None, "event": None}
    if row.asked.tenant != tenant:
        hidden |= {"who": None, "address": None, "tenant": None, "request": ""}
    return _row_out(row).model_copy(update=hidden)


def _row_out(row: Row) -> AuditRowOut:
    asked = row.asked
    return AuditRowOut(
        at=time_from_s(row.at_us / 1e6),
        who=asked.who,
        role=asked.role,
        tenant=asked.tenant,
        address=asked.address,
        method=asked.method,
        path=asked.path,
        status=asked.status,
        request=asked.request,
        what=row.what,
        subject=row.subject,
        of=row.of,
        count=row.count,
        sequence=row.sequence,
        event=row.event,
    )
