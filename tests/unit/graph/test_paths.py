"""Searches that find nothing: by a look around the target, and what links stand between two sites."""

from __future__ import annotations

import random

import pytest

from highroad.graph import paths
from highroad.graph.paths import Graph, cut_between, graph_of, least_latency_path
from highroad.model.network import SiteId
from highroad.planning.ground import CARRIES_OTHERS
from tests.unit.planning.small import small

A, B = SiteId("a"), SiteId("b")


def case(seed: int) -> tuple[Graph, frozenset[int], int | None]:
    """A random network, some of its links out of use, and perhaps a bound."""
    dice = random.Random(f"paths {seed}")
    network = small(seed, sites=dice.choice((5, 7, 9)), one_way=dice.choice((0.0, 0.2)))
    graph = graph_of(network, lambda site: site.kind in CARRIES_OTHERS)
    out = frozenset(number for number in range(len(graph.links)) if dice.random() < 0.4)
    return graph, out, dice.choice((None, 10_000_000, 15_000_000))


def test_a_cut_is_why_there_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no path, and just there: of links out of use, and with all others in use there is none still."""
    monkeypatch.setattr(paths, "LONG", 1_000_000)
    cuts = kept = 0
    for seed in range(1_000):
        graph, out, bound_ns = case(seed)

        def usable(number: int, out: frozenset[int] = out) -> bool:
            return number not in out

        cut = cut_between(graph, A, B, usable, bound_ns=bound_ns)
        assert (cut is None) == (least_latency_path(graph, A, B, usable, bound_ns=bound_ns) is not None)
        if cut is not None:
            cuts += 1
            kept += len(cut) < len(out)
            assert cut <= out
            assert least_latency_path(graph, A, B, lambda number: number not in cut, bound_ns=bound_ns) is None  # noqa: B023
    assert cuts > 200
    assert kept > cuts / 2


@pytest.mark.parametrize("long", [1, 2, 3])
def test_a_look_around_the_target_changes_no_answer(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(500):
        graph, out, bound_ns = case(seed)
        found = []
        for most in (long, 1_000_000):
            monkeypatch.setattr(paths, "LONG", most)
            found.append(least_latency_path(graph, A, B, lambda number: number not in out, bound_ns=bound_ns))  # noqa: B023
        assert found[0] == found[1]
