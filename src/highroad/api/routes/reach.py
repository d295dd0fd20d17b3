"""Latency reach: who is within a round trip of a site, over the network as it stands."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from highroad.api.access import OPERATOR, TENANT, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.pages import NUMBER
from highroad.control.book import Book
from highroad.errors import Finding, Forbidden, Invalid
from highroad.formats.shipped import cities_text
from highroad.model.network import FibreId, Network, SiteKind
from highroad.siting import cities, reach
from highroad.wire.networks import ReachOut, RingOut

router = APIRouter(prefix="/v1/reach", tags=["reach"], route_class=Guarded)

MOST_KNOWN = 256


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
    rtt_ms: Annotated[float, Query(description="The round trip, more than 0.", examples=[5.0]), NUMBER],
    kind: Annotated[SiteKind, Query(description="Of which kind the site is.")] = SiteKind.EDGE,
    without: Annotated[list[str] | None, Query(description="Fibres to leave out; may come several times.")] = None,
) -> Response:
    book = await call.controller.settled()
    network = book.network
    if without and call.tenant is not None:
        raise Forbidden("`without` takes a token of the role engineer or operator")
    unknown = [name for name in without or () if FibreId(name) not in network.fibre]
    if unknown:
        raise Invalid(
            [
                Finding(code="unknown-fibre", place="without", message=f"there is no fibre {name[:100]}")
                for name in unknown
            ]
        )
    out = frozenset(map(FibreId, without or ())) | book.down
    reaches: Reaches = call.app.state.reaches
    found = await reaches.find(book, rtt_ms, kind, out)
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


class Reaches:
    """Reach as it was asked for lately; one is worked out at a time, because it takes a core for a while."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], reach.Reach] = {}
        self._entrance: tuple[object, reach.Entrance] | None = None
        self._cities: cities.Cities | None = None
        self._one = asyncio.Lock()

    async def find(self, book: Book, rtt_ms: float, kind: SiteKind, out: frozenset[FibreId]) -> reach.Reach:
        """The reach over a network without some fibres. Raises Invalid for a round trip that is none."""
        key = (book.revision, rtt_ms, kind, out)
        network = book.network
        async with self._one:
            if key not in self._known:
                found = await asyncio.to_thread(self._work_out, network, rtt_ms, kind, out)
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[key] = found
            return self._known[key]

    def _work_out(self, network: Network, rtt_ms: float, kind: SiteKind, out: frozenset[FibreId]) -> reach.Reach:
        if self._cities is None:
            self._cities = cities.read(cities_text())
        if self._entrance is None or self._entrance[0] != network.sites:
            self._entrance = (network.sites, reach.enter(network, self._cities))
        return reach.reach(network, self._cities, rtt_ms=rtt_ms, kind=kind, down_fibres=out, entrance=self._entrance[1])
