"""The few netfilter messages that set a delay up: a table that queues what arrives at core ports, and the queues."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

TABLE = "highroad_light"

_NFTABLES, _QUEUE = 10 << 8, 3 << 8
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 3, 6
_CONFIGURE = 2
_REQUEST, _ACK, _CREATE, _APPEND = 1, 4, 0x400, 0x800
_BEFORE_ALL = -400
_PREROUTING = 0
_META_IIF = 4
_BYPASS, _FAIL_OPEN, _GSO = 1, 1, 4
_COPY_META = 1

QUEUE_PACKETS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What arrives at an interface waits in a queue; a part of it is lost."""

    interface: int
    queue: int
    loss: float = 0.0


def ruleset(waits: Iterable[Wait], *, native: bool) -> list[bytes]:
    """A batch that makes the table, to be sent at once; each message but the first and last is acknowledged.

    `native` uses the queue expression of nftables; else the target of the older tables, which some kernels have
    instead.
    """
    named = _attribute(1, TABLE.encode() + b"\0")
    hook = _nested(4, _attribute(1, _be32(_PREROUTING)), _attribute(2, struct.pack(">i", _BEFORE_ALL)))
    chain = _attribute(3, b"in\0") + hook + _attribute(7, b"filter\0")
    bodies = [(_NEW_TABLE, _CREATE, named), (_NEW_CHAIN, _CREATE, named + chain)]
    for wait in waits:
        matched = [
            _expression("meta", _attribute(2, _be32(_META_IIF)), _attribute(1, _be32(1))),
            _compare(0, struct.pack("=I", wait.interface)),
        ]
        rules = [[*matched, _native_queue(wait.queue) if native else _older_queue(wait.queue)]]
        if wait.loss > 0.0:
            rules.insert(0, [*matched, *_some(wait.loss), _drop()])
        in_chain = named + _attribute(2, b"in\0")
        bodies += [(_NEW_RULE, _CREATE | _APPEND, in_chain + _nested(4, *rule)) for rule in rules]
    batch = [_message(_BATCH_BEGIN, _REQUEST, socket.AF_UNSPEC, 10, b"", 0)]
    for number, (kind, flags, body) in enumerate(bodies, 1):
        batch.append(_message(_NFTABLES | kind, _REQUEST | _ACK | flags, socket.AF_INET6, 0, body, number))
    return [*batch, _message(_BATCH_END, _REQUEST, socket.AF_UNSPEC, 10, b"", len(bodies) + 1)]


def bind(queue: int) -> list[bytes]:
    """Take a queue: numbers of packets only, whole segments, and nobody is dropped because we are slow."""
    command = _attribute(1, struct.pack(">BBH", 1, 0, socket.AF_INET6))
    flags = _FAIL_OPEN | _GSO
    settings = (
        _attribute(2, struct.pack(">IB", 0, _COPY_META))
        + _attribute(3, _be32(QUEUE_PACKETS))
        + _attribute(4, _be32(flags))
        + _attribute(5, _be32(flags))
    )
    return [_message(_QUEUE | _CONFIGURE, _REQUEST | _ACK, 0, queue, body, 1) for body in (command, settings)]


def refusal(data: bytes) -> int:
    """The first error number among acknowledgements, or 0."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind == 2:
            (code,) = struct.unpack_from("=i", data, at + 16)
            if code:
                return -int(code)
        at += (length + 3) & ~3
    return 0


def _native_queue(queue: int) -> bytes:
    return _expression(
        "queue", *(_attribute(kind, struct.pack(">H", value)) for kind, value in ((1, queue), (2, 1), (3, 1)))
    )


def _older_queue(queue: int) -> bytes:
    settings = struct.pack("=HHHxx", queue, 1, _BYPASS)
    return _expression("target", _attribute(1, b"NFQUEUE\0"), _attribute(2, _be32(3)), _attribute(3, settings))


def _some(part: float) -> list[bytes]:
    """Matches a part of all packets, at random."""
    below = min((1 << 32) - 1, round(part * (1 << 32)))
    drawn = _expression(
        "numgen",
        _attribute(1, _be32(1)),
        _attribute(2, _be32((1 << 32) - 1)),
        _attribute(3, _be32(1)),
        _attribute(4, _be32(0)),
    )
    turned = _expression(  # a number is compared byte by byte, the first byte first
        "byteorder",
        *(_attribute(kind, _be32(value)) for kind, value in ((1, 1), (2, 1), (3, 1), (4, 4), (5, 4))),
    )
    return [drawn, turned, _compare(2, _be32(below))]


def _drop() -> bytes:
    verdict = _nested(2, _nested(2, _attribute(1, _be32(0))))
    return _nested(1, _attribute(1, b"immediate\0"), _nested(2, _attribute(1, _be32(0)), verdict))


def _compare(how: int, data: bytes) -> bytes:
    return _expression("cmp", _attribute(1, _be32(1)), _attribute(2, _be32(how)), _nested(3, _attribute(1, data)))


def _expression(name: str, *attributes: bytes) -> bytes:
    return _nested(1, _attribute(1, name.encode() + b"\0"), _nested(2, *attributes))


def _message(kind: int, flags: int, family: int, about: int, body: bytes, number: int) -> bytes:
    body = struct.pack("=BBH", family, 0, socket.htons(about)) + body
    return struct.pack("=IHHII", 16 + len(body), kind, flags, number, 0) + body


def _attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def _nested(kind: int, *inside: bytes) -> bytes:
    return _attribute(kind | 0x8000, b"".join(inside))


def _be32(value: int) -> bytes:
    return struct.pack(">I", value)
