"""RFC 8345/8795: round trips to the last bit, and yanglint's word on what is written."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.errors import Severity
from highroad.formats import detect, native, rfc8345
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.check import check
from highroad.model.network import Network, SiteId
from highroad.model.text import is_seen
from tests.unit.formats.test_native import networks

OWN = Path(str(files("highroad.formats"))) / "yang" / "highroad-topology.yang"
TE = Path(__file__).parent / "yang"
STANDARD = Path(sys.prefix) / "share" / "yang" / "modules" / "ietf"
YANGLINT = shutil.which("yanglint")

needs_yanglint = pytest.mark.skipif(
    YANGLINT is None and not (os.geteuid() == 0 and os.environ.get("CI")),
    reason="yanglint is not installed (Debian: libyang-tools)",
)

SMALL = """\
highroad: 1
name: Small
assumptions: [one, one]
risk_groups: [{id: bridge, name: Bay bridge, failure_probability: 0.0001}]
sites:
  - {id: a, name: A, kind: pop, lat: 1.123456789012, lon: 1, jurisdiction: US-CO, operator: aws, carbon_g_per_kwh: 17.5}
  - {id: b, name: B, kind: campus, lat: 1, lon: 2, jurisdiction: US}
  - {id: c, name: C, kind: edge, lat: 1, lon: 3, jurisdiction: US}
fibres:
  - {id: a--b, a: b, b: a, length_km: 130.1, jurisdictions: [US, XZ, US], risk_groups: [bridge]}
  - {id: b--c, a: b, b: c, length_km: 140, medium: hollow_core, jurisdictions: [US], risk_groups: [bridge]}
links:
  - {between: [a, b], capacity_gbps: 400.001, fibres: [a--b]}
  - {id: x, tail: a, head: c, capacity_gbps: 100, latency_ms: 7.125, fibres: [a--b, b--c]}
"""


def small() -> Network:
    network = native.read(SMALL).network
    assert network is not None
    return network


def validated(tree: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "network.json"
    file.write_text(json.dumps(tree), encoding="utf-8")
    modules = [str(path) for path in sorted(TE.glob("*.yang"), reverse=True)] + [str(OWN)]
    command = [str(YANGLINT), "-p", str(TE), "-p", str(STANDARD), "--type", "data", *modules, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_shipped_network_comes_back_equal(name: str) -> None:
    network = detect.read(network_text(name)).network
    assert network is not None
    text = rfc8345.write(network)
    assert detect.read(text).network == network
    assert rfc8345.write(network) == text


@given(networks())
@settings(max_examples=150, deadline=None)
def test_every_network_comes_back_equal(network: Network) -> None:
    if any(one.severity is Severity.ERROR for one in check(network)):
        return
    assert detect.read(rfc8345.write(network)).network == network


def test_pyang_finds_nothing_to_say() -> None:
    command = [str(Path(sys.executable).with_name("pyang")), "--lint", "--strict", "--verbose", str(OWN)]
    done = subprocess.run([*command, "--path", str(STANDARD.parent)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if OWN.name in line and "hyphenated" not in line]
    assert said == [f"# read {OWN} (CL)"]


@needs_yanglint
@pytest.mark.parametrize("name", [*NETWORKS, "small"])
def test_yanglint_takes_what_is_written(name: str, tmp_path: Path) -> None:
    network = small() if name == "small" else detect.read(network_text(name)).network
    assert network is not None
    done = validated(rfc8345.to_plain(network), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_yanglint
@pytest.mark.parametrize("broken", ["bandwidth", "node", "delay", "own", "unknown", "plant"])
def test_yanglint_takes_nothing_that_is_broken(broken: str, tmp_path: Path) -> None:
    tree = rfc8345.to_plain(small())
    plant, backbone = tree["ietf-network:networks"]["network"]
    link = backbone["ietf-network-topology:link"][0]
    match broken:
        case "bandwidth":
            link["ietf-te-topology:te"]["te-link-attributes"]["max-link-bandwidth"]["te-bandwidth"]["generic"] = "50G"
        case "node":
            del backbone["node"][0]["ietf-te-topology:te-node-id"]
        case "delay":
            link["ietf-te-topology:te"]["te-link-attributes"]["te-delay-metric"] = 2**32
        case "own":
            link["highroad-topology:adjacency"]["capacity-gbps"] = "much"
        case "unknown":
            backbone["node"][0]["colour"] = "red"
        case _:
            plant["ietf-network-topology:link"][0]["highroad-topology:adjacency"] = {"capacity-gbps": "1.0"}
    assert validated(tree, tmp_path).returncode != 0


def test_only_a_link_over_one_fibre_is_supported_by_one() -> None:
    _, backbone = rfc8345.to_plain(small())["ietf-network:networks"]["network"]
    refs = [
        [one["link-ref"] for one in link.get("supporting-link", ())] for link in backbone["ietf-network-topology:link"]
    ]
    assert refs == [["a--b/back"], ["a--b"], []]


@given(st.integers(1, 10**9))
def test_a_bandwidth_is_at_most_what_it_was_and_within_a_32_bit_float(mbps: int) -> None:
    written = float.fromhex(rfc8345.te_bandwidth(mbps / 1000))
    exact = mbps / 1000 * 1e9 / 8
    assert exact * (1 - 2**-23) <= written <= exact
    assert struct.unpack("f", struct.pack("f", written)) == (written,)


def test_without_our_leaves_it_is_anybodys_topology() -> None:
    tree = rfc8345.to_plain(small())
    for network in tree["ietf-network:networks"]["network"]:
        network["network-types"].pop("highroad-topology:backbone", None)
        network["network-types"].pop("highroad-topology:fibre-plant", None)
    loaded = detect.read(json.dumps(tree))
    network = loaded.network
    assert network is not None, loaded.findings
    assert [site.id for site in network.sites] == ["a", "b", "c"]
    assert network.site[SiteId("a")].lat == pytest.approx(1.12345679)
    assert sorted((link.tail, link.head, link.capacity_gbps) for link in network.links) == [
        ("a", "b", 400.001),
        ("a", "c", 100),
        ("b", "a", 400.001),
    ]
    assert next(link for link in network.links if link.head == "c").latency_ms == 7.125
    assert {"many-networks", "derived-length", "derived-jurisdiction", "one-way-link"} <= {
        one.code for one in loaded.findings
    }
    assert [group.name for group in network.risk_groups] == ["SRLG 1", "SRLG 3"]  # a--b's, and the bridge's


odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 10**400, 1.5, "", "x", "0x", "1e999", [], {}, [7], {"a": 1}, [{}]]
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        found += _paths(inner, (*path, key))
    return found


@given(st.data(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_a_good_document_with_a_value_replaced(data: st.DataObject, own: bool) -> None:
    document: Any = rfc8345.to_plain(small())
    if not own:
        document["ietf-network:networks"]["network"][1]["network-types"].pop("highroad-topology:backbone")
    path = data.draw(st.sampled_from(_paths(document)))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = data.draw(odd)
    loaded = detect.read(json.dumps(document))
    assert (loaded.network is None) == bool(loaded.errors)
    assert all(is_seen(letter) for one in loaded.findings for letter in str(one))
