"""Tokens: issue, list, revoke. Only a hash of each is kept."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.operations import token_out
from highroad.errors import Finding, Invalid, did_you_mean
from highroad.model.access import Role
from highroad.model.service import TenantId
from highroad.ports import TokenRecord
from highroad.wire.operations import TokenIn, TokenIssuedOut, TokenPage

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], route_class=Guarded)


HANDS_OUT = (Role.OPERATOR, Role.ADMIN)


@router.get(
    "",
    response_model=TokenPage,
    summary="List tokens, without their secrets",
    description="A tenant's admin gets its tenant's.",
    **allow(only=HANDS_OUT),
)
async def list_tokens(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    mine = (one for one in book.tokens.values() if call.tenant is None or one.tenant == call.tenant)
    shown, following = page(sorted(mine, key=_key), _key, cursor, limit)
    return answer(TokenPage(items=[token_out(one) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=TokenIssuedOut,
    summary="Issue a token",
    description="The secret is in this answer and nowhere else. A token never may more than the one that issues it: a "
    "tenant's admin issues tokens of its own tenant, and what is left out is as it is of the issuing token.",
    **allow(only=HANDS_OUT, body=TokenIn, problems=("invalid", "quota-exceeded")),
)
async def issue(call: Call) -> Response:
    body = await call.read(TokenIn)
    if call.tenant is not None and body.tenant not in (None, call.tenant):
        # Whether there is such a tenant is nobody else's business.
        raise Invalid([Finding(code="tenant", place="tenant", message="is not you: leave it out")])
    known = call.app.state.scopes
    wrong = [
        Finding(
            code="unknown-scope",
            place=f"scopes[{place}]",
            message=f"there is no scope {scope[:100]}{did_you_mean(scope, known)}",
        )
        for place, scope in enumerate(body.scopes or ())
        if scope not in known
    ]
    if wrong:
        raise Invalid(wrong)
    tenant = call.tenant if body.tenant is None else TenantId(body.tenant)
    record, secret = await call.controller.issue_token(
        tenant=tenant,
        label=body.label,
        role=None if body.role is None else Role(body.role),
        scopes=body.scopes,
        expires_s=body.expires_s,
        issuer=call.caller,
    )
    return answer(TokenIssuedOut(**token_out(record).model_dump(), token=secret), 201)


@router.delete(
    "/{token_id}",
    status_code=204,
    summary="Revoke a token",
    description="At once, with every session and stream that was opened with it.",
    **allow(only=HANDS_OUT, problems=("not-found",)),
)
async def revoke(call: Call, token_id: str) -> Response:
    await call.controller.revoke_token(token_id, tenant=call.tenant)
    return Response(status_code=204)


def _key(token: TokenRecord) -> str:
    return token.id
