"""A session's sender: what it sends, and what it makes of what comes back (RFC 8762, section 4.2).

Sans IO: who has the socket and the clocks asks for a packet when one is due, hands in what comes, and takes the
intervals that are over. Two clocks come in: one that says UTC, for the packets, and one that nobody sets, by which
round trips and intervals are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from highroad.stamp.interval import Before, Heard, Interval, Sent, summed
from highroad.stamp.packet import Question, answer
from highroad.stamp.timestamp import ErrorEstimate
from highroad.stamp.tlv import Flag, Kind, Tlv
from highroad.stamp.wrong import NotStamp

INTERVAL_NS = 1_000_000_000
PATIENCE_NS = 1_000_000_000
"""How long after the end of an interval its answers are waited for."""

_MASK = 0xFFFF_FFFF


@dataclass(slots=True)
class _Asked:
    """What is known of a packet that left."""

    at_ns: int
    utc_ns: int
    stamp: int


class Sender:
    """One session. `session` is its identifier (RFC 8972, section 3), another at each start."""

    def __init__(
        self,
        *,
        session: int = 0,
        key: bytes | None = None,
        tlvs: Sequence[Tlv] = (),
        interval_ns: int = INTERVAL_NS,
        patience_ns: int = PATIENCE_NS,
        is_stateful: bool = True,
    ) -> None:
        """`tlvs` go with every packet. `is_stateful`: the reflector numbers what it gets, as ours do."""
        self.session = session
        self._key = key
        self._tlvs = tuple(tlvs)
        self._wants_path = any(one.kind == Kind.RETURN_PATH for one in tlvs)
        self.interval_ns = interval_ns
        self._patience_ns = patience_ns
        self._is_stateful = is_stateful
        self._next = 0
        self._asked: dict[int, _Asked] = {}
        self._heard: dict[int, Heard] = {}
        self._highest = -1
        self._before = Before()
        self._open: list[_Open] = []
        self.refused = 0
        """Answers that were none: of no question of ours, or forged."""

    def ask(self, *, now_ns: int, utc_ns: int, error: ErrorEstimate) -> bytes:
        """The next packet, to be sent at once."""
        sequence = self._next
        self._next += 1
        stamp = error.stamp(utc_ns)
        packet = Question(
            sequence=sequence & _MASK, stamp=stamp, error=error, session=self.session, tlvs=self._tlvs
        ).to_bytes(self._key)
        self._asked[sequence] = _Asked(at_ns=now_ns, utc_ns=utc_ns, stamp=stamp)
        if not self._open or now_ns >= self._open[-1].ends_ns:
            self._begin(now_ns, utc_ns)
        self._open[-1].sent.append(Sent(sequence, now_ns))
        return packet

    def hear(self, data: bytes, *, now_ns: int, utc_ns: int, error: ErrorEstimate) -> bool:
        """An answer that came at these times; False for one that is none of this session's, or no first one.

        `error` is how wrong our own clock may be.
        """
        try:
            came = answer(data, self._key)
        except NotStamp:
            self.refused += 1
            return False
        sequence = self._unwrapped(came.asked_sequence)
        asked = self._asked.get(sequence)
        if asked is None or came.asked_stamp != asked.stamp or came.session not in (self.session, 0):
            self.refused += 1
            return False
        if sequence in self._heard:
            self._count_double(sequence)
            return False
        whole_ns, there_ns = now_ns - asked.at_ns, came.sent_ns - came.received_ns
        if not 0 <= there_ns <= whole_ns:  # its clock was set in between: what it says of itself is not believed
            there_ns = 0
        known = error.synchronised and came.error.synchronised and error.is_ptp == came.error.is_ptp
        self._heard[sequence] = Heard(
            number=came.sequence,
            rtt_ns=whole_ns - there_ns,
            out_ns=came.received_ns - asked.utc_ns,
            home_ns=utc_ns - came.sent_ns,
            error_ns=error.error_ns + came.error.error_ns if known else None,
            late=sequence < self._highest,
            pinned=self._wants_path and came.trusted and _is_pinned(came.tlvs),
        )
        self._highest = max(self._highest, sequence)
        return True

    def over(self, now_ns: int) -> list[Interval]:
        """The intervals that are over, and were waited for long enough; each once."""
        done = []
        while self._open and now_ns >= self._open[0].ends_ns + self._patience_ns:
            one = self._open.pop(0)
            done.append(
                summed(
                    one.sent,
                    self._heard,
                    self._before,
                    at_ns=one.at_ns,
                    for_ns=one.for_ns,
                    doubled=one.doubled,
                    is_stateful=self._is_stateful,
                )
            )
            for sent in one.sent:
                del self._asked[sent.sequence]
                self._heard.pop(sent.sequence, None)
        return done

    @property
    def is_idle(self) -> bool:
        """Whether nothing is waited for."""
        return not self._open

    def _begin(self, now_ns: int, utc_ns: int) -> None:
        """An interval begins with a whole second of UTC, so that those of all sessions are the same ones."""
        into_ns = utc_ns % self.interval_ns
        at_ns, ends_ns = utc_ns - into_ns, now_ns - into_ns + self.interval_ns
        if self._open and self._open[-1].at_ns == at_ns:  # the clock was set back a little: no two are of one time
            self._open[-1].ends_ns = ends_ns
            return
        self._open.append(_Open(at_ns=at_ns, for_ns=self.interval_ns, ends_ns=ends_ns, sent=[]))

    def _count_double(self, sequence: int) -> None:
        for one in self._open:
            if one.sent[0].sequence <= sequence <= one.sent[-1].sequence:
                one.doubled += 1

    def _unwrapped(self, sequence: int) -> int:
        """The number that is meant by its last 32 bits: the nearest below the next one."""
        return self._next - 1 - (self._next - 1 - sequence & _MASK)


@dataclass(slots=True)
class _Open:
    """An interval that is not over."""

    at_ns: int
    for_ns: int
    ends_ns: int
    sent: list[Sent]
    doubled: int = 0


def _is_pinned(tlvs: Sequence[Tlv]) -> bool:
    """Whether the reflector says that it went the way that it was asked to (RFC 9503, section 4)."""
    return any(one.kind == Kind.RETURN_PATH and not one.flags & _NOT_DONE for one in tlvs)


_NOT_DONE = Flag.UNRECOGNISED | Flag.MALFORMED | Flag.UNTRUSTED
