"""The calendar with backups that stand by, against one that adds up every group at every half of a second."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.model.window import Window, window_of
from highroad.planning import calendar as planning_calendar
from highroad.planning import standby, steps
from highroad.planning.calendar import Calendar, Claim, Standby

LINKS = ("x", "y", "z")
GROUPS = tuple("abcdef")
INSTANTS = [step / 2 for step in range(-2, 46)]
CAPACITY = {"x": 60, "y": 90, "z": 40}

starts = st.one_of(st.just(-math.inf), st.integers(0, 20).map(float))
ends = st.one_of(st.integers(0, 21).map(float), st.just(math.inf))
rates = st.one_of(st.integers(0, 3), st.integers(0, 20))
some_groups = st.frozensets(st.sampled_from(GROUPS), max_size=4)
claims = st.builds(Claim, st.sampled_from(LINKS), starts, ends, rates)
few_groups = st.frozensets(st.sampled_from(GROUPS[:3]), min_size=1, max_size=2)
endless = st.builds(Standby, st.just("x"), st.just(-math.inf), st.just(math.inf), st.integers(1, 20), few_groups)
ending = st.builds(Standby, st.just("x"), starts, st.integers(8, 21).map(float), st.integers(1, 20), few_groups)
anyhow = st.builds(Standby, st.sampled_from(LINKS), starts, ends, rates, some_groups)
standbys = st.one_of(endless, ending, anyhow)
"""Often on one link and of few groups, some with an end and some with none: those that have to do with each other."""

holders = st.sampled_from(["s1", "s2", "s3", "s4", "s5"])
Held = tuple[list[Claim], list[Standby]]
edits = st.lists(st.tuples(holders, st.lists(claims, max_size=3), st.lists(standbys, max_size=4)), max_size=15)


class Naive:
    """What holders have, added up again for every question."""

    def __init__(self, held: dict[str, Held]) -> None:
        self.held = held

    def claimed(self, link: str, at_s: float) -> int:
        return sum(
            claim.rate_mbps
            for mine, _ in self.held.values()
            for claim in mine
            if claim.resource == link and claim.start_s <= at_s < claim.until_s
        )

    def standing_by(self, link: str, at_s: float, group: str) -> int:
        return sum(
            one.rate_mbps
            for _, mine in self.held.values()
            for one in mine
            if one.resource == link and one.start_s <= at_s < one.until_s and group in one.groups
        )

    def reserve(self, link: str, at_s: float, groups: frozenset[str] = frozenset(GROUPS)) -> int:
        return max((self.standing_by(link, at_s, group) for group in groups), default=0)

    def need(self, link: str, at_s: float) -> int:
        return self.claimed(link, at_s) + self.reserve(link, at_s)

    def spare(self, link: str, instants: list[float], groups: frozenset[str]) -> int:
        free = min(CAPACITY[link] - self.need(link, at) for at in instants)
        used = [self.claimed(link, at) + self.reserve(link, at, groups) for at in instants]
        return free if free < 0 else CAPACITY[link] - max(used)


def check(calendar: Calendar, held: dict[str, Held], window: Window, groups: frozenset[str]) -> None:
    naive = Naive(held)
    inside = [at for at in INSTANTS if any(part.start_s <= at < part.until_s for part in window.parts)]
    for link in LINKS:
        needs = [naive.need(link, at) for at in INSTANTS]
        assert [calendar.at(link, at) for at in INSTANTS] == needs
        assert [calendar.claimed_at(link, at) for at in INSTANTS] == [naive.claimed(link, at) for at in INSTANTS]
        assert [calendar.reserve_at(link, at) for at in INSTANTS] == [naive.reserve(link, at) for at in INSTANTS]
        free = CAPACITY[link] - max(naive.need(link, at) for at in inside)
        assert calendar.free(link, window) == free
        assert calendar.peak(link, window).rate_mbps == CAPACITY[link] - free
        spare = calendar.spare_for(link, window, groups)
        assert spare == naive.spare(link, inside, groups)
        for rate in (0, 5, free, free + 1, spare, spare + 1):
            assert calendar.fits(link, window, rate) == (rate <= free)
            assert calendar.fits_standby(link, window, rate, groups) == (rate <= spare)
        unclaimed = calendar.unclaimed(link, window)
        if free >= 0:
            surely = calendar.surely_spare_for(link, unclaimed, groups)
            assert surely <= spare
            assert surely != unclaimed or spare == unclaimed
        if free >= 0 and not window.pieces:
            each = calendar.spares(link, window)
            assert spare == min((each.get(one, unclaimed) for one in calendar.numbered(groups)), default=unclaimed)
    over = {link for link in LINKS if any(naive.need(link, at) > CAPACITY[link] for at in INSTANTS)}
    assert {link for link, _ in calendar.oversold()} == over


def replayed(edits: list[tuple[str, list[Claim], list[Standby]]]) -> tuple[Calendar, dict[str, Held]]:
    calendar, held = Calendar(CAPACITY), {}
    for holder, mine, backups in edits:
        calendar.keep(holder, mine, backups)
        held[holder] = (mine, backups)
    return calendar, held


@given(edits, starts, st.integers(1, 30), some_groups)
def test_equals_a_naive_recomputation(
    edits: list[tuple[str, list[Claim], list[Standby]]], start_s: float, length_s: int, groups: frozenset[str]
) -> None:
    calendar, held = replayed(edits)
    until_s = 12.0 if start_s == -math.inf else start_s + length_s
    for window in (Window(start_s=start_s, end_s=until_s), Window(start_s=start_s)):
        check(calendar, held, window, groups)


@given(edits, starts, st.integers(1, 30), some_groups)
def test_many_claims_at_once_come_to_the_same(
    edits: list[tuple[str, list[Claim], list[Standby]]], start_s: float, length_s: int, groups: frozenset[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planning_calendar, "MANY", 0)
        calendar, held = replayed(edits)
        until_s = 12.0 if start_s == -math.inf else start_s + length_s
        check(calendar, held, Window(start_s=start_s, end_s=until_s), groups)


@given(edits, st.sets(st.integers(0, 40), min_size=2), some_groups, st.sampled_from([0, 1, 100]))
def test_a_window_in_pieces_is_looked_at_in_its_pieces_only(
    edits: list[tuple[str, list[Claim], list[Standby]]], bounds: set[int], groups: frozenset[str], few: int
) -> None:
    calendar, held = replayed(edits)
    halves = [bound / 2 for bound in sorted(bounds)]
    pieces = tuple(Window(start_s=a, end_s=b) for a, b in zip(halves[::2], halves[1::2], strict=False))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "FEW_PIECES", few)
        patched.setattr(standby, "MOST_CELLS", few)
        check(calendar, held, window_of(pieces), groups)


@given(edits, holders, holders, st.lists(claims, max_size=2), st.lists(standbys, max_size=3))
def test_without_one_and_another_is_as_if_they_were_not_there(
    edits: list[tuple[str, list[Claim], list[Standby]]],
    one: str,
    other: str,
    mine: list[Claim],
    backups: list[Standby],
) -> None:
    calendar, held = replayed(edits)
    window, groups = Window(start_s=2.0, end_s=9.0), frozenset("abc")
    with calendar.without(one):
        rest = {name: had for name, had in held.items() if name != one}
        check(calendar, rest, window, groups)
        with calendar.without(other):
            check(calendar, {name: had for name, had in rest.items() if name != other}, window, groups)
        check(calendar, rest, window, groups)
    check(calendar, held, window, groups)
    with calendar.without(one):
        calendar.keep(one, mine, backups)
    check(calendar, {**held, one: (mine, backups)}, window, groups)


@given(edits)
def test_all_at_once_is_one_by_one(edits: list[tuple[str, list[Claim], list[Standby]]]) -> None:
    one_by_one, held = replayed(edits)
    at_once = Calendar.build(CAPACITY, edits)
    for calendar in (one_by_one, at_once):
        for holder in held:
            assert calendar.claims(holder) == one_by_one.claims(holder)
            assert calendar.standbys(holder) == one_by_one.standbys(holder)
    check(at_once, held, Window(start_s=0.0, end_s=9.0), frozenset("ab"))
    for link in LINKS:
        ours, theirs = one_by_one._lines[link], at_once._lines[link]
        assert (ours.need.times, ours.need.levels) == (theirs.need.times, theirs.need.levels)
        assert (ours.claimed.times, ours.claimed.levels) == (theirs.claimed.times, theirs.claimed.levels)
        for groups in map(frozenset, ("a", "bc", "abc")):  # prices follow from it: however the calendar came about
            surely = [calendar.surely_spare_for(link, 100, groups) for calendar in (one_by_one, at_once)]
            assert surely[0] == surely[1]
    for holder in held:
        at_once.keep(holder, ())
    assert all(line.need.times == [-math.inf] and line.need.levels == [0] for line in at_once._lines.values())
    assert all(line.reserve is None for line in at_once._lines.values())


@settings(max_examples=200)
@given(edits)
def test_what_was_checked_first_survives_any_one_failure(edits: list[tuple[str, list[Claim], list[Standby]]]) -> None:
    calendar = Calendar(CAPACITY)
    for holder, mine, backups in edits:
        calendar.keep(holder, ())
        for count, claim in enumerate(mine):
            if not calendar.fits(claim.resource, _window(claim), claim.rate_mbps):
                break
            calendar.keep(holder, mine[: count + 1])
        kept = calendar.claims(holder)
        for count, one in enumerate(backups):
            if calendar.spare_for(one.resource, _window(one), one.groups) < one.rate_mbps:
                break
            calendar.keep(holder, kept, backups[: count + 1])
        assert calendar.oversold() == []
    names = {holder for holder, _, _ in edits}
    for group in GROUPS:
        failed = Calendar(CAPACITY)
        for name in names:
            moved = [
                Claim(one.resource, one.start_s, one.until_s, one.rate_mbps)
                for one in calendar.standbys(name)
                if group in one.groups
            ]
            failed.keep(name, [*calendar.claims(name), *moved])
        assert failed.oversold() == []


def test_two_that_nothing_takes_down_together_share_the_reserve() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", (), [Standby("x", 0.0, math.inf, 60, frozenset({"a", "b"}))])
    calendar.keep("t", (), [Standby("x", 5.0, 10.0, 50, frozenset({"c"}))])
    assert calendar.reserve_at("x", 7.0) == 60
    assert calendar.spare_for("x", Window(start_s=0.0), frozenset({"c", "d"})) == 50
    assert calendar.spare_for("x", Window(start_s=10.0), frozenset({"c", "d"})) == 100
    assert calendar.spare_for("x", Window(start_s=0.0), frozenset({"a"})) == 40
    assert calendar.free("x", Window(start_s=0.0)) == 40


def test_what_is_left_when_one_goes_is_what_another_group_needs_by_one() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", (), [Standby("x", 0.0, math.inf, 10, frozenset("a"))])
    calendar.keep("t", (), [Standby("x", 5.0, 10.0, 1, frozenset("b"))])
    with calendar.without("s"):
        assert [calendar.reserve_at("x", at) for at in (0.0, 5.0, 10.0)] == [0, 1, 0]
    calendar.keep("u", [Claim("x", 20.0, 30.0, 21)])
    calendar.keep("v", [Claim("x", 0.0, 5.0, 20)])
    calendar.keep("w", (), [Standby("x", 0.0, 5.0, 11, frozenset("a")), Standby("x", 10.0, 20.0, 9, frozenset("a"))])
    assert calendar.spare_for("x", Window(start_s=0.0), frozenset("a")) == 100 - 21 - 20


def test_the_fullest_instant_counts_where_neither_claims_nor_standbys_are_at_their_most() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", [Claim("x", 0.0, 1.0, 15), Claim("x", 1.0, 2.0, 2), Claim("x", 2.0, 3.0, 18)])
    calendar.keep("t", (), [Standby("x", 0.0, 1.0, 10, frozenset("a")), Standby("x", 1.0, 2.0, 9, frozenset("a"))])
    assert calendar.spare_for("x", Window(start_s=0.0), frozenset("a")) == 100 - 25


def test_what_is_left_when_one_with_an_end_goes_is_what_one_without_needs() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep("s", (), [Standby("x", -math.inf, math.inf, 10, frozenset("a"))])
    calendar.keep("t", (), [Standby("x", 2.0, 5.0, 15, frozenset("b"))])
    assert [calendar.reserve_at("x", at) for at in (0.0, 3.0, 6.0)] == [10, 15, 10]
    with calendar.without("s"):
        assert [calendar.reserve_at("x", at) for at in (0.0, 3.0, 6.0)] == [0, 15, 0]
    calendar.keep("t", ())
    assert [calendar.reserve_at("x", at) for at in (0.0, 3.0, 6.0)] == [10, 10, 10]


def test_what_does_not_stand_by_cannot_be_let_go() -> None:
    numbers = standby.GroupNumbers()
    mine, other = numbers.of(frozenset("a")), numbers.of(frozenset("b"))
    reserve = standby.Reserve.empty()
    reserve.put(Standby("x", -math.inf, math.inf, 10, frozenset("a")), mine, len(numbers))
    with pytest.raises(KeyError):
        reserve.take(Standby("x", -math.inf, math.inf, 10, frozenset("b")), other, len(numbers))


def _window(one: Claim | Standby) -> Window:
    return Window(start_s=one.start_s, end_s=None if one.until_s == math.inf else one.until_s)


def _there(one: Claim | Standby, link: str, at_s: float) -> bool:
    return one.resource == link and one.start_s <= at_s < one.until_s


class Stream:
    """What a holder keeps, and what is kept beside it under other names, as plain values."""

    def __init__(self) -> None:
        self.own: Held = ([], [])
        self.beside: dict[str, Held] = {}

    def needed(self, link: str, at_s: float, group: str) -> tuple[int, int]:
        """For certain, and more if a group fails: the most that it needs in any of the places that it may be in."""
        certain = called = 0
        for mine, stands in (self.own, *self.beside.values()):
            claimed = sum(one.rate_mbps for one in mine if _there(one, link, at_s))
            certain = max(certain, claimed)
            standing = sum(one.rate_mbps for one in stands if group in one.groups and _there(one, link, at_s))
            called = max(called, claimed + standing)
        return certain, called - certain


def as_kept(calendar: Calendar, streams: dict[str, Stream]) -> None:
    held = calendar.held()
    for link in LINKS:
        for at_s in INSTANTS[::2]:
            by_group = [[one.needed(link, at_s, group) for one in streams.values()] for group in GROUPS]
            claimed = sum(rate for rate, _ in by_group[0])
            assert calendar.claimed_at(link, at_s) == claimed
            assert calendar.at(link, at_s) == claimed + max(sum(stands for _, stands in each) for each in by_group)
            assert claimed == sum(one.rate_mbps for _, mine, _ in held for one in mine if _there(one, link, at_s))


beside_edits = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2"]),
        st.sampled_from(["", "", "m1", "m2"]),
        st.lists(claims, max_size=3),
        st.lists(standbys, max_size=3),
        st.sampled_from([None, None, None, "s1", "s2"]),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(beside_edits)
def test_a_stream_needs_the_most_of_what_its_names_keep_and_not_their_sum(
    edits: list[tuple[str, str, list[Claim], list[Standby], str | None, bool]],
) -> None:
    """Whatever is kept, given up or set aside in whatever order, also while another, or the holder, is set aside."""
    calendar, streams = Calendar(CAPACITY), {"s1": Stream(), "s2": Stream()}
    for holder, name, mine, backups, without, alone in edits:
        with nullcontext() if without is None else calendar.without(without, alone=alone):
            if name:
                calendar.keep_beside(f"{name}:{holder}", holder, mine, backups)
                streams[holder].beside[name] = (mine, backups)
            else:
                calendar.keep(holder, mine, backups)
                streams[holder].own = (mine, backups)
    as_kept(calendar, streams)
    for holder in streams:
        for name in ("m1", "m2"):
            calendar.keep_beside(f"{name}:{holder}", holder, ())
            streams[holder].beside.pop(name, None)
    as_kept(calendar, streams)
    assert all(calendar.standing(one) == calendar.standbys(one) for one in streams)
    assert not calendar.all_beside()


@given(beside_edits)
def test_what_is_needed_grows_by_no_more_than_what_is_kept_beside_and_never_falls_by_it(
    edits: list[tuple[str, str, list[Claim], list[Standby], str | None, bool]],
) -> None:
    """So that giving it up oversells nothing, and detours that fit together can be kept in any order."""
    calendar = Calendar(CAPACITY)
    for holder, name, mine, backups, _, _ in edits:
        if not name:
            calendar.keep(holder, mine, backups)
    kept: set[tuple[str, str]] = set()
    for holder, name, mine, backups, _, _ in edits:
        if name and (name, holder) not in kept:
            kept.add((name, holder))
            before = [calendar.at(link, at) for link in LINKS for at in INSTANTS]
            calendar.keep_beside(f"{name}:{holder}", holder, mine, backups)
            after = [calendar.at(link, at) for link in LINKS for at in INSTANTS]
            assert all(less <= more for less, more in zip(before, after, strict=True))


@settings(max_examples=50, deadline=None)
@given(beside_edits, st.lists(claims, max_size=3), st.lists(standbys, max_size=3))
def test_what_a_stream_needs_beyond_is_what_it_grows_by(
    edits: list[tuple[str, str, list[Claim], list[Standby], str | None, bool]],
    mine: list[Claim],
    backups: list[Standby],
) -> None:
    """And where nothing is beyond, nothing is needed more: what is kept already is for every name of it."""
    calendar = Calendar(CAPACITY)
    for holder, name, some, stands, _, _ in edits:
        calendar.keep_beside(f"{name}:{holder}", holder, some, stands) if name else calendar.keep(holder, some, stands)
    claimed, called = calendar.beyond("s1", mine, backups)
    before = {(link, at): (calendar.claimed_at(link, at), calendar.at(link, at)) for link in LINKS for at in INSTANTS}
    calendar.keep_beside("new:s1", "s1", mine, backups)
    for (link, at_s), (had, needed) in before.items():
        more = sum(one.rate_mbps for one in claimed if _there(one, link, at_s))
        stands_by = sum(one.rate_mbps for one in called if _there(one, link, at_s))
        assert calendar.claimed_at(link, at_s) == had + more
        assert needed <= calendar.at(link, at_s) <= needed + more + stands_by


def test_a_holder_that_is_set_aside_alone_leaves_what_is_kept_beside_it_as_it_is() -> None:
    calendar = Calendar({"x": 100, "y": 100})
    calendar.keep("s", [Claim("x", -math.inf, math.inf, 40)])
    calendar.keep_beside("drain:s", "s", [Claim("x", 2.0, 4.0, 60), Claim("y", 2.0, 4.0, 60)])
    levels = [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)]
    assert levels == [[40, 0], [60, 60]]
    with calendar.without("s", alone=True):
        assert [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)] == [[0, 0], [20, 60]]
        with calendar.without("s"):
            assert [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)] == [[0, 0], [0, 0]]
        assert [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)] == [[0, 0], [20, 60]]
        calendar.keep_beside("moving:s", "s", [Claim("y", -math.inf, math.inf, 70)])
        assert [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)] == [[0, 70], [60, 70]]
        calendar.keep_beside("moving:s", "s", ())
    assert [[calendar.at(link, at) for link in "xy"] for at in (1.0, 3.0)] == levels


def test_a_holder_that_is_kept_anew_while_it_is_set_aside_stands_by_with_the_rest_again() -> None:
    calendar = Calendar({"x": 100})
    calendar.keep_beside("drain", "s", [Claim("x", 2.0, 4.0, 60)])
    stands = [Standby("x", -math.inf, math.inf, 50, frozenset("a"))]
    with calendar.without("s"):
        assert calendar.at("x", 3.0) == 0
        calendar.keep("s", (), stands)
        assert [calendar.at("x", at) for at in (1.0, 3.0)] == [50, 50]
    assert [calendar.at("x", at) for at in (1.0, 2.0, 3.0, 4.0)] == [50, 60, 60, 50]
    with calendar.without("s", alone=True):
        assert [calendar.at("x", at) for at in (1.0, 3.0)] == [0, 60]
    assert [calendar.at("x", at) for at in (1.0, 3.0)] == [50, 60]
    with calendar.without("drain"):
        assert [calendar.at("x", at) for at in (1.0, 3.0)] == [50, 50]
    assert calendar.standing("s") == (stands[0]._replace(until_s=2.0), stands[0]._replace(start_s=4.0))
