"""Steps in blocks against a list of additions that is summed up for every half of a second."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.planning import steps as steps_module
from highroad.planning.steps import Steps, summed

starts = st.one_of(st.just(-math.inf), st.integers(0, 40).map(float))
ends = st.one_of(st.integers(0, 41).map(float), st.just(math.inf))
additions = st.lists(st.tuples(starts, ends, st.integers(-5, 5)), max_size=40)
windows = st.lists(st.tuples(starts, ends), min_size=1, max_size=8)
INSTANTS = [step / 2 for step in range(-2, 86)]


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> object:
    """So that small examples have many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps_module, "BLOCK_STEPS", 4)
        yield


def level(added: list[tuple[float, float, int]], at_s: float) -> int:
    return sum(rate for start_s, until_s, rate in added if start_s <= at_s < until_s)


def check(steps: Steps, added: list[tuple[float, float, int]], windows: list[tuple[float, float]]) -> None:
    assert [steps.most(at, at) for at in INSTANTS] == [level(added, at) for at in INSTANTS]
    assert steps.top == max(level(added, at) for at in INSTANTS)
    assert all(one != other for one, other in pairwise(steps.levels))
    assert steps.times == sorted(set(steps.times))
    for start_s, until_s in windows:
        inside = [at for at in INSTANTS if start_s <= at < until_s]
        if start_s >= until_s or not inside:
            continue
        highest = max(level(added, at) for at in inside)
        assert steps.most(start_s, until_s) == highest
        peak = steps.peak(start_s, until_s)
        assert peak.rate_mbps == highest
        first = next(at for at in inside if level(added, at) == highest)
        assert peak.at_s == (start_s if first == inside[0] else first)
        course = steps.course(start_s, until_s)
        assert course[0] == (start_s, steps.most(start_s, start_s))
        assert [at_s for at_s, _ in course[1:]] == steps.changes(start_s, until_s)
        assert all(steps.most(at_s, at_s) == rate for at_s, rate in course)


@given(additions, windows)
def test_equals_the_sum_of_its_additions(
    added: list[tuple[float, float, int]], windows: list[tuple[float, float]]
) -> None:
    steps = Steps()
    for start_s, until_s, rate in added:
        steps.add(start_s, until_s, rate)
    check(steps, added, windows)
    copied = steps.copy()
    copied.add(-math.inf, 20.0, 3)
    check(steps, added, windows)
    check(copied, [*added, (-math.inf, 20.0, 3)], windows)


@given(additions)
def test_all_at_once_is_one_by_one(added: list[tuple[float, float, int]]) -> None:
    one_by_one = [Steps(), Steps(), Steps()]
    real = [(index % 2, *one) for index, one in enumerate(added) if one[0] < one[1]]
    for index, start_s, until_s, rate in real:
        one_by_one[index].add(start_s, until_s, rate)
    columns = list(zip(*real, strict=True)) or [(), (), (), ()]
    at_once = summed(
        3,
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.float64),
        np.array(columns[2], dtype=np.float64),
        np.array(columns[3], dtype=np.int64),
    )
    for one, other in zip(one_by_one, at_once, strict=True):
        assert (one.times, one.levels) == (other.times, other.levels)
        assert one.top == other.top
    both = one_by_one[0].plus(np.array(at_once[1].times), np.array(at_once[1].levels))
    assert both.times == sorted(set(both.times))
    for at in INSTANTS:
        assert both.most(at, at) == one_by_one[0].most(at, at) + one_by_one[1].most(at, at)


@given(additions, additions)
def test_blocks_that_were_read_in_can_be_changed(
    added: list[tuple[float, float, int]], later: list[tuple[float, float, int]]
) -> None:
    steps = Steps()
    for one in added:
        steps.add(*one)
    again = Steps(steps.times, steps.levels)
    for one in later:
        again.add(*one)
    check(again, [*added, *later], [(-math.inf, math.inf), (3.0, 30.0), (7.0, math.inf)])
