"""At any limit of time an answer fits; it gets no worse with time; the same question has the same answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.graph._kernels import Flows
from highroad.planning.solve import shared
from highroad.planning.solve.answer import Answer, Limits, Moment, gap_of
from highroad.planning.solve.certificate import certificate
from highroad.planning.solve.few import narrowed, on_paths, paths_of
from highroad.planning.solve.problem import Problem, commodities, flows, problem, reachable
from highroad.planning.solve.shared import utilisation
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.total import after_cut, solve, total
from tests.support.certificate_check import faults, faults_on_paths
from tests.unit.planning.solve.instances import Steps, at_random, claim, claim_on_paths, problems

STEPS = st.lists(st.sampled_from([0.0, 1e-3, 0.5, 2.0, 1e6]), max_size=30)


@settings(max_examples=60)
@given(problems(), STEPS, st.sampled_from([0.0, 1.0, 10.0]), st.sampled_from([1, 2]))
def test_whenever_time_is_up_the_answer_fits(of: Problem, by_s: list[float], time_s: float, threads: int) -> None:
    limits = Limits(gap=1e-9, time_s=time_s, threads=threads)
    if not by_s or sum(by_s) <= time_s:
        limits = Limits(time_s=time_s, threads=threads)
    answer = total(of, limits, clock=Steps(by_s))
    assert faults(claim(answer)) == set()
    assert certificate(answer).holds(answer)
    gets_no_worse(answer.moments, rises=True)
    spread = utilisation(of, limits, clock=Steps(by_s))
    assert faults(claim(spread, "utilisation")) == set()
    gets_no_worse(spread.moments, rises=False)
    paths, _ = paths_of(answer)
    plan = on_paths(of.capacity_gbps, answer.commodities.amount_gbps, paths, limits, clock=Steps(by_s))
    assert faults_on_paths(claim_on_paths(of, answer.commodities, paths, plan)) == set()
    gets_no_worse(plan.moments, rises=True)


def gets_no_worse(moments: tuple[Moment, ...], *, rises: bool) -> None:
    sign = 1 if rises else -1
    for before, after in pairwise(moments):
        assert after.after_s >= before.after_s
        assert sign * (after.value - before.value) >= 0
        assert sign * (before.bound - after.bound) >= 0


def test_no_time_at_all_is_one_sweep_and_more_time_is_more() -> None:
    of = at_random(5, nodes=14, links=50, demands=60)
    sweeps, gaps = [], []
    for seconds in (0.0, 4.0, 8.0, 16.0, 1e9):
        answer = total(of, Limits(gap=1e-4, time_s=seconds), clock=Steps([0.0, *[1.0] * 10_000]))
        assert faults(claim(answer)) == set()
        sweeps.append(answer.sweeps)
        gaps.append(answer.gap)
    assert sweeps[0] == 1
    assert sweeps == sorted(sweeps)
    assert gaps[-1] <= 1e-4 < gaps[0]


def test_progress_is_told_as_it_is_made() -> None:
    told: list[Moment] = []
    answer = total(at_random(5), progress=told.append)
    assert tuple(told) == answer.moments
    assert (told[-1].value, told[-1].bound) == (answer.value, answer.bound)
    assert told[-1].gap == answer.gap == gap_of(answer.value, answer.bound)
    told.clear()
    assert utilisation(at_random(5), progress=told.append).moments == tuple(told)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_question_has_the_same_answer(threads: int) -> None:
    of = at_random(7, nodes=14, links=50, demands=60)
    limits = Limits(threads=threads)
    for ask in (total, utilisation):
        first, again, other = ask(of, limits, seed=3), ask(of, limits, seed=3), ask(of, limits, seed=4)
        assert np.array_equal(first.flows.flow, again.flows.flow)
        assert np.array_equal(first.price, again.price)
        assert (first.value, first.bound, first.sweeps) == (again.value, again.bound, again.sweeps)
        assert other.value == pytest.approx(first.value, rel=3e-4)
    answer = total(of, limits)
    plans = [narrowed(answer, 4, limits) for _ in range(2)]
    assert np.array_equal(plans[0].flow_gbps, plans[1].flow_gbps)


def carried_over(answer: Answer, of: Problem) -> Flows:
    """What a plan of before is for another problem over the same links."""
    begun = flows(of, commodities(of), np.ones(len(answer.commodities.target)))
    begun.set(answer.flows.flow, answer.flows.served)
    return begun


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_plan_of_before_is_no_worse_a_beginning(seed: int, threads: int) -> None:
    of, limits = at_random(seed), Limits(threads=threads)
    before = total(of, limits)
    again = total(of, limits, start=before.flows)
    assert faults(claim(again)) == set()
    assert again.value >= before.value * (1 - 1e-9)
    assert again.gap <= 1e-4
    at_once = total(of, Limits(time_s=0.0, threads=threads), clock=Steps([0.0, 1.0, 1.0]), start=before.flows)
    assert faults(claim(at_once)) == set()
    assert at_once.value >= before.value * (1 - 1e-9)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("capacity", "amount"), [(0.3, 1.0), (1.0, 0.3), (3.0, 1.0), (1.0, 3.0), (1e-3, 1e3)])
def test_a_plan_of_before_is_of_what_holds_now(capacity: float, amount: float, threads: int) -> None:
    """Links and demands have changed since: what is over goes, and the answer is of the new ones."""
    of = at_random(2)
    before = total(of)
    rng = np.random.default_rng(0)
    now = replace(
        of,
        capacity_gbps=of.capacity_gbps * np.where(rng.random(of.links) < 0.3, capacity, 1.0),
        amount_gbps=of.amount_gbps * np.where(rng.random(of.demands) < 0.3, amount, 1.0),
    )
    for start in (before.flows, carried_over(before, now)):
        for limits in (Limits(threads=threads), Limits(time_s=0.0, threads=threads)):
            answer = total(now, limits, start=start, clock=Steps([0.0, *[1.0] * 9]))
            assert faults(claim(answer)) == set()
            assert certificate(answer).holds(answer)
    cold = total(now)
    assert total(now, start=before.flows).value == pytest.approx(cold.value, rel=3e-4)


def test_a_plan_of_before_may_be_of_another_objective_or_carry_nothing() -> None:
    of = at_random(2)
    cold, most = utilisation(of), total(of)
    nothing = flows(of, commodities(of), np.ones(len(most.commodities.target)))
    for start in (nothing, most.flows, cold.flows):
        answer = utilisation(of, start=start)
        assert faults(claim(answer, "utilisation")) == set()
        assert answer.value == pytest.approx(cold.value, rel=3e-4)
        assert faults(claim(total(of, start=start))) == set()
        assert total(of, start=start).value == pytest.approx(most.value, rel=3e-4)


def test_a_plan_of_before_that_is_of_other_links_is_refused() -> None:
    with pytest.raises(ValueError, match="flow has"):
        total(at_random(1), start=total(at_random(2, links=30)).flows)


@pytest.mark.parametrize("threads", [1, 2])
def test_paths_may_begin_with_more_than_is_asked(threads: int) -> None:
    answer = total(at_random(3))
    made = answer.commodities
    paths, amount = paths_of(answer)
    for times in (0.0, 1.0, 100.0):
        plan = on_paths(
            answer.problem.capacity_gbps, made.amount_gbps, paths, Limits(threads=threads), start=amount * times
        )
        assert faults_on_paths(claim_on_paths(answer.problem, made, paths, plan)) == set()
        assert plan.gap <= 1e-3


def test_what_counts_more_goes_first() -> None:
    """Two demands over one link: worth 3 and 1."""
    of = problem(3, [0, 1], [1, 2], [10.0, 10.0], [0, 1], [2, 2], [8.0, 8.0])
    made = commodities(of)
    answer = solve(of, made, np.array([1.0, 3.0]), Limits(), lambda: 0.0)
    assert answer.served_gbps.tolist() == pytest.approx([2.0, 8.0], rel=1e-3)
    assert answer.value == pytest.approx(26.0, rel=1e-4)
    assert answer.bound == pytest.approx(26.0, rel=1e-4)


def test_a_slope_far_up_prices_what_is_full_and_nothing_else() -> None:
    slope = Slope(capacity_gbps=np.array([1.0, 1.0, 1.0]), slope=1e290)
    assert slope.at(np.array([0.5, 1.0, 2.0])).tolist() == [0.0, 1.0, np.exp(3.0)]


@pytest.mark.parametrize("seed", [4, 10, 13, 22])
def test_after_a_cut_the_rest_is_planned_from_where_it_was(seed: int) -> None:
    of = at_random(seed)
    before = total(of)
    cut = np.argsort(-before.load_gbps)[:2].astype(np.int32)
    found = after_cut(before, cut, Limits(gap=1e-3))
    left = np.setdiff1d(np.arange(of.links), cut)
    rest = replace(
        of, tail=of.tail[left], head=of.head[left], capacity_gbps=of.capacity_gbps[left], fences=of.fences[:, left]
    )
    assert found.load_gbps[cut].tolist() == [0.0, 0.0]
    assert (found.load_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    cold = total(rest)
    assert found.value <= cold.bound * (1 + 1e-9)
    assert cold.value <= found.bound * (1 + 1e-9)
    assert found.value == pytest.approx(cold.value, rel=1e-2)
    assert before.flows.load == pytest.approx(before.load_gbps)


@pytest.mark.parametrize("seed", range(12))
def test_the_least_utilisation_after_a_cut_begins_with_the_plan_of_before(seed: int) -> None:
    of = at_random(seed, links=60)
    before = utilisation(of)
    cut = np.argsort(-before.load_gbps / of.capacity_gbps)[seed % 3 : seed % 3 + 2].astype(np.int32)
    left = np.setdiff1d(np.arange(of.links), cut)
    rest = replace(
        of, tail=of.tail[left], head=of.head[left], capacity_gbps=of.capacity_gbps[left], fences=of.fences[:, left]
    )
    if not reachable(rest).all():
        with pytest.raises(ValueError, match="cannot be carried at all"):
            shared.after_cut(before, cut)
        return
    found = shared.after_cut(before, cut, Limits(gap=1e-3))
    assert found.load_gbps[cut].tolist() == [0.0, 0.0]
    assert found.gap <= 1e-3
    cold = utilisation(rest)
    assert found.bound <= cold.value * (1 + 1e-9)
    assert cold.bound <= found.value * (1 + 1e-9)
    assert found.value == pytest.approx(float((found.load_gbps / of.capacity_gbps).max()))
    assert np.bincount(
        found.commodities.of, weights=of.amount_gbps, minlength=len(found.commodities.target)
    ) == pytest.approx(found.flows.served)
    assert before.flows.load == pytest.approx(before.load_gbps)


def test_prices_of_cut_links_stay_infinite_however_steep() -> None:
    """At the steepest slope of all e to the minus it is 0, and a price that is no number is never passed over."""
    slope = Slope(capacity_gbps=np.ones(2), slope=1.0, closed=np.array([True, False]))
    slope.warm(np.ones(2))
    for _ in range(100):
        slope.swept(slope.at(np.zeros(2)), 0.0, 1.0)
    assert slope.at(np.zeros(2))[0] == np.inf
