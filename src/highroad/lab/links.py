"""The two kinds of interface that light in a lab is made of, as messages to the kernel."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from highroad.netlink.link import RTM_DELLINK, RTM_NEWLINK
from highroad.netlink.message import NEW, Message, attr_text, attr_u32, nest

_IFNAME, _MTU, _LINK, _LINKINFO, _GROUP, _NET_NS_FD = 3, 4, 5, 18, 27, 28
_KIND, _DATA = 1, 2
_VETH_PEER = 1
_MACVLAN_MODE, _PASSTHRU = 1, 8
_DOOMED = 0xD00D
_IFINFO = struct.Struct("=BxHiII")


def light(a: str, b: str, *, index: int, mtu: int) -> Message:
    """A veth pair whose ends are numbered `index` and `index + 1`."""
    data = attr_text(_KIND, "veth") + nest(_DATA, nest(_VETH_PEER, _named(b, index + 1, mtu)))
    return Message(RTM_NEWLINK, NEW, _named(a, index, mtu) + nest(_LINKINFO, data))


def wire(name: str, peer: str, *, index: int, peer_index: int, namespace: int, mtu: int) -> Message:
    """A veth pair with numbers for both ends, the far one in another namespace (an open one)."""
    far = _named(peer, peer_index, mtu) + attr_u32(_NET_NS_FD, namespace)
    data = attr_text(_KIND, "veth") + nest(_DATA, nest(_VETH_PEER, far))
    return Message(RTM_NEWLINK, NEW, _named(name, index, mtu) + nest(_LINKINFO, data))


def port(name: str, *, over: int, index: int, namespace: int, mtu: int) -> Message:
    """All that an interface of ours receives, as an interface numbered `index` of another namespace (an open one)."""
    data = attr_text(_KIND, "macvlan") + nest(_DATA, attr_u32(_MACVLAN_MODE, _PASSTHRU))
    where = attr_u32(_LINK, over) + attr_u32(_NET_NS_FD, namespace)
    return Message(RTM_NEWLINK, NEW, _named(name, index, mtu) + where + nest(_LINKINFO, data))


def doom(indices: Iterable[int]) -> list[Message]:
    """Take interfaces away all at once: one by one, the kernel waits for a while at each."""
    marked = [Message(RTM_NEWLINK, 0, _IFINFO.pack(0, 0, at, 0, 0) + attr_u32(_GROUP, _DOOMED)) for at in indices]
    return [*marked, Message(RTM_DELLINK, 0, _IFINFO.pack(0, 0, 0, 0, 0) + attr_u32(_GROUP, _DOOMED))]


def _named(name: str, index: int, mtu: int) -> bytes:
    return _IFINFO.pack(0, 0, index, 0, 0) + attr_text(_IFNAME, name) + attr_u32(_MTU, mtu)
