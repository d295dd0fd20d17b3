"""The page's session, and who a caller is."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import ANYONE, OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.sessions import COOKIE, SessionCodes
from highroad.control.accounts import Caller
from highroad.control.desk import Desk
from highroad.errors import Finding, Invalid
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.operations import LeaderOut, SessionIn, WhoOut

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=Guarded)


@router.get("", response_model=WhoOut, summary="Who am I?", **allow(TENANT, OPERATOR))
async def who(call: Call) -> Response:
    return answer(_who(call.caller, call.controller))


@router.post(
    "",
    response_model=WhoOut,
    summary="Sign in at the page",
    description="With a token, or the one-time code that was printed at the start. Sets a cookie that is good for "
    "reading, and with the header `X-Highroad-Page: 1`, from our own origin, for all that the token is good for.",
    **allow(ANYONE, body=SessionIn, problems=("invalid", "unauthenticated", "forbidden", "slow-down", "unavailable")),
)
async def sign_in(call: Call) -> Response:
    body = await call.read(SessionIn)
    if (body.token is None) == (body.code is None):
        raise Invalid([Finding(code="token-or-code", place="", message="give a token or a code, one of the two")])
    codes: SessionCodes = call.app.state.codes
    token = body.token if body.token is not None else codes.redeem(body.code or "")
    caller = await call.identify(token)
    response = answer(_who(caller, call.controller))
    response.set_cookie(
        COOKIE,
        call.sessions.open(token),
        path="/",
        httponly=True,
        samesite="strict",
        secure=call.url.scheme == "https",
    )
    return response


@router.delete("", status_code=204, summary="Sign out", **allow(TENANT, OPERATOR, cookie=True, looks=True))
async def sign_out(call: Call) -> Response:
    call.sessions.close(call.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def _who(caller: Caller, desk: Desk) -> WhoOut:
    grant, leader = caller.grant, desk.leader if caller.grant.tenant is None else None
    return WhoOut(
        role=grant.role.value,
        tenant=grant.tenant,
        scopes=None if grant.scopes is None else list(grant.scopes),
        expires=maybe_time(grant.expires_s),
        leader=None
        if leader is None
        else LeaderOut(
            process=leader.name, epoch=leader.epoch, since=time_from_s(leader.since_s), here=leader.name == desk.name
        ),
    )
