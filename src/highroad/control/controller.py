"""A controller that is alone: the planner, the loop and everything that may be asked of them, behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from highroad.control.desk import Desk
from highroad.control.leading import Leading
from highroad.control.live import Live
from highroad.control.loop import Loop
from highroad.control.names import service_id
from highroad.control.planner import Planner
from highroad.control.replanning import Rules
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.mail import Mail
from highroad.model.service import ServiceId
from highroad.ports import Clock, Executor, Fabric, Lab, Prober, Store, Tracer
from highroad.ports.proofs import Signs
from highroad.ports.solver import Solver
from highroad.ports.telemetry import Telemetry


class Controller(Desk):
    """A desk that always leads: on a store that no other process writes to."""

    def __init__(
        self,
        *,
        store: Store,
        fabric: Fabric,
        clock: Clock,
        lab: Lab | None = None,
        prober: Prober | None = None,
        fabric_name: str = "twin",
        carries_tags: bool = True,
        new_service_id: Callable[[], ServiceId] = service_id,
        execute: Executor = asyncio.to_thread,
        blast: Blast | None = None,
        check: Check | None = None,
        wait_to_restore_s: float = 0.0,
        tracer: Tracer | None = None,
        mail: Mail | None = None,
        telemetry: Telemetry | None = None,
        signer: Signs | None = None,
        rules: Rules | None = None,
        solver: Solver | None = None,
    ) -> None:
        super().__init__(store=store, clock=clock, execute=execute, live=Live(), mail=mail, signer=signer)
        self._seat = Leading(
            store=store,
            fabric=fabric,
            clock=clock,
            live=self._live,
            execute=execute,
            new_service_id=new_service_id,
            lab=lab,
            prober=prober,
            fabric_name=fabric_name,
            carries_tags=carries_tags,
            blast=blast,
            check=check,
            wait_to_restore_s=wait_to_restore_s,
            figures=self.figures,
            tracer=tracer,
            mail=mail,
            telemetry=telemetry,
            signer=signer,
            rules=rules,
            solver=solver,
        )

    @property
    def seat(self) -> Leading:
        """The leader's."""
        return self._seat

    async def start(self) -> None:
        """Begin to decide and to reconcile."""
        await self._seat.start()

    async def stop(self) -> None:
        """Stop; the fabric goes on carrying."""
        await self._seat.stop()

    @property
    def _planner(self) -> Planner:
        return self._seat.planner

    @property
    def _loop(self) -> Loop:
        return self._seat.loop
