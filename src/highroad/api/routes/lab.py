"""The lab: break a fibre or a router on purpose, and mend it. Only where the fabric is one."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.problems import NoLab
from highroad.api.shapes.measured import measured
from highroad.errors import Finding, Invalid, NotFound, did_you_mean
from highroad.model.network import Fibre, FibreId, LinkId, Network, RiskGroupId, SiteId
from highroad.model.service import ServiceId
from highroad.ports import CutState, Lab, RouterState
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.networks import (
    CutIn,
    CutOut,
    GroupCutIn,
    GroupCutOut,
    HostOut,
    LabOut,
    LoadIn,
    LoadOut,
    RouterDownIn,
    RouterOut,
)

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
        cuts=[_cut_out(fibre, state, book.network) for fibre, state in sorted(status.cuts.items())],
        groups=[_group_out(group, state, book.network) for group, state in sorted(status.groups.items())],
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
    description="The fabric notices by itself; a silent cut, which no port feels, only where something measures. One "
    "way (`one_way`) or for a part (`loss`) it is silent. A fibre that is cut already is cut as it is said now.",
    **allow(OPERATOR, body=CutIn, problems=("no-lab", "invalid", "unavailable"), noted=True),
)
async def cut(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(CutIn)
    fibre = FibreId(body.fibre)
    book = await call.controller.settled()
    _check("fibre", body.fibre, book.network.fibre)
    towards = None if body.one_way is None else _towards(book.network, fibre, body.one_way)
    await lab.cut(fibre, silent=body.silent, towards=towards, loss=body.loss)
    state = (await lab.status()).cuts.get(fibre) or CutState(since_s=call.now_s, silent=body.silent)
    return answer(_cut_out(fibre, state, book.network), 201, {"Location": f"/v1/lab/cuts/{fibre}"})


@router.delete(
    "/cuts/{fibre}",
    response_model=LabOut,
    summary="Splice a fibre",
    description="Answers with what is still broken. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found", "unavailable"), noted=True),
)
async def uncut(call: Call, fibre: str) -> Response:
    lab = _lab(call)
    book = await call.controller.settled()
    if FibreId(fibre) not in book.network.fibre:
        raise NotFound(f"there is no fibre {fibre[:100]}{did_you_mean(fibre, book.network.fibre)}")
    await lab.uncut(FibreId(fibre))
    return await show(call)


@router.post(
    "/groups-cut",
    status_code=201,
    response_model=GroupCutOut,
    summary="Cut a risk group",
    description="A conduit with all fibres in it, at once. What else a fibre suffers from is apart: one that was cut "
    "by itself stays cut when the group is spliced. One that is cut already is cut as it is said now.",
    **allow(OPERATOR, body=GroupCutIn, problems=("no-lab", "invalid", "unavailable"), noted=True),
)
async def cut_group(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(GroupCutIn)
    group = RiskGroupId(body.risk_group)
    book = await call.controller.settled()
    _check("risk-group", body.risk_group, [one.id for one in book.network.risk_groups])
    await lab.cut_group(group, silent=body.silent, loss=body.loss)
    state = (await lab.status()).groups.get(group) or CutState(since_s=call.now_s, silent=body.silent)
    return answer(_group_out(group, state, book.network), 201, {"Location": f"/v1/lab/groups-cut/{group}"})


@router.delete(
    "/groups-cut/{group}",
    response_model=LabOut,
    summary="Splice a risk group",
    description="Answers with what is still broken. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found", "unavailable"), noted=True),
)
async def uncut_group(call: Call, group: str) -> Response:
    lab = _lab(call)
    known = [one.id for one in (await call.controller.settled()).network.risk_groups]
    if group not in known:
        raise NotFound(f"there is no risk group {group[:100]}{did_you_mean(group, known)}")
    await lab.uncut_group(RiskGroupId(group))
    return await show(call)


@router.post(
    "/routers-down",
    status_code=201,
    response_model=RouterOut,
    summary="Kill a router",
    description="At once, with all that it is: every fibre there goes dark; silently, their light stays on and nothing "
    "passes. One that is killed already is as it is said now.",
    **allow(OPERATOR, body=RouterDownIn, problems=("no-lab", "invalid", "unavailable"), noted=True),
)
async def kill(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(RouterDownIn)
    site = SiteId(body.site)
    book = await call.controller.settled()
    _check("site", body.site, book.network.site)
    await lab.kill_router(site, silent=body.silent)
    states = [one for one in (await lab.status()).routers if one.site == site]
    state = states[0] if states else RouterState(site=site, killed_s=call.now_s)
    return answer(_router_out(state, book.network), 201, {"Location": f"/v1/lab/routers-down/{site}"})


@router.delete(
    "/routers-down/{site}",
    response_model=LabOut,
    summary="Start a router again",
    description="Answers with what is still broken. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found", "unavailable"), noted=True),
)
async def revive(call: Call, site: str) -> Response:
    lab = _lab(call)
    book = await call.controller.settled()
    if SiteId(site) not in book.network.site:
        raise NotFound(f"there is no site {site[:100]}{did_you_mean(site, book.network.site)}")
    await lab.revive_router(SiteId(site))
    return await show(call)


@router.put(
    "/loads/{service_id}",
    response_model=LoadOut,
    summary="Set what a service's hosts offer",
    description="From now on, instead of the lab's own traffic, which is a share of what is guaranteed; over changes "
    "and restarts of the controller. It may be more than the service has: the rest is lost, and counted.",
    **allow(OPERATOR, body=LoadIn, problems=("no-lab", "not-found", "unavailable"), noted=True),
)
async def load(call: Call, service_id: str) -> Response:
    lab = _lab(call)
    body = await call.read(LoadIn)
    if body.offered_gbps is not None and body.offered_gbps < 0:
        message = f"{body.offered_gbps:g} Gbit/s is not a rate: give 0 or more"
        raise Invalid([Finding(code="rate", place="offered_gbps", message=message)])
    service = await call.controller.find_service(ServiceId(service_id), None)
    await lab.offer(service.id, body.offered_gbps)
    return answer(LoadOut(service=service.id, offered_gbps=body.offered_gbps))


def _lab(call: Call) -> Lab:
    lab = call.controller.lab
    if lab is None:
        raise NoLab(f"the fabric {call.controller.fabric_name} is no lab: nothing can be broken through the API")
    return lab


def _check(what: str, name: str, known: Collection[str]) -> None:
    """Raises Invalid for a name that there is not."""
    if name not in known:
        message = f"there is no {what.replace('-', ' ')} {name[:100]}{did_you_mean(name, known)}"
        raise Invalid([Finding(code=f"unknown-{what}", place=what.replace("-", "_"), message=message)])


def _towards(network: Network, fibre_id: FibreId, one_way: str) -> SiteId:
    """The end of a fibre that a direction leads to. Raises Invalid."""
    fibre = network.fibre[fibre_id]
    ends = {_from_to(fibre, end): end for end in (fibre.a, fibre.b)}
    over = {link: dict(network.over(link))[fibre_id] for link in network.links_on.get(fibre_id, ())}
    if one_way in ends:
        return ends[one_way]
    if one_way in over:
        return over[LinkId(one_way)]
    message = f"{one_way[:100]} is no direction of {fibre_id}: give {' or '.join(ends)}, or a link over it"
    raise Invalid([Finding(code="direction", place="one_way", message=message)])


def _from_to(fibre: Fibre, end: SiteId) -> str:
    return f"{fibre.a if end == fibre.b else fibre.b}>{end}"


def _cut_out(fibre: FibreId, state: CutState, network: Network) -> CutOut:
    one_way = None if state.towards is None else _from_to(network.fibre[fibre], state.towards)
    since = time_from_s(state.since_s)
    return CutOut(fibre=fibre, since=since, silent=state.silent, one_way=one_way, loss=state.loss)


def _group_out(group: RiskGroupId, state: CutState, network: Network) -> GroupCutOut:
    return GroupCutOut(
        risk_group=group,
        name=next((one.name for one in network.risk_groups if one.id == group), group),
        fibres=list(network.fibres_of(group)),
        since=time_from_s(state.since_s),
        silent=state.silent,
        loss=state.loss,
    )


def _router_out(state: RouterState, network: Network) -> RouterOut:
    known = network.site.get(state.site)
    return RouterOut(
        site=state.site,
        name=state.site if known is None else known.name,
        up=state.killed_s is None,
        killed=maybe_time(state.killed_s),
        note=state.note,
        silent=state.silent,
    )
