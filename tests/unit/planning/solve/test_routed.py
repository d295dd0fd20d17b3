"""Ways one way each, with bounds, fences and backups, against linear programs over every simple way by HiGHS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from highroad.planning.narrowing import Asked, narrowed
from highroad.planning.solve import routed, routed_classes
from highroad.planning.solve.answer import FITS, Limits
from highroad.planning.solve.few import Paths
from highroad.planning.solve.live import Live
from highroad.planning.solve.parts import weights
from highroad.planning.solve.problem import Problem, problem
from highroad.planning.solve.routed_classes import in_turn
from tests.support.linear import Program

ROUNDING = 1e-6
SEEDS = range(12)
Way = tuple[int, ...]


def directed(seed: int, *, demands: int = 14, protected: float = 0.0) -> Live:
    """Both ways over 11 fibres between 6 nodes; each fibre and each node is a risk group, and some fibres share one."""
    rng = np.random.default_rng(seed)
    nodes, fibres = 6, 11
    a = np.concatenate((np.arange(nodes), rng.integers(0, nodes, fibres - nodes)))
    b = np.concatenate((np.arange(1, nodes + 1) % nodes, (a[nodes:] + rng.integers(1, nodes, fibres - nodes)) % nodes))
    shared = np.where(rng.random(fibres) < 0.2, fibres + nodes, -1)
    groups = [
        [fibre, fibres + int(a[fibre]), fibres + int(b[fibre]), *([int(shared[fibre])] if shared[fibre] >= 0 else [])]
        for fibre in range(fibres)
    ]
    source = rng.integers(0, nodes, demands)
    latency = rng.uniform(1, 9, fibres)
    return Live(
        nodes=nodes,
        a=np.concatenate((a, b)).astype(np.int32),
        b=np.concatenate((b, a)).astype(np.int32),
        latency_ms=np.tile(latency, 2),
        capacity_gbps=rng.uniform(20, 120, 2 * fibres),
        group_first=np.append(0, np.cumsum([len(one) for one in groups * 2])).astype(np.int64),
        group=np.concatenate(groups * 2).astype(np.int32),
        node_group=np.arange(fibres, fibres + nodes, dtype=np.int32),
        source=source.astype(np.int32),
        target=((source + rng.integers(1, nodes, demands)) % nodes).astype(np.int32),
        gbps=rng.uniform(5, 80, demands),
        rank=rng.integers(0, 3, demands).astype(np.int32),
        bound_ms=np.where(rng.random(demands) < 0.4, rng.uniform(8, 25, demands), np.inf),
        fence=rng.integers(-1, 2, demands).astype(np.int32),
        fences=rng.random((2, 2 * fibres)) < 0.9,
        protected=rng.random(demands) < protected,
        directed=True,
    )


def ways_of(of: Live, one: int) -> list[Way]:
    """Every simple way of a demand inside its fence and bound."""

    def on(here: int, seen: Way, way: Way) -> Iterator[Way]:
        if here == of.target[one]:
            yield way
            return
        for link in np.flatnonzero(of.a == here).tolist():
            there = int(of.b[link])
            if there not in seen and (of.fence[one] < 0 or of.fences[of.fence[one], link]):
                yield from on(there, (*seen, there), (*way, link))

    source = int(of.source[one])
    return [way for way in on(source, (source,), ()) if of.latency_ms[list(way)].sum() <= of.bound_ms[one]]


def groups_of(of: Live, one: int, way: Way) -> set[int]:
    """What takes a way down, but for the ends of a demand."""
    found = {int(g) for link in way for g in of.group[of.group_first[link] : of.group_first[link + 1]]}
    return found - {int(of.node_group[of.source[one]]), int(of.node_group[of.target[one]])}


def choices(of: Live, one: int) -> list[tuple[Way, Way]]:
    """Ways, each with a backup where the demand is protected."""
    ways = ways_of(of, one)
    if not of.protected[one]:
        return [(way, ()) for way in ways]
    groups = [groups_of(of, one, way) for way in ways]
    return [(p, b) for (p, g), (b, h) in product(zip(ways, groups, strict=True), repeat=2) if not g & h]


def able(of: Live) -> Live:
    """The same without demands that have no way, or no backup."""
    kept = np.array([bool(choices(of, one)) for one in range(of.services)])
    columns = ("source", "target", "gbps", "rank", "bound_ms", "fence", "protected")
    return replace(of, **{name: getattr(of, name)[kept] for name in columns})


def asked(of: Live) -> Problem:
    return problem(
        of.nodes, of.a, of.b, of.capacity_gbps, of.source, of.target, of.gbps,
        fence=of.fence, fences=of.fences, rank=of.rank,
    )  # fmt: skip


def best(of: Live, *, must: bool, worth: np.ndarray | None = None) -> float:
    """The most, or the least U, over every choice."""
    program = Program()
    level = program.column(1.0) if must else -1
    loads: dict[tuple[int, int], list[tuple[int, float]]] = {}
    every = range(int(max(of.group.max(), of.node_group.max())) + 1)
    for one in range(of.services):
        mine = []
        for way, backup in choices(of, one):
            column = program.column(0.0 if must else -1.0 if worth is None else -float(worth[of.rank[one]]))
            mine.append((column, 1.0))
            for link, group in product(way, every):
                loads.setdefault((link, group), []).append((column, 1.0))
            for link, group in product(backup, groups_of(of, one, way)):
                loads.setdefault((link, group), []).append((column, 1.0))
        program.row(float(of.gbps[one]) if must else 0.0, float(of.gbps[one]), mine)
    for (link, _), terms in loads.items():
        if must:
            program.row(-np.inf, 0.0, [*terms, (level, -float(of.capacity_gbps[link]))])
        else:
            program.row(0.0, float(of.capacity_gbps[link]), terms)
    return program.by_highs() if must else -program.by_highs()


def keeps(of: Live, plan: routed.Routed) -> None:
    """Every path leads where it should, inside bound and fence, with a backup apart; loads are what paths add up to."""
    load, stands = np.zeros(of.spans), np.zeros((of.spans, int(max(of.group.max(), of.node_group.max())) + 1))
    ways, lots = plan.ways, plan.commodities
    lot = np.repeat(np.arange(len(lots.target)), np.diff(plan.paths.first))
    for path in np.flatnonzero(plan.flow_gbps > 0).tolist():
        link = set(plan.paths.link[plan.paths.start[path] : plan.paths.start[path + 1]].tolist())
        row = int(plan.way[path])
        backup = tuple(ways.backup[ways.backup_start[row] : ways.backup_start[row + 1]].tolist())
        for one in np.flatnonzero(lots.of == lot[path]).tolist():
            mine = {(frozenset(way), frozenset(then)) for way, then in choices(of, one)}
            assert (frozenset(link), frozenset(backup)) in mine
        load[list(link)] += plan.flow_gbps[path]
        one = int(np.flatnonzero(lots.of == lot[path])[0])
        for down in groups_of(of, one, tuple(link)) if backup else ():
            stands[list(backup), down] += plan.flow_gbps[path]
    assert load == pytest.approx(plan.load_gbps, abs=ROUNDING)
    assert stands.max(axis=1) == pytest.approx(plan.reserve_gbps, abs=ROUNDING)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("protected", [0.0, 0.4])
def test_the_best_is_between_value_and_bound(seed: int, protected: float) -> None:
    of = able(directed(seed, protected=protected))
    most = routed.most(asked(of), of, Limits(gap=1e-4))
    keeps(of, most)
    assert ((most.load_gbps + most.reserve_gbps) <= of.capacity_gbps * (1 + FITS)).all()
    exact = best(of, must=False)
    assert most.value <= exact * (1 + ROUNDING)
    assert exact <= most.bound * (1 + ROUNDING)
    assert most.value >= (0.999 if not protected else 0.95) * exact
    assert most.bound <= 1.4 * exact
    even = routed.evenest(asked(of), of, Limits(gap=1e-4))
    keeps(of, even)
    exact = best(of, must=True)
    assert even.bound <= exact * (1 + ROUNDING)
    assert exact <= even.value * (1 + ROUNDING)
    assert even.value <= (1.001 if not protected else 1.25) * exact
    found = even.served_gbps > 0
    assert (~found).sum() <= (1 if protected else 0)  # a pair that exists may not be found
    assert even.served_gbps[found] == pytest.approx(of.gbps[found])


def test_prices_of_a_plan_without_backups_prove_no_less_with_them() -> None:
    of = able(directed(1, protected=0.4))
    bare = routed.evenest(asked(of), replace(of, protected=np.zeros(of.services, np.bool_)), Limits(gap=1e-5))
    then = routed.evenest(asked(of), of, Limits(gap=1e-4, time_s=0.0), price=bare.price, clock=lambda: 0.0)
    assert then.bound >= bare.bound * (1 - 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_by_classes_no_plan_betters_the_bounds(seed: int) -> None:
    of = able(directed(seed, protected=0.2))
    plan, classes, _ = in_turn(asked(of), of, Limits(gap=1e-4))
    keeps(of, plan)
    first = classes[0].rank
    most = best(replace(of, gbps=np.where(of.rank == first, of.gbps, 0.0)), must=False)
    assert classes[0].value <= most * (1 + ROUNDING)
    assert most <= classes[0].bound * (1 + ROUNDING)
    assert classes[0].value >= 0.9 * most
    assert [one.value for one in classes] == sorted(one.value for one in classes)


def test_bounds_of_many_times_the_least_latency_are_told_apart() -> None:
    """Of two the wider bound leaves a way that takes eleven times the fastest: half of it goes there."""
    one = directed(0)
    of = replace(
        one,
        nodes=3,
        a=np.array([0, 1, 0], np.int32),
        b=np.array([2, 2, 1], np.int32),
        latency_ms=np.array([1.0, 6.0, 5.0]),
        capacity_gbps=np.full(3, 10.0),
        group_first=np.arange(4, dtype=np.int64),
        group=np.arange(3, dtype=np.int32),
        node_group=np.arange(3, 6, dtype=np.int32),
        source=np.zeros(2, np.int32),
        target=np.full(2, 2, np.int32),
        gbps=np.array([10.0, 2.0]),
        rank=np.zeros(2, np.int32),
        bound_ms=np.array([12.0, 8.0]),
        fence=np.full(2, -1, np.int32),
        fences=np.zeros((0, 3), np.bool_),
        protected=np.zeros(2, np.bool_),
    )
    assert routed.evenest(asked(of), of, Limits(gap=1e-4)).value == pytest.approx(0.6, rel=1e-3)


@pytest.mark.parametrize("seed", [2, 3])
def test_far_more_than_fits_is_no_wider_a_gap(seed: int) -> None:
    """No more than leaves a source counts of what is asked of it, so that small errors of prices weigh little."""
    of = able(directed(seed))
    of = able(replace(of, bound_ms=np.full(of.services, np.inf), gbps=of.gbps * 20.0))
    plan = routed.most(asked(of), of, Limits(gap=1e-3), worth=np.array([64.0, 8.0, 1.0]))
    assert plan.gap <= 2e-3


def test_without_time_all_classes_have_one_plan_and_no_stage_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[routed.Routed] = []

    def most(*of: Any, **how: Any) -> routed.Routed:
        made.append(routed.most(*of, **how))
        return made[-1]

    monkeypatch.setattr(routed_classes, "most", most)
    of = able(directed(3))
    plan, classes, _ = in_turn(asked(of), of, Limits(time_s=0.0))
    assert len(made) == 1
    keeps(of, plan)
    assert [one.rank for one in classes] == np.unique(of.rank).tolist()
    assert all(one.value <= one.bound <= of.gbps[of.rank <= one.rank].sum() * (1 + ROUNDING) for one in classes)


@pytest.mark.parametrize("must", [True, False])
@pytest.mark.parametrize("parts", [None, 4])
def test_few_paths_in_whole_parts_fit_and_are_no_better(must: bool, parts: int | None) -> None:
    of = able(directed(2, protected=0.3))
    search = routed.evenest if must else routed.most
    plan = search(asked(of), of, Limits(gap=1e-4))
    then = narrowed(plan, Asked(most_paths=2, parts=parts), Limits(gap=1e-4), must=must)
    flow, first = then.plan.flow_gbps, then.plan.paths.first
    whole = np.add.reduceat(np.append(flow, 0.0), first[:-1]) * (np.diff(first) > 0)
    assert (np.diff(first) <= 2).all()
    assert whole == pytest.approx(then.plan.served_gbps)
    if parts:
        share = parts * flow / np.maximum(np.repeat(whole, np.diff(first)), 1e-12)
        assert share == pytest.approx(share.round(), abs=1e-6)
    assert then.plan.reserve_gbps is not None
    full = (then.plan.load_gbps + then.plan.reserve_gbps) / of.capacity_gbps
    if must:
        assert full.max() == pytest.approx(then.plan.value)
        assert then.plan.value >= plan.bound * (1 - ROUNDING)
    else:
        assert full.max() <= 1 + FITS
        assert then.plan.value <= plan.bound * (1 + ROUNDING)
        assert then.plan.value >= 0.5 * plan.value


def test_parts_add_up_whatever_the_shares_are() -> None:
    rng = np.random.default_rng(1)
    count = rng.integers(0, 5, 50)
    first = np.append(0, count.cumsum()).astype(np.int64)
    paths = Paths(
        first=first,
        start=np.arange(first[-1] + 1, dtype=np.int64),
        link=rng.integers(0, 9, first[-1]).astype(np.int32),
    )
    flow = rng.exponential(10.0, first[-1]) * (rng.random(first[-1]) < 0.8)
    found = weights(np.full(9, 100.0), paths, flow, 16)
    whole = np.array([flow[a:b].sum() for a, b in pairwise(first)])
    sums = np.array([found[a:b].sum() for a, b in pairwise(first)])
    assert sums.tolist() == [16 if one > 0 else 0 for one in whole]
    assert (found >= 0).all()
