"""The lab: break a fibre on purpose, and splice it. Only where the fabric is one."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.problems import NoLab
from highroad.errors import Finding, Invalid, NotFound, did_you_mean
from highroad.model.network import FibreId
from highroad.ports import Lab
from highroad.wire.base import time_from_s
from highroad.wire.networks import CutIn, CutOut, LabOut

router = APIRouter(prefix="/v1/lab", tags=["lab"], route_class=Guarded)


@router.get("", response_model=LabOut, summary="What is cut", **allow(OPERATOR, problems=("no-lab",)))
async def show(call: Call) -> Response:
    cuts = await _lab(call).cuts()
    out = LabOut(
        fabric=call.controller.fabric_name,
        cuts=[CutOut(fibre=fibre, since=time_from_s(since_s)) for fibre, since_s in sorted(cuts.items())],
    )
    return answer(out)


@router.post(
    "/cuts",
    status_code=201,
    response_model=CutOut,
    summary="Cut a fibre",
    description="The fabric notices by itself. A fibre that is cut already stays so.",
    **allow(OPERATOR, body=CutIn, problems=("no-lab", "invalid")),
)
async def cut(call: Call) -> Response:
    lab = _lab(call)
    body = await call.read(CutIn)
    fibre = FibreId(body.fibre)
    book = await call.controller.settled()
    if fibre not in book.network.fibre:
        raise Invalid(
            [
                Finding(
                    code="unknown-fibre",
                    place="fibre",
                    message=f"there is no fibre {body.fibre[:100]}{did_you_mean(body.fibre, book.network.fibre)}",
                )
            ]
        )
    await lab.cut(fibre)
    since_s = (await lab.cuts()).get(fibre, call.now_s)
    return answer(CutOut(fibre=fibre, since=time_from_s(since_s)), 201, {"Location": f"/v1/lab/cuts/{fibre}"})


@router.delete(
    "/cuts/{fibre}",
    response_model=LabOut,
    summary="Splice a fibre",
    description="Answers with what is still cut. Idempotent.",
    **allow(OPERATOR, problems=("no-lab", "not-found")),
)
async def uncut(call: Call, fibre: str) -> Response:
    lab = _lab(call)
    book = await call.controller.settled()
    if FibreId(fibre) not in book.network.fibre:
        raise NotFound(f"there is no fibre {fibre[:100]}{did_you_mean(fibre, book.network.fibre)}")
    await lab.uncut(FibreId(fibre))
    return await show(call)


def _lab(call: Call) -> Lab:
    lab = call.controller.lab
    if lab is None:
        raise NoLab(f"the fabric {call.controller.fabric_name} is no lab: nothing can be cut through the API")
    return lab
