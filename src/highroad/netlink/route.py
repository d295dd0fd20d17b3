"""Routes of both families, in any table: where a prefix goes, and what is put around its packets, or nowhere."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from highroad.netlink.message import (
    AF_INET,
    AF_INET6,
    NEW,
    PUT,
    U16,
    Message,
    attr,
    attr_u16,
    attr_u32,
    attrs,
    family_of,
    nest,
    packed,
    packed_prefix,
    printed,
    u16,
    u32,
)
from highroad.netlink.seg6 import Encap, decode, encode

RTM_NEWROUTE = 24
RTM_DELROUTE = 25
RTM_GETROUTE = 26

OURS = 72
"""The routing protocol number that marks what Highroad made; what has another is left alone."""

KERNEL = 2
"""The protocol number of what the kernel made by itself."""

MAIN = 254
LOCAL = 255

_KINDS = {
    "unicast": 1,
    "local": 2,
    "broadcast": 3,
    "anycast": 4,
    "multicast": 5,
    "blackhole": 6,
    "unreachable": 7,
    "prohibit": 8,
    "throw": 9,
}
_KIND_NAMES = {number: name for name, number in _KINDS.items()}
_SCOPES = {"local": 254, "broadcast": 253, "anycast": 253, "multicast": 253}
_REJECTS = frozenset({"blackhole", "unreachable", "prohibit", "throw"})
_SCOPE_LINK = 253
_SCOPE_NOWHERE = 255

_DST = 1
_OIF = 4
_GATEWAY = 5
_PRIORITY = 6
_PREFSRC = 7
_METRICS = 8
_TABLE = 15
_VIA = 18
_ENCAP_TYPE = 21
_ENCAP = 22
_NH_ID = 30
_RTAX_MTU = 2
_ONLINK = 4
_CLONED = 0x200
_DEFAULT_METRIC6 = 1024

_RTMSG = struct.Struct("=BBBBBBBBI")
_DEFAULTS = {AF_INET: "0.0.0.0/0", AF_INET6: "::/0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route. `dev` is an interface's index; one that has a `nhid` has neither `via`, `dev` nor `encap`.

    `family` follows from `dst`, and an IPv6 route without a metric has 1024, because the kernel says so.
    """

    dst: str
    family: int = 0
    table: int = MAIN
    kind: str = "unicast"
    via: str | None = None
    dev: int | None = None
    nhid: int | None = None
    encap: Encap | None = None
    metric: int = 0
    mtu: int | None = None
    source: str | None = None
    protocol: int = OURS
    onlink: bool = False

    def __post_init__(self) -> None:
        setter = object.__setattr__
        data, length = packed_prefix(self.dst)
        setter(self, "dst", f"{printed(data)}/{length}")
        family = AF_INET if len(data) == 4 else AF_INET6
        if self.family not in (0, family):
            raise ValueError(f"{self.dst} is not of address family {self.family}")
        setter(self, "family", family)
        if self.kind not in _KINDS:
            raise ValueError(f"`{self.kind}` is no kind of route")
        if self.via is not None:
            setter(self, "via", printed(packed(self.via)))
        if self.source is not None:
            setter(self, "source", printed(packed(self.source)))
        if family == AF_INET6 and not self.metric:
            setter(self, "metric", _DEFAULT_METRIC6)


def create(route: Route) -> Message:
    """Make a route; refused when there is one to the same prefix with the same metric in the table."""
    return Message(RTM_NEWROUTE, NEW, _body(route))


def replace(route: Route) -> Message:
    """Make a route, or put it in the place of the one to the same prefix with the same metric, losing no packet."""
    return Message(RTM_NEWROUTE, PUT, _body(route))


def delete(route: Route) -> Message:
    """Take the route to this prefix with this metric, kind and protocol out of its table."""
    data, length = packed_prefix(route.dst)
    parts = [
        _RTMSG.pack(
            route.family,
            length,
            0,
            0,
            route.table if route.table < 256 else 0,
            route.protocol,
            _SCOPE_NOWHERE,
            _KINDS[route.kind],
            0,
        ),
    ]
    if route.table >= 256:
        parts.append(attr_u32(_TABLE, route.table))
    if length:
        parts.append(attr(_DST, data))
    if route.metric:
        parts.append(attr_u32(_PRIORITY, route.metric))
    if route.dev is not None:
        parts.append(attr_u32(_OIF, route.dev))
    if route.via is not None:
        parts.append(_gateway(route.family, route.via))
    return Message(RTM_DELROUTE, 0, b"".join(parts))


def dump_routes(family: int, *, table: int | None = None, protocol: int = 0) -> Message:
    """Ask for the routes of a family, of one table or one protocol where said: the kernel chooses them."""
    filters = b"" if table is None else attr_u32(_TABLE, table)
    return Message(RTM_GETROUTE, 0, _RTMSG.pack(family, 0, 0, 0, 0, protocol, 0, 0, 0) + filters)


def parse_route(body: bytes) -> Route:
    """The route of an RTM_NEWROUTE or RTM_DELROUTE."""
    family, length, _, _, table, protocol, _, kind, flags = _RTMSG.unpack_from(body)
    got = attrs(body, _RTMSG.size)
    name = _KIND_NAMES.get(kind, "unicast")
    nhid = u32(got[_NH_ID]) if _NH_ID in got else None
    via: str | None = None
    dev: int | None = None
    encap: Encap | None = None
    onlink = False
    if nhid is None and name not in _REJECTS:
        if _GATEWAY in got:
            via = printed(got[_GATEWAY])
        elif _VIA in got:
            via = printed(got[_VIA][2:])
        dev = u32(got[_OIF]) if _OIF in got else None
        onlink = bool(flags & _ONLINK)
        if _ENCAP in got:
            encap = decode(u16(got[_ENCAP_TYPE]), got[_ENCAP])
    metrics = attrs(got[_METRICS]) if _METRICS in got else {}
    metric = u32(got[_PRIORITY]) if _PRIORITY in got else 0
    found = Route(
        family=family,
        dst=f"{printed(got[_DST])}/{length}" if _DST in got else _DEFAULTS[family],
        table=u32(got[_TABLE]) if _TABLE in got else table,
        kind=name,
        via=via,
        dev=dev,
        nhid=nhid,
        encap=encap,
        metric=metric,
        mtu=u32(metrics[_RTAX_MTU]) if _RTAX_MTU in metrics else None,
        source=printed(got[_PREFSRC]) if _PREFSRC in got else None,
        protocol=protocol,
        onlink=onlink,
    )
    if not metric:
        # only the kernel itself makes IPv6 routes without one: its local ones
        object.__setattr__(found, "metric", 0)
    return found


def is_cached(body: bytes) -> bool:
    """Whether a dumped route is an entry of the kernel's cache (a learnt path MTU), which nobody made."""
    return bool(_RTMSG.unpack_from(body)[8] & _CLONED)


def _body(route: Route) -> bytes:
    data, length = packed_prefix(route.dst)
    family, table, kind, via, nhid, encap = route.family, route.table, route.kind, route.via, route.nhid, route.encap
    # IPv6 has no scopes. An IPv4 route straight to an interface is of scope link: so `ip route` has it.
    scope = 0
    if family == AF_INET:
        scope = _SCOPES.get(kind, 0)
        if kind == "unicast" and via is None and nhid is None:
            scope = _SCOPE_LINK
    parts = [
        _RTMSG.pack(
            family,
            length,
            0,
            0,
            table if table < 256 else 0,
            route.protocol,
            scope,
            _KINDS[kind],
            _ONLINK if route.onlink else 0,
        ),
    ]
    if table >= 256:
        parts.append(attr_u32(_TABLE, table))
    if length:
        parts.append(attr(_DST, data))
    if nhid is not None:
        parts.append(attr_u32(_NH_ID, nhid))
    if via is not None:
        parts.append(_gateway(family, via))
    if route.dev is not None:
        parts.append(attr_u32(_OIF, route.dev))
    if route.metric:
        parts.append(attr_u32(_PRIORITY, route.metric))
    if route.mtu is not None:
        parts.append(nest(_METRICS, attr_u32(_RTAX_MTU, route.mtu)))
    if route.source is not None:
        parts.append(attr(_PREFSRC, packed(route.source)))
    if encap is not None:
        number, inner = encode(encap)
        parts.append(attr_u16(_ENCAP_TYPE, number))
        parts.append(nest(_ENCAP, inner))
    return b"".join(parts)


def _gateway(family: int, via: str) -> bytes:
    other = family_of(via)
    if other == family:
        return attr(_GATEWAY, packed(via))
    return attr(_VIA, U16.pack(other) + packed(via))
