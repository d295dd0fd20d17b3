"""Frames on their way out: of all ports in one system call, prepared beforehand but for a number and a token each.

They go straight to the driver: a queue that is full, or a firewall, is not what a hello is to find out about.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from highroad.watch.hello import ETHER_TYPE, FRAME_BYTES
from highroad.watch.talk import LENT

_SLOT = 64
_SOL_PACKET, _QDISC_BYPASS = 263, 20
_ADDRESS = struct.Struct("=HHiHBB8s")


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
        ("sent", ctypes.c_size_t),
    )


_HEADER_BYTES: Final = ctypes.sizeof(_Header)


class Out:
    """Room for a frame of each of so many senders, in the namespace of the thread that makes it."""

    def __init__(self, slots: int) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
        self._descriptor = self._socket.fileno()
        self._frames = bytearray(slots * _SLOT)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._frames))
        self._room = memoryview(self._frames)
        self._vectors = (_Vector * slots)()
        self._names = (ctypes.c_char * (slots * _ADDRESS.size))()
        self._headers = (_Header * slots)()
        self._at = ctypes.addressof(self._headers)
        libc = ctypes.CDLL(None)
        self._send = libc.sendmmsg
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def close(self) -> None:
        """Send no more."""
        self._socket.close()

    def frame(self, slot: int) -> memoryview:
        """The frame of a sender, to be written to."""
        return self._room[slot * _SLOT : slot * _SLOT + FRAME_BYTES]

    def arrange(self, order: Sequence[tuple[int, int]]) -> None:
        """What `send` sends from now on: pairs of a slot and the number of the interface by which it goes."""
        names = ctypes.addressof(self._names)
        for at, (slot, index) in enumerate(order):
            address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(ETHER_TYPE), index, 0, 0, 6, b"\xff" * 6)
            ctypes.memmove(names + at * _ADDRESS.size, address, _ADDRESS.size)
            self._vectors[at] = _Vector(self._base + slot * _SLOT, FRAME_BYTES)
            header = self._headers[at]
            header.name, header.name_length = names + at * _ADDRESS.size, _ADDRESS.size
            header.vectors, header.vector_count = ctypes.addressof(self._vectors[at]), 1

    def send(self, count: int) -> None:
        """So many of them; one that cannot go is not waited for."""
        done = self._send(self._descriptor, self._at, count, 0) if count else 0
        while done < count:
            # the first of those that are left cannot go: an interface is down, or is no more
            skip = max(done, 0) + 1
            if skip >= count:
                return
            more = self._send(self._descriptor, self._at + skip * _HEADER_BYTES, count - skip, 0)
            done = skip + max(more, 0)

    def send_one(self, frame: bytes, interface: str) -> None:
        """Another frame, by an interface; one that cannot go is not waited for."""
        with suppress(OSError):
            self._socket.sendto(frame, (interface, ETHER_TYPE))


def greetings() -> socket.socket:
    """What hears greetings on every port of this namespace, with the interface of each."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.htons(ETHER_TYPE))
    made.setblocking(False)
    return made


def be_first(level: int) -> bool:
    """Run before all that is not as urgent; whether that was allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(level))
    except OSError:
        return False
    return True


def lend(pid: int, level: int) -> bool:
    """Let a process run as early as we do until it gives that back, if it runs as usual; whether that was allowed."""
    try:
        if os.sched_getscheduler(pid) != os.SCHED_OTHER:
            return False
        os.sched_setscheduler(pid, LENT, os.sched_param(level))
    except OSError:
        return False
    return True
