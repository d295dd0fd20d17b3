"""Filters: which class a packet is queued in, or which interface it is sent to instead, or a program that decides."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from highroad.netlink.message import NEW, PUT, Message, attr, attr_text, attr_u32, attrs, nest, text, u32

RTM_NEWTFILTER = 44
RTM_DELTFILTER = 45
RTM_GETTFILTER = 46

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD

_KIND = 1
_OPTIONS = 2
_U32_CLASSID = 1
_U32_SEL = 5
_U32_ACT = 7
_BPF_FD = 6
_BPF_NAME = 7
_BPF_FLAGS = 8
_BPF_TAG = 10
_BPF_ID = 11
_BPF_DIRECT = 1
_ACT_KIND = 1
_ACT_OPTIONS = 2
_MIRRED_PARMS = 2
_STOLEN = 4
_REDIRECT_EGRESS = 1
_TERMINAL = 1

_TCMSG = struct.Struct("=BxxxiIII")
_SELECTOR = struct.Struct("=BBBxHHhhI")
_KEY_OFFSETS = struct.Struct("=ii")
_MIRRED = struct.Struct("=IIiiiiI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Four bytes of the packet, `offset` from its network header, that must equal `value` under `mask`."""

    value: int
    mask: int
    offset: int


MATCH_ALL = (Key(value=0, mask=0, offset=0),)


def ipv6_traffic_class(value: int, mask: int = 0xFC) -> tuple[Key, ...]:
    """The key of an IPv6 traffic class; unless told otherwise the two congestion bits do not count."""
    return (Key(value=(value & mask) << 20, mask=mask << 20, offset=0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class U32:
    """What matches every key goes to class `classid`, or out of interface `redirect` instead."""

    index: int
    parent: int
    priority: int
    protocol: int = ETH_P_ALL
    keys: tuple[Key, ...] = MATCH_ALL
    classid: int | None = None
    redirect: int | None = None
    handle: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BpfFilter:
    """A program that is asked about every packet; with `direct` its answer is the action.

    `fd` is needed to send it and is not there when dumped; `program` and `tag` are only there when dumped.
    """

    index: int
    parent: int
    priority: int
    name: str
    protocol: int = ETH_P_ALL
    direct: bool = True
    handle: int = 1
    fd: int = field(default=-1, compare=False)
    program: int = field(default=0, compare=False)
    tag: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFilter:
    """A filter of a kind that we don't make."""

    index: int
    kind: str
    parent: int
    priority: int
    protocol: int
    handle: int


Filter = U32 | BpfFilter | OtherFilter


def create(thing: U32 | BpfFilter) -> Message:
    """Add a filter; refused when there is one with its priority and handle."""
    return Message(RTM_NEWTFILTER, NEW, _body(thing))


def replace(thing: BpfFilter) -> Message:
    """Put a program in the place of the one with its priority and handle, between two packets."""
    return Message(RTM_NEWTFILTER, PUT, _body(thing))


def delete(thing: Filter) -> Message:
    """Take away every filter of this one's parent, priority and protocol."""
    return Message(RTM_DELTFILTER, 0, _head(thing.index, 0, thing.parent, thing.priority, thing.protocol))


def dump_filters(index: int, parent: int) -> Message:
    """Ask for the filters that hang on a parent of an interface."""
    return Message(RTM_GETTFILTER, 0, _TCMSG.pack(0, index, 0, parent, 0))


def parse_filter(body: bytes) -> Filter | None:
    """The filter of an RTM_NEWTFILTER; None for what a kind keeps beside its filters (hash tables, chain heads)."""
    _, index, handle, parent, info = _TCMSG.unpack_from(body)
    priority, protocol = info >> 16, _swap(info & 0xFFFF)
    got = attrs(body, _TCMSG.size)
    kind = text(got[_KIND]) if _KIND in got else ""
    if _OPTIONS not in got:
        return None
    options = attrs(got[_OPTIONS])
    if kind == "u32":
        return _parse_u32(index, handle, parent, priority, protocol, options)
    if kind == "bpf":
        return BpfFilter(
            index=index,
            parent=parent,
            priority=priority,
            protocol=protocol,
            handle=handle,
            name=text(options.get(_BPF_NAME, b"")),
            direct=bool(_BPF_FLAGS in options and u32(options[_BPF_FLAGS]) & _BPF_DIRECT),
            program=u32(options[_BPF_ID]) if _BPF_ID in options else 0,
            tag=options.get(_BPF_TAG, b"").hex(),
        )
    return OtherFilter(index=index, kind=kind, parent=parent, priority=priority, protocol=protocol, handle=handle)


def _body(thing: U32 | BpfFilter) -> bytes:
    head = _head(thing.index, thing.handle, thing.parent, thing.priority, thing.protocol)
    if isinstance(thing, BpfFilter):
        options = attr_u32(_BPF_FD, thing.fd) + attr_text(_BPF_NAME, thing.name)
        options += attr_u32(_BPF_FLAGS, _BPF_DIRECT if thing.direct else 0)
        return head + attr_text(_KIND, "bpf") + nest(_OPTIONS, options)
    options = b""
    if thing.classid is not None:
        options += attr_u32(_U32_CLASSID, thing.classid)
    options += attr(_U32_SEL, _selector(thing.keys))
    if thing.redirect is not None:
        options += nest(_U32_ACT, nest(1, _redirect(thing.redirect)))
    return head + attr_text(_KIND, "u32") + nest(_OPTIONS, options)


def _head(index: int, handle: int, parent: int, priority: int, protocol: int) -> bytes:
    return _TCMSG.pack(0, index, handle, parent, priority << 16 | _swap(protocol))


def _selector(keys: tuple[Key, ...]) -> bytes:
    head = _SELECTOR.pack(_TERMINAL, 0, len(keys), 0, 0, 0, 0, 0)
    return head + b"".join(
        struct.pack("!II", key.mask, key.value & key.mask) + _KEY_OFFSETS.pack(key.offset, 0) for key in keys
    )


def _redirect(index: int) -> bytes:
    parms = _MIRRED.pack(0, 0, _STOLEN, 0, 0, _REDIRECT_EGRESS, index)
    return attr_text(_ACT_KIND, "mirred") + nest(_ACT_OPTIONS, attr(_MIRRED_PARMS, parms))


def _parse_u32(
    index: int, handle: int, parent: int, priority: int, protocol: int, options: dict[int, bytes]
) -> U32 | None:
    if _U32_SEL not in options:
        return None
    selector = options[_U32_SEL]
    keys = []
    for number in range(selector[2]):
        at = _SELECTOR.size + 16 * number
        mask, value = struct.unpack_from("!II", selector, at)
        offset, _ = _KEY_OFFSETS.unpack_from(selector, at + 8)
        keys.append(Key(value=value, mask=mask, offset=offset))
    redirect = None
    if _U32_ACT in options:
        for action in attrs(options[_U32_ACT]).values():
            got = attrs(action)
            if text(got.get(_ACT_KIND, b"")) == "mirred":
                redirect = _MIRRED.unpack_from(attrs(got[_ACT_OPTIONS])[_MIRRED_PARMS])[6]
    return U32(
        index=index,
        parent=parent,
        priority=priority,
        protocol=protocol,
        keys=tuple(keys),
        classid=u32(options[_U32_CLASSID]) if _U32_CLASSID in options else None,
        redirect=redirect,
        handle=handle,
    )


def _swap(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8
