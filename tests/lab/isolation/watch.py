"""Who receives what: sockets in every customer's host and in every router, read together.

In a host everything that comes in counts (AF_PACKET). In a router what a socket could have got: raw ones for every
protocol, which hear whatever is delivered locally whether or not a service listens, and services that do.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from highroad.netlink import namespace
from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import Ground

T = TypeVar("T")

GNMI, BGP, VXLAN_PORT, ECHO = 9339, 179, 4789, 7
_ALL = 3
_OUTGOING = 4
_FORCE = 33
_BUFFER = 64 << 20
_ROUTER4 = (f.ICMP, 2, f.IPIP, f.TCP, f.UDP, f.SIX, f.GRE, f.OSPF, f.EXPERIMENT)
_ROUTER6 = (f.IPIP, f.TCP, f.UDP, f.SIX, f.ROUTING, f.FRAGMENT, f.GRE, f.ICMPV6, f.OSPF, f.OPTIONS, f.EXPERIMENT)
_ROUTER_ALERT = 5


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing that one observer received: of which probe if that is known, and in a router by which socket."""

    observer: str
    number: int | None
    frame: bytes = field(repr=False)
    by: str = ""


@dataclass
class Watch:
    """`drain` reads what is there; `settle` waits until nothing comes any more."""

    selector: selectors.BaseSelector
    packets: list[socket.socket]
    listeners: list[tuple[str, socket.socket]]
    seen: list[Seen] = field(default_factory=list)

    def drain(self) -> int:
        """Read all that has come; returns how much."""
        count = 0
        for key, _ in self.selector.select(0):
            observer, by = key.data
            made = key.fileobj
            assert isinstance(made, socket.socket)
            while True:
                try:
                    data, origin = made.recvfrom(16384)
                except BlockingIOError:
                    break
                count += 1
                if by or origin[2] != _OUTGOING:
                    self.seen.append(Seen(observer=observer, number=f.number_in(data), frame=data, by=by))
        return count

    def settle(self, quiet_s: float = 0.3, longest_s: float = 5.0) -> list[Seen]:
        """What was seen since the last time, once it is quiet."""
        ends = time.monotonic() + longest_s
        last = time.monotonic()
        while time.monotonic() < min(ends, last + quiet_s):
            # what comes of itself (discovery, hellos of routers) is not waited for
            before = len(self.seen)
            self.drain()
            if any(one.number is not None for one in self.seen[before:]):
                last = time.monotonic()
            time.sleep(0.02)
        for made in self.packets:
            _, dropped = struct.unpack("@II", made.getsockopt(263, 6, 8))
            assert not dropped, "the observers did not keep up"
        for name, listener in self.listeners:
            try:
                listener.accept()
            except BlockingIOError:
                continue
            self.seen.append(Seen(observer=f"{name} (accepted)", number=None, frame=b""))
        seen, self.seen = self.seen, []
        return seen


@contextmanager
def watching(ground: Ground) -> Iterator[Watch]:
    """Listen everywhere."""
    made = Watch(selector=selectors.DefaultSelector(), packets=[], listeners=[])
    opened: list[socket.socket] = []
    try:
        for name in ground.ends:
            sniffer = inside(
                ground.space(name), lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
            )
            opened.append(sniffer)
            sniffer.bind(("e0", _ALL))
            made.packets.append(sniffer)
            made.selector.register(sniffer, selectors.EVENT_READ, (name, ""))
        for number in range(1, 5):
            for one, listens in inside(ground.space(f"r{number}"), partial(_services, ground, number)):
                opened.append(one)
                if listens:
                    made.listeners.append((f"r{number}", one))
                else:
                    made.selector.register(one, selectors.EVENT_READ, (f"r{number}", _called(one)))
        for one in opened:
            one.setblocking(False)
            if one.type != socket.SOCK_STREAM:
                one.setsockopt(socket.SOL_SOCKET, _FORCE, _BUFFER)
        yield made
    finally:
        made.selector.close()
        for one in opened:
            one.close()


def inside(space: str, make: Callable[[], T]) -> T:
    """What is made in a namespace (a socket stays in it)."""
    with namespace.entered_by_name(space):
        return make()


def _services(ground: Ground, number: int) -> list[tuple[socket.socket, bool]]:
    made: list[tuple[socket.socket, bool]] = []
    for protocol in _ROUTER4:
        one = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
        made.append((one, False))
        if protocol == f.OSPF:
            for name, _ in _interfaces():
                for group in ("224.0.0.5", "239.1.1.1"):
                    request = socket.inet_aton(group) + bytes(4) + struct.pack("@I", socket.if_nametoindex(name))
                    one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    for protocol in _ROUTER6:
        one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
        made.append((one, False))
        if protocol == f.OSPF:
            for _, index in _interfaces():
                for group in ("ff02::5", "ff02::6", "ff05::1:3", "ff0e::123"):
                    request = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
    edges = [end.addresses for end in ground.ends.values() if end.router == number and end.is_ip]
    at6 = ["::", f"fc00:0:{number}::1", *(edge.pe6 for edge in edges)]
    for address in at6:
        for port in (GNMI, BGP) if address == "::" else (GNMI + 1,):
            made.append((_bound(socket.AF_INET6, socket.SOCK_STREAM, address, port), True))
            made.append((_bound(socket.AF_INET6, socket.SOCK_DGRAM, address, port), False))
    for address in ("0.0.0.0", *(edge.pe4 for edge in edges)):
        for port in (GNMI + 2,) if address == "0.0.0.0" else (GNMI + 3,):
            made.append((_bound(socket.AF_INET, socket.SOCK_STREAM, address, port), True))
            made.append((_bound(socket.AF_INET, socket.SOCK_DGRAM, address, port), False))
    return made


def _called(one: socket.socket) -> str:
    family = 6 if one.family == socket.AF_INET6 else 4
    return f"raw {one.proto}/{family}" if one.type == socket.SOCK_RAW else f"port {one.getsockname()[1]}/{family}"


def _bound(family: int, kind: int, address: str, port: int) -> socket.socket:
    one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == socket.SOCK_DGRAM and family == socket.AF_INET:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    one.bind((address, port))
    if kind == socket.SOCK_STREAM:
        one.listen(16)
    return one


def _interfaces() -> list[tuple[str, int]]:
    return [(name, index) for index, name in socket.if_nameindex() if not name.startswith(("lo", "hx", "hr-shape"))]
