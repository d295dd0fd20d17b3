"""The web page at `/`: built files and nothing else, under a policy that lets nothing foreign in."""

from __future__ import annotations

import html
import re
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.responses import FileResponse, HTMLResponse

from highroad.api.problems import KINDS
from highroad.errors import NotFound

BUILT = Path(__file__).parent / "portal"

POLICY = (
    "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
FOR_EVER = "public, max-age=31536000, immutable"

_HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")

_NOT_BUILT = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Highroad</title>
<h1>Highroad is running, its page is not built</h1>
<p>In a checkout run <code>make .make/portal</code>, then load this address again. The package has the page in it.</p>
<p>The API is at <a href="/v1/openapi.json">/v1/openapi.json</a>, and everything works without the page:
<code>highroad status</code>.</p></html>
"""


def add_page(app: FastAPI, folder: Path | None = None) -> None:
    """Serve the built page, and the pages that problem types point at."""
    root = (folder or BUILT).resolve()

    async def index(request: Request) -> Response:
        built = root / "index.html"
        if not built.is_file():
            return HTMLResponse(_NOT_BUILT, headers=HEADERS)
        return FileResponse(built, headers=HEADERS)

    async def problem(request: Request) -> Response:
        code = str(request.path_params["code"])
        kind = KINDS.get(code)
        if kind is None:
            raise NotFound("there is no such problem")
        title = html.escape(kind.title)
        remedy = re.sub("`([^`]*)`", r"<code>\1</code>", html.escape(kind.remedy))
        text = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{code}</title>'
            f"<h1>{title}</h1><p>HTTP {kind.status}, <code>{code}</code></p><p>{remedy}</p></html>"
        )
        return HTMLResponse(text, headers=HEADERS)

    async def asset(request: Request) -> Response:
        return found(root / str(request.path_params["path"]))

    async def assets(request: Request) -> Response:
        return found(root / "assets" / str(request.path_params["path"]))

    def found(path: Path) -> Response:
        try:
            path = path.resolve()
            there = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):
            there = False  # a name that no file can have: too long, or with a NUL in it
        if not there:
            raise NotFound("there is nothing at this address")
        headers = HEADERS | ({"Cache-Control": FOR_EVER} if _HASHED.search(path.name) else {})
        return FileResponse(path, headers=headers)

    app.add_route("/", index, methods=["GET"], include_in_schema=False)
    app.add_route("/problems/{code}", problem, methods=["GET"], include_in_schema=False)
    app.add_route("/{path}", asset, methods=["GET"], include_in_schema=False)
    app.add_route("/assets/{path:path}", assets, methods=["GET"], include_in_schema=False)
