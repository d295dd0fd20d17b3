"""The kernel's part: hellos are noted and answered once, where they are right; nothing else is, and the rest passes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from highroad.netlink import namespace
from highroad.watch import program
from highroad.watch.board import MINE_AT, RING, THEIRS_AT, Board, Word, open_board
from highroad.watch.hello import (
    ANSWER,
    BLOCK,
    ENTRY_BYTES,
    ETHER_TYPE,
    HELLO,
    WITNESS,
    block_of,
    digest_of,
    pack_hello,
)
from tests.lab.watch.wire import LOOPBACK, PORT, Wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

KEY, ASKS, ANSWERS = digest_of(b"a secret"), b"asks".ljust(16), b"answers".ljust(16)


def token(number: int, *, answer: bool = False) -> bytes:
    """Of a hello of ours, or of its answer."""
    at = number % BLOCK * ENTRY_BYTES + 8 * answer
    return block_of(KEY, ASKS, ANSWERS, number - number % BLOCK)[at : at + 8]


class Pair:
    """Who says hello from `a`, and the boards of both."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.out, self.back = wire.tap(wire.a), wire.tap(wire.b)
        self.source, self.to = (one.getsockname()[4] for one in (self.out, self.back))
        with namespace.entered_by_name(wire.a):
            self.a = open_board(PORT, program.port)
        with namespace.entered_by_name(wire.b):
            self.b = open_board(PORT, program.port)
        for number in range(0, RING, BLOCK):
            self.a.draw(MINE_AT, KEY, ASKS, ANSWERS, number)
            self.b.draw(THEIRS_AT, KEY, ASKS, ANSWERS, number)

    def close(self) -> None:
        self.out.close()
        self.back.close()
        self.a.close()
        self.b.close()

    def hello(self, number: int, said: bytes | None = None, *, kind: int = HELLO) -> None:
        self.out.send(pack_hello(number, said or token(number), source=self.source, to=self.to, kind=kind))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with Wire() as wire:
        made = Pair(wire)
        yield made
        made.close()


def noted(board: Board, first: Word) -> tuple[int, int]:
    """The last number, and how many."""
    return board.words[first], board.words[first + 2]


def test_a_right_hello_is_noted_answered_and_its_answer_noted(pair: Pair) -> None:
    with suppress(TimeoutError), pair.wire.tap(pair.wire.b, ETHER_TYPE) as heard:
        heard.settimeout(0.05)
        for number in (1, 2, 5):
            pair.hello(number)
        assert noted(pair.b, Word.HEARD) == (5, 3)
        assert noted(pair.a, Word.RETURNED) == (5, 3)
        assert pair.a.words[Word.ARRIVED] == 3
        assert 0 < pair.b.words[Word.HEARD_NS] < pair.a.words[Word.RETURNED_NS]
        pytest.fail(f"a hello went on: {heard.recv(2000)!r}")


def test_what_was_made_up_or_comes_again_counts_for_nothing(pair: Pair) -> None:
    pair.hello(3)
    pair.hello(3)
    pair.hello(2)
    pair.hello(4, b"anything")
    pair.hello(4, token(4, answer=True))
    pair.hello(RING + 4)  # of which nobody knows anything yet
    pair.hello(4, bytes(8))
    pair.hello(4, token(4), kind=ANSWER)
    assert noted(pair.b, Word.HEARD) == (3, 1)
    assert noted(pair.a, Word.RETURNED) == (3, 1)
    assert pair.b.words[Word.REFUSED] == 7


def test_a_token_of_nothing_is_no_token(pair: Pair) -> None:
    pair.b.clear()
    pair.hello(1, bytes(8))
    assert noted(pair.b, Word.HEARD) == (0, 0)


def test_a_loop_on_the_line_is_no_neighbour(pair: Pair) -> None:
    """Our own hellos, back from a loop that somebody put into the line, are not answers."""
    for number in range(1, 4):
        pair.back.send(pack_hello(number, token(number), source=pair.to, to=pair.source))
    assert noted(pair.a, Word.RETURNED) == (0, 0)
    assert noted(pair.a, Word.HEARD) == (0, 0)


def test_answers_that_were_made_up_or_come_again_count_for_nothing(pair: Pair) -> None:
    for number, said in ((1, token(1)), (1, b"anything"), (1, token(1, answer=True)), (1, token(1, answer=True))):
        pair.back.send(pack_hello(number, said, source=pair.to, to=pair.source, kind=ANSWER))
    assert noted(pair.a, Word.RETURNED) == (1, 1)


def test_greetings_and_all_other_frames_go_on(pair: Pair) -> None:
    others = [pack_hello(1, token(1), source=pair.source, to=pair.to, kind=3)]
    others += [pair.to + pair.source + b"\x86\xdd" + bytes(60), pair.to + pair.source + b"\x08\x06" + bytes(10)]
    with pair.wire.tap(pair.wire.b, 0x0003) as heard:
        for frame in others:
            pair.out.send(frame)
        got = [heard.recv(2000) for _ in others]
    assert [frame[: len(sent)] for frame, sent in zip(got, others, strict=True)] == others


def test_frames_that_end_early_go_nowhere(pair: Pair) -> None:
    for length in range(14, 38):
        pair.out.send(pack_hello(1, token(1), source=pair.source, to=pair.to)[:length])
    assert noted(pair.b, Word.HEARD) == (0, 0)


def test_a_program_stays_and_its_memory_with_it(pair: Pair) -> None:
    pair.hello(1)
    with namespace.entered_by_name(pair.wire.b):
        again = open_board(PORT, program.port)
    assert again.found
    pair.b.close()
    pair.hello(2)
    assert noted(again, Word.HEARD) == (2, 2)
    assert noted(pair.a, Word.RETURNED) == (2, 2)
    with namespace.entered_by_name(pair.wire.b):
        again.remove()
        pair.b = open_board(PORT, program.port)
    assert not pair.b.found


def test_another_program_of_ours_takes_the_place_of_the_old(pair: Pair) -> None:
    name, code = program.port()
    with namespace.entered_by_name(pair.wire.b):
        other = open_board(PORT, lambda: ("hrw_other", code))
        assert not other.found
        other.close()
        back = open_board(PORT, lambda: (name, code))
        assert not back.found
        back.close()


def test_a_witness_is_believed_with_the_secret_only(pair: Pair) -> None:
    with namespace.entered_by_name(pair.wire.a):
        board = open_board(LOOPBACK, program.witness)
        board.words[Word.SECRET] = int.from_bytes(b"a secret", "little")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as says:
            says.bind(("lo", 0))
            for number, secret in ((1, b"a secret"), (2, b"another!"), (3, b"a secret")):
                says.send(pack_hello(number, secret, source=bytes(6), to=bytes(6), kind=WITNESS))
    assert noted(board, Word.RETURNED) == (3, 2)
    board.close()
