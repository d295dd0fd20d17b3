"""What became of packets: held against a count by hand, and against a random walk that knows the truth."""

from __future__ import annotations

import random

import pytest

from highroad.lab.traffic.ledger import GONE_NS, LATE_NS, Ledger, dark_ns

MS = 1_000_000
EVERY = 10 * MS
DELAY = 5 * MS


def run(lost: set[int], *, packets: int = 100, delay_ns: dict[int, int] | None = None) -> tuple[Ledger, int]:
    """Packets every 10 ms that take 5 ms, but for those that are lost or take another time. Returns when it ended."""
    delays = delay_ns or {}
    ledger = Ledger()
    start = 1_000_000 * MS
    events = [(start + number * EVERY, 0, number) for number in range(packets)]
    events += [
        (start + number * EVERY + delays.get(number, DELAY), 1, number)
        for number in range(packets)
        if number not in lost
    ]
    for at, what, number in sorted(events):
        if what == 0:
            ledger.sent(1000, EVERY, at)
        else:
            ledger.arrived(number, 1000, start + number * EVERY, at)
        ledger.settle(at)
    return ledger, events[packets - 1][0] + DELAY


def test_all_arrive() -> None:
    ledger, end = run(set())
    ledger.settle(end + 10 * GONE_NS)
    assert (ledger.sent_packets, ledger.received_packets, ledger.lost_packets) == (100, 100, 0)
    assert (ledger.sent_bytes, ledger.received_bytes, ledger.lost_bytes) == (100_000, 100_000, 0)
    assert ledger.latency_ns == pytest.approx(DELAY)
    assert ledger.longest_gap_ns == EVERY
    assert ledger.dark == []
    assert ledger.dark_since_ns(end + EVERY) is None


def test_a_hole_is_dark_from_when_its_first_packet_was_due_until_the_next_arrival() -> None:
    ledger, end = run(set(range(40, 60)))
    ledger.settle(end + LATE_NS)
    assert ledger.lost_packets == 20
    assert ledger.lost_bytes == 20_000
    assert [until - since for since, until in ledger.dark] == [20 * EVERY]
    assert ledger.longest_gap_ns == 21 * EVERY


def test_one_lost_packet_is_lost_and_not_dark() -> None:
    ledger, end = run({50})
    ledger.settle(end + LATE_NS)
    assert ledger.lost_packets == 1
    assert ledger.dark == []


def test_a_shorter_path_overtakes_and_nothing_is_lost() -> None:
    slow = dict.fromkeys(range(50), 60 * MS)
    ledger, end = run(set(), delay_ns=slow)
    ledger.settle(end + 10 * GONE_NS)
    assert (ledger.received_packets, ledger.lost_packets) == (100, 0)
    assert ledger.dark == []


def test_a_longer_path_is_a_pause_and_not_dark() -> None:
    slow = dict.fromkeys(range(50, 100), 60 * MS)
    ledger, end = run(set(), delay_ns=slow)
    assert (ledger.received_packets, ledger.lost_packets, ledger.dark) == (100, 0, [])
    assert ledger.dark_since_ns(end) is None


def test_nothing_is_lost_while_it_may_be_on_its_way() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.sent(1000, EVERY, 1000 * MS + number * EVERY)
        ledger.settle(1000 * MS + number * EVERY)
    assert ledger.lost_packets == 0
    assert ledger.sent_packets == 100


def test_darkness_grows_while_it_is_dark_and_is_counted_once() -> None:
    ledger, end = run(set(range(50, 100)))
    later = end + 3 * GONE_NS
    ledger.settle(later)
    assert ledger.lost_packets == 50
    assert ledger.dark_since_ns(later) is None  # nobody sends any more: it is not dark, it is quiet
    ledger, end = run(set(range(50, 1000)), packets=1000)
    since = ledger.dark_since_ns(end)
    assert since is not None
    assert end - since == pytest.approx(950 * EVERY, rel=0.01)
    assert ledger.dark == []


def test_who_begins_again_after_a_pause_was_not_in_the_dark() -> None:
    ledger, end = run(set())
    ledger.sent(1000, EVERY, end + 100 * GONE_NS)
    ledger.arrived(100, 1000, end + 100 * GONE_NS, end + 100 * GONE_NS + DELAY)
    assert ledger.dark == []
    assert ledger.longest_gap_ns == EVERY


def test_a_packet_that_comes_twice_counts_once() -> None:
    ledger, end = run(set())
    ledger.arrived(99, 1000, end - DELAY, end + MS)
    ledger.arrived(3, 1000, end - DELAY, end + MS)
    assert ledger.received_packets == 100


@pytest.mark.parametrize("seed", range(30))
def test_a_random_walk_is_counted_as_it_was(seed: int) -> None:
    dice = random.Random(seed)
    lost: set[int] = set()
    for _ in range(dice.randrange(4)):
        first = dice.randrange(200)
        lost |= set(range(first, min(200, first + dice.randrange(1, 30))))
    delays = {number: DELAY + dice.randrange(40) * MS for number in range(200)}
    ledger, end = run(lost, packets=200, delay_ns=delays)
    ledger.settle(end + 10 * GONE_NS)
    assert ledger.sent_packets == 200
    assert ledger.received_packets == 200 - len(lost)
    assert ledger.lost_packets == len(lost)
    assert ledger.lost_bytes == 1000 * len(lost)
    if not lost:
        assert ledger.dark == []


def test_darkness_of_two_directions_is_counted_once() -> None:
    assert dark_ns([]) == 0
    assert dark_ns([(0, 10), (5, 20), (30, 40), (32, 35)]) == 30


def test_how_long_it_was_dark_is_in_doubt_until_no_gap_of_either_direction_can_grow_or_come_to_count() -> None:
    """Dark for 24 ms one way and for 110 the other: nobody who looks is told 24 for all there was."""
    every, start, there, back = 8 * MS, 1_000_000 * MS, Ledger(), Ledger()
    events: list[tuple[int, int, Ledger, int]] = []
    for number, at in enumerate(range(start, start + 1200 * MS, every)):
        for ledger, dark in ((back, 24 * MS), (there, 110 * MS)):
            events.append((at, 0, ledger, number))
            if not 500 * MS <= at - start < 500 * MS + dark:
                events.append((at + DELAY, 1, ledger, number))
    told: list[tuple[int, float, bool]] = []
    looks = [(at, 2, there, 0) for at in range(start + 400 * MS, start + 1100 * MS, 5 * MS)]
    for at, what, ledger, number in sorted([*events, *looks], key=lambda one: one[:2]):
        if what == 0:
            ledger.sent(500, every, at)
        elif what == 1:
            ledger.arrived(number, 500, at - DELAY, at)
        else:
            for one in (there, back):
                one.settle(at)
            total_ms = dark_ns([*there.dark, *back.dark]) / MS
            told.append((at - start - 500 * MS, total_ms, there.in_doubt(at) or back.in_doubt(at)))
    assert {total for _, total, _ in told} == {0.0, 24.0, 112.0}
    assert {total for after, total, doubt in told if not doubt and after > 40 * MS} == {112.0}
    assert not any(doubt for after, _, doubt in told if after < 0)
    first = min(after for after, total, doubt in told if total and not doubt)
    assert first <= 120 * MS + DELAY + LATE_NS + 5 * MS, "no later than it can be known"
