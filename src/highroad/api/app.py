"""The application: routers, problems and limits put together around a controller that somebody else made."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from highroad.api.access import Guarded
from highroad.api.limits import Bounds, Limits
from highroad.api.openapi import describe
from highroad.api.page import add_page
from highroad.api.problems import on_error
from highroad.api.routes import ROUTERS
from highroad.api.routes.reach import Reaches
from highroad.api.sessions import SessionCodes, Sessions
from highroad.control.controller import Controller
from highroad.errors import HighroadError


def create_app(
    controller: Controller,
    *,
    hosts: Collection[str] = (),
    codes: SessionCodes | None = None,
    bounds: Bounds | None = None,
    page: Path | None = None,
) -> FastAPI:
    """The ASGI application of a controller, which is started and stopped by whoever calls this.

    `hosts` are the names besides loopback's by which it is reached (`*` for any); `codes` the one-time codes that
    the page may be opened with; `page` a folder of built files, if not the package's own.
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
    app.state.sessions = Sessions()
    app.state.codes = codes or SessionCodes()
    app.state.closing = asyncio.Event()
    app.state.owners = {}
    app.state.reaches = Reaches()
    for router in ROUTERS:
        app.include_router(router)
    app.state.ways = [
        (route.path_regex, route.methods or ())
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Guarded)
    ]
    app.add_route("/v1/openapi.json", _openapi, methods=["GET"], include_in_schema=False)
    add_page(app, page)
    app.add_middleware(Limits, hosts=hosts, bounds=bounds)
    setattr(app, "openapi", lambda: describe(app))  # noqa: B010 - how FastAPI says to do it, in mypy's terms
    return app


async def _openapi(request: Request) -> Response:
    app: Any = request.app
    return JSONResponse(app.openapi())
