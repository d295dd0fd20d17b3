"""Hands on what routers measure of paths to where it is kept, for as long as this process leads."""

from __future__ import annotations

import asyncio
import logging

from highroad.errors import HighroadError
from highroad.ports import Fabric
from highroad.ports.telemetry import Telemetry

log = logging.getLogger(__name__)

EACH_S = 1.0


class Measuring:
    """Asks a fabric that measures (`ports.telemetry.Measures`); of one that does not, nothing is asked."""

    def __init__(self, fabric: Fabric, telemetry: Telemetry | None) -> None:
        self._measured = getattr(fabric, "measured", None)
        self._telemetry = telemetry
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        if self._measured is not None and self._telemetry is not None:
            self._task = asyncio.create_task(self._run(self._telemetry), name="measuring")

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, telemetry: Telemetry) -> None:
        while self._measured is not None:
            try:
                telemetry.measured(await self._measured())
            except HighroadError as error:
                log.info("what routers measure cannot be read: %s", error)
            except Exception:
                log.exception("what routers measure cannot be read")
            await asyncio.sleep(EACH_S)
