"""The sharing of links, held against textbook cases, an exact oracle, and the definition of max-min."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.fabric.twin.fluid import Floats, Paths, carry, max_min


def paths_of(routes: Sequence[Sequence[int]]) -> Paths:
    return Paths(
        links=np.array([link for route in routes for link in route], dtype=np.intp),
        first=np.cumsum([0, *(len(route) for route in routes)], dtype=np.intp),
    )


def shared(
    capacity: Sequence[float],
    routes: Sequence[Sequence[int]],
    *,
    offered: Sequence[float],
    guaranteed: Sequence[float] | None = None,
    ceiling: Sequence[float] | None = None,
    rank: Sequence[int] | None = None,
    dark: Sequence[int] = (),
) -> list[float]:
    flows = len(routes)
    rates: list[float] = carry(
        capacity_gbps=np.array(capacity, dtype=np.float64),
        dark=np.isin(np.arange(len(capacity)), dark),
        paths=paths_of(routes),
        rank=np.array(rank if rank is not None else [0] * flows, dtype=np.intp),
        guaranteed_gbps=np.array(guaranteed if guaranteed is not None else [0.0] * flows),
        ceiling_gbps=np.array(ceiling if ceiling is not None else [1e9] * flows),
        offered_gbps=np.array(offered, dtype=np.float64),
    ).tolist()
    return rates


def textbook(room: Sequence[Fraction], routes: Sequence[Sequence[int]], demand: Sequence[Fraction]) -> list[Fraction]:
    """Progressive filling, literally: raise all alike until one has enough or a link is full; repeat."""
    room, rate = list(room), [Fraction(0)] * len(routes)
    rising = {flow for flow in range(len(routes)) if demand[flow] > 0}
    while rising:
        users = [sum(routes[flow].count(link) for flow in rising) for link in range(len(room))]
        step = min(
            [room[link] / users[link] for link in range(len(room)) if users[link]]
            + [demand[flow] - rate[flow] for flow in rising]
        )
        for flow in rising:
            rate[flow] += step
            for link in routes[flow]:
                room[link] -= step
        full = {link for link in range(len(room)) if room[link] == 0}
        rising = {f for f in rising if rate[f] < demand[f] and not full.intersection(routes[f])}
    return rate


def test_what_fits_is_carried_to_the_bit() -> None:
    assert shared([100.0], [[0], [0]], offered=[0.1, 33.3], guaranteed=[0.05, 10.0]) == [0.1, 33.3]


def test_two_flows_share_a_bottleneck_equally() -> None:
    assert shared([100.0], [[0], [0]], offered=[90.0, 90.0]) == [50.0, 50.0]


def test_a_small_flow_gets_all_it_wants_and_the_others_share_the_rest() -> None:
    assert shared([100.0], [[0], [0], [0]], offered=[10.0, 90.0, 90.0]) == [10.0, 45.0, 45.0]


def test_the_parking_lot() -> None:
    """Three links in a row, one flow over all, one over each; the links hold 10, 20 and 40."""
    rates = shared([10.0, 20.0, 40.0], [[0, 1, 2], [0], [1], [2]], offered=[100.0] * 4)
    assert rates == pytest.approx([5.0, 5.0, 15.0, 35.0], rel=1e-12)


def test_a_chain_of_bottlenecks_is_filled_in_order() -> None:
    rates = shared([10.0, 100.0], [[0], [0, 1], [1]], offered=[100.0] * 3)
    assert rates == pytest.approx([5.0, 5.0, 95.0], rel=1e-12)


def test_a_higher_class_is_served_first() -> None:
    assert shared([100.0], [[0], [0]], offered=[80.0, 80.0], rank=[1, 0]) == [20.0, 80.0]


def test_a_guarantee_beats_the_burst_of_a_higher_class() -> None:
    rates = shared([100.0], [[0], [0]], offered=[90.0, 60.0], rank=[0, 2], guaranteed=[10.0, 60.0])
    assert rates == [40.0, 60.0]


def test_too_little_for_the_guarantees_sheds_the_lower_class() -> None:
    rates = shared([100.0], [[0], [0]], offered=[70.0, 70.0], rank=[2, 0], guaranteed=[70.0, 70.0])
    assert rates == [30.0, 70.0]


def test_scavenger_takes_what_is_left_and_nothing_more() -> None:
    rates = shared([100.0], [[0], [0]], offered=[100.0, 50.0], rank=[0, 3], guaranteed=[100.0, 0.0])
    assert rates == [100.0, 0.0]


def test_the_ceiling_is_policed() -> None:
    assert shared([100.0], [[0]], offered=[90.0], guaranteed=[10.0], ceiling=[40.0]) == [40.0]


def test_a_dark_flow_carries_nothing_and_loads_nothing_upstream() -> None:
    assert shared([100.0, 100.0], [[0, 1], [0]], offered=[90.0, 90.0], dark=[1]) == [0.0, 90.0]


def test_no_flows_is_fine() -> None:
    assert shared([100.0], [], offered=[]) == []


def test_a_link_without_capacity_carries_nothing() -> None:
    assert shared([0.0, 10.0], [[0, 1], [1]], offered=[5.0, 20.0]) == [0.0, 10.0]


@st.composite
def lots(
    draw: st.DrawFn,
) -> tuple[list[float], list[list[int]], list[float], list[float], list[float], list[int]]:
    links = draw(st.integers(1, 6))
    flows = draw(st.integers(1, 12))
    gbps = st.one_of(st.integers(0, 40).map(float), st.floats(0.0, 40.0, width=32))
    route = st.lists(st.integers(0, links - 1), min_size=1, max_size=links, unique=True)

    def each(of: st.SearchStrategy[float], count: int) -> list[float]:
        return draw(st.lists(of, min_size=count, max_size=count))

    routes = draw(st.lists(route, min_size=flows, max_size=flows))
    rank = draw(st.lists(st.integers(0, 3), min_size=flows, max_size=flows))
    guaranteed = each(gbps, flows)
    ceiling = [g + more for g, more in zip(guaranteed, each(gbps, flows), strict=True)]
    return each(gbps, links), routes, each(gbps, flows), guaranteed, ceiling, rank


@settings(max_examples=300, deadline=None)
@given(lots())
def test_carry_is_what_the_textbook_says(
    lot: tuple[list[float], list[list[int]], list[float], list[float], list[float], list[int]],
) -> None:
    capacity, routes, offered, guaranteed, ceiling, rank = lot
    room = [Fraction(c) for c in capacity]
    expected = [Fraction(0)] * len(routes)
    admitted = [Fraction(min(o, c)) for o, c in zip(offered, ceiling, strict=True)]
    sure = [min(a, Fraction(g)) for a, g in zip(admitted, guaranteed, strict=True)]
    for phase in (sure, [a - s for a, s in zip(admitted, sure, strict=True)]):
        for served in range(4):
            demand = [d if r == served else Fraction(0) for d, r in zip(phase, rank, strict=True)]
            for flow, rate in enumerate(textbook(room, routes, demand)):
                expected[flow] += rate
                for link in routes[flow]:
                    room[link] -= rate
    got = shared(capacity, routes, offered=offered, guaranteed=guaranteed, ceiling=ceiling, rank=rank)
    assert got == pytest.approx([float(rate) for rate in expected], rel=1e-9, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(lots())
def test_no_flow_can_grow_but_at_the_cost_of_one_that_is_no_larger(
    lot: tuple[list[float], list[list[int]], list[float], list[float], list[float], list[int]],
) -> None:
    capacity, routes, demand, *_ = lot
    paths = paths_of(routes)
    rate = max_min(np.array(capacity), paths, np.array(demand))
    load: Floats = paths.load(rate, len(capacity))
    assert (load <= np.array(capacity) * (1.0 + 1e-9)).all()
    assert (rate <= np.array(demand)).all()
    for flow, route in enumerate(routes):
        if rate[flow] >= demand[flow] * (1.0 - 1e-9):
            continue
        bottlenecks = [
            link
            for link in route
            if load[link] >= capacity[link] * (1.0 - 1e-9)
            and all(rate[other] <= rate[flow] * (1.0 + 1e-9) for other, r in enumerate(routes) if link in r)
        ]
        assert bottlenecks, f"flow {flow} could have more"


def test_a_large_backbone_against_the_textbook() -> None:
    draw = np.random.default_rng(7)
    capacity = draw.integers(50, 400, 60).astype(float).tolist()
    routes = [draw.choice(60, size=draw.integers(1, 9), replace=False).tolist() for _ in range(200)]
    demand = draw.integers(1, 60, 200).astype(float).tolist()
    expected = textbook([Fraction(c) for c in capacity], routes, [Fraction(d) for d in demand])
    got = max_min(np.array(capacity), paths_of(routes), np.array(demand))
    assert got.tolist() == pytest.approx([float(rate) for rate in expected], rel=1e-9)
