"""The page's session, and who a caller is."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import ANYONE, OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.sessions import COOKIE, SessionCodes
from highroad.control.accounts import Caller
from highroad.control.desk import Desk
from highroad.errors import Finding, HighroadError, Invalid, NotFound, Unauthenticated
from highroad.ports import SignIn
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.operations import LeaderOut, SessionIn, SignInOut, WhoOut

router = APIRouter(prefix="/v1/session", tags=["session"], route_class=Guarded)

ERRAND = "highroad_signin"
"""What a browser that was sent to the identity provider brings back: `state.verifier`, seen by us alone."""
ERRAND_S = 600
BACK = "/v1/session/openid/return"


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
    return _opened(call, token, answer(_who(caller, call.controller)))


@router.get(
    "/ways",
    response_model=SignInOut,
    summary="How one signs in",
    description="With a token always; at an identity provider where one knows the page.",
    **allow(ANYONE),
)
async def ways(call: Call) -> Response:
    return answer(SignInOut(openid=call.app.state.sign_in is not None))


@router.get(
    "/openid",
    status_code=303,
    response_class=Response,
    summary="Go to the identity provider to sign in",
    description="For browsers: sends one there, from where one comes back with a session.",
    **allow(ANYONE, problems=("not-found", "unavailable", "slow-down")),
)
async def go_there(call: Call) -> Response:
    errand = await _sign_in_of(call).begin(_back(call))
    response = Response(status_code=303, headers={"Location": errand.address, "Cache-Control": "no-store"})
    response.set_cookie(
        ERRAND,
        f"{errand.state}.{errand.verifier}",
        max_age=ERRAND_S,
        path="/v1/session/openid",
        httponly=True,
        samesite="lax",  # it comes back from another site
        secure=call.url.scheme == "https",
    )
    return response


@router.get(
    "/openid/return",
    status_code=303,
    response_class=Response,
    summary="Come back from the identity provider",
    description="With the code that it gave: opens a session and shows the page; where that fails, the page says so.",
    **allow(ANYONE, problems=("not-found", "slow-down"), loose=True),
)
async def come_back(
    call: Call,
    code: Annotated[str, Query(max_length=4096, description="What the provider gave.")] = "",
    state: Annotated[str, Query(max_length=512, description="What it was sent.")] = "",
    error: Annotated[str, Query(max_length=512, description="Why it gave none.")] = "",
) -> Response:
    sign_in_ = _sign_in_of(call)
    kept, _, verifier = call.cookies.get(ERRAND, "").partition(".")
    try:
        if not kept or not verifier or not secrets.compare_digest(kept.encode(), state.encode()):
            raise Unauthenticated("this browser was not sent to sign in, or too long ago: begin again")
        if error or not code:
            raise Unauthenticated("the identity provider signed nobody in")
        token = await sign_in_.finish(code, verifier, _back(call))
        await call.identify(token)
        response = _opened(call, token, _to_the_page("signed-in"))
    except HighroadError as refused:
        response = _to_the_page(f"refused={refused.code}")
    response.delete_cookie(ERRAND, path="/v1/session/openid", httponly=True, samesite="lax")
    return response


@router.delete("", status_code=204, summary="Sign out", **allow(TENANT, OPERATOR, cookie=True, looks=True))
async def sign_out(call: Call) -> Response:
    await asyncio.to_thread(call.sessions.close, call.cookies.get(COOKIE, ""))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


def _opened(call: Call, token: str, response: Response) -> Response:
    """The answer with a session's cookie."""
    response.set_cookie(
        COOKIE,
        call.sessions.open(token),
        path="/",
        httponly=True,
        samesite="strict",
        secure=call.url.scheme == "https",
    )
    return response


def _to_the_page(said: str) -> Response:
    return Response(status_code=303, headers={"Location": f"/#{said}", "Cache-Control": "no-store"})


def _sign_in_of(call: Call) -> SignIn:
    """Raises NotFound."""
    found: SignIn | None = call.app.state.sign_in
    if found is None:
        raise NotFound("no identity provider knows this page: sign in with a token")
    return found


def _back(call: Call) -> str:
    """Where the browser comes back to: the host that it called us by, which is one that we answer to."""
    return f"{call.url.scheme}://{call.url.netloc}{BACK}"


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
