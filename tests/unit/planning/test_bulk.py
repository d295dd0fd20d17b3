"""Bulk shifted inside its deadlines, against linear programs on the network in time, by HiGHS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from highroad.planning.bulk import Bulk, Shifted, shift
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.problem import Ints, Reals
from tests.support.linear import Program

INTERVAL_S = 900.0
GB = 1e9


def drawn(
    seed: int, *, nodes: int = 6, links: int = 16, intervals: int = 5, demands: int = 12
) -> tuple[int, Ints, Ints, Reals, Bulk]:
    """A network, what is free of it at times (nothing of some links), and demands."""
    rng = np.random.default_rng(seed)
    tail = rng.integers(0, nodes, links).astype(np.int32)
    head = ((tail + rng.integers(1, nodes, links)) % nodes).astype(np.int32)
    free = rng.uniform(0, 10, (intervals, links)) * (rng.random((intervals, links)) < 0.85)
    source = rng.integers(0, nodes, demands)
    release = rng.integers(0, intervals, demands)
    bulk = Bulk(
        source=source.astype(np.int32),
        target=((source + rng.integers(1, nodes, demands)) % nodes).astype(np.int32),
        bytes=rng.uniform(100, 3000, demands) * GB,
        release=release.astype(np.int32),
        deadline=(release + rng.integers(1, 4, demands)).astype(np.int32),
    )
    return nodes, tail, head, free, bulk


def most(nodes: int, tail: Ints, head: Ints, free: Reals, bulk: Bulk) -> float:
    """Bytes, by HiGHS: flows of every demand over every link in every interval that it may use."""
    made = Program()
    load: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for demand in range(len(bulk)):
        parts = []
        for interval in range(max(0, int(bulk.release[demand])), min(len(free), int(bulk.deadline[demand]))):
            balance: list[list[tuple[int, float]]] = [[] for _ in range(nodes)]
            for link in range(len(tail)):
                column = made.column()
                balance[tail[link]].append((column, -1.0))
                balance[head[link]].append((column, 1.0))
                load.setdefault((interval, link), []).append((column, 1.0))
            arrives = made.column(-1.0)
            parts.append((arrives, 1.0))
            balance[bulk.target[demand]].append((arrives, -1.0))
            for node in range(nodes):
                if node != bulk.source[demand]:
                    made.row(0.0, 0.0, balance[node])
        made.row(0.0, float(bulk.bytes[demand]) * 8e-9 / INTERVAL_S, parts)
    for (interval, link), terms in load.items():
        made.row(-np.inf, float(free[interval, link]), terms)
    return -made.by_highs() * INTERVAL_S / 8e-9


def keeps_promises(nodes: int, tail: Ints, head: Ints, free: Reals, bulk: Bulk, plan: Shifted) -> None:
    """Every part leads from end to end inside its time, no more than was asked for goes, and nothing is over."""
    load = np.zeros_like(free)
    carried = np.zeros(len(bulk))
    for part, (demand, interval) in enumerate(zip(plan.demand.tolist(), plan.interval.tolist(), strict=True)):
        path = plan.link[plan.start[part] : plan.start[part + 1]]
        assert bulk.release[demand] <= interval < bulk.deadline[demand]
        assert (tail[path[0]], head[path[-1]]) == (bulk.source[demand], bulk.target[demand])
        assert (head[path[:-1]] == tail[path[1:]]).all()
        load[interval, path] += plan.gbps[part]
        carried[demand] += plan.gbps[part] * INTERVAL_S / 8e-9
    assert (load <= free * (1 + 1e-9) + 1e-7).all()
    assert plan.load_gbps == pytest.approx(load)
    assert plan.carried_bytes == pytest.approx(carried)
    assert (carried <= bulk.bytes * (1 + 1e-9)).all()
    assert plan.value_bytes == pytest.approx(carried.sum())


@pytest.mark.parametrize("seed", range(30))
def test_the_most_is_inside_the_bracket(seed: int) -> None:
    given = drawn(seed)
    plan = shift(*given, INTERVAL_S, Limits(gap=1e-3))
    keeps_promises(*given, plan)
    best = most(*given)
    assert plan.value_bytes <= best * (1 + 1e-6)
    assert plan.bound_bytes >= best * (1 - 1e-6)
    assert plan.value_bytes >= best * (1 - 2e-3)
    assert plan.gap <= 0.06  # where hardly anything is free beside links that are, prices come to rest late


def test_what_would_not_fit_at_once_waits_for_its_deadline() -> None:
    """1 Gbit/s is free in each of four intervals; two demands of two intervals each, one of them in a hurry."""
    size = 2 * INTERVAL_S / 8e-9
    bulk = Bulk(
        source=np.zeros(2, np.int32),
        target=np.ones(2, np.int32),
        bytes=np.array([size, size]),
        release=np.zeros(2, np.int32),
        deadline=np.array([4, 2], np.int32),
    )
    given = (2, np.zeros(1, np.int32), np.ones(1, np.int32), np.ones((4, 1)), bulk)
    plan = shift(*given, INTERVAL_S, Limits(gap=1e-6))
    keeps_promises(*given, plan)
    assert plan.carried_bytes == pytest.approx([size, size], rel=1e-5)


def test_what_is_wrong_is_named_and_the_rest_goes() -> None:
    nodes, tail, head, free, bulk = drawn(1)
    bad = replace(
        bulk,
        source=np.append(bulk.source[:-4], [99, 1, 1, 0]).astype(np.int32),
        target=np.append(bulk.target[:-4], [1, 1, 2, 1]).astype(np.int32),
        bytes=np.append(bulk.bytes[:-4], [1.0, 1.0, np.nan, 1.0]),
        release=np.append(bulk.release[:-4], [0, 0, 0, 3]).astype(np.int32),
        deadline=np.append(bulk.deadline[:-4], [1, 1, 1, 2]).astype(np.int32),
    )
    plan = shift(nodes, tail, head, free, bad, INTERVAL_S)
    assert [(one.code, one.place) for one in plan.findings] == [
        ("no-such-node", "bulk[8]"),
        ("self-demand", "bulk[9]"),
        ("no-amount", "bulk[10]"),
        ("no-time", "bulk[11]"),
    ]
    assert plan.value_bytes > 0


def test_nothing_to_shift_and_nothing_free() -> None:
    nodes, tail, head, free, bulk = drawn(2)
    none = Bulk(**{name: getattr(bulk, name)[:0] for name in ("source", "target", "bytes", "release", "deadline")})
    assert shift(nodes, tail, head, free, none, INTERVAL_S).value_bytes == 0.0
    plan = shift(nodes, tail, head, np.zeros_like(free), bulk, INTERVAL_S)
    assert (plan.value_bytes, len(plan.demand)) == (0.0, 0)


def two_links(free: list[list[float]], gbps: tuple[float, float]) -> Shifted:
    """One demand over each of two links that have nothing to do with each other, at all times."""
    bulk = Bulk(
        source=np.array([0, 2], np.int32),
        target=np.array([1, 3], np.int32),
        bytes=np.array(gbps) * INTERVAL_S / 8e-9,
        release=np.zeros(2, np.int32),
        deadline=np.full(2, len(free), np.int32),
    )
    ends = np.array([0, 2], np.int32), np.array([1, 3], np.int32)
    return shift(4, *ends, np.array(free), bulk, INTERVAL_S, Limits(gap=1e-6))


@pytest.mark.parametrize(
    ("free", "gbps", "carried"),
    [
        ([[1e12, 100.0]], (10.0, 150.0), (10.0, 100.0)),
        ([[1e12, 1e-3]], (1e9, 1.0), (1e9, 1e-3)),
        ([[np.inf, 3.0], [1.0, 3.0]], (10.0, 10.0), (10.0, 6.0)),
        ([[5.0, -3.0], [5.0, 2.0]], (10.0, 10.0), (10.0, 2.0)),
    ],
)
def test_what_is_free_of_one_link_says_nothing_of_another(
    free: list[list[float]], gbps: tuple[float, float], carried: tuple[float, float]
) -> None:
    plan = two_links(free, gbps)
    assert plan.carried_bytes == pytest.approx(np.array(carried) * INTERVAL_S / 8e-9, rel=1e-4)
    assert plan.bound_bytes >= sum(carried) * INTERVAL_S / 8e-9 * (1 - 1e-9)
    assert plan.gap <= 1e-4


def test_what_is_free_that_is_no_number_is_named_and_the_rest_goes() -> None:
    plan = two_links([[np.nan, 5.0], [5.0, 5.0], [np.nan, 5.0]], (20.0, 20.0))
    assert plan.carried_bytes == pytest.approx(np.array([5.0, 15.0]) * INTERVAL_S / 8e-9, rel=1e-4)
    assert [(one.code, one.place) for one in plan.findings] == [("not-a-number", "links[0]")]
    assert "2 of 3 intervals, the first of them 0" in plan.findings[0].message
    assert plan.gap <= 1e-4


def test_who_has_no_way_is_named_and_counts_in_no_bound() -> None:
    bulk = Bulk(
        source=np.array([0, 2, 0], np.int32),
        target=np.array([1, 0, 1], np.int32),
        bytes=np.array([1e12, 1e12, 1e12]),
        release=np.array([0, 0, 1], np.int32),
        deadline=np.array([1, 2, 2], np.int32),
    )
    ends = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    plan = shift(3, *ends, np.array([[1e3, 1e3], [0.0, 1e3]]), bulk, INTERVAL_S)
    assert plan.carried_bytes == pytest.approx([1e12, 0.0, 0.0])
    assert [(one.code, one.place) for one in plan.findings] == [("not-joined", "bulk[1]"), ("not-joined", "bulk[2]")]
    assert plan.gap <= 1e-4


def test_a_network_of_one_site_carries_nothing_and_says_so() -> None:
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    bulk = Bulk(source=zero, target=zero, bytes=np.ones(1), release=zero, deadline=one)
    none = np.zeros(0, np.int32)
    plan = shift(1, none, none, np.zeros((2, 0)), bulk, INTERVAL_S)
    assert [found.code for found in plan.findings] == ["self-demand"]
    apart = replace(bulk, target=one)
    plan = shift(2, none, none, np.zeros((2, 0)), apart, INTERVAL_S)
    assert [found.code for found in plan.findings] == ["not-joined"]
    assert plan.value_bytes == plan.bound_bytes == 0.0
