"""Who may do what: every route says it, a route that does not say it cannot be made, and nothing is read before.

    @router.get("/tenants", **allow(OPERATOR))
    async def tenants(call: Call) -> Response: ...

A route names whose it is, OPERATOR's, TENANT's or both's; what it does says which of their roles may call it. What only
looks (a GET, what `looks` declares, and anything with `?dry_run=true`) is open to an engineer beside the operator and
to a viewer beside a tenant's members; what changes something is not. `only` names roles one by one.

A bearer token is good for everything its role may do. The page's cookie is too, but changes something only where a
header says that it is the page that asks: a browser sends that for no other site's script without asking us, and we
allow none. So no other site can act through a browser that is signed in.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from highroad.api.gate import TURN, Gate, TooOften, Turn
from highroad.api.notes import Notes
from highroad.api.partly import without_wrong
from highroad.api.problems import Malformed, UnsupportedMediaType, on_error
from highroad.api.proxies import address
from highroad.api.sessions import COOKIE, Sessions
from highroad.control.accounts import Caller
from highroad.control.audit import ASKED
from highroad.control.desk import Desk
from highroad.control.figures import REQUEST
from highroad.errors import Finding, Forbidden, HighroadError, Invalid, Unauthenticated, Unavailable
from highroad.model.access import Role
from highroad.model.audit import Asked
from highroad.model.service import TenantId
from highroad.ports import Identity
from highroad.wire.invalid import findings_of

OPERATOR = "operator"
"""Who runs the network: an operator; where it only looks, an engineer too."""
TENANT = "tenant"
"""A tenant's admin and members; where it only looks, its viewers too."""
ANYONE = "anyone"
"""No token needed."""

_CHARSET = re.compile(r"""charset\s*=\s*"?([^\s;"]*)""")
GIVEN_ONCE = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID")
CHANGING: dict[str, tuple[Role, ...]] = {OPERATOR: (Role.OPERATOR,), TENANT: (Role.ADMIN, Role.MEMBER)}
LOOKING: dict[str, tuple[Role, ...]] = {
    OPERATOR: (Role.OPERATOR, Role.ENGINEER),
    TENANT: (Role.ADMIN, Role.MEMBER, Role.VIEWER),
}

ROLES = "x-highroad-roles"
DRY_ROLES = "x-highroad-dry-run-roles"
SCOPE = "x-highroad-scope"
SIDES = "x-highroad-sides"
LOOKS = "x-highroad-looks"
NOTED = "x-highroad-noted"
WAITS = "x-highroad-waits"
LOOSE = "x-highroad-loose"
LONGEST_PATH = 300
PAGE = "X-Highroad-Page"
"""What the page sends with whatever changes something. No form can, and no script of another site."""
UNSCOPED = frozenset({"session"})
"""What a token may ask about itself whatever its scopes."""
PROBLEMS = "x-highroad-problems"
DRY_RUN = "dry_run"

Body = TypeVar("Body", bound=BaseModel)


class Call(Request):
    """A request whose caller is known and may be here."""

    caller: Caller
    token: str

    @property
    def controller(self) -> Desk:
        """What decides."""
        controller: Desk = self.app.state.controller
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
    def notes(self) -> Notes:
        """What is written down now and then."""
        notes: Notes = self.app.state.notes
        return notes

    @property
    def sessions(self) -> Sessions:
        """Who is signed in at the page."""
        sessions: Sessions = self.app.state.sessions
        return sessions

    async def read(self, schema: type[Body], judge: Callable[[Body], Awaitable[object]] | None = None) -> Body:
        """The body, as strict JSON: a text is no number, and `true` is no 1. Raises Invalid with every finding.

        Where fields are of the wrong type, `judge` (which does nothing but raise) says what is wrong with the others.
        """
        media_type, _, parameters = self.headers.get("content-type", "").lower().partition(";")
        media_type = media_type.strip()
        charset = _CHARSET.search(parameters)
        if charset is not None and charset[1] not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("JSON is UTF-8: leave the charset out")
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaType("the body has to come with `Content-Type: application/json`")
        body = await self.body()
        try:
            found = schema.model_validate_json(body, strict=True)
            _check_twice(body)
            return found
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
                    findings += [finding for finding in also.findings if rest.knows(finding)]
                except HighroadError:
                    pass  # an answer to what was not asked
            raise Invalid(findings) from None

    def still_allowed(self) -> None:
        """Raises Unauthenticated once the caller's token is no longer good: asked by what streams for hours."""
        until_s = self.caller.until_s
        if until_s is not None:
            if until_s <= self.controller.now_s():
                raise Unauthenticated("the identity provider's token has ended")
        elif self.token:
            self.controller.authenticate(self.token)

    async def identify(self, token: str) -> Caller:
        """Who sent a token: one of ours, or, where there is one, of the identity provider. Raises Unauthenticated,
        Forbidden, Unavailable.
        """
        identity: Identity | None = self.app.state.identity
        if identity is None or token.count(".") != 2:  # ours have no dot, and a JWT has two
            return self.controller.authenticate(token)
        return self.controller.identified(await identity.who(token))


def allow(
    *sides: str,
    only: tuple[Role, ...] = (),
    body: type[BaseModel] | None = None,
    problems: tuple[str, ...] = (),
    cookie: bool = False,
    looks: bool = False,
    noted: bool = False,
    waits: bool = False,
    loose: bool = False,
) -> dict[str, Any]:
    """What a route declares: whose it is, its body's schema, the problems it may answer besides the usual ones.

    `only` are roles instead of sides. `cookie` lets the page's session call it without the page's header although it is
    no GET; `looks` says that it changes nothing although it is none, `noted` that what it does is in no commit, and is
    put into the audit log. `waits` says that it measures or waits for others: it has a bound of its own, and no slot of
    the gate. `loose` lets anything else be in its query: others wrote it, who have words of their own.
    """
    extra: dict[str, Any] = {
        SIDES: [*sides, *only],
        PROBLEMS: list(problems),
        "x-highroad-cookie": cookie,
        LOOKS: looks,
        NOTED: noted,
        WAITS: waits,
        LOOSE: loose,
    }
    if ANYONE in sides:
        extra["security"] = []
    if body is not None:
        reference = {"$ref": f"#/components/schemas/{body.__name__}"}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return {"openapi_extra": extra}


class Guarded(APIRoute):
    """A route that knows who may come, and asks before anything of the request is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        extra = dict(options.pop("openapi_extra", None) or {})
        sides = extra.pop(SIDES, ())
        if not sides:
            raise TypeError(f"{path} does not say who may call it: declare it with `allow`")
        methods = set(options.get("methods") or ("GET",))
        self.looks = bool(extra.pop(LOOKS, False)) or methods == {"GET"}
        self.looking = roles_of(sides, LOOKING)
        self.roles = self.looking if self.looks else roles_of(sides, CHANGING)
        kind = path.removeprefix("/v1").strip("/").split("/", 1)[0]
        self.kind = None if ANYONE in sides or kind in UNSCOPED else kind
        self.cookie = bool(extra.get("x-highroad-cookie"))
        self.noted = bool(extra.pop(NOTED, False))
        self.waits = bool(extra.pop(WAITS, False))
        self.loose = bool(extra.pop(LOOSE, False))
        extra[ROLES] = [ANYONE] if ANYONE in sides else [one.value for one in Role if one in self.roles]
        if self.kind is not None:
            extra[SCOPE] = self.scope(self.looks)
        super().__init__(path, endpoint, openapi_extra=extra, **options)
        self.dry = not self.looks and any(field.alias == DRY_RUN for field in self.dependant.query_params)
        if self.dry and self.looking != self.roles:
            extra[DRY_ROLES] = [one.value for one in Role if one in self.looking]

    def scope(self, looks: bool) -> str:
        """What scope of a token it takes."""
        return f"{self.kind}:{'read' if looks else 'write'}"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the guard; whatever it raises is answered as a problem."""
        handle = super().get_route_handler()
        known = {field.alias: _is_list(field.field_info.annotation) for field in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            gate: Gate = call.app.state.gate
            return await self._answered(call, gate, known, handle)

        return guarded

    async def _answered(
        self,
        call: Call,
        gate: Gate,
        known: Mapping[str, bool],
        handle: Callable[[Request], Coroutine[Any, Any, Response]],
    ) -> Response:
        asking = ASKED.set(self._asked(call))
        deadline = asyncio.timeout(gate.allowance.request_s)
        charged: dict[str, str] = {}
        try:
            async with deadline:
                _check_headers(call)
                if self.looking:
                    await self._identify(call)
                if getattr(call, "caller", None) is not None:
                    charged = gate.charge(call.caller)
                    self._admit(call)
                    turn: Turn | None = call.scope.get(TURN)
                    if turn is not None:
                        turn.of(call.caller, waits=self.waits)
                ASKED.set(self._asked(call))
                if not self.loose:
                    _check_query(call, known)
                response = await handle(call)
                if self.noted and response.status_code < 300:
                    await call.controller.note_asked([(ASKED.get(), 1)], self.name)
            response.headers.update(charged)
            return response
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            if isinstance(error, TooOften):
                charged = error.headers
            response = await on_error(call, self._refused(call, gate, error, late=deadline.expired()))
            response.headers.update(charged)
            return response
        finally:
            ASKED.reset(asking)

    def _refused(self, call: Call, gate: Gate, error: Exception, *, late: bool) -> Exception:
        """What is answered for an error; who was turned away is noted."""
        if late and isinstance(error, TimeoutError):
            return Unavailable(
                f"it took longer than {gate.allowance.request_s:g} s and was given up: it is done as a whole or not at "
                "all; look, or send it again with the same Idempotency-Key",
                retry_after_s=1,
            )
        asked = self._asked(call)
        unknown = getattr(call, "caller", None) is None and isinstance(error, HighroadError)
        if isinstance(error, Unauthenticated) or (unknown and not isinstance(error, Unavailable)):
            too_often = gate.wrong(asked.address)
            if too_often is not None:
                return too_often
        if isinstance(error, Unauthenticated):
            call.notes.refused(asked, 401)
        elif isinstance(error, Forbidden):
            call.notes.refused(asked, 403)
        return error

    def _asked(self, call: Call) -> Asked:
        """The request as the audit log tells of it; of a caller that is not known yet, or never, without who it is."""
        caller: Caller | None = getattr(call, "caller", None)
        return Asked(
            who="" if caller is None else caller.token_id,
            role="" if caller is None else caller.role.value,
            tenant=None if caller is None else caller.grant.tenant,
            address="" if call.client is None else address(call.client.host),
            method=call.method,
            path=call.url.path[:LONGEST_PATH],
            status=self.status_code or 200,
            request=REQUEST.get(),
        )

    async def _identify(self, call: Call) -> None:
        """Put the caller on the call. Raises Unauthenticated, Forbidden or Unavailable."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("the Authorization header has to be `Bearer` and a token")
            call.token = token.strip()
        elif call.method == "GET" or self.cookie or _is_our_page(call):
            call.token = call.sessions.token(call.cookies.get(COOKIE, ""))
        else:
            raise Unauthenticated("send a token: `Authorization: Bearer ...`")
        call.caller = await call.identify(call.token)
        call.notes.used(call.caller, time.time())

    def _admit(self, call: Call) -> None:
        """Whether the caller may do this. Raises Forbidden."""
        looks = self.looks or (self.dry and call.query_params.getlist(DRY_RUN) == ["true"])
        roles = self.looking if looks else self.roles
        if call.caller.role not in roles:
            raise Forbidden(f"this takes a token of the role {' or '.join(sorted(roles))}", role=call.caller.role.value)
        if self.kind is not None and not call.caller.grant.allows(self.scope(looks)):
            raise Forbidden(f"this takes a token with the scope {self.scope(looks)}", scope=self.scope(looks))


def _is_our_page(call: Call) -> bool:
    """Whether it is our own page that asks. Browsers that say where a script is from (`Sec-Fetch-Site`, `Origin`) are
    held to that besides.
    """
    headers = call.headers
    here = {f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https")}
    return (
        headers.get(PAGE) == "1"
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and ("origin" not in headers or headers["origin"] in here)
    )


def roles_of(sides: Iterable[str], table: Mapping[str, tuple[Role, ...]]) -> frozenset[Role]:
    """The roles of sides; a role is one of itself, and nobody is named by `anyone`."""
    return frozenset(role for side in sides if side != ANYONE for role in _of(side, table))


def _of(side: str, table: Mapping[str, tuple[Role, ...]]) -> tuple[Role, ...]:
    return (side,) if isinstance(side, Role) else table[side]


def _check_query(call: Call, known: Mapping[str, bool]) -> None:
    """A misspelt `dry_run` must not order, nor one that says yes and no: unknown query parameters, and those that come
    twice and are no list, are errors. `known` says which are lists. Raises Invalid.
    """
    given = Counter(name for name, _ in call.query_params.multi_items())
    words = f"known here: {', '.join(sorted(known))}" if known else "none is known here"
    findings = [
        Finding(code="unknown-parameter", place=name[:100], message=f"is not a query parameter; {words}")
        for name in sorted(given.keys() - known.keys())
    ]
    findings += [
        Finding(code="ambiguous", place=name, message=f"is given {count} times: give it once")
        for name, count in sorted(given.items())
        if count > 1 and known.get(name) is False
    ]
    if findings:
        raise Invalid(findings)


def _check_headers(call: Call) -> None:
    """Headers that mean one thing are given once: which of two would count, no proxy and no server agree on."""
    given = Counter(name.lower() for name, _ in call.headers.raw)
    findings = [
        Finding(code="ambiguous", place=name, message=f"is given {given[name.lower().encode()]} times: give it once")
        for name in GIVEN_ONCE
        if given[name.lower().encode()] > 1
    ]
    if findings:
        raise Invalid(findings)


def _check_twice(body: bytes) -> None:
    """Of a field that is there twice, who reads it first and who reads it last disagree. Raises Invalid."""
    findings: list[Finding] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                findings.append(Finding(code="ambiguous", place=name, message=f"is there {count} times: give it once"))

    json.loads(body, object_pairs_hook=look, parse_int=str)
    if findings:
        raise Invalid(findings)


def _is_list(annotation: Any) -> bool:
    """Whether a parameter may come several times: a list, or a list or nothing."""
    return get_origin(annotation) is list or any(get_origin(one) is list for one in get_args(annotation))
