"""The leader's seat: the planner, the loop, and the fabric that it brings to what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from highroad.control import audit
from highroad.control.audit import ASKED
from highroad.control.book import Book, Draft
from highroad.control.commands import Command, Decision, Deed, Means, keyed_by
from highroad.control.dispatch import Dispatcher
from highroad.control.figures import Figures
from highroad.control.health import Look, leading
from highroad.control.live import Live
from highroad.control.loop import Loop
from highroad.control.measuring import Measuring
from highroad.control.packing import pack_command
from highroad.control.planner import Planner
from highroad.control.recorder import Order
from highroad.control.replanning import Replanning, Rules
from highroad.control.safety import Blast
from highroad.control.sealing import Sealing
from highroad.control.trial import Check
from highroad.mail import Mail
from highroad.model.service import ServiceId
from highroad.model.tracks import Keeping
from highroad.ports import Clock, EventRecord, Executor, Fabric, Lab, Prober, Sample, Store, Tracer
from highroad.ports.proofs import Signs
from highroad.ports.solver import Solver
from highroad.ports.telemetry import Telemetry

T = TypeVar("T")


class Leading:
    """Decides, reconciles, and does what it is asked. `book` is what is known already: then the store is not read."""

    def __init__(
        self,
        *,
        store: Store,
        fabric: Fabric,
        clock: Clock,
        live: Live,
        execute: Executor,
        new_service_id: Callable[[], ServiceId],
        lab: Lab | None,
        prober: Prober | None,
        fabric_name: str,
        carries_tags: bool,
        blast: Blast | None = None,
        check: Check | None = None,
        wait_to_restore_s: float = 0.0,
        book: Book | None = None,
        figures: Figures | None = None,
        tracer: Tracer | None = None,
        mail: Mail | None = None,
        telemetry: Telemetry | None = None,
        signer: Signs | None = None,
        rules: Rules | None = None,
        solver: Solver | None = None,
    ) -> None:
        self._live = live
        self._fabric = fabric
        self.planner = Planner(
            store,
            clock,
            self._published,
            execute,
            carries_tags=carries_tags,
            book=book,
            figures=figures,
            tracer=tracer,
        )
        self.means = Means(
            new_service_id=new_service_id,
            answered=self.planner.recorder.answered(self.planner.answered),
            fabric_name=fabric_name,
            prober=prober,
            lab=lab,
            telemetry=telemetry,
        )
        blast, rules = blast or Blast(), rules or Rules()
        self.loop = Loop(
            self.planner,
            fabric,
            clock,
            live,
            blast,
            check or Check(),
            tracer,
            wait_to_restore_s,
            telemetry,
            rules.mode,
        )
        self.replanning = self.means.plans = Replanning(
            planner=self.planner,
            clock=clock,
            execute=execute,
            do=self.do,
            rules=rules,
            blast=blast,
            solver=solver,
        )
        self._measuring = Measuring(fabric, telemetry)
        self.sealing: Sealing | None = None
        if telemetry is not None and signer is not None:
            self.sealing = Sealing(
                planner=self.planner,
                store=store,
                telemetry=telemetry,
                signer=signer,
                fabric=fabric_name,
                clock=clock,
                execute=execute,
            )
        live.last_sequence = max(live.last_sequence, self.planner.book.last_sequence)
        self._dispatcher = None if mail is None else self._delivering(store, clock, execute, mail)

    def _delivering(self, store: Store, clock: Clock, execute: Executor, mail: Mail) -> Dispatcher:
        async def read(after: int, limit: int, viewer: str | None) -> Sequence[EventRecord]:
            return await execute(store.events, after=after, limit=limit, tenant=viewer, operator=viewer is None)

        return Dispatcher(planner=self.planner, live=self._live, read=read, clock=clock, mail=mail)

    async def start(self) -> None:
        """Begin to decide and to reconcile."""
        self.planner.figures.begin()
        self.planner.start()
        await self.loop.start()
        await self._plug()
        self._measuring.start()
        self.replanning.start()
        if self.sealing is not None:
            self.sealing.start()
        if self._dispatcher is not None:
            self._dispatcher.start()

    async def stop(self) -> None:
        """Stop; the fabric goes on carrying."""
        if self._dispatcher is not None:
            await self._dispatcher.stop()
        if self.sealing is not None:
            await self.sealing.stop()
        await self.replanning.stop()
        await self._measuring.stop()
        await self.loop.stop()
        await self.planner.stop()

    @property
    def book(self) -> Book:
        """What is known, with what is being decided."""
        return self.planner.book

    @property
    def why_not_ready(self) -> str | None:
        """Whether the fabric has been read and the loop runs."""
        return None if self.loop.ready else "the controller is starting"

    @property
    def checks(self) -> Mapping[str, Look]:
        """What has to be well for orders to be taken here."""
        return leading(self.planner, self.loop)

    @property
    def waiting(self) -> int:
        """How many decisions wait for the planner."""
        return self.planner.waiting

    @property
    def fabric_name(self) -> str:
        """What carries."""
        return self.means.fabric_name

    @property
    def rate_scale(self) -> float:
        """Of the fabric."""
        return self._fabric.rate_scale

    @property
    def lab(self) -> Lab | None:
        """The fabric's own."""
        return self.means.lab

    @property
    def probes(self) -> bool:
        """Whether the fabric sends packets of its own."""
        return self.means.prober is not None

    @property
    def sample(self) -> Sample | None:
        """The newest one that the loop took."""
        return self._live.sample

    @property
    def keeping(self) -> Keeping | None:
        """How the keeping of figures goes."""
        return None if self.means.telemetry is None else self.means.telemetry.keeping

    async def settled(self) -> Book:
        """What is known, with nothing in it that is not yet in the store."""
        return await self.planner.settled()

    async def do(self, command: Command[T]) -> T:
        """Decide it, or have the fabric do it."""
        if isinstance(command, Decision):
            told = Order(command=pack_command(command, ASKED.get()))
            decide = self.deciding(command)
            result: T = await self.planner.submit(decide, urgent=command.own, what=told, keyed=keyed_by(command))
            await self.done(command)
            return result
        if isinstance(command, Deed):
            done: T = await command.do(self.means)
            return done
        raise TypeError(f"{type(command).__name__} is neither a decision nor a deed")

    def deciding(self, command: Decision[T]) -> Callable[[Draft], T]:
        """How a command is decided, with what the audit log has of it."""
        return partial(audit.decided, command, means=self.means)

    async def done(self, command: Command[T]) -> None:
        """What follows a decision outside of the book."""
        if command.plugs:
            await self._plug()

    async def _plug(self) -> None:
        if self.means.lab is not None:
            await self.means.lab.plug(list((await self.settled()).ports))

    def _published(self, events: Sequence[EventRecord]) -> None:
        self._live.events(events)
        self.loop.wake()
        self.replanning.committed(events)
        if self._dispatcher is not None:
            self._dispatcher.told(events)
