"""A reflector: what it answers to whom (RFC 8762, section 4.3). Stateful: it numbers the answers of each session.

Sans IO. With a key, what is not sealed with it is not answered, nor what came before: a window of the last numbers of
each session is kept for as long as there is room for the session. It answers no more often than it is allowed to, and
only to whom it may. An answer is as long as a question in the full form, so that nobody gains by asking in another's
name (RFC 8762, section 7).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from highroad.stamp.packet import Answer, Question, question
from highroad.stamp.timestamp import ErrorEstimate
from highroad.stamp.tlv import (
    ClassOfService,
    DestinationNodeAddress,
    Flag,
    Kind,
    ReturnPath,
    Source,
    Taken,
    TimestampInformation,
    Tlv,
)
from highroad.stamp.wrong import NotStamp

MOST_SESSIONS = 4096
WINDOW = 256
"""How far a packet of a session may be behind the newest, where replays are looked for."""

_MASK = 0xFFFF_FFFF


class Refusal(StrEnum):
    """Why a packet was not answered."""

    STRANGER = "stranger"
    TOO_MANY = "too-many"
    GARBLED = "garbled"
    """Too short, nonsense, or not sealed with the key."""
    REPLAYED = "replayed"
    UNWANTED = "unwanted"
    """It asks for no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A packet as it came: from whom, with which hop limit and traffic class, at which time (UTC)."""

    data: bytes
    source: bytes
    port: int
    hops: int
    traffic_class: int
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """An answer, its class, and the segments that it is to go along; none for the network's own way."""

    data: bytes
    dscp: int
    segments: tuple[bytes, ...] = ()


class Reflector:
    """Answers for one router."""

    def __init__(
        self,
        *,
        key: bytes | None = None,
        own: Collection[bytes] = (),
        may_ask: Callable[[bytes], bool] = lambda source: True,
        may_go: Callable[[tuple[bytes, ...], bytes], bool] = lambda segments, source: False,
        most_per_s: int = 2000,
        most_sessions: int = MOST_SESSIONS,
    ) -> None:
        """`own` are the addresses here, `may_ask` says who is answered, `may_go` along which segments to whom."""
        self._key = key
        self._own = frozenset(own)
        self._may_ask = may_ask
        self._may_go = may_go
        self._most_per_s = most_per_s
        self._most_sessions = most_sessions
        self._sessions: OrderedDict[tuple[bytes, int, int], _Session] = OrderedDict()
        self._tokens, self._filled_ns = float(most_per_s), 0
        self.answered = 0
        self.refused: Counter[Refusal] = Counter()

    def reflect(self, heard: Heard, *, now_ns: int, utc: Callable[[], int], error: ErrorEstimate) -> Reflection | None:
        """What to answer, at once; None for what is not answered, which is counted.

        `now_ns` is of a clock that nobody sets; `utc` is asked last, just before the answer is made.
        """
        try:
            reflection = self._reflection(heard, now_ns, utc, error)
        except _Refused as refused:
            self.refused[refused.why] += 1
            return None
        self.answered += 1
        return reflection

    def _reflection(self, heard: Heard, now_ns: int, utc: Callable[[], int], error: ErrorEstimate) -> Reflection:
        if not self._may_ask(heard.source):
            raise _Refused(Refusal.STRANGER)
        try:
            asked = question(heard.data, self._key)
        except NotStamp:
            raise _Refused(Refusal.GARBLED) from None
        # The HMAC does not cover the port: what came before does not become new by coming from another one.
        port = 0 if self._key is not None and asked.session else heard.port
        session = self._session((heard.source, port, asked.session))
        if self._key is not None and not session.is_new(asked.sequence, asked.stamp):
            raise _Refused(Refusal.REPLAYED)
        number = session.next
        session.next += 1
        if not self._is_within_rate(now_ns):
            raise _Refused(Refusal.TOO_MANY)
        ways = _Ways(self, heard, asked)
        if ways.is_unwanted:
            raise _Refused(Refusal.UNWANTED)
        reply = Answer(
            sequence=number & _MASK,
            sent_ns=utc(),
            error=error,
            received_ns=heard.at_ns,
            asked_sequence=asked.sequence,
            asked_stamp=asked.stamp,
            asked_error=asked.error.raw(),
            hops=heard.hops,
            session=asked.session,
            tlvs=ways.tlvs,
            rest=asked.rest,
        )
        return Reflection(data=reply.to_bytes(self._key), dscp=ways.dscp, segments=ways.segments)

    def follows(self, path: ReturnPath, source: bytes) -> bool:
        """Whether answers may go along it."""
        plain = path.address is None and path.code is None and not path.others
        return plain and bool(path.segments) and self._may_go(path.segments, source)

    def is_here(self, address: bytes) -> bool:
        """Whether an address is of this router."""
        return address in self._own

    def _session(self, name: tuple[bytes, int, int]) -> _Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session()
            if len(self._sessions) > self._most_sessions:
                self._sessions.popitem(last=False)
        else:
            self._sessions.move_to_end(name)
        return session

    def _is_within_rate(self, now_ns: int) -> bool:
        since_s = (now_ns - self._filled_ns) / 1e9
        self._filled_ns = now_ns
        self._tokens = min(float(self._most_per_s), self._tokens + since_s * self._most_per_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class _Refused(Exception):
    """It is not answered."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


class _Session:
    """What is remembered of one: the next number, and which of the last questions came."""

    __slots__ = ("_highest", "_newest", "_seen", "next")

    def __init__(self) -> None:
        self.next = 0
        self._highest: int | None = None
        self._newest = 0
        self._seen = 0

    def is_new(self, sequence: int, stamp: int) -> bool:
        """Whether it has not come yet, as far as is known: what is further behind than the window has. Unless it left
        later than all of them: then its sender begins anew under the same name.
        """
        is_newest, self._newest = stamp > self._newest, max(stamp, self._newest)
        if self._highest is None:
            self._highest, self._seen = sequence, 1
            return True
        ahead = sequence - self._highest & _MASK
        if 0 < ahead < 1 << 31:
            self._seen = (self._seen << min(ahead, WINDOW) | 1) & (1 << WINDOW) - 1
            self._highest = sequence
            return True
        behind = self._highest - sequence & _MASK
        if behind >= WINDOW or self._seen >> behind & 1:
            if is_newest:
                self._highest, self._seen, self.next = sequence, 1, 0
            return is_newest
        self._seen |= 1 << behind
        return True


class _Ways:
    """What the TLVs of a question make of its answer."""

    def __init__(self, reflector: Reflector, heard: Heard, asked: Question) -> None:
        self.dscp = heard.traffic_class >> 2
        self.segments: tuple[bytes, ...] = ()
        self.is_unwanted = False
        self.tlvs = tuple(self._returned(reflector, heard, one, trusted=asked.trusted) for one in asked.tlvs)

    def _returned(self, reflector: Reflector, heard: Heard, one: Tlv, *, trusted: bool) -> Tlv:
        """A TLV as it goes back: filled in, or with why not (RFC 8972, section 4)."""
        if one.flags & Flag.MALFORMED or not trusted:
            return one.flagged(untrusted=not trusted)
        try:
            match one.kind:
                case Kind.EXTRA_PADDING:
                    return one.flagged()
                case Kind.CLASS_OF_SERVICE:
                    wanted = ClassOfService.of(one).wanted
                    self.dscp = wanted
                    seen, ecn = heard.traffic_class >> 2, heard.traffic_class & 3
                    return ClassOfService(wanted=wanted, seen=seen, ecn=ecn).tlv().flagged()
                case Kind.TIMESTAMP_INFORMATION:
                    TimestampInformation.of(one)
                    return _OUR_TIMES.flagged()
                case Kind.DESTINATION_NODE_ADDRESS:
                    is_here = reflector.is_here(DestinationNodeAddress.of(one).address)
                    return one.flagged(unrecognised=not is_here)
                case Kind.RETURN_PATH:
                    return self._along(reflector, heard, one)
                case _:
                    return one.flagged(unrecognised=True)
        except NotStamp:
            return Tlv(kind=one.kind, value=one.value, flags=Flag.MALFORMED)

    def _along(self, reflector: Reflector, heard: Heard, one: Tlv) -> Tlv:
        path = ReturnPath.of(one)
        if path.code == 0:  # RFC 9503, section 4.1.1
            self.is_unwanted = True
            return one.flagged()
        if not reflector.follows(path, heard.source):
            return one.flagged(unrecognised=True)
        self.segments = path.segments
        return one.flagged()


_OUR_TIMES = TimestampInformation(
    source_in=Source.NTP, taken_in=Taken.SOFTWARE, source_out=Source.NTP, taken_out=Taken.SOFTWARE
).tlv()
