"""Who may do what: every route says it, a route that does not say it cannot be made, and nothing is read before.

    @router.get("/tenants", **allow(OPERATOR))
    async def tenants(call: Call) -> Response: ...

A bearer token is good for everything its role may do; the page's cookie only reads (and signs out), so that no other
site can act through a browser that is signed in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from highroad.api.partly import without_wrong
from highroad.api.problems import Malformed, UnsupportedMediaType, on_error
from highroad.api.sessions import COOKIE, Sessions
from highroad.control.accounts import Caller
from highroad.control.controller import Controller
from highroad.errors import Finding, Forbidden, HighroadError, Invalid, Unauthenticated
from highroad.model.service import TenantId
from highroad.wire.invalid import findings_of

OPERATOR = "operator"
TENANT = "tenant"
ANYONE = "anyone"
"""No token needed."""

ROLES = "x-highroad-roles"
PROBLEMS = "x-highroad-problems"

Body = TypeVar("Body", bound=BaseModel)


class Call(Request):
    """A request whose caller is known and may be here."""

    caller: Caller
    token: str

    @property
    def controller(self) -> Controller:
        """What decides."""
        controller: Controller = self.app.state.controller
        return controller

    @property
    def tenant(self) -> TenantId | None:
        """Whose things the caller is confined to; None for an operator."""
        return self.caller.tenant

    @property
    def now_s(self) -> float:
        """The fabric's time, as of its newest sample; the wall's before there is one."""
        sample = self.controller.last_sample
        return time.time() if sample is None else sample.at_s

    @property
    def sessions(self) -> Sessions:
        """Who is signed in at the page."""
        sessions: Sessions = self.app.state.sessions
        return sessions

    async def read(self, schema: type[Body], judge: Callable[[Body], Awaitable[object]] | None = None) -> Body:
        """The body, as strict JSON: a text is no number, and `true` is no 1. Raises Invalid with every finding.

        Where fields are of the wrong type, `judge` (which does nothing but raise) says what is wrong with the others.
        """
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaType("the body has to come with `Content-Type: application/json`")
        body = await self.body()
        try:
            return schema.model_validate_json(body, strict=True)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
            findings = findings_of(errors)
            if any(found["type"] == "json_invalid" for found in errors):
                raise Malformed(findings[0].message) from None
            rest = None if judge is None else without_wrong(schema, body, errors)
            if judge is not None and rest is not None:
                try:
                    await judge(rest.body)
                except Invalid as also:
                    findings += [finding for finding in also.findings if rest.knows(finding.place)]
                except HighroadError:
                    pass  # an answer to what was not asked
            raise Invalid(findings) from None

    def still_allowed(self) -> None:
        """Raises Unauthenticated once the caller's token is revoked: asked by what streams for hours."""
        if self.token:
            self.controller.authenticate(self.token)


def allow(
    *roles: str, body: type[BaseModel] | None = None, problems: tuple[str, ...] = (), cookie: bool = False
) -> dict[str, Any]:
    """What a route declares: its roles, its body's schema, the problems it may answer besides the usual ones.

    `cookie` lets the page's session call it although it is no GET.
    """
    extra: dict[str, Any] = {ROLES: list(roles), PROBLEMS: list(problems), "x-highroad-cookie": cookie}
    if ANYONE in roles:
        extra["security"] = []
    if body is not None:
        reference = {"$ref": f"#/components/schemas/{body.__name__}"}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return {"openapi_extra": extra}


class Guarded(APIRoute):
    """A route that knows who may come, and asks before anything of the request is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        extra = options.get("openapi_extra") or {}
        roles = extra.get(ROLES)
        if not roles:
            raise TypeError(f"{path} does not say who may call it: declare it with `allow`")
        self.roles = frozenset(roles)
        self.cookie = bool(extra.get("x-highroad-cookie"))
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the guard; whatever it raises is answered as a problem."""
        handle = super().get_route_handler()
        known = {field.alias for field in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            try:
                self._admit(call)
                _check_query(call, known)
                return await handle(call)
            except ClientDisconnect:
                return Response(status_code=499)
            except Exception as error:
                return await on_error(request, error)

        return guarded

    def _admit(self, call: Call) -> None:
        """Put the caller on the call. Raises Unauthenticated or Forbidden."""
        if ANYONE in self.roles:
            return
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("the Authorization header has to be `Bearer` and a token")
            call.token = token.strip()
        elif call.method == "GET" or self.cookie:
            call.token = call.sessions.token(call.cookies.get(COOKIE, ""))
        else:
            raise Unauthenticated("send a token: `Authorization: Bearer ...`")
        call.caller = call.controller.authenticate(call.token)
        if call.caller.role not in self.roles:
            raise Forbidden(f"this takes a token of the role {' or '.join(sorted(self.roles))}")


def _check_query(call: Call, known: set[str]) -> None:
    """A misspelt `dry_run` must not order: unknown query parameters are an error."""
    names = call.query_params.keys()
    if names - known:
        words = f"known here: {', '.join(sorted(known))}" if known else "none is known here"
        raise Invalid(
            [
                Finding(code="unknown-parameter", place=name, message=f"is not a query parameter; {words}")
                for name in sorted(names - known)
            ]
        )
