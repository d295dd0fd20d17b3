"""Classes one after the other, and max-min shares, against exact sequences of linear programs by HiGHS."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from highroad.planning.solve.answer import Limits, Moment
from highroad.planning.solve.classes import lexicographic
from highroad.planning.solve.maxmin import Shares, maxmin
from highroad.planning.solve.problem import Problem, Reals, commodities, problem
from tests.support.linear import Program
from tests.unit.planning.solve.instances import at_random

SEEDS = [1, 2, 3, 5, 8, 13]


def program(of: Problem) -> tuple[Program, list[int]]:
    """Flows by demand (each a source of its own), none cheaper than another: what is asked of them is added later."""
    made = Program()
    load: list[list[tuple[int, float]]] = [[] for _ in range(of.links)]
    served = []
    for demand in range(of.demands):
        balance: list[list[tuple[int, float]]] = [[] for _ in range(of.nodes)]
        for link in range(of.links):
            fence = int(of.fence[demand])
            if fence >= 0 and not of.fences[fence, link]:
                continue
            column = made.column()
            balance[of.tail[link]].append((column, -1.0))
            balance[of.head[link]].append((column, 1.0))
            load[link].append((column, 1.0))
        served.append(made.column(0.0, float(of.amount_gbps[demand])))
        balance[of.target[demand]].append((served[-1], -1.0))
        for node in range(of.nodes):
            if node != of.source[demand]:
                made.row(0.0, 0.0, balance[node])
    for link, terms in enumerate(load):
        made.row(-np.inf, float(of.capacity_gbps[link]), terms)
    return made, served


def most(of: Problem, weight: Reals, floors: list[tuple[Reals, float]]) -> float:
    """The most of a weighted sum of what demands get, where other weighted sums have floors."""
    made, served = program(of)
    for demand, column in enumerate(served):
        made.cost[column] = -float(weight[demand])
    for of_sum, floor in floors:
        made.row(floor, np.inf, [(column, float(of_sum[demand])) for demand, column in enumerate(served)])
    return -made.by_highs()


def exact_shares(of: Problem) -> Reals:
    """Max-min shares: the largest level for all that may still rise, then who cannot get more stays, and again."""
    got = np.zeros(of.demands)
    rising = np.ones(of.demands, np.bool_)
    while rising.any():
        made, served = program(of)
        level = made.column(-1.0)
        for demand, column in enumerate(served):
            if rising[demand]:
                made.row(0.0, 0.0, [(column, 1.0), (level, -float(of.weight[demand]))])
            else:
                made.row(float(got[demand]) * (1 - 1e-9), np.inf, [(column, 1.0)])
        top = -made.by_highs()
        got[rising] = top * of.weight[rising]
        made, served = program(of)
        for demand, column in enumerate(served):
            made.row(float(got[demand]) * (1 - 1e-9), np.inf, [(column, 1.0)])
        still = np.flatnonzero(rising)
        could = np.array(made.most_of_each([served[demand] for demand in still.tolist()]))
        rising[still[could <= got[still] * (1 + 1e-6)]] = False
    return got


def like(seed: int, demands: int = 8) -> Problem:
    """Sizes within two orders of magnitude, so that shares mean something; each pair once."""
    given = at_random(seed, nodes=7, links=20, demands=demands)
    rng = np.random.default_rng(seed)
    keys = list(zip(given.source.tolist(), given.target.tolist(), given.fence.tolist(), strict=True))
    once = np.array([keys.index(key) == place for place, key in enumerate(keys)])
    return replace(
        given,
        capacity_gbps=np.round(10 ** rng.uniform(1, 2.5, given.links)),
        source=given.source[once],
        target=given.target[once],
        fence=given.fence[once],
        amount_gbps=np.round(10 ** rng.uniform(1, 2.5, once.sum())),
        rank=rng.integers(0, 3, once.sum()).astype(np.int32),
        weight=np.round(rng.uniform(1, 5, once.sum())),
    )


def mixed(seed: int) -> Problem:
    """A ring with chords whose capacities are two orders of magnitude apart, and demands from two or three sources."""
    rng = np.random.default_rng(seed)
    nodes = 10
    ring = [(a, (a + 1) % nodes) for a in range(nodes)]
    chords = [(int(a), int((a + rng.integers(2, nodes - 1)) % nodes)) for a in rng.integers(0, nodes, 5)]
    links = sorted({*ring, *chords, *((b, a) for a, b in (*ring, *chords))})
    sources = rng.choice(nodes, 3, replace=False).tolist()
    ends = sorted(
        {(sources[a], int(b)) for a, b in zip(rng.integers(0, 3, 18), rng.integers(0, nodes, 18), strict=True)}
    )
    ends = [(a, b) for a, b in ends if a != b]
    return problem(
        nodes,
        [a for a, _ in links],
        [b for _, b in links],
        10 ** rng.uniform(0, 2, len(links)),
        [a for a, _ in ends],
        [b for _, b in ends],
        10 ** rng.uniform(0, 2.5, len(ends)),
        weight=rng.choice([1.0, 2.0, 4.0], len(ends)),
    )


@pytest.mark.parametrize("seed", range(8))
def test_shares_are_exact_where_capacities_are_far_apart(seed: int) -> None:
    given = mixed(seed)
    exact, found = exact_shares(given), maxmin(given)
    assert found.served_gbps == pytest.approx(exact, rel=1e-4)
    assert (found.load_gbps <= given.capacity_gbps * (1 + 1e-9)).all()
    assert found.least_bound == pytest.approx(float((exact / given.weight).min()), rel=1e-4)


def test_the_shares_so_far_are_a_plan_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given = mixed(1)
    all_of_it = maxmin(given)
    monkeypatch.setattr("highroad.planning.solve.maxmin.STEPS", 5)
    ticks = iter([0.0] + [2.0] * 9)
    found = maxmin(given, Limits(time_s=1.0), clock=lambda: next(ticks))
    assert 0 < found.served_gbps.sum() < all_of_it.served_gbps.sum()
    assert (found.load_gbps <= given.capacity_gbps * (1 + 1e-9)).all()
    assert (found.served_gbps <= all_of_it.served_gbps * (1 + 1e-6)).all()
    assert all_of_it.rising is None
    proves_what_is_left(given, found, all_of_it.served_gbps)


@pytest.mark.parametrize(("most", "time_s"), [(0, 60.0), (50_000, 3.0)])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_is_told_when_time_is_up(
    monkeypatch: pytest.MonkeyPatch, most: int, time_s: float, seed: int
) -> None:
    """Nearly and exactly: with one small demand that has all it wants, who gets least says nothing of the others."""
    made = mixed(seed)
    given = replace(made, amount_gbps=np.append(made.amount_gbps[:-1], 1e-3))
    exact = maxmin(given).served_gbps
    monkeypatch.setattr("highroad.planning.solve.maxmin.STEPS", 2)
    monkeypatch.setattr("highroad.planning.solve.maxmin.TOLD_S", 0.0)
    monkeypatch.setattr("highroad.planning.solve.maxmin.MOST", most)
    ticks, told = count(), list[Moment]()
    found = maxmin(given, Limits(time_s=time_s), clock=lambda: float(next(ticks)), progress=told.append)
    proves_what_is_left(given, found, exact)
    assert told
    assert all(one.value <= one.bound for one in told)


def proves_what_is_left(given: Problem, found: Shares, exact: Reals) -> None:
    """Those who would rise still are as high as it says, and their exact level is no higher than the bound."""
    left = found.rising
    assert left is not None
    share = found.served_gbps / given.weight
    still = (share >= left.level * (1 - 1e-6)) & (found.served_gbps < given.amount_gbps * (1 - 1e-6))
    assert still.sum() >= left.demands > 0
    assert share[still] == pytest.approx(left.level)
    assert (exact / given.weight)[still].min() <= left.bound * (1 + 2e-3)
    assert left.bound > left.level
    assert left.gap > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_those_of_an_exact_sequence(seed: int) -> None:
    of = like(seed)
    exact, found = exact_shares(of), maxmin(of)
    assert (found.load_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    assert found.served_gbps == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_many_are_those_of_an_exact_sequence(seed: int) -> None:
    """Every pair of a larger network, sizes two orders of magnitude apart: nobody is held where he could rise."""
    rng = np.random.default_rng(seed)
    nodes = 12
    ends = [(a, b) for a in range(nodes) for b in range(nodes) if a != b]
    ring = [(a, (a + 1) % nodes) for a in range(nodes)] + [(a, (a + 4) % nodes) for a in range(0, nodes, 2)]
    links = [*ring, *((b, a) for a, b in ring)]
    given = problem(
        nodes,
        [a for a, _ in links],
        [b for _, b in links],
        rng.choice([100.0, 400.0], len(links)),
        [a for a, _ in ends[::4]],
        [b for _, b in ends[::4]],
        10 ** rng.uniform(0.5, 2.5, len(ends[::4])),
    )
    exact, found = exact_shares(given), maxmin(given)
    assert found.served_gbps == pytest.approx(exact, rel=0.01)
    assert (found.load_gbps <= given.capacity_gbps * (1 + 1e-9)).all()


def test_one_who_has_enough_leaves_the_rest_to_others() -> None:
    """Three share 90: who asks for 10 gets it, the others 40 each; weights of 1 and 3 make that 20 and 60."""
    ends = ([0], [1], [90.0])
    for weight, expected in (([1, 1, 1], [10, 40, 40]), ([1, 1, 3], [10, 20, 60])):
        of = problem(5, [*ends[0], 1, 1, 1], [*ends[1], 2, 3, 4], [90.0, 1e3, 1e3, 1e3], [0, 0, 0], [2, 3, 4],
                     [10.0, 100.0, 100.0], weight=weight)  # fmt: skip
        assert maxmin(of).served_gbps == pytest.approx(expected, rel=0.012)


def test_those_with_the_same_ends_share_as_everybody_does() -> None:
    """One link of 60 for three: who asks for 5 gets it, the others share by weights of 1 and 4."""
    of = problem(2, [0], [1], [60.0], [0, 0, 0], [1, 1, 1], [5.0, 100.0, 100.0], weight=[1, 1, 4])
    found = maxmin(of)
    assert found.served_gbps == pytest.approx([5, 11, 44], rel=0.015)
    assert found.least == pytest.approx(5.0, rel=1e-6)
    assert found.least <= found.least_bound * (1 + 1e-9) <= 5.0 * (1 + 1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_classes_get_what_an_exact_sequence_gives_them(seed: int) -> None:
    """Each beside what those before it were given: a hair less for them may be much more for those after them."""
    of = like(seed, demands=14)
    found = lexicographic(of, Limits(gap=1e-5))
    served = found.answer.served_gbps
    floors: list[tuple[Reals, float]] = []
    for one in found.classes:
        weight = (of.rank <= one.rank).astype(np.float64)
        given, exact = float(weight @ served), most(of, weight, floors)
        floors.append((weight, given * (1 - 1e-9)))
        assert exact * (1 - 2e-3) <= given <= exact * (1 + 1e-6)
        assert one.value == pytest.approx(given)
        assert one.bound >= one.value * (1 - 1e-9)
        assert one.gap <= 2e-3
    assert found.classes[0].bound >= most(of, floors[0][0], []) * (1 - 1e-9)
    assert (found.answer.load_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    assert served.sum() == pytest.approx(found.classes[-1].value)
    assert len(commodities(of, ranked=True).target) == of.demands


@pytest.mark.parametrize("hops", [5, 12, 60])
def test_one_long_way_is_not_given_up_for_many_short_ones(hops: int) -> None:
    """A line of links of 100, and 80 of the first class from end to end: each link's own 100 of the next get 20."""
    ends = range(hops)
    of = problem(hops + 1, [*ends], [n + 1 for n in ends], [100.0] * hops, [0, *ends], [hops, *(n + 1 for n in ends)],
                 [80.0, *[100.0] * hops], rank=[0, *[1] * hops])  # fmt: skip
    found = lexicographic(of)
    assert [one.value for one in found.classes] == pytest.approx([80.0, 80.0 + 20.0 * hops], rel=1e-3)
    assert all(one.gap <= 2e-3 for one in found.classes)


def test_three_classes_each_in_the_way_of_many_of_the_next() -> None:
    """A line of 60 links of 100: 30 from end to end, then 50 over 20 each, then what is left of each link alone."""
    ends = range(60)
    source, target = [0, 0, 20, 40, *ends], [60, 20, 40, 60, *(n + 1 for n in ends)]
    of = problem(61, [*ends], [n + 1 for n in ends], [100.0] * 60, source, target,
                 [30.0, *[50.0] * 3, *[100.0] * 60], rank=[0, 1, 1, 1, *[3] * 60])  # fmt: skip
    found = lexicographic(of)
    assert [one.value for one in found.classes] == pytest.approx([30.0, 180.0, 180.0 + 20.0 * 60], rel=1e-3)
    assert all(one.gap <= 2e-3 for one in found.classes)


@pytest.mark.parametrize("seed", SEEDS)
def test_classes_have_a_plan_and_true_bounds_when_time_is_up(seed: int) -> None:
    of = like(seed, demands=14)
    exact, floors = list[float](), list[tuple[Reals, float]]()
    for rank in np.unique(of.rank).tolist():
        weight = (of.rank <= rank).astype(np.float64)
        exact.append(most(of, weight, floors))
        floors.append((weight, exact[-1] * (1 - 1e-9)))
    ticks = count()
    found = lexicographic(of, Limits(time_s=3.0), clock=lambda: float(next(ticks)))
    assert (found.answer.load_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    assert found.answer.served_gbps.sum() == pytest.approx(found.classes[-1].value)
    assert found.classes[0].bound >= exact[0] * (1 - 1e-9) >= found.classes[0].value * (1 - 1e-9)


def test_progress_is_told_of_every_class() -> None:
    of = like(3, demands=14)
    told: list[Moment] = []
    found = lexicographic(of, progress=told.append)
    assert len(told) == len(found.classes)
    assert (told[-1].value, told[-1].bound) == (found.classes[-1].value, found.classes[-1].bound)


def test_a_later_class_takes_nothing_from_an_earlier_one() -> None:
    """One link of 10: the first class asks for 8 of it, the second for 8 and gets 2."""
    of = problem(2, [0], [1], [10.0], [0, 0], [1, 1], [8.0, 8.0], rank=[1, 0])
    found = lexicographic(of)
    assert found.answer.served_gbps == pytest.approx([2.0, 8.0], rel=1e-3)
    assert [one.value for one in found.classes] == pytest.approx([8.0, 10.0], rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_thousands_come_to_an_end_and_fit(seed: int) -> None:
    """After tens of thousands of steps rounding errors neither end it nor make it give more than there is."""
    rng = np.random.default_rng(seed)
    nodes, demands = 80, 4000
    chords = [(int(a), int((a + rng.integers(2, nodes - 1)) % nodes)) for a in rng.integers(0, nodes, nodes // 2)]
    links = [*((a, (a + 1) % nodes) for a in range(nodes)), *chords]
    source = rng.integers(0, nodes, demands).astype(np.int32)
    given = problem(
        nodes,
        [a for a, _ in links] + [b for _, b in links],
        [b for _, b in links] + [a for a, _ in links],
        rng.choice([100.0, 400.0], 2 * len(links)),
        source,
        ((source + rng.integers(1, nodes, demands)) % nodes).astype(np.int32),
        rng.uniform(1, 20, demands),
        weight=rng.choice([1.0, 2.0, 4.0], demands),
    )
    found = maxmin(given)
    assert (found.load_gbps <= given.capacity_gbps * (1 + 1e-9)).all()
    assert found.answer.gap <= 5e-3
