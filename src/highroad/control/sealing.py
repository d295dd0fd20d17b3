"""Seals what was delivered: of each service that is carried, one entry an hour, chained, signed and kept for good.

An entry is made once, of what was measured until then, and never again: what comes later is in no entry. Minutes of
which nothing is known stay gaps. After a pause, whoever leads goes on where the chain ends, so that the pause is in it.

A clock that jumps ahead is not believed before it has stayed there for a while: what was sealed of a time that has not
come could be neither taken back nor sealed again. One that is set back seals nothing until it is where it was.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from highroad.control.planner import Planner
from highroad.errors import HighroadError
from highroad.model.lifecycle import CARRYING, ENDED, State
from highroad.model.proof import (
    REACH_S,
    STEP_S,
    ZERO,
    Body,
    Entry,
    Interval,
    Measured,
    Probed,
    Promised,
    Unwatched,
    body_of,
    document,
    hash_of,
    merged,
    together,
)
from highroad.model.service import Protection, Service, ServiceId
from highroad.model.tracks import Point, Subject, Tracks
from highroad.ports import Clock, Executor, Store
from highroad.ports.proofs import Signs
from highroad.ports.telemetry import Telemetry

log = logging.getLogger(__name__)

EACH_S = 3600
"""How much time an entry has."""

GRACE_S = 20.0
"""How long what was measured of a minute may take to be kept."""

LOOK_S = 10.0

JUMP_S = 60.0
"""By so much a clock may be ahead of where it was, and what has passed since."""

HOLD_S = 600.0
"""One that jumped ahead by more is believed when it has stayed there for so long."""

LOT = 40
"""Services that are read and written at once."""

PAGE = 500

LONGEST_S = 24 * 3600
"""An entry has no more, however long the pause was."""

LEFT_S = 7 * 24 * 3600
"""What ended so long ago, while nobody led or shortly before, is sealed by who leads next."""

FIGURES = (
    "offered_gbps", "carried_there_gbps", "carried_back_gbps", "lost_bytes", "dark_ms", "watched_ms", "promised_gbps",
    "promised_ms", "promised_protection",
)  # fmt: skip
GAPS = ("gap_ms", "gap_lost_bytes", "gap_dark_ms", "gap_restarted")
PROBES = ("sent", "lost", "rtt_min_ms", "rtt_p50_ms", "rtt_max_ms", "jitter_ms")

Steps = Mapping[str, Sequence[Point | None]]
"""The points of a service, by series; those of a path by series and way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A service of which some time is to be sealed, after the entry `head`."""

    service: Service
    head: Entry | None
    from_s: int
    until_s: int


class Believed:
    """What time it is, by a clock that may jump: where it jumped ahead and has not stayed there yet, it is what it was,
    and what has passed since.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float]) -> None:
        """`steady` counts seconds, whatever anybody sets."""
        self._clock, self._steady = clock, steady
        self._was: tuple[float, float] | None = None
        self._jumped: tuple[float, float] | None = None

    def now_s(self) -> float:
        """UTC seconds since 1970."""
        now = self._clock.now_s(), self._steady()
        if self._was is not None and _ahead_s(self._was, now) > JUMP_S:
            if self._jumped is None or abs(_ahead_s(self._jumped, now)) > JUMP_S:
                self._jumped = now
                log.warning(
                    "the clock jumped ahead by %.0f s: nothing is sealed by it before it has stayed there for %.0f s",
                    _ahead_s(self._was, now),
                    HOLD_S,
                )
            if now[1] - self._jumped[1] < HOLD_S:
                return self._was[0] + now[1] - self._was[1]
        self._was, self._jumped = now, None
        return now[0]


def _ahead_s(was: tuple[float, float], now: tuple[float, float]) -> float:
    return (now[0] - was[0]) - (now[1] - was[1])


class Sealing:
    """Of who leads."""

    def __init__(
        self,
        *,
        planner: Planner,
        store: Store,
        telemetry: Telemetry,
        signer: Signs,
        fabric: str,
        clock: Clock,
        execute: Executor,
        each_s: int = EACH_S,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._planner = planner
        self._store = store
        self._telemetry = telemetry
        self._signer = signer
        self._fabric = fabric
        self._clock = Believed(clock, steady)
        self._execute = execute
        self._each_s = each_s
        self._known: dict[ServiceId, Service] = {}
        """Services that were carried when last looked, and have time that is not sealed."""
        self._heads: dict[str, Entry] = {}
        self._begun = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to seal."""
        self._task = asyncio.create_task(self._run(), name="sealing")

    async def stop(self) -> None:
        """Seal no more; what is not sealed yet is sealed by whoever leads next, from what it knows."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def seal(self) -> int:
        """Seal what is due. Returns how many entries that makes. Raises HighroadError."""
        book = await self._planner.settled()
        now_s = self._clock.now_s()
        if not self._begun:
            self._known |= {one.id: one for one in await self._execute(self._left, now_s)}
            self._begun = True
        carried = {one.id: one for one in book.services.values() if one.state in CARRYING}
        gone = [one for name, one in self._known.items() if name not in carried]
        self._known |= carried
        new = [name for name in self._known if name not in self._heads]
        if new:
            self._heads |= await self._execute(self._store.proofs.heads, new)
        ended = {one.id: await self._ended_s(one, now_s) for one in gone}
        due = list(self._due(now_s, ended))
        for at in range(0, len(due), LOT):
            lot = due[at : at + LOT]
            entries = await self._execute(self._made, lot, now_s)
            await self._execute(self._store.proofs.seal, entries)
            self._heads |= {one.service: one for one in entries}
        for name, end_s in ended.items():
            head = self._heads.get(name)
            if end_s is not None and head is not None and head.until_s >= end_s:
                del self._known[name], self._heads[name]
        return len(due)

    # --- below ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                while await self.seal():
                    pass
            except HighroadError as error:
                log.info("what was delivered is sealed later: %s", error)
                self._heads.clear()
            except Exception:
                log.exception("what was delivered could not be sealed")
                self._heads.clear()
            await asyncio.sleep(LOOK_S)

    def _left(self, now_s: float) -> list[Service]:
        """Services that are not carried now and may have been when somebody led last; blocking."""
        left: list[Service] = []
        after: ServiceId | None = None
        while page := self._store.services(tenant=None, after=after, limit=PAGE):
            after = page[-1].id
            left += [
                one
                for one in page
                if one.state is State.SUSPENDED
                or (one.state is State.TERMINATED and one.ended_s is not None and one.ended_s > now_s - LEFT_S)
            ]
        return left

    async def _ended_s(self, service: Service, now_s: float) -> int | None:
        """The end of the minute in which a service ended; None where it is only not carried now."""
        found = await self._execute(self._store.service, service.id)
        if found is not None and found.state not in ENDED:
            return None
        at_s = now_s if found is None or found.ended_s is None else found.ended_s
        return math.ceil(at_s / STEP_S) * STEP_S

    def _due(self, now_s: float, ended: Mapping[ServiceId, int | None]) -> Iterable[Due]:
        edge = int((now_s - GRACE_S) // self._each_s) * self._each_s
        for name, service in self._known.items():
            head, end_s = self._heads.get(name), ended.get(name)
            until_s = edge if end_s is None or now_s < end_s + GRACE_S else end_s
            if head is not None:
                from_s = head.until_s
            else:
                # However long nobody led before its first entry: what was measured is in it, and the pause as well.
                begun_s = max(service.created_s, min(part.start_s for part in service.order.window.parts))
                from_s = max(int(begun_s // STEP_S) * STEP_S, min(edge, until_s) - LEFT_S)
            until_s = min(until_s, from_s + LONGEST_S)
            if until_s > from_s:
                yield Due(service=service, head=head, from_s=from_s, until_s=until_s)

    def _made(self, lot: Sequence[Due], now_s: float) -> list[Entry]:
        """The entries of some services; blocking."""
        times = sorted({(one.from_s, one.until_s) for one in lot})
        entries = []
        for from_s, until_s in times:
            some = [one for one in lot if (one.from_s, one.until_s) == (from_s, until_s)]
            names = [one.service.id for one in some]
            ways = [f"{name}/{way}" for name in names for way in ("there", "back")]
            figures = by_name(self._read(Subject.SERVICE, names, FIGURES, from_s, until_s))
            gaps = by_name(self._read(Subject.GAP, names, GAPS, from_s, until_s))
            probes = by_name(self._read(Subject.PATH, ways, PROBES, from_s, until_s))
            for one in some:
                both = [probes.get(f"{one.service.id}/{way}", {}) for way in ("there", "back")]
                intervals = intervals_of(one, figures.get(one.service.id, {}), both, gaps.get(one.service.id, {}))
                entries.append(self._entry(one, intervals, now_s))
        return entries

    def _read(self, subject: Subject, names: Sequence[str], series: Sequence[str], from_s: int, until_s: int) -> Tracks:
        return self._telemetry.read(subject, names, series, from_s=from_s, until_s=until_s, step_s=STEP_S)

    def _entry(self, due: Due, intervals: Sequence[Interval], now_s: float) -> Entry:
        sequence = 1 if due.head is None else due.head.sequence + 1
        doc = document(
            Body(
                service=due.service.id,
                tenant=due.service.order.tenant,
                sequence=sequence,
                previous=ZERO if due.head is None else hash_of(due.head.doc),
                from_s=due.from_s,
                until_s=due.until_s,
                sealed_s=int(now_s),
                fabric=self._fabric,
                key=self._signer.key,
                intervals=merged(intervals),
            )
        )
        return Entry(
            service=due.service.id,
            tenant=due.service.order.tenant,
            sequence=sequence,
            from_s=due.from_s,
            until_s=due.until_s,
            doc=doc,
            signature=self._signer.sign(doc),
        )


def by_name(found: Tracks) -> dict[str, dict[str, Sequence[Point | None]]]:
    """The points of each thing by series; of none where they are not by the minute, as too old ones are not."""
    named: dict[str, dict[str, Sequence[Point | None]]] = {}
    if found.step_s == STEP_S:
        for track in found.tracks:
            named.setdefault(track.name, {})[track.series] = track.points
    return named


def intervals_of(due: Due, figures: Steps, probes: Sequence[Steps], gaps: Steps) -> list[Interval]:
    """Minute by minute. A promise that was not noted is the one before it: only who leads changes one.

    What counters climbed by while nobody watched is told in the minute in which that ended, and fills no other.
    """
    promised = _promise_before(due)
    found = []
    for slot, at_s in enumerate(range(due.from_s, due.until_s, STEP_S)):
        points = {name: track[slot] for name, track in figures.items()}
        measured = _measured(points, [{name: track[slot] for name, track in one.items()} for one in probes])
        unwatched = _unwatched({name: track[slot] for name, track in gaps.items()})
        if measured is not None and measured.watched_ms > (STEP_S + REACH_S) * 1000:
            # The clock was there twice: of which time that was nobody knows, and nothing of it is forgotten.
            twice = Unwatched(for_ms=measured.watched_ms, lost_bytes=measured.lost_bytes, dark_ms=measured.dark_ms)
            measured, unwatched = None, together([unwatched, twice])
        rate = points.get("promised_gbps")
        if rate is not None:
            bound, protected = points.get("promised_ms"), points.get("promised_protection")
            promised = Promised(
                rate_kbps=round(rate.last * 1e6),
                latency_us=None if bound is None else round(bound.last * 1e3),
                protected=protected is not None and protected.last > 0.5,
            )
        holds = any(part.start_s < at_s + STEP_S and at_s < part.until_s for part in due.service.order.window.parts)
        found.append(
            Interval(
                at_s=at_s,
                for_s=STEP_S,
                promised=promised if holds else None,
                measured=measured,
                unwatched=unwatched,
            )
        )
    return found


def _promise_before(due: Due) -> Promised:
    if due.head is not None:
        known = [one.promised for one in body_of(due.head.doc).intervals if one.promised is not None]
        if known:
            return known[-1]
    order = due.service.order
    return Promised(
        rate_kbps=round(order.bandwidth_gbps * 1e6),
        latency_us=None if order.latency_bound_ms is None else round(order.latency_bound_ms * 1e3),
        protected=order.protection is not Protection.NONE,
    )


def _measured(points: Mapping[str, Point | None], ways: Sequence[Mapping[str, Point | None]]) -> Measured | None:
    """None where counters were not watched in that minute, and no packet was sent."""
    probed = _probed(ways)
    if points.get("watched_ms") is None and probed is None:
        return None
    carried = _mean(points.get("carried_there_gbps")) + _mean(points.get("carried_back_gbps"))
    return Measured(
        watched_ms=round(_sum(points.get("watched_ms"))),
        dark_ms=round(_sum(points.get("dark_ms"))),
        offered_kbps=round(_mean(points.get("offered_gbps")) * 1e6),
        carried_kbps=round(carried * 1e6),
        lost_bytes=round(_sum(points.get("lost_bytes"))),
        probed=probed,
    )


def _unwatched(points: Mapping[str, Point | None]) -> Unwatched | None:
    """None where no time that nobody watched ended in that minute."""
    if points.get("gap_ms") is None:
        return None
    lost, dark = points.get("gap_lost_bytes"), points.get("gap_dark_ms")
    return Unwatched(
        for_ms=round(_sum(points.get("gap_ms"))),
        lost_bytes=None if lost is None else round(_sum(lost)),
        dark_ms=None if dark is None else round(_sum(dark)),
        restarted=round(_sum(points.get("gap_restarted"))),
    )


def _probed(ways: Sequence[Mapping[str, Point | None]]) -> Probed | None:
    sent = sum(_sum(one.get("sent")) for one in ways)
    if not sent:
        return None
    least = [one.least for way in ways if (one := way.get("rtt_min_ms")) is not None]
    most = [one.most for way in ways if (one := way.get("rtt_max_ms")) is not None]
    typical = [one for way in ways if (one := way.get("rtt_p50_ms")) is not None]
    jitter = [one for way in ways if (one := way.get("jitter_ms")) is not None]
    return Probed(
        sent=round(sent),
        lost=round(sum(_sum(one.get("lost")) for one in ways)),
        rtt_min_us=round(min(least) * 1e3) if least else None,
        rtt_typical_us=_weighed_us(typical),
        rtt_max_us=round(max(most) * 1e3) if most else None,
        jitter_us=_weighed_us(jitter),
    )


def _weighed_us(points: Sequence[Point]) -> int | None:
    count = sum(one.count for one in points)
    return round(sum(one.mean * one.count for one in points) / count * 1e3) if count else None


def _sum(point: Point | None) -> float:
    return 0.0 if point is None else point.mean * point.count


def _mean(point: Point | None) -> float:
    return 0.0 if point is None else point.mean
