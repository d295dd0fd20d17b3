"""Reach, worked out by hand on a line of three towns, and on the shipped network."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from highroad.errors import Invalid
from highroad.formats import native
from highroad.formats.shipped import cities_text, network_text
from highroad.model.network import FibreId, Network, SiteId, SiteKind
from highroad.siting import cities as cities_module
from highroad.siting.cities import Cities
from highroad.siting.reach import enter, reach

# One degree of longitude on the equator is 111.195 km.
#   west (edge, 0) --- middle (pop, 5) --- east (pop, 10);  cloud hangs on east
LINE = """
highroad: 1
name: Line
sites:
  - {id: west, name: West, kind: edge, lat: 0, lon: 0, jurisdiction: GA}
  - {id: middle, name: Middle, kind: pop, lat: 0, lon: 5, jurisdiction: GA}
  - {id: east, name: East, kind: pop, lat: 0, lon: 10, jurisdiction: GA}
  - {id: cloud, name: Cloud, kind: cloud, lat: 0, lon: 10.01, jurisdiction: GA}
fibres:
  - {id: middle--west, a: middle, b: west, length_km: 600, jurisdictions: [GA]}
  - {id: east--middle, a: east, b: middle, length_km: 800, jurisdictions: [GA]}
  - {id: cloud--east, a: cloud, b: east, length_km: 100, jurisdictions: [GA]}
  - {id: cloud--middle, a: cloud, b: middle, length_km: 10000, jurisdictions: [GA]}
links:
  - {between: [middle, west], capacity_gbps: 400, fibres: [middle--west]}
  - {tail: east, head: middle, capacity_gbps: 400, fibres: [east--middle]}
  - {tail: middle, head: east, capacity_gbps: 400, latency_ms: 5, fibres: [east--middle]}
  - {between: [cloud, east], capacity_gbps: 400, fibres: [cloud--east]}
  - {between: [cloud, middle], capacity_gbps: 400, fibres: [cloud--middle]}
"""


def line() -> Network:
    loaded = native.read(LINE)
    assert loaded.network is not None, loaded.findings
    return loaded.network


def towns(*rows: tuple[str, str, float, int]) -> Cities:
    return Cities(
        name=tuple(name for name, _, _, _ in rows),
        country=tuple(country for _, country, _, _ in rows),
        region=tuple("" for _ in rows),
        lat=np.zeros(len(rows)),
        lon=np.array([lon for _, _, lon, _ in rows]),
        population=np.array([people for _, _, _, people in rows], dtype=np.int64),
    )


TOWNS = towns(
    ("Westend", "GA", 0.0, 1000),
    ("Nearwest", "GA", 1.0, 500),  # 111.195 km: 2 x 1.5 x 111.195 x 0.0049 = 1.6346 ms of access
    ("Midtown", "GA", 5.0, 300),
    ("Eastend", "GA", 10.0, 200),
    ("Abroad", "CM", 0.0, 9000),  # no site in CM: does not count
)


def test_round_trips_by_hand() -> None:
    # middle to west is 600 km: 2 x 2.94 = 5.88 ms; east to west adds 3.92 one way and 5 the other: 14.8 ms
    network = line()
    for rtt_ms, within in [(1.6, 1000), (1.64, 1500), (5.87, 1500), (5.89, 1800), (14.79, 1800), (14.81, 2000)]:
        found = reach(network, TOWNS, rtt_ms=rtt_ms, kind=SiteKind.EDGE)
        assert found.population_total == 2000
        assert found.population_within == within, rtt_ms
        assert found.share == within / 2000
        assert found.by_site == {SiteId("west"): within}


def test_a_bound_that_is_met_exactly_is_met() -> None:
    assert reach(line(), TOWNS, rtt_ms=5.88, kind=SiteKind.EDGE).population_within == 1800


def test_rings_are_what_the_round_trip_leaves_for_access() -> None:
    rings = reach(line(), TOWNS, rtt_ms=8.0, kind=SiteKind.EDGE).rings
    assert [(ring.site, ring.serves) for ring in rings] == [("west", "west"), ("middle", "west")]
    assert rings[0].radius_km == pytest.approx(8.0 / 2 / (1.5 * 0.0049))
    assert rings[1].radius_km == pytest.approx((8.0 - 5.88) / 2 / (1.5 * 0.0049))


def test_a_cut_takes_the_way_and_both_directions_have_to_be_up() -> None:
    network = line()
    cut = reach(network, TOWNS, rtt_ms=100, kind=SiteKind.EDGE, down_fibres={FibreId("middle--west")})
    assert cut.population_within == 1500  # who enters at the edge itself
    assert cut.farthest == ("Midtown", "Eastend")


def test_nobody_goes_through_a_cloud() -> None:
    # east can go to middle by the cloud (10,100 km), but a cloud does not carry others' traffic
    cut = reach(line(), TOWNS, rtt_ms=1000, kind=SiteKind.EDGE, down_fibres={FibreId("east--middle")})
    assert cut.population_within == 1800


def test_the_entrance_is_kept_and_another_route_factor_reaches_less() -> None:
    network = line()
    entrance = enter(network, TOWNS)
    assert [network.sites[number].id for number in entrance.site] == ["west", "west", "middle", "east"]
    kept = reach(network, TOWNS, rtt_ms=1.64, kind=SiteKind.EDGE, entrance=entrance)
    assert kept == reach(network, TOWNS, rtt_ms=1.64, kind=SiteKind.EDGE)
    assert reach(network, TOWNS, rtt_ms=1.64, kind=SiteKind.EDGE, route_factor=2).population_within == 1000


def test_a_kind_that_is_nowhere() -> None:
    found = reach(line(), TOWNS, rtt_ms=100, kind=SiteKind.CAMPUS)
    assert (found.population_within, found.share, dict(found.by_site), found.rings) == (0, 0.0, {}, ())
    assert reach(line(), towns(), rtt_ms=5, kind=SiteKind.EDGE).share == 0.0


@pytest.mark.parametrize(("rtt_ms", "factor"), [(0.0, 1.5), (-1.0, 1.5), (math.nan, 1.5), (math.inf, 1.5), (5.0, 0.9)])
def test_what_is_no_round_trip(rtt_ms: float, factor: float) -> None:
    with pytest.raises(Invalid):
        reach(line(), TOWNS, rtt_ms=rtt_ms, kind=SiteKind.EDGE, route_factor=factor)


def test_the_us_network_is_quick_and_a_cut_never_helps() -> None:
    network = native.read(network_text("us")).network
    assert network is not None
    cities = cities_module.read(cities_text())
    reach(network, cities, rtt_ms=5, kind=SiteKind.EDGE)
    began = time.process_time()
    whole = reach(network, cities, rtt_ms=5, kind=SiteKind.EDGE)
    assert time.process_time() - began < 0.1
    assert 0.7 < whole.share < 0.9
    assert sum(whole.by_site.values()) == whole.population_within
    assert whole.population_within <= reach(network, cities, rtt_ms=10, kind=SiteKind.EDGE).population_within
    for fibre in network.fibres[::20]:
        cut = reach(network, cities, rtt_ms=5, kind=SiteKind.EDGE, down_fibres={fibre.id})
        assert cut.population_within <= whole.population_within
