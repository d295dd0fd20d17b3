"""The process that lets packets go in time: one loop over all queues of a lab, asleep when nothing is on its way."""

from __future__ import annotations

import ctypes
import gc
import heapq
import os
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from highroad.errors import Unavailable
from highroad.lab.delay.messages import (
    PACKET,
    PACKET_KIND,
    UP_TO,
    Wait,
    bind,
    let_go,
    refusal,
    ruleset,
)
from highroad.netlink.namespace import entered_by_name

EARLY_NS = 45_000
"""What it takes from a packet's due time until it is on its way, and from its arrival until we know: let go so much
sooner. Measured by `bench`; what is left of it is what a link is too long or too short.
"""

_TICK_NS = 200_000
"""Who is woken again so soon is busy, and looks no more often: then many packets cost little more than one. Each is
then seen half a tick late and let go half a tick late, on the average, and so it is given one tick less.
"""

_AT_ONCE = 64
_MESSAGE_BYTES = 256
_RECEIVE_BYTES = 32 << 20
_PRIORITY = 10
_SO_RCVBUFFORCE = 33
_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NO_ENOBUFS = 270, 5
_MSG_DONTWAIT = 0x40
_MONOTONIC, _NONBLOCK, _ABSOLUTE = 1, os.O_NONBLOCK, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What arrives at a core port, and how long it was on its way; a part of it is lost."""

    namespace: str
    interface: str
    delay_ms: float
    loss: float = 0.0


@dataclass(slots=True)
class _Line:
    """One queue: what is on its way, as (when it is due, the last packet of a batch)."""

    socket: socket.socket
    delay_ns: int
    verdict: bytearray
    on_the_way: deque[tuple[int, bytes]] = field(default_factory=deque)


def work(arrivals: Sequence[Arrival], line: socket.socket) -> None:
    """Say `ready` on a line, then delay for ever; or say why it cannot be."""
    try:
        lines = open_lines(arrivals)
    except Unavailable as error:
        line.sendall(f"{error.message}\n".encode())
        return
    line.sendall(b"ready\n")
    run(lines)


def open_lines(arrivals: Sequence[Arrival]) -> list[_Line]:
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


def run(lines: Sequence[_Line]) -> None:
    """Let packets go in time, for ever."""
    with suppress(OSError):  # where it is not allowed, delays are less exact
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    gc.collect()
    gc.freeze()
    gc.disable()
    timer, inbox = _Timer(), _Inbox()
    by_descriptor = {line.socket.fileno(): line for line in lines}
    poll = select.epoll()
    poll.register(timer.descriptor, select.EPOLLIN)
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    now_ns, read, nap = time.monotonic_ns, inbox.read, time.sleep
    due: list[tuple[int, int]] = []
    is_busy = False
    while True:
        if is_busy:
            nap(_TICK_NS * 1e-9)
            slept, early_ns, found = 0, _TICK_NS, poll.poll(0)
        else:
            if due:
                timer.set(due[0][0])
            slept, early_ns, found = now_ns(), 0, poll.poll()
        woken = now_ns()
        worked = False
        for descriptor, _ in found:
            line = by_descriptor.get(descriptor)
            if line is None:
                timer.clear()
                continue
            last = read(descriptor)
            if last is not None:
                worked = True
                at = now_ns() + line.delay_ns - early_ns
                if not line.on_the_way:
                    heapq.heappush(due, (at, descriptor))
                line.on_the_way.append((at, last))
        now = now_ns()
        while due and due[0][0] <= now:
            worked = True
            descriptor = due[0][1]
            line = by_descriptor[descriptor]
            waiting = line.on_the_way
            last = waiting.popleft()[1]
            while waiting and waiting[0][0] <= now:
                last = waiting.popleft()[1]
            if waiting:
                heapq.heapreplace(due, (waiting[0][0], descriptor))
            else:
                heapq.heappop(due)
            line.verdict[UP_TO] = last
            with suppress(OSError):  # an interface went down: its packets are lost already
                line.socket.send(line.verdict)
            now = now_ns()
        is_busy = worked and woken - slept < _TICK_NS if not is_busy else worked


class _Timer:
    """A timerfd: an alarm clock that epoll hears, exact to microseconds."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._libc.timerfd_create(_MONOTONIC, _NONBLOCK)
        if self.descriptor < 0:
            raise Unavailable("the kernel gives no timer")
        self._when = (ctypes.c_long * 4)()
        self._set_to = 0

    def set(self, at_ns: int) -> None:
        """Ring at this time."""
        if at_ns != self._set_to:
            self._when[2], self._when[3] = divmod(at_ns, 1_000_000_000)
            self._libc.timerfd_settime(self.descriptor, _ABSOLUTE, self._when, None)
            self._set_to = at_ns

    def clear(self) -> None:
        """Stop ringing."""
        with suppress(BlockingIOError):
            os.read(self.descriptor, 8)
        self._set_to = 0


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("received", ctypes.c_size_t),
    )


class _Inbox:
    """Room for many messages, filled by one system call."""

    def __init__(self) -> None:
        self._room = bytearray(_AT_ONCE * _MESSAGE_BYTES)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._room))
        self._vectors = (_Vector * _AT_ONCE)(
            *[_Vector(base + index * _MESSAGE_BYTES, _MESSAGE_BYTES) for index in range(_AT_ONCE)]
        )
        self._headers = (_Header * _AT_ONCE)()
        for index, header in enumerate(self._headers):
            header.vectors = ctypes.addressof(self._vectors[index])
            header.vector_count = 1
        self._receive = ctypes.CDLL(None).recvmmsg

    def read(self, descriptor: int) -> bytes | None:
        """The number of the last packet that came. What else comes is a verdict that was of no use any more."""
        count = self._receive(descriptor, self._headers, _AT_ONCE, _MSG_DONTWAIT, None)
        for at in range((count - 1) * _MESSAGE_BYTES, -1, -_MESSAGE_BYTES):
            kind, number = PACKET.unpack_from(self._room, at)
            if kind == PACKET_KIND:
                return bytes(number)
        return None


def _line(queue: int, delay_ms: float) -> _Line:
    asked = _netfilter()
    asked.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
    asked.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
    for message in bind(queue):
        asked.send(message)
        code = refusal(asked.recv(65536))
        if code:
            raise Unavailable(f"links have no length here: the kernel has no netfilter queue ({os.strerror(code)})")
    asked.setblocking(False)
    return _Line(socket=asked, delay_ns=max(0, round(delay_ms * 1e6) - EARLY_NS), verdict=let_go(queue))


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
