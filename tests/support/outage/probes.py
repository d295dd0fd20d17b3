"""Probes: a packet a millisecond from one host to another, and of those that were sent in a while, which did not come.

What arrives waits in the sockets' buffers, which have room for many seconds, until somebody looks: so nothing that
counts runs while things break, and none is lost by who counts. That none was, the kernel is asked each time.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from highroad.netlink.namespace import entered_by_name
from tests.support.outage.sender import PORT, TICK, family_of
from tests.support.outage.ticks import TICK_NS, Ticks

ROOT = Path(__file__).parents[3]
LATE_S = 0.4
"""Whatever arrives arrives so long after it was sent: light across a continent, and more."""

_BUFFER_BYTES = 64 << 20
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_HELD, _ROOM, _DROPS = 0, 1, 8
"""Of what the kernel tells of a socket: bytes that wait, bytes that may, and packets for which there was no room."""

_READY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is sent from where to where: namespaces, and addresses that hosts have there. `interface` may be none."""

    name: str
    namespace: str
    interface: str
    address: str
    far_namespace: str
    far_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What of one probe did not come: the ticks, in order."""

    probe: str
    ticks: Sequence[int]

    @property
    def ms(self) -> float:
        """As packets times interval."""
        return len(self.ticks) * TICK_NS / 1e6


class Probes:
    """All of them, running; nothing is sent until some are let to. Made by `probing`."""

    def __init__(self, folder: Path, probes: Sequence[Probe]) -> None:
        self.probes = tuple(probes)
        self.number = {probe.name: number for number, probe in enumerate(probes)}
        self._receivers = [_receiver(probe, number) for number, probe in enumerate(probes)]
        self._seen: list[set[int]] = [set() for _ in probes]
        self._active: set[int] = set()
        self.ticks = Ticks(folder / "ticks", new=True)
        where = folder / "probes.json"
        where.write_text(json.dumps([_told(probe) for probe in probes]), encoding="utf-8")
        self._sender = subprocess.Popen(
            [sys.executable, "-m", "tests.support.outage.sender", str(folder / "ticks"), str(where)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )
        assert self._sender.stdout is not None
        if self._sender.stdout.readline() != b"ready\n":
            raise RuntimeError("the sender of probes ended before it began")

    def send(self, names: Iterable[str]) -> None:
        """Let these send, and no others, and forget what was counted."""
        self._active = {self.number[name] for name in names}
        self.ticks.activate(self._active)
        time.sleep(0.1 + LATE_S)
        self.drain()
        for seen in self._seen:
            seen.clear()

    def now(self) -> int:
        """The next tick."""
        if self._sender.poll() is not None:
            raise RuntimeError(f"the sender of probes ended with {self._sender.returncode}")
        return self.ticks.done

    def drain(self) -> None:
        """Count what has arrived until now. Raises RuntimeError if any of it was lost by us.

        What comes while we count is for the next time: on a busy machine it may come as fast as we read, and then the
        first socket would be read for ever while the others fill.
        """
        enough = self.ticks.done
        with _first():
            for number in self._active:
                self._count(number, enough)

    @contextmanager
    def keeping_up(self) -> Iterator[None]:
        """Count every second for as long as the context lasts: what is done in it may take longer than sockets hold.

        Raises RuntimeError at its end, as `drain` does.
        """
        over, found = threading.Event(), list[RuntimeError]()

        def count() -> None:
            while not over.wait(1.0) and not found:
                try:
                    self.drain()
                except RuntimeError as error:
                    found.append(error)

        counting = threading.Thread(target=count)
        counting.start()
        try:
            yield
        finally:
            over.set()
            counting.join()
        if found:
            raise found[0]

    def _count(self, number: int, enough: int) -> None:
        room, tick = bytearray(64), -1
        take, seen = self._receivers[number].recv_into, self._seen[number]
        try:
            while tick < enough:
                take(room)
                tick = TICK.unpack_from(room)[0]
                seen.add(tick)
        except BlockingIOError:
            pass
        info = struct.unpack_from("=9I", self._receivers[number].getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 64))
        if info[_DROPS]:
            raise RuntimeError(
                f"{info[_DROPS]} packets of {self.probes[number].name} came to its own socket, which had no room: it "
                f"holds {info[_HELD]:,} of {info[_ROOM]:,} bytes, and {len(seen):,} ticks were counted"
            )

    def lost(self, first: int, after: int) -> dict[str, Lost]:
        """What of the ticks from one to before another did not come, of each probe that sends; waits for what may."""
        while self.ticks.done <= after:
            self.now()
            time.sleep(0.01)
        time.sleep(max(0.0, LATE_S - (time.monotonic_ns() - self.ticks.when_ns(after)) / 1e9))
        self.drain()
        found = {}
        for number in sorted(self._active):
            name, seen = self.probes[number].name, self._seen[number]
            found[name] = Lost(probe=name, ticks=[tick for tick in range(first, after) if tick not in seen])
        return found

    def close(self) -> None:
        """End the sender."""
        self.ticks.end()
        try:
            self._sender.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._sender.kill()
            self._sender.wait()
        if self._sender.stdout is not None:
            self._sender.stdout.close()
        for receiver in self._receivers:
            receiver.close()


@contextmanager
def probing(folder: Path, probes: Sequence[Probe]) -> Iterator[Probes]:
    """Probes, ended with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Probes(folder, probes)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def _first() -> Iterator[None]:
    """Before everything that shares processors fairly, as the sender is: who counts more slowly is never done."""
    was, share = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, was, share)


def _receiver(probe: Probe, number: int) -> socket.socket:
    with entered_by_name(probe.far_namespace):
        made = socket.socket(family_of(probe.far_address), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    made.bind((probe.far_address, PORT + number))
    return made


def _told(probe: Probe) -> dict[str, str]:
    return {
        "namespace": probe.namespace,
        "interface": probe.interface,
        "address": probe.address,
        "to": probe.far_address,
    }
