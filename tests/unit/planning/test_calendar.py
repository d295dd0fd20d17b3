"""The calendar against a naive one that keeps a list and adds it up."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from highroad.model.service import Window
from highroad.planning.calendar import Calendar, Claim

times = st.integers(0, 20).map(float)
ends = st.one_of(times, st.just(math.inf))
claims = st.builds(Claim, st.sampled_from(["x", "y"]), times, ends, st.integers(1, 50))
edits = st.lists(st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.lists(claims, max_size=3)), max_size=25)


def naive_level(held: dict[str, list[Claim]], resource: str, at_s: float) -> int:
    return sum(
        claim.rate_mbps
        for mine in held.values()
        for claim in mine
        if claim.resource == resource and claim.start_s <= at_s < claim.until_s
    )


@given(edits, times, st.integers(1, 20))
def test_equals_a_naive_recomputation(edits: list[tuple[str, list[Claim]]], start: float, length: int) -> None:
    calendar = Calendar({"x": 100, "y": 100})
    held: dict[str, list[Claim]] = {}
    for holder, mine in edits:
        calendar.keep(holder, mine)
        held[holder] = mine
    for resource in ("x", "y"):
        window = Window(start_s=start, end_s=start + length)
        instants = [start + step / 2 for step in range(2 * length)]
        levels = [naive_level(held, resource, at) for at in instants]
        peak = calendar.peak(resource, window)
        assert peak.rate_mbps == max(levels)
        assert peak.at_s == instants[levels.index(max(levels))]
        assert calendar.free(resource, window) == 100 - max(levels)
        assert [calendar.at(resource, at) for at in instants] == levels


@given(edits)
def test_forgets_without_a_trace_when_everything_is_given_back(edits: list[tuple[str, list[Claim]]]) -> None:
    calendar = Calendar({"x": 100, "y": 100})
    for holder, mine in edits:
        calendar.keep(holder, mine)
    for holder in ("s1", "s2", "s3"):
        calendar.keep(holder, ())
    assert all(line.need.times == [-math.inf] and line.need.levels == [0] for line in calendar._lines.values())


def test_without_a_holder_is_as_if_it_were_not_there_and_comes_back() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", [Claim("x", 0.0, 10.0, 60)])
    calendar.keep("t", [Claim("x", 5.0, 10.0, 30)])
    window = Window(start_s=0.0, end_s=10.0)
    with calendar.without("s"):
        assert calendar.free("x", window) == 70
    assert calendar.free("x", window) == 10


def test_a_window_that_touches_another_does_not_meet_it() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", [Claim("x", 0.0, 10.0, 100)])
    assert calendar.free("x", Window(start_s=10.0, end_s=20.0)) == 100
    assert calendar.free("x", Window(start_s=math.nextafter(10.0, 0), end_s=20.0)) == 0


def test_says_what_is_oversold() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", [Claim("x", 0.0, 10.0, 100)])
    assert calendar.oversold() == []
    calendar.keep("t", [Claim("x", 3.0, 4.0, 1)])
    assert [(name, peak.rate_mbps, peak.at_s) for name, peak in calendar.oversold()] == [("x", 101, 3.0)]
