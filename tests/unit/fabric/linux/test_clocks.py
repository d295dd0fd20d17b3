"""A router's times by our clock: of one that is wrong by hours, of one that is set, and when we were stopped."""

from __future__ import annotations

import pytest

from highroad.fabric.linux.clocks import LAST, MARGIN_NS, REMEMBERED, RouterClock
from highroad.gnmi.client import Answered

S, MS = 1_000_000_000, 1_000_000
NOW = 1_800_000_000 * S
HOUR = 3600 * S


def answer(clock: RouterClock, off_ns: int, *, at_ns: int = NOW, took_ns: int = MS, at: float = 0.5) -> bool:
    """Its clock is so far ahead; it answers at that part of the round trip."""
    router_ns = at_ns + round(at * took_ns) + off_ns
    return clock.answered(Answered(sent_ns=at_ns, got_ns=at_ns + took_ns, took_ns=took_ns, router_ns=router_ns))


@pytest.mark.parametrize("off_ns", [-HOUR, HOUR, -7 * S, 200 * MS, -200 * MS])
def test_times_of_a_wrong_clock_are_told_by_ours(off_ns: int) -> None:
    clock = RouterClock()
    assert clock.ours(NOW + off_ns, NOW) == NOW + off_ns, "nothing is known of it yet"
    assert not answer(clock, off_ns)
    assert clock.ahead_s == pytest.approx(off_ns / S)
    assert clock.ours(NOW + off_ns - 20 * MS, NOW) == pytest.approx(NOW - 20 * MS, abs=MS)
    assert clock.ours(0, NOW) == 0


@pytest.mark.parametrize("off_ns", [0, MARGIN_NS, -MARGIN_NS])
def test_what_may_be_an_error_is_left_to_the_last_digit(off_ns: int) -> None:
    clock = RouterClock()
    answer(clock, off_ns, at=0.9)
    assert clock.ahead_s == 0.0
    assert clock.ours(NOW + off_ns - 17, NOW) == NOW + off_ns - 17


def test_a_controller_that_was_stopped_is_no_clock_that_is_behind() -> None:
    """SIGSTOP for 20 s: what is heard late is as old as it says, and the answer that waited says little."""
    clock = RouterClock()
    answer(clock, 0)
    seen_ns, awake_ns = NOW + S, NOW + 21 * S
    assert clock.ours(seen_ns, awake_ns) == seen_ns
    assert not answer(clock, 0, at_ns=NOW + S, took_ns=20 * S, at=0.0001)
    assert clock.ours(seen_ns + 1, awake_ns) == seen_ns + 1
    alone = RouterClock()
    answer(alone, 0, took_ns=20 * S, at=0.0001)
    assert alone.ours(seen_ns, awake_ns) == seen_ns


def test_the_shortest_round_trip_of_the_last_ones_counts() -> None:
    clock = RouterClock()
    answer(clock, -HOUR, took_ns=2 * MS)
    for _ in range(LAST - 1):
        answer(clock, -HOUR, took_ns=900 * MS, at=1.0)
    assert clock.ahead_s == pytest.approx(-3600.0, abs=0.002)
    answer(clock, -HOUR, took_ns=900 * MS, at=1.0)
    assert clock.ahead_s == pytest.approx(-3600.0, abs=0.46)
    assert clock.ahead_s > -3599.9


@pytest.mark.parametrize("off_ns", [-HOUR, HOUR])
def test_a_clock_that_is_set_changes_no_time_that_was_told(off_ns: int) -> None:
    clock = RouterClock()
    answer(clock, 0)
    before_ns = NOW - 5 * S
    assert clock.ours(before_ns, NOW) == before_ns
    assert not answer(clock, 0, at_ns=NOW + S)
    assert answer(clock, off_ns, at_ns=NOW + 2 * S)
    assert clock.ours(before_ns, NOW + 3 * S) == before_ns
    assert clock.ours(NOW + 3 * S + off_ns, NOW + 3 * S) == pytest.approx(NOW + 3 * S, abs=MS)
    assert not answer(clock, off_ns, at_ns=NOW + 4 * S)


@pytest.mark.parametrize("off_ns", [-HOUR, HOUR])
def test_what_was_heard_between_the_setting_and_the_next_answer_is_put_right_by_that(off_ns: int) -> None:
    clock = RouterClock()
    answer(clock, 0)
    right_ns, wrong_ns = NOW + 300 * MS, NOW + 600 * MS + off_ns
    assert clock.ours(right_ns, right_ns + MS) == right_ns
    assert clock.ours(wrong_ns, NOW + 601 * MS) == min(wrong_ns, NOW + 601 * MS)
    assert answer(clock, off_ns, at_ns=NOW + S)
    assert clock.ours(right_ns, NOW + 2 * S) == right_ns
    assert clock.ours(wrong_ns, NOW + 2 * S) == pytest.approx(NOW + 600 * MS, abs=2 * MS)


def test_when_ours_was_set_meanwhile_an_answer_says_nothing() -> None:
    clock = RouterClock()
    assert not clock.answered(Answered(sent_ns=NOW, got_ns=NOW + HOUR, took_ns=MS, router_ns=NOW))
    assert clock.ours(NOW - HOUR, NOW) == NOW - HOUR
    assert clock.ahead_s == 0.0


def test_times_are_remembered_within_bounds() -> None:
    clock = RouterClock()
    answer(clock, 0)
    for at in range(3 * REMEMBERED):
        clock.ours(NOW - 10 * S + at, NOW)
    assert len(clock._told) == REMEMBERED
