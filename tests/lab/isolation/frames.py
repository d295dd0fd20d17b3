"""Packets as a customer with bad intentions would write them, byte by byte: pure.

Every one carries a token, early enough that an ICMP error which quotes it quotes the token too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from highroad.agent.echo import checksum

MAGIC = b"\xa5hRt"
TOKEN_BYTES = 8

IP, IPV6, ARP, VLAN = 0x0800, 0x86DD, 0x0806, 0x8100
HOP_BY_HOP, ICMP, IPIP, TCP, UDP, SIX, ROUTING, FRAGMENT, GRE, ICMPV6, NOTHING, OPTIONS, OSPF, EXPERIMENT = (
    0, 1, 4, 6, 17, 41, 43, 44, 47, 58, 59, 60, 89, 253,
)  # fmt: skip
BROADCAST = "ff:ff:ff:ff:ff:ff"


def token(number: int) -> bytes:
    """What a probe carries: which one it is."""
    return MAGIC + struct.pack("!I", number)


def number_in(data: bytes) -> int | None:
    """Which probe's token is in some bytes."""
    at = data.find(MAGIC)
    if at < 0 or len(data) < at + TOKEN_BYTES:
        return None
    found: int = struct.unpack_from("!I", data, at + 4)[0]
    return found


def mac(text: str) -> bytes:
    """A link address as bytes."""
    return bytes.fromhex(text.replace(":", ""))


def ethernet(to: str, source: str, kind: int, payload: bytes, *, tags: Sequence[int] = ()) -> bytes:
    """A frame, with VLAN tags if any."""
    tagged = b"".join(struct.pack("!HH", VLAN, tag) for tag in tags)
    return mac(to) + mac(source) + tagged + struct.pack("!H", kind) + payload


def arp(operation: int, sender_mac: str, sender: str, target: str, trailer: bytes) -> bytes:
    """RFC 826, with the token in what fills the frame up."""
    return (
        struct.pack("!HHBBH", 1, IP, 6, 4, operation)
        + mac(sender_mac)
        + IPv4Address(sender).packed
        + bytes(6)
        + IPv4Address(target).packed
        + trailer
        + bytes(18 - len(trailer))
    )


def ipv4(
    source: str, to: str, protocol: int, payload: bytes, *, ttl: int = 64, options: bytes = b"", fragment: int = 0,
    dont_fragment: bool = True,
) -> bytes:  # fmt: skip
    """`fragment`: the more-fragments bit and the offset, as they stand in the header."""
    length = 20 + len(options)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | length // 4, 0, length + len(payload), 7, fragment | (0x4000 if dont_fragment else 0),
        ttl, protocol, 0, IPv4Address(source).packed, IPv4Address(to).packed,
    )  # fmt: skip
    head += options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source: str, to: str, following: int, payload: bytes, *, hops: int = 64) -> bytes:
    """An IPv6 packet."""
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), following, hops)
        + IPv6Address(source).packed
        + IPv6Address(to).packed
        + payload
    )


def udp(source: str, to: str, port: int, payload: bytes) -> bytes:
    """A datagram, of either family."""
    data = struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload
    return data[:6] + struct.pack("!H", _transport_sum(source, to, UDP, data) or 0xFFFF) + data[8:]


def tcp_syn(source: str, to: str, port: int, payload: bytes) -> bytes:
    """The first segment of a connection, with data in it."""
    data = struct.pack("!HHIIBBHHH", 40001, port, 1, 0, 5 << 4, 2, 65535, 0, 0) + payload
    return data[:16] + struct.pack("!H", _transport_sum(source, to, TCP, data)) + data[18:]


def icmp(kind: int, code: int, body: bytes) -> bytes:
    """ICMP for IPv4: `body` is all that follows the checksum."""
    data = struct.pack("!BBH", kind, code, 0) + body
    return data[:2] + struct.pack("!H", checksum(data)) + data[4:]


def icmpv6(source: str, to: str, kind: int, body: bytes, code: int = 0) -> bytes:
    """ICMPv6: `body` is all that follows the checksum."""
    data = struct.pack("!BBH", kind, code, 0) + body
    return data[:2] + struct.pack("!H", _transport_sum(source, to, ICMPV6, data)) + data[4:]


def echo(source: str, to: str, payload: bytes) -> bytes:
    """An echo request of the family that the addresses have."""
    body = struct.pack("!HH", 77, 1) + payload
    return icmp(8, 0, body) if "." in to else icmpv6(source, to, 128, body)


def routing_header(following: int, segments: Sequence[str], left: int) -> bytes:
    """RFC 8754; `segments` in the order of travel."""
    addresses = b"".join(IPv6Address(segment).packed for segment in reversed(segments))
    return struct.pack("!BBBBBBH", following, 2 * len(segments), 4, left, len(segments) - 1, 0, 0) + addresses


def old_routing_header(following: int, segments: Sequence[str]) -> bytes:
    """Type 0, which RFC 5095 took away."""
    addresses = b"".join(IPv6Address(segment).packed for segment in segments)
    return struct.pack("!BBBBI", following, 2 * len(segments), 0, len(segments), 0) + addresses


def hop_by_hop(following: int) -> bytes:
    """With a router alert (RFC 2711)."""
    return struct.pack("!BBBBHBB", following, 0, 5, 2, 0, 1, 0)


def destination_options(following: int) -> bytes:
    """Padding only."""
    return struct.pack("!BBBB4x", following, 0, 1, 4)


def fragment_header(following: int, offset: int, more: bool) -> bytes:
    """RFC 8200, 4.5."""
    return struct.pack("!BBHI", following, 0, offset << 3 | more, 77)


def vxlan(vni: int, frame: bytes) -> bytes:
    """RFC 7348, after the UDP header."""
    return struct.pack("!II", 0x0800_0000, vni << 8) + frame


def gre(kind: int, payload: bytes) -> bytes:
    """RFC 2784."""
    return struct.pack("!HH", 0, kind) + payload


def option(data: bytes) -> bytes:
    """An option of neighbour discovery that nobody knows."""
    return struct.pack("!BB", 253, 2) + data + bytes(14 - len(data))


def source_route(kind: int, addresses: Sequence[str]) -> bytes:
    """IPv4's loose (131) or strict (137) one; record route is 7."""
    data = b"".join(IPv4Address(one).packed for one in addresses)
    return struct.pack("!BBB", kind, 3 + len(data), 4) + data + b"\0"


ROUTER_ALERT4 = bytes.fromhex("94040000")


def solicited_node(address: str) -> str:
    """The group in which an address is asked for."""
    return str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(IPv6Address(address)) & 0xFFFFFF))


def group_mac(group: str) -> str:
    """The link address of a group, of either family; of all stations for a broadcast."""
    if ":" in group:
        return (b"\x33\x33" + IPv6Address(group).packed[12:]).hex(":")
    packed = IPv4Address(group).packed
    if packed[0] >> 4 != 14:
        return BROADCAST
    return (b"\x01\x00\x5e" + bytes((packed[1] & 0x7F,)) + packed[2:]).hex(":")


def _transport_sum(source: str, to: str, protocol: int, data: bytes) -> int:
    if "." in to:
        pseudo = IPv4Address(source).packed + IPv4Address(to).packed + struct.pack("!HH", protocol, len(data))
    else:
        pseudo = IPv6Address(source).packed + IPv6Address(to).packed + struct.pack("!II", len(data), protocol)
    return checksum(pseudo + data)
