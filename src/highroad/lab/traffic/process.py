"""The process that is all hosts: it sends what services offer, and counts what arrives, in the hosts' namespaces."""

from __future__ import annotations

import gc
import heapq
import resource
import select
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from highroad.lab.traffic.ledger import DARK_INTERVALS, NS, Ledger, dark_ns
from highroad.lab.traffic.model import HEADERS_BYTES, Pace, pace, share_pps, slowed, swing_gbps
from highroad.netlink.namespace import entered_by_name
from highroad.ports.panel import Load

PORT = 4747
"""The UDP port at which hosts receive."""

_HEADER = struct.Struct("=4sIIQQ")
_MAGIC = b"HRTF"
_STAMP = struct.Struct("=qq")
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_IP_MTU_DISCOVER, _PROBE = 10, 3
_SCM_SPACE = socket.CMSG_SPACE(16)
_RECEIVE_BYTES = 8 << 20
_AT_ONCE = 256
_REPACED_NS = NS
_SETTLED_NS = NS // 50
_BEHIND_NS = NS // 20
_FIRST_NS = NS // 5
"""Within so long a direction that begins to send has sent, and not all of them at one instant."""
_FOLDED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where one end of a service sends and receives: a host, its interface, its address."""

    namespace: str
    interface: str
    address: str
    mtu_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """Let the hosts of a service send from now on, or change between what rates."""

    load: Load
    a: End
    b: End


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the daemon wants: services to start or change, to stop, and to offer other rates; then every counter."""

    carry: list[Carry] = field(default_factory=list)
    stop: list[str] = field(default_factory=list)
    offer: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of a service: real packets and bytes, as they were sent and counted."""

    sent_packets: int
    sent_bytes: int
    received_packets: int
    received_bytes: int
    lost_packets: int
    lost_bytes: int
    latency_ms: float | None
    longest_gap_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """One service. `offered_gbps` is modelled, both directions together; `slowed` is what part of it is sent. While it
    is `in_doubt` more of the time until now may turn out to have been dark than `dark_s` says; that it was for
    less than `unseen_s` may not be seen at all.
    """

    offered_gbps: float
    slowed: float
    dark_s: float
    there: Way
    back: Way
    in_doubt: bool = False
    unseen_s: float = 0.0


@dataclass(slots=True)
class _Direction:
    """What one host sends another."""

    number: int
    end: End
    towards: str
    socket: socket.socket
    way: str
    pace: Pace = field(default_factory=lambda: Pace(0, 0))
    nominal_gbps: float = 0.0
    next_ns: int = 0
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(slots=True)
class _Service:
    carry: Carry
    there: _Direction
    back: _Direction
    dark_ns: int = 0
    """Darkness that was folded away."""


class Generator:
    """All hosts of a lab."""

    def __init__(self, rate_scale: float) -> None:
        """None sends anything yet."""
        self._scale = rate_scale
        self._run = time.monotonic_ns() & 0xFFFFFFFF
        self._services: dict[str, _Service] = {}
        self._directions: dict[int, _Direction] = {}
        self._offers: dict[str, float] = {}
        self._receivers: dict[str, tuple[socket.socket, int]] = {}
        self._due: list[tuple[int, int]] = []
        self._next = 1
        self._slowed = 1.0
        self._poll = select.epoll()
        self._room = bytearray(9216)
        self._head = bytearray(64)
        self._by_descriptor: dict[int, socket.socket] = {}

    def run(self, control: socket.socket) -> None:
        """Send, receive and answer, for ever; without anybody to ask, just go on."""
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        gc.freeze()
        self._poll.register(control, select.EPOLLIN)
        received = bytearray()
        repaced_ns = settled_ns = 0
        while True:
            now = time.monotonic_ns()
            if now - repaced_ns > _REPACED_NS:
                self._repace()
                repaced_ns = now
            if now - settled_ns > _SETTLED_NS:
                for direction in self._directions.values():
                    direction.ledger.settle(now)
                settled_ns = now
            self._send(now)
            wait_s = min(0.02, max(0.0, (self._due[0][0] - time.monotonic_ns()) / NS)) if self._due else 0.5
            for descriptor, _ in self._poll.poll(wait_s):
                if descriptor in self._by_descriptor:
                    self._receive(self._by_descriptor[descriptor])
                    continue
                data = control.recv(1 << 20)
                if not data:
                    self._poll.unregister(control)
                received += data
                while (end := received.find(b"\n")) >= 0:
                    asked = msgspec.json.decode(received[:end], type=Asked)
                    del received[: end + 1]
                    _tell(control, msgspec.json.encode(self.answer(asked)) + b"\n")

    def answer(self, asked: Asked) -> dict[str, Traffic]:
        """Do what is asked, and say what every counter shows then."""
        for service in asked.stop:
            self._stop(service)
        for service, gbps in asked.offer.items():
            if gbps is None:
                self._offers.pop(service, None)
            else:
                self._offers[service] = gbps
        for carry in asked.carry:
            self._start(carry)
        if asked.stop or asked.offer or asked.carry:
            self._repace()
        now = time.monotonic_ns()
        for receiver in self._by_descriptor.values():
            self._receive(receiver)
        return {name: self._traffic(service, now) for name, service in self._services.items()}

    def _start(self, carry: Carry) -> None:
        name = carry.load.service
        have = self._services.get(name)
        if have is not None and (have.carry.a, have.carry.b) == (carry.a, carry.b):
            have.carry = carry
            return
        there, back = self._direction("there", carry.a, carry.b), self._direction("back", carry.b, carry.a)
        if have is not None:  # its wires were laid anew: what was counted counts on
            there.ledger, back.ledger = have.there.ledger, have.back.ledger
            self._close(have)
        self._services[name] = _Service(carry, there, back, have.dark_ns if have is not None else 0)

    def _stop(self, name: str) -> None:
        self._offers.pop(name, None)
        service = self._services.pop(name, None)
        if service is not None:
            self._close(service)

    def _close(self, service: _Service) -> None:
        for direction in (service.there, service.back):
            del self._directions[direction.number]
            direction.socket.close()
            receiver, users = self._receivers[direction.end.namespace]
            if users == 1:
                self._poll.unregister(receiver)
                del self._by_descriptor[receiver.fileno()], self._receivers[direction.end.namespace]
                receiver.close()
            else:
                self._receivers[direction.end.namespace] = (receiver, users - 1)

    def _direction(self, way: str, end: End, far: End) -> _Direction:
        with entered_by_name(end.namespace):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, end.interface.encode())
            sender.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)
            sender.bind((end.address, 0))
            receiver, users = self._receivers.get(end.namespace, (None, 0))
            if receiver is None:
                receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
                receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                receiver.bind(("0.0.0.0", PORT))  # noqa: S104 - of the host's own namespace
                self._poll.register(receiver, select.EPOLLIN)
                self._by_descriptor[receiver.fileno()] = receiver
        self._receivers[end.namespace] = (receiver, users + 1)
        # No larger than the far end takes: what does not fit there is answered, and a probe does not listen.
        fitting = replace(end, mtu_bytes=min(end.mtu_bytes, far.mtu_bytes))
        made = _Direction(self._next, fitting, far.address, sender, way)
        self._next += 1
        self._directions[made.number] = made
        return made

    def _repace(self) -> None:
        """Set every direction's pace anew: what services offer swings, and all share what we can send."""
        at_s = time.time()
        for name, service in self._services.items():
            for direction in (service.there, service.back):
                told = self._offers.get(name)
                direction.nominal_gbps = swing_gbps(service.carry.load, direction.way, at_s) if told is None else told
        sending = [one for one in self._directions.values() if one.nominal_gbps > 0.0]
        often_pps = share_pps(len(sending))
        paces = {one.number: self._pace(one, often_pps, 1.0) for one in sending}
        self._slowed = slowed(sum(NS / one.interval_ns for one in paces.values()))
        now = time.monotonic_ns()
        for direction in self._directions.values():
            was = direction.pace
            direction.pace = paces.get(direction.number, Pace(0, 0))
            if self._slowed < 1.0 and direction.pace.interval_ns:
                direction.pace = self._pace(direction, often_pps, self._slowed)
            if not was.interval_ns and direction.pace.interval_ns:
                first_ns = min(direction.pace.interval_ns, _FIRST_NS)
                direction.next_ns = now + (direction.number * 7919) % 1000 * first_ns // 1000
                heapq.heappush(self._due, (direction.next_ns, direction.number))

    def _pace(self, direction: _Direction, often_pps: float, part: float) -> Pace:
        return pace(direction.nominal_gbps * self._scale * part, direction.end.mtu_bytes, often_pps)

    def _send(self, now: int) -> None:
        due, directions, room = self._due, self._directions, memoryview(self._room)
        for _ in range(_AT_ONCE):
            if not due or due[0][0] > now:
                return
            direction = directions.get(due[0][1])
            if direction is None or not direction.pace.interval_ns or due[0][0] != direction.next_ns:
                heapq.heappop(due)
                continue
            size, interval_ns = direction.pace.size_bytes, direction.pace.interval_ns
            ledger = direction.ledger
            at_ns = time.monotonic_ns()
            _HEADER.pack_into(room, 0, _MAGIC, self._run, direction.number, ledger.sent_packets, at_ns)
            try:
                direction.socket.sendto(room[: size - HEADERS_BYTES], (direction.towards, PORT))
                ledger.sent(size, interval_ns, at_ns)
            except BlockingIOError:
                pass
            except OSError:
                ledger.sent(size, interval_ns, at_ns)  # no way out of the host: offered all the same
            direction.next_ns = max(direction.next_ns + interval_ns, now - _BEHIND_NS)
            heapq.heapreplace(due, (direction.next_ns, direction.number))

    def _receive(self, receiver: socket.socket) -> None:
        head, directions = self._head, self._directions
        with suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                size, ancillary, _, _ = receiver.recvmsg_into([head], _SCM_SPACE, socket.MSG_TRUNC)
                magic, run, number, packet, sent_ns = _HEADER.unpack_from(head)
                direction = directions.get(number)
                if magic != _MAGIC or run != self._run or direction is None or size < _HEADER.size:
                    continue
                at_ns = time.monotonic_ns()
                if ancillary:  # the kernel's stamp is of the other clock, which somebody may set meanwhile
                    seconds, rest = _STAMP.unpack(ancillary[0][2])
                    at_ns -= max(0, time.time_ns() - seconds * NS - rest)
                direction.ledger.arrived(packet, size + HEADERS_BYTES, sent_ns, at_ns)

    def _traffic(self, service: _Service, now: int) -> Traffic:
        dark = []
        for direction in (service.there, service.back):
            direction.ledger.settle(now)
            dark += direction.ledger.dark
            since = direction.ledger.dark_since_ns(now)
            if since is not None:
                dark.append((since, now))
        total = service.dark_ns + dark_ns(dark)
        if len(dark) > _FOLDED:
            service.dark_ns = total
            service.there.ledger.dark.clear()
            service.back.ledger.dark.clear()
        return Traffic(
            offered_gbps=service.there.nominal_gbps + service.back.nominal_gbps,
            slowed=self._slowed,
            dark_s=total / NS,
            unseen_s=DARK_INTERVALS * max(one.pace.interval_ns for one in (service.there, service.back)) / NS,
            in_doubt=any(one.ledger.in_doubt(now) for one in (service.there, service.back)),
            there=_way(service.there.ledger),
            back=_way(service.back.ledger),
        )


def _way(ledger: Ledger) -> Way:
    return Way(
        sent_packets=ledger.sent_packets,
        sent_bytes=ledger.sent_bytes,
        received_packets=ledger.received_packets,
        received_bytes=ledger.received_bytes,
        lost_packets=ledger.lost_packets,
        lost_bytes=ledger.lost_bytes,
        latency_ms=None if ledger.latency_ns is None else ledger.latency_ns / 1e6,
        longest_gap_ms=ledger.longest_gap_ns / 1e6,
    )


def _tell(control: socket.socket, answer: bytes) -> None:
    with suppress(OSError):  # whoever asked is gone
        control.sendall(answer)
