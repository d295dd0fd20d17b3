"""The tests' own checker: it takes answers that are right, and says of each that is not what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from highroad.planning.solve.certificate import certificate, share_bound, total_bound
from highroad.planning.solve.few import narrowed
from highroad.planning.solve.problem import Problem, problem
from highroad.planning.solve.shared import utilisation
from highroad.planning.solve.total import total
from tests.support import certificate_check
from tests.support.certificate_check import PathPlan, Plan, faults, faults_on_paths
from tests.unit.planning.solve.instances import at_random, claim, claim_on_paths


def by_hand() -> Problem:
    """Two ways from 0 to 3, one of them shut to the second demand, and a link back that nobody needs."""
    return problem(
        4,
        [0, 1, 0, 2, 3, 1],
        [1, 3, 2, 3, 0, 2],
        [10.0, 10.0, 4.0, 4.0, 5.0, 1.0],
        [0, 0],
        [3, 3],
        [6.0, 20.0],
        fence=[-1, 0],
        fences=np.array([[True, True, True, False, True, True]]),
    )


PLAN = claim(total(by_hand()))
SPREAD = claim(utilisation(by_hand()), "utilisation")


def test_by_hand() -> None:
    assert PLAN.value == pytest.approx(14.0, rel=1e-4)
    assert PLAN.bound == pytest.approx(14.0, rel=1e-4)
    assert SPREAD.value == pytest.approx(2.0, rel=1e-4)
    assert faults(PLAN) == set()
    assert faults(SPREAD) == set()


@pytest.mark.parametrize("seed", range(6))
def test_what_is_right_is_taken(seed: int) -> None:
    answer, spread = total(at_random(seed)), utilisation(at_random(seed))
    assert faults(claim(answer)) == set()
    assert faults(claim(spread, "utilisation")) == set()
    assert certificate(answer).holds(answer)
    assert certificate(spread, shares=True).holds(spread, fits=False)


@pytest.mark.parametrize("seed", range(6))
def test_both_checkers_prove_the_same_bound(seed: int) -> None:
    of = at_random(seed)
    price = np.random.default_rng(seed).random(of.links) / 10
    whole = replace(claim(total(of)), price=price)
    distance = certificate_check.distances(whole)
    paid = float((price * of.capacity_gbps).sum())
    earned = float((certificate_check.can_be_carried(whole) * np.maximum(0, 1 - distance)).sum())
    assert total_bound(of, price) == pytest.approx(paid + earned)
    assert share_bound(of, price) == pytest.approx(float((of.amount_gbps * distance).sum()) / paid)


def with_link(plan: Plan, row: int, links: list[int], amount: float) -> Plan:
    flow = plan.flow.copy()
    flow[row, links] += amount
    return replace(plan, flow=flow)


def with_nan(plan: Plan) -> Plan:
    flow = plan.flow.copy()
    flow[0, 0] = np.nan
    return replace(plan, flow=flow)


CORRUPTED: dict[str, tuple[Callable[[], Plan], str]] = {
    "a link is too small": (lambda: replace(PLAN, capacity=PLAN.capacity * 0.999), "over capacity"),
    "flow comes from nowhere": (lambda: with_link(PLAN, 0, [5], 1e-3), "not conserved"),
    "flow is lost on the way": (lambda: with_link(PLAN, 1, [1], -1e-3), "not conserved"),
    "another source": (lambda: replace(PLAN, set_source=np.array([0, 2])), "not conserved"),
    "another target": (lambda: replace(PLAN, target=np.array([3, 2])), "not conserved"),
    "links join other nodes": (lambda: replace(PLAN, head=np.array([1, 2, 2, 3, 0, 2])), "not conserved"),
    "round in a circle": (lambda: with_link(PLAN, 0, [2, 3, 4], 1e-6), "cycle"),
    "a circle that nothing leads to": (lambda: with_link(with_circle(), 0, [6, 7], 1e-6), "cycle"),
    "more is served than asked": (lambda: replace(PLAN, amount=PLAN.amount * 0.5), "served more than asked"),
    "less is served than asked": (lambda: replace(SPREAD, amount=SPREAD.amount * 1.01), "served less than asked"),
    "a demand that no set carries": (lambda: replace(PLAN, fence=np.array([0, -1])), "not conserved"),
    "a set is left out": (lambda: without_set(PLAN), "served by nobody"),
    "less than nothing flows": (lambda: with_link(PLAN, 0, [4], -1e-3), "negative flow"),
    "the value is too high": (lambda: replace(PLAN, value=PLAN.value * 1.00001), "value"),
    "the value is of no plan": (lambda: replace(SPREAD, value=SPREAD.value * 0.99999), "value"),
    "the bound is too low": (lambda: replace(PLAN, bound=PLAN.bound * (1 - 1e-6)), "bound"),
    "the bound on shares is too high": (lambda: replace(SPREAD, bound=SPREAD.bound * (1 + 1e-6)), "bound"),
    "the bound is under the value": (lambda: replace(PLAN, price=PLAN.price * 0, bound=13.0), "bound"),
    "prices prove another bound": (lambda: replace(PLAN, price=PLAN.price * 2), "bound"),
    "nothing has a price": (lambda: replace(SPREAD, price=SPREAD.price * 0), "bound"),
    "a price is negative": (lambda: replace(PLAN, price=PLAN.price - 1e-6), "negative price"),
    "a flow is not a number": (lambda: with_nan(PLAN), "not a number"),
    "the bound is infinite": (lambda: replace(PLAN, bound=np.inf), "not a number"),
    "a price is not a number": (lambda: replace(PLAN, price=PLAN.price * np.nan), "not a number"),
    "over a link that is shut": (lambda: with_link(PLAN, 1, [2, 3], 1e-3), "outside the fence"),
    "a row is missing": (lambda: replace(PLAN, flow=PLAN.flow[:1]), "shape"),
    "a price is missing": (lambda: replace(PLAN, price=PLAN.price[1:]), "shape"),
}


def with_circle() -> Plan:
    """Two nodes more that are joined with each other alone."""
    none, shut = np.zeros((2, 2)), np.ones((1, 2), np.bool_)
    return replace(
        PLAN,
        nodes=6,
        tail=np.append(PLAN.tail, [4, 5]),
        head=np.append(PLAN.head, [5, 4]),
        capacity=np.append(PLAN.capacity, [1.0, 1.0]),
        fences=np.hstack((PLAN.fences, shut)),
        flow=np.hstack((PLAN.flow, none)),
        price=np.append(PLAN.price, [0.0, 0.0]),
    )


def without_set(plan: Plan) -> Plan:
    return replace(plan, set_source=plan.set_source[:1], set_fence=plan.set_fence[:1], flow=plan.flow[:1])


def test_two_nodes_more_do_not_matter() -> None:
    assert faults(with_circle()) == set()


@pytest.mark.parametrize("name", CORRUPTED)
def test_what_is_wrong_is_found(name: str) -> None:
    corrupt, fault = CORRUPTED[name]
    assert fault in faults(corrupt())


def on_paths() -> PathPlan:
    answer = total(at_random(3))
    plan = narrowed(answer)
    return claim_on_paths(answer.problem, answer.commodities, plan.paths, plan)


PATHS = on_paths()


def reversed_path() -> PathPlan:
    long = int(np.flatnonzero(np.diff(PATHS.start) > 1)[0])
    link, here = PATHS.link.copy(), slice(int(PATHS.start[long]), int(PATHS.start[long + 1]))
    link[here] = link[here][::-1]
    return replace(PATHS, link=link)


CORRUPTED_PATHS: dict[str, tuple[Callable[[], PathPlan], str]] = {
    "a link is too small": (lambda: replace(PATHS, capacity=PATHS.capacity * 0.99), "over capacity"),
    "more is served than asked": (lambda: replace(PATHS, amount=PATHS.amount * 0.5), "served more than asked"),
    "less than nothing flows": (lambda: replace(PATHS, flow=PATHS.flow - PATHS.flow.min() - 1e-3), "negative flow"),
    "the value is too high": (lambda: replace(PATHS, value=PATHS.value * 1.00001), "value"),
    "the bound is too low": (lambda: replace(PATHS, bound=PATHS.bound * (1 - 1e-3)), "bound"),
    "a price is negative": (lambda: replace(PATHS, price=PATHS.price - 1e-6), "negative price"),
    "links out of order": (reversed_path, "not a path"),
    "another target": (lambda: replace(PATHS, target=(PATHS.target + 1) % 12), "not a path"),
    "a flow is not a number": (lambda: replace(PATHS, flow=PATHS.flow * np.nan), "not a number"),
    "a path is missing": (lambda: replace(PATHS, flow=PATHS.flow[1:]), "shape"),
}


@pytest.mark.parametrize("name", CORRUPTED_PATHS)
def test_what_is_wrong_with_paths_is_found(name: str) -> None:
    corrupt, fault = CORRUPTED_PATHS[name]
    assert faults_on_paths(PATHS) == set()
    assert fault in faults_on_paths(corrupt())
