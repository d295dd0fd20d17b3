"""Max-min shares inside bounds of latency, against sequences of linear programs over every simple way by HiGHS."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from highroad.planning.narrowing import Asked, narrowed
from highroad.planning.solve.answer import FITS, Limits
from highroad.planning.solve.live import Live
from highroad.planning.solve.maxmin import Shares, maxmin
from highroad.planning.solve.problem import Problem, Reals
from highroad.planning.solve.routed import Routed
from tests.support.linear import Program
from tests.unit.planning.solve.test_routed import able, asked, directed, keeps, ways_of

SEEDS = range(24)


def tight(seed: int, demands: int = 14) -> tuple[Live, Problem]:
    """Demands that are more than fits, most with a bound under which not all their ways are; with weights."""
    of = directed(seed, demands=demands)
    rng = np.random.default_rng(seed)
    bound = np.where(rng.random(of.services) < 0.75, rng.uniform(6, 18, of.services), np.inf)
    of = able(replace(of, bound_ms=bound, gbps=of.gbps * 2))
    weight = rng.choice([1.0, 2.0, 4.0], of.services)
    return of, replace(asked(of), weight=weight)


def program(of: Live) -> tuple[Program, list[list[tuple[int, float]]]]:
    """A column for every simple way inside its bound, and for each demand what it gets."""
    made = Program()
    load: list[list[tuple[int, float]]] = [[] for _ in range(of.spans)]
    gets = []
    for one in range(of.services):
        mine = []
        for way in ways_of(of, one):
            column = made.column()
            mine.append((column, 1.0))
            for link in way:
                load[link].append((column, 1.0))
        made.row(0.0, float(of.gbps[one]), mine)
        gets.append(mine)
    for link, terms in enumerate(load):
        made.row(-np.inf, float(of.capacity_gbps[link]), terms)
    return made, gets


def exact(of: Live, weight: Reals) -> Reals:
    """The largest level for all that may still rise, then who cannot get more stays, and again."""
    got, rising = np.zeros(of.services), np.ones(of.services, np.bool_)
    while rising.any():
        made, gets = program(of)
        level = made.column(-1.0)
        for one, mine in enumerate(gets):
            if rising[one]:
                made.row(0.0, np.inf, [*mine, (level, -float(weight[one]))])
            else:
                made.row(float(got[one]) * (1 - 1e-9), np.inf, mine)
        top = -made.by_highs()
        got[rising] = top * weight[rising]
        for one in np.flatnonzero(rising).tolist():
            made, gets = program(of)
            for other, mine in enumerate(gets):
                made.row(float(got[other]) * (1 - 1e-9), np.inf, mine)
            for column, _ in gets[one]:
                made.cost[column] = -1.0
            if -made.by_highs() <= got[one] * (1 + 1e-6):
                rising[one] = False
    return got


def is_a_plan(of: Live, found: Shares) -> Routed:
    plan = found.answer
    assert isinstance(plan, Routed)
    keeps(of, plan)
    assert (plan.load_gbps <= of.capacity_gbps * (1 + FITS)).all()
    assert (plan.served_gbps <= of.gbps * (1 + 1e-9)).all()
    return plan


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_inside_bounds_are_those_of_an_exact_sequence(seed: int) -> None:
    of, given = tight(seed)
    found = maxmin(given, live=of)
    is_a_plan(of, found)
    assert found.served_gbps == pytest.approx(exact(of, given.weight), rel=1e-4)
    assert found.least_bound == pytest.approx(found.least, rel=1e-4)


def test_bounds_change_what_is_found() -> None:
    """Or the tests above say nothing of them."""
    changed = 0
    for seed in SEEDS:
        of, given = tight(seed)
        free = maxmin(given, live=replace(of, bound_ms=np.full(of.services, np.inf)))
        assert free.served_gbps == pytest.approx(maxmin(given).served_gbps, rel=1e-5)
        changed += not np.allclose(free.served_gbps, maxmin(given, live=of).served_gbps, rtol=1e-3)
    assert changed > len(SEEDS) / 2


def test_one_that_may_not_go_round_has_the_short_way_and_the_others_go_round() -> None:
    """Two of 100 between the same ends over 60 of 1 ms and 60 of 5 ms: each can have 60, as one may take either."""
    of = replace(
        directed(0, demands=2),
        nodes=3,
        a=np.array([0, 0, 2], np.int32),
        b=np.array([1, 2, 1], np.int32),
        latency_ms=np.array([1.0, 2.0, 3.0]),
        capacity_gbps=np.array([60.0, 60.0, 80.0]),
        group_first=np.zeros(4, np.int64),
        group=np.zeros(0, np.int32),
        node_group=np.full(3, -1, np.int32),
        source=np.array([0, 0], np.int32),
        target=np.array([1, 1], np.int32),
        gbps=np.array([100.0, 100.0]),
        bound_ms=np.array([np.inf, 4.0]),
        fence=np.array([-1, -1], np.int32),
        fences=np.zeros((0, 3), np.bool_),
        rank=np.zeros(2, np.int32),
        protected=np.zeros(2, np.bool_),
    )
    for weight, expected in (([1.0, 1.0], [60.0, 60.0]), ([1.0, 3.0], [60.0, 60.0]), ([3.0, 1.0], [90.0, 30.0])):
        found = maxmin(replace(asked(of), weight=np.array(weight)), live=of)
        assert found.served_gbps == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="no way"):
        maxmin(asked(of), live=replace(of, bound_ms=np.array([np.inf, 0.5])))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_is_told_when_time_is_up(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    of, given = tight(seed)
    monkeypatch.setattr("highroad.planning.solve.maxmin.STEPS", 3)
    ticks = count()
    found = maxmin(given, Limits(time_s=2.0), live=of, clock=lambda: float(next(ticks)))
    is_a_plan(of, found)
    left, shares = found.rising, exact(of, given.weight)
    assert left is not None
    still = found.served_gbps / given.weight >= left.level * (1 - 1e-6)
    still &= found.served_gbps < given.amount_gbps * (1 - 1e-6)
    assert still.sum() >= left.demands > 0
    assert (found.served_gbps <= shares * (1 + 1e-6)).all()
    assert (shares / given.weight)[still].min() <= left.bound * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_few_paths_in_parts_are_inside_their_bounds(seed: int) -> None:
    of, given = tight(seed)
    plan = is_a_plan(of, maxmin(given, live=of))
    got = np.empty(of.services)
    got[plan.commodities.of] = plan.served_gbps
    then = narrowed(plan, Asked(most_paths=2, parts=16), Limits(), must=True, amount_gbps=got).plan
    assert (np.diff(then.paths.first) <= 2).all()
    for path in range(then.paths.count):
        commodity = int(np.searchsorted(then.paths.first, path, "right")) - 1
        one = int(np.flatnonzero(plan.commodities.of == commodity)[0])
        links = then.paths.link[then.paths.start[path] : then.paths.start[path + 1]]
        assert of.latency_ms[links].sum() <= of.bound_ms[one] * (1 + 1e-9)
