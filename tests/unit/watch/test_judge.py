"""A link that is cut is down in time, one that is not is up, whatever happens to the watcher: in virtual time."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.watch.judge import Verdict
from highroad.watch.talk import Reason
from tests.unit.watch.world import MS, World

CUT_NS = 3_000 * MS


def before(at_ns: int) -> bool:
    return at_ns < CUT_NS


def cut(
    rtt_ms: float = 0.1, *, out: bool = True, back: bool = True, offset_ms: float = 0.0, light_ms: float = 0.0
) -> World:
    """A world that is cut when it has been well for two seconds, and somewhat more."""
    world = World(rtt_ns=round(rtt_ms * MS), light_ns=round(light_ms * MS))
    at_ns = CUT_NS + round(offset_ms * MS)
    world.out = (lambda now_ns: now_ns < at_ns) if out else world.out
    world.back = (lambda now_ns: now_ns < at_ns) if back else world.back
    assert world.run(2_000 + offset_ms) == []
    assert world.judge.watched
    return world


@pytest.mark.parametrize("rtt_ms", [0.1, 3.0, 12.0, 41.0])
@pytest.mark.parametrize("offset_ms", [0.0, 1.3, 2.5, 3.9, 4.9])
def test_a_cut_is_known_between_two_and_three_intervals_after_it_could_be(rtt_ms: float, offset_ms: float) -> None:
    world = cut(rtt_ms, offset_ms=offset_ms)
    (down,) = world.run(1_000)
    assert (down.up, down.reason) == (False, Reason.SILENT)
    # what was on its way back is lost as well: the first hello that is not answered was sent a round trip before
    earliest_ms, latest_ms = 10.0 + rtt_ms / 2, 15.0 + rtt_ms / 2 + 1.5
    after_ms = (down.since_ns - CUT_NS) / MS - offset_ms
    assert earliest_ms - rtt_ms / 2 <= after_ms <= latest_ms + rtt_ms / 2


def test_a_cut_counts_when_light_would_have_told() -> None:
    soon, later = (cut(light_ms=light_ms).run(1_000)[0].since_ns for light_ms in (0.0, 4.0))
    assert later - soon == 4 * MS


def test_whoever_is_not_heard_says_so() -> None:
    assert [one.reason for one in cut(back=False).run(500)] == [Reason.ONE_WAY]
    # nothing of theirs comes, nor of ours back: which of both is cut cannot be known
    assert [one.reason for one in cut(out=False).run(500)] == [Reason.SILENT]


def test_a_cut_of_which_one_way_goes_first_is_silence_once_the_other_has_gone() -> None:
    world = cut(back=False)
    world.back = lambda now_ns: now_ns < CUT_NS + 30 * MS
    assert [one.reason for one in world.run(3_000)] == [Reason.ONE_WAY, Reason.SILENT]


def test_a_link_that_is_well_again_is_up_after_a_while_and_later_with_each_flap() -> None:
    world = World()
    holes = [(3_000, 3_100), (5_000, 5_100), (9_000, 9_100)]
    world.out = world.back = lambda at_ns: not any(start * MS <= at_ns < end * MS for start, end in holes)
    said = world.run(20_000)
    assert [one.up for one in said] == [False, True] * 3
    waits_ms = [(up.since_ns / MS - end) for up, (_, end) in zip(said[1::2], holes, strict=True)]
    for waited_ms, held_ms in zip(waits_ms, (1_000, 2_000, 4_000), strict=True):
        assert held_ms <= waited_ms <= held_ms + 25


def test_a_link_that_flaps_all_the_time_is_held_down_so_long_at_most() -> None:
    world = World()
    world.judge.limits = replace(world.judge.limits, hold_up_most_ns=5_000 * MS)
    world.run(500)
    for _ in range(5):
        world.out = lambda at_ns: False
        world.run(40)
        world.out = lambda at_ns: True
        while not world.judge.up:
            world.run(500)
    assert world.judge.hold_ns == 5_000 * MS
    downs = [one.since_ns for one in world.said if not one.up]
    ups = [one.since_ns for one in world.said if one.up]
    assert max(up - down for up, down in zip(ups, downs, strict=True)) < 5_100 * MS


def test_light_that_goes_is_a_cut_at_once_and_holds_when_it_comes() -> None:
    world = cut(out=False, back=False)
    assert world.judge.light(False, world.now_ns) == Verdict(up=False, since_ns=world.now_ns, reason=Reason.LIGHT)
    assert world.run(300) == []
    came_ns = world.now_ns
    assert world.judge.light(True, came_ns) is None
    (up,) = world.run(2_000)
    assert up.up
    assert 1_000 <= (up.since_ns - came_ns) / MS <= 1_025


def test_where_nobody_answers_only_light_is_known() -> None:
    world = World(out=lambda at_ns: False)
    assert world.run(5_000) == []
    down = world.judge.light(False, world.now_ns)
    assert down is not None
    assert down.reason is Reason.LIGHT
    up = world.judge.light(True, world.now_ns + MS)
    assert up is not None
    assert up.up


@given(
    stalls=st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 400)), max_size=12),
    late=st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 100)), max_size=6),
    rtt_us=st.integers(50, 30_000),
)
@settings(max_examples=25)
def test_no_stall_of_ours_takes_a_link_down(
    stalls: list[tuple[int, int]], late: list[tuple[int, int]], rtt_us: int
) -> None:
    """Neither the watcher's, nor its kernel's, which says so."""

    def during(some: list[tuple[int, int]], at_ns: int) -> bool:
        at_ms = at_ns / MS - 2_000
        return any(start <= at_ms < start + length for start, length in some)

    world = World(rtt_ns=1_000 * rtt_us)
    world.stalled = lambda at_ns: during(stalls, at_ns)
    # what waited is worked off a moment after the kernel runs again: a witness is behind what was before it
    world.behind = lambda at_ns: during(late, at_ns)
    assert world.run(6_000) == []
    assert world.judge.up


@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.2, 0.3]), back_loss=st.sampled_from([0.0, 0.15]))
@settings(max_examples=8)
def test_a_link_that_loses_much_is_as_good_as_cut(seed: int, loss: float, back_loss: float) -> None:
    draw = random.Random(seed)
    world = World()
    world.out = lambda at_ns: at_ns < CUT_NS or draw.random() >= loss
    world.back = lambda at_ns: at_ns < CUT_NS or draw.random() >= back_loss
    said = world.run(6_000)
    assert said[0].up is False
    assert (said[0].since_ns - CUT_NS) / MS <= 1_100
    assert all(not one.up for one in said)
    assert said[-1].reason is Reason.LOSS


def test_how_much_is_lost_on_the_way_out_is_told_whatever_is_lost_on_the_way_back() -> None:
    draw, told = random.Random(3), []
    world = World(out=lambda at_ns: draw.random() >= 0.07, back=lambda at_ns: draw.random() >= 0.04)
    for _ in range(40):
        world.run(250)
        told.append(world.judge.loss)
    assert 0.04 < sum(told) / len(told) < 0.11


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5)
def test_a_link_that_loses_little_is_up(seed: int) -> None:
    draw = random.Random(seed)
    world = World(out=lambda at_ns: draw.random() >= 0.01, back=lambda at_ns: draw.random() >= 0.001)
    assert world.run(10_000) == []


def test_what_the_neighbour_loses_on_its_way_to_us_is_for_the_neighbour_to_say() -> None:
    draw, told = random.Random(7), []
    world = World(back=lambda at_ns: draw.random() >= 0.12)
    for _ in range(40):
        world.run(250)
        told.append(world.judge.loss)
    assert sum(told) / len(told) < 0.05
