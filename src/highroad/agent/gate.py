"""The programs at a router's edge and on its core ports (BPF, direct action), from values to instructions: pure.

A gate stands where a customer's packets come in. It drops what may not enter, and writes on what may whose it is, in
which class, and along which list of its policy. A core port's program writes the class into the outer header.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network
from typing import Final

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig
from highroad.agent.kernelstate import Program
from highroad.gnmi.router import Attachment, CandidatePath, Policy, SegmentList
from highroad.model.service import ServiceKind
from highroad.netlink import bpf
from highroad.netlink.bpf import R0, R1, R2, R3, R4, R5, R6, R7, R8, R10, TC_ACT_OK, TC_ACT_SHOT, B, H, Helper, Skb, W

VLAN_PRESENT: Final = 20
"""Offset in struct __sk_buff."""

_ETHER_TYPE = 12
_IP, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_ICMP, _ICMPV6, _TCP, _UDP, _OSPF = 1, 58, 6, 17, 89
_ETHERNET = 14
_SOLICITATION, _ADVERTISEMENT = 135, 136
_SOLICITED_NODE = (0xFF020000, 0, 1)
"""ff02::1:ff00:0/104, but for its last word (RFC 4291, section 2.7.1)."""


def gate_of(config: AgentConfig, attachment: Attachment, policy: Policy | None) -> Program:
    """The gate of an attachment."""
    return _gate(
        attachment,
        policy,
        tuple(_infrastructure(config)),
    )


@lru_cache(maxsize=4096)
def _gate(attachment: Attachment, policy: Policy | None, closed: tuple[IPv6Network, ...]) -> Program:
    program = bpf.Program()
    program.move(R6, R1)
    if attachment.kind is ServiceKind.IP:
        _ip(program, attachment, policy, closed)
    else:
        _ethernet(program, attachment, policy)
    return _named("hr", program)


@lru_cache(maxsize=1)
def core_gate() -> Program:
    """What every core port does to what leaves by it: its class into the header (RFC 2474) where it began here, and
    the queue of the class that is in the header.
    """
    program = bpf.Program()
    program.move(R6, R1)
    program.packet(_ETHER_TYPE, H)
    program.jump_if("!=", R0, _IPV6, "control")
    program.packet(_ETHERNET, H)  # version, traffic class, and the first four bits of the flow label
    program.move(R7, R0)
    program.load(R8, R6, Skb.MARK)
    program.alu("&", R8, n.MARK_CLASS)
    program.jump_if("==", R8, 0, "read")
    for traffic_class, dscp in n.DSCP.items():
        program.jump_if("!=", R8, n.mark_class(traffic_class), f"not {traffic_class}")
        program.alu("&", R7, 0xF03F)
        program.alu("|", R7, dscp << 6)
        program.label(f"not {traffic_class}")
    program.move(R1, R7)
    program.big_endian(R1, 16)
    program.store(R10, -2, R1, H)
    program.move(R1, R6)
    program.move(R2, _ETHERNET)
    program.move(R3, R10)
    program.alu("+", R3, -2)
    program.move(R4, 2)
    program.move(R5, 0)
    program.call(Helper.SKB_STORE_BYTES)
    program.label("read")
    program.alu(">>", R7, 6)
    program.alu("&", R7, 0x3F)
    for traffic_class, dscp in n.DSCP.items():
        program.jump_if("==", R7, dscp, f"is {traffic_class}")
    # Nothing of a customer's comes here without a class: this is what routers say to each other.
    program.label("control")
    program.store(R6, Skb.PRIORITY, 1 << 16 | n.CORE_CLASSES[None])
    program.answer(TC_ACT_OK)
    for traffic_class in n.DSCP:
        program.label(f"is {traffic_class}")
        program.store(R6, Skb.PRIORITY, 1 << 16 | n.CORE_CLASSES[traffic_class])
        program.answer(TC_ACT_OK)
    return _named("hrc", program)


# --- ip ------------------------------------------------------------------------------------------------------


def _ip(program: bpf.Program, attachment: Attachment, policy: Policy | None, closed: tuple[IPv6Network, ...]) -> None:
    number = n.number_of(attachment.function)
    program.store(R6, Skb.MARK, n.mark(number))
    program.load(R0, R6, VLAN_PRESENT)
    program.jump_if("!=", R0, 0, "drop")
    program.packet(_ETHER_TYPE, H)
    program.jump_if("==", R0, _IP, "ipv4")
    program.jump_if("==", R0, _IPV6, "ipv6")
    program.jump_if("==", R0, _ARP, "ours")
    program.label("drop")
    program.answer(TC_ACT_SHOT)
    program.label("ours")
    program.answer(TC_ACT_OK)

    program.label("ipv4")
    program.packet(30, W)
    program.jump_if("==", R0, int(IPv4Address(attachment.addresses.pe4)), "to us", narrow=True)
    program.jump_if(">=", R0, 0xE0000000, "shot4", narrow=True)  # multicast, broadcast, reserved
    program.jump("tenant")
    program.label("to us")
    program.packet(23, B)
    program.jump_if("==", R0, _ICMP, "ours4")
    program.label("shot4")
    program.answer(TC_ACT_SHOT)
    program.label("ours4")
    program.answer(TC_ACT_OK)

    program.label("ipv6")
    for index, network in enumerate(closed):
        _skip_unless_in(program, network, f"not closed {index}")
        program.answer(TC_ACT_SHOT)
        program.label(f"not closed {index}")
    own = IPv6Network(f"{attachment.addresses.pe6}/128")
    _skip_unless_in(program, own, "not to us")
    program.packet(20, B)
    program.jump_if("!=", R0, _ICMPV6, "shot6")
    program.answer(TC_ACT_OK)
    program.label("not to us")
    program.packet(38, W)
    program.alu(">>", R0, 24, narrow=True)
    program.jump_if("==", R0, 0xFF, "multicast")
    program.packet(38, H)
    program.alu("&", R0, 0xFFC0)
    program.jump_if("!=", R0, 0xFE80, "tenant")
    program.jump("discovery")  # unicast to a link-local address: an answer to our solicitation, or nothing
    program.label("multicast")
    for word, value in enumerate(_SOLICITED_NODE):
        program.packet(38 + 4 * word, W)
        program.jump_if("!=", R0, value, "shot6", narrow=True)
    program.label("discovery")
    program.packet(20, B)
    program.jump_if("!=", R0, _ICMPV6, "shot6")
    program.packet(54, B)
    program.jump_if("==", R0, _SOLICITATION, "ours6")
    program.jump_if("!=", R0, _ADVERTISEMENT, "shot6")
    program.label("ours6")
    program.answer(TC_ACT_OK)
    program.label("shot6")
    program.answer(TC_ACT_SHOT)

    program.label("tenant")
    if policy is None:
        program.store(R6, Skb.PRIORITY, 1 << 16 | 0xFFFF)
        program.answer(bpf.TC_ACT_UNSPEC)
        return
    if policy.mtu_bytes < attachment.mtu_bytes:
        _answer_too_big(program, number, policy.mtu_bytes)
    _choose(program, number, policy)


def _skip_unless_in(program: bpf.Program, network: IPv6Network, label: str) -> None:
    """Go on at a label unless the destination is in a prefix."""
    left, address = network.prefixlen, int(network.network_address)
    for word in range(4):
        bits = min(32, left - 32 * word)
        if bits <= 0:
            return
        mask = 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF
        program.packet(38 + 4 * word, W)
        if mask != 0xFFFFFFFF:
            program.alu("&", R0, mask, narrow=True)
        program.jump_if("!=", R0, address >> (96 - 32 * word) & mask, label, narrow=True)


def _answer_too_big(program: bpf.Program, number: int, mtu_bytes: int) -> None:
    """Send what does not fit to where the kernel answers for it: seg6 itself drops it in silence."""
    program.load(R7, R6, Skb.GSO_SIZE)
    program.jump_if("!=", R7, 0, "several")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<=", R7, mtu_bytes + _ETHERNET, "fits")
    program.label("too big")
    program.store(R6, Skb.MARK, n.mark(number) | n.MARK_TOO_BIG)
    program.answer(TC_ACT_OK)
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
    program.jump_if("<=", R7, mtu_bytes, "fits")
    program.store(R6, Skb.MARK, n.mark(number) | n.MARK_TOO_BIG)
    program.answer(TC_ACT_OK)
    program.label("fits")


def _choose(program: bpf.Program, number: int, policy: Policy) -> None:
    """Write down the class and the list: a flow is pinned by its hash, lists have their share of the hashes."""
    lists = _lists(policy)
    classed = n.mark_class(policy.traffic_class)
    if len(lists) > 1:
        program.move(R1, R6)
        program.call(Helper.GET_HASH_RECALC)
        program.alu("%", R0, sum(segments.weight for segments in lists), narrow=True)
        reached = 0
        for index, segments in enumerate(lists[:-1]):
            reached += segments.weight
            program.jump_if(">=", R0, reached, f"not list {index}", narrow=True)
            _send(program, number, index, classed)
            program.label(f"not list {index}")
    _send(program, number, len(lists) - 1, classed)


def _send(program: bpf.Program, number: int, index: int, classed: int) -> None:
    program.store(R6, Skb.MARK, n.mark(number, index) | classed)
    program.store(R6, Skb.PRIORITY, 1 << 16 | n.class_minor(number, index))
    program.answer(bpf.TC_ACT_UNSPEC)


def _lists(policy: Policy) -> tuple[SegmentList, ...]:
    best: CandidatePath = max(policy.candidate_paths, key=lambda candidate: candidate.preference)
    return best.segment_lists


# --- ethernet ------------------------------------------------------------------------------------------------


def _ethernet(program: bpf.Program, attachment: Attachment, policy: Policy | None) -> None:
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
    _send(program, number, 0, n.mark_class(policy.traffic_class))


# --- both ----------------------------------------------------------------------------------------------------


def _infrastructure(config: AgentConfig) -> Iterable[IPv6Network]:
    """Where no customer's packet may go: everything of the routers'."""
    yield IPv6Network(config.sid_block)
    for port in config.core_ports:
        yield IPv6Network(f"{port.address}/{port.prefix_len}", strict=False)


def _named(prefix: str, program: bpf.Program) -> Program:
    code = program.assemble()
    return Program(name=f"{prefix}_{zlib.crc32(code):08x}", code=code)
