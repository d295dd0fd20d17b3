"""What restrictions cost, where less of one class leaves room for more of others."""

from __future__ import annotations

import pytest

from highroad.model.service import TrafficClass
from highroad.planning.costs import Restriction, costs
from highroad.planning.optimum import Objective, optimise
from highroad.planning.traffic import Demand, Demands
from tests.support.country import country


def test_of_classes_a_restriction_that_carries_more_of_all_is_not_above_its_bound() -> None:
    """The first class goes two links, and nobody else: with a bound that it does not meet, two others go one each."""
    network = country()
    first = Demand(
        source="campus", target="east", gbps=200.0, traffic_class=TrafficClass.INTERACTIVE, max_latency_ms=0.01
    )
    second = [
        Demand(source=a, target=b, gbps=200.0, traffic_class=TrafficClass.BULK)
        for a, b in (("campus", "west"), ("west", "east"))
    ]
    found = optimise(network, Demands.of(network, [first, *second]), Objective.LEXICOGRAPHIC, most_paths=4, parts=16)
    told = {one.restriction: one for one in costs(found)}
    free, bound = told[Restriction.NONE], told[Restriction.LATENCY]
    assert bound.value > free.value * 1.1, (free, bound)
    assert all(one.value <= one.bound * (1 + 1e-9) for one in told.values())
    assert free.classes[0].value == pytest.approx(100.0, rel=1e-4)
    assert [one.rank for one in bound.classes] == [TrafficClass.BULK.rank]
    assert told[Restriction.PARTS].classes == found.classes
