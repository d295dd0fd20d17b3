"""How much is carried for how much of the time, against every scenario of small networks solved by itself."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from highroad.graph.disjoint import groups_of
from highroad.model.network import LinkId, Network
from highroad.model.service import Backup, Branch, Placement
from highroad.planning.availability import (
    Asked,
    Distribution,
    Failures,
    distribution,
    failures,
    look,
    throughput,
)
from highroad.planning.chances import Rates, chances_of, minutes_down_a_year, risks, service_availability
from highroad.planning.optimum import Objective, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.traffic import Changed, Demand, Demands
from tests.support.country import country

OFTEN = Rates(cuts_per_1000_km_year=60.0, repair_h=24.0, site_down=0.01)
NORTH = tuple(map(LinkId, ("campus>west", "west>east", "east>cloud")))
SOUTH = tuple(map(LinkId, ("campus>south", "south>cloud")))
DEMANDS = (Demand(source="west", target="east", gbps=150.0), Demand(source="campus", target="cloud", gbps=40.0))
GAP = 1e-4


def back(links: tuple[LinkId, ...]) -> tuple[LinkId, ...]:
    return tuple(LinkId(">".join(link.split(">")[::-1])) for link in reversed(links))


def counted(network: Network, chances: Mapping[str, float], up: Callable[[frozenset[str]], bool]) -> float:
    """The share of time in which something is up, by every state of every group that it may depend on."""
    names = sorted({group for link in network.links for group in groups_of(network, link.id)})
    states = product((False, True), repeat=len(names))
    return math.fsum(
        math.prod(chances[name] if down else 1 - chances[name] for name, down in zip(names, state, strict=True))
        for state in states
        if up(frozenset(name for name, down in zip(names, state, strict=True) if down))
    )


def carries(network: Network, links: tuple[LinkId, ...], down: frozenset[str]) -> bool:
    return all(down.isdisjoint(groups_of(network, link)) for link in links)


@pytest.mark.parametrize("conduit", [False, True])
@pytest.mark.parametrize("kind", ["plain", "backup", "backup that shares", "branches"])
def test_a_service_against_every_state(conduit: bool, kind: str) -> None:
    network = country(conduit=conduit, ways=2)
    chances = chances_of(network, OFTEN)
    backup = {
        "backup": Backup(there=SOUTH, back=back(SOUTH)),
        "backup that shares": Backup(
            there=(LinkId("campus>west"), LinkId("west>south"), LinkId("south>cloud")), back=back(SOUTH)
        ),
    }.get(kind)
    beside = (Branch(there=SOUTH, back=back(SOUTH)),) if kind == "branches" else ()
    placement = Placement(there=NORTH, back=back(NORTH), bandwidth_gbps=10.0, backup=backup, beside=beside)

    def up(down: frozenset[str]) -> bool:
        first = carries(network, placement.links, down)
        return first or (backup is not None and carries(network, (*backup.there, *backup.back), down))

    found = service_availability(network, chances, placement)
    assert found == pytest.approx(counted(network, chances, up), rel=1e-12)
    assert minutes_down_a_year(found) == pytest.approx((1 - found) * 525_960)


def test_a_backup_is_worth_nines() -> None:
    network, chances = country(ways=2), chances_of(country(ways=2), Rates(site_down=0.0))
    alone = Placement(there=NORTH, back=back(NORTH), bandwidth_gbps=1.0)
    safe = Placement(there=NORTH, back=back(NORTH), bandwidth_gbps=1.0, backup=Backup(there=SOUTH, back=back(SOUTH)))
    first, second = (service_availability(network, chances, one) for one in (alone, safe))
    assert first < 0.997 < 0.9999 < second < 1
    south = Placement(there=SOUTH, back=back(SOUTH), bandwidth_gbps=1.0)
    other = service_availability(network, chances, south)
    assert 1 - second == pytest.approx((1 - first) * (1 - other), rel=1e-9)


def all_of_it(network: Network, objective: Objective, rest: float = 1e-12) -> tuple[Asked, Failures, Distribution]:
    asked = Asked(
        network=network,
        demands=Demands.of(network, DEMANDS),
        limits=Limits(gap=GAP, threads=1),
        objective=objective,
    )
    given = failures(risks(network, chances_of(network, OFTEN)), rest, 1_000_000)
    return asked, given, distribution(asked, given, look(asked, given.failures))


def by_hand(network: Network, objective: Objective) -> list[tuple[float, float]]:
    """Every state of every risk: what is carried, each solved by itself, and how likely it is."""
    found = risks(network, chances_of(network, OFTEN))
    known: dict[frozenset[LinkId], float] = {}
    states = []
    for state in product((False, True), repeat=len(found)):
        down = [one for one, is_down in zip(found, state, strict=True) if is_down]
        without = frozenset[LinkId]().union(*(one.links for one in down))
        if without not in known:
            plan = optimise(
                network,
                Demands.of(network, DEMANDS),
                objective,
                Limits(gap=1e-6),
                changed=Changed(without=without),
            )
            left = plan.checked.problem.demands
            value = plan.value / 190.0 if objective is Objective.TOTAL else min(1.0, plan.value) * (left == 2)
            known[without] = value if left else 0.0
        share = math.prod(one.down if is_down else 1 - one.down for one, is_down in zip(found, state, strict=True))
        states.append((known[without], share))
    return states


@pytest.mark.parametrize("objective", [Objective.TOTAL, Objective.CONCURRENT])
def test_a_network_against_every_state(objective: Objective) -> None:
    network = country(conduit=True)
    states = by_hand(network, objective)
    assert math.fsum(share for _, share in states) == pytest.approx(1.0)
    _, given, found = all_of_it(network, objective)
    assert given.rest < 1e-12
    mean = math.fsum(value * share for value, share in states)
    low, high = found.mean()
    assert low - 1e-9 <= mean <= high + 1e-9
    assert high - low <= GAP + 1e-9
    for asked in (0.3, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999):
        together, exact = 0.0, 0.0
        for value, share in sorted(states, reverse=True):
            together += share
            if together >= asked:
                exact = value
                break
        low, high = found.at(asked)
        assert low - 1e-6 <= exact <= high + 1e-6, asked
        assert high - low <= 2 * GAP, asked
    assert found.at(0.3)[0] > found.at(0.99)[0]


@pytest.mark.parametrize("rest", [0.3, 0.05, 1e-3])
def test_what_was_not_looked_at_may_be_anything(rest: float) -> None:
    network = country(conduit=True)
    _, given, whole = all_of_it(network, Objective.TOTAL)
    _, fewer, some = all_of_it(network, Objective.TOTAL, rest)
    assert len(fewer.failures) < len(given.failures)
    assert 0 < fewer.rest <= rest
    for asked in (0.5, 0.9, 0.99, 0.999):
        low, high = some.at(asked)
        exact_low, exact_high = whole.at(asked)
        assert low <= exact_low + 1e-12
        assert exact_high <= high + 1e-12
    assert some.mean()[0] <= whole.mean()[0]
    assert whole.mean()[1] <= some.mean()[1] + 1e-12
    low, high = some.availability(1.0 - GAP)
    exact_low, exact_high = whole.availability(1.0 - GAP)
    assert low <= exact_low
    assert exact_high <= high + 1e-12


def test_so_many_failures_and_no_more() -> None:
    network = country()
    found = risks(network, chances_of(network, OFTEN))
    few = failures(found, 1e-9, 5)
    assert len(few.failures) == 5
    assert few.rest == pytest.approx(1 - math.fsum(one.share for one in few.failures))


def test_nothing_to_carry_is_carried() -> None:
    network = country()
    asked = Asked(network=network, demands=Demands.of(network, []), limits=Limits(threads=1))
    given = failures(risks(network, chances_of(network)), 1e-3)
    found = distribution(asked, given, look(asked, given.failures))
    assert found.at(0.999) == (1.0, 1.0)


def test_a_network_that_is_down_for_good() -> None:
    """Everything certain to fail: one failure, that of all."""
    network = country()
    given = failures(risks(network, dict.fromkeys(chances_of(network), 1.0)))
    assert [one.share for one in given.failures] == [1.0]
    asked = Asked(network=network, demands=Demands.of(network, DEMANDS), limits=Limits(threads=1))
    assert distribution(asked, given, look(asked, given.failures)).mean() == (0.0, 0.0)


class Elsewhere:
    """Workers that get what they do as bytes."""

    def submit(self, work: Callable[..., Any], /, *args: Any) -> Any:
        there, given = pickle.loads(pickle.dumps((work, args)))
        done = pickle.loads(pickle.dumps(there(*given)))

        class Done:
            def result(self) -> Any:
                return done

        return Done()


def test_any_workers_say_the_same() -> None:
    network = country(conduit=True, ways=2)
    asked = Asked(network=network, demands=Demands.of(network, DEMANDS), limits=Limits(gap=GAP, threads=1))
    given = failures(risks(network, chances_of(network, OFTEN)), 1e-2)
    here = look(asked, given.failures)
    assert [one for some in throughput(asked, given, Elsewhere(), at_once=7) for one in some] == here
    with ThreadPoolExecutor(2) as pool:
        assert [one for some in throughput(asked, given, pool, at_once=5) for one in some] == here


@pytest.mark.parametrize("objective", [Objective.TOTAL, Objective.CONCURRENT])
def test_who_no_way_is_fast_enough_for_is_not_carried_in_a_failure(objective: Objective) -> None:
    """The south takes 8 ms between west and east: whoever has to be there in 6 has the north alone."""
    network = country()
    fast = Demand(source="west", target="east", gbps=50.0, max_latency_ms=6.0)
    demands = Demands.of(network, (fast, Demand(source="west", target="east", gbps=100.0)))
    asked = Asked(network=network, demands=demands, limits=Limits(gap=GAP, threads=1), objective=objective)
    given = failures(risks(network, chances_of(network, OFTEN)), 1e-3)
    by_name = {one.failure.groups: one for one in look(asked, given.failures)}
    total = objective is Objective.TOTAL
    assert by_name[()].value == pytest.approx(1.0, rel=1e-3)
    assert by_name["west--east",].value == pytest.approx(100 / 150 if total else 0.0, rel=1e-3)
    assert by_name["west--south",].value == pytest.approx(100 / 150, rel=1e-3)
    assert by_name["campus--west",].value == pytest.approx(1.0, rel=1e-3)
    assert all(one.value <= one.bound <= 1.0 for one in by_name.values())
