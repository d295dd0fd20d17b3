"""What was delivered: of a service minute by minute what was promised and what was measured, chained and signed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, WHOLE, Cursor, cursor_after, key_of
from highroad.errors import Conflict, Finding, Invalid
from highroad.model.proof import Entry
from highroad.model.service import ServiceId
from highroad.pki.signing import fingerprint
from highroad.wire.proof import ProofEntryOut, ProofKeyOut, ProofPage

router = APIRouter(prefix="/v1/proofs", tags=["proofs"], route_class=Guarded)

MOST = 200


@router.get(
    "/key",
    response_model=ProofKeyOut,
    summary="The key that signs proofs",
    description="Keep it when you first see it: a proof is only as good as the way by which its key came to you.",
    **allow(TENANT, OPERATOR, problems=("conflict",)),
)
async def key(call: Call) -> Response:
    signer = call.controller.signer
    if signer is None:
        raise Conflict("this controller seals no proofs")
    return answer(ProofKeyOut(key=signer.key, fingerprint=fingerprint(signer.key)))


@router.get(
    "/services/{service_id}",
    response_model=ProofPage,
    summary="The proof of a service",
    description="Entries in order, an hour each, made once and never changed. `document` is what is signed (Ed25519) "
    "and, by its SHA-256, named by the next one; `highroad proof verify` holds them against each other. Minutes that "
    "were not measured have `measured` null.",
    **allow(TENANT, OPERATOR, problems=("not-found", "invalid", "unavailable")),
)
async def entries(
    call: Call,
    service_id: str,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most."), WHOLE] = DEFAULT,
    cursor: Cursor = None,
    start: Annotated[AwareDatetime | None, Query(alias="from", description="Without those that end before.")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="Without those that begin after.")] = None,
) -> Response:
    await call.controller.find_service(ServiceId(service_id), call.tenant)
    found = await call.controller.proofs(
        ServiceId(service_id),
        after=_place(cursor),
        limit=limit + 1,
        from_s=None if start is None else start.timestamp(),
        until_s=None if end is None else end.timestamp(),
    )
    shown = found[:limit]
    more = len(found) > limit
    return answer(
        ProofPage(
            items=[_entry(one) for one in shown],
            next_cursor=cursor_after(str(shown[-1].sequence)) if more else None,
        )
    )


def _place(cursor: str | None) -> int:
    text = key_of(cursor)
    if text is None:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        message = "is no cursor: take `next_cursor` of the page before as it is"
        raise Invalid([Finding(code="cursor", place="cursor", message=message)])
    return int(text)


def _entry(one: Entry) -> ProofEntryOut:
    return ProofEntryOut(
        service=one.service,
        tenant=one.tenant,
        sequence=one.sequence,
        from_s=one.from_s,
        until_s=one.until_s,
        document=one.doc.decode("ascii", "replace"),
        hash=one.hash,
        signature=one.signature,
    )
