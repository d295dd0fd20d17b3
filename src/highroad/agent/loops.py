"""Has the router's paths probed all the time (`watch.paths`), and tells the headend which of them lead anywhere.

It is done by a thread of its own, which the event loop cannot keep waiting for longer than Python does: what came
while it waited is no loss. A path is probed once, however many services have it; those of policies that have no other
path are not, since nothing would follow from it.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from highroad.agent import echo
from highroad.agent.config import AgentConfig
from highroad.agent.numbers import DSCP
from highroad.agent.selection import Loop, loops_of
from highroad.errors import Unavailable
from highroad.gnmi.router import Intended
from highroad.watch.paths import COOKIE_BYTES, PAYLOAD_BYTES, PathProbes, RawSockets, Verdict

HEADLESS_AFTER_S = 12.0
"""A controller that has not said what to avoid for so long is gone: it says so every few seconds."""

LOOKED_EVERY_S = 0.5
"""How often it is looked whether a controller is there."""

_MICRO_SIDS = 6

_log = logging.getLogger(__name__)


class Loops:
    """The thread, and what it is told. Used from one event loop."""

    def __init__(
        self,
        config: AgentConfig,
        intended: Callable[[], Intended],
        *,
        headless: Callable[[], bool],
        verdicts: Callable[[Mapping[Loop, bool]], None],
    ) -> None:
        """`headless` says whether no controller is there; `verdicts` is told all that is known, when that changes."""
        self._config = config
        self._intended, self._headless, self._tell = intended, headless, verdicts
        self._known: dict[Loop, bool] = {}
        self._loops: dict[str, Loop] = {}
        self._probed: Intended | None = None
        self._eager: bool | None = None
        self._told: deque[Callable[[PathProbes], None]] = deque()
        self._wake, self._waker = socket.socketpair()
        self._over = False
        self._thread: threading.Thread | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the sockets and begin. Raises Unavailable."""
        try:
            sockets = RawSockets()
        except OSError as error:
            raise Unavailable(f"paths cannot be probed: {error.strerror}: the agent runs as root") from error
        for end in (self._wake, self._waker):
            end.setblocking(False)
        self._thread = threading.Thread(
            target=self._run, args=(sockets, asyncio.get_running_loop()), name="paths", daemon=True
        )
        self._thread.start()
        self.look()
        self._looking = asyncio.create_task(self._keep_looking(), name="loops")

    async def stop(self) -> None:
        """Probe no more."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        if self._thread is not None:
            self._over = True
            self._ring()
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._wake.close()
        self._waker.close()

    def look(self) -> None:
        """Policies, or whether a controller is there, may be others than before."""
        intended = self._intended()
        if intended is not self._probed:
            self._probed = intended
            loops = _loops(intended)
            if loops.keys() != self._loops.keys():
                self._loops = loops
                paths = [self._path(name, loop) for name, loop in loops.items()]
                self._say(lambda probes: probes.take(paths))
                wanted = set(loops.values())
                self._known = {loop: alive for loop, alive in self._known.items() if loop in wanted}
        eager = self._headless()
        if eager is not self._eager:
            self._eager = eager
            self._say(lambda probes: probes.be(eager=eager))

    # --- inside ---------------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOKED_EVERY_S)
            self.look()

    def _say(self, what: Callable[[PathProbes], None]) -> None:
        self._told.append(what)
        self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):
            self._waker.send(b"\0")

    def _heard(self, verdict: Verdict) -> None:
        name, alive = verdict
        loop = self._loops.get(name)
        if loop is None:
            return
        if not alive or loop in self._known:
            _log.warning("the path %s is %s", name, "up" if alive else "down")
        self._known[loop] = alive
        self._tell(self._known)

    def _path(self, name: str, loop: Loop) -> dict[str, Any]:
        way = (*loop.there, *loop.back, self._config.node)
        addresses = [self._config.sid(*way[at : at + _MICRO_SIDS]) for at in range(0, len(way), _MICRO_SIDS)]
        packet = echo.packet(
            source=self._config.node_sid,
            way=addresses,
            last=self._config.sid(way[-1]),
            kind=echo.REPLY,
            cookie=bytes(COOKIE_BYTES),
            number=0,
            size_bytes=echo.HEADER_BYTES + PAYLOAD_BYTES,
            dscp=DSCP[loop.traffic_class],
        )
        return {"name": name, "first": addresses[0], "packet": packet.hex()}

    def _run(self, sockets: RawSockets, loop: asyncio.AbstractEventLoop) -> None:
        """The thread."""
        probes = PathProbes(sockets)
        poll = select.poll()
        for descriptor in (sockets.fileno(), self._wake.fileno()):
            poll.register(descriptor, select.POLLIN)
        while not self._over:
            due_s = probes.due_s()
            poll.poll(None if due_s is None else due_s * 1000)
            with suppress(BlockingIOError):
                self._wake.recv(4096)
            while self._told:
                self._told.popleft()(probes)
            now_ns = time.monotonic_ns()
            probes.send(now_ns)
            probes.receive(now_ns)
            for verdict in probes.verdicts():
                with suppress(RuntimeError):  # the loop is over
                    loop.call_soon_threadsafe(self._heard, verdict)
        sockets.close()


def _loops(intended: Intended) -> dict[str, Loop]:
    """The loops of all policies that have a choice, by a name that says which they are."""
    loops: Iterable[Loop] = (
        loop
        for policy in intended.policies.values()
        if len(policy.candidate_paths) > 1
        for candidate in policy.candidate_paths
        for loop in loops_of(policy, candidate)
    )
    return {_name(loop): loop for loop in loops}


def _name(loop: Loop) -> str:
    there, back = (".".join(f"{one:x}" for one in functions) for functions in (loop.there, loop.back))
    return f"{there}:{back}:{loop.traffic_class.value}"
