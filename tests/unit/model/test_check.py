"""`check`: each finding alone, all of them at once, and none on a good network."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from highroad.errors import Finding, Severity
from highroad.model.check import check, is_id, places
from highroad.model.network import (
    Fibre,
    FibreId,
    Link,
    LinkId,
    Medium,
    Network,
    RiskGroup,
    RiskGroupId,
    Site,
    SiteId,
    SiteKind,
)

A = Site(id=SiteId("a"), name="A", kind=SiteKind.POP, lat=0.0, lon=0.0, jurisdiction="US-CO")
B = replace(A, id=SiteId("b"), name="B", lon=1.0)  # 111.195 km east of A
C = replace(A, id=SiteId("c"), name="C", lon=2.0)
AB = Fibre(
    id=FibreId("a--b"),
    a=A.id,
    b=B.id,
    length_km=120.0,
    jurisdictions=("US-CO",),
    risk_groups=(RiskGroupId("duct"),),
)
BC = replace(AB, id=FibreId("b--c"), a=B.id, b=C.id)
DUCT = RiskGroup(id=RiskGroupId("duct"), name="Duct")


def link(tail: str, head: str, *fibres: str, **changes: Any) -> Link:
    made = Link(
        id=LinkId(f"{tail}>{head}"),
        tail=SiteId(tail),
        head=SiteId(head),
        capacity_gbps=400.0,
        latency_ms=0.588 * len(fibres),
        fibres=tuple(map(FibreId, fibres)),
    )
    return replace(made, **changes)


def network(**changes: Any) -> Network:
    good = Network(
        name="Good",
        sites=(A, B, C),
        fibres=(AB, BC),
        risk_groups=(DUCT,),
        links=(
            link("a", "b", "a--b"),
            link("b", "a", "a--b"),
            link("a", "c", "a--b", "b--c"),
            link("c", "a", "b--c", "a--b"),
        ),
    )
    return replace(good, **changes)


def with_site(**changes: Any) -> Network:
    return network(sites=(replace(A, **changes), B, C))


def with_fibre(**changes: Any) -> Network:
    return network(fibres=(replace(AB, **changes), BC))


def with_link(**changes: Any) -> Network:
    first, *rest = network().links
    return network(links=(replace(first, **changes), *rest))


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.place) for finding in findings]


def test_a_good_network_has_no_findings() -> None:
    assert check(network()) == []


@pytest.mark.parametrize(
    ("bad", "code", "place"),
    [
        (with_site(lat=90.1), "bad-position", "sites[a].lat"),
        (with_site(lon=math.nan), "bad-position", "sites[a].lon"),
        (with_site(name=" "), "bad-name", "sites[a].name"),
        (with_site(name="x" * 201), "bad-name", "sites[a].name"),
        (with_site(name="A\x1b[2J"), "bad-name", "sites[a].name"),
        (with_site(name="A\u202eB"), "bad-name", "sites[a].name"),
        (with_site(jurisdiction="Colorado"), "bad-jurisdiction", "sites[a].jurisdiction"),
        (with_site(jurisdiction="EU"), "bad-jurisdiction", "sites[a].jurisdiction"),
        (with_site(carbon_g_per_kwh=-1.0), "bad-carbon", "sites[a].carbon_g_per_kwh"),
        (with_site(operator=""), "bad-name", "sites[a].operator"),
        (with_fibre(length_km=-5.0), "bad-length", "fibres[a--b].length_km"),
        (with_fibre(length_km=0.0), "bad-length", "fibres[a--b].length_km"),
        (with_fibre(length_km=math.nan), "bad-length", "fibres[a--b].length_km"),
        (with_fibre(length_km=math.inf), "bad-length", "fibres[a--b].length_km"),
        (with_fibre(length_km=110.0), "too-short", "fibres[a--b].length_km"),
        (with_fibre(jurisdictions=("us",)), "bad-jurisdiction", "fibres[a--b].jurisdictions"),
        (with_fibre(risk_groups=("duct", "dukt")), "unknown-risk-group", "fibres[a--b].risk_groups"),
        (with_link(capacity_gbps=0.0), "bad-capacity", "links[a>b].capacity_gbps"),
        (with_link(capacity_gbps=-1.0), "bad-capacity", "links[a>b].capacity_gbps"),
        (with_link(capacity_gbps=1e30), "bad-capacity", "links[a>b].capacity_gbps"),
        (with_link(capacity_gbps=math.nan), "bad-capacity", "links[a>b].capacity_gbps"),
        (with_link(capacity_gbps=1.0001), "bad-capacity", "links[a>b].capacity_gbps"),
        (with_link(latency_ms=math.inf), "bad-latency", "links[a>b].latency_ms"),
        (with_link(latency_ms=0.58), "faster-than-light", "links[a>b].latency_ms"),
        (network(name=""), "bad-name", "name"),
        (network(risk_groups=(replace(DUCT, failure_probability=1.5),)), "bad-probability",
         "risk_groups[duct].failure_probability"),
    ],
)  # fmt: skip
def test_one_fault_is_one_error(bad: Network, code: str, place: str) -> None:
    errors = [finding for finding in check(bad) if finding.severity is Severity.ERROR]
    assert told(errors) == [(code, place)]


def test_a_fibre_to_nowhere_names_the_nearest_site() -> None:
    sites = (replace(A, id=SiteId("denver")), B, C)
    findings = check(network(sites=sites, fibres=(replace(AB, a=SiteId("denvr")), BC)))
    nowhere = next(finding for finding in findings if finding.place == "fibres[a--b].a")
    assert nowhere.code == "unknown-site"
    assert "there is no site denvr; did you mean denver?" in nowhere.message


def test_both_ends_the_same() -> None:
    assert ("same-ends", "fibres[a--b]") in told(check(with_fibre(b=A.id)))
    assert ("same-ends", "links[a>b]") in told(check(with_link(head=A.id)))


def test_two_of_one_name_are_both_checked_and_the_second_is_called_so() -> None:
    twice = network(links=(*network().links, link("a", "b", "a--b", capacity_gbps=-1.0)))
    assert told(check(twice)) == [
        ("duplicate-id", "links[a>b #2]"),
        ("bad-capacity", "links[a>b #2].capacity_gbps"),
    ]
    assert ("duplicate-id", "sites[a #2]") in told(check(network(sites=(A, B, C, A))))
    assert ("duplicate-id", "fibres[a--b #2]") in told(check(network(fibres=(AB, BC, AB))))
    assert ("duplicate-id", "risk_groups[duct #2]") in told(check(network(risk_groups=(DUCT, DUCT))))


def test_fibres_have_to_join_tail_to_head_in_order() -> None:
    first, second, _, back = network().links
    swapped = network(links=(first, second, link("a", "c", "b--c", "a--b"), back))
    assert ("broken-path", "links[a>c].fibres") in told(check(swapped))
    short = network(links=(first, second, link("a", "c", "a--b"), back))
    assert ("broken-path", "links[a>c].fibres") in told(check(short))
    assert ("unknown-fibre", "links[a>b].fibres") in told(check(with_link(fibres=("a-b",))))
    assert ("no-fibres", "links[a>b].fibres") in told(check(with_link(fibres=())))


def test_light_in_hollow_core_is_faster() -> None:
    hollow = network(fibres=(replace(AB, medium=Medium.HOLLOW_CORE), BC))
    first, *rest = hollow.links
    quick = network(fibres=hollow.fibres, links=(replace(first, latency_ms=0.408), *rest))  # 120 km x 3.4 us
    assert check(quick) == []
    assert told(check(with_link(latency_ms=0.408))) == [("faster-than-light", "links[a>b].latency_ms")]


def test_an_id_that_is_no_name_is_called_by_its_number() -> None:
    findings = check(network(sites=(A, B, C, replace(A, id=SiteId("No Good\n")))))
    assert told(findings)[0] == ("bad-id", "sites[3].id")
    assert "\n" not in findings[0].message


def test_a_risk_group_may_not_be_called_like_what_is_one_already() -> None:
    group = replace(DUCT, id=RiskGroupId("a--b"))
    assert ("ambiguous-id", "risk_groups[a--b].id") in told(check(network(risk_groups=(DUCT, group))))


def test_an_empty_network() -> None:
    nothing = Network(name="Nothing", sites=(), fibres=(), links=())
    assert told(check(nothing)) == [("empty-network", "sites")]


def test_warnings() -> None:
    one_way = check(network(links=network().links[:1] + network().links[2:]))
    assert told(one_way) == [("one-way-link", "links[a>b]")]
    apart = check(network(links=network().links[:2]))
    assert told(apart) == [("not-connected", "sites[c]")]
    lonely = check(network(fibres=(AB, replace(BC, risk_groups=()))))
    assert told(lonely) == [("small-risk-group", "risk_groups[duct]")]
    nowhere = check(with_fibre(jurisdictions=()))
    assert told(nowhere) == [("no-jurisdictions", "fibres[a--b].jurisdictions")]
    assert {finding.severity for finding in (*one_way, *apart, *lonely, *nowhere)} == {Severity.WARNING}


def test_everything_at_once() -> None:
    bad = network(
        sites=(replace(A, lat=91.0), B, C),
        fibres=(replace(AB, length_km=-1.0), replace(BC, b=SiteId("nowhere"))),
        links=(*network().links, link("a", "b", "a--b")),
    )
    codes = {finding.code for finding in check(bad)}
    assert {"bad-position", "bad-length", "unknown-site", "duplicate-id"} <= codes


def test_ids_and_places() -> None:
    assert is_id("aws-us-east-1")
    assert is_id("a" * 100)
    assert is_id("chicago>cleveland", link=True)
    for bad in ("", "A", "-a", "a b", "a\n", "a" * 101, "é", "a>b"):
        assert not is_id(bad)
    assert places("sites", ["a", "B", "a"]) == ["sites[a]", "sites[1]", "sites[a #2]"]
