"""The sockets of measuring: whole packets out, and what comes with when it came, over what, and in which class."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

_AT_ONCE = 64
_MOST_BYTES = 2048
_SO_TIMESTAMPNS = 35
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 51, 52
_IPV6_RECVTCLASS, _IPV6_TCLASS = 66, 67
_TIMESPEC, _PKTINFO, _INT = struct.Struct("@qq"), struct.Struct("@16xI"), struct.Struct("@i")
_ANCILLARY_BYTES = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(20) + 2 * socket.CMSG_SPACE(4)
_LONGEST_AGE_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a socket got, and how long ago."""

    data: bytes
    source: bytes
    port: int
    age_ns: int
    hops: int
    traffic_class: int


def udp(port: int) -> socket.socket:
    """A socket that hears; 0 for any port. Raises OSError."""
    opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        for option in (_IPV6_RECVPKTINFO, _IPV6_RECVHOPLIMIT, _IPV6_RECVTCLASS):
            opened.setsockopt(socket.IPPROTO_IPV6, option, 1)
        opened.bind(("::", port))
    except OSError:
        opened.close()
        raise
    return opened


def raw() -> socket.socket:
    """A socket that sends whole packets. Raises OSError."""
    return socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW)


def arrivals(ears: socket.socket, light_ns: Mapping[int, int]) -> list[Arrival]:
    """What waits. The kernel stamps a packet as it enters a port; in a lab it is held back after that, by the port's
    number for `light_ns`.
    """
    came = []
    for _ in range(_AT_ONCE):
        try:
            data, told, _, (address, port, *_) = ears.recvmsg(_MOST_BYTES, _ANCILLARY_BYTES)
        except OSError:
            break
        age_ns, held_ns, hops, traffic_class = 0, 0, 0, 0
        for level, kind, value in told:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, rest = _TIMESPEC.unpack(value)
                age_ns = time.time_ns() - seconds * 1_000_000_000 - rest
            elif level != socket.IPPROTO_IPV6:
                continue
            elif kind == _IPV6_PKTINFO:
                held_ns = light_ns.get(_PKTINFO.unpack(value)[0], 0)
            elif kind == _IPV6_HOPLIMIT:
                (hops,) = _INT.unpack(value)
            elif kind == _IPV6_TCLASS:
                (traffic_class,) = _INT.unpack(value)
        if not 0 <= age_ns <= _LONGEST_AGE_NS:  # the clock was set in between
            age_ns = held_ns
        came.append(
            Arrival(
                data=data,
                source=IPv6Address(address.partition("%")[0]).packed,
                port=port,
                age_ns=max(0, age_ns - held_ns),
                hops=hops,
                traffic_class=traffic_class,
            )
        )
    return came
