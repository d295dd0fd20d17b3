"""Queueing: the disciplines and classes that shape what leaves an interface, and their counters.

HTB takes rates in bytes a second and bursts as the time that they take at the rate, in ticks of 64 ns; values here are
in bytes, rounded as the kernel rounds them, so that what was sent equals what is read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from highroad.netlink.message import (
    NEW,
    NLM_F_CREATE,
    PUT,
    Message,
    attr,
    attr_text,
    attr_u32,
    attr_u64,
    attrs,
    nest,
    text,
    u32,
    u64,
)

RTM_NEWQDISC = 36
RTM_DELQDISC = 37
RTM_GETQDISC = 38
RTM_NEWTCLASS = 40
RTM_DELTCLASS = 41
RTM_GETTCLASS = 42

ROOT = 0xFFFFFFFF
INGRESS = 0xFFFFFFF2
"""The parent of filters that see what comes in, under a clsact."""

EGRESS = 0xFFFFFFF3
"""The parent of filters that see what goes out, under a clsact."""

_CLSACT = 0xFFFFFFF1
_CLSACT_HANDLE = 0xFFFF0000

TICK_NS = 64
"""What a tick of the packet scheduler takes (PSCHED_SHIFT; the first two numbers of /proc/net/psched)."""

_KIND = 1
_OPTIONS = 2
_STATS2 = 7
_HTB_PARMS = 1
_HTB_INIT = 2
_HTB_DIRECT_QLEN = 5
_HTB_RATE64 = 6
_HTB_CEIL64 = 7
_STATS_BASIC = 1
_STATS_QUEUE = 3
_STATS_PKT64 = 8
_HTB_VERSION = 3
_LINKLAYER_ETHERNET = 1
_MIN_QUANTUM, _MAX_QUANTUM = 1000, 200_000
_MIN_BURST = 1600
_U32_MAX = 0xFFFFFFFF

_TCMSG = struct.Struct("=BxxxiIII")
_HTB_GLOB = struct.Struct("=5I")
_HTB_OPT = struct.Struct("=BBHhHIBBHhHI5I")
_BASIC = struct.Struct("=QI")
_QUEUE = struct.Struct("=5I")


def handle(major: int, minor: int = 0) -> int:
    """The number of `major:minor`, both in hex as `tc` prints them."""
    return major << 16 | minor


@dataclass(frozen=True, slots=True, kw_only=True)
class TcStats:
    """What a qdisc or class has let through, thrown away and holds. A super-packet counts as the packets in it."""

    bytes: int
    packets: int
    drops: int
    overlimits: int
    backlog_bytes: int
    backlog_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Htb:
    """Hierarchical token buckets. What no class is chosen for goes to minor `default`; 0 lets it pass unshaped."""

    index: int
    handle: int
    default: int = 0
    r2q: int = 10
    parent: int = ROOT
    stats: TcStats | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fifo:
    """First in, first out, `limit` packets (`pfifo`) or bytes (`bfifo`) at most."""

    index: int
    handle: int
    limit: int
    kind: str = "pfifo"
    parent: int = ROOT
    stats: TcStats | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clsact:
    """No queue: the place where filters for both directions hang."""

    index: int
    stats: TcStats | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherQdisc:
    """A discipline that we don't make."""

    index: int
    kind: str
    handle: int
    parent: int
    stats: TcStats | None = field(default=None, compare=False)


Qdisc = Htb | Fifo | Clsact | OtherQdisc


@dataclass(frozen=True, slots=True, kw_only=True)
class HtbClass:
    """A class: `rate_bps` is its own for certain, up to `ceil_bps` while there is room; both **bytes** a second.

    Bursts are bytes; None takes what passes in a millisecond. `quantum` None takes a tenth of the rate, within what
    HTB likes. A class with none above has the qdisc's own handle as its parent. `overhead` bytes are added to each
    packet's length before it is charged.
    """

    index: int
    handle: int
    parent: int
    rate_bps: int
    ceil_bps: int = 0
    burst: int | None = None
    cburst: int | None = None
    prio: int = 0
    quantum: int | None = None
    overhead: int = 0
    stats: TcStats | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        setter = object.__setattr__
        if self.rate_bps < 1:
            raise ValueError("a class has a rate of at least one byte a second")
        if self.parent == ROOT:
            setter(self, "parent", self.handle & 0xFFFF0000)
        if not self.ceil_bps:
            setter(self, "ceil_bps", self.rate_bps)
        setter(self, "burst", _rounded_burst(self.burst, self.rate_bps))
        setter(self, "cburst", _rounded_burst(self.cburst, self.ceil_bps))
        if self.quantum is None:
            setter(self, "quantum", max(_MIN_QUANTUM, min(_MAX_QUANTUM, self.rate_bps // 10)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherClass:
    """A class of a discipline that we don't make."""

    index: int
    kind: str
    handle: int
    parent: int
    stats: TcStats | None = field(default=None, compare=False)


def create(thing: Htb | Fifo | Clsact | HtbClass) -> Message:
    """Make a qdisc or class; refused when there is one."""
    return _message(thing, NEW)


def replace(thing: Htb | Fifo | Clsact | HtbClass) -> Message:
    """Make a qdisc or class, or change the one that has its handle; a class keeps its counters and its queue.

    An HTB root is not changed once made: the kernel refuses, so compare first.
    """
    return _message(thing, NLM_F_CREATE if isinstance(thing, HtbClass) else PUT)


def delete(thing: Qdisc | HtbClass | OtherClass) -> Message:
    """Take a qdisc with all in it, or a class that no other hangs on, away."""
    kind = RTM_DELTCLASS if isinstance(thing, HtbClass | OtherClass) else RTM_DELQDISC
    if isinstance(thing, Clsact):
        return Message(kind, 0, _TCMSG.pack(0, thing.index, _CLSACT_HANDLE, _CLSACT, 0))
    return Message(kind, 0, _TCMSG.pack(0, thing.index, thing.handle, thing.parent, 0))


def dump_qdiscs(index: int = 0) -> Message:
    """Ask for every qdisc, or those of one interface."""
    return Message(RTM_GETQDISC, 0, _TCMSG.pack(0, index, 0, 0, 0))


def dump_classes(index: int) -> Message:
    """Ask for every class of an interface."""
    return Message(RTM_GETTCLASS, 0, _TCMSG.pack(0, index, 0, 0, 0))


def parse_qdisc(body: bytes) -> Qdisc:
    """The qdisc of an RTM_NEWQDISC or RTM_DELQDISC."""
    _, index, number, parent, _ = _TCMSG.unpack_from(body)
    got = attrs(body, _TCMSG.size)
    kind, options, stats = text(got[_KIND]), got.get(_OPTIONS, b""), _parse_stats(got)
    if kind == "htb":
        _, r2q, default, _, _ = _HTB_GLOB.unpack_from(attrs(options)[_HTB_INIT])
        return Htb(index=index, handle=number, parent=parent, default=default, r2q=r2q, stats=stats)
    if kind in ("pfifo", "bfifo"):
        return Fifo(index=index, handle=number, parent=parent, kind=kind, limit=u32(options), stats=stats)
    if kind == "clsact":
        return Clsact(index=index, stats=stats)
    return OtherQdisc(index=index, kind=kind, handle=number, parent=parent, stats=stats)


def parse_class(body: bytes) -> HtbClass | OtherClass:
    """The class of an RTM_NEWTCLASS or RTM_DELTCLASS."""
    _, index, number, parent, _ = _TCMSG.unpack_from(body)
    got = attrs(body, _TCMSG.size)
    kind, stats = text(got[_KIND]), _parse_stats(got)
    if kind != "htb":
        return OtherClass(index=index, kind=kind, handle=number, parent=parent, stats=stats)
    options = attrs(got[_OPTIONS])
    numbers = _HTB_OPT.unpack_from(options[_HTB_PARMS])
    overhead, rate, ceil = numbers[2], numbers[5], numbers[11]
    buffer, cbuffer, quantum, _, prio = numbers[12:]
    rate = u64(options[_HTB_RATE64]) if _HTB_RATE64 in options else rate
    ceil = u64(options[_HTB_CEIL64]) if _HTB_CEIL64 in options else ceil
    return HtbClass(
        index=index,
        handle=number,
        parent=parent,
        rate_bps=rate,
        ceil_bps=ceil,
        burst=_bytes_in(buffer, rate),
        cburst=_bytes_in(cbuffer, ceil),
        prio=prio,
        quantum=quantum,
        overhead=overhead,
        stats=stats,
    )


def _message(thing: Htb | Fifo | Clsact | HtbClass, flags: int) -> Message:
    match thing:
        case Htb():
            glob = _HTB_GLOB.pack(_HTB_VERSION, thing.r2q, thing.default, 0, 0)
            return _qdisc(flags, thing.index, thing.handle, thing.parent, "htb", nest(_OPTIONS, attr(_HTB_INIT, glob)))
        case Fifo():
            options = attr_u32(_OPTIONS, thing.limit)
            return _qdisc(flags, thing.index, thing.handle, thing.parent, thing.kind, options)
        case Clsact():
            return _qdisc(flags, thing.index, _CLSACT_HANDLE, _CLSACT, "clsact", b"")
        case HtbClass():
            head = _TCMSG.pack(0, thing.index, thing.handle, thing.parent, 0)
            return Message(RTM_NEWTCLASS, flags, head + attr_text(_KIND, "htb") + nest(_OPTIONS, _htb_options(thing)))


def _qdisc(flags: int, index: int, number: int, parent: int, kind: str, options: bytes) -> Message:
    return Message(RTM_NEWQDISC, flags, _TCMSG.pack(0, index, number, parent, 0) + attr_text(_KIND, kind) + options)


def _htb_options(thing: HtbClass) -> bytes:
    rate, ceil, overhead = thing.rate_bps, thing.ceil_bps, thing.overhead
    # a link layer that is known needs none of the rate tables of old
    parms = _HTB_OPT.pack(
        *(0, _LINKLAYER_ETHERNET, overhead, 0, 0, min(rate, _U32_MAX)),
        *(0, _LINKLAYER_ETHERNET, overhead, 0, 0, min(ceil, _U32_MAX)),
        *(_ticks(thing.burst or 0, rate), _ticks(thing.cburst or 0, ceil), thing.quantum or 0, 0, thing.prio),
    )
    wide = b""
    if rate > _U32_MAX:
        wide += attr_u64(_HTB_RATE64, rate)
    if ceil > _U32_MAX:
        wide += attr_u64(_HTB_CEIL64, ceil)
    return attr(_HTB_PARMS, parms) + wide


def _ticks(size: int, rate: int) -> int:
    """The least number of ticks in which `rate` bytes a second are `size` bytes."""
    return min(_U32_MAX, -(-size * 1_000_000_000 // (rate * TICK_NS)))


def _bytes_in(ticks: int, rate: int) -> int:
    return ticks * TICK_NS * rate // 1_000_000_000


def _rounded_burst(size: int | None, rate: int) -> int:
    return _bytes_in(_ticks(max(_MIN_BURST, rate // 1000) if size is None else size, rate), rate)


def _parse_stats(got: dict[int, bytes]) -> TcStats | None:
    if _STATS2 not in got:
        return None
    stats = attrs(got[_STATS2])
    size, packets = _BASIC.unpack_from(stats[_STATS_BASIC]) if _STATS_BASIC in stats else (0, 0)
    qlen, backlog, drops, _, overlimits = _QUEUE.unpack_from(stats[_STATS_QUEUE]) if _STATS_QUEUE in stats else (0,) * 5
    return TcStats(
        bytes=size,
        packets=u64(stats[_STATS_PKT64]) if _STATS_PKT64 in stats else packets,
        drops=drops,
        overlimits=overlimits,
        backlog_bytes=backlog,
        backlog_packets=qlen,
    )
