"""The live network against linear programs over every simple way, by HiGHS; and plans against their promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, product

import numpy as np
import pytest

from highroad.graph import _kernels
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.even import Even, even
from highroad.planning.solve.live import Live
from highroad.planning.solve.live_checked import checked_live, where_over, why_left
from highroad.planning.solve.overload import overload
from highroad.planning.solve.ways import Ways
from tests.support.linear import Program

SEEDS = range(25)
ROUNDING = 1e-7


def live(seed: int, *, nodes: int = 7, spans: int = 12, services: int = 60, protected: float = 0.2) -> Live:
    """Connected, with parallel spans now and then; a third of the services has a bound, a third a fence."""
    rng = np.random.default_rng(seed)
    a = np.concatenate((np.arange(nodes), rng.integers(0, nodes, spans - nodes)))
    b = np.concatenate((np.arange(1, nodes + 1) % nodes, (a[nodes:] + rng.integers(1, nodes, spans - nodes)) % nodes))
    source = rng.integers(0, nodes, services)
    groups = [[span, spans + int(a[span]), spans + int(b[span])] for span in range(spans)]
    for span in range(spans):
        if rng.random() < 0.3:
            groups[span].append(spans + nodes + int(rng.integers(0, 2)))
    return Live(
        nodes=nodes,
        a=a.astype(np.int32),
        b=b.astype(np.int32),
        latency_ms=rng.uniform(1, 9, spans),
        capacity_gbps=rng.uniform(50, 200, spans),
        group_first=np.append(0, np.cumsum([len(one) for one in groups])).astype(np.int64),
        group=np.concatenate(groups).astype(np.int32),
        node_group=np.arange(spans, spans + nodes, dtype=np.int32),
        source=source.astype(np.int32),
        target=((source + rng.integers(1, nodes, services)) % nodes).astype(np.int32),
        gbps=rng.uniform(0.1, 3.0, services),
        rank=rng.integers(0, 3, services).astype(np.int32),
        bound_ms=np.where(rng.random(services) < 0.3, rng.uniform(8, 30, services), np.inf),
        fence=rng.integers(-1, 2, services).astype(np.int32),
        fences=rng.random((2, spans)) < 0.85,
        protected=rng.random(services) < protected,
    )


def simple(of: Live, source: int, target: int, seen: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every simple way as its spans."""
    if source == target:
        yield ()
        return
    for span in range(of.spans):
        for here, there in ((of.a[span], of.b[span]), (of.b[span], of.a[span])):
            if here == source and there not in (*seen, source):
                for rest in simple(of, int(there), target, (*seen, source)):
                    yield (span, *rest)


def allowed(of: Live, service: int) -> list[tuple[int, ...]]:
    """The ways of a service inside its bound and fence."""
    ways = simple(of, int(of.source[service]), int(of.target[service]))
    fence = int(of.fence[service])
    return [
        way
        for way in ways
        if of.latency_ms[list(way)].sum() <= of.bound_ms[service] + 1e-9
        and (fence < 0 or of.fences[fence][list(way)].all())
    ]


@dataclass
class Lp:
    """A program over every way, and where its columns are."""

    program: Program
    columns: list[list[int]]
    load: list[list[tuple[int, float]]]


def linear(of: Live) -> Lp:
    made, columns = Program(), []
    load: list[list[tuple[int, float]]] = [[] for _ in range(of.spans)]
    for service in range(of.services):
        mine = []
        for way in allowed(of, service):
            column = made.column()
            mine.append(column)
            for span in way:
                load[span].append((column, 1.0))
        columns.append(mine)
    return Lp(made, columns, load)


def least_utilisation(of: Live) -> float:
    lp = linear(of)
    used = lp.program.column(1.0)
    for service, mine in enumerate(lp.columns):
        if mine:
            rate = float(of.gbps[service])
            lp.program.row(rate, rate, [(column, 1.0) for column in mine])
    for span, terms in enumerate(lp.load):
        lp.program.row(-np.inf, 0.0, [*terms, (used, -float(of.capacity_gbps[span]))])
    return lp.program.by_highs()


def keeps_promises(of: Live, plan: Even) -> None:
    """Ways lead from end to end inside bound and fence, and no group takes a primary and its backup down."""
    ways = plan.ways
    load = np.zeros(of.spans)
    for service, way in enumerate(plan.way.tolist()):
        if way < 0:
            continue
        spans = ways.span[ways.start[way] : ways.start[way + 1]].tolist()
        backup = ways.backup[ways.backup_start[way] : ways.backup_start[way + 1]].tolist()
        fence = int(of.fence[service])
        for each in (spans, backup) if of.protected[service] else (spans,):
            assert leads(of, service, each)
            assert of.latency_ms[each].sum() <= of.bound_ms[service] * (1 + 1e-6)
            assert fence < 0 or of.fences[fence][each].all()
        if of.protected[service]:
            ends = {int(of.node_group[of.source[service]]), int(of.node_group[of.target[service]])}
            assert not ((groups(of, spans) & groups(of, backup)) - ends)
        load[spans] += of.gbps[service]
    assert plan.load_gbps == pytest.approx(load)
    assert plan.value == pytest.approx((load / of.capacity_gbps).max())
    assert plan.reserve_gbps == pytest.approx(reserve(of, plan))


def groups(of: Live, spans: list[int]) -> set[int]:
    return {int(one) for span in spans for one in of.group[of.group_first[span] : of.group_first[span + 1]]}


def leads(of: Live, service: int, spans: list[int]) -> bool:
    ends = {int(of.source[service])}
    for span in spans if of.source[service] in (of.a[spans[0]], of.b[spans[0]]) else spans[::-1]:
        here = {int(of.a[span]), int(of.b[span])}
        if not ends & here:
            return False
        ends = here - ends if len(ends) == 1 else here
    return int(of.target[service]) in ends


def reserve(of: Live, plan: Even) -> list[float]:
    """By hand: each group fails in turn, and all whose primary it takes down go over to their backups."""
    ways = plan.ways
    kept = np.zeros(of.spans)
    for group in np.unique(of.group).tolist():
        called = np.zeros(of.spans)
        for service, way in enumerate(plan.way.tolist()):
            if way < 0 or group in (of.node_group[of.source[service]], of.node_group[of.target[service]]):
                continue
            if group in groups(of, ways.span[ways.start[way] : ways.start[way + 1]].tolist()):
                called[ways.backup[ways.backup_start[way] : ways.backup_start[way + 1]]] += of.gbps[service]
        kept = np.maximum(kept, called)
    return kept.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_least_utilisation_is_inside_the_bracket(seed: int) -> None:
    of = live(seed, protected=0.0)
    plan = even(of, Limits(gap=1e-3))
    keeps_promises(of, plan)
    best = least_utilisation(of)
    assert plan.bound <= best * (1 + ROUNDING)
    assert best <= plan.value * (1 + ROUNDING)
    assert plan.split <= best * 1.05
    assert plan.left.tolist() == [service for service in range(of.services) if not allowed(of, service)]


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_protected_has_a_backup_that_fits_and_survives(seed: int) -> None:
    of = live(seed)
    plan = even(of, Limits(gap=1e-2))
    keeps_promises(of, plan)
    assert plan.bound <= plan.value
    assert (plan.load_gbps + plan.reserve_gbps <= of.capacity_gbps * (1 + 1e-9)).all()


@pytest.mark.parametrize("seed", range(12))
def test_each_cumulative_class_is_inside_its_bracket(seed: int) -> None:
    of = live(seed, protected=0.0)
    of = replace(of, gbps=of.gbps * (1.2 / least_utilisation(of)))
    plan = overload(of, Limits(gap=1e-3))
    assert (plan.load_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    lp = linear(of)
    for service, mine in enumerate(lp.columns):
        lp.program.row(0.0, float(of.gbps[service]), [(column, 1.0) for column in mine])
    for span, terms in enumerate(lp.load):
        lp.program.row(-np.inf, float(of.capacity_gbps[span]), terms)
    first = {column for service, mine in enumerate(lp.columns) if of.rank[service] == 0 for column in mine}
    lp.program.cost = [-1.0 if column in first else 0.0 for column in range(len(lp.program.cost))]
    most = -lp.program.by_highs()
    assert plan.split[0].value <= most * (1 + 1e-6)
    assert plan.split[0].bound >= most * (1 - 1e-6)
    for shares, wholes in zip(plan.split, plan.classes, strict=True):
        assert shares.gap <= 0.1  # where ways are few and bounds tight, what latency priced besides proves is loose
        assert wholes.value <= wholes.bound * (1 + 1e-9)


def test_services_go_aside_where_only_that_makes_room_for_backups() -> None:
    """Three spans side by side, the third a longer one. Who is protected goes the first, with the second as backup, and
    others may use the second and the third: 6 of each do not fit on the second. A fourth span is the fullest anyway.
    """
    of = Live(
        nodes=4,
        a=np.array([0, 0, 0, 2], np.int32),
        b=np.array([1, 1, 1, 3], np.int32),
        latency_ms=np.array([1.0, 3.0, 5.0, 1.0]),
        capacity_gbps=np.full(4, 10.0),
        group_first=np.arange(5),
        group=np.arange(4, dtype=np.int32),
        node_group=np.full(4, -1, np.int32),
        source=np.repeat([0, 0, 2], 60).astype(np.int32),
        target=np.repeat([1, 1, 3], 60).astype(np.int32),
        gbps=np.repeat([0.1, 0.1, 0.15], 60),
        rank=np.zeros(180, np.int32),
        bound_ms=np.full(180, np.inf),
        fence=np.repeat([0, 1, -1], 60).astype(np.int32),
        fences=np.array([[True, True, False, False], [False, True, True, False]]),
        protected=np.repeat([True, False, False], 60),
    )
    plan = even(of)
    keeps_promises(of, plan)
    assert plan.value == pytest.approx(0.9)
    assert (plan.load_gbps + plan.reserve_gbps <= of.capacity_gbps * (1 + 1e-9)).all()
    assert plan.load_gbps[1] == pytest.approx(4.0)  # no more than have to


@pytest.mark.parametrize("spans", [5, 12, 60])
def test_one_long_way_is_not_given_up_for_many_short_ones(spans: int) -> None:
    """A line of spans of 100, and 80 of the first class from end to end: each span's own 100 of the next get 20."""
    ends = np.arange(spans)
    source = np.concatenate((np.zeros(80), np.repeat(ends, 100))).astype(np.int32)
    target = np.concatenate((np.full(80, spans), np.repeat(ends + 1, 100))).astype(np.int32)
    services = len(source)
    of = Live(
        nodes=spans + 1,
        a=ends.astype(np.int32),
        b=(ends + 1).astype(np.int32),
        latency_ms=np.ones(spans),
        capacity_gbps=np.full(spans, 100.0),
        group_first=np.zeros(spans + 1, np.int64),
        group=np.zeros(0, np.int32),
        node_group=np.full(spans + 1, -1, np.int32),
        source=source,
        target=target,
        gbps=np.ones(services),
        rank=np.repeat([0, 1], [80, services - 80]).astype(np.int32),
        bound_ms=np.full(services, np.inf),
        fence=np.full(services, -1, np.int32),
        fences=np.zeros((0, spans), np.bool_),
        protected=np.zeros(services, np.bool_),
    )
    plan = overload(of)
    first, second = exact_classes(of)
    assert [first, second] == pytest.approx([80.0, 80.0 + 20.0 * spans])
    assert [one.value for one in plan.classes] == pytest.approx([first, second], rel=1e-2)
    assert plan.classes[0].value >= first * (1 - 1e-2)
    assert all(one.gap <= 1e-2 for one in plan.classes)


def exact_classes(of: Live) -> list[float]:
    """The most of the first class; of all up to the second, where the first gets that; and so on, by HiGHS."""
    floors: list[tuple[set[int], float]] = []
    for rank in np.unique(of.rank).tolist():
        lp = linear(of)
        for service, mine in enumerate(lp.columns):
            lp.program.row(0.0, float(of.gbps[service]), [(column, 1.0) for column in mine])
        for span, terms in enumerate(lp.load):
            lp.program.row(-np.inf, float(of.capacity_gbps[span]), terms)
        for columns, floor in floors:
            lp.program.row(floor * (1 - 1e-9), np.inf, [(column, 1.0) for column in sorted(columns)])
        some = {column for service, mine in enumerate(lp.columns) if of.rank[service] <= rank for column in mine}
        lp.program.cost = [-1.0 if column in some else 0.0 for column in range(len(lp.program.cost))]
        floors.append((some, -lp.program.by_highs()))
    return [most for _, most in floors]


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_of_before_is_a_beginning(seed: int) -> None:
    of = live(seed)
    before = even(of, Limits(gap=0.05))
    then = replace(of, gbps=of.gbps * np.random.default_rng(seed).uniform(0.95, 1.05, of.services))
    again = even(then, Limits(gap=0.05), before=before)
    keeps_promises(then, again)
    assert again.rounds <= before.rounds
    assert again.left.tolist() == before.left.tolist()


def test_time_that_is_up_still_gives_a_plan() -> None:
    of = live(4)
    ticks = count()
    plan = even(of, Limits(time_s=0.0), clock=lambda: float(next(ticks)))
    keeps_promises(of, plan)
    assert plan.rounds == 1


def test_no_services_and_services_that_nothing_leads_to() -> None:
    of = live(5, services=1)
    shut = replace(of, fence=np.zeros(1, np.int32), fences=np.zeros((1, of.spans), np.bool_))
    plan = even(shut)
    assert (plan.value, plan.left.tolist()) == (0.0, [0])


@pytest.mark.parametrize("seed", range(20))
def test_a_detour_is_the_cheapest_that_keeps_off_what_is_barred(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes, links = 6, 18
    tail = rng.integers(0, nodes, links).astype(np.int32)
    head = ((tail + rng.integers(1, nodes, links)) % nodes).astype(np.int32)
    network, price = _kernels.Network(nodes, tail, head), rng.uniform(1, 5, links)
    asked = [(s, t, rng.choice(links, 4, replace=False)) for s, t in product(range(nodes), repeat=2)]
    start, link = network.detours(
        price,
        np.array([one[0] for one in asked], np.int32),
        np.array([one[1] for one in asked], np.int32),
        np.arange(len(asked) + 1, dtype=np.int64) * 4,
        np.concatenate([one[2] for one in asked]).astype(np.int32),
    )
    for k, (source, target, barred) in enumerate(asked):
        path = link[start[k] : start[k + 1]]
        shut = price.copy()
        shut[barred] = np.inf
        least = network.trees(shut, np.array([source], np.int32))[0][0, target]
        if source == target or np.isinf(least):
            assert not len(path)
            continue
        assert price[path].sum() == pytest.approx(least)
        assert not set(path.tolist()) & set(barred.tolist())
        assert (tail[path[0]], head[path[-1]]) == (source, target)


def test_a_cheapest_way_that_has_no_backup_is_given_up_for_one_that_has() -> None:
    """From 0 to 3: straight over 1 and 2 is cheapest, and crosses both ways around."""
    spans = [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (0, 2, 5.0), (1, 3, 5.0)]
    of = replace(
        live(0, nodes=4, spans=5, services=1),
        a=np.array([a for a, _, _ in spans], np.int32),
        b=np.array([b for _, b, _ in spans], np.int32),
        latency_ms=np.array([ms for _, _, ms in spans]),
        group_first=np.arange(6, dtype=np.int64),
        group=np.arange(5, dtype=np.int32),
        node_group=np.full(4, -1, np.int32),
        source=np.zeros(1, np.int32),
        target=np.full(1, 3, np.int32),
        bound_ms=np.full(1, np.inf),
        fence=np.full(1, -1, np.int32),
        protected=np.ones(1, np.bool_),
    )
    plan = even(of)
    assert not len(plan.left)
    keeps_promises(of, plan)


def test_ways_of_a_family_are_kept_once() -> None:
    of = live(6)
    ways = Ways(of)
    _, found = ways.cheapest(of.latency_ms)
    assert ways.add(found, of.latency_ms) == len(ways)
    assert ways.add(found, of.latency_ms) == 0


def test_what_is_wrong_is_named_and_the_rest_is_carried() -> None:
    of = live(7)
    size, rate, target, fence = of.capacity_gbps.copy(), of.gbps.copy(), of.target.copy(), of.fence.copy()
    size[11], rate[0], rate[1], target[2], fence[3] = 0.0, np.nan, 1e-6, of.source[2], 9
    rate[4] = 1e12
    found = checked_live(replace(of, capacity_gbps=size, gbps=rate, target=target, fence=fence))
    assert [(one.code, one.place) for one in found.findings] == [
        ("no-capacity", "spans[11]"),
        ("self-demand", "services[2]"),
        ("no-amount", "services[0]"),
        ("no-such-fence", "services[3]"),
    ]
    assert (found.live.spans, found.live.services) == (11, 57)
    plan = even(found.live)
    keeps_promises(found.live, plan)


def test_who_has_no_way_is_told_why() -> None:
    """Two sites on one span, a third on its own."""
    of = replace(
        live(0, nodes=4, spans=5, services=3),
        a=np.array([0, 1, 0, 1, 2], np.int32),
        b=np.array([1, 2, 2, 0, 0], np.int32),
        source=np.array([0, 0, 0], np.int32),
        target=np.array([3, 1, 2], np.int32),
        latency_ms=np.full(5, 4.0),
        group_first=np.arange(6, dtype=np.int64),
        group=np.zeros(5, np.int32),
        node_group=np.full(4, -1, np.int32),
        bound_ms=np.array([np.inf, 3.0, np.inf]),
        fence=np.full(3, -1, np.int32),
        protected=np.array([False, False, True]),
    )
    plan = even(of)
    assert [(one.code, one.place) for one in why_left(plan)] == [
        ("not-joined", "services[0]"),
        ("latency", "services[1]"),
        ("no-backup", "services[2]"),
    ]


def test_spans_without_room_for_what_stands_by_are_named() -> None:
    """Two spans of 10 side by side: 8 on one that stand by on the other, and 5 more that are in the way on either."""
    both = Live(
        nodes=2,
        a=np.zeros(2, np.int32),
        b=np.ones(2, np.int32),
        latency_ms=np.array([1.0, 1.5]),
        capacity_gbps=np.full(2, 10.0),
        group_first=np.arange(3, dtype=np.int64),
        group=np.arange(2, dtype=np.int32),
        node_group=np.full(2, -1, np.int32),
        source=np.zeros(2, np.int32),
        target=np.ones(2, np.int32),
        gbps=np.array([8.0, 5.0]),
        rank=np.zeros(2, np.int32),
        bound_ms=np.full(2, np.inf),
        fence=np.full(2, -1, np.int32),
        fences=np.zeros((0, 2), np.bool_),
        protected=np.array([True, False]),
    )
    found = where_over(even(both))
    assert [one.code for one in found] == ["over-full"]
    assert "would carry 5 and keep 8 for backups" in found[0].message
    assert where_over(even(replace(both, gbps=np.array([8.0, 2.0])))) == ()
