"""Whoever asks the watcher: connections that bring lines of JSON, and are told what has changed. Nothing waits."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from highroad.watch.talk import give_back, is_ours, name_of, pid_of
from highroad.watch.wire import lend

_READ = 1 << 16
_LONGEST = 4 << 20

LENT_LEVEL = 2
"""In real time, but behind watchers and a lab's light."""


class Lines:
    """The listening socket of a folder's watcher, and those who called. Raises OSError where there is one already."""

    def __init__(self, folder: Path, poll: select.epoll) -> None:
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._listening.bind(name_of(folder))
        self._listening.listen(8)
        self._listening.setblocking(False)
        self._poll = poll
        self._lent: list[int] = []
        self._give_back: set[int] = set()
        self._callers: dict[int, tuple[socket.socket, bytearray]] = {}
        poll.register(self._listening, select.EPOLLIN)

    def close(self) -> None:
        """Hang up."""
        for caller, _ in self._callers.values():
            caller.close()
        self._listening.close()

    def knows(self, descriptor: int) -> bool:
        """Whether it is one of these."""
        return descriptor in self._callers or descriptor == self._listening.fileno()

    def read(self, descriptor: int, heard: Callable[[dict[str, Any]], None], greet: Callable[[], bytes]) -> None:
        """Take in what there is; who has just called is told `greet` first."""
        if descriptor == self._listening.fileno():
            self._accept(greet)
            return
        caller, buffer = self._callers[descriptor]
        try:
            data = caller.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(buffer) > _LONGEST:
            self._drop(descriptor)
            return
        buffer += data
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            said = json.loads(line)
            if isinstance(said, dict) and said.pop("gives_back", False):
                self._give_back.add(descriptor)
            heard(said)

    def tell(self, line: bytes, *, urgent: bool = False) -> None:
        """Say it to all; who does not listen is hung up on. What is `urgent` is heard in real time, where that is
        allowed, by those who said that they give that back, also when the watcher has died since; else it is taken back
        (`take_back`).
        """
        for descriptor, (caller, _) in list(self._callers.items()):
            if urgent and descriptor in self._give_back and lend(pid := pid_of(caller), LENT_LEVEL):
                self._lent.append(pid)
            self._say(descriptor, caller, line)

    def take_back(self) -> None:
        """Let nobody run in real time any more."""
        while self._lent:
            give_back(self._lent.pop())

    # --- inside -----------------------------------------------------------------------------------------------

    def _accept(self, greet: Callable[[], bytes]) -> None:
        try:
            caller, _ = self._listening.accept()
        except OSError:
            return
        if not is_ours(caller):
            caller.close()
            return
        caller.setblocking(False)
        self._poll.register(caller, select.EPOLLIN)
        self._callers[caller.fileno()] = (caller, bytearray())
        self._say(caller.fileno(), caller, greet())

    def _say(self, descriptor: int, caller: socket.socket, line: bytes) -> None:
        try:
            sent = caller.send(line)
        except OSError:
            sent = 0
        if sent < len(line):
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        caller, _ = self._callers.pop(descriptor)
        self._give_back.discard(descriptor)
        self._poll.unregister(caller)
        caller.close()
