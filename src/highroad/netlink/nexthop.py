"""Nexthop objects and groups of them: what many routes share, so that one message moves them all."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from highroad.netlink.message import (
    AF_INET,
    NEW,
    PUT,
    Message,
    attr,
    attr_u16,
    attr_u32,
    attrs,
    nest,
    packed,
    printed,
    u16,
    u32,
)
from highroad.netlink.route import OURS
from highroad.netlink.seg6 import Encap, decode, encode

RTM_NEWNEXTHOP = 104
RTM_DELNEXTHOP = 105
RTM_GETNEXTHOP = 106

_ID = 1
_GROUP = 2
_BLACKHOLE = 4
_OIF = 5
_GATEWAY = 6
_ENCAP_TYPE = 7
_ENCAP = 8
_DEAD = 1
_ONLINK = 4
_LINKDOWN = 16

_NHMSG = struct.Struct("=BBBBI")
_MEMBER = struct.Struct("=IBBH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nexthop:
    """One way on. IPv4 routes may use one of family AF_INET or AF_INET6 with a gateway, IPv6 routes only AF_INET6.

    `dead`: as dumped, its interface is down or without light.
    """

    id: int
    family: int = AF_INET
    dev: int | None = None
    via: str | None = None
    encap: Encap | None = None
    blackhole: bool = False
    onlink: bool = False
    protocol: int = OURS
    dead: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.via is not None:
            object.__setattr__(self, "via", printed(packed(self.via)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NexthopGroup:
    """Several ways on, by weight: `members` are pairs of a nexthop's id and its weight, 1 to 65535."""

    id: int
    members: tuple[tuple[int, int], ...]
    protocol: int = OURS

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError(f"nexthop group {self.id} has no members")
        for member, weight in self.members:
            if not 1 <= weight <= 65536:
                raise ValueError(f"weight {weight} of nexthop {member} is not between 1 and 65536")


def create(nexthop: Nexthop | NexthopGroup) -> Message:
    """Make a nexthop or a group; refused when the id is taken."""
    return Message(RTM_NEWNEXTHOP, NEW, _body(nexthop))


def replace(nexthop: Nexthop | NexthopGroup) -> Message:
    """Make it, or put it in the place of the one with its id: every route behind it goes the new way at once."""
    return Message(RTM_NEWNEXTHOP, PUT, _body(nexthop))


def delete(nexthop: Nexthop | NexthopGroup | int) -> Message:
    """Take away the one with this id, **and with it every route that uses it**."""
    number = nexthop if isinstance(nexthop, int) else nexthop.id
    return Message(RTM_DELNEXTHOP, 0, _NHMSG.pack(0, 0, 0, 0, 0) + attr_u32(_ID, number))


def dump_nexthops() -> Message:
    """Ask for every nexthop and group."""
    return Message(RTM_GETNEXTHOP, 0, _NHMSG.pack(0, 0, 0, 0, 0))


def parse_nexthop(body: bytes) -> Nexthop | NexthopGroup:
    """The nexthop or group of an RTM_NEWNEXTHOP or RTM_DELNEXTHOP."""
    family, _, protocol, _, flags = _NHMSG.unpack_from(body)
    got = attrs(body, _NHMSG.size)
    number = u32(got[_ID])
    if _GROUP in got:
        members = tuple((member, low + 256 * high + 1) for member, low, high, _ in _MEMBER.iter_unpack(got[_GROUP]))
        return NexthopGroup(id=number, members=members, protocol=protocol)
    return Nexthop(
        id=number,
        family=family,
        dev=u32(got[_OIF]) if _OIF in got else None,
        via=printed(got[_GATEWAY]) if _GATEWAY in got else None,
        encap=decode(u16(got[_ENCAP_TYPE]), got[_ENCAP]) if _ENCAP in got else None,
        blackhole=_BLACKHOLE in got,
        onlink=bool(flags & _ONLINK),
        protocol=protocol,
        dead=bool(flags & (_DEAD | _LINKDOWN)),
    )


def _body(nexthop: Nexthop | NexthopGroup) -> bytes:
    if isinstance(nexthop, NexthopGroup):
        members = b"".join(
            _MEMBER.pack(member, (weight - 1) & 0xFF, (weight - 1) >> 8, 0) for member, weight in nexthop.members
        )
        return _NHMSG.pack(0, 0, nexthop.protocol, 0, 0) + attr_u32(_ID, nexthop.id) + attr(_GROUP, members)
    parts = [
        _NHMSG.pack(nexthop.family, 0, nexthop.protocol, 0, _ONLINK if nexthop.onlink else 0),
        attr_u32(_ID, nexthop.id),
    ]
    if nexthop.blackhole:
        parts.append(attr(_BLACKHOLE, b""))
    if nexthop.dev is not None:
        parts.append(attr_u32(_OIF, nexthop.dev))
    if nexthop.via is not None:
        parts.append(attr(_GATEWAY, packed(nexthop.via)))
    if nexthop.encap is not None:
        number, inner = encode(nexthop.encap)
        parts.append(attr_u16(_ENCAP_TYPE, number))
        parts.append(nest(_ENCAP, inner))
    return b"".join(parts)
