"""ICMPv6 echoes that follow a list of micro SIDs, as bytes: pure.

The kernel's own ping cannot send them: it would sum over the first address of the way, and what arrives bears the last
one (RFC 9800, 6.5). An echo *reply* is sent where the way leads back to us: nobody answers it, and it is ours.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address

REQUEST, REPLY = 128, 129
HEADER_BYTES = 40 + 8
COOKIE = struct.Struct("!8sI")
"""At the start of every payload: whose it is, and which one."""

HOP_LIMIT = 255
_ROUTING, _ICMPV6 = 43, 58
_SEGMENT_ROUTING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What came back: of which probe."""

    cookie: bytes
    number: int


def packet(
    *,
    source: str,
    way: Sequence[str],
    last: str,
    kind: int,
    cookie: bytes,
    number: int,
    size_bytes: int,
    dscp: int,
) -> bytes:
    """An IPv6 packet along `way` (addresses that carry micro SIDs), which arrives at `last`; `size_bytes` in all,
    but for a routing header."""
    payload = COOKIE.pack(cookie, number)
    payload += bytes(max(0, size_bytes - HEADER_BYTES - len(payload)))
    icmp = struct.pack("!BBHHH", kind, 0, 0, number >> 16 & 0xFFFF, number & 0xFFFF) + payload
    checked = _address(source) + _address(last) + struct.pack("!II", len(icmp), _ICMPV6) + icmp
    icmp = icmp[:2] + struct.pack("!H", checksum(checked)) + icmp[4:]
    header, routing = _ICMPV6, b""
    if len(way) > 1:
        header, routing = _ROUTING, routing_header(way, _ICMPV6)
    first = struct.pack("!IHBB", 6 << 28 | dscp << 22, len(routing) + len(icmp), header, HOP_LIMIT)
    return first + _address(source) + _address(way[0]) + routing + icmp


def parsed(icmp: bytes) -> Echo | None:
    """What an ICMPv6 message brings back, or None if it is no echo reply, or too short to be one of ours."""
    if len(icmp) < 8 + COOKIE.size or icmp[0] != REPLY:
        return None
    cookie, number = COOKIE.unpack_from(icmp, 8)
    return Echo(cookie=cookie, number=number)


def checksum(data: bytes) -> int:
    """The Internet's (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def routing_header(way: Sequence[str], kind: int) -> bytes:
    """RFC 8754: the segments backwards, the first of them where the packet is sent to; `kind` is what follows."""
    left = len(way) - 1
    head = struct.pack("!BBBBBBH", kind, 2 * len(way), _SEGMENT_ROUTING, left, left, 0, 0)
    return head + b"".join(_address(segment) for segment in reversed(way))


def _address(text: str) -> bytes:
    return IPv6Address(text).packed
