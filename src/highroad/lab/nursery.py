"""Where routers' agents come from: one process imports everything once, and forks an agent into each router.

So twenty agents start in a moment and share their memory. One that ends is started again, unless it was ended on
purpose. The nursery outlives the daemon: what it started stays until the lab is taken down.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from highroad.lab import namespaces
from highroad.lab.names import LabId
from highroad.lab.record import note

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_STEADY_S = 10.0
"""Who ran so long is started again without a longer pause."""

_KEPT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One router's: the namespace that it lives in, its file, and where what it prints goes."""

    site: str
    namespace: str
    config: Path
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Agents to start, and agents to end at once; then the state of all is told."""

    start: list[str] = field(default_factory=list)
    kill: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An agent as it is: its process, None where none runs; how often it ended by itself."""

    pid: int | None
    ended: int


@dataclass(slots=True)
class _Slot:
    agent: Agent
    pid: int | None = None
    wanted: bool = False
    ended: int = 0
    began_s: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    again_s: float = 0.0


class Nursery:
    """The process that forks agents, and minds them."""

    def __init__(self, lab: LabId, agents: Mapping[str, Agent], entry: str) -> None:
        """`entry` is what an agent runs, as `package.module:function`, called with the path of its file."""
        self._lab = lab
        self._slots = {site: _Slot(agent) for site, agent in agents.items()}
        self._entry = entry

    def run(self, control: socket.socket) -> None:
        """Import, then fork and mind agents, for ever; without anybody to ask, just go on."""
        os.environ.update(GRPC_ENABLE_FORK_SUPPORT="0", GRPC_VERBOSITY="NONE")
        serve = _function(self._entry)
        gc.collect()
        gc.freeze()
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.epoll()
        poll.register(control, select.EPOLLIN)
        poll.register(wake, select.EPOLLIN)
        received = bytearray()
        while True:
            for descriptor, _ in poll.poll(self._start_due(serve)):
                if descriptor == wake.fileno():
                    with suppress(BlockingIOError):
                        wake.recv(4096)
                    self._reap()
                    continue
                data = control.recv(1 << 16)
                if not data:
                    poll.unregister(control)
                received += data
                while (end := received.find(b"\n")) >= 0:
                    order = msgspec.json.decode(received[:end], type=Order)
                    del received[: end + 1]
                    self._obey(order)
                    self._start_due(serve)
                    with suppress(OSError):
                        control.sendall(msgspec.json.encode(self._children()) + b"\n")

    def _children(self) -> dict[str, Child]:
        return {site: Child(pid=slot.pid, ended=slot.ended) for site, slot in self._slots.items()}

    def _obey(self, order: Order) -> None:
        for site in order.kill:
            slot = self._slots[site]
            slot.wanted = False
            if slot.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(slot.pid, signal.SIGKILL)
                os.waitpid(slot.pid, 0)
                slot.pid = None
            namespaces.empty([slot.agent.namespace])  # what it started, too: nothing runs on a dead router
        for site in order.start:
            slot = self._slots[site]
            slot.wanted, slot.again_s, slot.pause_s = True, 0.0, _FIRST_PAUSE_S

    def _reap(self) -> None:
        for slot in self._slots.values():
            if slot.pid is None:
                continue
            ended, _ = os.waitpid(slot.pid, os.WNOHANG)
            if not ended:
                continue
            now = time.monotonic()
            if now - slot.began_s > _STEADY_S:
                slot.pause_s = _FIRST_PAUSE_S
            slot.pid, slot.again_s = None, now + slot.pause_s
            slot.ended += 1
            slot.pause_s = min(2 * slot.pause_s, _LONGEST_PAUSE_S)

    def _start_due(self, serve: Callable[[Path], object]) -> float:
        """Start who is to run and does not. Returns how long it is until the next is due; -1 when none is."""
        now, wait = time.monotonic(), -1.0
        for slot in self._slots.values():
            if not slot.wanted or slot.pid is not None:
                continue
            if slot.again_s > now:
                wait = slot.again_s - now if wait < 0 else min(wait, slot.again_s - now)
                continue
            slot.pid, slot.began_s = _fork(slot.agent, serve), now
            note(self._lab, f"agent-{slot.agent.namespace.removeprefix(self._lab.prefix)}", slot.pid)
        return wait


def _function(entry: str) -> Callable[[Path], object]:
    module, _, name = entry.partition(":")
    found: Callable[[Path], object] = getattr(importlib.import_module(module), name)
    return found


def _fork(agent: Agent, serve: Callable[[Path], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        become(agent.log)
        namespaces.move_into(agent.namespace)
        serve(agent.config)
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def become(log: Path, keep: int | None = None) -> int:
    """Be a process of one's own after a fork: a session, no inherited descriptor but one, output into a file.

    Returns the number that the one to keep has from now on.
    """
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nowhere, 0), (printed, 1), (printed, 2)):
        os.dup2(source, target)
    if keep is not None and keep != _KEPT:
        os.dup2(keep, _KEPT, inheritable=False)
    os.closerange(_KEPT + (keep is not None), os.sysconf("SC_OPEN_MAX"))
    return _KEPT
