"""The programs at a router's edge and on its core ports (BPF, direct action), from values to instructions: pure.

A gate stands where a customer's packets come in. It drops what may not enter, and writes on what may whose it is, in
which class, and along which list of its policy. A core port's program writes the class into the outer header.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Network
from typing import Final

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig
from highroad.agent.kernelstate import Program
from highroad.agent.rates import bytes_a_second
from highroad.agent.selection import preferred
from highroad.gnmi.router import (
    ADJACENCY_FUNCTIONS,
    ATTACHMENT_FUNCTIONS,
    REPAIR_END,
    Attachment,
    Policy,
)
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink import bpf
from highroad.netlink.bpf import (
    DW,
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    TC_ACT_OK,
    TC_ACT_SHOT,
    B,
    H,
    Helper,
    Skb,
    W,
)

VLAN_PRESENT: Final = 20
"""Offset in struct __sk_buff."""

_ETHER_TYPE = 12
_IP, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_ICMP, _ICMPV6, _TCP, _UDP = 1, 58, 6, 17
_IPV6_INSIDE, _ROUTING = 41, 43
_ETHERNET, _HEADER6 = 14, 40
_HOPS = 255
_NEXT_HEADER6, _SOURCE6, _DESTINATION6 = 20, 22, 38
_ECHO4, _ECHO_REPLY4, _ECHO6, _ECHO_REPLY6 = 8, 0, 128, 129
_SOLICITATION, _ADVERTISEMENT = 135, 136
_SOLICITED_NODE = (0xFF020000, 0, 1)
"""ff02::1:ff00:0/104, but for its last word (RFC 4291, section 2.7.1)."""


def gate_of(config: AgentConfig, attachment: Attachment, policy: Policy | None) -> Program:
    """The gate of an attachment."""
    return _gate(attachment, policy, infrastructure(config), _meters(config, policy))


@lru_cache(maxsize=4096)
def _gate(
    attachment: Attachment, policy: Policy | None, closed: tuple[IPv6Network, ...], meters: tuple[int, ...]
) -> Program:
    program = bpf.Program()
    program.move(R6, R1)
    if attachment.kind is ServiceKind.IP:
        _ip(program, attachment, policy, closed, meters)
    else:
        _ethernet(program, attachment, policy, meters)
    return _named("hr", program, meters=len(meters))


def _meters(config: AgentConfig, policy: Policy | None) -> tuple[int, ...]:
    """What each list of a policy is guaranteed, bytes a second, where it may have more than that; else nothing."""
    if policy is None or policy.ceiling_kbps <= policy.guaranteed_kbps or policy.traffic_class not in n.EXCESS_DSCP:
        return ()
    lists = preferred(policy).segment_lists
    whole = sum(segments.weight for segments in lists)
    return tuple(bytes_a_second(config, policy.guaranteed_kbps * one.weight / whole) for one in lists)


@lru_cache(maxsize=1)
def core_gate(sid_block: str) -> Program:
    """What every core port does to what leaves by it: its class into the header (RFC 2474) where it began here, with
    hops enough whatever the customer's packet has left (the kernel copies those), and the queue of the class that is
    in the header. Where it leaves along a detour there are two headers of ours: the inner one goes on alone.
    """
    program = bpf.Program()
    program.move(R6, R1)
    program.packet(_ETHER_TYPE, H)
    program.jump_if("!=", R0, _IPV6, "control")
    program.packet(_ETHERNET, H)  # version, traffic class, and the first four bits of the flow label
    program.move(R7, R0)
    program.load(R8, R6, Skb.MARK)
    program.alu("&", R8, n.MARK_CLASS | n.MARK_EXCESS)
    program.jump_if("==", R8, 0, "read")
    program.alu("&", R7, 0xF03F)
    for bits, dscp in _dscp_of_marks():
        program.jump_if("!=", R8, bits, f"not {dscp}")
        program.alu("|", R7, dscp << 6)
        program.label(f"not {dscp}")
    program.move(R1, R7)
    program.big_endian(R1, 16)
    program.store(R10, -2, R1, H)
    _write(program, _ETHERNET, -2, 2)
    program.store(R10, -4, _HOPS, B)
    _write(program, 21, -4, 1)
    _find_inside(program, R9, "read")
    program.packet_at(R9, _DESTINATION6 - _ETHERNET, W)
    program.jump_if("!=", R0, int(IPv6Network(sid_block).network_address) >> 96, "read", narrow=True)
    program.packet_at(R9, _DESTINATION6 - _ETHERNET + 4, H)
    program.jump_if("<", R0, ADJACENCY_FUNCTIONS.start, "read")  # the end of a tunnel, which is no SID
    program.packet_at(R9, 0, H)
    program.alu("&", R0, 0xF03F)
    program.move(R1, R7)
    program.alu("&", R1, 0x0FC0)
    program.alu("|", R0, R1)
    program.big_endian(R0, 16)
    program.store(R10, -2, R0, H)
    _write(program, R9, -2, 2)
    program.alu("+", R9, 7)
    _write(program, R9, -4, 1)
    program.label("read")
    program.alu(">>", R7, 6)
    program.alu("&", R7, 0x3F)
    queues = {
        **{dscp: n.CORE_CLASSES[traffic_class] for traffic_class, dscp in n.DSCP.items()},
        **{dscp: n.EXCESS_CLASSES[traffic_class] for traffic_class, dscp in n.EXCESS_DSCP.items()},
    }
    for dscp in queues:
        program.jump_if("==", R7, dscp, f"is {dscp}")
    # Nothing of a customer's comes here without a class: this is what routers say to each other.
    program.label("control")
    program.store(R6, Skb.PRIORITY, 1 << 16 | n.CORE_CLASSES[None])
    program.answer(TC_ACT_OK)
    for dscp, minor in queues.items():
        program.label(f"is {dscp}")
        program.store(R6, Skb.PRIORITY, 1 << 16 | minor)
        program.answer(TC_ACT_OK)
    return _named("hrc", program)


def _dscp_of_marks() -> Iterable[tuple[int, int]]:
    for traffic_class, dscp in n.DSCP.items():
        yield n.mark_class(traffic_class), dscp
    for traffic_class, dscp in n.EXCESS_DSCP.items():
        yield n.mark_class(traffic_class) | n.MARK_EXCESS, dscp


@lru_cache(maxsize=1)
def core_entry(sid_block: str) -> Program:
    """What every core port does to what comes in by it: what is for a SID is marked as that, and finds its way by the
    first rules. What is for an attachment has the attachment's mark besides, so that what the kernel says of the packet
    inside (its edge does not answer) goes back through the attachment's own table. For IPv6, whose errors the kernel
    would send from the core port's address, it says nothing. Where a detour ends, what is inside says what it is for.
    """
    program = bpf.Program()
    program.move(R6, R1)
    program.packet(_ETHER_TYPE, H)
    program.jump_if("!=", R0, _IPV6, "end")
    network = IPv6Network(sid_block)
    _skip_unless_in(program, _DESTINATION6, network, "end")
    program.packet(_DESTINATION6 + network.prefixlen // 8, H)
    program.jump_if("<", R0, ADJACENCY_FUNCTIONS.start, "end")
    program.jump_if("!=", R0, REPAIR_END, "function")
    _find_inside(program, R8, "adjacency")
    program.packet_at(R8, _DESTINATION6 - _ETHERNET + network.prefixlen // 8, H)
    program.label("function")
    program.jump_if("<", R0, ATTACHMENT_FUNCTIONS.start, "adjacency")
    program.jump_if("&", R0, 1, "ipv6")
    program.alu("-", R0, ATTACHMENT_FUNCTIONS.start)
    program.alu(">>", R0, 1)
    program.alu("+", R0, 1)
    program.alu("|", R0, n.MARK_SID | n.MARK_GATE | n.mark_class(TrafficClass.SCAVENGER))
    program.store(R6, Skb.MARK, R0)
    program.answer(TC_ACT_OK)
    program.label("ipv6")
    program.store(R6, Skb.MARK, n.MARK_SID | n.MARK_SILENT)
    program.answer(TC_ACT_OK)
    program.label("adjacency")
    program.store(R6, Skb.MARK, n.MARK_SID)
    program.label("end")
    program.answer(TC_ACT_OK)
    return _named("hrn", program)


def _find_inside(program: bpf.Program, found: bpf.Register, otherwise: str) -> None:
    """Where in the frame the IPv6 packet inside an IPv6 packet begins, behind a routing header if there is one; R0 is
    lost.
    """
    program.move(found, _ETHERNET + _HEADER6)
    program.packet(_NEXT_HEADER6, B)
    program.jump_if("==", R0, _IPV6_INSIDE, f"inside {found}")
    program.jump_if("!=", R0, _ROUTING, otherwise)
    program.packet(_ETHERNET + _HEADER6, H)  # what follows the routing header, and its length
    program.move(R1, R0)
    program.alu(">>", R1, 8)
    program.jump_if("!=", R1, _IPV6_INSIDE, otherwise)
    program.alu("&", R0, 0xFF)
    program.alu("<<", R0, 3)
    program.alu("+", R0, 8)
    program.alu("+", found, R0)
    program.label(f"inside {found}")


def _write(program: bpf.Program, place: int | bpf.Register, kept: int, size: int) -> None:
    """Put bytes of the stack into the packet."""
    program.move(R1, R6)
    program.move(R2, place)
    program.move(R3, R10)
    program.alu("+", R3, kept)
    program.move(R4, size)
    program.move(R5, 0)
    program.call(Helper.SKB_STORE_BYTES)


# --- ip ------------------------------------------------------------------------------------------------------


def _ip(
    program: bpf.Program,
    attachment: Attachment,
    policy: Policy | None,
    closed: tuple[IPv6Network, ...],
    meters: tuple[int, ...],
) -> None:
    """Three things pass: what is for the far end, what one neighbour says to another, and echoes to us."""
    number = n.number_of(attachment.function)
    # Whatever we say in answer is the last to be sent on, wherever the customer made us send it.
    program.store(R6, Skb.MARK, n.mark(number) | n.mark_class(TrafficClass.SCAVENGER))
    program.load(R0, R6, VLAN_PRESENT)
    program.jump_if("!=", R0, 0, "shot")
    program.packet(_ETHER_TYPE, H)
    program.jump_if("==", R0, _IP, "ipv4")
    program.jump_if("==", R0, _IPV6, "ipv6")
    program.jump_if("!=", R0, _ARP, "shot")
    _arp(program, attachment)
    _ipv4(program, attachment)
    _ipv6(program, attachment, closed)
    program.label("shot")
    program.answer(TC_ACT_SHOT)
    program.label("neighbours")
    _queue(program, n.class_neighbours(number))
    program.label("asked")
    _queue(program, n.class_asked(number))

    program.label("tenant")
    if policy is None:
        _queue(program, 0xFFFF)
        return
    _answer_too_far(program, number)
    if policy.mtu_bytes < attachment.mtu_bytes:
        _answer_too_big(program, policy.mtu_bytes)
    program.jump("fits")
    program.label("answer")
    program.store(R6, Skb.MARK, n.mark(number) | n.mark_class(TrafficClass.SCAVENGER) | n.MARK_TOO_BIG)
    _queue(program, n.class_asked(number))
    program.label("fits")
    _choose(program, number, policy, meters)


def _arp(program: bpf.Program, attachment: Attachment) -> None:
    """What the customer's edge says of itself, and questions for us: they may be asked as any of its addresses."""
    program.packet(_ETHERNET + 14, W)
    program.jump_if("==", R0, int(IPv4Address(attachment.addresses.ce4)), "neighbours", narrow=True)
    program.packet(_ETHERNET + 6, H)
    program.jump_if("!=", R0, 1, "shot")
    program.packet(_ETHERNET + 24, W)
    program.jump_if("==", R0, int(IPv4Address(attachment.addresses.pe4)), "neighbours", narrow=True)
    program.jump("shot")


def _ipv4(program: bpf.Program, attachment: Attachment) -> None:
    own = int(IPv4Address(attachment.addresses.pe4))
    program.label("ipv4")
    program.packet(26, W)
    program.jump_if("==", R0, own, "shot", narrow=True)
    program.alu(">>", R0, 24, narrow=True)
    program.jump_if("==", R0, 0, "shot")  # from and to 0.0.0.0 is a broadcast, which is routed by no rule
    program.packet(30, W)
    program.jump_if("==", R0, own, "to us 4", narrow=True)
    program.jump_if(">=", R0, 0xE0000000, "shot", narrow=True)  # multicast, broadcast, reserved
    program.alu(">>", R0, 24, narrow=True)
    program.jump_if("==", R0, 0, "shot")
    program.jump_if("==", R0, 127, "shot")
    program.jump("tenant")
    program.label("to us 4")
    program.packet(_ETHERNET, B)
    program.jump_if("!=", R0, 0x45, "shot")  # options
    program.packet(20, H)
    program.alu("&", R0, 0x3FFF)
    program.jump_if("!=", R0, 0, "shot")  # a fragment
    program.packet(23, B)
    program.jump_if("!=", R0, _ICMP, "shot")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<", R7, _ETHERNET + 20 + 8, "shot")
    program.packet(34, B)
    program.jump_if("==", R0, _ECHO4, "asked")
    program.jump_if("==", R0, _ECHO_REPLY4, "asked")
    program.jump("shot")


def _ipv6(program: bpf.Program, attachment: Attachment, closed: tuple[IPv6Network, ...]) -> None:
    own = IPv6Network(f"{attachment.addresses.pe6}/128")
    program.label("ipv6")
    for place, whose in ((_SOURCE6, "from"), (_DESTINATION6, "to")):
        for index, network in enumerate((*closed, own) if place == _SOURCE6 else closed):
            _skip_unless_in(program, place, network, f"not {whose} closed {index}")
            program.answer(TC_ACT_SHOT)
            program.label(f"not {whose} closed {index}")
    program.packet(_SOURCE6, H)
    program.alu("&", R0, 0xFFC0)
    program.move(R8, R0)  # 0xfe80: from a link-local address
    _skip_unless_in(program, _DESTINATION6, own, "not to us")
    program.packet(20, B)
    program.jump_if("!=", R0, _ICMPV6, "shot")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<", R7, _ETHERNET + 40 + 8, "shot")
    program.packet(54, B)
    program.jump_if("==", R0, _SOLICITATION, "neighbour")
    program.jump_if("==", R0, _ADVERTISEMENT, "neighbour")
    program.jump_if("==", R8, 0xFE80, "shot")
    program.jump_if("==", R0, _ECHO6, "asked")
    program.jump_if("==", R0, _ECHO_REPLY6, "asked")
    program.jump("shot")
    program.label("not to us")
    program.packet(_DESTINATION6, W)
    program.alu(">>", R0, 24, narrow=True)
    program.jump_if("==", R0, 0xFF, "multicast")
    program.packet(_DESTINATION6, H)
    program.alu("&", R0, 0xFFC0)
    program.jump_if("==", R0, 0xFE80, "discovery")  # an answer to our solicitation, or nothing
    program.jump_if("!=", R8, 0xFE80, "tenant")
    program.jump("shot")
    program.label("multicast")
    for word, value in enumerate(_SOLICITED_NODE):
        program.packet(_DESTINATION6 + 4 * word, W)
        program.jump_if("!=", R0, value, "shot", narrow=True)
    program.label("discovery")
    program.packet(20, B)
    program.jump_if("!=", R0, _ICMPV6, "shot")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<", R7, _ETHERNET + 40 + 8, "shot")
    program.packet(54, B)
    program.jump_if("==", R0, _SOLICITATION, "neighbour")
    program.jump_if("!=", R0, _ADVERTISEMENT, "shot")
    program.label("neighbour")
    # Of the customer's edge, by either of its addresses, or by none (it asks whether its own is free): as with ARP.
    program.jump_if("==", R8, 0xFE80, "neighbours")
    for index, address in enumerate((attachment.addresses.ce6, "::")):
        _skip_unless_in(program, _SOURCE6, IPv6Network(f"{address}/128"), f"not neighbour {index}")
        program.jump("neighbours")
        program.label(f"not neighbour {index}")


def _queue(program: bpf.Program, minor: int) -> None:
    """On, through a class of the shaper."""
    program.store(R6, Skb.PRIORITY, 1 << 16 | minor)
    program.answer(bpf.TC_ACT_UNSPEC)


def _answer_too_far(program: bpf.Program, number: int) -> None:
    """Send what has no hops left to where the kernel says so: encapsulation would not look, and say it far away."""
    program.packet(_ETHER_TYPE, H)
    program.jump_if("==", R0, _IPV6, "hops 6")
    program.packet(22, B)
    program.jump("hops")
    program.label("hops 6")
    program.packet(21, B)
    program.label("hops")
    program.jump_if("<=", R0, 1, "answer")


def _skip_unless_in(program: bpf.Program, place: int, network: IPv6Network, label: str) -> None:
    """Go on at a label unless the address at a place is in a prefix."""
    left, address = network.prefixlen, int(network.network_address)
    for word in range(4):
        bits = min(32, left - 32 * word)
        if bits <= 0:
            return
        mask = 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF
        program.packet(place + 4 * word, W)
        if mask != 0xFFFFFFFF:
            program.alu("&", R0, mask, narrow=True)
        program.jump_if("!=", R0, address >> (96 - 32 * word) & mask, label, narrow=True)


def _answer_too_big(program: bpf.Program, mtu_bytes: int) -> None:
    """Send what does not fit to where the kernel answers for it: seg6 itself drops it in silence."""
    program.load(R7, R6, Skb.GSO_SIZE)
    program.jump_if("!=", R7, 0, "several")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<=", R7, mtu_bytes + _ETHERNET, "fits")
    program.jump("answer")
    # Several segments in one: the size of each is that of its payload and its headers.
    program.label("several")
    program.packet(_ETHER_TYPE, H)
    program.move(R8, 40)
    program.jump_if("==", R0, _IPV6, "header6")
    program.packet(_ETHERNET, B)
    program.alu("&", R0, 0x0F)
    program.alu("<<", R0, 2)
    program.move(R8, R0)
    program.packet(23, B)
    program.jump("transport")
    program.label("header6")
    program.packet(20, B)
    program.label("transport")
    program.alu("+", R7, R8)
    program.jump_if("==", R0, _TCP, "tcp")
    program.alu("+", R7, 8)
    program.jump("compare")
    program.label("tcp")
    program.packet_at(R8, _ETHERNET + 12, B)
    program.alu(">>", R0, 4)
    program.alu("<<", R0, 2)
    program.alu("+", R7, R0)
    program.label("compare")
    program.jump_if(">", R7, mtu_bytes, "answer")


def _choose(program: bpf.Program, number: int, policy: Policy, meters: tuple[int, ...]) -> None:
    """Write down the class and the list: a flow is pinned by its hash, lists have their share of the hashes."""
    lists = preferred(policy).segment_lists
    classed = n.mark_class(policy.traffic_class)
    if len(lists) > 1:
        program.move(R1, R6)
        program.call(Helper.GET_HASH_RECALC)
        program.alu("%", R0, sum(segments.weight for segments in lists), narrow=True)
        reached = 0
        for index, segments in enumerate(lists[:-1]):
            reached += segments.weight
            program.jump_if(">=", R0, reached, f"not list {index}", narrow=True)
            _send(program, number, index, classed, meters)
            program.label(f"not list {index}")
    _send(program, number, len(lists) - 1, classed, meters)


def _send(program: bpf.Program, number: int, index: int, classed: int, meters: tuple[int, ...]) -> None:
    program.store(R6, Skb.PRIORITY, 1 << 16 | n.class_minor(number, index))
    if meters:
        _metered(program, index, meters[index])
        program.store(R6, Skb.MARK, n.mark(number, index) | classed | n.MARK_EXCESS)
        program.answer(bpf.TC_ACT_UNSPEC)
        program.label(f"guaranteed {index}")
    program.store(R6, Skb.MARK, n.mark(number, index) | classed)
    program.answer(bpf.TC_ACT_UNSPEC)


def _metered(program: bpf.Program, index: int, rate: int) -> None:
    """Go on here with what is above a rate, at the label `guaranteed` with the rest.

    A leaky bucket as a virtual schedule (GCRA, ITU-T I.371): when the bucket will be empty is kept in a map, in ns; a
    packet is within the rate if it would not be later than now. Two processors at once may each let one packet more
    through as guaranteed.
    """
    ns_per_byte = (1_000_000_000 << _SCALE) // rate
    depth_ns = round(_DEPTH_S * 1e9) + (_DEPTH_BYTES * ns_per_byte >> _SCALE)
    program.store(R10, -8, index)
    program.map(R1, 0)
    program.move(R2, R10)
    program.alu("+", R2, -8)
    program.call(Helper.MAP_LOOKUP)
    program.jump_if("==", R0, 0, f"guaranteed {index}")
    program.move(R7, R0)
    program.call(Helper.KTIME_GET_NS)
    program.load(R8, R6, Skb.LEN)
    program.alu("*", R8, ns_per_byte)
    program.alu(">>", R8, _SCALE)
    program.load(R9, R7, 0, DW)
    program.constant(R1, depth_ns)
    program.move(R2, R0)
    program.alu("-", R2, R1)
    program.jump_if(">=", R9, R2, f"filled {index}")
    program.store(R7, 0, R2, DW)
    program.move(R9, R2)
    program.label(f"filled {index}")
    program.alu("+", R9, R8)
    program.jump_if(">", R9, R0, f"above {index}")
    program.add_to(R7, 0, R8)
    program.jump(f"guaranteed {index}")
    program.label(f"above {index}")


_SCALE = 10
"""Bits after the point of a time a byte."""

_DEPTH_S = 0.05
_DEPTH_BYTES = 65_536
"""What may come at once within a guarantee: 50 ms of it, and one super-frame."""


# --- ethernet ------------------------------------------------------------------------------------------------


def _ethernet(program: bpf.Program, attachment: Attachment, policy: Policy | None, meters: tuple[int, ...]) -> None:
    """Every frame that fits goes into the tunnel, whatever is in it."""
    number = n.number_of(attachment.function)
    if policy is None:
        program.answer(TC_ACT_SHOT)
        return
    program.load(R7, R6, Skb.GSO_SIZE)
    program.jump_if("!=", R7, 0, "fits")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<=", R7, policy.mtu_bytes + _ETHERNET + 4, "fits")
    program.answer(TC_ACT_SHOT)
    program.label("fits")
    _send(program, number, 0, n.mark_class(policy.traffic_class), meters)


# --- both ----------------------------------------------------------------------------------------------------


def infrastructure(config: AgentConfig) -> tuple[IPv6Network, ...]:
    """Where no customer's packet may go: everything of the routers'."""
    return _networks(config.sid_block, *(f"{port.address}/{port.prefix_len}" for port in config.core_ports))


@cache
def _networks(*prefixes: str) -> tuple[IPv6Network, ...]:
    return tuple(IPv6Network(prefix, strict=False) for prefix in prefixes)


def _named(prefix: str, program: bpf.Program, *, meters: int = 0) -> Program:
    code = program.assemble()
    return Program(name=f"{prefix}_{zlib.crc32(code):08x}", code=code, meters=meters)
