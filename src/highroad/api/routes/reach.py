"""Latency reach: who is within a round trip of a site, over the network as it stands."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.errors import Finding, Forbidden, Invalid
from highroad.formats.shipped import cities_text
from highroad.model.network import FibreId, Network, SiteKind
from highroad.siting import cities, reach
from highroad.wire.networks import ReachOut, RingOut

router = APIRouter(prefix="/v1/reach", tags=["reach"], route_class=Guarded)


@router.get(
    "",
    response_model=ReachOut,
    summary="The population within a round trip of a site of a kind",
    description="Over the network as it stands: fibres that are dark now do not count. `without` leaves out more of "
    "them, to ask what a cut would do; it is an operator's to say, and a tenant is told no fibre's name.",
    **allow(TENANT, OPERATOR, problems=("invalid", "forbidden")),
)
async def show(
    call: Call,
    rtt_ms: Annotated[float, Query(description="The round trip, more than 0.", examples=[5.0])],
    kind: Annotated[SiteKind, Query(description="Of which kind the site is.")] = SiteKind.EDGE,
    without: Annotated[list[str] | None, Query(description="Fibres to leave out; may come several times.")] = None,
) -> Response:
    book = await call.controller.settled()
    network = book.network
    if without and call.tenant is not None:
        raise Forbidden("`without` takes a token of the role operator")
    unknown = [name for name in without or () if FibreId(name) not in network.fibre]
    if unknown:
        raise Invalid(
            [
                Finding(code="unknown-fibre", place="without", message=f"there is no fibre {name[:100]}")
                for name in unknown
            ]
        )
    out = frozenset(map(FibreId, without or ())) | book.down
    found = await asyncio.to_thread(_reach, network, rtt_ms, kind, out)
    return answer(
        ReachOut(
            rtt_ms=found.rtt_ms,
            kind=found.kind.value,
            population_total=found.population_total,
            population_within=found.population_within,
            share=found.share,
            without=sorted(out) if call.tenant is None else [],
            by_site={str(site): people for site, people in found.by_site.items()},
            rings=[
                RingOut(site=ring.site, serves=ring.serves, radius_km=round(ring.radius_km, 3)) for ring in found.rings
            ],
            farthest=list(found.farthest),
        )
    )


def _reach(network: Network, rtt_ms: float, kind: SiteKind, out: frozenset[FibreId]) -> reach.Reach:
    return reach.reach(
        network, _cities(), rtt_ms=rtt_ms, kind=kind, down_fibres=out, entrance=_entrances(network.sites, network)
    )


@lru_cache(maxsize=1)
def _cities() -> cities.Cities:
    return cities.read(cities_text())


_kept: list[tuple[object, reach.Entrance]] = []


def _entrances(sites: object, network: Network) -> reach.Entrance:
    """Where cities enter: kept for as long as the sites stay the same."""
    for known, entrance in _kept:
        if known == sites:
            return entrance
    entrance = reach.enter(network, _cities())
    _kept[:] = [(sites, entrance)]
    return entrance
