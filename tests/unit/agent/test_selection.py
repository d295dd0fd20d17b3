"""Which candidate path is in use: the rule, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.agent.selection import Known, Loop, Reason, chosen, preferred
from highroad.gnmi.router import CandidatePath, Policy, SegmentList
from highroad.model.service import TrafficClass
from tests.unit.agent.told import policy

A = SegmentList(links=("a>b", "b>d"), functions=(0xE000, 0xE001), back_functions=(0xE000, 0xE000))
B = SegmentList(links=("a>c", "c>d"), functions=(0xE001, 0xE001), back_functions=(0xE001, 0xE000))
C = SegmentList(links=("a>e", "e>d"), functions=(0xE002, 0xE001), back_functions=(0xE002, 0xE000))
UNPROBED = replace(C, back_functions=())


def of(*candidates: tuple[SegmentList, ...]) -> Policy:
    """A policy whose candidate paths have these lists, the first with the highest preference."""
    paths = tuple(
        CandidatePath(preference=100 - 10 * place, segment_lists=lists) for place, lists in enumerate(candidates)
    )
    return replace(policy(0), candidate_paths=paths)


def loop(segments: SegmentList) -> Loop:
    return Loop(segments.functions, segments.back_functions, TrafficClass.ASSURED)


def known(
    *,
    avoided: tuple[str, ...] = (),
    reported: tuple[str, ...] = (),
    dark: tuple[str, ...] = (),
    up: tuple[SegmentList, ...] = (),
    down: tuple[SegmentList, ...] = (),
) -> Known:
    alive = {loop(one): True for one in up} | {loop(one): False for one in down}
    return Known(avoided=frozenset(avoided), reported=frozenset(reported), dark=frozenset(dark), alive=alive)


TWO, SPLIT, THREE = of((A,), (B,)), of((A, C), (B,)), of((A,), (B,), (C,))

TABLE = [
    # nothing is known
    ("nothing is known", TWO, known(), 100, None),
    ("all is well", TWO, known(up=(A, B)), 100, None),
    # what a controller says
    ("it is avoided", TWO, known(avoided=("b>d",)), 90, Reason.AVOIDED),
    ("it is avoided, and both are alive", TWO, known(avoided=("b>d",), up=(A, B)), 90, Reason.AVOIDED),
    ("another's link is avoided", TWO, known(avoided=("d>b",)), 100, None),
    ("the backup is avoided", TWO, known(avoided=("a>c",)), 100, None),
    ("both are avoided", TWO, known(avoided=("a>b", "a>c")), 100, None),
    ("both are avoided, and only the backup is alive", TWO, known(avoided=("a>b", "a>c"), up=(B,)), 90, Reason.AVOIDED),
    # what other routers say
    ("it is reported", TWO, known(reported=("b>d",)), 90, Reason.REPORTED),
    ("it is reported, and both are alive", TWO, known(reported=("b>d",), up=(A, B)), 90, Reason.REPORTED),
    ("it is reported, and avoided as well", TWO, known(reported=("b>d",), avoided=("a>b",)), 90, Reason.AVOIDED),
    ("the backup is reported", TWO, known(reported=("c>d",)), 100, None),
    ("it is reported, the backup avoided", TWO, known(reported=("a>b",), avoided=("a>c",)), 100, None),
    ("it is reported and alive, the backup is not", TWO, known(reported=("b>d",), up=(A,), down=(B,)), 100, None),
    # what our own port says
    ("our port is dark", TWO, known(dark=("a>b",)), 90, Reason.LIGHT),
    ("our other port is dark", TWO, known(dark=("a>c",)), 100, None),
    ("our port is dark, and the link is avoided", TWO, known(dark=("a>b",), avoided=("a>b",)), 90, Reason.LIGHT),
    # what probes say
    ("its probes are lost", TWO, known(down=(A,), up=(B,)), 90, Reason.PROBE),
    ("its probes are lost, of the backup nothing is known", TWO, known(down=(A,)), 90, Reason.PROBE),
    ("all probes are lost", TWO, known(down=(A, B)), 100, None),
    ("the backup's probes are lost", TWO, known(down=(B,), up=(A,)), 100, None),
    # what is seen outweighs what is said
    ("it is avoided and alive, the backup is not", TWO, known(avoided=("a>b",), up=(A,), down=(B,)), 100, None),
    ("it is avoided and not probed, the backup is dead", TWO, known(avoided=("a>b",), down=(B,)), 100, None),
    # several lists, several paths
    ("one list of two is avoided", SPLIT, known(avoided=("a>e",)), 90, Reason.AVOIDED),
    ("the probes of one list of two are lost", SPLIT, known(down=(C,), up=(A,)), 90, Reason.PROBE),
    ("two of three are avoided", THREE, known(avoided=("a>b", "c>d")), 80, Reason.AVOIDED),
    ("one is avoided, the next has lost its probes", THREE, known(avoided=("a>b",), down=(B,)), 80, Reason.AVOIDED),
    ("one that is not probed is as good", of((A,), (UNPROBED,)), known(down=(A,)), 90, Reason.PROBE),
    ("a single path is used whatever is known", of((A,)), known(avoided=("a>b",), down=(A,)), 100, None),
]  # fmt: skip


@pytest.mark.parametrize(("policy_", "what", "preference", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])  # fmt: skip  # noqa: E501
def test_the_rule(policy_: Policy, what: Known, preference: int, reason: Reason | None) -> None:
    choice = chosen(policy_, what)
    assert (choice.path.preference, choice.reason) == (preference, reason)


def test_the_order_in_which_paths_are_told_does_not_matter() -> None:
    turned = replace(TWO, candidate_paths=TWO.candidate_paths[::-1])
    assert preferred(turned).preference == 100
    assert chosen(turned, known(avoided=("b>d",))).path.preference == 90


def test_what_was_in_use_stays_so_until_somebody_says_how_things_are() -> None:
    inherited = Known(inherited={TWO.service: TWO.candidate_paths[1]})
    assert chosen(TWO, inherited) == (TWO.candidate_paths[1], Reason.AVOIDED)
    assert chosen(TWO, replace(inherited, alive={loop(A): True, loop(B): True})).path.preference == 90
    assert chosen(TWO, replace(inherited, alive={loop(A): True, loop(B): False})).path.preference == 100


def test_a_path_that_was_in_use_is_known_by_its_way() -> None:
    """The controller has replaced the policy: what was the backup is preferred now, and stays in use."""
    inherited = Known(inherited={TWO.service: TWO.candidate_paths[1]})
    assert chosen(of((B,), (C,)), inherited) == (of((B,), (C,)).candidate_paths[0], None)
    assert chosen(of((A,), (C,)), inherited).path.preference == 100, "it has that path no more: nothing is kept"
