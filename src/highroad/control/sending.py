"""What services send, as it was measured, beside what they are guaranteed: for questions of what would overload.

A guarantee is kept free whether it is used or not, and who may burst may send more than it. So both are told. A rate is
taken from what was measured in equal pieces of some time: such that in a stated share of them no more was sent. What is
sent is what arrives each way, with what was lost of what was offered shared out alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from highroad.control.book import Book
from highroad.errors import Finding, Invalid
from highroad.model.network import LinkId
from highroad.model.service import Placement, Service, ServiceId
from highroad.model.tracks import MOST_POINTS, STEPS_S, Point, Subject
from highroad.ports.telemetry import Telemetry

PIECES = 60
"""Of the time that is looked at, about."""

LEAST_S, MOST_S = 60.0, 366 * 86400.0

SERIES = ("offered_gbps", "carried_there_gbps", "carried_back_gbps")

Rates = tuple[float, float]
"""Gbit/s there and back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Over what time, until now, and such that in what share of it no more was sent."""

    over_s: float = 3600.0
    quantile: float = 0.95

    def check(self) -> None:
        """Raises Invalid, with every finding."""
        wrong = []
        if not LEAST_S <= self.over_s <= MOST_S:
            message = f"{self.over_s:g} s are looked at, and have to be from {LEAST_S:g} to {MOST_S:g}"
            wrong.append(Finding(code="range", place="over", message=message))
        if not 0.0 < self.quantile <= 1.0:
            message = f"is {self.quantile:g}, and has to be above 0 and no more than 1"
            wrong.append(Finding(code="range", place="quantile", message=message))
        if wrong:
            raise Invalid(wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What each service sends, Gbit/s there and back; who was not measured is not in it."""

    load: Load
    rates: Mapping[ServiceId, Rates] = field(default_factory=dict)

    def of(self, service: Service) -> Rates:
        """What one counts with: who was not measured with what it is guaranteed."""
        known = self.rates.get(service.id)
        return known or (service.order.bandwidth_gbps, service.order.bandwidth_gbps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is sent over a link, and what was before."""

    link: LinkId
    capacity_gbps: float
    sent_gbps: float
    before_gbps: float

    @property
    def share(self) -> float:
        """Of the capacity."""
        return self.sent_gbps / self.capacity_gbps if self.capacity_gbps else 0.0


def sending(kept: Telemetry, services: Sequence[ServiceId], until_s: float, load: Load) -> Sending:
    """What services have sent; blocks. Raises Unavailable."""
    step_s = next((step for step in STEPS_S if load.over_s / step <= PIECES), STEPS_S[-1])
    at_once = max(1, MOST_POINTS // (len(SERIES) * (math.ceil(load.over_s / step_s) + 2)))
    rates: dict[ServiceId, Rates] = {}
    for start in range(0, len(services), at_once):
        names = services[start : start + at_once]
        found = kept.read(Subject.SERVICE, names, SERIES, from_s=until_s - load.over_s, until_s=until_s, step_s=step_s)
        points: dict[str, dict[str, Sequence[Point | None]]] = {}
        for track in found.tracks:
            points.setdefault(track.name, {})[track.series] = track.points
        for name, of in points.items():
            pieces = zip(*(of[one] for one in SERIES), strict=True)
            sent = [rate for piece in pieces if (rate := _sent(*piece)) is not None]
            if sent:
                there, back = ([rate[way] for rate in sent] for way in (0, 1))
                rates[ServiceId(name)] = _quantile(there, load.quantile), _quantile(back, load.quantile)
    return Sending(load=load, rates=rates)


def links_sent(
    book: Book,
    before: Iterable[tuple[Placement | None, Rates]],
    after: Iterable[tuple[Placement | None, Rates]],
    *,
    growth: float = 1.0,
    more_gbps: Mapping[LinkId, float] | None = None,
    without: frozenset[LinkId] = frozenset(),
) -> list[Sent]:
    """What is sent over each link in use, by who is placed where, the fullest first."""
    was, now = loads_of(before), loads_of(after)
    found = [
        Sent(
            link=link.id,
            capacity_gbps=link.capacity_gbps + (more_gbps or {}).get(link.id, 0.0),
            sent_gbps=now.get(link.id, 0.0) * growth,
            before_gbps=was.get(link.id, 0.0),
        )
        for link in book.network.links
        if link.id not in without
    ]
    return sorted(found, key=lambda one: (-one.share, one.link))


def loads_of(placed: Iterable[tuple[Placement | None, Rates]]) -> dict[LinkId, float]:
    """Gbit/s by link: each way goes over the branches of a placement by their weights."""
    loads: dict[LinkId, float] = {}
    for placement, (there, back) in placed:
        if placement is None:
            continue
        whole = sum(branch.weight for branch in placement.branches)
        for branch in placement.branches:
            for way, rate in ((branch.there, there), (branch.back, back)):
                for link in way:
                    loads[link] = loads.get(link, 0.0) + rate * branch.weight / whole
    return loads


def _sent(offered: Point | None, there: Point | None, back: Point | None) -> Rates | None:
    if there is None or back is None:
        return None
    arrived = there.mean + back.mean
    sent = arrived if offered is None else max(arrived, offered.mean)
    if arrived <= 0:
        return sent / 2, sent / 2
    return there.mean * sent / arrived, back.mean * sent / arrived


def _quantile(values: Sequence[float], share: float) -> float:
    """The least of the values that is no less than a share of them (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
