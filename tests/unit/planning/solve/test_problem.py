"""What is wrong with a question is said, all of it at once and by name; what can be carried is carried."""

from __future__ import annotations

import numpy as np
import pytest

from highroad.errors import Severity
from highroad.planning.solve.answer import Answer
from highroad.planning.solve.certificate import certificate
from highroad.planning.solve.few import narrowed, on_paths, paths_of
from highroad.planning.solve.problem import Problem, checked, commodities, problem, reachable, shared_out
from highroad.planning.solve.shared import utilisation
from highroad.planning.solve.total import total
from tests.support.certificate_check import faults
from tests.unit.planning.solve.instances import claim

NAN, INF = float("nan"), float("inf")


def solved(of: Problem) -> Answer:
    """The most that is carried, checked, and the other questions beside it."""
    answer = total(of)
    assert faults(claim(answer)) == set()
    assert certificate(answer).holds(answer)
    spread = utilisation(of)
    assert faults(claim(spread, "utilisation")) == set()
    assert narrowed(answer).value == pytest.approx(answer.value, rel=1e-3)
    return answer


def everything_wrong() -> Problem:
    """0 -> 1 -> 2 of 10 Gbit/s is right, and so is the demand 9 from 0 to 2; 3 is joined to nothing."""
    return problem(
        4,
        [0, 1, 0, 0, 0, 2, 2, 0, -1],
        [1, 2, 1, 1, 1, 2, 9, 1, 0],
        [10.0, 10.0, 0.0, NAN, INF, 10.0, 10.0, -5.0, 1.0],
        [0, 1, 0, 0, 0, 0, 7, 0, 2, 0, 0],
        [3, 1, 1, 1, 1, 2, 0, 1, 0, 2, 2],
        [1.0, 1.0, NAN, INF, -1.0, 1.0, 1.0, 1.0, 1.0, 4.0, 0.0],
        fence=[-1, -1, -1, -1, -1, 0, -1, 5, -1, -1, -1],
        fences=np.zeros((1, 9), np.bool_),
    )


def test_everything_at_once_by_name() -> None:
    made = checked(everything_wrong(), lambda n: f"link-{n}", lambda n: f"demand-{n}")
    assert {(finding.place, finding.code) for finding in made.findings} == {
        ("links[link-2]", "no-capacity"),
        ("links[link-3]", "no-capacity"),
        ("links[link-4]", "no-capacity"),
        ("links[link-5]", "loop"),
        ("links[link-6]", "no-such-node"),
        ("links[link-7]", "no-capacity"),
        ("links[link-8]", "no-such-node"),
        ("demands[demand-0]", "not-joined"),
        ("demands[demand-1]", "self-demand"),
        ("demands[demand-2]", "no-amount"),
        ("demands[demand-3]", "no-amount"),
        ("demands[demand-4]", "no-amount"),
        ("demands[demand-5]", "not-joined"),
        ("demands[demand-6]", "no-such-node"),
        ("demands[demand-7]", "no-such-fence"),
        ("demands[demand-8]", "not-joined"),
    }
    assert {finding.severity for finding in made.findings} == {Severity.WARNING}
    assert made.links.tolist() == [0, 1]
    assert made.demands.tolist() == [9]
    assert made.problem.fences.shape == (1, 2)
    answer = solved(made.problem)
    assert answer.served_gbps.tolist() == pytest.approx([4.0])


def test_sentences_say_what_was_given_and_what_would_be_right() -> None:
    said = [str(finding) for finding in checked(everything_wrong()).findings]
    assert "links[3]: its capacity is nan Gbit/s, and has to be above 0 and at most 1e+15: left out" in said
    assert "links[6]: it joins 2 and 9, and nodes go from 0 to 3: left out" in said
    assert "demands[4]: it asks for -1 Gbit/s: a rate from 0 to 1e+15 can be carried" in said
    assert "demands[7]: its fence is 5, and there are 1" in said


@pytest.mark.parametrize("weight", [0.0, -1.0, NAN, INF])
def test_a_weight_that_is_none(weight: float) -> None:
    made = checked(problem(2, [0], [1], [5.0], [0, 0], [1, 1], [1.0, 2.0], weight=[weight, 2.0]))
    assert [(finding.code, finding.place) for finding in made.findings] == [("no-weight", "demands[0]")]
    assert solved(made.problem).value == pytest.approx(2.0)


@pytest.mark.parametrize(
    "of",
    [
        problem(0, [], [], [], [], [], []),
        problem(1, [], [], [], [], [], []),
        problem(1, [0], [0], [5.0], [0], [0], [5.0]),
        problem(3, [], [], [], [0, 1], [1, 2], [5.0, 1.0]),
        problem(3, [], [], [], [0], [1], [5.0], fence=[0], fences=np.ones((1, 0), np.bool_)),
        problem(3, [0, 1], [1, 2], [5.0, 5.0], [], [], []),
        problem(3, [0, 1], [1, 2], [5.0, 5.0], [2, 1], [0, 0], [1.0, 1.0]),
        problem(2, [0], [1], [5.0], [0], [1], [1.0], fence=[0], fences=np.zeros((1, 1), np.bool_)),
        problem(2, [0], [1], [5.0], [0], [1], [0.0]),
        problem(2, [0, 0], [1, 1], [0.0, NAN], [0], [1], [2.0]),
    ],
    ids=[
        "no site",
        "one site",
        "one site with itself",
        "no links",
        "no links and a fence",
        "no demands",
        "the wrong way round",
        "a fence that bars all",
        "nothing is asked",
        "no link has a capacity",
    ],
)
def test_nothing_to_carry_is_an_answer(of: Problem) -> None:
    made = checked(of)
    assert made.problem.demands == 0
    told = {finding.place for finding in made.findings if finding.place.startswith("demands")}
    assert told == {f"demands[{n}]" for n in np.flatnonzero(of.amount_gbps).tolist()}
    answer = solved(made.problem)
    assert (answer.value, answer.bound, answer.gap) == (0.0, 0.0, 0.0)
    assert answer.served_gbps.shape == (0,)
    spread = utilisation(made.problem)
    assert (spread.value, spread.bound) == (0.0, 0.0)


def test_what_is_not_joined_is_not_carried_by_those_who_do_not_ask() -> None:
    of = problem(4, [0, 2], [1, 3], [5.0, 5.0], [0, 0, 1], [1, 3, 0], [9.0, 7.0, 1.0])
    answer = total(of)
    assert answer.served_gbps.tolist() == pytest.approx([5.0, 0.0, 0.0])
    assert answer.value == pytest.approx(5.0)
    assert answer.bound == pytest.approx(5.0, rel=1e-4)
    with pytest.raises(ValueError, match=r"no way leads to its target: see problem\.checked"):
        utilisation(of)


def test_nothing_but_what_is_not_joined() -> None:
    none = problem(2, [], [], [], [0], [1], [1.0])
    back = problem(2, [1], [0], [1.0], [0], [1], [1.0])
    for of in (none, back):
        assert (total(of).value, total(of).bound) == (0.0, 0.0)
        with pytest.raises(ValueError, match="no way leads to its target"):
            utilisation(of)


def test_from_a_millionth_to_a_million_million() -> None:
    of = problem(3, [0, 1, 0], [1, 2, 2], [1e12, 1e-6, 100.0], [0, 0, 1], [1, 2, 2], [1e-6, 1e12, 1e-6])
    made = checked(of)
    assert [(finding.code, finding.place) for finding in made.findings] == [("far-apart", "demands[0]")]
    assert "may be carried or not" in made.findings[0].message
    assert "2 demands are less than 1e-09 of the largest" in made.findings[0].message
    answer = total(made.problem)
    assert faults(claim(answer)) == set()
    assert answer.value == pytest.approx(100.0 + 2e-6, rel=1e-6)
    assert answer.gap <= 1e-4


def test_what_no_double_adds_up_is_too_much() -> None:
    made = checked(problem(2, [0, 0], [1, 1], [1e308, 5.0], [0, 0, 0], [1, 1, 1], [1e308, 1e16, 1.0]))
    assert [finding.place for finding in made.findings] == ["links[0]", "demands[0]", "demands[1]"]
    assert solved(made.problem).value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("tail", [0, 1, 1], r"head has the shape \(2,\), and there are 3 links"),
        ("capacity_gbps", [1.0], r"capacity_gbps has the shape \(1,\), and there are 2 links"),
        ("target", [2, 2], r"target has the shape \(2,\), and there are 1 demands"),
        ("amount_gbps", [[1.0]], r"amount_gbps has the shape \(1, 1\), and there are 1 demands"),
        ("fence", [0, 0], r"fence has the shape \(2,\)"),
        ("rank", [0, 0], r"rank has the shape \(2,\)"),
        ("weight", [], r"weight has the shape \(0,\)"),
        ("fences", np.ones((1, 3), np.bool_), r"fences has the shape \(1, 3\), and has to have 2 flags a row"),
        ("fences", np.ones(2, np.bool_), r"fences has the shape \(2,\)"),
        ("tail", [0.5, 1.0], "tail is of the type float64, and has to be whole numbers"),
        ("source", [NAN], "source is of the type float64, and has to be whole numbers"),
    ],
)
def test_arrays_that_do_not_belong_together(name: str, given: object, said: str) -> None:
    right: dict[str, object] = {
        "tail": [0, 1],
        "head": [1, 2],
        "capacity_gbps": [1.0, 1.0],
        "source": [0],
        "target": [2],
        "amount_gbps": [1.0],
    }
    with pytest.raises(ValueError, match=said):
        problem(3, **{**right, name: given})  # type: ignore[arg-type]


def test_a_node_too_large_for_a_kernel_is_no_other_node() -> None:
    made = checked(problem(3, [2**32, 1], [1, 2], [1.0, 1.0], [1], [2], [1.0]))
    assert [(finding.code, finding.place) for finding in made.findings] == [("no-such-node", "links[0]")]


def test_demands_of_one_source_target_and_fence_are_one_commodity() -> None:
    of = problem(
        3,
        [0, 1],
        [1, 2],
        [6.0, 3.0],
        [1, 0, 0, 0, 0],
        [2, 2, 1, 2, 2],
        [1.0, 2.0, 4.0, 6.0, 5.0],
        fence=[-1, -1, -1, -1, 0],
        fences=np.ones((1, 2), np.bool_),
        rank=[0, 1, 0, 0, 0],
    )
    made = commodities(of)
    assert made.source.tolist() == [0, 0, 1]
    assert made.fence.tolist() == [-1, 0, -1]
    assert made.start.tolist() == [0, 2, 3, 4]
    assert made.target.tolist() == [1, 2, 2, 2]
    assert made.amount_gbps.tolist() == [4.0, 8.0, 5.0, 1.0]
    assert made.of.tolist() == [3, 1, 0, 1, 2]
    # The first by rank first: 7 of the 8 that demands 1 and 3 ask for together.
    assert shared_out(of, made, np.array([4.0, 7.0, 0.0, 0.5])).tolist() == [0.5, 1.0, 4.0, 6.0, 0.0]
    assert reachable(of).all()
    solved(of)


def test_equal_ranks_share_in_proportion() -> None:
    of = problem(2, [0], [1], [3.0], [0, 0, 0], [1, 1, 1], [2.0, 4.0, 1.0], rank=[1, 1, 0])
    answer = solved(of)
    assert answer.served_gbps.tolist() == pytest.approx([2 / 3, 4 / 3, 1.0])


def test_no_paths_carry_nothing_and_prove_it() -> None:
    of = problem(2, [0], [1], [3.0], [0], [1], [2.0])
    paths, _ = paths_of(total(of))
    none = type(paths)(first=np.zeros(2, np.int64), start=np.zeros(1, np.int64), link=np.zeros(0, np.int32))
    plan = on_paths(of.capacity_gbps, of.amount_gbps, none)
    assert (plan.value, plan.bound, plan.gap) == (0.0, 0.0, 0.0)
    assert plan.served_gbps.tolist() == [0.0]
