"""The packets: what a session's sender sends and what its reflector answers, with a key and without one.

RFC 8762, sections 4.2 and 4.3, with the identifier of a session in what was zero there (RFC 8972, section 3). What must
be zero is sent as zero and not looked at. Shorter ones are TWAMP Light's (RFC 8762, section 4.6): 14 bytes are a whole
question, and what ends after the sender's error estimate is a whole answer.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from highroad.stamp.timestamp import ErrorEstimate, error_from
from highroad.stamp.tlv import HMAC_BYTES, Kind, Tlv, digest, encoded, is_sealed, parsed, sealed
from highroad.stamp.wrong import NotStamp

BASE_BYTES, SEALED_BYTES = 44, 112
"""Without TLVs: unauthenticated, authenticated."""

_QUESTION = struct.Struct("!IQHH28x")
_SEALED_QUESTION = struct.Struct("!I12xQHH68x")
_ANSWER = struct.Struct("!IQHHQIQHxxBxxx")
_SEALED_ANSWER = struct.Struct("!I12xQHH4xQ8xI12xQH6xB15x")
_SHORT_QUESTION = struct.Struct("!IQH")
_SHORT_ANSWER = struct.Struct("!IQHHQIQH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a sender sends. `stamp` is when, in the format that `error` says: a reflector returns it as it is."""

    sequence: int
    stamp: int
    error: ErrorEstimate
    session: int = 0
    tlvs: tuple[Tlv, ...] = ()
    rest: bytes = b""
    """What follows and is no TLV: TWAMP Light's padding, which comes back as it is."""
    trusted: bool = True
    """Whether the TLVs were vouched for, where there is a key; what vouches is not among them."""

    def to_bytes(self, key: bytes | None = None) -> bytes:
        """As it is sent; with a key, in authenticated mode."""
        if key is None:
            base = _QUESTION.pack(self.sequence, self.stamp, self.error.raw(), self.session)
            return base + encoded(self.tlvs) + self.rest if self.tlvs or self.rest else base
        base = _SEALED_QUESTION.pack(self.sequence, self.stamp, self.error.raw(), self.session)
        return _followed(base + digest(key, base), self.tlvs, self.rest, key, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a reflector answers: its own number and time of sending, when it got the question, and what was in that.
    Times are nanoseconds since 1970.

    `hops` is the hop limit with which the question came; None where an answer of TWAMP Light ends before it.
    """

    sequence: int
    sent_ns: int
    error: ErrorEstimate
    received_ns: int
    asked_sequence: int
    asked_stamp: int
    """As it was in the question: 64 bits in the format of the sender."""
    asked_error: int
    """As it was in the question."""
    hops: int | None
    session: int = 0
    tlvs: tuple[Tlv, ...] = ()
    rest: bytes = b""
    trusted: bool = True

    def to_bytes(self, key: bytes | None = None) -> bytes:
        """As it is sent; with a key, in authenticated mode."""
        form = _ANSWER if key is None else _SEALED_ANSWER
        base = form.pack(
            self.sequence,
            self.error.stamp(self.sent_ns),
            self.error.raw(),
            self.session,
            self.error.stamp(self.received_ns),
            self.asked_sequence,
            self.asked_stamp,
            self.asked_error,
            self.hops or 0,
        )
        if key is None:
            return base + encoded(self.tlvs) + self.rest if self.tlvs or self.rest else base
        return _followed(base + digest(key, base), self.tlvs, self.rest, key, self.sequence)


def question(data: bytes, key: bytes | None = None) -> Question:
    """From bytes. Raises NotStamp: too short, an error estimate that is none, or not sealed with the key."""
    if key is None:
        if len(data) >= BASE_BYTES:
            sequence, stamp, error, session = _QUESTION.unpack_from(data)
        elif len(data) >= _SHORT_QUESTION.size:
            (sequence, stamp, error), session = _SHORT_QUESTION.unpack_from(data), 0
        else:
            raise NotStamp(f"{len(data)} bytes are no question: it has {BASE_BYTES}")
        tlvs, rest = _after(data, BASE_BYTES)
        trusted = True
    else:
        _check(data, key)
        sequence, stamp, error, session = _SEALED_QUESTION.unpack_from(data)
        tlvs, rest = _after(data, SEALED_BYTES)
        trusted = is_sealed(tlvs, key=key, sequence=sequence)
        tlvs = tuple(one for one in tlvs if one.kind != Kind.HMAC)
    return Question(
        sequence=sequence,
        stamp=stamp,
        error=error_from(error),
        session=session,
        tlvs=tlvs,
        rest=rest,
        trusted=trusted,
    )


def answer(data: bytes, key: bytes | None = None) -> Answer:
    """From bytes. Raises NotStamp, as `question`."""
    hops: int | None
    if key is None:
        if len(data) >= BASE_BYTES:
            sequence, stamp, error, session, received, asked, asked_stamp, asked_error, hops = _ANSWER.unpack_from(data)
        elif len(data) >= _SHORT_ANSWER.size:
            sequence, stamp, error, session, received, asked, asked_stamp, asked_error = _SHORT_ANSWER.unpack_from(data)
            hops = None
        else:
            raise NotStamp(f"{len(data)} bytes are no answer: it has {BASE_BYTES}")
        tlvs, rest = _after(data, BASE_BYTES)
        trusted = True
    else:
        _check(data, key)
        fields = _SEALED_ANSWER.unpack_from(data)
        sequence, stamp, error, session, received, asked, asked_stamp, asked_error, hops = fields
        tlvs, rest = _after(data, SEALED_BYTES)
        trusted = is_sealed(tlvs, key=key, sequence=sequence)
        tlvs = tuple(one for one in tlvs if one.kind != Kind.HMAC)
    estimate = error_from(error)
    return Answer(
        sequence=sequence,
        sent_ns=estimate.time_ns(stamp),
        error=estimate,
        received_ns=estimate.time_ns(received),
        asked_sequence=asked,
        asked_stamp=asked_stamp,
        asked_error=asked_error,
        hops=hops,
        session=session,
        tlvs=tlvs,
        rest=rest,
        trusted=trusted,
    )


def _check(data: bytes, key: bytes) -> None:
    """The HMAC is over all that is before it (RFC 8762, section 4.4)."""
    if len(data) < SEALED_BYTES:
        raise NotStamp(f"{len(data)} bytes are no authenticated packet: it has {SEALED_BYTES}")
    end = SEALED_BYTES - HMAC_BYTES
    if not hmac.compare_digest(digest(key, data[:end]), data[end:SEALED_BYTES]):
        raise NotStamp("its HMAC is not of this key")


def _after(data: bytes, size: int) -> tuple[tuple[Tlv, ...], bytes]:
    if len(data) <= size:
        return (), b""
    tlvs, rest = parsed(data[size:])
    return tuple(tlvs), rest


def _followed(base: bytes, tlvs: tuple[Tlv, ...], rest: bytes, key: bytes, sequence: int) -> bytes:
    if not tlvs:
        return base + rest
    return base + encoded(sealed(tlvs, key=key, sequence=sequence)) + rest
