"""Neighbours: whose link address is told, and whom the kernel keeps asking for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from highroad.netlink.message import (
    PUT,
    Message,
    attr,
    attr_u8,
    attr_u32,
    attrs,
    family_of,
    packed,
    printed,
    u8,
)

RTM_NEWNEIGH = 28
RTM_DELNEIGH = 29
RTM_GETNEIGH = 30

NUD_PERMANENT = 0x80

_NDA_DST = 1
_NDA_LLADDR = 2
_NDA_PROTOCOL = 12
_NDA_FLAGS_EXT = 15
_NTF_EXT_LEARNED = 0x10
_NTF_EXT_MANAGED = 1
_NDMSG = struct.Struct("=BxxxiHBB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An address on the far side of an interface, and the link address that it has."""

    index: int
    address: str
    link_address: str
    state: int = NUD_PERMANENT
    protocol: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", printed(packed(self.address)))


def replace(neighbour: Neighbour) -> Message:
    """Say where a neighbour is, for good."""
    link_address = bytes.fromhex(neighbour.link_address.replace(":", ""))
    return Message(RTM_NEWNEIGH, PUT, _body(neighbour) + attr(_NDA_LLADDR, link_address))


def keep(index: int, address: str, protocol: int) -> Message:
    """Have the kernel ask for a neighbour and go on asking, in a place that its full table cannot take away."""
    return Message(
        RTM_NEWNEIGH,
        PUT,
        _NDMSG.pack(family_of(address), index, 0, _NTF_EXT_LEARNED, 0)
        + attr(_NDA_DST, packed(address))
        + attr_u32(_NDA_FLAGS_EXT, _NTF_EXT_MANAGED)
        + attr_u8(_NDA_PROTOCOL, protocol),
    )


def delete(neighbour: Neighbour) -> Message:
    """Forget where a neighbour is."""
    return Message(RTM_DELNEIGH, 0, _body(neighbour))


def dump_neighbours(family: int) -> Message:
    """Ask for every neighbour of an address family."""
    return Message(RTM_GETNEIGH, 0, _NDMSG.pack(family, 0, 0, 0, 0))


def parse_neighbour(body: bytes) -> Neighbour:
    """The neighbour of an RTM_NEWNEIGH or RTM_DELNEIGH; one that is still asked for has an empty link address."""
    _, index, state, _, _ = _NDMSG.unpack_from(body)
    got = attrs(body, _NDMSG.size)
    return Neighbour(
        index=index,
        address=printed(got[_NDA_DST]),
        link_address=got.get(_NDA_LLADDR, b"").hex(":"),
        state=state,
        protocol=u8(got[_NDA_PROTOCOL]) if _NDA_PROTOCOL in got else 0,
    )


def _body(neighbour: Neighbour) -> bytes:
    family = family_of(neighbour.address)
    return _NDMSG.pack(family, neighbour.index, neighbour.state, 0, 0) + attr(_NDA_DST, packed(neighbour.address))
