"""Compiled levels of max-min shares by hand: what rises together, what stays, and what proves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from highroad.graph._kernels import Levels, Network


def by_hand(**changed: Any) -> Levels:
    """From 0 over a link of 90 to 1, and from there over links of 1,000 to 2, 3 and 4."""
    given: dict[str, Any] = {
        "network": Network(5, np.array([0, 1, 1, 1], np.int32), np.array([1, 2, 3, 4], np.int32)),
        "capacity": np.array([90.0, 1e3, 1e3, 1e3]),
        "source": np.array([0], np.int32),
        "start": np.array([0, 3], np.int64),
        "target": np.array([2, 3, 4], np.int32),
        "most": np.array([10.0, 200.0, 200.0]),
        "weight": np.array([1.0, 1.0, 3.0]),
        "fence": np.array([-1], np.int32),
        "allowed": np.zeros(0, np.uint8),
    }
    return Levels(**{**given, **changed})


def test_they_rise_together_until_something_is_in_the_way() -> None:
    levels = by_hand()
    assert levels.begin()
    assert levels.rise(100)
    assert levels.served == pytest.approx([10, 20, 60], rel=1e-6)
    assert levels.level == pytest.approx(20.0, rel=1e-6)
    assert levels.levels == 1
    assert levels.flow == pytest.approx([90, 10, 20, 60], rel=1e-6)
    assert levels.flow[0] <= 90.0
    assert levels.price.tolist() == [1, 0, 0, 0]
    assert levels.distances(levels.price).tolist() == [1, 1, 1]


def test_each_step_is_a_plan() -> None:
    """The first ends where the first has all that it asks for."""
    levels = by_hand()
    assert levels.begin()
    assert levels.served.tolist() == [0, 0, 0]
    assert not levels.rise(1)
    assert levels.served == pytest.approx([10, 10, 30])
    assert levels.flow == pytest.approx([50, 10, 10, 30])
    assert levels.rise(100)
    assert levels.rise(100)


def test_who_goes_first_gives_way() -> None:
    """Two links of 10 from 0 to 1, one of them by 2; from 2 a demand that only the second carries: 20 for two."""
    levels = by_hand(
        network=Network(3, np.array([0, 0, 2], np.int32), np.array([1, 2, 1], np.int32)),
        capacity=np.array([10.0, 10.0, 10.0]),
        source=np.array([0, 2], np.int32),
        start=np.array([0, 1, 2], np.int64),
        target=np.array([1, 1], np.int32),
        most=np.array([100.0, 4.0]),
        weight=np.ones(2),
        fence=np.array([-1, -1], np.int32),
    )
    assert levels.begin()
    assert levels.rise(100)
    assert levels.served == pytest.approx([16, 4], rel=1e-6)
    assert levels.flow == pytest.approx([10, 6, 6, 0, 0, 4], rel=1e-5)


def test_nobody_leads_there() -> None:
    assert not by_hand(fence=np.array([0], np.int32), allowed=np.array([1, 1, 1, 0], np.uint8)).begin()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: by_hand(weight=np.ones(2)), "weight has 2 elements, and there are 3 targets"),
        (lambda: by_hand(weight=np.array([1.0, 0.0, 1.0])), "weight[1] has to be above 0 and finite"),
        (lambda: by_hand(most=np.ones(2)), "amount has 2 elements, and there are 3 targets"),
        (lambda: by_hand().rise(-1), "steps is -1, and has to be at least 0"),
        (lambda: by_hand().distances(np.ones(3)), "prices has 3 elements, and there are 4 links"),
    ],
)
def test_what_is_wrong_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
