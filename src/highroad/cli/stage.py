"""Where the tour plays: two ends with room between them, and a fibre on the way that can be missed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from highroad.cli.ways import Ways
from highroad.client.sync import Client
from highroad.errors import Conflict, HighroadError, Invalid, Refused
from highroad.model.position import great_circle_km
from highroad.wire.networks import LinkOut, NetworkOut, ReachOut, SiteOut
from highroad.wire.services import ServiceOut

MARK = "highroad tour"
"""What the description of every service of a tour begins with; the fibre that it breaks comes after AT."""

AT = ", at "

RATES_GBPS = (400.0, 100.0, 10.0)
REACH_RTT_MS = 5.0

NICELY_FAR_KM = 2000.0
"""Far enough to pass many sites, near enough that their chain can be read."""

PAIRS_TRIED = 60
FIBRES_ASKED = 12
"""Fibres about which reach is asked, to find one whose loss is felt: half a second of looking."""

NOT_FELT = 2**62
"""What stands for the people within reach without a fibre whose loss nobody feels."""

LONGEST_DETOUR = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two ends far apart, the bound and the rate of what is ordered between them, and a fibre that can be missed."""

    a: SiteOut
    b: SiteOut
    country: str | None
    rate_gbps: float
    room_gbps: float
    """What the way around the fibre has room for, with everything that is on it."""
    least_ms: float
    bound_ms: float
    fibre: str | None

    def body(self, bound_ms: float, *, marked: bool = False) -> dict[str, Any]:
        """The order, inside a bound; if `marked`, its description tells a later tour what this one breaks."""
        body: dict[str, Any] = {
            "from": self.a.id,
            "to": self.b.id,
            "bandwidth_gbps": self.rate_gbps,
            "latency_bound_ms": bound_ms,
            "traffic_class": "interactive",
            "description": f"{MARK}{AT}{self.fibre}" if marked and self.fibre else MARK,
        }
        return body | ({"fence": [self.country]} if self.country else {})

    def touches(self, other: Stage) -> bool:
        """Whether they share an end."""
        return not {self.a.id, self.b.id}.isdisjoint({other.a.id, other.b.id})


@dataclass(slots=True, kw_only=True)
class Stages:
    """Looks for stages. `tenant` is for whom is ordered, if the customer's token is an operator's."""

    operator: Client
    customer: Client
    tenant: str | None = None

    def candidates(self, network: NetworkOut) -> list[Stage]:
        """Every pair of ends with the fibre between them whose loss is felt most and leaves another way; best first.

        Their rate is what the ports can do. Raises Conflict where no two ends of one tenant are joined.
        """
        down = frozenset(self._down())
        ways = Ways(network)
        felt = self._felt(ways)
        asked: dict[str, int] = {}
        found: list[tuple[int, int, Stage]] = []
        for a, b, rate_gbps in self._pairs(network)[:PAIRS_TRIED]:
            country = _country(a) if _country(a) == _country(b) else None
            least_ms, path = ways.fastest(a.id, b.id, without=down, country=country)
            if not path:
                continue
            best: tuple[int, float, str | None] = (NOT_FELT + 1, least_ms, None)
            room_gbps = min(link.capacity_gbps - link.booked_gbps for link in path)
            for fibre in _inner_fibres(path):
                around_ms, around = ways.fastest(a.id, b.id, without=down | {fibre}, country=country)
                if around_ms > least_ms * LONGEST_DETOUR:
                    continue
                if fibre in felt and fibre not in asked and len(asked) < FIBRES_ASKED:
                    asked[fibre] = self._people_within(fibre)
                felt_by = (asked.get(fibre, NOT_FELT), around_ms, fibre)
                if felt_by < best:
                    best = felt_by
                    room_gbps = _room_gbps(path, around, fibre)
            stage = Stage(
                a=a,
                b=b,
                country=country,
                rate_gbps=rate_gbps,
                room_gbps=max(min(RATES_GBPS), room_gbps),
                least_ms=least_ms,
                bound_ms=float(math.ceil(best[1] + 0.5)),
                fibre=best[2],
            )
            found.append((best[0], len(found), stage))
        if not found:
            raise Conflict("the tour needs ports of one tenant at two sites that are joined, and there are none")
        return [stage for _, _, stage in sorted(found, key=lambda one: one[:2])]

    def with_room(self, candidates: list[Stage], network: NetworkOut) -> Stage:
        """The first of them that has room now, at the highest rate; best if its fibre is on the path that it gets.

        Raises Conflict where nothing has room.
        """
        fibres = {link.id: link.fibres for link in network.links}
        candidates = [replace(stage, rate_gbps=min(stage.rate_gbps, stage.room_gbps)) for stage in candidates]
        spare: Stage | None = None
        for rate_gbps in RATES_GBPS:
            for stage in _at_rate(candidates, rate_gbps):
                would = self._would(stage, stage.bound_ms)
                if would is None or would.there is None:
                    continue
                if stage.fibre is not None and any(stage.fibre in fibres[link] for link in would.there.links):
                    return stage
                spare = spare or replace(stage, fibre=None)
        if spare is None:
            raise Conflict("the tour finds no room: ports and paths of the tenant are full; release something")
        return spare

    def to_refuse(self, candidates: list[Stage], first: Stage) -> Stage:
        """Two ends between which only a bound stands in the way: the fastest path there has room."""
        apart = sorted(candidates, key=lambda stage: stage.touches(first))
        for rate_gbps in RATES_GBPS:
            for stage in _at_rate(apart, rate_gbps):
                if self._would(stage, math.ceil(stage.least_ms * 10 + 1) / 10) is not None:
                    return stage
        return replace(apart[0], rate_gbps=min(first.rate_gbps, apart[0].rate_gbps))

    def reach(self, *without: str) -> ReachOut | None:
        """Who is near without some fibres; None where there is no knowing."""
        with suppress(HighroadError):
            return self.operator.reach(REACH_RTT_MS, kind="edge", without=without)
        return None

    def _would(self, stage: Stage, bound_ms: float) -> ServiceOut | None:
        """What the order would come to, or None for a no."""
        try:
            return self.customer.preview(stage.body(bound_ms), tenant=self.tenant).service
        except (Refused, Invalid):
            return None

    def _felt(self, ways: Ways) -> set[str]:
        """The fibres that somebody's way to the nearest edge site uses: no other's loss changes who is near."""
        reach = self.reach()
        used: set[str] = set()
        for ring in reach.rings if reach is not None else ():
            _, path = ways.fastest(ring.site, ring.serves)
            used.update(fibre for link in path for fibre in link.fibres)
        return used

    def _pairs(self, network: NetworkOut) -> list[tuple[SiteOut, SiteOut, float]]:
        """Ends where the customer has ports (a campus and a cloud if there are), nicely far first; and the rate."""
        sites = {site.id: site for site in network.sites}
        mine = self.customer.who().tenant or self.tenant
        rates: dict[str, float] = {}
        for port in self.customer.ports():
            if port.site in sites and port.tenant == mine:
                rates[port.site] = max(rates.get(port.site, 0.0), port.rate_gbps)
        sources = [site for site in sorted(rates) if sites[site].kind == "campus"] or sorted(rates)
        targets = [site for site in sorted(rates) if sites[site].kind == "cloud"] or sorted(rates)
        pairs = [(sites[a], sites[b], min(rates[a], rates[b])) for a in sources for b in targets if a != b]
        return sorted(pairs, key=lambda pair: abs(_apart_km(pair[0], pair[1]) - NICELY_FAR_KM))

    def _people_within(self, without: str) -> int:
        reach = self.reach(without)
        return 0 if reach is None else reach.population_within

    def _down(self) -> Iterator[str]:
        for incident in self.operator.incidents():
            if incident.open:
                yield from incident.fibres
        for maintenance in self.operator.maintenances():
            if maintenance.state in ("DRAINING", "DRAINED"):
                yield from maintenance.fibres


def _at_rate(candidates: list[Stage], rate_gbps: float) -> Iterator[Stage]:
    """The candidates at a rate; those whose ports are slower than the slowest rate, at that of their ports."""
    for stage in candidates:
        if stage.rate_gbps >= rate_gbps or rate_gbps == min(RATES_GBPS):
            yield replace(stage, rate_gbps=min(rate_gbps, stage.rate_gbps))


def _inner_fibres(path: list[LinkOut]) -> list[str]:
    """The fibres of a path but for those of its first and last link, which nothing can be led around."""
    inner = path[1:-1] if len(path) > 2 else path
    return list(dict.fromkeys(fibre for link in inner for fibre in link.fibres))


def _room_gbps(path: list[LinkOut], around: list[LinkOut], fibre: str) -> float:
    """What can be ordered on a path so that it and all the rest that is on a fibre of it has room on the way around."""
    others_gbps = max(link.booked_gbps for link in path if fibre in link.fibres)
    on = {link.id for link in path}
    return min(
        *(link.capacity_gbps - link.booked_gbps for link in path),
        *(link.capacity_gbps - link.booked_gbps - others_gbps for link in around if link.id not in on),
    )


def _country(site: SiteOut) -> str:
    return site.jurisdiction.partition("-")[0]


def _apart_km(a: SiteOut, b: SiteOut) -> float:
    return great_circle_km(a.lat, a.lon, b.lat, b.lon)
