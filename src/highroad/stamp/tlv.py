"""What may follow a packet (RFC 8972, section 4): flags, a type, a length, and a value of each.

A TLV is kept as it came, whatever is in it, since a reflector returns those that it does not know; what this package
knows has a type of its own here, made from a TLV and made into one.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import Self

from highroad.stamp.wrong import NotStamp

HMAC_BYTES = 16
"""Of HMAC-SHA-256, truncated (RFC 8762, section 4.4)."""

_HEADER = struct.Struct("!BBH")


class Flag(IntFlag):
    """What is said of a TLV (RFC 8972, section 4): the sender sets U alone, and a reflector what is so."""

    UNRECOGNISED = 0x80
    MALFORMED = 0x40
    UNTRUSTED = 0x20
    """Integrity was not verified (I)."""


class Kind(IntEnum):
    """The types that are known here (RFC 8972, section 5; RFC 9503, section 6)."""

    EXTRA_PADDING = 1
    TIMESTAMP_INFORMATION = 3
    CLASS_OF_SERVICE = 4
    HMAC = 8
    DESTINATION_NODE_ADDRESS = 9
    RETURN_PATH = 10


class Back(IntEnum):
    """Sub-TLVs of a return path (RFC 9503, section 4.1)."""

    CONTROL_CODE = 1
    RETURN_ADDRESS = 2
    MPLS_LABELS = 3
    SEGMENTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Tlv:
    """One TLV. `length` is what its header says where that is not what its value has: then it is malformed."""

    kind: int
    value: bytes
    flags: int = Flag.UNRECOGNISED
    length: int | None = None

    def to_bytes(self) -> bytes:
        """As it is sent."""
        return _HEADER.pack(self.flags, self.kind, len(self.value) if self.length is None else self.length) + self.value

    def flagged(self, *, unrecognised: bool = False, untrusted: bool = False) -> Tlv:
        """As a reflector returns it: with what it found, and nothing of what the sender set (RFC 8972, section 4)."""
        flags = (
            (Flag.UNRECOGNISED if unrecognised else 0)
            | (self.flags & Flag.MALFORMED)
            | (Flag.UNTRUSTED if untrusted else 0)
        )
        return replace(self, flags=int(flags))


def encoded(tlvs: Iterable[Tlv]) -> bytes:
    """One after the other."""
    return b"".join(one.to_bytes() for one in tlvs)


def parsed(data: bytes) -> tuple[list[Tlv], bytes]:
    """The TLVs, and what follows them that is none: what TWAMP Light pads with, and remains of less than a header.

    A TLV that would go on after the end is malformed (flag M), and the last.
    """
    tlvs: list[Tlv] = []
    at = 0
    while len(data) - at >= _HEADER.size:
        flags, kind, length = _HEADER.unpack_from(data, at)
        if kind == 0:  # reserved: padding of zeros
            break
        value = data[at + _HEADER.size : at + _HEADER.size + length]
        at += _HEADER.size + length
        if len(value) < length:
            return [*tlvs, Tlv(kind=kind, value=value, flags=flags | Flag.MALFORMED, length=length)], b""
        tlvs.append(Tlv(kind=kind, value=value, flags=flags))
    return tlvs, data[at:]


def padding(size_bytes: int) -> Tlv:
    """Extra Padding (RFC 8972, section 4.1), of zeros."""
    return Tlv(kind=Kind.EXTRA_PADDING, value=bytes(size_bytes))


# --- class of service -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOfService:
    """What class answers are to have, and what was seen on the way out (RFC 8972, section 4.4).

    `wanted` is DSCP1; `seen` and `ecn` are DSCP2 and ECN, which the reflector fills in. `refused` is RP: 1 where the
    policy there did not allow what was wanted.
    """

    wanted: int
    seen: int = 0
    ecn: int = 0
    refused: int = 0

    def tlv(self) -> Tlv:
        """As a TLV."""
        word = self.wanted << 26 | self.seen << 20 | self.ecn << 18 | self.refused << 16
        return Tlv(kind=Kind.CLASS_OF_SERVICE, value=struct.pack("!I", word))

    @classmethod
    def of(cls, tlv: Tlv) -> Self:
        """From a TLV. Raises NotStamp."""
        (word,) = struct.unpack("!I", _sized(tlv.value, 4, "a class of service"))
        return cls(wanted=word >> 26, seen=word >> 20 & 0x3F, ecn=word >> 18 & 3, refused=word >> 16 & 3)


# --- timestamp information --------------------------------------------------------------------------------------


class Source(IntEnum):
    """What a clock follows (RFC 8972, section 4.3)."""

    NTP = 1
    PTP = 2
    SSU = 3
    SATELLITES = 4
    FREE = 5


class Taken(IntEnum):
    """How a timestamp is taken (RFC 8972, section 4.3)."""

    HARDWARE = 1
    SOFTWARE = 2
    CONTROL_PLANE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampInformation:
    """How a reflector comes by its times, at its way in and its way out (RFC 8972, section 4.3). Zeros ask."""

    source_in: int = 0
    taken_in: int = 0
    source_out: int = 0
    taken_out: int = 0

    def tlv(self) -> Tlv:
        """As a TLV."""
        value = bytes((self.source_in, self.taken_in, self.source_out, self.taken_out))
        return Tlv(kind=Kind.TIMESTAMP_INFORMATION, value=value)

    @classmethod
    def of(cls, tlv: Tlv) -> Self:
        """From a TLV. Raises NotStamp."""
        value = _sized(tlv.value, 4, "timestamp information")
        return cls(source_in=value[0], taken_in=value[1], source_out=value[2], taken_out=value[3])


# --- segment routing (RFC 9503) ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationNodeAddress:
    """Who is to answer (RFC 9503, section 3): 4 or 16 bytes. Anybody else says so (flag U)."""

    address: bytes

    def tlv(self) -> Tlv:
        """As a TLV."""
        return Tlv(kind=Kind.DESTINATION_NODE_ADDRESS, value=self.address)

    @classmethod
    def of(cls, tlv: Tlv) -> Self:
        """From a TLV. Raises NotStamp."""
        return cls(address=_address(tlv.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPath:
    """How answers are to come back (RFC 9503, section 4): along `segments` (SRv6, 16 bytes each, the first to be
    visited first), or to another `address`, or over the same link (`code` 1), or not at all (`code` 0).
    """

    segments: tuple[bytes, ...] = ()
    address: bytes | None = None
    code: int | None = None
    others: tuple[Tlv, ...] = ()
    """Sub-TLVs that are not known here, label stacks of MPLS among them."""

    def tlv(self) -> Tlv:
        """As a TLV."""
        parts: list[Tlv] = []
        if self.code is not None:
            parts.append(Tlv(kind=Back.CONTROL_CODE, value=struct.pack("!I", self.code)))
        if self.address is not None:
            parts.append(Tlv(kind=Back.RETURN_ADDRESS, value=self.address))
        if self.segments:
            parts.append(Tlv(kind=Back.SEGMENTS, value=b"".join(self.segments)))
        return Tlv(kind=Kind.RETURN_PATH, value=encoded((*parts, *self.others)))

    @classmethod
    def of(cls, tlv: Tlv) -> Self:
        """From a TLV. Raises NotStamp."""
        inside, rest = parsed(tlv.value)
        if rest or any(one.flags & Flag.MALFORMED for one in inside):
            raise NotStamp("a return path whose parts do not fill it")
        segments: tuple[bytes, ...] = ()
        address, code = None, None
        others = []
        for one in inside:
            match one.kind:
                case Back.CONTROL_CODE:
                    (code,) = struct.unpack("!I", _sized(one.value, 4, "a control code"))
                case Back.RETURN_ADDRESS:
                    address = _address(one.value)
                case Back.SEGMENTS:
                    if not one.value or len(one.value) % 16:
                        raise NotStamp(f"segments of {len(one.value)} bytes: each has 16")
                    segments += tuple(one.value[at : at + 16] for at in range(0, len(one.value), 16))
                case _:
                    others.append(one)
        return cls(segments=segments, address=address, code=code, others=tuple(others))


# --- integrity --------------------------------------------------------------------------------------------------


def digest(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256, truncated to 128 bits (RFC 8762, section 4.4)."""
    return hmac.digest(key, data, "sha256")[:HMAC_BYTES]


def sealed(tlvs: Sequence[Tlv], *, key: bytes, sequence: int) -> tuple[Tlv, ...]:
    """The TLVs, and after them the one that vouches for them (RFC 8972, section 4.8)."""
    said = struct.pack("!I", sequence) + encoded(tlvs)
    return (*tlvs, Tlv(kind=Kind.HMAC, value=digest(key, said)))


def is_sealed(tlvs: Sequence[Tlv], *, key: bytes, sequence: int) -> bool:
    """Whether an HMAC TLV vouches for all that are before it; after it only padding may come."""
    for at, one in enumerate(tlvs):
        if one.kind == Kind.HMAC:
            said = struct.pack("!I", sequence) + encoded(tlvs[:at])
            return all(after.kind == Kind.EXTRA_PADDING for after in tlvs[at + 1 :]) and hmac.compare_digest(
                digest(key, said), one.value
            )
    return not tlvs


def _sized(value: bytes, size: int, what: str) -> bytes:
    if len(value) != size:
        raise NotStamp(f"{what} of {len(value)} bytes: it has {size}")
    return value


def _address(value: bytes) -> bytes:
    if len(value) not in (4, 16):
        raise NotStamp(f"an address of {len(value)} bytes: it has 4 or 16")
    return value
