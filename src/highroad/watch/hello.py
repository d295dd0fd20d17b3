"""What neighbours say to each other on a wire, as bytes: hellos, their answers, and greetings.

A hello is numbered, and carries a token that only its receiver can know in advance; the receiver's kernel answers it
with another one. A greeting says which tokens: both are streams drawn from the key of the link and from a nonce of
either side, so that what was recorded yesterday, or made up, is worth nothing. All have an EtherType of their own:
nothing routes them, no firewall has an opinion, and the kernel tells them apart by two bytes. News
(`news`) is of the same kind.

    hello           kind, version, 6 bytes of nothing, number (8), token (8)
    answer          kind, version, 2 bytes of nothing, how many hellos have come (4), number (8), token (8)
    greeting        kind, version, flags, missed, interval (us, 4), own nonce (16), the other's nonce (16), stamp (8),
                    the number of the next hello (8), keyed hash of all that and of who sends it (16)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b, shake_256
from typing import Final

ETHER_TYPE: Final = 0x88B5
"""For local experiments (IEEE 802)."""

VERSION: Final = 1
HELLO, ANSWER, GREETING, WITNESS = 1, 2, 3, 4

BROADCAST: Final = b"\xff" * 6
NONCE_BYTES: Final = 16
NOBODY: Final = bytes(NONCE_BYTES)
"""The nonce of somebody who has not been heard."""

ETHERNET_BYTES: Final = 14
KIND_AT, COUNT_AT, NUMBER_AT, TOKEN_AT, HELLO_BYTES = 14, 18, 22, 30, 38
FRAME_BYTES: Final = 60
"""What Ethernet wants at least."""

ENTRY_BYTES: Final = 16
"""Of a number: the token of its hello, and that of the answer."""

BLOCK: Final = 64
"""How many numbers are drawn in one go."""

_LEAVING = 1
_GREETING = struct.Struct("!BBBBI16s16sQQ")
_TAG_BYTES = 16
_ETHERNET = struct.Struct("!6s6sH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """Who speaks (a nonce), to whom as far as it knows, since when, what its next hello is called, and how often it
    says one. `stamp` grows with each greeting; one who is leaving asks not to be missed.
    """

    nonce: bytes
    other: bytes
    stamp: int
    next_number: int
    interval_us: int
    missed: int
    leaving: bool = False


def digest_of(key: bytes) -> bytes:
    """A key of any length as one of 32 bytes; an empty one is no secret, and is as good as any other otherwise."""
    return blake2b(key, digest_size=32, person=b"highroad-key").digest()


def block_of(key: bytes, asks: bytes, answers: bytes, number: int) -> bytes:
    """The tokens of `BLOCK` numbers, the first of which is `number` (a multiple of it): of each the hello's and the
    answer's. `asks` is the nonce of who says hello, `answers` of who answers.
    """
    return shake_256(b"hello" + key + asks + answers + number.to_bytes(8, "big")).digest(BLOCK * ENTRY_BYTES)


def pack_hello(number: int, token: bytes, *, source: bytes, to: bytes, kind: int = HELLO) -> bytes:
    """A whole frame."""
    head = _ETHERNET.pack(to, source, ETHER_TYPE) + bytes((kind, VERSION)) + bytes(6)
    return (head + number.to_bytes(8, "big") + token).ljust(FRAME_BYTES, b"\0")


def pack_greeting(greeting: Greeting, key: bytes, *, source: bytes, to: bytes) -> bytes:
    """A whole frame."""
    body = _GREETING.pack(
        GREETING,
        VERSION,
        _LEAVING if greeting.leaving else 0,
        greeting.missed,
        greeting.interval_us,
        greeting.nonce,
        greeting.other,
        greeting.stamp,
        greeting.next_number,
    )
    return _ETHERNET.pack(to, source, ETHER_TYPE) + body + _tag(key, source, body)


def unpack_greeting(frame: bytes, key: bytes) -> tuple[Greeting, bytes] | None:
    """A greeting and the link-layer address that it came from; None for anything else, and what has no right tag."""
    end = ETHERNET_BYTES + _GREETING.size
    if len(frame) < end + _TAG_BYTES or frame[KIND_AT] != GREETING or frame[KIND_AT + 1] != VERSION:
        return None
    source, body = frame[6:12], frame[ETHERNET_BYTES:end]
    if not is_same(frame[end : end + _TAG_BYTES], _tag(key, source, body)):
        return None
    _, _, flags, missed, interval_us, nonce, other, stamp, number = _GREETING.unpack(body)
    if not interval_us or not missed or nonce == NOBODY:
        return None
    greeting = Greeting(
        nonce=nonce,
        other=other,
        stamp=stamp,
        next_number=number,
        interval_us=interval_us,
        missed=missed,
        leaving=bool(flags & _LEAVING),
    )
    return greeting, source


def _tag(key: bytes, source: bytes, body: bytes) -> bytes:
    return blake2b(source + body, key=key, digest_size=_TAG_BYTES, person=b"hello-greeting").digest()


def is_same(one: bytes, other: bytes) -> bool:
    """Whether two tags are equal, in a time that does not say how far they are."""
    # as hmac.compare_digest, which would bring OpenSSL into a process that is to stay small
    wrong = len(one) ^ len(other)
    for left, right in zip(one, other, strict=False):
        wrong |= left ^ right
    return not wrong
