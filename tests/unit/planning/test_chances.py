"""How likely things are down, against counting everything out and sums by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.errors import Invalid
from highroad.model.network import RiskGroup, RiskGroupId
from highroad.planning.chances import HOURS_A_YEAR, Rates, chances_of, risks, subsets
from tests.support.country import country


def test_a_fibre_is_down_by_its_length() -> None:
    """2.73 cuts a year in 1,000 km, 12 hours each: 1,020 km are cut for 33 of 8,766 hours, less where cuts overlap."""
    found = chances_of(country())
    assert found["west--east"] == pytest.approx(1 - math.exp(-2.73 * (5 / 0.0049) / 1000 * 12 / HOURS_A_YEAR))
    assert found["west--east"] * HOURS_A_YEAR == pytest.approx(33.4, rel=0.01)
    assert found["site:west"] == 1e-5


def test_two_halves_are_as_the_whole() -> None:
    rates = Rates()
    assert 1 - (1 - rates.down(700)) * (1 - rates.down(300)) == pytest.approx(rates.down(1000), rel=1e-12)


def test_a_shared_group_takes_its_length_from_its_fibres() -> None:
    network = country(conduit=True)
    rates = Rates(shared_km=100.0)
    found = chances_of(network, rates)
    assert found["trench"] == pytest.approx(rates.down(100.0))
    length_km = network.fibre["west--south"].length_km  # type: ignore[index]
    assert found["west--south"] == pytest.approx(rates.down(length_km - 100.0))
    assert found["campus--west"] == pytest.approx(rates.down(network.fibre["campus--west"].length_km))  # type: ignore[index]


def test_what_a_network_says_holds() -> None:
    group = RiskGroup(id=RiskGroupId("trench"), name="Trench", failure_probability=0.25)
    network = replace(country(conduit=True), risk_groups=(group,))
    found = chances_of(network)
    assert found["trench"] == 0.25
    assert found["west--south"] == pytest.approx(Rates().down(network.fibre["west--south"].length_km))  # type: ignore[index]


def test_what_takes_the_same_links_down_is_one_risk() -> None:
    """Of the country the cloud hangs by one fibre: that, and the site, are one."""
    network = country()
    chances = chances_of(network)
    found = {one.groups: one for one in risks(network, chances)}
    assert ("cloud--east", "site:cloud") in found
    one = found["cloud--east", "site:cloud"]
    assert one.links == {"east>cloud", "cloud>east"}
    assert one.down == pytest.approx(1 - (1 - chances["cloud--east"]) * (1 - chances["site:cloud"]))
    assert found["site:west",].links == {"campus>west", "west>campus", *(f"west>{x}" for x in ("east", "south"))} | {
        f"{x}>west" for x in ("east", "south")
    }
    assert [one.down for one in found.values()] == sorted((one.down for one in found.values()), reverse=True)


@given(st.lists(st.sampled_from([0.0, 1e-6, 1e-3, 0.1, 0.1, 0.5, 0.7, 0.999, 1.0]), max_size=8))
def test_every_set_comes_once_the_likeliest_first(down: list[float]) -> None:
    told = list(subsets(down))
    assert len({places for places, _ in told}) == len(told)
    for (_, before), (_, after) in pairwise(told):
        assert after <= before * (1 + 1e-9)
    by_hand = {
        places: math.prod(one if place in places else 1 - one for place, one in enumerate(down))
        for count in range(len(down) + 1)
        for places in combinations(range(len(down)), count)
    }
    assert dict(told) == pytest.approx({places: by_hand[places] for places, _ in told}, rel=1e-9, abs=1e-300)
    assert math.fsum(share for _, share in told) == pytest.approx(1.0)


def test_many_things_begin_with_what_is_likeliest() -> None:
    down = [0.001 * (place + 1) for place in range(300)]
    first = list(islice(subsets(down), 2000))
    assert first[0][0] == ()
    assert first[1][0] == (299,)
    assert all(before >= after for (_, before), (_, after) in pairwise(first))


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, 1e7])
def test_rates_that_cannot_be(wrong: float) -> None:
    with pytest.raises(Invalid):
        Rates(repair_h=wrong)
    with pytest.raises(Invalid):
        Rates(site_down=wrong)
