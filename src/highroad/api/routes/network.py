"""The network in force: look at it, load another."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer, etag
from highroad.api.problems import finding_out
from highroad.api.shapes.network import network_out, repairs_out, sites_out
from highroad.api.shapes.refusals import network_change_out
from highroad.errors import Invalid
from highroad.formats.detect import read
from highroad.formats.loaded import Loaded, refused
from highroad.wire.networks import LocalRepairsOut, NetworkOut
from highroad.wire.problems import NetworkChangeOut

router = APIRouter(prefix="/v1/network", tags=["network"], route_class=Guarded)


@router.get(
    "",
    response_model=NetworkOut,
    summary="The network in force",
    description="An operator gets all of it; a tenant gets the sites, and fibres, links and risk groups are empty.",
    **allow(TENANT, OPERATOR),
)
async def show(call: Call) -> Response:
    book = await call.controller.settled()
    out = sites_out(book) if call.tenant is not None else network_out(book, call.now_s)
    return answer(out, headers={"ETag": etag(book.revision)})


@router.get(
    "/repairs",
    response_model=LocalRepairsOut,
    summary="Ways around links",
    description="Of every link that a service goes over, for each fence of such services: where its router sends "
    "traffic in the moment the link is lost, or null where no way around stays inside the fence.",
    **allow(OPERATOR),
)
async def repairs(call: Call) -> Response:
    return answer(repairs_out(await call.controller.settled()))


_LOAD = allow(OPERATOR, problems=("invalid", "confirmation-required", "conflict", "frozen", "too-large"))
_LOAD["openapi_extra"]["requestBody"] = {
    "required": True,
    "description": "A network file in any format that is read (docs/network-files.md). 10 MB at most.",
    "content": {"application/yaml": {"schema": {"type": "string"}}, "application/json": {"schema": {}}},
}


@router.put(
    "",
    response_model=NetworkChangeOut,
    summary="Load a network",
    description="Over a live one it answers `confirmation-required` with the difference and what it would do to "
    "services; send it again with that `confirm` to mean it. `dry_run` only shows.",
    **_LOAD,
)
async def load(
    call: Call,
    dry_run: Annotated[bool, Query(description="Only show the difference.")] = False,
    confirm: Annotated[str | None, Query(description="The `confirm` of the preview that you say yes to.")] = None,
) -> Response:
    loaded = await asyncio.to_thread(_read, await call.body())
    if loaded.network is None:
        raise Invalid(loaded.findings)
    change = await call.controller.load_network(loaded.network, confirm=confirm, dry_run=dry_run)
    out = network_change_out(change)
    out.warnings = [finding_out(finding) for finding in loaded.findings]
    return answer(out)


def _read(body: bytes) -> Loaded:
    try:
        return read(body.decode())
    except UnicodeDecodeError as error:
        return refused("encoding", f"the file is not UTF-8: byte {error.start} cannot be read")
