"""The level that prices prove."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.planning.least import level_of

SLOPES = st.one_of(st.just(0.0), st.floats(1e-12, 1e6), st.sampled_from([5e-324, 1e-310, 1e-250]))


@given(
    st.lists(st.tuples(SLOPES, st.floats(0.0, 1.0)), max_size=8),
    st.floats(1e-6, 1e6),
    st.just(0.0) | st.floats(1e-6, 1e6),
)
def test_it_is_the_least_at_which_the_cost_is_paid(links: list[tuple[float, float]], dear: float, cost: float) -> None:
    slope = np.array([dear, *(slope for slope, _ in links)])
    start = slope * np.array([0.5, *(share for _, share in links)])
    level = level_of(slope, start, cost)

    def paid(at: float) -> float:
        return float(np.maximum(0.0, at * slope - start).sum())

    if cost == 0.0:
        assert level == 0.0
        return
    assert paid(level * (1 + 1e-9)) >= cost * (1 - 1e-9)
    assert paid(level * (1 - 1e-6)) <= cost * (1 + 1e-9)


def test_a_price_that_is_nothing_beside_another_is_not_divided_by() -> None:
    assert level_of(np.array([5e-324, 2.0]), np.zeros(2), 1.0) == pytest.approx(0.5)
    assert level_of(np.array([1e-310, 1.0]), np.array([0.0, 0.25]), 0.25) == pytest.approx(0.5)
