"""SRv6 as the kernel has it: the segment list that a headend puts on, and what a SID does when a packet gets to it.

Both are an `encap` of a route or of a nexthop object. Segments are in the order in which they are visited; on the
wire the list is the other way round, which is kept in here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from highroad.netlink.message import attr, attr_u8, attr_u32, attr_u64, attrs, nest, packed, printed, u8, u32, u64

ENCAP_SEG6 = 5
ENCAP_SEG6_LOCAL = 7

_MODES = ("inline", "encap", "l2encap", "encap.red", "l2encap.red")
_ACTIONS = {
    "End": 1,
    "End.X": 2,
    "End.T": 3,
    "End.DX2": 4,
    "End.DX6": 5,
    "End.DX4": 6,
    "End.DT6": 7,
    "End.DT4": 8,
    "End.B6": 9,
    "End.B6.Encaps": 10,
    "End.DT46": 16,
}
_ACTION_NAMES = {number: name for name, number in _ACTIONS.items()}

_IPTUNNEL_SRH = 1
_ACTION = 1
_SRH = 2
_TABLE = 3
_NH4 = 4
_NH6 = 5
_OIF = 7
_COUNTERS = 10
_FLAVORS = 11
_CNT_PACKETS = 2
_CNT_BYTES = 3
_CNT_ERRORS = 4
_FLV_OPERATION = 1
_FLV_LCBLOCK_BITS = 2
_FLV_LCNODE_FN_BITS = 3
_FLV_PSP = 1 << 1
_FLV_NEXT_CSID = 1 << 4

_SRH_HEADER = struct.Struct("=BBBBBBH")
_MODE = struct.Struct("=i")
_ROUTING_TYPE_SRH = 4
_ZERO = bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seg6Encap:
    """Put an outer header on that visits `segments`; `encap.red` leaves the first out of the routing header."""

    mode: str
    segments: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ValueError(f"`{self.mode}` is no way to put segments on")
        if not 0 < len(self.segments) < 128:
            raise ValueError("a segment list has between 1 and 127 segments")
        object.__setattr__(self, "segments", tuple(printed(packed(segment)) for segment in self.segments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seg6Local:
    """What the router does with a packet whose destination is this SID.

    `next_csid` is the length of the block and of the micro SID, in bits. `counters` are packets, bytes and errors,
    as dumped; only with `count`.
    """

    action: str
    nh4: str | None = None
    nh6: str | None = None
    table: int | None = None
    oif: int | None = None
    segments: tuple[str, ...] = ()
    next_csid: tuple[int, int] | None = None
    psp: bool = False
    count: bool = False
    counters: tuple[int, int, int] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.action not in _ACTIONS and not self.action.startswith("#"):
            raise ValueError(f"`{self.action}` is nothing that a SID does")
        if self.nh4 is not None:
            object.__setattr__(self, "nh4", printed(packed(self.nh4)))
        if self.nh6 is not None:
            object.__setattr__(self, "nh6", printed(packed(self.nh6)))
        if self.segments:
            object.__setattr__(self, "segments", tuple(printed(packed(segment)) for segment in self.segments))


Encap = Seg6Encap | Seg6Local


def encode(encap: Encap) -> tuple[int, bytes]:
    """The kernel's number of the kind of encap, and the attributes that go into it."""
    if isinstance(encap, Seg6Encap):
        return ENCAP_SEG6, attr(_IPTUNNEL_SRH, _MODE.pack(_MODES.index(encap.mode)) + _srh(encap))
    return ENCAP_SEG6_LOCAL, _encode_local(encap)


def decode(kind: int, data: bytes) -> Encap | None:
    """The encap of a dumped route or nexthop; None for a kind that is not SRv6."""
    got = attrs(data)
    if kind == ENCAP_SEG6 and _IPTUNNEL_SRH in got:
        body = got[_IPTUNNEL_SRH]
        number = _MODE.unpack_from(body)[0]
        if not 0 <= number < len(_MODES):
            return None
        mode = _MODES[number]
        segments = _segments(body[4:])
        return Seg6Encap(mode=mode, segments=segments[:-1] if mode == "inline" else segments)
    if kind == ENCAP_SEG6_LOCAL and _ACTION in got:
        return _decode_local(got)
    return None


def srh(segments: Sequence[str]) -> bytes:
    """A segment routing header (RFC 8754, section 2) with every segment in it and all of them left."""
    count = len(segments)
    head = _SRH_HEADER.pack(0, 2 * count, _ROUTING_TYPE_SRH, count - 1, count - 1, 0, 0)
    return head + b"".join(packed(segment) for segment in reversed(segments))


def _srh(encap: Seg6Encap) -> bytes:
    # "inline" needs room for the packet's own destination, which is the last to be visited
    return srh((*encap.segments, "::") if encap.mode == "inline" else encap.segments)


def _segments(header: bytes) -> tuple[str, ...]:
    count = header[1] // 2
    return tuple(printed(header[8 + 16 * i : 24 + 16 * i]) for i in reversed(range(count)))


def _encode_local(local: Seg6Local) -> bytes:
    number = _ACTIONS[local.action] if local.action in _ACTIONS else int(local.action[1:])
    parts = [attr_u32(_ACTION, number)]
    if local.segments:
        parts.append(attr(_SRH, srh(local.segments)))
    if local.table is not None:
        parts.append(attr_u32(_TABLE, local.table))
    if local.nh4 is not None:
        parts.append(attr(_NH4, packed(local.nh4)))
    if local.nh6 is not None:
        parts.append(attr(_NH6, packed(local.nh6)))
    if local.oif is not None:
        parts.append(attr_u32(_OIF, local.oif))
    if local.count:
        # the values are ignored, their presence asks for counting
        parts.append(nest(_COUNTERS, b"".join(attr_u64(c, 0) for c in (_CNT_PACKETS, _CNT_BYTES, _CNT_ERRORS))))
    if local.psp or local.next_csid is not None:
        mask = (_FLV_PSP if local.psp else 0) | (_FLV_NEXT_CSID if local.next_csid is not None else 0)
        flavors = attr_u32(_FLV_OPERATION, mask)
        if local.next_csid is not None:
            block, function = local.next_csid
            flavors += attr_u8(_FLV_LCBLOCK_BITS, block) + attr_u8(_FLV_LCNODE_FN_BITS, function)
        parts.append(nest(_FLAVORS, flavors))
    return b"".join(parts)


def _decode_local(got: dict[int, bytes]) -> Seg6Local:
    number = u32(got[_ACTION])
    flavors = attrs(got[_FLAVORS]) if _FLAVORS in got else {}
    mask = u32(flavors[_FLV_OPERATION]) if _FLV_OPERATION in flavors else 0
    counters = attrs(got[_COUNTERS]) if _COUNTERS in got else None
    return Seg6Local(
        action=_ACTION_NAMES.get(number, f"#{number}"),
        nh4=printed(got[_NH4]) if _NH4 in got else None,
        nh6=printed(got[_NH6]) if _NH6 in got else None,
        table=u32(got[_TABLE]) if _TABLE in got else None,
        oif=u32(got[_OIF]) if _OIF in got else None,
        segments=_segments(got[_SRH]) if _SRH in got else (),
        next_csid=(u8(flavors[_FLV_LCBLOCK_BITS]), u8(flavors[_FLV_LCNODE_FN_BITS])) if mask & _FLV_NEXT_CSID else None,
        psp=bool(mask & _FLV_PSP),
        count=counters is not None,
        counters=(u64(counters[_CNT_PACKETS]), u64(counters[_CNT_BYTES]), u64(counters[_CNT_ERRORS]))
        if counters is not None
        else None,
    )
