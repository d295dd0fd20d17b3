"""News of lost links: whose it is, what is old, and how long it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.watch.hello import ETHERNET_BYTES, FRAME_BYTES, digest_of
from highroad.watch.news import (
    GOOD_NS,
    LASTS_NS,
    MOST_LINKS,
    MOST_NAME_BYTES,
    WHOLE_NS,
    News,
    Newsroom,
    Wire,
    pack_news,
    peek,
    stamp_of,
)

S = 1_000_000_000
WIRE = Wire(key=digest_of(b"a key"), speaks=b"a" * 16, hears=b"b" * 16)
SOURCE, TO = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
DOWN = News(link="chicago>milwaukee", down=True, number=7)


def frame(news: News = DOWN, stamp: int = 5, wire: Wire = WIRE) -> bytes:
    return pack_news(news, stamp, wire, source=SOURCE, to=TO)


@given(
    link=st.text(min_size=1, max_size=60).filter(lambda one: 0 < len(one.encode(errors="ignore")) <= MOST_NAME_BYTES),
    down=st.booleans(),
    number=st.integers(0, 2**64 - 1),
    stamp=st.integers(0, 2**64 - 1),
)
def test_news_is_read_as_it_was_said(link: str, down: bool, number: int, stamp: int) -> None:
    link = link.encode(errors="ignore").decode()
    news = News(link=link, down=down, number=number)
    said = frame(news, stamp)
    assert len(said) >= FRAME_BYTES
    assert peek(said) == news
    assert stamp_of(said, WIRE) == stamp


@given(at=st.integers(6, len(frame()) - 1), bit=st.integers(0, 7))
def test_news_that_was_touched_is_not_believed(at: int, bit: int) -> None:
    touched = bytearray(frame())
    touched[at] ^= 1 << bit
    if at in range(12, ETHERNET_BYTES):
        return  # what the kernel tells frames apart by
    assert peek(bytes(touched)) is None or stamp_of(bytes(touched), WIRE) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(WIRE, key=digest_of(b"another")),
        replace(WIRE, speaks=WIRE.hears, hears=WIRE.speaks),
        replace(WIRE, hears=b"c" * 16),
    ],
    ids=["another key", "our own from a loop", "before we agreed anew"],
)
def test_only_who_speaks_now_is_believed(other: Wire) -> None:
    assert stamp_of(frame(wire=other), WIRE) is None


@given(st.binary(max_size=80))
def test_anything_else_is_no_news(said: bytes) -> None:
    assert peek(said[:ETHERNET_BYTES].ljust(ETHERNET_BYTES, b"\0") + said[ETHERNET_BYTES:]) is None or said[14] == 5


def test_what_is_known_or_old_is_not_new() -> None:
    room = Newsroom(now_ns=0)
    assert room.take(DOWN, now_ns=0)
    assert not room.take(DOWN, now_ns=0)
    assert not room.take(replace(DOWN, down=False, number=6), now_ns=0)
    assert room.lost(now_ns=0) == {DOWN.link}


def test_what_is_good_again_counts_as_lost_for_a_while() -> None:
    room = Newsroom(now_ns=0)
    room.take(DOWN, now_ns=0)
    room.take(replace(DOWN, down=False, number=8), now_ns=3 * S)
    assert room.lost(now_ns=3 * S + GOOD_NS - 1) == {DOWN.link}
    assert room.lost(now_ns=3 * S + GOOD_NS) == frozenset()
    room.take(replace(DOWN, down=False, number=9), now_ns=6 * S)
    assert room.lost(now_ns=6 * S) == frozenset()


def test_that_it_is_good_said_twice_makes_it_no_longer_lost() -> None:
    room = Newsroom(now_ns=0)
    room.take(DOWN, now_ns=0)
    for number, now_ns in ((8, 1 * S), (9, 2 * S)):
        room.take(replace(DOWN, down=False, number=number), now_ns=now_ns)
    assert room.lost(now_ns=1 * S + GOOD_NS) == frozenset()


def test_what_is_not_said_again_is_forgotten_and_its_number_too() -> None:
    room = Newsroom(now_ns=0)
    room.take(DOWN, now_ns=0)
    room.take(replace(DOWN, number=8), now_ns=4 * S)
    assert room.lost(now_ns=LASTS_NS + 1) == {DOWN.link}
    assert room.lost(now_ns=4 * S + LASTS_NS) == frozenset()
    room.forget(now_ns=4 * S + LASTS_NS)
    earlier = replace(DOWN, number=1)  # a router whose clock was set back is heard again by then
    assert room.take(earlier, now_ns=15 * S)
    assert room.lost(now_ns=15 * S) == {DOWN.link}


def test_nobody_fills_it() -> None:
    room = Newsroom(now_ns=0)
    for number in range(MOST_LINKS):
        room.take(News(link=f"a>{number}", down=True, number=1), now_ns=0)
    assert not room.take(DOWN, now_ns=0)
    assert room.take(News(link="a>7", down=False, number=2), now_ns=0)


def test_all_has_been_heard_once_all_had_to_be_said_again() -> None:
    room = Newsroom(now_ns=5 * S)
    assert not room.is_whole(now_ns=5 * S + WHOLE_NS - 1)
    assert room.is_whole(now_ns=5 * S + WHOLE_NS)
