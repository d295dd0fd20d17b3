"""One core port: its board, its session, its judge, and the frame that its next hello is."""

from __future__ import annotations

import os
import struct
from hashlib import blake2b

from highroad.netlink.link import Link
from highroad.watch import program
from highroad.watch.board import MINE_AT, RING, THEIRS_AT, Board, Word, open_board
from highroad.watch.hello import (
    BLOCK,
    BROADCAST,
    ENTRY_BYTES,
    FRAME_BYTES,
    GREETING,
    HELLO_BYTES,
    KIND_AT,
    NONCE_BYTES,
    NUMBER_AT,
    TOKEN_AT,
    digest_of,
    pack_greeting,
    pack_hello,
    unpack_greeting,
)
from highroad.watch.judge import Judge, Limits, Reading, Verdict
from highroad.watch.news import News, Wire, pack_news, stamp_of
from highroad.watch.session import Heard, Session
from highroad.watch.talk import PortConfig

_put_number = struct.Struct("!Q").pack_into
_GREETS = bytes((GREETING,))
_SENT, _RETURNED = int(Word.SENT), int(Word.RETURNED)


class Port:
    """In the namespace of the thread that makes it. Raises OSError, ProgramRefused where the kernel cannot do that."""

    def __init__(
        self, config: PortConfig, link: Link, limits: Limits, *, now_ns: int, down: Verdict | None = None
    ) -> None:
        self.config = config
        self.name = config.interface
        self.index = link.index
        self.source = bytes.fromhex((link.address or "").replace(":", "")).ljust(6, b"\0")[:6]
        self.lit = link.up and link.carrier
        self.key = digest_of(config.key)
        self.session = Session(lambda: os.urandom(NONCE_BYTES), blake2b(self.key, digest_size=8).digest())
        self.board: Board = open_board(self.index, program.port)
        if not (self.board.found and self.session.take_up(self.board.record)):
            self.board.clear()
        self.words, self._memory = self.board.words, self.board.memory
        self._tokens = memoryview(self._memory)[MINE_AT : MINE_AT + RING * ENTRY_BYTES].cast("Q")
        self.number = self.words[Word.SENT]
        self._told_ns, self._heard_ns = 0, 0
        """The stamps of the last news that we told, and that we heard."""
        self.strangers = 0
        """Greetings that were not of somebody with the same key."""
        self.slot = 0
        """Which of the frames that go together is its own."""
        self.dress(memoryview(bytearray(FRAME_BYTES)))
        self.lag = 0
        self.is_plain = False
        """Whether nothing is to be looked at as long as answers come."""
        self.judge = self._judge(limits, now_ns, down)
        self.judge.watched = self.session.active
        self._draw_mine()
        self._keep()

    # --- hellos -----------------------------------------------------------------------------------------------

    @property
    def is_active(self) -> bool:
        """Whether hellos are said."""
        return self.lit and self.session.active

    def dress(self, frame: memoryview) -> None:
        """From now on this is the frame of its hellos."""
        self._frame = frame
        self._token = frame[TOKEN_AT:HELLO_BYTES].cast("Q")
        self.address()

    def address(self) -> None:
        """Say hello to the neighbour that there is now."""
        self._frame[:] = pack_hello(0, bytes(8), source=self.source, to=self.session.source)

    def say(self, now_ns: int) -> None:
        """Make the next hello; it goes at once."""
        self.number = number = self.number + 1
        if not number % BLOCK:
            self._draw_mine()
        _put_number(self._frame, NUMBER_AT, number)
        self._token[0] = self._tokens[number % RING * 2]
        self.words[_SENT] = number
        self.judge.said(number, now_ns)

    def is_missing(self) -> bool:
        """Whether an answer has not come that is usually there by now."""
        return bool(self.words[_RETURNED] + self.lag < self.number)

    def look(self, now_ns: int, *, late: bool) -> Verdict | None:
        """Let the judge look."""
        words = self.words
        reading = Reading(
            returned=words[Word.RETURNED],
            returned_ns=words[Word.RETURNED_NS],
            arrived=words[Word.ARRIVED],
            heard=words[Word.HEARD],
            heard_ns=words[Word.HEARD_NS],
        )
        verdict = self.judge.look(now_ns, reading, late=late)
        self.settle()
        return verdict

    def settle(self) -> None:
        """Whether and how much there is to look at, from what the judge says now."""
        judge = self.judge
        self.is_plain = judge.up and judge.watched and not judge.is_pending
        self.lag = judge.lag

    def due_ns(self) -> int | None:
        """When to look again before the next hello."""
        return self.judge.due_ns(self.words[Word.RETURNED])

    def ahead(self) -> None:
        """Have the neighbour's next tokens there, far ahead."""
        if self.session.active:
            self._draw_theirs(self.words[Word.HEARD] + 1)

    def changed(self, limits: Limits, now_ns: int) -> None:
        """Judge by other limits."""
        judge = self.judge
        down = None if judge.up else Verdict(up=False, since_ns=judge.since_ns, reason=judge.reason)
        self.judge = self._judge(limits, now_ns, down)
        self.judge.watched = judge.watched
        self.settle()

    def close(self, *, remove: bool = False) -> None:
        """Let go of the board; `remove` takes it away."""
        self._tokens.release()
        if remove:
            self.board.remove()
        else:
            self.board.close()

    # --- greetings --------------------------------------------------------------------------------------------

    def greeting(self, now_ns: int, *, to: bytes = b"", leaving: bool = False) -> bytes:
        """The frame of a greeting."""
        limits = self.judge.limits
        said = self.session.greeting(
            now_ns,
            next_number=self.number + 1,
            interval_us=limits.interval_ns // 1000,
            missed=limits.missed,
            to=to,
            leaving=leaving,
        )
        is_known = self.is_plain and self.session.active
        return pack_greeting(said, self.key, source=self.source, to=self.session.source if is_known else BROADCAST)

    def hear(self, frame: bytes, now_ns: int) -> tuple[Heard, bytes]:
        """A frame that may be a greeting: what it means, and whose it is."""
        got = unpack_greeting(frame, self.key)
        if got is None:
            self.strangers += frame[KIND_AT : KIND_AT + 1] == _GREETS
            return Heard.NOTHING, b""
        greeting, source = got
        heard = self.session.hear(greeting, source, now_ns)
        if heard is Heard.BEGAN:
            self._heard_ns = 0
            self._memory[MINE_AT:] = bytes(len(self._memory) - MINE_AT)
            self.words[Word.HEARD] = greeting.next_number - 1
            self.words[Word.THEIRS_DRAWN] = 0
            self._draw_mine()
            self.judge.began(self.number + 1)
            self.settle()
        if heard in (Heard.BEGAN, Heard.KEPT):
            self._draw_theirs(greeting.next_number)
        if heard is not Heard.NOTHING:
            self._keep()
        return heard, greeting.nonce

    # --- news -------------------------------------------------------------------------------------------------

    @property
    def may_tell(self) -> bool:
        """Whether news goes by it: to somebody who is known by a key."""
        return self.is_active and bool(self.config.key)

    def news(self, news: News, now_ns: int) -> bytes:
        """The frame of something new."""
        self._told_ns = max(self._told_ns + 1, now_ns)
        wire = Wire(key=self.key, speaks=self.session.nonce, hears=self.session.other)
        return pack_news(news, self._told_ns, wire, source=self.source, to=self.session.source)

    def tells(self, frame: bytes) -> bool:
        """Whether a frame of news is the neighbour's, and was not heard before."""
        if not self.may_tell:
            return False
        stamp_ns = stamp_of(frame, Wire(key=self.key, speaks=self.session.other, hears=self.session.nonce))
        if stamp_ns is None or stamp_ns <= self._heard_ns or stamp_ns < self.session.stamp:
            return False
        self._heard_ns = stamp_ns
        return True

    # --- inside -----------------------------------------------------------------------------------------------

    def _judge(self, limits: Limits, now_ns: int, down: Verdict | None) -> Judge:
        light_ns = round(self.config.light_ms * 1e6)
        return Judge(limits, now_ns=now_ns, lit=self.lit, light_ns=light_ns, sent=self.number, down=down)

    def _keep(self) -> None:
        self.board.record = self.session.record

    def _draw_mine(self) -> None:
        """The block of tokens that the next hello is of."""
        if self.session.active:
            for number in {self.number // BLOCK, (self.number + 1) // BLOCK}:
                self.board.draw(MINE_AT, self.key, self.session.nonce, self.session.other, number * BLOCK)

    def _draw_theirs(self, number: int) -> None:
        """Whatever the neighbour says from a number on, as much as the ring holds."""
        first = number - number % BLOCK
        until = first + RING - BLOCK
        drawn = self.words[Word.THEIRS_DRAWN]
        if not first <= drawn <= until:
            drawn = first
        while drawn < until:
            self.board.draw(THEIRS_AT, self.key, self.session.other, self.session.nonce, drawn)
            drawn += BLOCK
        self.words[Word.THEIRS_DRAWN] = drawn
