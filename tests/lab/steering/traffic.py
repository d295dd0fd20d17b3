"""Customers' packets, from plain sockets in their namespaces: streams that are counted, frames, and what a wire saw."""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv6Address

from highroad.netlink import namespace

PORT = 5005
ETH_P_ALL = 0x0003
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SO_RXQ_OVFL = 40
_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_VERSION = 5, 10
_TPACKET2 = struct.Struct("=IIIHHIIHH")
_FOR_US, _VLAN_VALID = 1 << 0, 1 << 4
_FRAME, _BLOCK = 1 << 14, 1 << 16
_OUTGOING = 4
_SO_ATTACH_FILTER = 26
_ABOUT_NEIGHBOURS = (
    (0x28, 0, 0, 12),  # the EtherType
    (0x15, 4, 0, 0x0806),  # ARP: taken
    (0x15, 0, 4, 0x86DD),  # IPv6: by its next header
    (0x30, 0, 0, 20),
    (0x15, 1, 0, 0),  # MLD, behind its hop-by-hop options: taken
    (0x15, 0, 1, 58),  # ICMPv6: taken
    (0x06, 0, 0, 0x40000),
    (0x06, 0, 0, 0),
)
_ROUTING, _IPV6_IN = 43, 41


def opened(where: str, family: int, kind: int = socket.SOCK_DGRAM, protocol: int = 0) -> socket.socket:
    """A socket in a namespace. One for packets has room for all that a test sends: on one machine, what waits in a
    router is still charged to who sent it, who would stop sending.
    """
    with namespace.entered_by_name(where):
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    if kind != socket.SOCK_STREAM:
        made.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 256 << 20)
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 256 << 20)
    return made


def family_of(address: str) -> int:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Sink:
    """A plain UDP socket at a customer's, which keeps what comes until it is asked."""

    def __init__(self, where: str, address: str, port: int = PORT) -> None:
        self.socket = opened(where, family_of(address))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        self.socket.bind((address, port))
        self.socket.setblocking(False)

    def taken(self) -> list[bytes]:
        """Everything that came since the last time."""
        got: list[bytes] = []
        while True:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(65536, 64)
            except BlockingIOError:
                return got
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL):
                    assert struct.unpack("=I", value)[0] == 0, "the test's own socket had no room"
            got.append(data)

    def wait(self, count: int, timeout_s: float = 5.0) -> list[bytes]:
        """What came, once it is so many, or time is up."""
        got = self.taken()
        end = time.monotonic() + timeout_s
        while len(got) < count and (left := end - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            got += self.taken()
        return got

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Lane:
    """From one customer's socket to another's."""

    source: socket.socket
    sink: Sink
    to: tuple[str, int]

    def send(self, payload: bytes) -> None:
        """One datagram."""
        self.source.sendto(payload, self.to)

    def passes(self, count: int = 2, size: int = 100, timeout_s: float = 2.0) -> int:
        """How many of so many datagrams arrive."""
        self.sink.taken()
        for number in range(count):
            self.send(number.to_bytes(4, "big") + bytes(size - 4))
        return len(self.sink.wait(count, timeout_s))


@contextmanager
def lane(here: str, there: str, to: str, *, port: int = PORT) -> Iterator[Lane]:
    """A socket at one customer's and its sink at the other's."""
    with ExitStack() as undo:
        sink = Sink(there, to, port)
        undo.callback(sink.close)
        source = undo.enter_context(opened(here, family_of(to)))
        yield Lane(source=source, sink=sink, to=(to, port))


class Stream:
    """Numbered datagrams along some lanes, so many a second each, from a thread, until it is stopped."""

    def __init__(self, lanes: Sequence[Lane], a_second: float, size: int = 100) -> None:
        self._lanes = lanes
        self._every = 1 / a_second
        self._padding = bytes(size - 4)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0
        self.seconds = 0.0

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def lost(self) -> list[int]:
        """For each lane, the numbers that did not arrive, after the stream was stopped."""
        gone: list[int] = []
        for one in self._lanes:
            got = one.sink.wait(self.sent, 1.0)
            while len(got) < self.sent and (more := one.sink.wait(self.sent - len(got), 1.0)):
                got += more
            came = {int.from_bytes(data[:4], "big") for data in got}
            gone += sorted(set(range(self.sent)) - came)
        return gone

    @property
    def a_second(self) -> float:
        """What was sent a second, each lane."""
        return self.sent / self.seconds

    def _run(self) -> None:
        start = time.monotonic()
        while not self._over.is_set():
            due = int((time.monotonic() - start) / self._every) + 1
            while self.sent < due:
                payload = self.sent.to_bytes(4, "big") + self._padding
                for one in self._lanes:
                    one.send(payload)
                self.sent += 1
            time.sleep(self._every)
        self.seconds = time.monotonic() - start


# --- frames --------------------------------------------------------------------------------------------------


class Frames:
    """A raw socket on an interface: frames as they are, with the tag that the kernel keeps beside them put back.

    They are read from a ring (TPACKET_V2), into which the kernel copies them at once: what a plain socket holds is
    shared with whoever forwards the packet next, and changes under the reader's eyes.
    """

    def __init__(self, where: str, interface: str, room: int = 256, *, neighbours: bool = False) -> None:
        """With `neighbours`, only what is said between those on one wire: ARP, ICMPv6 and MLD."""
        self.socket = opened(where, socket.AF_PACKET, socket.SOCK_RAW)
        if neighbours:
            code = b"".join(struct.pack("=HBBI", *one) for one in _ABOUT_NEIGHBOURS)
            held = ctypes.create_string_buffer(code)
            program = struct.pack("@HP", len(_ABOUT_NEIGHBOURS), ctypes.addressof(held))
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, 1)
        self.socket.setsockopt(
            _SOL_PACKET, _PACKET_RX_RING, struct.pack("=IIII", _BLOCK, room * _FRAME // _BLOCK, _FRAME, room)
        )
        self._ring = mmap.mmap(self.socket.fileno(), room * _FRAME)
        self._room, self._at = room, 0
        self.socket.bind((interface, ETH_P_ALL))
        self.taken()

    def __enter__(self) -> Frames:
        return self

    def __exit__(self, *_: object) -> None:
        self._ring.close()
        self.socket.close()

    def send(self, frame: bytes) -> None:
        """Put a frame on the wire."""
        self.socket.send(frame)

    def taken(self, *, outgoing: bool = False) -> list[bytes]:
        """The frames that came (or left) since the last time."""
        got: list[bytes] = []
        while True:
            at = self._at * _FRAME
            status, _, size, start, _, _, _, tci, protocol = _TPACKET2.unpack_from(self._ring, at)
            if not status & _FOR_US:
                return got
            kind = self._ring[at + 32 + 10]
            data = self._ring[at + start : at + start + size]
            if status & _VLAN_VALID:
                data = data[:12] + struct.pack("!HH", protocol, tci) + data[12:]
            struct.pack_into("=I", self._ring, at, 0)
            self._at = (self._at + 1) % self._room
            if (kind == _OUTGOING) == outgoing:
                got.append(data)

    def wait(self, count: int, *, outgoing: bool = False, timeout_s: float = 2.0) -> list[bytes]:
        """The frames, once there are so many or time is up."""
        got = self.taken(outgoing=outgoing)
        end = time.monotonic() + timeout_s
        while len(got) < count and (left := end - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            got += self.taken(outgoing=outgoing)
        return got

    def wait_for(self, frame: bytes, timeout_s: float = 2.0) -> bool:
        """Whether this very frame comes."""
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            if frame in self.taken():
                return True
        return False


@dataclass(frozen=True)
class Outer:
    """What a router put around a customer's packet."""

    traffic_class: int
    hop_limit: int
    segments: tuple[str, ...]
    inner: bytes

    @property
    def dscp(self) -> int:
        return self.traffic_class >> 2

    @property
    def udp_source(self) -> int:
        """The source port of the UDP datagram inside."""
        at = 20 if self.inner[0] >> 4 == 4 else 40
        return int.from_bytes(self.inner[at : at + 2], "big")


def outer_of(frame: bytes) -> Outer | None:
    """The outer header of a frame on a core link that carries a customer's packet, with all its segments in order."""
    if frame[12:14] != b"\x86\xdd":
        return None
    packet = frame[14:]
    word = int.from_bytes(packet[:4], "big")
    following, at = packet[6], 40
    segments = [str(IPv6Address(packet[24:40]))]
    if following == _ROUTING:
        following, length, _, left, last = packet[40:45]
        listed = [str(IPv6Address(packet[48 + 16 * index : 64 + 16 * index])) for index in range(last + 1)]
        # Reduced: the first segment is the destination alone. Backwards: the last is at 0.
        segments = [*segments, *reversed(listed[:left])]
        at += 8 + 8 * length
    if following not in (_IPV6_IN, 4):
        return None
    return Outer(traffic_class=word >> 20 & 0xFF, hop_limit=packet[7], segments=tuple(segments), inner=packet[at:])


def delivered(here: str, there: str, to: str, size: int, *, source: str | None = None, timeout_s: float = 10.0) -> int:
    """How many of so many bytes, sent in bulk over TCP, arrive before time is up, and as they were sent."""
    family = family_of(to)
    payload = os.urandom(1 << 16) * (size >> 16)
    with ExitStack() as undo:
        listening = undo.enter_context(opened(there, family, socket.SOCK_STREAM))
        sending = undo.enter_context(opened(here, family, socket.SOCK_STREAM))
        listening.bind((to, 0))
        listening.listen()
        sending.settimeout(timeout_s)
        if source is not None:
            sending.bind((source, 0))
        sending.connect((to, listening.getsockname()[1]))
        receiving, _ = listening.accept()
        undo.enter_context(receiving)
        thread = threading.Thread(target=_sent, args=(sending, payload))
        thread.start()
        undo.callback(thread.join)
        undo.callback(_ended, sending)
        end = time.monotonic() + timeout_s
        came = bytearray()
        while len(came) < len(payload) and (left := end - time.monotonic()) > 0:
            receiving.settimeout(left)
            try:
                came += receiving.recv(1 << 20)
            except TimeoutError:
                break
        assert payload.startswith(came)
        return len(came)


def _sent(sending: socket.socket, payload: bytes) -> None:
    with suppress(OSError):
        sending.sendall(payload)


def _ended(sending: socket.socket) -> None:
    with suppress(OSError):
        sending.shutdown(socket.SHUT_RDWR)
