"""Where the loop tells its samples, and who asks reads them again: the controller's end of the process that keeps them.

Whoever tells never waits: what a short queue has no room for is dropped, counted and said. A keeper that has died is
started again; what comes meanwhile is dropped too.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import cast

import msgspec

from highroad.errors import Finding, Invalid, Unavailable
from highroad.model.measurement import Measurement
from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.model.tracks import Keeping, Moments, Subject, Tracks, series_of
from highroad.ports import Sample
from highroad.telemetry.columns import Columns
from highroad.telemetry.keeper import ORDER, Order
from highroad.telemetry.rows import Ask, AskMoments, Failed, Found, FoundMoments, Keep, Rows, Told, pack, receive, send

log = logging.getLogger(__name__)

WAITING = 16
"""Samples that may wait; the loop takes one a second."""

ANSWER_S = 15.0
"""How long who asks waits."""

AGAIN_S = (0.5, 30.0)
"""How long it takes until a keeper is started again, at first and at most."""

CLOSING_S = 10.0
SAID_EACH_S = 60.0


class Feed:
    """A keeper, told and asked."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._waiting: queue.Queue[Callable[[], list[Rows]] | None] = queue.Queue(WAITING)
        self._columns = Columns()
        self._asked: dict[int, Future[Tracks | Moments]] = {}
        self._numbers = count(1)
        self._sending = threading.Lock()
        self._peer: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._told = Keeping(amiss="it is being started", limit_bytes=order.limit_bytes)
        self._before = Keeping()
        """What the keepers counted that have died."""
        self._dropped = 0
        self._said_s = float("-inf")
        self._restarts = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    # --- told -------------------------------------------------------------------------------------------------

    def sampled(self, sample: Sample, network: Network, services: Mapping[ServiceId, Service]) -> None:
        """Keep a sample. `services` may change meanwhile: what each is by the time it is looked at is what counts."""
        values = len(sample.links) * len(series_of(Subject.LINK))
        values += len(sample.services) * len(series_of(Subject.SERVICE))
        self._put(lambda: self._columns.of_sample(sample, network, services), values)

    def measured(self, measurements: Iterable[Measurement]) -> None:
        """Keep what was measured of paths."""
        every = list(measurements)
        if every:
            self._put(lambda: self._columns.of_measurements(every), len(every) * len(series_of(Subject.PATH)))

    @property
    def keeping(self) -> Keeping:
        """How it goes."""
        told, before = self._told, self._before
        return replace(
            told,
            kept=told.kept + before.kept,
            dropped=told.dropped + before.dropped + self._dropped,
            given_up=told.given_up + before.given_up,
            sent=told.sent + before.sent,
            unsent=told.unsent + before.unsent,
            restarts=self._restarts,
        )

    # --- asked ------------------------------------------------------------------------------------------------

    def read(
        self,
        subject: Subject,
        names: Sequence[str] | None,
        series: Sequence[str],
        *,
        from_s: float,
        until_s: float,
        step_s: int,
    ) -> Tracks:
        """Series of some things, or of all for None; blocks. Raises Invalid, and Unavailable."""
        named = None if names is None else list(names)
        found = self._ask(lambda number: Ask(number, subject, named, list(series), from_s, until_s, step_s))
        return cast(Tracks, found)

    def moments(self, *, from_s: float, until_s: float, step_s: int) -> Moments:
        """Every link over a time; blocks. Raises Invalid, and Unavailable."""
        return cast(Moments, self._ask(lambda number: AskMoments(number, from_s, until_s, step_s)))

    def _ask(self, ask_with: Callable[[int], Ask | AskMoments]) -> Tracks | Moments:
        peer = self._peer
        if peer is None:
            raise Unavailable(f"telemetry cannot be read: {self._told.amiss}")
        number = next(self._numbers)
        answer = self._asked[number] = Future()
        try:
            with self._sending:
                send(peer, ask_with(number))
            return answer.result(ANSWER_S)
        except OutOfTime:
            raise Unavailable(f"telemetry did not answer within {ANSWER_S:g} s") from None
        except OSError as error:
            raise Unavailable(f"telemetry cannot be read: {error.strerror}") from error
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        """Let the keeper write what it was told, and end; blocks."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(2 * CLOSING_S)

    # --- below ------------------------------------------------------------------------------------------------

    def _put(self, rows: Callable[[], list[Rows]], values: int) -> None:
        try:
            self._waiting.put_nowait(rows)
        except queue.Full:
            self._drop(values, "it cannot keep up")

    def _drop(self, values: int, why: str) -> None:
        self._dropped += values
        if time.monotonic() - self._said_s > SAID_EACH_S:
            self._said_s = time.monotonic()
            log.warning("telemetry drops samples, %d values until now: %s", self._dropped, why)

    def _run(self) -> None:
        pause_s = AGAIN_S[0]
        while not self._closing.is_set():
            begun = time.monotonic()
            try:
                self._start()
                self._serve()
            except OSError as error:
                self._amiss(f"its process has gone: {error}")
            except Exception:
                log.exception("telemetry failed and is started again")
                self._amiss("it failed and is started again")
            finally:
                self._end()
            if self._closing.is_set():
                return
            pause_s = AGAIN_S[0] if time.monotonic() - begun > AGAIN_S[1] else min(2 * pause_s, AGAIN_S[1])
            self._closing.wait(pause_s)
            self._restarts += 1

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "highroad.telemetry.keeper", str(theirs.fileno())],
                # not as an argument: an address may have a password in it, and arguments are everybody's to read
                env={**os.environ, ORDER: msgspec.json.encode(self._order).decode()},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._hearing = threading.Thread(target=self._hear, args=(ours,), name="telemetry answers", daemon=True)
        self._hearing.start()
        self._peer = ours

    def _serve(self) -> None:
        peer = self._peer
        if peer is None:
            return
        while True:
            make = self._waiting.get()
            if make is None or self._closing.is_set():
                while make is not None:
                    self._tell(peer, make)
                    try:
                        make = self._waiting.get_nowait()
                    except queue.Empty:
                        return
                return
            self._tell(peer, make)

    def _tell(self, peer: socket.socket, make: Callable[[], list[Rows]]) -> None:
        rows = make()
        try:
            with self._sending:
                send(peer, Keep([pack(one) for one in rows]))
        except OSError:
            self._drop(sum(one.values for one in rows), "its process has gone")
            raise

    def _hear(self, peer: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while (frame := receive(peer)) is not None:
                if isinstance(frame, Told):
                    self._told = frame.keeping
                elif isinstance(frame, Found):
                    self._settle(frame.number, frame.history)
                elif isinstance(frame, FoundMoments):
                    self._settle(frame.number, frame.moments)
                elif isinstance(frame, Failed):
                    findings = [Finding(code=code, place=place, message=text) for code, place, text in frame.findings]
                    self._settle(frame.number, Invalid(findings) if findings else Unavailable(frame.message))
        # Who tells finds out by its next sample; who asks need not wait so long.
        for number in list(self._asked):
            self._settle(number, Unavailable("telemetry cannot be read: its process has gone"))
        with suppress(OSError):
            peer.shutdown(socket.SHUT_RDWR)

    def _settle(self, number: int, answer: Tracks | Moments | Exception) -> None:
        future = self._asked.pop(number, None)
        if future is None or future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _amiss(self, text: str) -> None:
        log.warning("telemetry: %s", text)
        self._told = replace(self._told, amiss=text)

    def _end(self) -> None:
        """Let a keeper go that ends by itself when it is told nothing more; one that does not is killed."""
        peer, self._peer = self._peer, None
        process = self._process
        if peer is None or process is None:
            return
        with suppress(OSError):
            peer.shutdown(socket.SHUT_WR)
        with suppress(subprocess.TimeoutExpired):
            process.wait(CLOSING_S if self._closing.is_set() else 1.0)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._hearing.join()
        with self._sending:
            peer.close()
        told = self._told
        self._before = replace(
            self._before,
            kept=self._before.kept + told.kept,
            dropped=self._before.dropped + told.dropped,
            given_up=self._before.given_up + told.given_up,
            sent=self._before.sent + told.sent,
            unsent=self._before.unsent + told.unsent,
        )
        self._told = replace(told, kept=0, dropped=0, given_up=0, sent=0, unsent=0)
