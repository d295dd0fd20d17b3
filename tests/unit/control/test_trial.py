"""What counters mean, and who goes first: by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from highroad.control.trial import (
    LONGEST_CHECK_S,
    Check,
    Loss,
    Seen,
    Step,
    Trial,
    Trials,
    seen,
    suspects,
)
from highroad.model.network import LinkId
from highroad.model.policy import Policy
from highroad.model.service import Placement, Service, ServiceId
from highroad.ports import Sample, ServiceCounters
from tests.unit.control.test_reconcile import carried, policy

S = ServiceId("s")
GBPS_S = 1e9 / 8.0
"""Bytes that 1 Gbit/s carries in a second."""


def counters(
    offered_gbit: float, lost_gbit: float, dark_s: float = 0.0, *, offered_gbps: float = 2.0
) -> ServiceCounters:
    return ServiceCounters(
        offered_bytes=offered_gbit * GBPS_S,
        carried_bytes=(offered_gbit - lost_gbit) * GBPS_S,
        lost_bytes=lost_gbit * GBPS_S,
        dark_s=dark_s,
        offered_gbps=offered_gbps,
        carried_gbps_there=0.0,
        carried_gbps_back=0.0,
        latency_ms_there=1.0,
        latency_ms_back=1.0,
    )


def judged(
    readings: Sequence[ServiceCounters],
    before: Loss | None = None,
    *,
    burst_gbps: float | None = None,
    pause_s: float = 0.5,
) -> Seen:
    """What readings say of a service of 1 Gbit/s each way."""
    service = carried("s", 1.0)
    service = replace(service, order=replace(service.order, burst_gbps=burst_gbps))
    assert service.placement is not None
    trial = Trial(service=S, was=service.placement, branches=service.placement.branches, lost=before or Loss())
    step = Step(id="chg-a", begun_s=0.0, trials={S: trial})
    step.readings = [(at * pause_s, {S: one}) for at, one in enumerate(readings)]
    return seen(step, trial, service, Check(), 6000.0)[0]


@pytest.mark.parametrize(
    ("readings", "before", "what"),
    [
        ([(0, 0), (1, 0), (2, 0)], Loss(), Seen.CARRIED),
        ([(0, 0), (1, 0.009), (2, 0.018)], Loss(), Seen.CARRIED),
        ([(0, 0), (1, 0.011), (2, 0.022)], Loss(), Seen.HARMED),
        ([(0, 0), (1, 0.05), (2, 0.10)], Loss(share=0.045), Seen.CARRIED),
        ([(0, 0), (1, 0.05), (2, 0.10)], Loss(share=0.03), Seen.HARMED),
        ([(0, 0), (1, 1), (2, 2)], Loss(share=1.0), Seen.CARRIED),
        ([(0, 0), (1, 0.05), (2, 0.05)], Loss(), Seen.UNCLEAR),
        ([(0, 0), (1, 0.0), (2, 0.05)], Loss(), Seen.UNCLEAR),
        ([(0, 0), (1, 0.05), (2, 0.05), (3, 0.05)], Loss(), Seen.CARRIED),
        ([(0, 0), (1, 0.0), (2, 0.05), (3, 0.1)], Loss(), Seen.HARMED),
        ([(0, 0), (0, 0), (0, 0)], Loss(), Seen.UNCLEAR),
        ([(5, 0), (4, 0), (5, 0)], Loss(), Seen.CARRIED),
        ([(0, 0), (1e-4, 2e-5), (2e-4, 4e-5)], Loss(), Seen.CARRIED),
        ([(0, 0), (1e-3, 2e-4), (2e-3, 4e-4)], Loss(), Seen.HARMED),
        ([(0, 0), (2e-6, 0), (4e-6, 0)], Loss(), Seen.SILENT),
        ([(0, 0), (9e-5, 4.7e-5), (1.8e-4, 9.4e-5)], Loss(), Seen.SILENT),
    ],
)
def test_who_loses_more_than_before_twice_in_a_row_is_harmed(
    readings: list[tuple[float, float]], before: Loss, what: Seen
) -> None:
    assert judged([counters(*one) for one in readings], before) is what


def test_who_is_dark_is_harmed_though_nothing_is_known_to_be_lost_yet() -> None:
    dark = [counters(0, 0, at * 0.4) for at in range(3)]
    assert judged(dark) is Seen.HARMED
    assert judged(dark, Loss(dark=True)) is Seen.CARRIED
    assert judged([counters(at, 0, at * 0.05) for at in range(3)]) is Seen.CARRIED


def test_who_sends_nothing_is_silent_and_who_says_nothing_is_so_in_the_end() -> None:
    assert judged([counters(1, 0, offered_gbps=0.0)] * 3) is Seen.SILENT
    long = [counters(1, 0)] * 3
    assert judged(long) is Seen.UNCLEAR
    assert judged(long, pause_s=LONGEST_CHECK_S / 2) is Seen.SILENT
    assert judged([counters(*one) for one in [(0, 0), (1, 0), (2, 0.5)]], pause_s=LONGEST_CHECK_S / 2) is Seen.HARMED
    within = [counters(at, 0.5 * (at == 2)) for at in range(3)]
    assert judged(within, pause_s=LONGEST_CHECK_S / 4) is Seen.UNCLEAR


@pytest.mark.parametrize(("lost_gbit", "what"), [(2.0, Seen.CARRIED), (2.5, Seen.CARRIED), (2.9, Seen.HARMED)])
def test_of_a_burst_the_guarantee_is_owed(lost_gbit: float, what: Seen) -> None:
    """It sends 3 Gbit in half a second, both ways together; each way 0.5 Gbit are guaranteed in that time."""
    assert judged([counters(3 * at, lost_gbit * at) for at in range(3)], burst_gbps=5.0) is what


@pytest.mark.parametrize(
    ("there_gbps", "back_gbps", "what"),
    [(0.6, 0.6, Seen.HARMED), (1.0, 0.2, Seen.CARRIED), (0.2, 0.95, Seen.CARRIED), (0.3, 0.3, Seen.CARRIED)],
)
def test_who_may_burst_loses_nothing_by_right_where_neither_direction_has_its_guarantee(
    there_gbps: float, back_gbps: float, what: Seen
) -> None:
    """It sends 1 Gbit in half a second and 0.6 of it arrive; the last rates are of another time than that."""
    rates = {"carried_gbps_there": there_gbps, "carried_gbps_back": back_gbps}
    readings = [replace(counters(at, 0.4 * at), **rates) for at in range(3)]
    assert judged(readings, burst_gbps=5.0) is what


def test_what_was_lost_before_is_of_late_and_else_of_its_life() -> None:
    trials = Trials()
    assert trials.before(S) == Loss()
    trials.note(Sample(at_s=0.0, services={S: counters(10, 5)}, links={}))
    assert trials.before(S) == Loss(share=0.5)
    trials.note(Sample(at_s=0.1, services={S: counters(10, 10)}, links={}))  # too near to the first
    trials.note(Sample(at_s=1.0, services={S: counters(20, 6)}, links={}))
    assert trials.before(S) == Loss(share=0.1)
    trials.note(Sample(at_s=2.0, services={S: counters(20, 6, 0.9)}, links={}))
    assert trials.before(S) == Loss(dark=True)
    assert trials.before(ServiceId("other")) == Loss()


NAMES = [ServiceId(f"svc-{number:02}") for number in range(40)]


def moves(count: int) -> tuple[dict[ServiceId, Policy], dict[ServiceId, Policy]]:
    """What is wanted of so many services, and what routers hold: all of them go from the north to the south."""
    north, south = policy(carried("n", 1.0)), policy(carried("s", 1.0, fence=("US",)))
    names = NAMES[:count]
    return {one: replace(south, service=one) for one in names}, {one: replace(north, service=one) for one in names}


def trials_of(check: Check | None) -> Trials:
    trials = Trials()
    trials.check = check
    return trials


def test_few_moves_and_what_is_no_move_need_no_canary() -> None:
    want, have = moves(10)
    _, quota = trials_of(Check()).quota(list(want), want.get, have)
    assert all(quota.admits(one) for one in want)
    want, have = moves(11)
    _, quota = trials_of(None).quota(list(want), want.get, have)
    assert quota.admits(NAMES[0])
    trials = trials_of(Check())
    planned, quota = trials.quota([*want, ServiceId("new"), ServiceId("gone")], want.get, have)
    assert planned[:2] == ["new", "gone"]
    assert (quota.admits(ServiceId("new")), quota.left) == (True, 1)
    quota.take(ServiceId("new"))
    assert quota.admits(NAMES[0])
    quota.take(NAMES[0])
    assert not quota.admits(NAMES[1])


def step_of(*names: ServiceId) -> Step:
    service: Service = carried("s", 1.0)
    assert isinstance(service.placement, Placement)
    was = service.placement
    made = {one: Trial(service=one, was=was, branches=was.branches, lost=Loss()) for one in names}
    return Step(id="chg-a", begun_s=0.0, trials=made)


@pytest.mark.parametrize("clean", [True, False])
def test_what_a_canary_stood_for_follows_it_if_it_was_clean(clean: bool) -> None:
    trials = trials_of(Check())
    want, have = moves(30)
    trials.quota(list(want), want.get, have)
    step = step_of(NAMES[0])
    trials.begin(step)
    assert step.canary
    assert trials.holds(NAMES[0])
    rest = list(want)[1:]
    _, quota = trials.quota(rest, want.get, have)
    assert quota.left == 0
    trials.end(step, clean=clean)
    _, quota = trials.quota(rest, want.get, have)
    assert quota.left == (29 if clean else 1)
    more, held = moves(41)
    _, quota = trials.quota([*rest, *list(more)[30:]], more.get, held)
    assert (quota.left > 11) is clean, "ten more are few"


def test_the_canary_sends_something_and_tries_most_that_is_new() -> None:
    trials = trials_of(Check(canary=0.1))
    want, have = moves(20)
    other = policy(carried("s", 1.0))
    want[NAMES[19]], have[NAMES[19]] = replace(other, service=NAMES[19]), replace(want[NAMES[19]], service=NAMES[19])
    planned, quota = trials.quota(list(want), want.get, have)
    assert quota.left == 2
    assert set(planned[:2]) == {NAMES[0], NAMES[19]}, "one each way"
    loud = {one: counters(1, 0, offered_gbps=float(one in NAMES[4:6])) for one in want}
    trials.note(Sample(at_s=1.0, services=loud, links={}))
    planned, _ = trials.quota(list(want), want.get, have)
    assert set(planned[:2]) == set(NAMES[4:6])


def test_the_canary_is_not_who_may_lose_something_by_right() -> None:
    trials = trials_of(Check(canary=0.1))
    want, have = moves(20)
    for one in NAMES[:19]:
        want[one] = replace(want[one], ceiling_gbps=5.0)
    trials.note(Sample(at_s=1.0, services=dict.fromkeys(want, counters(1, 0)), links={}))
    planned, _ = trials.quota(list(want), want.get, have)
    assert planned[:2] == [NAMES[19], NAMES[0]]


def test_the_links_that_only_the_harmed_came_to_are_named_first() -> None:
    def over(*links: str) -> Placement:
        return Placement(there=tuple(map(LinkId, links)), back=(), bandwidth_gbps=1.0)

    was, first, second = over("a"), over("b", "c"), over("b", "d")
    assert suspects([(was, first), (was, second)], []) == ["b", "c", "d"]
    assert suspects([(was, first), (was, second)], [over("b")]) == ["c", "d"]
    assert suspects([(was, first)], [over("b", "c")]) == ["b", "c"]
    assert suspects([(over("b"), first)], []) == ["c"]
