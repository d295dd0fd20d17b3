"""Sharing what is left, held against textbook cases, an exact oracle, and the definition of max-min."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.planning.fair import Floats, Paths, max_min, share

RANKS = 4


def paths_of(routes: Sequence[Sequence[int]]) -> Paths:
    return Paths(
        links=np.array([link for route in routes for link in route], dtype=np.intp),
        first=np.cumsum([0, *(len(route) for route in routes)], dtype=np.intp),
    )


def filled(
    room: Sequence[float], routes: Sequence[Sequence[int]], demand: Sequence[float], weight: Sequence[float] = ()
) -> list[float]:
    rates: list[float] = max_min(
        np.array(room, dtype=np.float64),
        paths_of(routes),
        np.array(demand, dtype=np.float64),
        np.array(weight or [1.0] * len(routes), dtype=np.float64),
    ).tolist()
    return rates


def shared(
    capacity: Sequence[float],
    routes: Sequence[Sequence[int]],
    *,
    more: Sequence[float],
    sure: Sequence[float] | None = None,
    rank: Sequence[int] | None = None,
    weight: Sequence[float] | None = None,
) -> tuple[list[float], list[float]]:
    flows = len(routes)
    carried = share(
        capacity_gbps=np.array(capacity, dtype=np.float64),
        paths=paths_of(routes),
        rank=np.array(rank or [0] * flows, dtype=np.intp),
        sure_gbps=np.array(sure or [0.0] * flows, dtype=np.float64),
        more_gbps=np.array(more, dtype=np.float64),
        weight=np.array(weight or [1.0] * flows, dtype=np.float64),
    )
    return carried.sure_gbps.tolist(), carried.more_gbps.tolist()


def textbook(
    room: Sequence[Fraction], routes: Sequence[Sequence[int]], demand: Sequence[Fraction], weight: Sequence[Fraction]
) -> list[Fraction]:
    """Progressive filling, literally: raise all by their weight until one has enough or a link is full; repeat."""
    room, rate = list(room), [Fraction(0)] * len(routes)
    rising = {flow for flow in range(len(routes)) if demand[flow] > 0}
    while rising:
        users = [sum(weight[flow] * routes[flow].count(link) for flow in rising) for link in range(len(room))]
        step = min(
            [room[link] / users[link] for link in range(len(room)) if users[link]]
            + [(demand[flow] - rate[flow]) / weight[flow] for flow in rising]
        )
        for flow in rising:
            rate[flow] += step * weight[flow]
            for link in routes[flow]:
                room[link] -= step * weight[flow]
        full = {link for link in range(len(room)) if room[link] == 0}
        rising = {f for f in rising if rate[f] < demand[f] and not full.intersection(routes[f])}
    return rate


def test_a_bottleneck_is_shared_by_weight() -> None:
    assert filled([90.0], [[0], [0]], [90.0, 90.0], [1.0, 2.0]) == [30.0, 60.0]


def test_one_that_wants_less_than_its_part_leaves_the_rest_to_the_others() -> None:
    assert filled([100.0], [[0], [0], [0]], [10.0, 90.0, 90.0]) == [10.0, 45.0, 45.0]
    assert filled([100.0], [[0], [0], [0]], [10.0, 90.0, 90.0], [3.0, 2.0, 1.0]) == [10.0, 60.0, 30.0]


def test_the_parking_lot() -> None:
    """Three links in a row, one flow over all, one over each; the links hold 10, 20 and 40."""
    rates = filled([10.0, 20.0, 40.0], [[0, 1, 2], [0], [1], [2]], [100.0] * 4)
    assert rates == pytest.approx([5.0, 5.0, 15.0, 35.0], rel=1e-12)


def test_a_chain_of_bottlenecks_is_filled_in_order() -> None:
    rates = filled([10.0, 100.0], [[0], [0, 1], [1]], [100.0] * 3)
    assert rates == pytest.approx([5.0, 5.0, 95.0], rel=1e-12)


def test_one_that_is_content_on_a_shared_link_does_not_hide_the_bottleneck_of_another() -> None:
    """By hand: the first wants 1 of link 0, whose other flow then has 9; it is not to be settled at 5 before."""
    assert filled([10.0, 100.0], [[0], [0, 1], [1]], [1.0, 100.0, 100.0]) == [1.0, 9.0, 91.0]


def test_what_nobody_has_a_claim_to_is_not_given() -> None:
    assert filled([10.0], [[0], [0]], [0.0, 5.0]) == [0.0, 5.0]
    assert filled([0.0, 10.0], [[0, 1], [1]], [5.0, 20.0]) == [0.0, 10.0]
    assert filled([10.0], [], []) == []


def test_guarantees_are_carried_whatever_is_wanted_above_them() -> None:
    sure, more = shared([100.0], [[0], [0]], sure=[10.0, 60.0], more=[90.0, 90.0], rank=[0, 2])
    assert (sure, more) == ([10.0, 60.0], [30.0, 0.0])


def test_what_is_left_goes_class_by_class() -> None:
    sure, more = shared([100.0], [[0]] * 4, sure=[10.0] * 3 + [0.0], more=[25.0] * 4, rank=[3, 2, 1, 0])
    assert sure == [10.0, 10.0, 10.0, 0.0]
    assert more == [0.0, 20.0, 25.0, 25.0]


def test_guarantees_that_no_longer_fit_are_shed_by_class_and_in_a_class_alike() -> None:
    sure, more = shared([70.0], [[0]] * 3, sure=[40.0, 20.0, 40.0], more=[5.0] * 3, rank=[1, 1, 0])
    assert (sure, more) == ([20.0, 10.0, 40.0], [0.0, 0.0, 0.0])


@dataclass(frozen=True)
class Lot:
    capacity: list[float]
    routes: list[list[int]]
    sure: list[float]
    more: list[float]
    weight: list[float]
    rank: list[int]


@st.composite
def lots(draw: st.DrawFn) -> Lot:
    links, flows = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    gbps = st.one_of(st.integers(0, 40).map(float), st.floats(0.0, 40.0, width=32))
    weight = st.one_of(st.integers(1, 4).map(float), st.floats(0.125, 8.0, width=32))
    route = st.lists(st.integers(0, links - 1), min_size=1, max_size=links, unique=True)

    def each(of: st.SearchStrategy[float], count: int) -> list[float]:
        return draw(st.lists(of, min_size=count, max_size=count))

    return Lot(
        capacity=each(gbps, links),
        routes=draw(st.lists(route, min_size=flows, max_size=flows)),
        sure=each(gbps, flows),
        more=each(gbps, flows),
        weight=each(weight, flows),
        rank=draw(st.lists(st.integers(0, RANKS - 1), min_size=flows, max_size=flows)),
    )


@settings(max_examples=300, deadline=None)
@given(lots())
def test_it_is_what_the_textbook_says(lot: Lot) -> None:
    room = [Fraction(capacity) for capacity in lot.capacity]
    expected: list[list[Fraction]] = []
    for wanted, weight in ((lot.sure, lot.sure), (lot.more, lot.weight)):
        rates = [Fraction(0)] * len(lot.routes)
        for served in range(RANKS):
            demand = [Fraction(d) if r == served else Fraction(0) for d, r in zip(wanted, lot.rank, strict=True)]
            for flow, rate in enumerate(textbook(room, lot.routes, demand, [Fraction(w) for w in weight])):
                rates[flow] += rate
                for link in lot.routes[flow]:
                    room[link] -= rate
        expected.append(rates)
    got = shared(lot.capacity, lot.routes, sure=lot.sure, more=lot.more, rank=lot.rank, weight=lot.weight)
    for carried, exact in zip(got, expected, strict=True):
        assert carried == pytest.approx([float(rate) for rate in exact], rel=1e-9, abs=1e-9)


def bottlenecks(
    flow: int, routes: Sequence[Sequence[int]], rate: Floats, weight: Floats, load: Floats, room: Floats
) -> list[int]:
    """The links on a flow's way that are full, and on which nobody has more for its weight."""
    level = rate / weight
    return [
        link
        for link in routes[flow]
        if load[link] >= room[link] * (1.0 - 1e-9) - 1e-9
        and all(level[other] <= level[flow] * (1.0 + 1e-9) + 1e-9 for other, r in enumerate(routes) if link in r)
    ]


@settings(max_examples=300, deadline=None)
@given(lots())
def test_whoever_wants_more_has_a_full_link_on_which_nobody_has_more(lot: Lot) -> None:
    """The characterisation of max-min (Bertsekas and Gallager, 6.5.2), which knows nothing of how it was filled."""
    room, demand, weight = np.array(lot.capacity), np.array(lot.more), np.array(lot.weight)
    paths = paths_of(lot.routes)
    rate = max_min(room, paths, demand, weight)
    load = paths.load(rate, len(room))
    assert (load <= room * (1.0 + 1e-9) + 1e-9).all()
    assert (rate <= demand).all()
    for flow in range(len(lot.routes)):
        if rate[flow] < demand[flow] * (1.0 - 1e-9):
            assert bottlenecks(flow, lot.routes, rate, weight, load, room), f"flow {flow} could have more"


@settings(max_examples=300, deadline=None)
@given(lots())
def test_a_class_sees_nothing_of_those_below_it(lot: Lot) -> None:
    """Strict order: what the classes below want changes nothing for those above, nor any burst for a guarantee."""

    def without(least: int) -> tuple[list[float], list[float]]:
        more = [0.0 if rank >= least else wanted for wanted, rank in zip(lot.more, lot.rank, strict=True)]
        return shared(lot.capacity, lot.routes, sure=lot.sure, more=more, rank=lot.rank, weight=lot.weight)

    sure, more = without(RANKS)
    for least in range(RANKS):
        fewer_sure, fewer_more = without(least)
        assert fewer_sure == sure
        for flow, rank in enumerate(lot.rank):
            assert fewer_more[flow] == (more[flow] if rank < least else 0.0)


def test_a_large_backbone_against_the_textbook() -> None:
    draw = np.random.default_rng(7)
    capacity = draw.integers(50, 400, 60).astype(float).tolist()
    routes = [draw.choice(60, size=draw.integers(1, 9), replace=False).tolist() for _ in range(200)]
    demand = draw.integers(1, 60, 200).astype(float).tolist()
    weight = draw.integers(1, 5, 200).astype(float).tolist()
    expected = textbook(
        [Fraction(c) for c in capacity], routes, [Fraction(d) for d in demand], [Fraction(w) for w in weight]
    )
    assert filled(capacity, routes, demand, weight) == pytest.approx([float(rate) for rate in expected], rel=1e-9)


def test_a_backbone_of_ten_thousand_services_has_a_bottleneck_for_each_that_wants_more() -> None:
    """The size that we design for, with both directions: too large for the textbook, not for the characterisation."""
    draw = np.random.default_rng(11)
    links, flows = 5_000, 20_000
    lengths = draw.integers(1, 12, flows)
    paths = Paths(
        links=np.concatenate([draw.choice(links, size=length, replace=False) for length in lengths]),
        first=np.concatenate(([0], np.cumsum(lengths))),
    )
    room, demand = draw.choice([100.0, 400.0], links), draw.uniform(0.1, 100.0, flows)
    weight = draw.uniform(0.5, 4.0, flows)
    rate = max_min(room, paths, demand, weight)
    load = paths.load(rate, links)
    assert (load <= room * (1.0 + 1e-9)).all()
    level = rate / weight
    most = np.zeros(links)
    np.maximum.at(most, paths.links, level[paths.flow])
    binds = (load[paths.links] >= room[paths.links] * (1.0 - 1e-9)) & (
        level[paths.flow] >= most[paths.links] * (1.0 - 1e-9)
    )
    bound = np.logical_or.reduceat(binds, paths.first[:-1])
    wanting = rate < demand * (1.0 - 1e-9)
    assert 0.1 < wanting.mean() < 1.0
    assert bound[wanting].all()
