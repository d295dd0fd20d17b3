"""What two neighbours agree on before they say hello: whose tokens they are to expect. Pure.

Each has a nonce that nobody used before. A greeting that names ours was made by somebody with the key since we said it,
and is newer than any before if its stamp is: so neither what was recorded nor what was made up begins anything. A
neighbour that begins anew has another nonce; those that it had are not listened to again.

    a new here            (A, nobody) ─▶
                         ◀─ (B, A)          B asks who that is
    A begins              (A, B) ─▶
                                            B begins
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Final

from highroad.watch.hello import NOBODY, NONCE_BYTES, Greeting

SEEK_NS: Final = 100_000_000
"""How often somebody is greeted who is not known, or not heard."""

KEEP_NS: Final = 1_000_000_000
"""How often somebody is greeted who answers, or has not for a while."""

_SOUGHT = 100
"""So many greetings in vain, and it is sought less often."""

ANSWER_NS: Final = 10_000_000
"""A question is answered at most so often."""

_RETIRED = 16
_RECORD = struct.Struct("=8s16s16sQI6sBB")


class Heard(Enum):
    """What a greeting means."""

    NOTHING = "nothing"
    QUESTION = "question"
    """Somebody does not know us: answer."""
    BEGAN = "began"
    """From now on there are other tokens: draw them, and answer."""
    KEPT = "kept"
    """All goes on."""
    LEFT = "left"


class Session:
    """One side of one link."""

    def __init__(self, make_nonce: Callable[[], bytes], mark: bytes) -> None:
        """`mark` (8 bytes) is of the key: a record under another one is not taken up."""
        self._make_nonce = make_nonce
        self._mark = mark
        self.nonce = make_nonce()
        self.other = NOBODY
        self.source = bytes(6)
        """The neighbour's link-layer address."""
        self.interval_us = 0
        self.active = False
        self._stamp = 0
        self._retired: tuple[bytes, ...] = ()
        self._sought = 0
        self._greeted_ns = -KEEP_NS
        self._answered_ns = -KEEP_NS

    # --- what lasts -------------------------------------------------------------------------------------------

    @property
    def record(self) -> bytes:
        """All of it, to go on from."""
        head = _RECORD.pack(
            self._mark,
            self.nonce,
            self.other,
            self._stamp,
            self.interval_us,
            self.source,
            self.active,
            len(self._retired),
        )
        return head + b"".join(self._retired)

    def take_up(self, record: bytes) -> bool:
        """Go on from a record; returns whether there was one of ours."""
        mark, nonce, other, stamp, interval_us, source, active, count = _RECORD.unpack_from(record)
        if mark != self._mark or nonce == NOBODY or count > _RETIRED:
            return False
        self.nonce, self.other, self._stamp = nonce, other, stamp
        self.interval_us, self.source, self.active = interval_us, source, bool(active)
        at = _RECORD.size
        self._retired = tuple(record[at + NONCE_BYTES * one : at + NONCE_BYTES * (one + 1)] for one in range(count))
        return True

    @property
    def stamp(self) -> int:
        """Of the neighbour's last greeting, by its clock."""
        return self._stamp

    # --- what is said -----------------------------------------------------------------------------------------

    def is_due(self, now_ns: int, *, answers: bool) -> bool:
        """Whether to greet; `answers` is whether the neighbour's hellos and answers come."""
        is_calm = (self.active and answers) or self._sought > _SOUGHT
        return now_ns - self._greeted_ns >= (KEEP_NS if is_calm else SEEK_NS)

    def seek(self) -> None:
        """Somebody may be there now."""
        self._sought = 0

    def greeting(
        self, now_ns: int, *, next_number: int, interval_us: int, missed: int, to: bytes = b"", leaving: bool = False
    ) -> Greeting:
        """What to say now; `to` is the nonce of who asked, else it is for whom we know."""
        self._greeted_ns = now_ns
        self._sought += 1
        return Greeting(
            nonce=self.nonce,
            other=to or self.other,
            stamp=now_ns,
            next_number=next_number,
            interval_us=interval_us,
            missed=missed,
            leaving=leaving,
        )

    # --- what is heard ----------------------------------------------------------------------------------------

    def hear(self, greeting: Greeting, source: bytes, now_ns: int) -> Heard:
        """What follows from a greeting that has the right tag."""
        if greeting.nonce == self.nonce or greeting.nonce in self._retired:
            return Heard.NOTHING
        self._sought = 0
        is_known = greeting.nonce == self.other
        if is_known and greeting.stamp <= self._stamp:
            return Heard.NOTHING
        if greeting.other != self.nonce:
            if now_ns - self._answered_ns < ANSWER_NS:
                return Heard.NOTHING
            self._answered_ns = now_ns
            return Heard.QUESTION
        self._stamp, self.source, self.interval_us = greeting.stamp, source, greeting.interval_us
        if greeting.leaving:
            self.active = False
            self._retire(greeting.nonce)
            return Heard.LEFT
        if is_known and self.active:
            return Heard.KEPT
        if not is_known and self.other != NOBODY:
            self._retire(self.other)
        self.other, self.active = greeting.nonce, True
        return Heard.BEGAN

    def _retire(self, nonce: bytes) -> None:
        """Listen to it no more: what it said to us may have been recorded."""
        if self.other == nonce:
            self.other = NOBODY
        if len(self._retired) < _RETIRED:
            self._retired = (*self._retired, nonce)
        else:
            # nothing that was said to another nonce counts
            self.nonce, self._retired = self._make_nonce(), ()
