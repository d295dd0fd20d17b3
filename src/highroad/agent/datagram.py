"""UDP that follows a list of micro SIDs, as bytes: pure. What stays the same from packet to packet is made once.

As with echoes (`echo`), the sum is over the address with which a packet arrives, the last of its way (RFC 9800, 6.5),
and so no socket of the kernel's can send it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv6Address

from highroad.agent import echo

HEADER_BYTES = 40 + 8
_UDP, _ROUTING = 17, 43
_PORTS = struct.Struct("!HHHH")


class Road:
    """From a socket here to one over there, along `way`: addresses that carry micro SIDs."""

    def __init__(
        self, *, source: str, way: Sequence[str], last: str, port: int, far_port: int, dscp: int, hops: int = 255
    ) -> None:
        """`last` is the address with which packets arrive."""
        self.first = way[0]
        self._port, self._far_port = port, far_port
        own, far = IPv6Address(source).packed, IPv6Address(last).packed
        self._ends = own + far
        self._routing = echo.routing_header(way, _UDP) if len(way) > 1 else b""
        self._start = struct.pack("!I", 6 << 28 | dscp << 22)
        kind = _ROUTING if self._routing else _UDP
        self._middle = bytes((kind, hops)) + own + IPv6Address(way[0]).packed + self._routing

    def packet(self, payload: bytes) -> bytes:
        """A whole IPv6 packet."""
        size = 8 + len(payload)
        bare = _PORTS.pack(self._port, self._far_port, size, 0) + payload
        total = echo.checksum(self._ends + struct.pack("!II", size, _UDP) + bare) or 0xFFFF
        udp = _PORTS.pack(self._port, self._far_port, size, total) + payload
        return self._start + struct.pack("!H", len(self._routing) + size) + self._middle + udp
