"""Optima of the small country, whose answers are known: how much, along what, and what more would do."""

from __future__ import annotations

import doctest
import itertools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from highroad.errors import Invalid
from highroad.formats import detect
from highroad.formats.shipped import network_text
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, Network
from highroad.model.service import Protection, TrafficClass
from highroad.planning import optimum
from highroad.planning.narrowing import Asked, narrowed
from highroad.planning.optimum import Objective, Optimum, optimise
from highroad.planning.solve.answer import Answer, Limits, Moment
from highroad.planning.solve.certificate import certificate
from highroad.planning.solve.routed import Routed
from highroad.planning.traffic import Changed, Demand, Demands
from highroad.planning.upgrade import upgrades
from tests.support.country import country

ACROSS = Demand(source="west", target="east", gbps=300.0)


def solved(*demands: Demand, objective: Objective = Objective.TOTAL, network: Network | None = None) -> Optimum:
    network = network or country()
    return optimise(network, Demands.of(network, demands), objective)


def test_the_example_of_the_module() -> None:
    assert doctest.testmod(optimum).failed == 0


@pytest.mark.parametrize(
    ("objective", "value"), [(Objective.TOTAL, 200.0), (Objective.CONCURRENT, 2 / 3), (Objective.UTILISATION, 1.5)]
)
def test_two_ways_of_100_for_300(objective: Objective, value: float) -> None:
    found = solved(ACROSS, objective=objective)
    assert found.value == pytest.approx(value, rel=1e-4)
    assert found.bound == pytest.approx(value, rel=1e-4)
    assert (found.value - found.bound) * objective.better <= 1e-9
    assert found.gap <= 1e-4
    carried = 300.0 if objective is Objective.UTILISATION else 200.0
    assert found.carried_gbps.tolist() == pytest.approx([carried], rel=1e-4)
    links = found.links()
    load = dict(zip(links["link"], links["load_gbps"], strict=True))
    assert load["west>east"] + load["west>south"] == pytest.approx(carried, rel=1e-4)


def test_a_share_above_all_is_told_and_no_more_is_carried_than_asked() -> None:
    found = solved(Demand(source="west", target="east", gbps=50.0), objective=Objective.CONCURRENT)
    assert found.value == pytest.approx(4.0, rel=1e-4)
    assert found.carried_gbps.tolist() == pytest.approx([50.0])
    assert found.load_gbps.max() <= 50.0 + 1e-9


def test_paths_do_not_pass_through_sites_that_carry_nobody() -> None:
    """With two more fibres at the campus and at the cloud there would be 400 Gbit/s through them, and are 200."""
    network = country(ways=2)
    found = solved(Demand(source="west", target="south", gbps=400.0), network=network)
    assert found.value == pytest.approx(200.0, rel=1e-4)
    ends = solved(Demand(source="campus", target="cloud", gbps=400.0), network=network)
    assert ends.value == pytest.approx(200.0, rel=1e-4)


def test_a_fence_holds_for_sites_and_fibres() -> None:
    """Of the two ways one is over CA."""
    fenced = Demand(source="west", target="east", gbps=300.0, fence=Fence(("US",)))
    assert solved(fenced).value == pytest.approx(100.0, rel=1e-4)
    out = solved(Demand(source="west", target="east", gbps=300.0, fence=Fence(("US-CO",))), ACROSS)
    assert [(one.code, one.place) for one in out.findings] == [("not-joined", "demands[west>east]")]
    assert out.carried_gbps.tolist() == pytest.approx([0.0, 200.0], rel=1e-4)


def test_what_cannot_be_carried_is_named_and_the_rest_carried() -> None:
    found = solved(
        Demand(source="campus", target="campus", gbps=1.0),
        Demand(source="west", target="east", gbps=float("nan")),
        Demand(source="west", target="east", gbps=-1.0),
        Demand(source="west", target="east", gbps=1e12),
        Demand(source="east", target="west", gbps=1e-6),
    )
    assert [one.code for one in found.findings] == ["self-demand", "no-amount", "no-amount", "far-apart"]
    assert found.carried_gbps.tolist() == pytest.approx([0.0, 0.0, 0.0, 200.0, 1e-6], rel=1e-3)
    assert found.wanted_gbps == pytest.approx(1e12 + 1)


def test_nothing_to_carry_and_nothing_to_carry_it() -> None:
    for objective in Objective:
        assert solved(objective=objective).carried_gbps.tolist() == []
        gone = Changed(without=frozenset(link.id for link in country().links))
        found = optimise(country(), Demands.of(country(), [ACROSS]), objective, changed=gone)
        assert [one.code for one in found.findings] == ["not-joined"]
        assert found.paths()["gbps"].tolist() == []
    with pytest.raises(Invalid, match="did you mean `west`"):
        solved(Demand(source="wesst", target="east", gbps=1.0))


def test_paths_lead_from_end_to_end_and_add_up_to_what_is_carried() -> None:
    demands = [
        ACROSS,
        Demand(source="west", target="east", gbps=100.0, traffic_class=TrafficClass.INTERACTIVE),
        Demand(source="campus", target="cloud", gbps=50.0),
    ]
    network = country()
    for objective, most in itertools.product(Objective, (None, 1, 2)):
        found = optimise(network, Demands.of(network, demands), objective, most_paths=most)
        paths = found.paths()
        for number, demand in enumerate(demands):
            mine = np.flatnonzero(paths["demand"] == number)
            assert paths["gbps"][mine].sum() == pytest.approx(found.carried_gbps[number], rel=1e-6, abs=1e-9)
            assert most is None or len(mine) <= most
            for path in mine.tolist():
                chain = [network.link[link] for link in paths["links"][path]]
                assert (chain[0].tail, chain[-1].head) == (demand.source, demand.target)
                assert all(one.head == next_.tail for one, next_ in itertools.pairwise(chain))
                assert paths["hops"][path] == len(chain)
                assert paths["latency_ms"][path] == pytest.approx(sum(link.latency_ms for link in chain))
        loads: dict[str, float] = {}
        for gbps, chain_ids in zip(paths["gbps"], paths["links"], strict=True):
            for link in chain_ids:
                loads[link] = loads.get(link, 0.0) + gbps
        links = found.links()
        for link, load in zip(links["link"], links["load_gbps"], strict=True):
            assert loads.get(link, 0.0) == pytest.approx(load, rel=1e-6, abs=1e-6)


def test_the_first_class_is_served_first_where_demands_share_their_ends() -> None:
    found = solved(ACROSS, Demand(source="west", target="east", gbps=150.0, traffic_class=TrafficClass.INTERACTIVE))
    assert found.carried_gbps.tolist() == pytest.approx([50.0, 150.0], rel=1e-3)


@pytest.mark.parametrize(("objective", "free", "one"), [
    (Objective.TOTAL, 200.0, 100.0), (Objective.CONCURRENT, 2 / 3, 1 / 3), (Objective.UTILISATION, 1.5, 3.0),
])  # fmt: skip
def test_what_one_path_costs(objective: Objective, free: float, one: float) -> None:
    network = country()
    found = optimise(network, Demands.of(network, [ACROSS]), objective, most_paths=1)
    assert found.free == pytest.approx(free, rel=1e-4)
    assert found.value == pytest.approx(one, rel=1e-4)
    assert found.gap == pytest.approx(0.5, abs=1e-3)
    two = optimise(network, Demands.of(network, [ACROSS]), objective, most_paths=2)
    assert two.value == pytest.approx(free, rel=1e-3)


def test_what_more_capacity_does_is_within_what_its_price_promises() -> None:
    """100 more on the direct way carry 100 more; on a fibre of the other way nothing, as the next is full."""
    for objective, better in ((Objective.TOTAL, 100.0), (Objective.CONCURRENT, 1 / 3), (Objective.UTILISATION, 0.5)):
        found = solved(ACROSS, objective=objective)
        best = upgrades(found, 5, 100.0, clock=lambda: 0.0)[0]
        assert set(best.links) == {"west>east", "east>west"}
        assert best.seen == pytest.approx(better, rel=1e-3)
        assert best.low <= better * (1 + 1e-4)
        assert best.high >= better * (1 - 1e-4)
        assert best.most >= better * (1 - 1e-4)
    assert upgrades(solved(Demand(source="west", target="east", gbps=1.0)), 5) == ()


def test_a_price_is_for_the_first_gbps_only() -> None:
    """50 more than fits: 100G promise 100 by their price, and carry 50."""
    found = solved(Demand(source="west", target="east", gbps=250.0))
    best = upgrades(found, 1, 100.0)[0]
    assert best.most == pytest.approx(100.0, rel=1e-2)
    assert best.seen == pytest.approx(50.0, rel=1e-2)


def test_more_on_the_only_link_of_a_site_is_promised_too() -> None:
    """The campus has one link of 100: far more than that is asked for, and 50 more carry 50 more."""
    found = solved(Demand(source="campus", target="west", gbps=3000.0))
    best = upgrades(found, 1, 50.0)
    assert best[0].seen == pytest.approx(50.0)
    assert best[0].most == pytest.approx(50.0, rel=1e-3)
    assert best[0].low <= 50.0 * (1 + 1e-9) <= best[0].high * (1 + 1e-6)


def test_what_more_time_finds_is_not_told_of_a_link() -> None:
    """Stopped at once the first plan carries nothing: 10 more each way carry no more than 20 of what is missing."""
    network = country()
    demands = Demands.of(network, [ACROSS])
    found = optimise(network, demands, Objective.TOTAL)
    poor = replace(found, free=found.free / 2, value=found.value / 2)
    best = upgrades(poor, 1, 10.0)[0]
    assert best.seen <= best.most <= 20.0
    assert best.low <= 10.0 <= best.high


def test_it_is_warm_after_a_cut_and_after_more_capacity() -> None:
    network = country(ways=2)
    demands = Demands.of(network, [ACROSS, Demand(source="campus", target="cloud", gbps=150.0)])
    for objective in Objective:
        base = optimise(network, demands, objective)
        for changed in (
            Changed(without=frozenset({LinkId("west>east")})),
            Changed(without=frozenset({LinkId("west>east"), LinkId("campus>south"), LinkId("campus>west")})),
            Changed(more_gbps={LinkId("west>east"): 100.0}),
        ):
            cold = optimise(network, demands, objective, changed=changed)
            warm = optimise(network, demands, objective, changed=changed, warm=base)
            assert warm.value == pytest.approx(cold.value, rel=3e-4)
            assert warm.carried_gbps.sum() == pytest.approx(cold.carried_gbps.sum(), rel=3e-4)
            if objective not in {Objective.LEXICOGRAPHIC, Objective.MAXMIN}:
                assert isinstance(warm.answer, Answer)
                shares = objective.by_shares
                assert certificate(warm.answer, shares=shares).holds(warm.answer, fits=not shares)
            assert [one.code for one in warm.findings] == [one.code for one in cold.findings]


def test_what_lost_all_its_paths_goes_another_way_when_it_is_warm() -> None:
    network = country()
    small = Demands.of(network, [Demand(source="west", target="east", gbps=10.0)])
    base = optimise(network, small, changed=Changed(without=frozenset({LinkId("west>south")})))
    gone = Changed(without=frozenset({LinkId("west>east")}))
    warm = optimise(network, small, Objective.UTILISATION, changed=gone, warm=base)
    assert warm.value == pytest.approx(0.1)
    assert isinstance(warm.answer, Answer)
    assert certificate(warm.answer, shares=True).holds(warm.answer)
    assert optimise(network, small, Objective.TOTAL, changed=gone, warm=base).value == pytest.approx(10.0)


def ticking(step_s: float) -> Callable[[], float]:
    count = itertools.count()
    return lambda: next(count) * step_s


def test_out_of_time_or_told_to_stop_there_is_a_plan_all_the_same() -> None:
    network = country(ways=2)
    demands = Demands.of(network, [ACROSS, Demand(source="campus", target="cloud", gbps=150.0)])
    seen: list[Moment] = []
    for objective in Objective:
        for limits, stop in ((Limits(time_s=0.5), False), (Limits(gap=1e-9), True)):
            found = optimise(
                network,
                demands,
                objective,
                limits,
                clock=ticking(1.0),
                progress=seen.append,
                stop=lambda stop=stop: stop,  # type: ignore[misc]
            )
            assert found.answer.sweeps == 1
            assert (found.bound - found.value) * objective.better >= 0
            if objective is not Objective.UTILISATION:
                assert (found.load_gbps <= 100.0 * (1 + 1e-9)).all()
            assert all(0 <= moment.after_s < 100 for moment in found.moments)
    assert all(0 <= moment.after_s < 100 for moment in seen)
    assert seen


def test_a_price_is_what_a_gbit_more_gives_who_gets_least() -> None:
    """Three to one on the campus' 100 with weights of 1 and 3: each Gbit/s more is a quarter more a unit of weight."""
    both = (
        Demand(source="campus", target="west", gbps=500.0),
        Demand(source="campus", target="east", gbps=500.0, weight=3.0),
    )
    found = solved(*both, objective=Objective.MAXMIN)
    links = found.links()
    price = dict(zip(links["link"], links["price"], strict=True))
    capacity = dict(zip(links["link"], links["capacity_gbps"], strict=True))
    assert found.value == pytest.approx(capacity["campus>west"] / 4, rel=2e-3)
    assert price["campus>west"] == pytest.approx(0.25, rel=2e-2)
    content = solved(Demand(source="west", target="east", gbps=1.0), objective=Objective.MAXMIN)
    assert content.value == pytest.approx(1.0)
    assert not content.price.any()


def test_progress_by_classes_is_what_is_carried_up_to_each() -> None:
    told: list[Moment] = []
    network = country()
    both = (
        Demand(source="west", target="east", gbps=150.0, traffic_class=TrafficClass.INTERACTIVE),
        Demand(source="west", target="east", gbps=150.0, traffic_class=TrafficClass.BULK),
    )
    found = optimise(network, Demands.of(network, both), Objective.LEXICOGRAPHIC, progress=told.append)
    assert [one.value for one in told] == pytest.approx([150.0, 200.0], rel=1e-3)
    assert [one.bound for one in told] == pytest.approx([one.bound for one in found.classes])


@pytest.mark.parametrize("most_paths", [1, 4])
@pytest.mark.parametrize("seed", [2, 3])
def test_on_few_paths_more_time_is_no_worse(seed: int, most_paths: int) -> None:
    """A plan on any number of ways gets better with time, and loses more on few: what there was before is kept."""
    network, rng = detect.read(network_text("us-lab")).network, np.random.default_rng(seed)
    assert network is not None
    sites = [site.id for site in network.sites]
    asked = []
    for _ in range(150):
        a, b = rng.choice(len(sites), 2, replace=False)
        asked.append(
            Demand(
                source=sites[a],
                target=sites[b],
                gbps=float(rng.uniform(20, 200)),
                max_latency_ms=float(rng.uniform(20, 45)) if rng.random() < 0.3 else None,
                protection=Protection.PATH if rng.random() < 0.2 else Protection.NONE,
            )
        )
    demands = Demands.of(network, asked)
    plans = [
        optimise(
            network,
            demands,
            Objective.UTILISATION,
            Limits(time_s=time_s, threads=1),
            most_paths=most_paths,
            parts=16,
            clock=ticking(1.0),
        )
        for time_s in (0.0, 10.0, 20.0, 40.0, 60.0, 80.0, 120.0)
    ]
    values, answer = [found.value for found in plans], plans[-1].answer
    assert max(values) == values[0]
    assert all(after <= before * 1.05 for before, after in pairwise(values)), values
    assert isinstance(answer, Routed)
    assert len(answer.before) > 3
    # With no time at all not even the first plan looks for every way inside its bounds.
    quick = narrowed(answer.before[0], Asked(most_paths=most_paths, parts=16), Limits(time_s=0.0), must=True)
    assert values[0] * 0.9 < quick.plan.value <= values[0] * 1.001
