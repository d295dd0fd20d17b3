"""A sender and a reflector over a path that a test makes: what is lost where, what is late, whom to believe."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from highroad.stamp.interval import Interval
from highroad.stamp.packet import Question, answer
from highroad.stamp.reflector import Heard, Reflection, Reflector, Refusal
from highroad.stamp.sender import Sender
from highroad.stamp.timestamp import ErrorEstimate, error_of, ntp
from highroad.stamp.tlv import ClassOfService, DestinationNodeAddress, Flag, Kind, ReturnPath, Tlv, padding

MS = 1_000_000
S = 1_000_000_000
BEGIN_NS = 1_800_000_000 * S
ME, FAR = bytes(15) + b"\1", bytes(15) + b"\2"
KEY = b"k" * 32
SYNCHRONISED = error_of(1000)
FREE = ErrorEstimate(synchronised=False)


@dataclass
class Path:
    """Two routers, with clocks of their own, and what is between them."""

    sender: Sender
    reflector: Reflector
    out_ns: Callable[[int], int | None] = lambda number: 10 * MS
    home_ns: Callable[[int], int | None] = lambda number: 20 * MS
    stays_ns: int = 3 * MS
    far_clock_ns: int = 0
    own_clock_ns: int = 0
    error: ErrorEstimate = SYNCHRONISED
    far_error: ErrorEstimate = SYNCHRONISED
    now_ns: int = 5 * S
    number: int = 0
    flights: list[tuple[int, bytes]] = field(default_factory=list)

    def run(self, count: int, every_ns: int = 100 * MS) -> None:
        """So many packets, and whatever comes meanwhile."""
        for _ in range(count):
            self._ask()
            self.now_ns += every_ns
            self._arrive()

    def end(self) -> list[Interval]:
        """Everything that is over in the end."""
        self.now_ns += 10 * S
        self._arrive()
        return self.sender.over(self.now_ns)

    def _ask(self) -> None:
        at = self.now_ns
        data = self.sender.ask(now_ns=at, utc_ns=BEGIN_NS + at + self.own_clock_ns, error=self.error)
        number, self.number = self.number, self.number + 1
        out, home = self.out_ns(number), self.home_ns(number)
        if out is None:
            return
        reflected = self.reflect(data, at + out)
        if reflected is not None and home is not None:
            self.flights.append((at + out + self.stays_ns + home, reflected.data))

    def reflect(self, data: bytes, at_ns: int) -> Reflection | None:
        far_ns = BEGIN_NS + at_ns + self.far_clock_ns
        heard = Heard(data=data, source=ME, port=5000, hops=60, traffic_class=46 << 2, at_ns=far_ns)
        return self.reflector.reflect(heard, now_ns=at_ns, utc=lambda: far_ns + self.stays_ns, error=self.far_error)

    def _arrive(self) -> None:
        for at_ns, data in sorted(one for one in self.flights if one[0] <= self.now_ns):
            utc_ns = BEGIN_NS + at_ns + self.own_clock_ns
            self.sender.hear(data, now_ns=at_ns, utc_ns=utc_ns, error=self.error)
        self.flights = [one for one in self.flights if one[0] > self.now_ns]


def path(**options: object) -> Path:
    return Path(Sender(session=9), Reflector(), **options)  # type: ignore[arg-type]


def only(intervals: Iterable[Interval]) -> Interval:
    (one,) = intervals
    return one


def test_a_round_trip_is_without_the_stay_at_the_far_end() -> None:
    tried = path()
    tried.run(10)
    got = only(tried.end())
    assert (got.sent, got.lost_out, got.lost_home, got.lost_unknown) == (10, 0, 0, 0)
    assert (got.rtt_min_ns, got.rtt_p50_ns, got.rtt_p99_ns, got.rtt_max_ns) == (30 * MS,) * 4
    assert (got.out_ns, got.home_ns) == (10 * MS, 20 * MS)
    assert got.error_ns is not None
    assert 2000 <= got.error_ns < 2100
    assert (got.jitter_ns, got.jitter_out_ns, got.jitter_home_ns) == (0, 0, 0)
    assert (got.at_ns, got.for_ns) == (BEGIN_NS + 5 * S, S)


def test_ranks_are_of_the_figures_themselves() -> None:
    tried = path(out_ns=lambda number: (number + 1) * MS, home_ns=lambda number: 0, stays_ns=0)
    tried.run(100, every_ns=10 * MS)
    got = only(tried.end())
    assert (got.rtt_min_ns, got.rtt_p50_ns, got.rtt_p99_ns, got.rtt_max_ns) == (1 * MS, 50 * MS, 99 * MS, 100 * MS)


def test_variation_is_between_neighbours_and_each_way_has_its_own() -> None:
    tried = path(out_ns=lambda number: (10 + 3 * (number % 2)) * MS)
    tried.run(10)
    got = only(tried.end())
    assert (got.jitter_out_ns, got.jitter_home_ns, got.jitter_ns) == (3 * MS, 0, 3 * MS)


@pytest.mark.parametrize(
    ("out", "home", "wanted"),
    [
        ({3, 4}, set(), (2, 0, 0)),
        (set(), {3, 4}, (0, 2, 0)),
        ({3}, {7}, (1, 1, 0)),
        ({3}, {4}, (1, 1, 0)),  # in one gap
        ({0}, set(), (1, 0, 0)),
        (set(), {0, 1}, (0, 2, 0)),
        ({8}, {9}, (0, 0, 2)),  # with nothing after it nobody knows
        (set(range(10)), set(), (0, 0, 10)),
    ],
)
def test_where_it_was_lost(out: set[int], home: set[int], wanted: tuple[int, int, int]) -> None:
    tried = path(
        out_ns=lambda number: None if number in out else 10 * MS,
        home_ns=lambda number: None if number in home else 20 * MS,
    )
    tried.run(10)
    got = only(tried.end())
    assert (got.lost_out, got.lost_home, got.lost_unknown) == wanted


def test_a_gap_over_the_end_of_an_interval_is_told_by_what_came_before_and_after() -> None:
    tried = path(out_ns=lambda number: None if 8 <= number < 12 else 10 * MS)
    tried.run(20)
    first, second = tried.end()
    assert (first.lost_out, second.lost_out) == (2, 2)
    assert first.lost_unknown == second.lost_unknown == 0


def test_a_reflector_that_was_started_anew_numbers_anew_and_then_nobody_knows() -> None:
    tried = path(out_ns=lambda number: None if number == 10 else 10 * MS)
    tried.run(9)
    tried.reflector = Reflector()
    tried.run(11)
    first, second = tried.end()
    assert (first.lost_unknown, second.lost_unknown, second.lost_out) == (0, 0, 1)
    tried = path(home_ns=lambda number: None if number == 8 else 20 * MS)
    tried.run(8)
    tried.reflector = Reflector()
    tried.run(2)
    assert only(tried.end()).lost_unknown == 1


def test_of_a_stateless_reflector_it_is_never_known_where() -> None:
    tried = path(out_ns=lambda number: None if number == 3 else 10 * MS)
    tried.sender = Sender(is_stateful=False)
    tried.run(10)
    assert only(tried.end()).lost_unknown == 1


def test_random_loss_is_counted_where_it_was_but_for_the_last_gap() -> None:
    dice = random.Random(6)
    out = {number for number in range(3000) if dice.random() < 0.1}
    home = {number for number in range(3000) if dice.random() < 0.2}
    out.discard(2999)
    home.discard(2999)
    tried = path(
        out_ns=lambda number: None if number in out else 10 * MS,
        home_ns=lambda number: None if number in home else 20 * MS,
    )
    got = []
    for _ in range(30):
        tried.run(100)
        got += tried.sender.over(tried.now_ns)
    got += tried.end()
    assert sum(one.sent for one in got) == 3000
    assert sum(one.lost_out for one in got) == len(out)
    assert sum(one.lost_home for one in got) == len(home - out)
    assert len(tried.sender._asked) == len(tried.sender._heard) == 0


def test_late_and_doubled_answers_count_once() -> None:
    tried = path(home_ns=lambda number: (220 if number == 3 else 20) * MS)
    tried.run(5)
    tried.flights += [(at, data) for at, data in tried.flights]
    tried.run(5)
    got = only(tried.end())
    assert (got.sent, got.late, got.lost_unknown, got.lost_home) == (10, 1, 0, 0)
    assert got.doubled >= 1


@pytest.mark.parametrize("free", ["own", "far"])
def test_one_way_is_not_told_where_a_clock_is_not_synchronised(free: str) -> None:
    tried = path(error=FREE) if free == "own" else path(far_error=FREE)
    tried.run(10)
    got = only(tried.end())
    assert (got.out_ns, got.home_ns, got.error_ns) == (None, None, None)
    assert got.rtt_p50_ns == 30 * MS


def test_one_way_is_not_told_where_the_clocks_may_be_off_by_as_much() -> None:
    tried = path(error=error_of(6 * MS), far_error=error_of(5 * MS))
    tried.run(10)
    assert only(tried.end()).out_ns is None


@pytest.mark.parametrize("whose", ["far_clock_ns", "own_clock_ns"])
def test_a_clock_that_is_set_leaves_the_round_trip_and_takes_one_way_away(whose: str) -> None:
    tried = path()
    tried.run(15)
    setattr(tried, whose, 4 * MS + 3 * MS)
    tried.run(25)
    setattr(tried, whose, 0)
    tried.run(20)
    got = tried.end()
    assert sum(one.sent for one in got) == 60
    assert {one.rtt_max_ns for one in got} == {30 * MS}
    assert {one.jitter_out_ns for one in got} == {0}
    told = [one.out_ns for one in got]
    assert told[0] == 10 * MS
    assert None in told
    assert told[1:4] == [None] * 3
    assert told[-1] == 10 * MS  # it was set back
    assert sum(one.clock_steps for one in got) == 2


def test_a_clock_that_is_set_is_told_from_what_waits_in_queues() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        waits = [[rng.choice((0.05, 0.2, 3, 7)) * rng.random() for _ in range(200)] for _ in range(2)]
        tried = path(
            out_ns=lambda number, waits=waits: round((10 + waits[0][number]) * MS),
            home_ns=lambda number, waits=waits: round((20 + waits[1][number]) * MS),
        )
        tried.run(95)
        tried.far_clock_ns = 8 * MS
        tried.run(105)
        got = tried.end()
        told = [one.out_ns is not None for one in got]
        assert (told[:9], told[11:]) == ([True] * 9, [False] * 9), seed  # between them it is seen
        assert sum(one.clock_steps for one in got) == 1


def test_a_clock_that_was_set_is_believed_when_it_has_been_synchronised_again() -> None:
    tried = path()
    tried.run(10)
    tried.far_clock_ns = 7 * MS
    tried.run(10)
    tried.far_error = FREE
    tried.run(10)
    tried.far_error, tried.far_clock_ns = SYNCHRONISED, 0
    tried.run(20)
    assert tried.end()[-1].out_ns == 10 * MS


def test_no_two_intervals_are_of_one_time_where_a_clock_is_set_back() -> None:
    tried = path()
    tried.run(10)
    tried.own_clock_ns = -300 * MS
    tried.run(20)
    got = tried.end()
    assert [one.at_ns - BEGIN_NS for one in got] == [5 * S, 6 * S, 7 * S]
    assert [one.sent for one in got] == [13, 10, 7]


def test_answers_of_no_question_of_ours_are_not_believed() -> None:
    tried = path()
    tried.run(3)
    ask = tried.sender.ask(now_ns=tried.now_ns, utc_ns=BEGIN_NS + tried.now_ns, error=SYNCHRONISED)
    reflected = tried.reflect(ask, tried.now_ns + MS)
    assert reflected is not None
    for at, byte in ((27, 0xFF), (31, 0xFF), (15, 0xFF)):  # its number, its time, its session
        forged = bytearray(reflected.data)
        forged[at] ^= byte
        assert not tried.sender.hear(
            bytes(forged), now_ns=tried.now_ns + MS, utc_ns=BEGIN_NS + tried.now_ns, error=SYNCHRONISED
        )
    assert tried.sender.refused == 3


def test_numbers_go_on_after_their_last_one() -> None:
    tried = path()
    tried.sender._next = (1 << 32) - 3
    tried.run(10)
    assert only(tried.end()).rtt_max_ns == 30 * MS


# --- authenticated ----------------------------------------------------------------------------------------------


def sealed() -> Path:
    way = ReturnPath(segments=(b"\xfc" + bytes(15),)).tlv()
    reflector = Reflector(key=KEY, may_go=lambda segments, source: source == ME)
    return Path(Sender(session=9, key=KEY, tlvs=(ClassOfService(wanted=34).tlv(), way)), reflector)


def test_with_a_key_both_ends_understand_each_other() -> None:
    tried = sealed()
    tried.run(10)
    got = only(tried.end())
    assert (got.sent, got.rtt_p50_ns, got.pinned) == (10, 30 * MS, True)
    assert tried.reflector.answered == 10


def test_forged_and_replayed_packets_are_ignored_and_counted() -> None:
    tried = sealed()
    packets = [
        tried.sender.ask(now_ns=5 * S + at, utc_ns=BEGIN_NS + 5 * S + at, error=SYNCHRONISED) for at in range(300)
    ]
    assert tried.reflect(packets[0], 5 * S) is not None
    assert tried.reflect(packets[0], 5 * S) is None
    for place in (0, 20, 97, 111):
        forged = bytearray(packets[1])
        forged[place] ^= 1
        assert tried.reflect(bytes(forged), 5 * S) is None
    plain = Question(sequence=2, stamp=ntp(BEGIN_NS), error=SYNCHRONISED).to_bytes()
    assert tried.reflect(plain, 5 * S) is None
    assert tried.reflect(packets[2], 5 * S) is not None
    assert tried.reflect(packets[1], 5 * S) is not None  # it was overtaken
    assert tried.reflect(packets[299], 5 * S) is not None
    assert tried.reflect(packets[3], 5 * S) is None  # too far behind to be told from a replay
    assert tried.reflect(packets[298], 5 * S) is not None
    assert tried.reflect(packets[298], 5 * S) is None
    assert tried.reflector.refused == {Refusal.GARBLED: 5, Refusal.REPLAYED: 3}


def test_what_came_before_is_not_new_from_another_port() -> None:
    tried = sealed()
    packet = tried.sender.ask(now_ns=5 * S, utc_ns=BEGIN_NS + 5 * S, error=SYNCHRONISED)
    assert tried.reflect(packet, 5 * S) is not None
    for port in range(5001, 5101):
        heard = Heard(data=packet, source=ME, port=port, hops=60, traffic_class=0, at_ns=BEGIN_NS + 6 * S)
        got = tried.reflector.reflect(heard, now_ns=6 * S, utc=lambda: BEGIN_NS + 6 * S, error=SYNCHRONISED)
        assert got is None
    assert tried.reflector.refused == {Refusal.REPLAYED: 100}


@pytest.mark.parametrize("sent", [20, 600])
def test_a_sender_that_begins_anew_under_a_name_that_was_there_is_measured(sent: int) -> None:
    tried = sealed()
    tried.run(sent)
    tried.end()
    tried.sender = Sender(session=9, key=KEY)
    tried.run(10)
    intervals = tried.end()
    assert sum(one.sent for one in intervals) == 10
    assert not any(one.lost_out or one.lost_home or one.lost_unknown for one in intervals)
    assert tried.reflector.answered == sent + 10


def test_an_answer_that_is_not_sealed_is_not_believed() -> None:
    tried = sealed()
    data = tried.sender.ask(now_ns=5 * S, utc_ns=BEGIN_NS, error=SYNCHRONISED)
    reflected = tried.reflect(data, 5 * S)
    assert reflected is not None
    for forged in (reflected.data[:96] + bytes(16) + reflected.data[112:], reflected.data[:44]):
        assert not tried.sender.hear(forged, now_ns=6 * S, utc_ns=BEGIN_NS + S, error=SYNCHRONISED)
    assert tried.sender.refused == 2


def test_what_is_not_vouched_for_is_not_done() -> None:
    tried = sealed()
    data = bytearray(tried.sender.ask(now_ns=5 * S, utc_ns=BEGIN_NS, error=SYNCHRONISED))
    data[112 + 8 + 10] ^= 1  # in the return path
    reflected = tried.reflect(bytes(data), 5 * S)
    assert reflected is not None
    assert (reflected.segments, reflected.dscp) == ((), 46)
    tried.sender.hear(reflected.data, now_ns=5 * S + 30 * MS, utc_ns=BEGIN_NS, error=SYNCHRONISED)
    assert not only(tried.end()).pinned


# --- what a reflector does --------------------------------------------------------------------------------------


def asked(*tlvs: Tlv, reflector: Reflector) -> tuple[Reflection | None, list[Tlv]]:
    data = Question(sequence=1, stamp=ntp(BEGIN_NS), error=SYNCHRONISED, tlvs=tlvs).to_bytes()
    heard = Heard(data=data, source=ME, port=5000, hops=60, traffic_class=46 << 2 | 1, at_ns=BEGIN_NS)
    got = reflector.reflect(heard, now_ns=S, utc=lambda: BEGIN_NS + 5, error=FREE)
    return got, [] if got is None else list(answer(got.data).tlvs)


def test_the_class_that_is_wanted_is_taken_and_the_class_that_came_is_told() -> None:
    got, (told,) = asked(ClassOfService(wanted=10).tlv(), reflector=Reflector())
    assert got is not None
    assert got.dscp == 10
    assert ClassOfService.of(told) == ClassOfService(wanted=10, seen=46, ecn=1)
    assert told.flags == 0


def test_without_a_wish_the_class_is_that_of_the_question() -> None:
    got, _ = asked(reflector=Reflector())
    assert got is not None
    assert got.dscp == 46


def test_a_way_back_is_taken_where_it_may_be_and_else_said_not_to_be() -> None:
    way = ReturnPath(segments=(b"\xfc" + bytes(15),))
    allows = Reflector(may_go=lambda segments, source: True)
    for reflector, path_, segments, flags in (
        (allows, way, way.segments, 0),
        (Reflector(), way, (), Flag.UNRECOGNISED),
        (allows, ReturnPath(address=FAR), (), Flag.UNRECOGNISED),
        (allows, ReturnPath(code=1), (), Flag.UNRECOGNISED),
    ):
        got, (told,) = asked(path_.tlv(), reflector=reflector)
        assert got is not None
        assert (got.segments, told.flags) == (segments, flags)


def test_who_wants_no_answer_gets_none() -> None:
    reflector = Reflector()
    got, _ = asked(ReturnPath(code=0).tlv(), reflector=reflector)
    assert got is None
    assert reflector.refused == {Refusal.UNWANTED: 1}


def test_tlvs_go_back_with_what_was_found() -> None:
    unknown = Tlv(kind=200, value=b"abc")
    wrong = Tlv(kind=Kind.CLASS_OF_SERVICE, value=b"abc")
    me, other = DestinationNodeAddress(address=FAR).tlv(), DestinationNodeAddress(address=ME).tlv()
    _, told = asked(unknown, padding(5), wrong, me, other, reflector=Reflector(own=[FAR]))
    assert [one.value for one in told] == [b"abc", bytes(5), b"abc", FAR, ME]
    assert [one.flags for one in told] == [Flag.UNRECOGNISED, 0, Flag.MALFORMED, 0, Flag.UNRECOGNISED]


def test_strangers_and_too_many_are_not_answered() -> None:
    reflector = Reflector(may_ask=lambda source: source == FAR)
    assert asked(reflector=reflector)[0] is None
    assert reflector.refused == {Refusal.STRANGER: 1}
    reflector = Reflector(most_per_s=10)
    assert sum(asked(reflector=reflector)[0] is not None for _ in range(30)) == 10
    assert reflector.refused == {Refusal.TOO_MANY: 20}


def test_of_many_sessions_those_longest_silent_are_forgotten() -> None:
    reflector = Reflector(key=KEY, most_sessions=2)
    for session in (1, 2, 3):
        data = Question(sequence=1, stamp=0, error=FREE, session=session).to_bytes(KEY)
        heard = Heard(data=data, source=ME, port=1, hops=1, traffic_class=0, at_ns=0)
        assert reflector.reflect(heard, now_ns=S, utc=lambda: 0, error=FREE) is not None
    assert len(reflector._sessions) == 2


def test_padding_of_twamp_light_comes_back() -> None:
    data = bytes.fromhex("00000000eeb5a1e575757bff3fff") + bytes(64)
    heard = Heard(data=data, source=ME, port=1, hops=1, traffic_class=0, at_ns=0)
    got = Reflector().reflect(heard, now_ns=S, utc=lambda: 0, error=FREE)
    assert got is not None
    assert len(got.data) == len(data)
    assert got.data[24:38] == data[:14]
