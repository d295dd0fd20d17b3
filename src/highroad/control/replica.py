"""A desk of one of several processes on one store: it follows, until it is elected, and then it leads.

    follow -- elected: catch up, hand the book over, open the fabric --> lead -- deposed: close, read anew --> follow

Who leads is decided by an election, and fenced by its epoch: the store refuses every commit of an older one, and so do
routers. So two that both believe to lead do no harm, and who was deposed finds out by the next thing that it writes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from highroad.control.answering import Answering
from highroad.control.book import Book
from highroad.control.commands import Command
from highroad.control.desk import Desk, Seat
from highroad.control.follower import Beside, Follower
from highroad.control.leading import Leading
from highroad.control.names import service_id
from highroad.control.replanning import Rules
from highroad.control.safety import Blast
from highroad.control.showing import LEADER, SAMPLE, Leader, pack_leader, pack_sample
from highroad.control.trial import Check
from highroad.errors import Deposed, HighroadError, Unavailable
from highroad.mail import Mail
from highroad.model.network import Network
from highroad.model.plan import Optimising
from highroad.model.service import ServiceId
from highroad.ports import Clock, Executor, Fabric, Lab, Prober, Sample, Store, Tracer
from highroad.ports.proofs import Signs
from highroad.ports.solver import Solver
from highroad.ports.telemetry import Telemetry

T = TypeVar("T")

log = logging.getLogger(__name__)

CAMPAIGN_S = 0.2
"""How often a follower stands for election, and a leader looks whether it still leads."""

SHARE = 20.0
"""A sample is shown after so many times as long as showing it took, at least: one twentieth of the time."""

SHOW_S = 1.0

AGAIN_S = 2.0
"""How long a process that could not begin to lead waits before it stands again."""


class Candidacy(Protocol):
    """An election that this process may win. Blocking."""

    def win(self) -> int | None:
        """Lead from now on, under this epoch, higher than all before it; None while another leads. Raises Unavailable.

        When it returns, the store refuses commits of every older epoch.
        """

    def holds(self) -> bool:
        """Whether this process still leads, as far as can be told. Raises Unavailable."""

    def resign(self) -> None:
        """Lead no longer. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A fabric that runs under an epoch. `close` lets go of it: it goes on carrying."""

    fabric: Fabric
    name: str
    network: Network
    """What it stands on: a new store begins with it."""
    prober: Prober | None = None
    lab: Lab | None = None
    carries_tags: bool = True
    telemetry: Telemetry | None = None
    close: Callable[[], Awaitable[None]] = field(repr=False)


Open = Callable[[int, Network | None], Awaitable[Opened]]
"""Opens the fabric under an epoch, on the network in force if there is one."""


async def _nothing(_: Network) -> None:
    pass


class Replica(Desk):
    """What the API calls in a process that may lead, or, without a candidacy, never does.

    `furnish` is what a leader sees to before others know of it: a new store is furnished there.
    """

    def __init__(
        self,
        *,
        name: str,
        store: Store,
        beside: Beside,
        clock: Clock,
        execute: Executor,
        candidacy: Candidacy | None,
        open_fabric: Open,
        furnish: Callable[[Network], Awaitable[None]] = _nothing,
        new_service_id: Callable[[], ServiceId] = service_id,
        blast: Blast | None = None,
        check: Check | None = None,
        wait_to_restore_s: float = 0.0,
        tracer: Tracer | None = None,
        mail: Mail | None = None,
        signer: Signs | None = None,
        rules: Rules | None = None,
        solver: Solver | None = None,
    ) -> None:
        super().__init__(store=store, clock=clock, execute=execute, live=beside.live, mail=mail, signer=signer)
        self._mail = mail
        self._rules, self._solver = rules, solver
        self._tracer = tracer
        self.name = name
        self._beside = beside
        self._candidacy = candidacy
        self._open = open_fabric
        self.furnish = furnish
        self._new_service_id = new_service_id
        self._blast, self._check, self._wait_to_restore_s = blast, check, wait_to_restore_s
        self.follower = Follower(beside, Optimising.OFF if rules is None else rules.mode)
        self.leading: Leading | None = None
        self._answering: Answering | None = None
        self._task: asyncio.Task[None] | None = None
        self.epoch = 0

    @property
    def seat(self) -> Seat:
        """The leader's while this process leads, else beside it."""
        return self.leading or self.follower

    @property
    def leader(self) -> Leader | None:
        """Who leads, as far as is known here."""
        return self.follower.leader

    @property
    def reloads(self) -> int:
        """Also those where it followed, and was too far behind."""
        return super().reloads + self.follower.reloads

    async def start(self) -> None:
        """Follow, and stand for election. Raises Unavailable where the store cannot be read."""
        await self.follower.start()
        self._task = asyncio.create_task(self._run(), name="replica")

    async def stop(self) -> None:
        """Lead no longer, and follow no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.follower.stop()

    def hear(self, *, commits: bool = True, calls: bool = True) -> None:
        """There is news in the store: who leads is asked, and the others are told."""
        if commits:
            self.follower.hear()
        if calls and self._answering is not None:
            self._answering.hear()

    async def do(self, command: Command[T]) -> T:
        """Decide it here or ask who leads. Who was deposed over it has written nothing, and asks the other."""
        leading = self.leading
        if leading is not None:
            try:
                return await leading.do(command)
            except Deposed:
                pass
        return await self.follower.do(command)

    async def _run(self) -> None:
        while True:
            epoch = await self._campaign()
            try:
                await self._lead(epoch)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if isinstance(error, HighroadError):
                    log.warning("this process leads no longer: %s", error)
                else:
                    log.exception("this process could not lead")
            finally:
                with suppress(Unavailable):
                    await self._execute(self._candidacy_now().resign)
            await self._follow_again()
            await asyncio.sleep(AGAIN_S)

    def _candidacy_now(self) -> Candidacy:
        if self._candidacy is None:
            raise Unavailable("this process never leads")
        return self._candidacy

    async def _campaign(self) -> int:
        while True:
            if self._candidacy is not None:
                with suppress(Unavailable):
                    epoch = await self._execute(self._candidacy.win)
                    if epoch is not None:
                        return epoch
            await asyncio.sleep(CAMPAIGN_S)

    async def _lead(self, epoch: int) -> None:
        """Until this process leads no longer."""
        log.warning("this process leads from now on, in epoch %d", epoch)
        book, _ = await self.follower.give()
        opened = await self._open(epoch, book.network if book.revision else None)
        try:
            await self._lead_on(epoch, book, opened)
        finally:
            self.leading = None
            with suppress(HighroadError):
                await opened.close()

    async def _lead_on(self, epoch: int, book: Book, opened: Opened) -> None:
        leading = Leading(
            store=self._store,
            fabric=opened.fabric,
            clock=self._clock,
            live=self._live,
            execute=self._execute,
            new_service_id=self._new_service_id,
            lab=opened.lab,
            prober=opened.prober,
            fabric_name=opened.name,
            carries_tags=opened.carries_tags,
            blast=self._blast,
            check=self._check,
            wait_to_restore_s=self._wait_to_restore_s,
            book=book,
            figures=self.figures,
            tracer=self._tracer,
            mail=self._mail,
            telemetry=opened.telemetry,
            signer=self.signer,
            rules=self._rules,
            solver=self._solver,
        )
        answering = Answering(leading, self._store, self._beside.calls, self._execute)
        shown = Leader(
            name=self.name,
            epoch=epoch,
            since_s=time.time(),
            fabric_name=opened.name,
            rate_scale=opened.fabric.rate_scale,
            lab=opened.lab is not None,
            probes=opened.prober is not None,
        )
        showing: asyncio.Task[None] | None = None
        try:
            await leading.start()
            self.leading, self.epoch = leading, epoch
            await self.furnish(opened.network)
            self._answering = answering
            answering.start()
            showing = asyncio.create_task(self._show(shown), name="showing")
            await self._until_deposed(leading)
        finally:
            # Streams and readers of this process see the follower from here on; nothing more is taken up.
            self._answering = None
            for task in (showing,):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            await answering.stop()
            await leading.stop()
            self.follower.keep(leading.planner.known())

    async def _until_deposed(self, leading: Leading) -> None:
        deposed = asyncio.create_task(leading.planner.deposed.wait())
        try:
            while not deposed.done():
                await asyncio.wait({deposed}, timeout=CAMPAIGN_S)
                holds = True
                with suppress(Unavailable):
                    holds = await self._execute(self._candidacy_now().holds)
                if not holds:
                    leading.planner.deposed.set()
        finally:
            deposed.cancel()

    async def _follow_again(self) -> None:
        lost = False
        while True:
            try:
                await self.follower.take_back()
                return
            except Unavailable as error:
                if not lost:
                    log.warning("the store cannot be read, and is tried again: %s", error)
                lost = True
                await asyncio.sleep(CAMPAIGN_S)

    async def _show(self, leader: Leader) -> None:
        """Show who leads, and the newest sample whenever there is one that was not shown."""
        shown: Sample | None = None
        self.follower.leader = leader
        while True:
            begun_s = time.monotonic()
            with suppress(Unavailable):
                await self._execute(self._beside.board.show, LEADER, pack_leader(leader), leader.epoch)
                sample = self._live.sample
                if sample is not None and sample is not shown:
                    doc = await self._execute(pack_sample, sample)
                    await self._execute(self._beside.board.show, SAMPLE, doc, leader.epoch)
                    shown = sample
            await asyncio.sleep(max(SHOW_S, SHARE * (time.monotonic() - begun_s)))
