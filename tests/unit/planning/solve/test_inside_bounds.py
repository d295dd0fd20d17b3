"""Proofs of plans inside bounds of latency: near what HiGHS finds over every way, and true for a checker of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from highroad.planning.solve import routed, ways
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.live import Live
from highroad.planning.solve.offered import Lots
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.routed import Routed
from highroad.planning.solve.routed_classes import in_turn
from highroad.planning.solve.ways import Found, Places
from tests.support.bounds_check import BoundedPlan, faults_inside_bounds
from tests.unit.planning.solve.test_routed import able, asked, best, directed, keeps

GAP = 1e-4
WIDEST = 0.02
"""What is proven whatever is drawn: a few networks in a thousand do not come to rest at 1e-4. The bracket holds."""

ROUNDING = 1e-6


def bounded(seed: int, *, demands: int = 14, times: float = 1.0, share: float = 0.7, protected: float = 0.0) -> Live:
    """So many times what 6 nodes and 22 links carry with ease, and most inside a bound that leaves some ways out."""
    of = directed(seed, demands=demands, protected=protected)
    rng = np.random.default_rng(seed)
    bound = np.where(rng.random(of.services) < share, rng.uniform(5, 20, of.services), np.inf)
    return able(replace(of, bound_ms=bound, gbps=of.gbps * times))


def claim(of: Live, plan: Routed, objective: str, worth: Reals | None = None) -> BoundedPlan:
    """A plan of `routed` as the checker takes it: links of paths in order."""
    paths, lots, link = plan.paths, plan.commodities, plan.paths.link.copy()
    lot = np.repeat(np.arange(len(lots.target)), np.diff(paths.first))
    source = np.repeat(lots.source, np.diff(lots.start))
    for path in range(paths.count):
        here = slice(int(paths.start[path]), int(paths.start[path + 1]))
        if of.a[link[here][0]] != source[lot[path]] or of.b[link[here][-1]] != lots.target[lot[path]]:
            link[here] = link[here][::-1]
    return BoundedPlan(
        nodes=of.nodes,
        tail=of.a,
        head=of.b,
        capacity=of.capacity_gbps,
        latency=of.latency_ms,
        source=of.source,
        target=of.target,
        amount=of.gbps,
        latest=of.bound_ms,
        fence=of.fence,
        fences=of.fences,
        worth=np.ones(of.services) if worth is None else worth[of.rank],
        lot=lots.of,
        of=lot,
        start=paths.start,
        link=link,
        flow=plan.flow_gbps,
        served=plan.served_gbps,
        price=plan.price,
        value=plan.value,
        bound=plan.bound,
        objective=objective,
    )


def is_proven(of: Live, widest: float) -> None:
    """The most and the most even: inside bounds, proven as the checker reckons, HiGHS between value and bound."""
    most = routed.most(asked(of), of, Limits(gap=GAP))
    keeps(of, most)
    assert faults_inside_bounds(claim(of, most, "total")) == set()
    exact = best(of, must=False)
    assert most.value <= exact * (1 + ROUNDING)
    assert exact <= most.bound * (1 + ROUNDING)
    assert most.gap <= widest
    even = routed.evenest(asked(of), of, Limits(gap=GAP))
    keeps(of, even)
    assert faults_inside_bounds(claim(of, even, "utilisation")) == set()
    exact = best(of, must=True)
    assert even.bound <= exact * (1 + ROUNDING)
    assert exact <= even.value * (1 + ROUNDING)
    assert even.gap <= widest


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 25), st.sampled_from([0.3, 1.0, 8.0]), st.floats(0.2, 1.0))
@example(3, 14, 8.0, 1.0)
def test_the_best_is_between_value_and_bound(seed: int, demands: int, times: float, share: float) -> None:
    is_proven(bounded(seed, demands=demands, times=times, share=share), WIDEST)


@pytest.mark.parametrize("times", [1.0, 6.0])
@pytest.mark.parametrize("seed", range(12))
def test_the_gap_is_narrow_on_small_and_overloaded_networks(seed: int, times: float) -> None:
    is_proven(bounded(seed, times=times), 2 * GAP)


@pytest.mark.parametrize("seed", range(12))
def test_each_class_is_proven_too(seed: int) -> None:
    of = bounded(seed, times=3.0)
    plan, classes, worth = in_turn(asked(of), of, Limits(gap=GAP))
    by_rank = np.ones(3)
    by_rank[[one.rank for one in classes]] = [one.worth for one in classes]
    assert worth == pytest.approx(by_rank[plan.commodities.rank])
    assert faults_inside_bounds(claim(of, plan, "total", by_rank)) == set()
    for one in classes:
        assert one.value == pytest.approx(plan.served_gbps[of.rank <= one.rank].sum())
        assert one.gap <= 1e-3
    first = classes[0]
    exact = best(replace(of, gbps=np.where(of.rank == first.rank, of.gbps, 0.0)), must=False)
    assert first.value <= exact * (1 + ROUNDING)
    assert exact <= first.bound * (1 + ROUNDING)


@pytest.mark.parametrize("reach", [0, 60])
@pytest.mark.parametrize("labels", [0, 20])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_looked_into_is_proven_less_of_and_truly(
    monkeypatch: pytest.MonkeyPatch, seed: int, reach: int, labels: int
) -> None:
    monkeypatch.setattr(routed, "REACH", reach)
    monkeypatch.setattr(routed, "FARTHER", 1)
    monkeypatch.setattr(ways, "LABELS", labels)
    is_proven(bounded(seed, times=3.0), 1.0)


def test_no_more_ways_are_looked_for_than_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    of, now_s, within = bounded(3, demands=1500, times=0.1), [0.0], Lots.within

    def slow(lots: Lots, price: Reals, some: Places, enough: Reals) -> tuple[Reals, Found]:
        now_s[0] += len(some)
        return within(lots, price, some, enough)

    monkeypatch.setattr(Lots, "within", slow)
    routed.most(asked(of), of, Limits(gap=GAP, time_s=10.0), clock=lambda: now_s[0])
    assert 0 < now_s[0] <= 48


def test_the_last_class_has_what_time_the_others_left(monkeypatch: pytest.MonkeyPatch) -> None:
    of, now_s, sweep = bounded(3, times=3.0), [0.0], routed._Search._round

    def slow(search: routed._Search, regret: float) -> float:
        now_s[0] += 1.0
        return sweep(search, regret)

    monkeypatch.setattr(routed._Search, "_round", slow)
    of = replace(of, gbps=np.where(of.rank < of.rank.max(), 1e-3, of.gbps))
    _, classes, _ = in_turn(asked(of), of, Limits(gap=1e-9, time_s=60.0), clock=lambda: now_s[0])
    assert now_s[0] > 45 or classes[-1].gap <= 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_bounds_that_are_put_together_are_proven_truly(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(routed, "APART", 0)
    is_proven(bounded(seed, demands=40), 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_bounds_of_who_is_protected_count(seed: int) -> None:
    of = bounded(seed, protected=0.5)
    free = able(replace(of, bound_ms=np.full(of.services, np.inf)))
    assert free.services == of.services
    for search, must in ((routed.most, False), (routed.evenest, True)):
        plan, exact = search(asked(of), of, Limits(gap=GAP)), best(of, must=must)
        keeps(of, plan)
        low, high = (plan.bound, plan.value) if must else (plan.value, plan.bound)
        assert low <= exact * (1 + ROUNDING)
        assert exact <= high * (1 + ROUNDING)


OF = bounded(3, times=3.0)
MOST = claim(OF, routed.most(asked(OF), OF, Limits(gap=GAP)), "total")
EVEN = claim(OF, routed.evenest(asked(OF), OF, Limits(gap=GAP)), "utilisation")
BUSY = int(np.argmax(MOST.flow))


def with_path(plan: BoundedPlan, links: list[int]) -> BoundedPlan:
    """The path that carries most goes over these links instead."""
    start = plan.start.copy()
    here = slice(int(start[BUSY]), int(start[BUSY + 1]))
    link = np.concatenate((plan.link[: here.start], np.array(links, plan.link.dtype), plan.link[here.stop :]))
    start[BUSY + 1 :] += len(links) - (here.stop - here.start)
    return replace(plan, link=link, start=start)


def slowed(plan: BoundedPlan) -> BoundedPlan:
    """Those of the busiest lot with a path that is bound may take half of what that takes."""
    takes = np.add.reduceat(plan.latency[plan.link], plan.start[:-1])
    latest = plan.latest.copy()
    path = max(np.flatnonzero(plan.flow > 0).tolist(), key=lambda one: float(takes[one]))
    latest[plan.lot == plan.of[path]] = takes[path] / 2
    return replace(plan, latest=latest)


def fenced(plan: BoundedPlan) -> BoundedPlan:
    fences = np.ones((1, len(plan.tail)), np.bool_)
    fences[0, plan.link[plan.start[BUSY]]] = False
    return replace(plan, fences=fences, fence=np.zeros(len(plan.source), np.int32))


CORRUPTED: dict[str, tuple[Callable[[], BoundedPlan], str]] = {
    "a bound that a path does not meet": (lambda: slowed(MOST), "too late"),
    "links that are slower than said": (lambda: replace(MOST, latency=MOST.latency * 3), "too late"),
    "a fence that a path leaves": (lambda: fenced(MOST), "outside the fence"),
    "a path that ends elsewhere": (lambda: replace(MOST, target=(MOST.target + 1) % OF.nodes), "not a path"),
    "a path that jumps": (lambda: with_path(MOST, [0, 0]), "not a path"),
    "a link is too small": (lambda: replace(MOST, capacity=MOST.capacity * 0.99), "over capacity"),
    "more is served than asked": (lambda: replace(MOST, amount=MOST.amount * 0.5), "served more than asked"),
    "less is served than asked": (lambda: replace(EVEN, amount=EVEN.amount * 1.01), "served less than asked"),
    "paths carry something else": (lambda: replace(MOST, flow=MOST.flow * 0.99), "not what its paths carry"),
    "less than nothing flows": (lambda: replace(MOST, flow=MOST.flow - 1e-3), "negative flow"),
    "the value is too high": (lambda: replace(MOST, value=MOST.value * 1.00001), "value"),
    "the value is of no plan": (lambda: replace(EVEN, value=EVEN.value * 0.99999), "value"),
    "the bound is too low": (lambda: replace(MOST, bound=MOST.bound * (1 - 1e-6)), "bound"),
    "the bound on shares is too high": (lambda: replace(EVEN, bound=EVEN.bound * (1 + 1e-6)), "bound"),
    "prices prove another bound": (lambda: replace(MOST, price=MOST.price * 0.5), "bound"),
    "nothing has a price": (lambda: replace(EVEN, price=EVEN.price * 0), "bound"),
    "the bound is of narrower bounds": (lambda: replace(MOST, latest=MOST.latest * 3), "bound"),
    "as if latency were for nothing": (lambda: replace(EVEN, latency=EVEN.latency * 0), "bound"),
    "a price is negative": (lambda: replace(MOST, price=MOST.price - 1e-6), "negative price"),
    "a price is not a number": (lambda: replace(MOST, price=MOST.price * np.nan), "not a number"),
    "the bound is infinite": (lambda: replace(MOST, bound=np.inf), "not a number"),
    "a path is missing": (lambda: replace(MOST, flow=MOST.flow[1:]), "shape"),
    "a price is missing": (lambda: replace(MOST, price=MOST.price[1:]), "shape"),
}


@pytest.mark.parametrize("name", CORRUPTED)
def test_what_is_wrong_is_found(name: str) -> None:
    corrupt, fault = CORRUPTED[name]
    assert faults_inside_bounds(MOST) == faults_inside_bounds(EVEN) == set()
    assert fault in faults_inside_bounds(corrupt())
