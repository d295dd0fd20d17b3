"""How much hosts send: within the lab's bound, at the rate that was told, in packets that fit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.lab.traffic import model
from highroad.lab.traffic.model import MOST_PACKETS_PER_S, NS, pace, share_pps, slowed, swing_gbps
from highroad.model.service import ServiceId
from highroad.ports.panel import Load


def load(guaranteed: float, ceiling: float = 0.0) -> Load:
    return Load(
        service=ServiceId("s-1"),
        a="s-1.a",
        b="s-1.b",
        guaranteed_gbps=guaranteed,
        ceiling_gbps=max(guaranteed, ceiling),
    )


@given(at_s=st.floats(0, 2e9), gbps=st.floats(0.001, 800))
def test_what_a_service_offers_by_itself_is_between_its_bounds(at_s: float, gbps: float) -> None:
    low, high = model.GUARANTEED_SHARE
    assert low * gbps * 0.999 <= swing_gbps(load(gbps), "there", at_s) <= high * gbps * 1.001
    low, high = model.CEILING_SHARE
    assert low * gbps * 0.999 <= swing_gbps(load(0.0, gbps), "back", at_s) <= high * gbps * 1.001


def test_one_that_may_burst_uses_the_room_that_it_bought() -> None:
    rates = [swing_gbps(load(10.0, 100.0), "there", at) for at in range(0, 4000, 10)]
    assert min(rates) >= 5.5
    assert 60.0 < max(rates) <= 95.0


def test_it_swings_and_each_direction_at_its_own_time() -> None:
    there = [swing_gbps(load(100.0), "there", at) for at in range(0, 2000, 10)]
    back = [swing_gbps(load(100.0), "back", at) for at in range(0, 2000, 10)]
    assert max(there) - min(there) > 20.0
    assert there != back
    assert max(abs(after - before) for before, after in itertools.pairwise(there)) < 6.0


@given(gbps=st.floats(1e-6, 10.0), mtu=st.integers(1280, 9000), often=st.floats(1.0, 100.0))
def test_a_pace_is_the_rate_that_was_told(gbps: float, mtu: int, often: float) -> None:
    chosen = pace(gbps, mtu, often)
    assert model.LEAST_BYTES <= chosen.size_bytes <= mtu
    assert chosen.size_bytes * 8 / chosen.interval_ns == pytest.approx(gbps, rel=0.01)


def test_nothing_is_sent_at_no_rate() -> None:
    assert pace(0.0, 9000, 100.0).interval_ns == 0


@given(st.lists(st.floats(0.0001, 5.0), min_size=1, max_size=200))
def test_all_together_stay_within_the_bound(rates: list[float]) -> None:
    often = share_pps(len(rates))
    asked = sum(NS / pace(rate, 9000, often).interval_ns for rate in rates)
    part = slowed(asked)
    sent = sum(NS / pace(rate * part, 9000, often).interval_ns for rate in rates)
    assert sent <= max(MOST_PACKETS_PER_S, asked) * 1.01
    assert sent <= MOST_PACKETS_PER_S * 1.5
