"""The loop that lets packets go: held to the messages of the kernel's queues, with sockets of a pair in their place."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from highroad.lab.delay import _loop

SRC = Path(_loop.__file__).parents[3]
MS = 1_000_000
EARLY_NS = 500_000
"""More than a packet may leave too early: what waking takes, half of the time between two looks, and again."""

PROGRAM = """
import sys
import threading
from highroad.lab.delay import _loop
threading.Timer(0.1, lambda: print("others run", flush=True)).start()
_loop.run([tuple(map(int, line.split(","))) for line in sys.argv[1:]])
"""


def packet(number: int) -> bytes:
    """A message of a queue, as far as it is of interest: a packet, its number, protocol and hook; some more of it."""
    body = (
        struct.pack("=BBH", socket.AF_INET6, 0, 0) + struct.pack("=HH", 11, 1) + struct.pack(">IHB", number, 0x86DD, 0)
    )
    body += b"\0" + struct.pack("=HH", 8, 5) + struct.pack(">I", 3)
    return struct.pack("=IHHII", 16 + len(body), 0x300, 0, 0, 0) + body


def verdict(queue: int, number: int) -> bytes:
    """What accepts all packets of a queue up to a number."""
    body = struct.pack("=BBH", 0, 0, socket.htons(queue)) + struct.pack("=HH", 12, 2) + struct.pack(">II", 1, number)
    return struct.pack("=IHHII", 16 + len(body), 0x303, 1, 0, 0) + body


@contextmanager
def delaying(*delays_ns: int) -> Iterator[tuple[list[socket.socket], subprocess.Popen[str]]]:
    """The other ends of queues 0, 1, ..., and the process that delays."""
    with ExitStack() as held:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in delays_ns]
        for pair in pairs:
            for one in pair:
                held.enter_context(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        ours = [pair[0] for pair in pairs]
        descriptors = [pair[1].fileno() for pair in pairs]
        lines = [f"{fd},{queue},{ns}" for queue, (fd, ns) in enumerate(zip(descriptors, delays_ns, strict=True))]
        process = held.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *lines],
                env={**os.environ, "PYTHONPATH": str(SRC)},
                pass_fds=descriptors,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        held.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "others run\n"
        for one in ours:
            one.settimeout(20.0)
        yield ours, process


def test_a_packet_is_let_go_when_it_is_due_and_not_before() -> None:
    with delaying(30 * MS) as ((line,), _):
        for number in (1, 2, 3):
            sent_ns = time.monotonic_ns()
            line.send(packet(number))
            assert line.recv(1000) == verdict(0, number)
            assert time.monotonic_ns() - sent_ns >= 30 * MS - EARLY_NS


def test_each_of_many_waits_as_long_and_all_are_let_go() -> None:
    """Slower than is looked and faster, and more often than there is room for at one time."""
    delay_ns = 3 * MS
    for apart_s in (0.001, 0.00005, 0.0):
        with delaying(delay_ns) as ((line,), _):
            sent_ns = []
            line.setblocking(False)
            seen: list[tuple[int, int]] = []
            for number in range(1000):
                sent_ns.append(time.monotonic_ns())
                line.send(packet(number))
                until_s = time.monotonic() + apart_s
                while time.monotonic() < until_s or number - last_of(seen) >= 100:
                    seen += went(line)
            deadline_s = time.monotonic() + 20.0
            while last_of(seen) < 999 and time.monotonic() < deadline_s:
                seen += went(line)
        numbers = [number for number, _ in seen]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 999
        first = 0
        for number, at_ns in seen:
            waited = [at_ns - sent_ns[one] for one in range(first, number + 1)]
            assert min(waited) >= delay_ns - EARLY_NS
            first = number + 1


def last_of(seen: Sequence[tuple[int, int]]) -> int:
    return seen[-1][0] if seen else -1


def went(line: socket.socket) -> list[tuple[int, int]]:
    """Up to which packets were let go, and when we saw it: all verdicts that are there."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            data = line.recv(1000)
        except BlockingIOError:
            return found
        (number,) = struct.unpack_from(">I", data, 28)
        assert data == verdict(0, number)
        found.append((number, time.monotonic_ns()))


def test_after_a_halt_all_that_is_due_goes_at_once_and_the_rest_stays() -> None:
    with delaying(400 * MS) as ((line,), process):
        for number in (1, 2, 3):
            line.send(packet(number))
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        sent_ns = time.monotonic_ns()
        line.send(packet(4))
        process.send_signal(signal.SIGCONT)
        assert line.recv(1000) == verdict(0, 3)
        assert line.recv(1000) == verdict(0, 4)
        assert time.monotonic_ns() - sent_ns >= 400 * MS - EARLY_NS


def test_a_shorter_line_is_not_held_up_by_a_longer_one() -> None:
    with delaying(2_000 * MS, 0, 5 * MS) as (lines, _):
        for number, line in enumerate(lines):
            line.send(packet(number))
        assert lines[1].recv(1000) == verdict(1, 1)
        assert lines[2].recv(1000) == verdict(2, 2)
        lines[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            lines[0].recv(1000)
        lines[0].settimeout(20.0)
        assert lines[0].recv(1000) == verdict(0, 0)


def test_what_is_no_packet_is_passed_over() -> None:
    """A queue also says which verdicts were of no use."""
    error = struct.pack("=IHHIIi", 36, 2, 0, 0, 0, -2) + bytes(16)
    with delaying(MS) as ((line,), _):
        for data in (error, b"", b"\0" * 27, packet(7), error, packet(8)[:20], error):
            line.send(data)
        assert line.recv(1000) == verdict(0, 7)
        line.send(packet(9))
        assert line.recv(1000) == verdict(0, 9)


def test_a_signal_ends_it_as_it_ends_python() -> None:
    with delaying(MS) as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(20.0) != 0
        assert process.stderr is not None
        assert process.stderr.read().endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((0, 65_536, 0), "line 0 is of queue 65536, and they are below 65536"),
        ((0, -1, 0), "line 0 is of queue -1"),
        ((0, 0, -1), "line 0 takes -1 ns, and not 0 to 10 s"),
        ((0, 0, 10_000 * MS + 1), "line 0 takes 10000000001 ns"),
    ],
)
def test_what_is_no_line_is_said(line: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _loop.run([line])


def test_what_cannot_be_listened_to_is_said() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        _loop.run([(-1, 0, 0)])
