"""Many-source Dijkstra against a case by hand and against Bellman-Ford."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.graph.nearest import arcs_of, nearest

arcs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 20)), max_size=40)


def test_by_hand() -> None:
    # 0 -1-> 1 -1-> 2 <-5- 3, and 4 on its own; from 0 and 3
    found = nearest(arcs_of(5, [0, 1, 3], [1, 2, 2], [1.0, 1.0, 5.0]), [3, 0])
    assert found.cost == (0.0, 1.0, 2.0, 0.0, math.inf)
    assert found.source == (0, 0, 0, 3, -1)


def test_of_equals_the_lower_source_wins() -> None:
    found = nearest(arcs_of(3, [0, 1], [2, 2], [1.0, 1.0]), [1, 0])
    assert found.source == (0, 1, 0)


def test_no_sources() -> None:
    assert nearest(arcs_of(2, [0], [1], [1.0]), []).source == (-1, -1)


def test_negative_costs_are_refused() -> None:
    for cost in (-1.0, math.nan):
        with pytest.raises(ValueError, match="negative"):
            arcs_of(2, [0], [1], [cost])


@given(arcs, st.sets(st.integers(0, 7)))
def test_like_bellman_ford(edges: list[tuple[int, int, int]], sources: set[int]) -> None:
    tails, heads, costs = [a for a, _, _ in edges], [b for _, b, _ in edges], [float(c) for _, _, c in edges]
    want = [0.0 if node in sources else math.inf for node in range(8)]
    for _ in range(8):
        for tail, head, cost in edges:
            want[head] = min(want[head], want[tail] + cost)
    found = nearest(arcs_of(8, tails, heads, costs), sorted(sources))
    assert list(found.cost) == want
    assert all((source >= 0) == math.isfinite(cost) for source, cost in zip(found.source, want, strict=True))
