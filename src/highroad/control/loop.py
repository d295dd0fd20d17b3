"""Runs the loop: woken by the planner, by the fabric, by a window's edge, or by the second; never twice at once."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial

from highroad.control import autoscale, reconcile, rollback
from highroad.control.book import Book
from highroad.control.live import Live
from highroad.control.planner import Planner
from highroad.control.recorder import Look
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.errors import HighroadError
from highroad.model.plan import Optimising
from highroad.model.service import ServiceId
from highroad.ports import Clock, Fabric, Observed, Sample, Tracer, Withdraw
from highroad.ports.telemetry import Telemetry

log = logging.getLogger(__name__)

SAMPLED_SHARE = 0.1
"""At most this share of the time goes into samples."""

TICK_S = 1.0
"""How often the loop looks without being told, and samples are taken."""

LEAST_PAUSE_S = 0.005
"""What the planner wakes the loop for may wait so long, and until as long as the last pass took has gone by since its
end: under load the loop looks less often, and orders are not held up by it; a lone order hardly waits. What the
fabric wakes it for does not wait."""

ROUNDS = 20
"""How often in a row the loop may find something to do before it lets others run; once while orders come in."""


class Loop:
    """Reads the fabric, observes, applies the difference, until there is none; then waits."""

    def __init__(
        self,
        planner: Planner,
        fabric: Fabric,
        clock: Clock,
        live: Live,
        blast: Blast,
        check: Check,
        tracer: Tracer | None = None,
        wait_to_restore_s: float = 0.0,
        telemetry: Telemetry | None = None,
        optimising: Optimising = Optimising.OFF,
    ) -> None:
        self._planner = planner
        self._figures = planner.figures
        self._tracer = tracer
        self._telemetry = telemetry
        self._fabric = fabric
        self._lately = getattr(fabric, "lately", None)
        self._clock = clock
        self._live = live
        self._blast = blast
        self._check = check if check.for_s > 0 else None
        self._wait_to_restore_s = wait_to_restore_s
        self._optimising = optimising
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        self._took_s = 0.0
        self._sampling_s = 0.0
        self._ended_s = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self._alarm: asyncio.Task[None] | None = None
        self._asked = planner.asked
        self._adopted: int | None = None
        self.ready = False
        self._autoscaler = autoscale.Autoscaler()
        self.refusals: dict[ServiceId, str] = {}
        """What the fabric would not do when last asked, by service."""
        self._later: set[ServiceId] = set()
        """What it would not do at some time, and has not done since: others go first."""

    async def start(self) -> None:
        """Begin; returns when the first pass is through, or has failed and will be tried again."""
        with suppress(HighroadError):
            await self.step()
        self._tasks = [
            asyncio.create_task(self._run(), name="reconcile"),
            asyncio.create_task(self._listen(), name="fabric changes"),
            asyncio.create_task(self._tick(), name="tick"),
        ]
        self._set_alarm()

    async def stop(self) -> None:
        """Stop between two steps."""
        if self._alarm is not None:
            self._tasks.append(self._alarm)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def step(self) -> None:
        """One pass: until the fabric carries what is wanted, or what is left has to wait."""
        begun = time.perf_counter()
        try:
            await self._step()
        except Exception:
            self._figures.passes_failed += 1
            raise
        self._figures.passes.add(time.perf_counter() - begun)
        self._figures.passed_at = time.monotonic()

    async def _step(self) -> None:
        more, outdated, recorder = False, False, self._planner.recorder
        for _ in range(ROUNDS):
            before, self._asked = self._asked, self._planner.asked
            book = await self._planner.settled()
            busy = before != self._asked and not book.unhealed
            if book.revision and book.revision != self._adopted:
                await self._fabric.adopt(book.network)
                self._adopted = book.revision
            self._set_bounds(book)
            read = await self._fabric.read(book.present.revision)
            observed = self._planner.book.present.take(read)
            recorder.read(self._planner.book, read)
            sample = await self._sampled() if self._sample_is_due(book) else None
            await self._probe(self._on_trial(book))
            if sample is not None and book.unhealed and not outdated and await self._has_changed(read):
                outdated = True  # what was dark by then is not known to be: look again, once
                continue
            noted = None if sample is None else recorder.noting(sample)
            await self._planner.submit(
                partial(reconcile.observe, observed=observed, sample=noted, refusals=self.refusals, busy=busy),
                urgent=True,
                what=Look(sample=noted, refusals=self.refusals, busy=busy),
            )
            if sample is not None:
                self._live.sampled(sample)
                if self._telemetry is not None:
                    self._telemetry.sampled(sample, book.network, book.services)
                steps = self._autoscaler.wanted(await self._planner.settled(), sample)
                takes = [
                    self._planner.submit(partial(autoscale.take, step=step), urgent=True, what=step) for step in steps
                ]
                await asyncio.gather(*takes)
            book = await self._planner.settled()
            # What is dark is moved first: for that the ways around links need not be right.
            hurt = bool(book.unhealed)
            if not hurt:
                await self._fabric.protect(book.repairs(self._clock.now_s()))
            await self._probe(self._to_move(await self._planner.settled()))
            book = await self._planner.settled()
            self._set_bounds(book)
            most = self._blast.most(book.index.carrying)
            differ = bool(book.present.differs)
            changes = reconcile.diff(book, most=most, later=self._later)
            if differ:
                now_s = self._clock.now_s()
                with recorder.asking(now_s, most, self._later, changes):
                    rollback.begin(book, observed.policies, changes, now_s)
            more = len(changes) >= most
            self.ready = True
            if not changes and hurt:
                await self._fabric.protect(book.repairs(self._clock.now_s()))
            if not changes and not book.unfinished:
                return
            if not changes:
                continue
            begun_s = time.time()
            refusals = self.refusals = dict(await self._fabric.apply(changes))
            self._figures.applied += len(changes) - len(refusals)
            self._figures.refused += len(refusals)
            if self._tracer is not None:
                told = {"changes": len(changes), "refused": len(refusals)}
                self._tracer.record("fabric apply", begun_s, time.time(), **told)
            asked = {one.service if isinstance(one, Withdraw) else one.policy.service for one in changes}
            self._later = (self._later - asked) | refusals.keys()
            if refusals:
                if hurt:
                    await self._fabric.protect(book.repairs(self._clock.now_s()))
                log.warning("the fabric refused %d changes: %s", len(refusals), next(iter(refusals.values())))
                return
            if self._planner.asked != self._asked and not book.unhealed:
                more = True
                break
        if more or self._planner.book.unfinished:
            self.wake()

    def _on_trial(self, book: Book) -> set[ServiceId]:
        """Who is judged now."""
        due_s = book.trials.due_s()
        if due_s is None or self._clock.now_s() < due_s:
            return set()
        return {service for step in book.trials.steps for service in step.trials}

    def _to_move(self, book: Book) -> set[ServiceId]:
        """Who is about to be moved by choice: it has to be known how it was before. No repair waits for that."""
        return set() if book.unhealed or book.freeze is not None else rollback.to_be_probed(book)

    async def _probe(self, services: set[ServiceId]) -> None:
        """Read what routers measure of some."""
        if not services or self._check is None or self._lately is None:
            return
        try:
            measured = await self._lately(services)
        except HighroadError as error:
            log.info("what routers measure cannot be read: %s", error)
            return
        known = self._planner.book.trials.probes
        if probes := known.new(measured):
            known.take(probes)
            self._planner.recorder.probed(probes)

    def _set_bounds(self, book: Book) -> None:
        """By what is judged, and noted to be judged, from now on."""
        book.trials.check, book.trials.rate_scale = self._check, self._fabric.rate_scale
        book.wait_to_restore_s, book.optimising = self._wait_to_restore_s, self._optimising
        scale = self._fabric.rate_scale
        self._planner.recorder.judging(self._check, scale, self._wait_to_restore_s, self._optimising)

    async def _has_changed(self, read: Observed) -> bool:
        """Whether other fibres are dark than when the fabric was read: a sample may have taken half a second."""
        now = await self._fabric.read(self._planner.book.present.revision)
        return now.down_since_s.keys() != read.down_since_s.keys()

    async def _sampled(self) -> Sample:
        begun_s = self._clock.now_s()
        sample = await self._fabric.sample()
        self._sampling_s = max(0.0, self._clock.now_s() - begun_s)
        return sample

    def _sample_is_due(self, book: Book) -> bool:
        """Each tick, for what is on trial, and as long as it has to be known how long something was dark."""
        due_s = book.trials.due_s()
        if due_s is not None and self._clock.now_s() >= due_s:
            return True
        last = self._live.sample
        pause_s = max(TICK_S * 0.9, self._sampling_s / SAMPLED_SHARE)
        if last is None or abs(self._clock.now_s() - last.at_s) >= pause_s:
            return True
        return bool(book.unhealed)

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            await self._pause()
            self._woken.clear()
            self._urgent.clear()
            begun_s = self._clock.now_s()
            try:
                await self.step()
            except HighroadError as error:
                log.warning("the loop will try again: %s", error)
                await self._clock.sleep(TICK_S)
                self._woken.set()
            except Exception:
                log.exception("the loop failed and will try again")
                await self._clock.sleep(TICK_S)
                self._woken.set()
            self._ended_s = self._clock.now_s()
            self._took_s = max(0.0, self._ended_s - begun_s)
            self._set_alarm()

    async def _pause(self) -> None:
        """Let orders go first, unless the fabric has something to say."""
        if self._urgent.is_set():
            return
        rested_s = max(0.0, self._clock.now_s() - self._ended_s)
        pause_s = min(TICK_S, LEAST_PAUSE_S + max(0.0, self._took_s - rested_s))
        waits = [asyncio.create_task(self._clock.sleep(pause_s)), asyncio.create_task(self._urgent.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._fabric.changes():
                    self._urgent.set()
                    self._woken.set()
            except Exception:
                log.exception("the fabric's changes cannot be heard; the loop looks every second meanwhile")
            await self._clock.sleep(TICK_S)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            self._woken.set()

    def _set_alarm(self) -> None:
        """Look again at the very moment at which the next window opens or closes, or counters are to be read."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        now_s = self._clock.now_s()
        book = self._planner.book
        times = [one for one in (reconcile.next_boundary_s(book, now_s), book.trials.due_s()) if one is not None]
        if times and min(times) < now_s + TICK_S:
            self._alarm = asyncio.create_task(self._ring(max(0.0, min(times) - now_s)), name="alarm")

    async def _ring(self, after_s: float) -> None:
        await self._clock.sleep(after_s)
        self._urgent.set()
        self._woken.set()
