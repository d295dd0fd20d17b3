"""Single rules of the reference builder, on cases small enough to work out by hand."""

from __future__ import annotations

import numpy as np

from highroad.model.network import Fibre, FibreId, Network, Site, SiteId, SiteKind
from highroad.offline import picture
from highroad.offline.reference.capacities import backbone_gbps
from highroad.offline.reference.conduits import dig
from highroad.offline.reference.places import metros
from highroad.siting.cities import Cities


def site(id_: str, lat: float, lon: float, kind: SiteKind = SiteKind.POP) -> Site:
    return Site(id=SiteId(id_), name=id_.title(), kind=kind, lat=lat, lon=lon, jurisdiction="GA")


def fibre(a: str, b: str, length_km: float, suffix: str = "") -> Fibre:
    return Fibre(id=FibreId(f"{a}--{b}{suffix}"), a=SiteId(a), b=SiteId(b), length_km=length_km)


def people(*rows: tuple[str, float, float, int]) -> Cities:
    return Cities(
        name=tuple(f"city {n}" for n in range(len(rows))),
        country=tuple(country for country, _, _, _ in rows),
        region=tuple("" for _ in rows),
        lat=np.array([lat for _, lat, _, _ in rows]),
        lon=np.array([lon for _, _, lon, _ in rows]),
        population=np.array([count for _, _, _, count in rows], dtype=np.int64),
    )


def test_fibres_that_leave_side_by_side_share_a_conduit() -> None:
    # At 20 km, 10 degrees of course are 3.5 km apart, 20 degrees 6.9 km.
    sites = [site("hub", 0, 0), site("east", 0, 2), site("near", 0.35, 2), site("off", 0.73, 2), site("north", 2, 0)]
    fibres = [fibre("hub", "east", 300), fibre("hub", "near", 300), fibre("hub", "north", 300)]
    shared, groups = dig(sites, fibres)
    assert [group.id for group in groups] == ["conduit-hub-east"]
    assert [made.risk_groups for made in shared] == [("conduit-hub-east",), ("conduit-hub-east",), ()]
    _, apart = dig(sites, [fibre("hub", "east", 300), fibre("hub", "off", 300)])
    assert apart == []


def test_a_third_that_shares_with_the_second_is_in_it_too_and_a_second_way_is_not() -> None:
    sites = [site("hub", 0, 0), site("east", 0, 2), site("near", 0.4, 2), site("off", 0.8, 2)]
    fibres = [fibre("hub", name, 300) for name in ("east", "near", "off")]
    shared, groups = dig(sites, [*fibres, fibre("hub", "east", 500, ":2")])
    assert len(groups) == 1
    assert [len(made.risk_groups) for made in shared] == [1, 1, 1, 0]


def test_capacity_follows_the_traffic_on_shortest_ways() -> None:
    # a - b - c in a line, and a long way round from a to c that no traffic takes
    pops = [site("a", 0, 0), site("b", 0, 1), site("c", 0, 2)]
    fibres = [fibre("a", "b", 100), fibre("b", "c", 100), fibre("a", "c", 1000)]
    cities = people(("GA", 0, 0, 100_000), ("GA", 0, 1, 100_000), ("GA", 0, 2, 50_000), ("CM", 0, 0, 10**7))
    # a--b: 2 x (1 x 1 / 100 + 1 x 0.5 / 200) = 0.025;  b--c: 2 x (0.5 / 100 + 0.5 / 200) = 0.015 = 60 %
    assert backbone_gbps(pops, fibres, cities) == {"a--b": 3200, "b--c": 2000, "a--c": 400}


def test_metros_stay_in_their_country() -> None:
    cities = people(("GA", 0, 0, 900), ("CM", 0, 0.1, 800), ("GA", 0, 0.5, 700), ("CM", 0, 0.2, 600), ("GA", 0, 1, 500))
    assert [(metro.index, metro.population) for metro in metros(cities)] == [(0, 1600), (1, 1400), (4, 500)]


def test_a_picture_breaks_at_the_antimeridian() -> None:
    pacific = Network(
        name="Pacific",
        sites=(site("fiji", -17, 178), site("samoa", -14, -171)),
        fibres=(fibre("fiji", "samoa", 2000),),
        links=(),
    )
    path = next(line for line in picture.svg(pacific).splitlines() if "fiji--samoa" in line)
    assert path.count("M") == 2
