"""What would happen if something failed, if what is admitted grew, if links were added: worked out, not tried."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.views import outlook_out, what_if_out
from highroad.control.sending import Load
from highroad.wire.views import OutlookOut, WhatIfOut

WITH_LOAD = (
    " With `load=measured` it is told of what services send too, beside what they are guaranteed: what no more than "
    "was sent in a `quantile` of the pieces of the last `over_s` seconds. A service that was not measured counts as "
    "guaranteed, and is counted (`guessed`)."
)


class Counted(StrEnum):
    """What services count with."""

    GUARANTEED = "guaranteed"
    MEASURED = "measured"


Measured = Annotated[Counted, Query(alias="load", description="`measured`: of what services send, too.")]
Over = Annotated[float, Query(description="Seconds until now that are looked at.", examples=[3600])]
Quantile = Annotated[float, Query(description="1 is the most that was sent.", examples=[0.95])]

router = APIRouter(prefix="/v1/whatif", tags=["whatif"], route_class=Guarded)


@router.get(
    "",
    response_model=WhatIfOut,
    summary="What would happen if a fibre, a risk group or a site failed",
    description="The loop's own repair over a copy of what is known now, with routers that do what they are asked: "
    "who goes onto a backup, who finds another path, who is slow or dark, who is unprotected afterwards, and which "
    "links are fullest then. Nothing is touched. It takes as long as the decisions would: seconds with thousands of "
    "services." + WITH_LOAD,
    **allow(OPERATOR, problems=("invalid", "conflict"), waits=True),
)
async def show(
    call: Call,
    cut: Annotated[str, Query(description="A fibre, a risk group or a site.", examples=["albany--syracuse"])],
    load: Measured = Counted.GUARANTEED,
    over_s: Over = 3600.0,
    quantile: Quantile = 0.95,
) -> Response:
    found = await call.controller.what_if(cut, _load(load, over_s, quantile))
    return answer(what_if_out(found, await call.controller.settled()))


@router.get(
    "/outlook",
    response_model=OutlookOut,
    summary="What would happen if what is admitted grew, or links were added",
    description="All that is admitted at the busiest time of the next week, `grow` times as much, on the network with "
    "what is added and without what is cut: how much fits when everything is placed anew, what falls of which class "
    "where it does not, how far it could grow, and which links are overloaded as things are placed now. With `add` "
    "the same without it is told beside. Latency bounds and backups are left out of the plan anew, so that what falls "
    "is the least that does. Nothing is touched. Seconds with very many services." + WITH_LOAD,
    **allow(OPERATOR, problems=("invalid", "conflict"), waits=True),
)
async def outlook(
    call: Call,
    grow: Annotated[float, Query(description="So many times what is admitted.", examples=[1.5])] = 1.0,
    add: Annotated[
        list[str] | None,
        Query(
            description="`LINK:GBPS` for more on a link each way, `SITE>SITE:GBPS:MS` for a new one; without MS it "
            "takes as long as light does in 1.2 times the great circle.",
        ),
    ] = None,
    cut: Annotated[list[str] | None, Query(description="Fibres, risk groups and sites that fail meanwhile.")] = None,
    load: Measured = Counted.GUARANTEED,
    over_s: Over = 3600.0,
    quantile: Quantile = 0.95,
) -> Response:
    found = await call.controller.outlook(grow, add or [], cut or [], _load(load, over_s, quantile))
    return answer(outlook_out(found))


def _load(counted: Counted, over_s: float, quantile: float) -> Load | None:
    return Load(over_s=over_s, quantile=quantile) if counted is Counted.MEASURED else None
