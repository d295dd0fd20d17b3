"""Interfaces: the kinds that a router is made of, and what may be changed about one."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from highroad.netlink.message import (
    AF_INET6,
    BE16,
    I32,
    NEW,
    Message,
    attr,
    attr_text,
    attr_u8,
    attr_u32,
    attrs,
    family_of,
    i32,
    nest,
    packed,
    printed,
    text,
    u8,
    u32,
)

RTM_NEWLINK = 16
RTM_DELLINK = 17
RTM_GETLINK = 18

IFF_UP = 0x1
IFF_NOARP = 0x80
IFF_PROMISC = 0x100
IFF_LOWER_UP = 0x10000

_IFLA_ADDRESS = 1
_IFLA_IFNAME = 3
_IFLA_MTU = 4
_IFLA_LINK = 5
_IFLA_MASTER = 10
_IFLA_TXQLEN = 13
_IFLA_LINKINFO = 18
_IFLA_IFALIAS = 20
_IFLA_STATS64 = 23
_IFLA_AF_SPEC = 26
_IFLA_GROUP = 27
_IFLA_NET_NS_FD = 28
_IFLA_EXT_MASK = 29
_IFLA_LINK_NETNSID = 37
_IFLA_XDP = 43
_INFO_KIND = 1
_INFO_DATA = 2
_VETH_PEER = 1
_INET6_ADDR_GEN_MODE = 8
_XDP_FD = 1
_XDP_ATTACHED = 2
_XDP_FLAGS = 3
_XDP_PROG_ID = 4
XDP_GENERIC = 2
"""IFLA_XDP flag: in the kernel's generic path, which every device has."""

_VXLAN_ID = 1
_VXLAN_GROUP = 2
_VXLAN_LOCAL = 4
_VXLAN_LEARNING = 7
_VXLAN_PORT = 15
_VXLAN_GROUP6 = 16
_VXLAN_LOCAL6 = 17
_VXLAN_ZERO_CSUM6_TX = 19
_VXLAN_ZERO_CSUM6_RX = 20

_SKIP_STATS = 8
"""RTEXT_FILTER_SKIP_STATS."""

_IFINFO = struct.Struct("=BxHiII")
_STATS64 = struct.Struct("=8Q")
_ADDR_GEN_MODES = ("eui64", "none", "stable-privacy", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStats:
    """What went through an interface since it was made."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vxlan:
    """What is particular to a VXLAN interface."""

    vni: int
    local: str | None
    remote: str | None
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface as the kernel has it. `peer` is the other end's index, in `peer_netnsid` when that is not None."""

    index: int
    name: str
    kind: str = ""
    mtu: int = 0
    up: bool = False
    carrier: bool = False
    address: str = ""
    arp: bool = True
    peer: int | None = None
    peer_netnsid: int | None = None
    master: int | None = None
    alias: str = ""
    vxlan: Vxlan | None = None
    xdp: int | None = None
    stats: LinkStats | None = None


def veth(
    name: str,
    peer: str,
    *,
    mtu: int = 1500,
    peer_mtu: int | None = None,
    peer_ns: int | None = None,
    address: str | None = None,
    peer_address: str | None = None,
) -> Message:
    """A pair of interfaces, what enters one leaves the other; `peer_ns` is an open namespace for the far one."""
    far = [attr_u32(_IFLA_MTU, mtu if peer_mtu is None else peer_mtu), attr_text(_IFLA_IFNAME, peer)]
    if peer_address is not None:
        far.append(attr(_IFLA_ADDRESS, _mac(peer_address)))
    if peer_ns is not None:
        far.append(attr_u32(_IFLA_NET_NS_FD, peer_ns))
    data = nest(_VETH_PEER, _IFINFO.pack(0, 0, 0, 0, 0) + b"".join(far))
    return _new(name, "veth", data, mtu=mtu, address=address)


def ifb(name: str, *, mtu: int = 1500) -> Message:
    """A device that gives what is redirected to it back to where it came from, through a qdisc of its own."""
    return _new(name, "ifb", b"", mtu=mtu)


def vxlan(
    name: str,
    *,
    vni: int,
    local: str,
    remote: str,
    port: int = 4789,
    mtu: int = 1500,
    address: str | None = None,
) -> Message:
    """Ethernet in UDP to one far end, learning nothing, without the checksum that IPv6 would ask for."""
    six = family_of(remote) == AF_INET6
    data = [
        attr_u32(_VXLAN_ID, vni),
        attr(_VXLAN_GROUP6 if six else _VXLAN_GROUP, packed(remote)),
        attr(_VXLAN_LOCAL6 if six else _VXLAN_LOCAL, packed(local)),
        attr(_VXLAN_PORT, BE16.pack(port)),
        attr_u8(_VXLAN_LEARNING, 0),
    ]
    if six:
        data += [attr_u8(_VXLAN_ZERO_CSUM6_TX, 1), attr_u8(_VXLAN_ZERO_CSUM6_RX, 1)]
    return _new(name, "vxlan", b"".join(data), mtu=mtu, address=address)


def set_link(
    index: int,
    *,
    up: bool | None = None,
    mtu: int | None = None,
    name: str | None = None,
    address: str | None = None,
    arp: bool | None = None,
    promiscuous: bool | None = None,
    alias: str | None = None,
    queue_length: int | None = None,
    addrgen: str | None = None,
    group: int | None = None,
    netns_fd: int | None = None,
    xdp_fd: int | None = None,
    xdp_flags: int = XDP_GENERIC,
) -> Message:
    """Change what is given. `xdp_fd=-1` takes the program off; `addrgen="none"` makes no link-local address."""
    flags = change = 0
    for bit, wanted in ((IFF_UP, up), (IFF_NOARP, None if arp is None else not arp), (IFF_PROMISC, promiscuous)):
        if wanted is not None:
            change |= bit
            flags |= bit if wanted else 0
    parts = [_IFINFO.pack(0, 0, index, flags, change)]
    if netns_fd is not None:
        parts.append(attr_u32(_IFLA_NET_NS_FD, netns_fd))
    if name is not None:
        parts.append(attr_text(_IFLA_IFNAME, name))
    if mtu is not None:
        parts.append(attr_u32(_IFLA_MTU, mtu))
    if address is not None:
        parts.append(attr(_IFLA_ADDRESS, _mac(address)))
    if alias is not None:
        parts.append(attr(_IFLA_IFALIAS, alias.encode()))
    if queue_length is not None:
        parts.append(attr_u32(_IFLA_TXQLEN, queue_length))
    if group is not None:
        parts.append(attr_u32(_IFLA_GROUP, group))
    if addrgen is not None:
        mode = attr_u8(_INET6_ADDR_GEN_MODE, _ADDR_GEN_MODES.index(addrgen))
        parts.append(nest(_IFLA_AF_SPEC, nest(AF_INET6, mode)))
    if xdp_fd is not None:
        parts.append(nest(_IFLA_XDP, attr(_XDP_FD, I32.pack(xdp_fd)) + attr_u32(_XDP_FLAGS, xdp_flags)))
    return Message(RTM_NEWLINK, 0, b"".join(parts))


def delete_link(index: int) -> Message:
    """Take an interface away, and with it its peer and all that hangs on them."""
    return Message(RTM_DELLINK, 0, _IFINFO.pack(0, 0, index, 0, 0))


def delete_link_named(name: str) -> Message:
    """Take the interface with this name away."""
    return Message(RTM_DELLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0) + attr_text(_IFLA_IFNAME, name))


def delete_group(group: int) -> Message:
    """Take all interfaces of a group away (`set_link(group=...)`): the kernel waits once, where it would for each."""
    return Message(RTM_DELLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0) + attr_u32(_IFLA_GROUP, group))


def dump_links(*, stats: bool = True) -> Message:
    """Ask for every interface."""
    mask = b"" if stats else attr_u32(_IFLA_EXT_MASK, _SKIP_STATS)
    return Message(RTM_GETLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0) + mask)


def get_link(name: str, *, stats: bool = False) -> Message:
    """Ask for one interface by its name."""
    mask = b"" if stats else attr_u32(_IFLA_EXT_MASK, _SKIP_STATS)
    return Message(RTM_GETLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0) + attr_text(_IFLA_IFNAME, name) + mask)


def parse_link(body: bytes) -> Link:
    """The interface of an RTM_NEWLINK or RTM_DELLINK."""
    _, _, index, flags, _ = _IFINFO.unpack_from(body)
    got = attrs(body, _IFINFO.size)
    info = attrs(got[_IFLA_LINKINFO]) if _IFLA_LINKINFO in got else {}
    kind = text(info[_INFO_KIND]) if _INFO_KIND in info else ""
    xdp = attrs(got[_IFLA_XDP]) if _IFLA_XDP in got else {}
    return Link(
        index=index,
        name=text(got[_IFLA_IFNAME]) if _IFLA_IFNAME in got else "",
        kind=kind,
        mtu=u32(got[_IFLA_MTU]) if _IFLA_MTU in got else 0,
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_LOWER_UP),
        address=got[_IFLA_ADDRESS].hex(":") if _IFLA_ADDRESS in got else "",
        arp=not flags & IFF_NOARP,
        peer=u32(got[_IFLA_LINK]) if _IFLA_LINK in got else None,
        peer_netnsid=i32(got[_IFLA_LINK_NETNSID]) if _IFLA_LINK_NETNSID in got else None,
        master=u32(got[_IFLA_MASTER]) if _IFLA_MASTER in got else None,
        alias=text(got[_IFLA_IFALIAS]) if _IFLA_IFALIAS in got else "",
        vxlan=_parse_vxlan(info[_INFO_DATA]) if kind == "vxlan" and _INFO_DATA in info else None,
        xdp=u32(xdp[_XDP_PROG_ID]) if _XDP_PROG_ID in xdp and u8(xdp[_XDP_ATTACHED]) else None,
        stats=_parse_stats(got[_IFLA_STATS64]) if _IFLA_STATS64 in got else None,
    )


def _new(name: str, kind: str, data: bytes, *, mtu: int, address: str | None = None) -> Message:
    info = attr(_INFO_KIND, kind.encode()) + (nest(_INFO_DATA, data) if data else b"")
    parts = [_IFINFO.pack(0, 0, 0, 0, 0), attr_text(_IFLA_IFNAME, name), attr_u32(_IFLA_MTU, mtu)]
    if address is not None:
        parts.append(attr(_IFLA_ADDRESS, _mac(address)))
    parts.append(nest(_IFLA_LINKINFO, info))
    return Message(RTM_NEWLINK, NEW, b"".join(parts))


def _mac(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


def _parse_vxlan(data: bytes) -> Vxlan:
    got = attrs(data)
    remote = got.get(_VXLAN_GROUP6) or got.get(_VXLAN_GROUP)
    local = got.get(_VXLAN_LOCAL6) or got.get(_VXLAN_LOCAL)
    return Vxlan(
        vni=u32(got[_VXLAN_ID]),
        local=printed(local) if local else None,
        remote=printed(remote) if remote else None,
        port=int(BE16.unpack(got[_VXLAN_PORT])[0]),
    )


def _parse_stats(data: bytes) -> LinkStats:
    rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped = _STATS64.unpack_from(
        data
    )
    return LinkStats(
        rx_packets=rx_packets,
        tx_packets=tx_packets,
        rx_bytes=rx_bytes,
        tx_bytes=tx_bytes,
        rx_errors=rx_errors,
        tx_errors=tx_errors,
        rx_dropped=rx_dropped,
        tx_dropped=tx_dropped,
    )
