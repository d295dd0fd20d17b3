"""What viewers of the live stream were told already, so that they are sent only what has changed since, visibly.

All operators share one `Told`, and so do all sessions of a tenant: each sample is looked through once, whoever watches.
What is told has the number of the sample with which it was; a viewer knows the number up to which it was told, and gets
what has a higher one: after a gap more of it, and everything where it begins or where that is not remembered.

Where there are few things each is told as it is. Where there are many, a rate is told when it is another by a step that
one can see, or goes to nothing or comes from it, and what else has changed within `AGAIN_S`.
"""

from __future__ import annotations

import math
from typing import Any

from highroad.api.shapes.measured import measured
from highroad.api.shapes.operations import frozen_text
from highroad.api.shapes.services import latency_out
from highroad.api.streams import frame
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.ports import Sample, ServiceCounters
from highroad.wire.base import time_from_s
from highroad.wire.operations import ChangesOut, RatesOut

EXACT = 300
"""So many services, or links, are told as they are: it costs little."""

SERVICE_STEP = 0.02
"""A service's rate is another when it is off by more than this share of what it may send."""

LINK_STEP = 0.002
"""The same of a link, of its capacity: less than a hundredth that the page shows."""

LATENCY_STEP = 0.01
"""The same of a latency, of itself."""

AGAIN_S = 10.0
"""Whatever is not told as it is, is so after this time at the latest."""

FRAMES = 64
"""So many frames of one sample are kept: where no sample comes any more, readers still do."""

REMEMBERED = 4096
"""So many services and links that are gone are remembered."""

Row = tuple[str, float, float, float, float | None, float | None, float, int]
"""A service as it is told: the columns of `RatesOut`."""


class Told:
    """What viewers of one kind were told: a tenant's, or operators for None."""

    def __init__(self, tenant: str | None) -> None:
        self.version = 0
        self._tenant = tenant
        self._sample: Sample | None = None
        self._at_s = 0.0
        self._services: dict[str, tuple[Row, int, float]] = {}
        self._links: dict[str, tuple[float, int, float]] = {}
        self._gone: dict[tuple[str, str], int] = {}
        self._since = 0
        self._frames: dict[tuple[int, int], bytes] = {}

    def take(self, sample: Sample, book: Book) -> None:
        """Look through a sample, once."""
        if sample is self._sample:
            return
        self._sample, self._at_s = sample, sample.at_s
        self.version += 1
        self._frames.clear()
        self._take_services(sample, book)
        if self._tenant is None:
            self._take_links(sample, book)
        if len(self._gone) > REMEMBERED:
            self._gone.clear()
            self._since = self.version

    def frame(self, since: int, sequence: int, book: Book, controller: Desk) -> bytes:
        """What was told after a number, or everything; written once for all who ask the same."""
        known = self._frames.get((since, sequence))
        if known is None:
            if len(self._frames) >= FRAMES:
                self._frames.clear()
            told = self.changes(since, sequence, book, controller)
            known = self._frames[since, sequence] = frame("changes", told)
        return known

    def changes(self, since: int, sequence: int, book: Book, controller: Desk) -> ChangesOut:
        """The same, not written yet. Something has to have been taken before."""
        whole = since < max(1, self._since)
        since = 0 if whole else since
        operator = self._tenant is None
        services = [(name, row) for name, (row, version, _) in self._services.items() if version > since]
        gone = [] if whole else [name for name, version in self._gone.items() if version > since]
        columns: list[list[Any]] = [list(column) for column in zip(*(row for _, row in services), strict=True)]
        return ChangesOut(
            **measured(controller),
            at=time_from_s(self._at_s),
            sequence=sequence,
            whole=whole,
            fibres_down=sorted(book.down) if operator else [],
            fibres_drained=sorted(book.drained) if operator else [],
            frozen=frozen_text(book.freeze, operator=operator),
            links={name: gbps for name, (gbps, version, _) in self._links.items() if version > since},
            links_gone=[name for kind, name in gone if kind == "link"],
            services=RatesOut(
                services=[name for name, _ in services],
                **dict(zip(COLUMNS, columns or [[] for _ in COLUMNS], strict=True)),
            ),
            services_gone=[name for kind, name in gone if kind == "service"],
        )

    def _take_services(self, sample: Sample, book: Book) -> None:
        known, version, at_s = self._services, self.version, sample.at_s
        share = SERVICE_STEP if len(known) > EXACT else 0.0
        here: set[str] = set()
        for name, counters in sample.services.items():
            held = book.services.get(name)
            if held is None or (self._tenant is not None and held.tenant != self._tenant):
                continue
            here.add(name)
            before = known.get(name)
            if before is not None:
                row, _, told_s = before
                again = not 0.0 <= at_s - told_s < AGAIN_S
                if not again and share > 0.0:
                    order = held.order
                    step = share * max(order.bandwidth_gbps, order.burst_gbps or 0.0)
                    if row[0] == held.state.value and _near(row, counters, step):
                        continue
                told = _row(held.state.value, counters)
                if told == row:
                    if again:
                        known[name] = (row, before[1], at_s)
                    continue
                known[name] = (told, version, at_s)
            else:
                # They are told again at different times, as many each second.
                known[name] = (_row(held.state.value, counters), version, at_s - len(known) % AGAIN_S)
                self._gone.pop(("service", name), None)
        self._forget("service", known, here)

    def _take_links(self, sample: Sample, book: Book) -> None:
        known, version, at_s = self._links, self.version, sample.at_s
        share = LINK_STEP if len(known) > EXACT else 0.0
        capacity = book.network.link
        here: set[str] = set()
        for name, counters in sample.links.items():
            here.add(name)
            gbps = counters.carried_gbps
            before = known.get(name)
            if before is None:
                known[name] = (round(gbps, 3), version, at_s - len(known) % AGAIN_S)
                self._gone.pop(("link", name), None)
                continue
            told, _, told_s = before
            again = not 0.0 <= at_s - told_s < AGAIN_S
            link = capacity.get(name)
            step = 0.0 if link is None else share * link.capacity_gbps
            if not again and abs(gbps - told) <= step and (gbps > 0.0) == (told > 0.0):
                continue
            now = round(gbps, 3)
            known[name] = (now, before[1] if now == told else version, at_s)
        self._forget("link", known, here)

    def _forget(self, kind: str, known: dict[str, Any], here: set[str]) -> None:
        if len(here) == len(known):
            return
        for name in known.keys() - here:
            del known[name]
            self._gone[kind, name] = self.version


COLUMNS = (
    "state",
    "offered_gbps",
    "carried_gbps_there",
    "carried_gbps_back",
    "latency_ms_there",
    "latency_ms_back",
    "dark_ms",
    "lost_bytes",
)


def _row(state: str, counters: ServiceCounters) -> Row:
    there, back = counters.carried_gbps_there, counters.carried_gbps_back
    return (
        state,
        round(counters.offered_gbps, 3),
        round(there, 3),
        round(back, 3),
        latency_out(counters.latency_ms_there, there),
        latency_out(counters.latency_ms_back, back),
        round(counters.dark_s * 1000.0, 3),
        round(counters.lost_bytes),
    )


def _near(row: Row, counters: ServiceCounters, step: float) -> bool:
    """Whether what was told is still so, as far as one can see; counters of what is lost may have gone on."""
    _, offered, there, back, latency_there, latency_back, dark_ms, lost = row
    return (
        abs(counters.carried_gbps_there - there) <= step
        and abs(counters.carried_gbps_back - back) <= step
        and abs(counters.offered_gbps - offered) <= step
        and (counters.carried_gbps_there > 0.0) == (there > 0.0)
        and (counters.carried_gbps_back > 0.0) == (back > 0.0)
        and abs(counters.dark_s * 1000.0 - dark_ms) < 0.001
        and (counters.lost_bytes >= 0.5) == (lost > 0)
        and _alike(latency_there, counters.latency_ms_there if there > 0.0 else math.nan)
        and _alike(latency_back, counters.latency_ms_back if back > 0.0 else math.nan)
    )


def _alike(told_ms: float | None, now_ms: float) -> bool:
    """Latencies; None and what is not finite are both of what carries nothing."""
    if told_ms is None or not math.isfinite(now_ms):
        return told_ms is None and not math.isfinite(now_ms)
    return abs(now_ms - told_ms) <= LATENCY_STEP * told_ms
