"""The counters of many queues and interfaces, read quickly: of each message the numbers, and nothing of the rest."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from highroad.netlink.message import ATTRIBUTE, NLA_TYPE_MASK

_TCMSG = struct.Struct("=BxxxiII")
_TCMSG_SIZE = 20
_BASIC = struct.Struct("=QI")
_QUEUE = struct.Struct("=3I")
_PACKETS64 = struct.Struct("=Q")
_IFINFO = struct.Struct("=BxHi")
_IFINFO_SIZE = 16
_LINK_STATS = struct.Struct("=8Q")

_STATS2, _STATS_BASIC, _STATS_QUEUE, _STATS_PKT64 = 7, 1, 3, 8
_IFLA_STATS64 = 23


class QueueTally(NamedTuple):
    """What a qdisc or a class has let through, thrown away and holds."""

    dev: int
    handle: int
    parent: int
    bytes: int
    packets: int
    drops: int
    backlog_bytes: int
    backlog_packets: int


class LinkTally(NamedTuple):
    """What went through an interface since it was made."""

    dev: int
    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int


def queues(bodies: Iterable[bytes]) -> Iterator[QueueTally]:
    """The counters of the qdiscs or classes of a dump."""
    for body in bodies:
        _, index, handle, parent = _TCMSG.unpack_from(body)
        at, end = _find(body, _TCMSG_SIZE, len(body), _STATS2)
        total = packets = drops = backlog = waiting = 0
        while at + 4 <= end:
            size, kind = ATTRIBUTE.unpack_from(body, at)
            if kind == _STATS_BASIC:
                total, packets = _BASIC.unpack_from(body, at + 4)
            elif kind == _STATS_QUEUE:
                waiting, backlog, drops = _QUEUE.unpack_from(body, at + 4)
            elif kind == _STATS_PKT64:
                (packets,) = _PACKETS64.unpack_from(body, at + 4)
            at += (size + 3) & ~3 or 4
        yield QueueTally(index, handle, parent, total, packets, drops, backlog, waiting)


def links(bodies: Iterable[bytes]) -> Iterator[LinkTally]:
    """The counters of the interfaces of a dump, or of one answer."""
    for body in bodies:
        _, _, index = _IFINFO.unpack_from(body)
        at, end = _find(body, _IFINFO_SIZE, len(body), _IFLA_STATS64)
        if end - at >= _LINK_STATS.size:
            yield LinkTally(index, *_LINK_STATS.unpack_from(body, at))


def _find(body: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    """Where the content of an attribute begins and ends; nowhere (0, 0) if it is not there."""
    unpack = ATTRIBUTE.unpack_from
    while at + 4 <= end:
        size, kind = unpack(body, at)
        if kind & NLA_TYPE_MASK == wanted:
            return at + 4, at + size
        if size < 4:
            break
        at += (size + 3) & ~3
    return 0, 0
