"""ICMP echoes between the hosts of a service, by a raw socket of our own in the host's namespace."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from contextlib import suppress

from highroad.errors import Unavailable
from highroad.netlink.namespace import entered
from highroad.ports import Echo

_REQUEST, _REPLY = 8, 0
_HEADER = struct.Struct("!BBHHH")
_STAMP = struct.Struct("=qq")
_SO_TIMESTAMPNS = 35
_HEADERS_BYTES = 28
_LAST_S = 1.0
"""How long the last echo is waited for."""


async def ping(
    namespace: int, interface: str, address: str, towards: str, *, count: int, interval_ms: float, size_bytes: int
) -> list[Echo]:
    """So many echoes of packets of so many bytes, from an interface and address of a host. Raises Unavailable."""
    with entered(namespace):
        asked = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    with asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        asked.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            asked.bind((address, 0))
        except OSError as error:
            raise Unavailable(f"the host has no address {address} any more: {error.strerror}") from error
        return await _Run(asked, towards, size_bytes).all(count, interval_ms / 1000)


class _Run:
    def __init__(self, asked: socket.socket, towards: str, size_bytes: int) -> None:
        self._socket = asked
        self._towards = towards
        self._id = int.from_bytes(os.urandom(2), "big")
        self._filling = bytes(max(0, size_bytes - _HEADERS_BYTES))
        self._sent_ns: dict[int, int] = {}
        self._rtt_ms: dict[int, float] = {}
        self._complete = asyncio.Event()

    async def all(self, count: int, interval_s: float) -> list[Echo]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._read)
        try:
            for sequence in range(1, count + 1):
                self._send(sequence)
                if sequence < count:
                    await asyncio.sleep(interval_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_S):
                    while len(self._rtt_ms) < count:
                        self._complete.clear()
                        await self._complete.wait()
        finally:
            loop.remove_reader(self._socket)
        return [Echo(sequence=sequence, rtt_ms=self._rtt_ms.get(sequence)) for sequence in range(1, count + 1)]

    def _send(self, sequence: int) -> None:
        bare = _HEADER.pack(_REQUEST, 0, 0, self._id, sequence & 0xFFFF) + self._filling
        packet = _HEADER.pack(_REQUEST, 0, _checksum(bare), self._id, sequence & 0xFFFF) + self._filling
        self._sent_ns[sequence & 0xFFFF] = time.time_ns()
        with suppress(OSError):  # no way out of the host: lost
            self._socket.sendto(packet, (self._towards, 0))

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                data, ancillary, _, sender = self._socket.recvmsg(2048, socket.CMSG_SPACE(16))
                at_ns = time.time_ns()
                start = (data[0] & 0x0F) * 4 if data else 0
                if len(data) < start + _HEADER.size or sender[0] != self._towards:
                    continue
                kind, _, _, identifier, sequence = _HEADER.unpack_from(data, start)
                if kind != _REPLY or identifier != self._id or sequence in self._rtt_ms:
                    continue
                if ancillary:
                    seconds, rest = _STAMP.unpack(ancillary[0][2])
                    at_ns = seconds * 1_000_000_000 + rest
                if sequence in self._sent_ns:
                    self._rtt_ms[sequence] = max(0.0, (at_ns - self._sent_ns[sequence]) / 1e6)
                    self._complete.set()


def _checksum(packet: bytes) -> int:
    padded = packet + bytes(len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
