"""Our YAML: round trips, lines, and every fault of a file in one go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.errors import Severity
from highroad.formats import jsonform, native
from highroad.formats.plain import light_latency_ms
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.check import check
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

CASES = Path(__file__).parents[2] / "cases"

GOOD = """\
highroad: 1
name: Two towns
sites:
  - {id: oslo, name: Oslo, kind: pop, lat: 59.91, lon: 10.75, jurisdiction: NO}
  - {id: bergen, name: Bergen, kind: campus, lat: 60.39, lon: 5.32, jurisdiction: "NO"}
fibres:
  - {id: bergen--oslo, a: bergen, b: oslo, length_km: 463, jurisdictions: [NO]}
links:
  - {between: [bergen, oslo], capacity_gbps: 400, fibres: [bergen--oslo]}
"""

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30)
names = texts.filter(lambda text: text.strip() != "")
ids = st.from_regex(r"[a-z0-9][a-z0-9._:-]{0,20}", fullmatch=True)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks that pass `check`, warnings aside, with all the odd names and numbers that it allows."""
    site_ids = draw(st.lists(ids, min_size=2, max_size=5, unique=True))
    sites = [
        Site(
            id=SiteId(id_),
            name=draw(names),
            kind=draw(st.sampled_from(SiteKind)),
            lat=draw(st.floats(-90, 90)),
            lon=draw(st.floats(-180, 180)),
            jurisdiction=draw(st.sampled_from(["NO", "US-CO", "XZ", "GB-ENG"])),
            operator=draw(st.none() | names),
            carbon_g_per_kwh=draw(st.none() | st.floats(0, 2000)),
        )
        for id_ in site_ids
    ]
    groups = [
        RiskGroup(id=RiskGroupId(f"g:{n}"), name=draw(names), failure_probability=draw(st.none() | st.floats(0, 1)))
        for n in range(draw(st.integers(0, 2)))
    ]
    fibres = [
        Fibre(
            id=FibreId(f"f:{n}"),
            a=a,
            b=b,
            length_km=draw(st.floats(20100, 90000)),
            medium=draw(st.sampled_from(Medium)),
            jurisdictions=tuple(draw(st.lists(st.sampled_from(["NO", "XZ"]), max_size=3))),
            risk_groups=tuple(draw(st.lists(st.sampled_from([group.id for group in groups]))) if groups else ()),
        )
        for n, (a, b) in enumerate(
            draw(st.lists(st.permutations([site.id for site in sites]).map(lambda p: (p[0], p[1])), max_size=4))
        )
    ]
    links: list[Link] = []
    for n, fibre in enumerate(fibres):
        latency_ms = light_latency_ms([fibre]) + draw(st.sampled_from([0.0, 0.1, 3.25]))
        there = Link(
            id=LinkId(draw(st.sampled_from([f"{fibre.a}>{fibre.b}", f"l:{n}"]))),
            tail=fibre.a,
            head=fibre.b,
            capacity_gbps=draw(st.integers(1, 10**9)) / 1000,
            latency_ms=latency_ms,
            fibres=(fibre.id,),
        )
        back = replace(there, id=LinkId(f"{fibre.b}>{fibre.a}"), tail=fibre.b, head=fibre.a)
        links += draw(st.sampled_from([[there], [there, back], [back, there]]))
    unique = {link.id: link for link in links}
    return Network(
        name=draw(names),
        assumptions=tuple(draw(st.lists(st.text(max_size=40).filter(_encodable), max_size=3))),
        sites=tuple(sites),
        fibres=tuple(fibres),
        links=tuple(unique.values()),
        risk_groups=tuple(groups),
    )


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


@given(networks())
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_again(network: Network) -> None:
    errors = [finding for finding in check(network) if finding.severity is Severity.ERROR]
    text = native.write(network)
    loaded = native.read(text)
    if any(finding.code not in ("bad-name", "duplicate-id", "ambiguous-id") for finding in errors):
        raise AssertionError(errors)
    if errors:
        assert loaded.network is None
        return
    assert loaded.network == network
    assert native.write(network) == text
    assert jsonform.from_plain(jsonform.to_plain(network)).network == network


def test_a_good_file() -> None:
    loaded = native.read(GOOD)
    assert loaded.findings == ()
    network = loaded.network
    assert network is not None
    assert [link.id for link in network.links] == ["bergen>oslo", "oslo>bergen"]
    assert network.site[SiteId("oslo")].jurisdiction == "NO"  # and not false, as YAML 1.1 has it
    assert network.links[0].latency_ms == pytest.approx(463 * 0.0049)
    assert network.links[0].latency_ms >= network.fibres[0].latency_ms * (1 - 1e-9)


def test_one_line_a_thing() -> None:
    network = native.read(GOOD).network
    assert network is not None
    assert native.write(network, header=["Made by hand."]) == "# Made by hand.\n" + GOOD.replace(
        '"NO"', '"NO"'
    ).replace("jurisdiction: NO", 'jurisdiction: "NO"').replace("[NO]", '["NO"]')


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_networks_are_good(name: str) -> None:
    text = network_text(name)
    loaded = native.read(text)
    assert loaded.findings == ()
    assert loaded.network is not None
    body = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#"))
    assert native.write(loaded.network) == body


def test_the_broken_network_case() -> None:
    case = CASES / "broken-network"
    loaded = native.read((case / "input.yaml").read_text(encoding="utf-8"))
    assert loaded.network is None
    got = "".join(f"{finding.severity.value} {finding.code} {finding}\n" for finding in loaded.findings)
    assert got == (case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("highroad: 1\n", "highroad: 2\n"), "unknown-version", 1),
        (("highroad: 1\n", ""), "missing-key", 1),
        (("name: Two towns\n", ""), "missing-key", 1),
        (("kind: pop", "kind: popp"), "bad-value", 4),
        (("lat: 59.91", "lat: north"), "wrong-type", 4),
        (("lat: 59.91, ", ""), "missing-key", 4),
        (("lat: 59.91", "lat: .nan"), "bad-position", 4),
        (("lat: 59.91", "lat: 1e400"), "bad-position", 4),
        (("id: oslo", "id: 7"), "wrong-type", 4),
        (("id: oslo", "id: Oslo"), "bad-id", 4),
        (("length_km: 463", "length_km: [463]"), "wrong-type", 7),
        (("length_km: 463", "length_km: 1_000"), "wrong-type", 7),
        (("length_km: 463", "length_km: true"), "wrong-type", 7),
        (("b: oslo", "b: osllo"), "unknown-site", 7),
        (("[NO]}", "[NO, 7]}"), "wrong-type", 7),
        (("[NO]}", "NO}"), "wrong-type", 7),
        (("[bergen, oslo]", "[bergen]"), "bad-value", 9),
        (("[bergen, oslo]", "[bergen, bergen]"), "same-ends", 9),
        (("fibres: [bergen--oslo]", "fibres: [oslo--bergen]"), "unknown-fibre", 9),
        ((", fibres: [bergen--oslo]", ""), "missing-key", 9),
        (("capacity_gbps: 400", "capacity_gbps: 400, latency_ms: 1"), "faster-than-light", 9),
        (("capacity_gbps: 400", "capacity_gbps: 400, id: x"), "bad-value", 9),
        (("capacity_gbps: 400", "capacity_gbps: 400, capacity_gbps: 800"), "duplicate-key", 9),
    ],
)
def test_faults_have_lines(change: tuple[str, str], code: str, line: int) -> None:
    assert change[0] in GOOD
    loaded = native.read(GOOD.replace(change[0], change[1], 1))
    assert loaded.network is None
    assert (code, line) in [(finding.code, finding.line) for finding in loaded.errors]


def test_one_fault_is_told_once() -> None:
    for old, new in (("lat: 59.91", "lat: north"), ("length_km: 463", "length_km: -1"), ("capacity_gbps: 400", "x: 1")):
        loaded = native.read(GOOD.replace(old, new, 1))
        assert len(loaded.errors) == 1, loaded.errors


def test_an_unknown_key_is_a_warning_with_a_suggestion() -> None:
    loaded = native.read(GOOD.replace("kind: campus", "kind: campus, opertor: me"))
    assert loaded.network is not None
    (finding,) = loaded.findings
    assert (finding.code, finding.severity, finding.line) == ("unknown-key", Severity.WARNING, 5)
    assert "did you mean operator?" in finding.message


def test_latency_may_be_given_and_one_way_links_named() -> None:
    network = native.read(
        GOOD.replace("capacity_gbps: 400", "capacity_gbps: 400, latency_ms: 3.5")
        + "  - {id: extra, tail: oslo, head: bergen, capacity_gbps: 0.001, fibres: [bergen--oslo]}\n"
    ).network
    assert network is not None
    assert [link.latency_ms for link in network.links] == [3.5, 3.5, pytest.approx(2.2687)]
    assert native.read(native.write(network)).network == network
