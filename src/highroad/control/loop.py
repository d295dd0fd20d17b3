"""Runs the loop: woken by the planner, by the fabric, by a window's edge, or by the second; never twice at once."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial

from highroad.control import reconcile
from highroad.control.book import Book
from highroad.control.live import Live
from highroad.control.planner import Planner
from highroad.control.safety import Blast
from highroad.errors import HighroadError
from highroad.model.lifecycle import CARRYING
from highroad.model.service import ServiceId
from highroad.ports import Clock, Fabric, Sample, Withdraw

log = logging.getLogger(__name__)

SAMPLED_SHARE = 0.1
"""At most this share of the time goes into samples."""

TICK_S = 1.0
"""How often the loop looks without being told, and samples are taken."""

LEAST_PAUSE_S = 0.005
"""What the planner wakes the loop for may wait so long, and until twice as long as the last pass took has gone by since
its end: under load the loop looks less often, and orders are not held up by it; a lone order hardly waits. What the
fabric wakes it for does not wait."""

ROUNDS = 20
"""How often in a row the loop may find something to do before it lets others run."""


class Loop:
    """Reads the fabric, observes, applies the difference, until there is none; then waits."""

    def __init__(self, planner: Planner, fabric: Fabric, clock: Clock, live: Live, blast: Blast) -> None:
        self._planner = planner
        self._fabric = fabric
        self._clock = clock
        self._live = live
        self._blast = blast
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        self._took_s = 0.0
        self._sampling_s = 0.0
        self._ended_s = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self._alarm: asyncio.Task[None] | None = None
        self._adopted: int | None = None
        self.ready = False
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
        more = False
        for _ in range(ROUNDS):
            book = await self._planner.settled()
            if book.revision and book.revision != self._adopted:
                await self._fabric.adopt(book.network)
                self._adopted = book.revision
            observed = await self._fabric.read()
            sample = await self._sampled() if self._sample_is_due(book) else None
            await self._planner.submit(
                partial(reconcile.observe, observed=observed, sample=sample, refusals=self.refusals), urgent=True
            )
            if sample is not None:
                self._live.sampled(sample)
            book = await self._planner.settled()
            most = self._blast.most(sum(service.state in CARRYING for service in book.services.values()))
            changes = reconcile.diff(book, observed.policies, most=most, later=self._later)
            more = len(changes) >= most
            self.ready = True
            if not changes:
                return
            refusals = self.refusals = dict(await self._fabric.apply(changes))
            asked = {one.service if isinstance(one, Withdraw) else one.policy.service for one in changes}
            self._later = (self._later - asked) | refusals.keys()
            if refusals:
                log.warning("the fabric refused %d changes: %s", len(refusals), next(iter(refusals.values())))
                return
        if more:
            self.wake()

    async def _sampled(self) -> Sample:
        begun_s = self._clock.now_s()
        sample = await self._fabric.sample()
        self._sampling_s = max(0.0, self._clock.now_s() - begun_s)
        return sample

    def _sample_is_due(self, book: Book) -> bool:
        """Each tick, and as long as it has to be known how long something was dark."""
        last = self._live.sample
        pause_s = max(TICK_S * 0.9, self._sampling_s / SAMPLED_SHARE)
        if last is None or abs(self._clock.now_s() - last.at_s) >= pause_s:
            return True
        return any(not outage.healed for one in book.incidents.values() if one.open for outage in one.outages)

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
        pause_s = min(TICK_S, LEAST_PAUSE_S + max(0.0, 2 * self._took_s - rested_s))
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
        """Look again at the very moment at which the next window opens or closes."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        now_s = self._clock.now_s()
        boundary_s = reconcile.next_boundary_s(self._planner.book, now_s)
        if boundary_s is not None and boundary_s < now_s + TICK_S:
            self._alarm = asyncio.create_task(self._ring(boundary_s - now_s), name="alarm")

    async def _ring(self, after_s: float) -> None:
        await self._clock.sleep(after_s)
        self._urgent.set()
        self._woken.set()
