"""Greetings are believed by those with the key, and to the last bit; tokens differ with what they are drawn from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from highroad.watch.hello import (
    BLOCK,
    BROADCAST,
    ENTRY_BYTES,
    FRAME_BYTES,
    HELLO,
    KIND_AT,
    NOBODY,
    Greeting,
    block_of,
    digest_of,
    pack_greeting,
    pack_hello,
    unpack_greeting,
)

SOURCE = bytes.fromhex("020000000001")
KEY = digest_of(b"of the link")

nonces = st.binary(min_size=16, max_size=16).filter(lambda nonce: nonce != NOBODY)
greetings = st.builds(
    Greeting,
    nonce=nonces,
    other=st.binary(min_size=16, max_size=16),
    stamp=st.integers(0, 2**64 - 1),
    next_number=st.integers(0, 2**64 - 1),
    interval_us=st.integers(1, 2**32 - 1),
    missed=st.integers(1, 255),
    leaving=st.booleans(),
)


@given(greetings)
def test_a_greeting_is_read_as_it_was_said(greeting: Greeting) -> None:
    frame = pack_greeting(greeting, KEY, source=SOURCE, to=BROADCAST)
    assert unpack_greeting(frame, KEY) == (greeting, SOURCE)


@given(greetings, st.data())
def test_a_greeting_that_was_touched_is_not_believed(greeting: Greeting, data: st.DataObject) -> None:
    frame = bytearray(pack_greeting(greeting, KEY, source=SOURCE, to=BROADCAST))
    # to whom a switch delivered it is no matter
    bit = data.draw(st.integers(8 * 6, 8 * len(frame) - 1).filter(lambda bit: bit // 8 not in (12, 13)))
    frame[bit // 8] ^= 1 << bit % 8
    assert unpack_greeting(bytes(frame), KEY) is None


@given(greetings, st.binary(max_size=80).map(digest_of).filter(lambda key: key != KEY))
def test_a_greeting_under_another_key_is_not_believed(greeting: Greeting, key: bytes) -> None:
    assert unpack_greeting(pack_greeting(greeting, key, source=SOURCE, to=BROADCAST), KEY) is None


@given(st.binary(max_size=200))
def test_anything_else_is_no_greeting(frame: bytes) -> None:
    assert unpack_greeting(frame, KEY) is None


def test_tokens_come_again_for_nothing_else() -> None:
    one, two = bytes(range(16)), bytes(range(1, 17))
    blocks = [
        block_of(key, asks, answers, number)
        for key in (KEY, digest_of(b"of another link"), digest_of(b""))
        for asks, answers in ((one, two), (two, one), (one, one))
        for number in range(0, 10 * BLOCK, BLOCK)
    ]
    tokens = [block[at : at + 8] for block in blocks for at in range(0, len(block), 8)]
    assert len(tokens) == len(blocks) * BLOCK * ENTRY_BYTES // 8
    assert len(set(tokens)) == len(tokens)


def test_a_hello_is_as_long_as_a_wire_wants() -> None:
    frame = pack_hello(7, b"abcdefgh", source=SOURCE, to=BROADCAST)
    assert len(frame) == FRAME_BYTES
    assert frame[12:16] == b"\x88\xb5\x01\x01"
    assert frame[KIND_AT] == HELLO
    assert frame[22:38] == (7).to_bytes(8, "big") + b"abcdefgh"
