"""The process that lets packets go in time: it opens all queues of a lab, and leaves them to one compiled loop."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from highroad.errors import Unavailable
from highroad.lab.delay import _loop
from highroad.lab.delay.messages import Wait, bind, refusal, ruleset
from highroad.netlink.namespace import entered_by_name

_RECEIVE_BYTES = 32 << 20
_PRIORITY = 10
_SO_RCVBUFFORCE = 33
_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NO_ENOBUFS = 270, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What arrives at a core port, and how long it was on its way; a part of it is lost."""

    namespace: str
    interface: str
    delay_ms: float
    loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One queue, taken."""

    socket: socket.socket
    queue: int
    delay_ns: int


def work(arrivals: Sequence[Arrival], line: socket.socket) -> None:
    """Say `ready` on a line, then delay for ever; or say why it cannot be."""
    try:
        lines = open_lines(arrivals)
    except Unavailable as error:
        line.sendall(f"{error.message}\n".encode())
        return
    line.sendall(b"ready\n")
    run(lines)


def open_lines(arrivals: Sequence[Arrival]) -> list[Line]:
    """Make the tables and take the queues. Raises Unavailable where the kernel lacks netfilter queues."""
    lines = []
    for namespace in dict.fromkeys(arrival.namespace for arrival in arrivals):
        with entered_by_name(namespace):
            here = [arrival for arrival in arrivals if arrival.namespace == namespace]
            waits = [
                Wait(interface=socket.if_nametoindex(arrival.interface), queue=queue, loss=arrival.loss)
                for queue, arrival in enumerate(here)
            ]
            lines += [_line(wait.queue, arrival.delay_ms) for wait, arrival in zip(waits, here, strict=True)]
            _make_table(waits)
    return lines


def run(lines: Sequence[Line]) -> NoReturn:
    """Let packets go in time, for ever."""
    with suppress(OSError):  # where it is not allowed, delays are less exact
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    _loop.run([(line.socket.fileno(), line.queue, line.delay_ns) for line in lines])


def _line(queue: int, delay_ms: float) -> Line:
    asked = _netfilter()
    asked.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
    asked.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
    for message in bind(queue):
        asked.send(message)
        code = refusal(asked.recv(65536))
        if code:
            raise Unavailable(f"links have no length here: the kernel has no netfilter queue ({os.strerror(code)})")
    asked.setblocking(False)
    return Line(socket=asked, queue=queue, delay_ns=round(delay_ms * 1e6))


def _make_table(waits: Sequence[Wait]) -> None:
    code = 0
    for native in (True, False):
        with _netfilter() as asked:
            batch = ruleset(waits, native=native)
            asked.send(b"".join(batch))
            asked.settimeout(2.0)
            answers = [refusal(asked.recv(65536)) for _ in range(len(batch) - 2)]
            code = next((one for one in answers if one), 0)
            if not code:
                return
    raise Unavailable(f"links have no length here: nftables cannot queue ({os.strerror(code)})")


def _netfilter() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    made.bind((0, 0))
    return made
