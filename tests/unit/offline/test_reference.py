"""The reference networks: a rebuild is what is shipped, and the rules hold in it."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from highroad.formats import native
from highroad.formats.shipped import NETWORKS, cities_text, network_text
from highroad.model.check import check
from highroad.model.jurisdiction import Fence
from highroad.model.network import FibreId, Network, SiteId, SiteKind
from highroad.model.position import great_circle_km
from highroad.offline.reference import build, countries, us
from highroad.offline.reference import lab as lab_module
from highroad.offline.reference.borders import borders
from highroad.offline.reference.sources import carbon_g_per_kwh
from highroad.siting import cities as cities_module


def shipped(name: str) -> Network:
    network = native.read(network_text(name)).network
    assert network is not None
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_file_is_a_rebuild(name: str) -> None:
    assert build.text(name) == network_text(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_without_findings(name: str) -> None:
    network = shipped(name)
    assert check(network) == []
    assert len(network.opposite) == len(network.links)
    for site in network.sites:
        if site.kind is not SiteKind.POP:
            joined = [fibre for fibre in network.fibres if site.id in (fibre.a, fibre.b)]
            assert len(joined) == 2, site.id
        assert site.carbon_g_per_kwh is not None
    for link in network.links:
        assert link.capacity_gbps % 400 == 0
        assert 400 <= link.capacity_gbps <= 3200
    for fibre in network.fibres:
        ends = {network.site[fibre.a].jurisdiction, network.site[fibre.b].jurisdiction}
        assert ends <= set(fibre.jurisdictions), fibre.id


def test_the_us_network_is_what_the_rules_say() -> None:
    network = shipped("us")
    assert Counter(site.kind.value for site in network.sites) == {"pop": 75, "cloud": 22, "edge": 20, "campus": 6}
    assert len(network.fibres) == 99 + 2 * 48
    pops = {site.id for site in network.sites if site.kind is SiteKind.POP}
    trunks = [fibre for fibre in network.fibres if {fibre.a, fibre.b} <= pops]
    assert round(sum(fibre.length_km for fibre in trunks)) == 39186
    assert all(site.jurisdiction.startswith("US-") for site in network.sites)
    assert {code[:2] for fibre in network.fibres for code in fibre.jurisdictions} <= {"US", "CA", "MX"}
    assert all(2 <= len(network.fibres_of(group.id)) <= 4 for group in network.risk_groups)
    campuses = {site.jurisdiction for site in network.sites if site.kind is SiteKind.CAMPUS}
    assert campuses == {"US-WA", "US-NH", "US-ID", "US-ME", "US-SD", "US-OR"}
    assert network.site[SiteId("aws-us-east-1")].jurisdiction == "US-VA"
    assert network.site[SiteId("azure-westcentralus")].jurisdiction == "US-WY"


def test_the_lab_is_the_us_network_with_fewer_sites() -> None:
    lab, whole = shipped("us-lab"), shipped("us")
    assert Counter(site.kind.value for site in lab.sites) == {"pop": 17, "cloud": 3, "edge": 4, "campus": 2}
    assert all(site == whole.site[site.id] for site in lab.sites)
    told = dict(line.rstrip(".").split(" is ", 1) for line in lab.assumptions if "--" in line)
    used: list[str] = []
    for fibre in lab.fibres:
        parts = [whole.fibre[FibreId(part)] for part in told.get(fibre.id, fibre.id).split(", ")]
        used += [part.id for part in parts]
        assert fibre.length_km == pytest.approx(sum(part.length_km for part in parts), abs=0.001)
        assert set(fibre.jurisdictions) == {code for part in parts for code in part.jurisdictions}
        for link in lab.links_on[fibre.id]:
            least_gbps = min(whole.link[over].capacity_gbps for part in parts for over in whole.links_on[part.id])
            assert lab.link[link].capacity_gbps == least_gbps
        if fibre.id not in told:
            assert fibre.length_km == whole.fibre[fibre.id].length_km
    assert len(used) == len(set(used)), "a fibre is lit twice"
    assert len(told) == 10


def test_no_fibre_of_the_lab_cuts_a_site_off() -> None:
    lab = shipped("us-lab")
    graph = nx.Graph([(fibre.a, fibre.b) for fibre in lab.fibres])
    assert set(graph) == {site.id for site in lab.sites}
    assert nx.edge_connectivity(graph) == 2
    carrying = graph.subgraph([site.id for site in lab.sites if site.kind is SiteKind.POP])
    assert nx.edge_connectivity(carrying) == 2


def test_what_the_lab_passes_without_a_router_is_shared_risk() -> None:
    whole = us.build()
    groups = {group.id for group in lab_module.build().risk_groups}
    passed = Counter(
        end
        for way in lab_module.shortest_ways(whole, [site.id for site in shipped("us-lab").sites])
        for end in {end for part in way for end in (part.a, part.b)} - {site.id for site in shipped("us-lab").sites}
    )
    assert {f"pop-{site}" for site, times in passed.items() if times > 1} == {
        group for group in groups if group.startswith("pop-")
    }


def test_lake_erie_is_half_canadian() -> None:
    fibre = shipped("us").fibre[FibreId("buffalo--cleveland")]
    assert Fence(("US",)).outside(fibre.jurisdictions) == ["CA"]


def test_the_global_network_is_what_the_rules_say() -> None:
    network = shipped("global")
    where = {site.id: site.jurisdiction for site in network.sites}
    assert where[SiteId("honolulu")] == "US-HI"
    assert where[SiteId("hong-kong")] == "HK"
    assert where[SiteId("singapore")] == "SG"
    assert network.fibre[FibreId("frankfurt--vienna")].jurisdictions == ("DE", "CZ", "AT")
    ocean = network.fibre[FibreId("honolulu--los-angeles")].jurisdictions
    assert set(ocean) == {"US-HI", "XZ", "US-CA"}
    assert not Fence(("US",)).outside(["US-HI", "US-CA"])
    assert Fence(("US",)).outside(ocean) == ["XZ"]


@pytest.mark.parametrize("name", NETWORKS)
def test_metro_fibre_goes_to_the_nearest_pops(name: str) -> None:
    network = shipped(name)
    pops = [site for site in network.sites if site.kind is SiteKind.POP]
    for site in network.sites:
        if site.kind is SiteKind.POP:
            continue
        by_distance = sorted(pops, key=lambda pop: great_circle_km(site.lat, site.lon, pop.lat, pop.lon))
        others = {
            fibre.b if fibre.a == site.id else fibre.a for fibre in network.fibres if site.id in (fibre.a, fibre.b)
        }
        assert by_distance[0].id in others
        assert others <= {by_distance[0].id, by_distance[1].id}
        if name == "us":
            assert len(others) == 2


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ((39.74, -104.99), "US-CO"),
        ((43.5, -87.2), "US-WI"),  # Lake Michigan, nearer to Wisconsin
        ((43.65, -79.38), "CA"),
        ((32.53, -117.02), "MX"),
        ((28.3, -80.4), "US-FL"),  # at sea, within 12 nautical miles
        ((28.3, -78.0), "XZ"),
        ((0.0, -150.0), "XZ"),
        ((1.3, 103.85), "SG"),
        ((22.3, 114.17), "HK"),
        ((-17.75, 177.5), "FJ"),
        ((-16.8, -179.97), "FJ"),  # beyond the antimeridian
        ((66.0, -172.0), "RU"),
        ((21.32, -157.8), "US-HI"),
        ((42.67, 21.16), "XK"),
    ],
)
def test_where_places_are(place: tuple[float, float], code: str) -> None:
    assert borders().code(*place) == code


def test_the_borders_agree_with_the_gazetteer() -> None:
    cities = cities_module.read(cities_text(), min_population=200_000)
    codes = borders().codes(cities.lat, cities.lon)
    wrong = [
        (name, country, code)
        for name, country, code in zip(cities.name, cities.country, codes, strict=True)
        if code.partition("-")[0] != country
    ]
    assert len(wrong) / len(cities) < 0.02, wrong
    usa = np.array(cities.country) == "US"
    states = [f"US-{region}" for region in np.array(cities.region)[usa]]
    assert np.mean(np.array(codes)[usa] == np.array(states)) > 0.99


def test_every_country_on_the_map_has_a_code() -> None:
    assert len(countries.BY_NUMBER) == len(countries.BY_THREE_LETTERS) == 249
    assert len(countries.STATE_BY_FIPS) == 51
    assert {entry for entry in countries.BY_NUMBER.values() if len(entry) != 2} == set()


def test_pounds_per_mwh_become_grams_per_kwh() -> None:
    assert carbon_g_per_kwh()["US-WA"] == pytest.approx(266.585 * 0.45359237, abs=0.05)
