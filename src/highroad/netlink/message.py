"""Netlink's wire format: headers and attributes, packed and unpacked, and nothing that knows what they mean.

Everything here is on the path of a thousand routes a second, hence the structs that are compiled once.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

AF_INET = int(socket.AF_INET)
AF_INET6 = int(socket.AF_INET6)

NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NEW = NLM_F_CREATE | NLM_F_EXCL
"""The flags of a message that makes a thing, and is refused where there is one."""

PUT = NLM_F_CREATE | NLM_F_REPLACE
"""The flags of a message that makes a thing or puts it in the place of the one that is there."""

NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
U8 = struct.Struct("=B")
U16 = struct.Struct("=H")
BE16 = struct.Struct("!H")
U32 = struct.Struct("=I")
I32 = struct.Struct("=i")
U64 = struct.Struct("=Q")
_ATTRIBUTE_U32 = struct.Struct("=HHI")
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")


class Message(NamedTuple):
    """One request to the kernel, without its sequence number; `flags` beside REQUEST and ACK, which the socket sets."""

    kind: int
    flags: int
    body: bytes


def attr(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    size = len(data)
    return ATTRIBUTE.pack(size + 4, kind) + data + _PAD[size & 3]


def attr_u32(kind: int, value: int) -> bytes:
    """One attribute with a number of 32 bits."""
    return _ATTRIBUTE_U32.pack(8, kind, value)


def attr_u16(kind: int, value: int) -> bytes:
    """One attribute with a number of 16 bits."""
    return attr(kind, U16.pack(value))


def attr_u8(kind: int, value: int) -> bytes:
    """One attribute with a number of 8 bits."""
    return attr(kind, U8.pack(value))


def attr_u64(kind: int, value: int) -> bytes:
    """One attribute with a number of 64 bits."""
    return attr(kind, U64.pack(value))


def attr_text(kind: int, value: str) -> bytes:
    """One attribute with a string that ends in a zero."""
    return attr(kind, value.encode() + b"\0")


def nest(kind: int, data: bytes) -> bytes:
    """One attribute that holds others; strict kernels want the flag that says so."""
    return attr(kind | NLA_F_NESTED, data)


def attrs(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes from `offset` on by their type; of two of one type the last."""
    found: dict[int, bytes] = {}
    end = len(data)
    while offset + 4 <= end:
        size, kind = ATTRIBUTE.unpack_from(data, offset)
        if size < 4:
            break
        found[kind & NLA_TYPE_MASK] = data[offset + 4 : offset + size]
        offset += (size + 3) & ~3
    return found


def u8(data: bytes) -> int:
    """A number of 8 bits."""
    return data[0]


def u16(data: bytes) -> int:
    """A number of 16 bits."""
    return int(U16.unpack_from(data)[0])


def u32(data: bytes) -> int:
    """A number of 32 bits."""
    return int(U32.unpack_from(data)[0])


def i32(data: bytes) -> int:
    """A signed number of 32 bits."""
    return int(I32.unpack_from(data)[0])


def u64(data: bytes) -> int:
    """A number of 64 bits."""
    return int(U64.unpack_from(data)[0])


def text(data: bytes) -> str:
    """A string that ends in a zero."""
    return data.split(b"\0", 1)[0].decode(errors="replace")


def pack_messages(messages: Iterator[tuple[Message, int]], extra_flags: int) -> bytes:
    """Messages with their sequence numbers, one behind the other as one datagram."""
    parts = []
    for (kind, flags, body), sequence in messages:
        size = len(body)
        parts.append(HEADER.pack(size + 16, kind, flags | extra_flags, sequence, 0))
        parts.append(body)
        if size & 3:
            parts.append(_PAD[size & 3])
    return b"".join(parts)


class Received(NamedTuple):
    """One message from the kernel."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def unpack_messages(data: bytes) -> Iterator[Received]:
    """The messages of one datagram."""
    offset, end = 0, len(data)
    while offset + 16 <= end:
        size, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if size < 16 or offset + size > end:
            break
        yield Received(kind, flags, sequence, data[offset + 16 : offset + size])
        offset += (size + 3) & ~3


@lru_cache(maxsize=65536)
def packed(address: str) -> bytes:
    """The bytes of an IPv4 or IPv6 address; ValueError when it is neither."""
    try:
        return socket.inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except OSError:
        raise ValueError(f"`{address}` is not an IP address") from None


@lru_cache(maxsize=65536)
def printed(address: bytes) -> str:
    """An address in its one canonical spelling."""
    return socket.inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


@lru_cache(maxsize=65536)
def packed_prefix(prefix: str) -> tuple[bytes, int]:
    """The bytes of `address/length` and the length; a host's address is a prefix of full length.

    ValueError when it is no prefix, or has bits set behind its length: the kernel would refuse or silently change it.
    """
    address, slash, length = prefix.partition("/")
    data = packed(address)
    bits = len(data) * 8
    try:
        size = int(length) if slash else bits
    except ValueError:
        size = -1
    if not 0 <= size <= bits:
        raise ValueError(f"`{prefix}` is not a prefix")
    if int.from_bytes(data, "big") & ((1 << (bits - size)) - 1):
        raise ValueError(f"`{prefix}` has bits set behind its length")
    return data, size


def family_of(address: str) -> int:
    """AF_INET6 for what is spelled with colons, else AF_INET."""
    return AF_INET6 if ":" in address else AF_INET
