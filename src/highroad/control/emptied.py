"""What a drain would do to the services in its way and to the links of the network, told without doing it.

`maintain.preview` finds where each service would go. Here that is set against where it is: its ways before and after,
and what every link would carry with the traffic of now, each service with what it was last measured to carry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from highroad.control.book import Book
from highroad.control.sending import Rates, loads_of
from highroad.model.incident import Maintenance
from highroad.model.lifecycle import CARRYING
from highroad.model.network import LinkId
from highroad.model.service import Placement, Protection, Service
from highroad.ports import Sample

LEAST_GBPS = 1e-6
"""Less than this is no change of a link's load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goes:
    """A service that would go elsewhere, or keep its path and have another backup; latencies are the worse direction's,
    one way, None where nothing carries it.
    """

    service: Service
    """As it is."""
    to: Placement
    before_ms: float | None
    after_ms: float | None
    unprotected: bool
    """Whether it is to survive a failure, and has no backup there that would."""

    @property
    def moves(self) -> bool:
        """Whether its traffic goes another way."""
        return self.service.placement is None or self.service.placement.branches != self.to.branches


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """What a link carries, and what it would."""

    link: LinkId
    capacity_gbps: float
    before_gbps: float
    after_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """What a drain would do. `links` are those that it keeps free; `shifted` those of them and of all others whose load
    would change.
    """

    links: tuple[LinkId, ...]
    goes: tuple[Goes, ...]
    shifted: tuple[Shifted, ...]


def emptied(book: Book, maintenance: Maintenance, sample: Sample | None) -> Emptied:
    """What a drain that was previewed would do. A service that was not measured counts with its guarantee."""
    links = book.links_over(maintenance.fibres)
    goes = [
        _goes(book, book.services[detour.service], detour.placement, links)
        for detour in maintenance.detours
        if detour.service in book.services
    ]
    moves = [(one.service.placement, one.to, _rates(one.service, sample)) for one in goes if one.moves]
    was = loads_of((here, rates) for here, _, rates in moves)
    would = loads_of((there, rates) for _, there, rates in moves)
    shifted = []
    for link in book.network.links:
        change_gbps = would.get(link.id, 0.0) - was.get(link.id, 0.0)
        if abs(change_gbps) < LEAST_GBPS and link.id not in links:
            continue
        counted = None if sample is None else sample.links.get(link.id)
        before_gbps = was.get(link.id, 0.0) if counted is None else counted.carried_gbps
        after_gbps = max(0.0, before_gbps + change_gbps)
        shifted.append(
            Shifted(link=link.id, capacity_gbps=link.capacity_gbps, before_gbps=before_gbps, after_gbps=after_gbps)
        )
    return Emptied(links=tuple(sorted(links)), goes=tuple(goes), shifted=tuple(shifted))


def _goes(book: Book, service: Service, to: Placement, links: frozenset[LinkId]) -> Goes:
    backup = to.backup
    covered = book.covered(to) and backup is not None and links.isdisjoint((*backup.there, *backup.back))
    return Goes(
        service=service,
        to=to,
        before_ms=_latency_ms(book, service.placement),
        after_ms=_latency_ms(book, to),
        unprotected=service.order.protection is Protection.PATH and not covered,
    )


def _latency_ms(book: Book, placement: Placement | None) -> float | None:
    if placement is None or book.dark(placement):
        return None
    found = book.latency_ms(placement)
    return found if math.isfinite(found) else None


def _rates(service: Service, sample: Sample | None) -> Rates:
    """What a service carries there and back, Gbit/s: as measured, else as guaranteed, or nothing if nothing does."""
    counted = None if sample is None else sample.services.get(service.id)
    if counted is not None:
        return counted.carried_gbps_there, counted.carried_gbps_back
    rate = service.order.bandwidth_gbps if service.state in CARRYING else 0.0
    return rate, rate
