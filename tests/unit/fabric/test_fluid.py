"""What arrives of what is sent: ceilings, darkness, and shares as routers' queues give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from highroad.fabric.twin.fluid import carry
from tests.unit.planning.test_fair import paths_of


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


def test_what_fits_is_carried_to_the_bit() -> None:
    assert shared([100.0], [[0], [0]], offered=[0.1, 33.3], guaranteed=[0.05, 10.0]) == [0.1, 33.3]


def test_two_bursts_of_a_class_share_what_is_left_as_they_were_sold() -> None:
    """As one queue for both does, when both send all they may: 60 are left, and 100 and 50 are wanted."""
    rates = shared([80.0], [[0], [0]], offered=[200.0, 200.0], guaranteed=[10.0, 10.0], ceiling=[110.0, 60.0])
    assert rates == pytest.approx([50.0, 30.0], rel=1e-12)


def test_a_small_flow_gets_all_it_wants_and_the_others_share_the_rest() -> None:
    assert shared([100.0], [[0], [0], [0]], offered=[10.0, 90.0, 90.0]) == [10.0, 45.0, 45.0]


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


def test_one_without_a_burst_has_its_guarantee_and_nothing_of_what_is_left() -> None:
    rates = shared([100.0], [[0], [0]], offered=[90.0, 90.0], guaranteed=[10.0, 10.0], ceiling=[10.0, 80.0])
    assert rates == [10.0, 80.0]


def test_a_dark_flow_carries_nothing_and_loads_nothing_upstream() -> None:
    assert shared([100.0, 100.0], [[0, 1], [0]], offered=[90.0, 90.0], dark=[1]) == [0.0, 90.0]


def test_no_flows_is_fine() -> None:
    assert shared([100.0], [], offered=[]) == []


def test_a_link_without_capacity_carries_nothing() -> None:
    assert shared([0.0, 10.0], [[0, 1], [1]], offered=[5.0, 20.0]) == [0.0, 10.0]
