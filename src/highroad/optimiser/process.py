"""The controller's end of the process that computes plans: begun when first asked, kept warm, replaced if it dies.

What it was told it knows: a plan is asked for with what has changed since the last one, told by what is another value
than before, a little at a time, so that packing it never holds up the loop for long.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection, Pipe
from typing import ParamSpec, TypeVar, cast

from highroad.errors import Unavailable
from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.optimiser.frames import Answered, Called, Failed, Kept, Replanned, Some, receive, send
from highroad.planning.replan import Asked, Replan
from highroad.planning.solve.answer import Limits

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE, PAUSE_S = 100, 0.001
"""So many values are packed at once, with a pause in which others have the interpreter."""

GRACE_S = 20.0
"""So much longer than what it computes may take does a process have: to begin, and to end a step. Then it is killed."""

CALL_S = 60.0
"""So long may a call take."""

ASLEEP_S = 0.25
"""How often who waits looks whether it is wanted still."""


class Process:
    """A process that computes, if there is one: `pid` is its number."""

    def __init__(self, *, grace_s: float = GRACE_S, call_s: float = CALL_S) -> None:
        self._grace_s, self._call_s = grace_s, call_s
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._peer: Connection | None = None
        self._services: dict[ServiceId, Service] = {}
        self._held: dict[str, Kept] = {}
        self._network: Network | None = None

    @property
    def pid(self) -> int | None:
        """None where nothing was asked yet, or it is gone."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def replan(self, asked: Asked, limits: Limits, stop: Callable[[], bool]) -> Replan:
        """A better plan of all that is carried. Raises Unavailable: then the next who asks has a new process."""
        with self._asking:
            try:
                peer = self._running()
                network = self._tell(peer, asked)
                frame = Replanned(
                    services=tuple(self._services),
                    held=tuple(self._held),
                    network=network,
                    now_s=asked.now_s,
                    avoid=asked.avoid,
                    closures=asked.closures,
                    mended_s=asked.mended_s,
                    limits=limits,
                )
                return cast(Replan, self._ask(peer, frame, limits.time_s + self._grace_s, stop))
            except (OSError, EOFError) as error:
                raise self._gone(f"its process has gone: {error}") from error

    def call(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function of a module makes of values. Raises Unavailable."""
        with self._asking:
            try:
                frame = Called(work=work, args=args, kwargs=kwargs)
                return cast(T, self._ask(self._running(), frame, self._call_s, lambda: False))
            except (OSError, EOFError) as error:
                raise self._gone(f"its process has gone: {error}") from error

    def close(self) -> None:
        """End the process at once, whatever it does."""
        process = self._process
        if process is not None:
            process.kill()  # who waits for it hears that it is gone
        with self._asking:
            self._end()

    # --- below ------------------------------------------------------------------------------------------------

    def _running(self) -> Connection:
        if self._process is not None and self._process.poll() is not None:
            log.warning("the optimiser's process has ended by itself (%d) and is begun anew", self._process.returncode)
            self._end()
        if self._peer is None:
            ours, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", "highroad.optimiser.worker", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            self._peer = ours
        return self._peer

    def _tell(self, peer: Connection, asked: Asked) -> Network | None:
        """Tell what is new; the network, where that is another."""
        services = {one.id: one for one in asked.services}
        held: dict[str, Kept] = {holder: (claims, standbys) for holder, claims, standbys in asked.held}
        told_services, told_held = self._services, self._held
        new = (one for name, one in services.items() if told_services.get(name) is not one)
        kept = (
            (holder, *now)
            for holder, now in held.items()
            if (then := told_held.get(holder)) is None or then[0] is not now[0] or then[1] is not now[1]
        )
        for some in _few(new):
            send(peer, Some(services=some))
            time.sleep(PAUSE_S)
        for others in _few(kept):
            send(peer, Some(held=others))
            time.sleep(PAUSE_S)
        network = None if asked.network is self._network else asked.network
        self._services, self._held, self._network = services, held, asked.network
        return network

    def _ask(self, peer: Connection, frame: Replanned | Called, most_s: float, stop: Callable[[], bool]) -> object:
        send(peer, frame)
        until = time.monotonic() + most_s
        while not peer.poll(ASLEEP_S):
            if stop():
                raise self._gone("it was told to stop")
            if time.monotonic() > until:
                raise self._gone(f"nothing came of it in {most_s:g} s")
        answer = receive(peer)
        if isinstance(answer, Answered):
            return answer.value
        self._end()  # what it knows may be less than what it was told
        said = answer.said if isinstance(answer, Failed) else repr(answer)
        raise RuntimeError(f"the optimiser's process failed: {said}")

    def _gone(self, why: str) -> Unavailable:
        self._end()
        return Unavailable(f"the optimiser has no plan: {why}")

    def _end(self) -> None:
        process, peer = self._process, self._peer
        self._process = self._peer = None
        self._services, self._held, self._network = {}, {}, None
        if peer is not None:
            with suppress(OSError):
                peer.close()
        if process is not None:
            process.kill()
            process.wait()


def _few(every: Iterable[T]) -> Iterator[tuple[T, ...]]:
    ones = iter(every)
    while some := tuple(islice(ones, AT_ONCE)):
        yield some
