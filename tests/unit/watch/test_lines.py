"""Who is told by the watcher in real time: those who give that back, and nobody who does not."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from highroad.watch import lines
from highroad.watch.lines import Lines
from highroad.watch.talk import name_of


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """To whom it was lent, and nothing of it is done to this process."""
    found: list[int] = []

    def lend(pid: int, level: int) -> bool:
        found.append(pid)
        return True

    monkeypatch.setattr(lines, "lend", lend)
    monkeypatch.setattr(lines, "give_back", found.remove)
    return found


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Lines, select.epoll, socket.socket]]:
    poll = select.epoll()
    listening = Lines(tmp_path, poll)
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.connect(name_of(tmp_path))
    yield listening, poll, caller
    caller.close()
    listening.close()
    poll.close()


def read(listening: Lines, poll: select.epoll) -> list[Any]:
    """What was heard of all that has been sent by now."""
    heard: list[Any] = []
    while found := poll.poll(0.05):
        for descriptor, _ in found:
            listening.read(descriptor, heard.append, lambda: b"{}\n")
    return heard


def test_who_gives_it_back_is_told_in_real_time(
    made: tuple[Lines, select.epoll, socket.socket], lent: list[int]
) -> None:
    listening, poll, caller = made
    caller.sendall(b'{"config": 1, "gives_back": true}\n')
    assert read(listening, poll) == [{"config": 1}]
    listening.tell(b'{"port": 1}\n')
    assert lent == []
    listening.tell(b'{"port": 2}\n', urgent=True)
    assert lent == [os.getpid()]
    listening.take_back()
    assert lent == []
    assert [json.loads(line) for line in caller.recv(1000).splitlines()] == [{}, {"port": 1}, {"port": 2}]


@pytest.mark.parametrize("said", [b"", b'{"config": 1}\n', b'{"gives_back": false}\n', b'["gives_back"]\n'])
def test_who_does_not_say_so_is_told_as_usual(
    made: tuple[Lines, select.epoll, socket.socket], lent: list[int], said: bytes
) -> None:
    """A watcher that dies takes nothing back: who only listens would run before all else for ever."""
    listening, poll, caller = made
    caller.sendall(said)
    read(listening, poll)
    listening.tell(b'{"port": 1}\n', urgent=True)
    assert lent == []
    assert caller.recv(1000).endswith(b'{"port": 1}\n')
