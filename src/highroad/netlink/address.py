"""Addresses of interfaces."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from highroad.netlink.message import AF_INET6, NEW, PUT, Message, attr, attr_u32, attrs, family_of, packed, printed, u32

RTM_NEWADDR = 20
RTM_DELADDR = 21
RTM_GETADDR = 22

SCOPE_UNIVERSE = 0
SCOPE_LINK = 253
SCOPE_HOST = 254

_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_FLAGS = 8
_NODAD = 0x02
_TENTATIVE = 0x40
_DADFAILED = 0x08
_NOPREFIXROUTE = 0x200

_IFADDR = struct.Struct("=BBBBI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of an interface. `peer` is the other end's where it is not in one prefix with ours.

    `prefix_route=False` keeps the kernel from making a route for the prefix. `tentative`, as dumped: not usable
    yet, or never.
    """

    address: str
    prefix_len: int
    index: int
    family: int = 0
    scope: int = SCOPE_UNIVERSE
    peer: str | None = None
    prefix_route: bool = True
    tentative: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        data = packed(self.address)
        object.__setattr__(self, "address", printed(data))
        family = family_of(self.address)
        if self.family not in (0, family):
            raise ValueError(f"{self.address} is not of address family {self.family}")
        object.__setattr__(self, "family", family)
        if self.peer is not None:
            object.__setattr__(self, "peer", printed(packed(self.peer)))


def create(address: Address) -> Message:
    """Give an interface an address; refused when it has it. IPv6 addresses are usable at once (no DAD)."""
    return Message(RTM_NEWADDR, NEW, _body(address))


def replace(address: Address) -> Message:
    """Give an interface an address, or change the flags of the one that it has."""
    return Message(RTM_NEWADDR, PUT, _body(address))


def delete(address: Address) -> Message:
    """Take an address from an interface."""
    return Message(RTM_DELADDR, 0, _body(address))


def dump_addresses(index: int = 0) -> Message:
    """Ask for every address, or for those of one interface."""
    return Message(RTM_GETADDR, 0, _IFADDR.pack(0, 0, 0, 0, index))


def parse_address(body: bytes) -> Address:
    """The address of an RTM_NEWADDR or RTM_DELADDR."""
    family, prefix_len, flags, scope, index = _IFADDR.unpack_from(body)
    got = attrs(body, _IFADDR.size)
    flags = u32(got[_IFA_FLAGS]) if _IFA_FLAGS in got else flags
    local = got.get(_IFA_LOCAL, got[_IFA_ADDRESS])
    peer = got[_IFA_ADDRESS]
    return Address(
        family=family,
        address=printed(local),
        prefix_len=prefix_len,
        index=index,
        scope=scope,
        peer=printed(peer) if peer != local else None,
        prefix_route=not flags & _NOPREFIXROUTE,
        tentative=bool(flags & (_TENTATIVE | _DADFAILED)),
    )


def _body(address: Address) -> bytes:
    local = packed(address.address)
    peer = local if address.peer is None else packed(address.peer)
    flags = (_NODAD if address.family == AF_INET6 else 0) | (0 if address.prefix_route else _NOPREFIXROUTE)
    return (
        _IFADDR.pack(address.family, address.prefix_len, 0, address.scope, address.index)
        + attr(_IFA_LOCAL, local)
        + attr(_IFA_ADDRESS, peer)
        + (attr_u32(_IFA_FLAGS, flags) if flags else b"")
    )
