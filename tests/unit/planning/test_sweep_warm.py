"""A failure begins with the plan before it, and comes to what it comes to from nothing, within what is proven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from highroad.formats import detect, shipped
from highroad.planning.optimum import Objective, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.sweep import Case, Question, case_of, doubles, look, singles
from highroad.planning.traffic import Changed, Demand, Demands

GAP = 1e-3


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_as_from_nothing(scale: float) -> None:
    network = detect.read(shipped.network_text("us-lab")).network
    assert network is not None
    rng = np.random.default_rng(3)
    sites = [site.id for site in network.sites]
    asked = [
        Demand(source=a, target=b, gbps=float(rng.uniform(20, 60)) * scale)
        for a in sites
        for b in sites
        if a != b and rng.random() < 0.3
    ]
    question = Question(network=network, demands=Demands.of(network, asked), limits=Limits(gap=GAP, threads=1))
    cases = [Case(), *singles(network), *doubles(network)[::25], case_of(network, [sites[0]])]
    seen = set()
    for found in look(question, cases):
        cut = Changed(without=found.case.without)
        even = optimise(network, question.demands, Objective.UTILISATION, Limits(gap=GAP), changed=cut)
        assert found.utilisation_bound <= even.value * (1 + 1e-9)
        assert even.bound <= found.utilisation * (1 + 1e-9)
        assert found.utilisation - found.utilisation_bound <= GAP * found.utilisation * (1 + 1e-9)
        most = optimise(network, question.demands, Objective.TOTAL, Limits(gap=GAP), changed=cut)
        carried = found.wanted_gbps - found.lost_gbps
        bound = found.wanted_gbps - found.cut_off_gbps - found.crowded_bound_gbps
        assert carried <= most.bound * (1 + 1e-6)
        assert most.value <= bound * (1 + 1e-6)
        assert bound - carried <= GAP * bound + 1e-6
        seen.add((found.cut_off_gbps > 0, found.crowded_gbps > 0))
    assert (True, False) in seen or (True, True) in seen
    assert scale < 3.0 or (False, True) in seen


def test_two_failures_begin_with_the_worse_of_them_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = detect.read(shipped.network_text("us-lab")).network
    assert network is not None
    rng = np.random.default_rng(4)
    sites = [site.id for site in network.sites]
    asked = [Demand(source=a, target=b, gbps=float(rng.uniform(20, 60))) for a in sites for b in sites if a != b]
    demands = Demands.of(network, asked)

    def question() -> Question:
        return Question(network=network, demands=demands, limits=Limits(gap=GAP, threads=1))

    one = question()
    alone = [one.after(case.cut, 1.0) for case in singles(network)]
    assert all(plan is one.as_it_is(Objective.UTILISATION, 1.0) for plan in alone)
    a, b = sorted(singles(network), key=lambda case: one.after((*case.cut, *case.cut), 1.0).value)[-2:]
    assert one.after((*a.cut, *b.cut), 1.0) is one.after((*b.cut, *b.cut), 1.0)
    cases = doubles(network)[::9]
    near = look(one, cases)
    monkeypatch.setattr("highroad.planning.sweep.MOST_KEPT", 0)
    for then, from_all in zip(
        near, look(replace(question(), limits=Limits(gap=GAP / 2, threads=1)), cases), strict=True
    ):
        assert then.utilisation == pytest.approx(from_all.utilisation, rel=GAP * 1.01)
        assert then.utilisation_bound <= from_all.utilisation * (1 + 1e-9)
        assert then.cut_off_gbps == from_all.cut_off_gbps
