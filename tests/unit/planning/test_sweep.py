"""What if, on the small country: what falls, what overloads, what helps, the same on any number of workers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from highroad.errors import Invalid
from highroad.model.network import LinkId, Network
from highroad.planning.solve.answer import Limits
from highroad.planning.sweep import (
    Case,
    Outcome,
    Question,
    case_of,
    doubles,
    helps,
    look,
    risk_groups,
    singles,
    sweep,
    with_more,
)
from highroad.planning.traffic import Demand, Demands
from tests.support.country import country

ACROSS = Demand(source="west", target="east", gbps=150.0)
ENDS = Demand(source="campus", target="cloud", gbps=40.0)


def question(network: Network, *demands: Demand) -> Question:
    return Question(network=network, demands=Demands.of(network, demands), limits=Limits(threads=1))


def ends(network: Network, case: Case, *demands: Demand) -> Outcome:
    (one,) = look(question(network, *(demands or (ACROSS, ENDS))), [case])
    return one


def test_as_it_is_all_fits() -> None:
    one = ends(country(), Case())
    assert one.utilisation == pytest.approx(0.95, rel=1e-3)
    assert (one.lost_gbps, one.overloaded, one.short, one.prices) == (0.0, (), (), ())
    assert one.case.name == "as it is"


def test_a_fibre_falls_and_what_is_left_does_not_fit() -> None:
    one = ends(country(), case_of(country(), ["west--east"]))
    assert one.utilisation == pytest.approx(1.9, rel=1e-3)
    assert one.utilisation_bound <= one.utilisation
    assert one.cut_off_gbps == 0
    assert one.crowded_gbps == pytest.approx(90.0, rel=1e-3)
    assert one.crowded_bound_gbps <= one.crowded_gbps
    assert {link for link, _ in one.overloaded} == {"west>south", "south>east"}
    assert sum(gbps for _, _, gbps in one.short) == pytest.approx(90.0, rel=1e-3)
    assert one.case.name == "west--east cut"


def test_what_has_no_way_left_is_cut_off_not_crowded_out() -> None:
    one = ends(country(), case_of(country(), ["campus--west"]))
    assert (one.cut_off_gbps, one.crowded_gbps) == (40.0, 0.0)
    assert one.short == (("campus", "cloud", 40.0),)
    everything = ends(country(), case_of(country(), ["west"]))
    assert everything.cut_off_gbps == 190.0
    assert everything.utilisation == 0


FAST = Demand(source="west", target="east", gbps=30.0, max_latency_ms=6.0)


def test_who_no_way_is_fast_enough_for_is_cut_off_and_others_are_kept_inside_their_bounds() -> None:
    """Round by the south it takes 8 ms: too long for one, and as the others take it, that one has the north alone."""
    demands = (ACROSS, FAST)
    whole = ends(country(), Case(), *demands)
    assert (whole.lost_gbps, whole.late_gbps) == (0.0, 0.0)
    assert whole.utilisation == pytest.approx(0.9, rel=2e-3)
    north = ends(country(), case_of(country(), ["west--east"]), *demands)
    assert (north.cut_off_gbps, north.late_gbps) == (30.0, 30.0)
    assert north.crowded_gbps == pytest.approx(50.0, rel=2e-3)
    assert ("west", "east", 30.0) in north.short
    south = ends(country(), case_of(country(), ["west--south"]), *demands)
    assert (south.cut_off_gbps, south.late_gbps) == (0.0, 0.0)
    assert south.crowded_gbps == pytest.approx(80.0, rel=2e-3)
    grown = ends(country(), Case(growth=4.0), *demands)
    assert grown.crowded_gbps == pytest.approx(520.0, rel=2e-3)
    fast = ends(country(), Case(growth=5.0), FAST)
    assert fast.crowded_gbps == pytest.approx(50.0, rel=2e-3), "the south is empty and too long"
    ends_only = ends(country(), case_of(country(), ["campus--west"]), ENDS, FAST)
    assert (ends_only.cut_off_gbps, ends_only.late_gbps) == (40.0, 0.0), "it has no way at all"


def test_questions_of_other_bounds_are_other_questions() -> None:
    network = country()
    slow = Demand(source="west", target="east", gbps=30.0)
    (one,) = look(question(network, slow), [case_of(network, ["west--east"])])
    (other,) = look(question(network, FAST), [case_of(network, ["west--east"])])
    assert (one.late_gbps, other.late_gbps) == (0.0, 30.0)
    assert not question(network, slow).asks_as(question(network, FAST))
    assert question(network, FAST).asks_as(question(network, FAST))


def test_demands_grow_and_links_get_more() -> None:
    grown = Case(growth=2.0)
    assert ends(country(), grown).crowded_gbps == pytest.approx(180.0, rel=1e-3)
    more = with_more(grown, [LinkId("west>east"), LinkId("east>west")], 50.0)
    assert ends(country(), more).crowded_gbps == pytest.approx(130.0, rel=1e-3)
    assert more.name == "demands x2, +50G west>east, +50G east>west"
    dark = with_more(case_of(country(), ["west--east"]), [LinkId("west>east")], 1000.0)
    assert ends(country(), dark).crowded_gbps == pytest.approx(90.0, rel=1e-3), "more on what is cut is cut too"


def test_risk_groups_are_each_there_once() -> None:
    """The trench takes both southern fibres down; without it they are groups of their own."""
    assert len(risk_groups(country())) == 5
    network = country(conduit=True)
    assert sorted(risk_groups(network)) == sorted(["trench", *(fibre.id for fibre in network.fibres)])
    assert [case.cut for case in singles(network)] == [(group,) for group in risk_groups(network)]
    pairs = doubles(network)
    assert len(pairs) == 6 * 5 / 2 - 2, "a fibre of the trench with the trench is the trench"
    assert len({case.without for case in pairs if "trench" not in case.cut}) == 10


def test_what_there_is_not() -> None:
    with pytest.raises(Invalid, match="did you mean `west--east`"):
        case_of(country(), ["west--eats"])


def test_which_upgrade_helps_most() -> None:
    network = country()
    outcomes = look(question(network, ACROSS, ENDS), [Case(), *singles(network), Case(growth=2.0)])
    found = helps(network, outcomes, 50.0)
    assert set(found[0].links) <= {link.id for link in network.links}
    for one in found:
        again = look(question(network, ACROSS, ENDS), [with_more(each.case, one.links, 50.0) for each in outcomes])
        saved = sum(before.crowded_gbps - then.crowded_gbps for before, then in zip(outcomes, again, strict=True))
        assert saved <= one.promised_gbps * (1 + 1e-6) + 1e-6
    assert found == sorted(found, key=lambda one: -one.promised_gbps)


class Elsewhere:
    """Workers that get what they do as bytes, as another process or machine would."""

    def __init__(self) -> None:
        self.asked = 0

    def submit(self, work: Callable[..., Any], /, *args: Any) -> Any:
        self.asked += 1
        there, given = pickle.loads(pickle.dumps((work, args)))
        done = pickle.loads(pickle.dumps(there(*given)))

        class Done:
            def result(self) -> Any:
                return done

        return Done()


def test_any_number_of_workers_says_the_same() -> None:
    network = country(conduit=True, ways=2)
    asked = question(network, ACROSS, ENDS)
    cases = [Case(), *singles(network), *doubles(network)]
    here = look(asked, cases)
    elsewhere = Elsewhere()
    assert [one for some in sweep(asked, cases, elsewhere, at_once=5) for one in some] == here
    assert elsewhere.asked == -(-len(cases) // 5)
    with ThreadPoolExecutor(3) as pool:
        assert [one for some in sweep(asked, cases, pool, at_once=2) for one in some] == here


def test_a_network_goes_to_another_process_whole() -> None:
    network = country(conduit=True)
    same = pickle.loads(pickle.dumps(network))
    assert same == network
    assert dict(same.opposite) == dict(network.opposite)
    assert dict(same.links_on) == dict(network.links_on)
