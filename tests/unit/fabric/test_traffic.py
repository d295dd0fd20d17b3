"""The lab's own traffic: bounded, smooth, and a function of nothing but seed, service and time."""

from __future__ import annotations

import numpy as np

from highroad.fabric.twin.traffic import Keys, keys_of, offered_gbps, step_at
from highroad.model.service import ServiceId
from highroad.planning.fair import Floats

START = 1_800_000_000


def some_keys(seed: int = 0, services: int = 50) -> Keys:
    return np.array([key for n in range(services) for key in keys_of(seed, ServiceId(f"s-{n}"))], dtype=np.uint64)


def swings(keys: Keys, guaranteed: float, ceiling: float, steps: int) -> Floats:
    rates = np.full(len(keys), guaranteed), np.full(len(keys), ceiling)
    return np.array([offered_gbps(keys, *rates, START + step) for step in range(steps)])


def test_it_stays_between_55_and_95_percent_of_the_guarantee_and_uses_the_range() -> None:
    rates = swings(some_keys(), 100.0, 100.0, 600)
    assert rates.min() >= 55.0
    assert rates.max() <= 95.0
    assert rates.max() - rates.min() > 35.0


def test_one_that_may_burst_swings_up_to_95_percent_of_its_ceiling() -> None:
    rates = swings(some_keys(), 100.0, 200.0, 600)
    assert rates.min() >= 55.0
    assert 160.0 < rates.max() <= 190.0


def test_one_that_is_guaranteed_nothing_offers_a_share_of_its_ceiling() -> None:
    rates = swings(some_keys(), 0.0, 100.0, 600)
    assert rates.min() >= 20.0
    assert rates.max() <= 60.0


def test_it_is_smooth_from_step_to_step_and_alive() -> None:
    rates = swings(some_keys(), 100.0, 100.0, 600)
    steps = np.abs(np.diff(rates, axis=0))
    assert steps.max() <= 1.01
    assert (np.abs(rates[60] - rates[0]) > 1.0).mean() > 0.5


def test_seeds_services_and_directions_differ() -> None:
    now = swings(some_keys(), 100.0, 100.0, 1)[0]
    other = swings(some_keys(seed=1), 100.0, 100.0, 1)[0]
    assert len(set(now.tolist())) == len(now)
    assert not np.isclose(now, other).any()


def test_the_same_everywhere_and_for_ever() -> None:
    """Pinned, because a journal that is read back by a later version must go on where it was."""
    keys = np.array(keys_of(7, ServiceId("s-1")), dtype=np.uint64)
    rates = offered_gbps(keys, np.array([100.0, 100.0]), np.array([100.0, 100.0]), START)
    assert rates.tolist() == [83.75571039985826, 70.00702163587562]


def test_steps_are_whole_seconds() -> None:
    assert step_at(12.0) == 12
    assert step_at(12.999) == 12
