"""GNPy topologies: the CORONET files, and what is filled in is said."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import pytest

from highroad.errors import Severity
from highroad.formats import detect, gnpy
from highroad.formats.rough import Rules, slug
from highroad.formats.shipped import data_text
from highroad.model.network import FibreId, SiteId


def roadm(name: str, lat: float, lon: float) -> dict[str, Any]:
    location = {"city": name, "region": "R", "latitude": lat, "longitude": lon}
    return {"uid": f"roadm {name}", "type": "Roadm", "metadata": {"location": location}}


def fiber(uid: str, length: Any, units: str = "km") -> dict[str, Any]:
    return {"uid": uid, "type": "Fiber", "params": {"length": length, "length_units": units}}


def chain(*uids: str) -> list[dict[str, str]]:
    return [{"from_node": a, "to_node": b} for a, b in pairwise(uids)]


TINY: dict[str, Any] = {
    "network_name": "Tiny",
    "elements": [
        roadm("São_Paulo", -23.5, -46.6),
        roadm("Rio", -22.9, -43.2),
        {"uid": "trx", "type": "Transceiver"},
        {"uid": "amp", "type": "Edfa"},
        fiber("east 1", 250.0),
        fiber("east 2", 200_000, "m"),
        fiber("west", 460),
    ],
    "connections": [
        *chain("roadm São_Paulo", "east 1", "amp", "east 2", "roadm Rio"),
        *chain("roadm Rio", "west", "roadm São_Paulo"),
        *chain("roadm Rio", "trx"),
    ],
}


def test_chains_are_fibres() -> None:
    loaded = gnpy.read(TINY)
    network = loaded.network
    assert network is not None, loaded.findings
    assert network.name == "Tiny"
    assert [site.id for site in network.sites] == ["sao-paulo", "rio"]
    assert network.site[SiteId("sao-paulo")].name == "São Paulo"
    assert network.fibre[FibreId("rio--sao-paulo")].length_km == 460  # 450 one way, 460 the other
    assert sorted(link.id for link in network.links) == ["rio>sao-paulo", "sao-paulo>rio"]


def test_everything_that_is_filled_in_is_said() -> None:
    findings = gnpy.read(TINY).findings
    assert {finding.code for finding in findings} == {
        "derived-length",
        "derived-capacity",
        "derived-latency",
        "derived-jurisdiction",
        "left-out",
    }
    assert {finding.severity for finding in findings} == {Severity.NOTE}


@pytest.mark.parametrize(("which", "sites", "fibres"), [("CONUS", 75, 99), ("Global", 100, 136)])
def test_coronet(which: str, sites: int, fibres: int) -> None:
    network = detect.read(data_text(f"sources/backbones/CORONET_{which}_Topology.json"), name=which).network
    assert network is not None
    assert (network.name, len(network.sites), len(network.fibres)) == (which, sites, fibres)
    assert len(network.links) == 2 * fibres
    assert len(network.opposite) == 2 * fibres
    if which == "CONUS":
        assert round(sum(fibre.length_km for fibre in network.fibres)) == 39186


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("elements", 4, "params", "length"), -1, "bad-length"),
        (("elements", 4, "params", "length"), "long", "bad-length"),
        (("elements", 4, "params", "length"), 10**400, "bad-length"),
        (("elements", 4, "params", "length_units"), "mile", "bad-length"),
        (("elements", 0, "metadata"), {}, "missing-key"),
        (("elements", 0, "uid"), 7, "wrong-type"),
        (("elements", 5, "uid"), "east 1", "duplicate-id"),
        (("connections", 0, "to_node"), "nothing", "unknown-element"),
        (("connections", 3, "to_node"), "roadm São_Paulo", "broken-path"),
        (("connections", 0), 7, "wrong-type"),
        (("connections",), 7, "wrong-type"),
        (("elements",), {}, "wrong-type"),
    ],
)
def test_faults(path: tuple[Any, ...], value: Any, code: str) -> None:
    document = copy.deepcopy(TINY)
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    loaded = gnpy.read(document)
    assert loaded.network is None
    assert code in {finding.code for finding in loaded.errors}


def test_two_chains_between_two_places_are_two_fibres() -> None:
    document = copy.deepcopy(TINY)
    document["elements"] += [fiber("north there", 500), fiber("north back", 500)]
    document["connections"] += [
        *chain("roadm São_Paulo", "north there", "roadm Rio"),
        *chain("roadm Rio", "north back", "roadm São_Paulo"),
    ]
    network = gnpy.read(document).network
    assert network is not None
    assert [fibre.id for fibre in network.fibres] == ["rio--sao-paulo", "rio--sao-paulo-2"]
    assert len(network.links) == len(network.opposite) == 4


def test_a_loop_of_amplifiers_ends() -> None:
    document = copy.deepcopy(TINY)
    document["connections"][2] = {"from_node": "amp", "to_node": "east 1"}
    assert "broken-path" in {finding.code for finding in gnpy.read(document).errors}


def test_slugs() -> None:
    assert slug("Xi’an / São Paulo!") == "xian-sao-paulo"
    assert slug("東京") == "site"


def test_json_that_is_ours_is_not_taken_for_gnpy() -> None:
    assert not gnpy.is_gnpy(json.loads('{"highroad": 1, "elements": 1}'))


def test_positions_and_capacity_by_the_rules() -> None:
    document = copy.deepcopy(TINY)
    del document["elements"][1]["metadata"]
    assert gnpy.read(document).network is None
    rules = Rules(positions={"roadm Rio": (-22.9, -43.2)}, default_capacity_gbps=100)
    network = gnpy.read(document, rules=rules).network
    assert network is not None
    assert {link.capacity_gbps for link in network.links} == {100}
