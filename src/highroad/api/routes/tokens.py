"""Tokens: issue, list, revoke. Only a hash of each is kept."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import DEFAULT, Cursor, Limit, page
from highroad.api.shapes.operations import token_out
from highroad.model.service import TenantId
from highroad.ports import TokenRecord
from highroad.wire.operations import TokenIn, TokenIssuedOut, TokenPage

router = APIRouter(prefix="/v1/tokens", tags=["tokens"], route_class=Guarded)


@router.get("", response_model=TokenPage, summary="List tokens, without their secrets", **allow(OPERATOR))
async def list_tokens(call: Call, limit: Limit = DEFAULT, cursor: Cursor = None) -> Response:
    book = await call.controller.settled()
    shown, following = page(sorted(book.tokens.values(), key=_key), _key, cursor, limit)
    return answer(TokenPage(items=[token_out(one) for one in shown], next_cursor=following))


@router.post(
    "",
    status_code=201,
    response_model=TokenIssuedOut,
    summary="Issue a token",
    description="The secret is in this answer and nowhere else.",
    **allow(OPERATOR, body=TokenIn, problems=("invalid", "not-found")),
)
async def issue(call: Call) -> Response:
    body = await call.read(TokenIn)
    tenant = None if body.tenant is None else TenantId(body.tenant)
    record, secret = await call.controller.issue_token(tenant=tenant, label=body.label)
    return answer(TokenIssuedOut(**token_out(record).model_dump(), token=secret), 201)


@router.delete(
    "/{token_id}",
    status_code=204,
    summary="Revoke a token",
    description="At once, with every session and stream that was opened with it.",
    **allow(OPERATOR, problems=("not-found",)),
)
async def revoke(call: Call, token_id: str) -> Response:
    await call.controller.revoke_token(token_id)
    return Response(status_code=204)


def _key(token: TokenRecord) -> str:
    return token.id
