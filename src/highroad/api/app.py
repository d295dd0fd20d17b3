"""The application: routers, problems and limits put together around a controller that somebody else made."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from highroad.api.access import Guarded
from highroad.api.gate import Allowance, Gate, Shedding
from highroad.api.limits import Bounds, Limits
from highroad.api.notes import Notes
from highroad.api.openapi import describe
from highroad.api.page import add_page
from highroad.api.problems import on_error
from highroad.api.requests import Requests, RequestTracer, Tracked
from highroad.api.routes import ROUTERS
from highroad.api.routes.reach import Reaches
from highroad.api.sessions import SessionCodes, Sessions
from highroad.api.streams import Streams
from highroad.control.desk import Desk
from highroad.errors import HighroadError
from highroad.ports import Identity, SignIn


def create_app(
    controller: Desk,
    *,
    hosts: Collection[str] = (),
    codes: SessionCodes | None = None,
    sessions: Sessions | None = None,
    bounds: Bounds | None = None,
    page: Path | None = None,
    metrics_token: str | None = None,
    tracer: RequestTracer | None = None,
    identity: Identity | None = None,
    sign_in: SignIn | None = None,
    allowance: Allowance | None = None,
) -> FastAPI:
    """The ASGI application of a controller, which is started and stopped by whoever calls this.

    `hosts` are the names besides loopback's by which it is reached (`*` for any); `codes` the one-time codes that
    the page may be opened with; `sessions` who is signed in, in memory if left out; `page` a folder of built files, if
    not the package's own; `metrics_token` one that may read `/metrics` and nothing else; `identity` a provider whose
    tokens are good here, and `sign_in` how one gets one with a browser; `allowance` how much is let in.
    """
    app = FastAPI(
        title="Highroad",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HighroadError: on_error, HTTPException: on_error, Exception: on_error},
    )
    app.state.controller = controller
    app.state.sessions = sessions or Sessions()
    app.state.codes = codes or SessionCodes()
    app.state.closing = asyncio.Event()
    app.state.leaving = False
    app.state.requests = Requests()
    app.state.metrics_token = metrics_token
    app.state.gate = Gate(allowance)
    app.state.identity = identity
    app.state.sign_in = sign_in
    app.state.owners = {}
    app.state.streams = Streams()
    app.state.reaches = Reaches()
    for router in ROUTERS:
        app.include_router(router)
    app.state.ways = [
        (route.path_regex, route.methods or ())
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Guarded)
    ]
    app.state.notes = Notes(controller)
    app.state.scopes = scopes_of(ROUTERS)
    app.add_route("/v1/openapi.json", _openapi, methods=["GET"], include_in_schema=False)
    add_page(app, page)
    app.add_middleware(Limits, hosts=hosts, bounds=bounds)
    app.add_middleware(Shedding, gate=app.state.gate)
    app.add_middleware(Tracked, requests=app.state.requests, tracer=tracer)
    setattr(app, "openapi", lambda: describe(app))  # noqa: B010 - how FastAPI says to do it, in mypy's terms
    return app


def scopes_of(routers: Iterable[APIRouter]) -> list[str]:
    """Every scope that narrows a token: of each kind of thing that there is a way to."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Guarded)]
    found = {route.scope(looks) for route in routes if route.kind for looks in {route.looks, route.looks or route.dry}}
    return sorted(found)


async def _openapi(request: Request) -> Response:
    app: Any = request.app
    return JSONResponse(app.openapi())
