"""Whose turn it is: those with regret, and everybody now and then."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from highroad.planning.solve.turns import LONGEST, Turns


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def ordered(turns: Turns, sweep: int) -> list[int]:
    found: NDArray[np.int32] = turns.order(sweep, rng())
    return sorted(found.tolist())


def test_at_first_everybody_is_asked_then_those_with_much_regret() -> None:
    turns = Turns(4)
    order = turns.order(0, rng())
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    assert turns.told(order, np.array([10.0, 0.1, 0.2, 6.0])[order]) == 16.3
    assert ordered(turns, 1) == [0, 3]


def test_nobody_waits_too_long() -> None:
    turns = Turns(3)
    order = turns.order(0, rng())
    turns.told(order, np.array([9.0, 0.0, 0.0])[order])
    for sweep in range(1, LONGEST):
        assert ordered(turns, sweep) == [0]
    assert ordered(turns, LONGEST) == [0, 1, 2]


def test_those_that_a_cut_touched_begin_alone() -> None:
    turns = Turns(3, np.array([False, True, False]))
    assert ordered(turns, 0) == [1]
    assert turns.told(np.array([1], np.int32), np.array([2.0])) == 2.0
    assert ordered(turns, 1) == [1]
    assert ordered(turns, LONGEST) == [0, 1, 2]


def test_where_nobody_regrets_anything_all_are_asked() -> None:
    turns = Turns(2)
    order = turns.order(0, rng())
    assert turns.told(order, np.array([0.0, 0.0])) == 0.0
    assert ordered(turns, 1) == [0, 1]
