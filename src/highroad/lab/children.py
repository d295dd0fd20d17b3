"""The processes of a daemon: forked while it is still one thread, and asked by a line of JSON each."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from highroad.errors import Unavailable
from highroad.lab.names import LabId
from highroad.lab.nursery import become
from highroad.lab.record import note

_LONGEST = 64 << 20


class Child:
    """A process and the line to it."""

    def __init__(self, role: str, pid: int, line: socket.socket, log: Path) -> None:
        """Made by `fork`."""
        self.role = role
        self.pid = pid
        self._log = log
        self._line = line
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._lock = asyncio.Lock()

    async def ask(self, line: bytes) -> bytes:
        """One line for another. Raises Unavailable when the process is gone."""
        async with self._lock:
            if self._streams is None:
                self._streams = await asyncio.open_unix_connection(sock=self._line, limit=_LONGEST)
            reader, writer = self._streams
            try:
                writer.write(line + b"\n")
                await writer.drain()
                answer = await reader.readline()
            except OSError:
                answer = b""
        if not answer:
            raise Unavailable(f"the lab's {self.role} process has ended: {last_line(self._log)}")
        return answer

    def wait_line(self, timeout_s: float) -> str:
        """The first line that it says by itself, before anybody asks: empty when it is gone. Blocks."""
        self._line.settimeout(timeout_s)
        said = b""
        with suppress(OSError):
            while not said.endswith(b"\n"):
                more = self._line.recv(4096)
                if not more:
                    break
                said += more
        self._line.setblocking(False)
        return said.decode(errors="replace").strip()


def last_line(log: Path) -> str:
    """The last words of a process."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:500] if lines else f"it says nothing in {log}"


def fork(lab: LabId, role: str, log: Path, work: Callable[[socket.socket], None]) -> Child:
    """A process that does the work, with its end of a line; it outlives this one."""
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        theirs.close()
        note(lab, role, pid)
        return Child(role, pid, ours, log)
    status = 1
    try:
        kept = os.dup(theirs.fileno())
        theirs.detach()
        ours.detach()
        line = socket.socket(fileno=become(log, keep=kept))
        work(line)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)
