"""What a path's own probes say of a service that was moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from highroad.control.probes import Probes, Said, probe_of
from highroad.model.measurement import Measurement, Way
from highroad.model.service import ServiceId

SERVICE = ServiceId("svc-1")
MOVED_S, BOUND_MS = 10.0, 20.0


def measured(at_s: float, *, way: Way = Way.THERE, path: str = "new", lost: int = 0, **more: Any) -> Measurement:
    one = Measurement(service=SERVICE, way=way, at_s=at_s, for_s=1.0, sent=10, lost_unknown=lost, path=path)
    return replace(one, **more)


def said_of(measurements: Iterable[Measurement], bound_ms: float | None = BOUND_MS) -> Said:
    probes = Probes()
    probes.take(probes.new(measurements))
    return probes.of(SERVICE, begun_s=MOVED_S, since_s=MOVED_S + 0.2, bound_ms=bound_ms, allowed=0.01)


def both(lost: int = 0, **more: Any) -> list[Measurement]:
    return [measured(at_s, way=way, lost=lost, **more) for at_s in (11.0, 12.0, 13.0) for way in Way]


def test_three_whole_intervals_each_way_are_enough() -> None:
    assert said_of(both()) == Said(enough=True)
    assert not said_of(both()[:-1]).enough
    assert said_of([]) == Said()


def test_a_dark_path_does_harm_even_if_only_one_way_is_told_of() -> None:
    found = said_of([measured(at_s, lost=10) for at_s in (11.0, 12.0, 13.0)])
    assert (found.harmed, found.lost) == (True, 1.0)
    assert not said_of([measured(at_s, lost=10) for at_s in (11.0, 12.0)]).harmed


def test_an_interval_of_the_move_and_one_of_the_old_path_say_nothing() -> None:
    old = [measured(at_s, path="old", lost=10) for at_s in (9.5, 10.0, 11.0)]
    assert not said_of([*old, *both()]).harmed


@pytest.mark.parametrize(("before", "now", "harmed"), [(0, 1, False), (0, 2, True), (5, 6, False), (5, 7, True)])
def test_loss_has_to_be_well_above_before(before: int, now: int, harmed: bool) -> None:
    past = [measured(8.0, way=way, path="old", lost=before) for way in Way]
    assert said_of([*past, *both(now)]).harmed is harmed


def test_two_lost_packets_are_chance() -> None:
    rare = [replace(one, sent=1, lost_unknown=int(one.at_s < 13.0 and one.way is Way.THERE)) for one in both()]
    assert said_of(rare) == Said(enough=True)


@pytest.mark.parametrize(
    ("more", "late_ms"),
    [
        ({"out_ms": 22.0}, 22.0),
        ({"out_ms": 22.0, "clock_error_ms": 2.0}, None),
        ({"out_ms": 20.9}, None),
        ({"rtt_p50_ms": 44.0, "pinned": True}, 22.0),
        ({"rtt_p50_ms": 44.0}, None),
        ({}, None),
    ],
)
def test_latency_above_the_bound(more: dict[str, Any], late_ms: float | None) -> None:
    assert said_of(both(**more)).late_ms == late_ms
    assert said_of(both(**more), bound_ms=None).late_ms is None
    before = [measured(8.0, way=way, path="old", out_ms=30.0) for way in Way]
    assert said_of([*before, *both(**more)]).late_ms is None


def test_one_slow_interval_is_chance() -> None:
    assert said_of([replace(one, out_ms=30.0 if one.at_s < 13.0 else 5.0) for one in both()]).late_ms is None


def test_nothing_is_taken_twice_and_what_is_not_in_use_not_at_all() -> None:
    probes = Probes()
    probes.take(probes.new(both()))
    assert probes.new(both()) == []
    assert probes.new([measured(20.0, in_use=False)]) == []
    assert probes.new([measured(20.0)]) == [probe_of(measured(20.0))]
    assert probes.knows(SERVICE)
    probes.forget([SERVICE])
    assert not probes
