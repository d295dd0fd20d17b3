"""The lab: break a fibre or a router on purpose, and mend it. Only where the fabric is one."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.problems import NoLab
from highroad.api.shapes.measured import measured
from highroad.errors import Finding, Invalid, NotFound, did_you_mean
from highroad.model.network import FibreId, Network, SiteId
from highroad.ports import CutState, Lab, RouterState
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.networks import CutIn, CutOut, HostOut, LabOut, RouterDownIn, RouterOut

router = APIRouter(prefix="/v1/lab", tags=["lab"], route_class=Guarded)


@router.get(
    "",
    response_model=LabOut,
    summary="Its routers and hosts, and what is broken",
    **allow(OPERATOR, problems=("no-lab", "unavailable")),
)
async def show(call: Call) -> Response:
    status = await _lab(call).status()
    book = await call.controller.settled()
    out = LabOut(
        **measured(call.controller),
        cuts=[_cut_out(fibre, state) for fibre, state in sorted(status.cuts.items())],
        routers=[_router_out(one, book.network) for one in sorted(status.routers, key=lambda one: one.site)],
        hosts=[
            HostOut(port=port, site=book.ports[port].site, namespace=namespace)
            for port, namespace in sorted(status.hosts.items())
            if port in book.ports
        ],
    )
    return answer(out)


@router.post(
    "/cuts",
    status_code=201,
    response_model=CutOut,
    summary="Cut a fibre",
    description="The fabric notices by itself; a silent cut, which no port feels, only where something measures. A "
    "fibre that is cut already stays as it is.",
    **allow(OPERATOR, body=CutIn, problems=("no-lab", "invalid", "unavailable")),
)
async def cut(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(CutIn)
    fibre = FibreId(body.fibre)
    book = await call.controller.settled()
    _check("fibre", body.fibre, book.network.fibre)
    await lab.cut(fibre, silent=body.silent)
    state = (await lab.status()).cuts.get(fibre) or CutState(since_s=call.now_s, silent=body.silent)
    return answer(_cut_out(fibre, state), 201, {"Location": f"/v1/lab/cuts/{fibre}"})


@router.delete(
    "/cuts/{fibre}",
    response_model=LabOut,
    summary="Splice a fibre",
    description="Answers with what is still broken. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found", "unavailable")),
)
async def uncut(call: Call, fibre: str) -> Response:
    lab = _lab(call)
    book = await call.controller.settled()
    if FibreId(fibre) not in book.network.fibre:
        raise NotFound(f"there is no fibre {fibre[:100]}{did_you_mean(fibre, book.network.fibre)}")
    await lab.uncut(FibreId(fibre))
    return await show(call)


@router.post(
    "/routers-down",
    status_code=201,
    response_model=RouterOut,
    summary="Kill a router",
    description="At once, with all that it is: every fibre there goes dark. One that is killed already stays so.",
    **allow(OPERATOR, body=RouterDownIn, problems=("no-lab", "invalid", "unavailable")),
)
async def kill(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(RouterDownIn)
    site = SiteId(body.site)
    book = await call.controller.settled()
    _check("site", body.site, book.network.site)
    await lab.kill_router(site)
    states = [one for one in (await lab.status()).routers if one.site == site]
    state = states[0] if states else RouterState(site=site, killed_s=call.now_s)
    return answer(_router_out(state, book.network), 201, {"Location": f"/v1/lab/routers-down/{site}"})


@router.delete(
    "/routers-down/{site}",
    response_model=LabOut,
    summary="Start a router again",
    description="Answers with what is still broken. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found", "unavailable")),
)
async def revive(call: Call, site: str) -> Response:
    lab = _lab(call)
    book = await call.controller.settled()
    if SiteId(site) not in book.network.site:
        raise NotFound(f"there is no site {site[:100]}{did_you_mean(site, book.network.site)}")
    await lab.revive_router(SiteId(site))
    return await show(call)


def _lab(call: Call) -> Lab:
    lab = call.controller.lab
    if lab is None:
        raise NoLab(f"the fabric {call.controller.fabric_name} is no lab: nothing can be broken through the API")
    return lab


def _check(what: str, name: str, known: Collection[str]) -> None:
    """Raises Invalid for a name that there is not."""
    if name not in known:
        message = f"there is no {what} {name[:100]}{did_you_mean(name, known)}"
        raise Invalid([Finding(code=f"unknown-{what}", place=what, message=message)])


def _cut_out(fibre: FibreId, state: CutState) -> CutOut:
    return CutOut(fibre=fibre, since=time_from_s(state.since_s), silent=state.silent)


def _router_out(state: RouterState, network: Network) -> RouterOut:
    known = network.site.get(state.site)
    return RouterOut(
        site=state.site,
        name=state.site if known is None else known.name,
        up=state.killed_s is None,
        killed=maybe_time(state.killed_s),
        note=state.note,
    )
