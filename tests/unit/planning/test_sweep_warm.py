"""A failure begins with the plan before it, and comes to what it comes to from nothing, within what is proven."""

from __future__ import annotations

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
