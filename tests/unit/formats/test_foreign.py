"""GraphML, topohub, traced backbones and NetBox: what is read, what is derived, and that it is said."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.errors import Severity
from highroad.formats import detect
from highroad.formats.derive import MIN_LENGTH_KM, ROUTE_FACTOR
from highroad.formats.loaded import Loaded
from highroad.formats.rates import gbps_in
from highroad.formats.rough import Rules
from highroad.model.check import check
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.position import great_circle_km
from highroad.model.text import is_seen
from highroad.offline import reading


def good(loaded: Loaded) -> Network:
    assert loaded.network is not None, [str(one) for one in loaded.errors]
    return loaded.network


def codes(loaded: Loaded) -> set[str]:
    return {one.code for one in loaded.findings}


def graphml(nodes: str, edges: str = "", directed: str = "undirected") -> str:
    keys = {"label": "node", "Latitude": "node", "Longitude": "node", "LinkSpeedRaw": "edge", "LinkLabel": "edge"}
    keys |= {"length_km": "edge"}
    said = "".join(f'<key id="{name}" for="{of}" attr.name="{name}" attr.type="string"/>' for name, of in keys.items())
    graph = f'<graph edgedefault="{directed}">{nodes}{edges}</graph>'
    return f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{said}{graph}</graphml>'


def node(key: str, **values: object) -> str:
    data = "".join(f'<data key="{name}">{value}</data>' for name, value in values.items())
    return f'<node id="{key}">{data}</node>'


def edge(a: str, b: str, **values: object) -> str:
    return node("", **values).replace('<node id="">', f'<edge source="{a}" target="{b}">').replace("</node>", "</edge>")


PLACED = node("a", label="Denver", Latitude=39.74, Longitude=-104.99) + node(
    "b", label="Boise", Latitude=43.61, Longitude=-116.2
)


# --- GraphML ------------------------------------------------------------------------------------------------


def test_what_the_file_has_is_taken_and_the_rest_is_derived_and_said() -> None:
    edges = edge("a", "b", LinkSpeedRaw=10e9, length_km=1500) + edge("a", "b", LinkLabel="OC-192c") + edge("a", "b")
    loaded = detect.read(graphml(PLACED, edges))
    network = good(loaded)
    first, second, third = network.fibres
    straight_km = great_circle_km(39.74, -104.99, 43.61, -116.2)
    assert (first.id, first.length_km) == ("boise--denver", 1500)
    assert second.length_km == pytest.approx(ROUTE_FACTOR * straight_km, abs=0.001)
    assert third.id == "boise--denver-3"
    rates = [network.link[LinkId(f"denver>boise{suffix}")].capacity_gbps for suffix in ("", ":2", ":3")]
    assert rates == [10, 9.953, 400]
    told = {one.code: one.message for one in loaded.findings if one.severity is Severity.NOTE}
    assert "2 of 3 fibres (boise--denver-2, boise--denver-3)" in told["derived-length"]
    assert "`OC-192c` is read as 9.953 Gbit/s (on 2 links)" in told["read-capacity"]
    assert "2 of 6 links (denver>boise:3, boise>denver:3): 400 Gbit/s" in told["derived-capacity"]
    assert all(told[code] in network.assumptions for code in ("derived-length", "read-capacity", "derived-capacity"))
    assert network.site[SiteId("denver")].jurisdiction == "XX"


def test_positions_by_city_by_neighbours_and_by_the_operator() -> None:
    nodes = node("a", label="Paris") + node("b", label="Lyon") + node("c", label="Router 7") + node("d", label="Nizza")
    text = graphml(nodes, edge("a", "c") + edge("b", "c"))
    bare = detect.read(text)
    assert [one.code for one in bare.errors] == ["no-position"]
    assert "4 of 4" in bare.errors[0].message
    loaded = detect.read(text, rules=Rules(derive=True, positions={"nizza": (43.7, 7.27), "mars": (0.0, 0.0)}))
    network = good(loaded)
    assert round(network.site[SiteId("paris")].lat, 1) == 48.9  # in France, where Lyon is
    middle = network.site[SiteId("router-7")]
    assert 45.7 < middle.lat < 48.9
    assert (network.site[SiteId("nizza")].lat, network.site[SiteId("nizza")].lon) == (43.7, 7.27)
    derived = [one.place for one in loaded.findings if one.code == "derived-position"]
    assert derived == ["sites[paris]", "sites[lyon]", "sites[router-7]"]
    assert "unused-position" in codes(loaded)
    assert any("router-7" in line and "neighbours" in line for line in network.assumptions)


def test_the_larger_half_of_the_names_says_in_which_country_a_name_is() -> None:
    nodes = "".join(node(name, label=name) for name in ("Athens", "Macon", "Savannah", "Augusta", "Columbus"))
    network = good(detect.read(graphml(nodes), rules=Rules(derive=True)))
    assert network.site[SiteId("athens")].lon < -80


def test_a_default_length_goes_where_places_are_guessed() -> None:
    text = graphml(node("a", label="Paris") + node("b", label="x1"), edge("a", "b"))
    network = good(detect.read(text, rules=Rules(derive=True, default_length_km=77, default_capacity_gbps=10)))
    assert network.fibres[0].length_km == 77
    assert network.links[0].capacity_gbps == 10
    assert good(detect.read(text, rules=Rules(derive=True))).fibres[0].length_km == MIN_LENGTH_KM


def test_directions() -> None:
    one_way = detect.read(graphml(PLACED, edge("a", "b"), "directed"))
    assert len(good(one_way).fibres) == 1
    assert len(good(one_way).links) == 2
    both = detect.read(graphml(PLACED, edge("a", "b") + edge("b", "a"), "directed"))
    assert (len(good(both).fibres), len(good(both).links)) == (1, 2)
    drawn = detect.read(graphml(PLACED, edge("a", "b") + edge("b", "a")))
    assert (len(good(drawn).fibres), len(good(drawn).links)) == (2, 4)


def test_loops_twins_and_edges_to_nowhere() -> None:
    twins = PLACED + node("c", label="Denver", Latitude=1, Longitude=1)
    loaded = detect.read(graphml(twins, edge("a", "a") + edge("a", "c")))
    assert {"self-loop", "derived-id", "not-connected"} <= codes(loaded)
    assert SiteId("denver-2") in good(loaded).site
    assert [one.code for one in detect.read(graphml(PLACED, edge("a", "z"))).errors] == ["unknown-site"]
    assert [one.code for one in detect.read(graphml(PLACED + node("a"))).errors] == ["duplicate-id"]


@pytest.mark.parametrize(
    ("text", "gbps"),
    [
        ("2.5 Gbps", 2.5),
        ("OC192/STM64", 9.953),
        ("45 Mbps DS-3", 0.045),
        ("2x10Gb/s", 20),
        ("STM-64x2", 19.906),
        ("34-69Mbps", 0.034),
        ("< 10 Mbps", 0.01),
        ("300M-1Gb/s", 0.3),
        ("1GE Backup Link", 1),
        ("2,5 Gbit/s", 2.5),
        ("E1", 0.002),
        ("0.02M", 0.001),
        ("72 Lambda ROADM", None),
        ("100 km", None),
        ("Yellow", None),
        ("0 Gbps", None),
        ("", None),
    ],
)
def test_capacities_in_labels(text: str, gbps: float | None) -> None:
    assert gbps_in(text) == gbps


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><graphml>&d;</graphml>', "bad-xml"),
        ("<graphml>" + "<a>" * 100_000, "too-deep"),
        (f"<graphml><graph>{node('a', label='x' * 9_000_000)}</graph></graphml>", "too-large"),
        ("<graphml>\x00</graphml>", "bad-xml"),
        ("<graphml>\ud800</graphml>", "bad-xml"),
        ("<graphml><graph>", "bad-xml"),
        ("<html/>", "unknown-format"),
        ("<graphml/>", "empty-network"),
        (graphml("<hyperedge/>"), "unknown-element"),
        (graphml(node("a", Latitude="1e400", Longitude="nan")), "wrong-type"),
        ('{"directed": false, "nodes": [{"id": 1, "pos": [NaN, 1e999]}], "edges": []}', "wrong-type"),
        ('{"nodes": ' + "[" * 100_000, "too-deep"),
        ('{"highroad": 1, "highroad": 1}', "duplicate-key"),
        ('{"a": 1}', "unknown-format"),
        ('{"Nodes": [], "Links": 7}', "wrong-type"),
    ],
)
def test_refused_at_once(text: str, code: str) -> None:
    began = time.process_time()
    loaded = detect.read(text)
    assert time.process_time() - began < 15
    assert loaded.network is None
    assert code in {one.code for one in loaded.errors}
    assert all(is_seen(letter) for one in loaded.findings for letter in str(one))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b" \n", "empty-file"),
        (b"\xff\xfe{\x00", "not-text"),
        (b"\xff", "not-text"),
        (b"x" * 10_000_001, "too-large"),
        (b"a\x00b", "bad-yaml"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, code: str) -> None:
    assert detect.read_bytes(data).errors[0].code == code


def test_a_declared_encoding_and_a_mark_at_the_start() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + graphml(PLACED.replace("Denver", "Zürich"))
    assert SiteId("zurich") in good(detect.read_bytes(text.encode("latin-1"))).site
    assert good(detect.read_bytes(b"\xef\xbb\xbf" + graphml(PLACED).encode())).sites


def test_ten_thousand_nodes() -> None:
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from((at, {"label": f"s{at}", "Latitude": at % 89, "Longitude": at % 179}) for at in range(10_000))
    graph.add_edges_from((at, at // 2) for at in range(1, 10_000))
    out = io.StringIO("\n".join(nx.generate_graphml(graph)))
    began = time.process_time()
    network = good(detect.read(out.getvalue()))
    assert time.process_time() - began < 30
    assert (len(network.sites), len(network.links)) == (10_000, 19_998)


# --- topohub, traced backbones ------------------------------------------------------------------------------

TOPOHUB: dict[str, Any] = {
    "directed": False,
    "multigraph": False,
    "graph": {"name": "Two"},
    "nodes": [
        {"id": 7, "name": "Medford", "pos": [-122.9, 42.28]},
        {"id": 9, "name": "Salem", "pos": [-123.04, 44.94]},
    ],
    "edges": [{"source": 7, "target": 9, "dist": 296.0}],
}
TRACED: dict[str, Any] = {
    "Nodes": [{"Lat": 42.0, "Lon": -120.0}, {"Lat": 46.0, "Lon": -119.0}],
    "TransitOnly": [1],
    "Links": [{"Src": 0, "Dst": 1}],
}


def test_topohub_distances_are_straight() -> None:
    network = good(detect.read(json.dumps(TOPOHUB)))
    assert (network.name, network.fibres[0].id, network.fibres[0].length_km) == ("Two", "medford--salem", 355.2)
    older = {**TOPOHUB, "links": TOPOHUB["edges"]}
    del older["edges"]
    assert good(detect.read(json.dumps(older))).fibres == network.fibres


def test_traced_backbones_have_no_names() -> None:
    loaded = detect.read(json.dumps(TRACED), name="b4")
    assert (good(loaded).name, [site.id for site in good(loaded).sites]) == ("b4", ["node-0", "node-1"])
    assert {"derived-name", "derived-capacity", "derived-length"} <= codes(loaded)


BACKBONES = Path(__file__).parents[4] / "shared" / "data" / "backbones"


@pytest.mark.skipif(not BACKBONES.is_dir() and not os.environ.get("CI"), reason=f"there is no {BACKBONES}")
@pytest.mark.parametrize(
    ("file", "sites", "fibres"),
    [
        ("traced_google-b4", 18, 40),
        ("traced_aws", 41, 79),
        ("traced_cloudflare", 21, 23),
        ("traced_akamai", 28, 49),
        ("topohub_caida_2024-08_3356", 404, 1997),
    ],
)
def test_the_backbones_beside_the_checkout(file: str, sites: int, fibres: int) -> None:
    network = good(detect.read_bytes((BACKBONES / f"{file}.json").read_bytes(), name=file))
    assert (len(network.sites), len(network.fibres)) == (sites, fibres)


# --- NetBox -------------------------------------------------------------------------------------------------


def site(id_: int, name: str, lat: object, lon: object, status: str = "active") -> dict[str, Any]:
    at = {"latitude": lat, "longitude": lon}
    return {"id": id_, "name": name, "slug": name.lower(), "status": {"value": status}, **at}


def end(object_type: str, device: int) -> list[dict[str, Any]]:
    return [{"object_type": object_type, "object": {"id": 1, "device": {"id": device, "name": f"r{device}"}}}]


NETBOX: dict[str, Any] = {
    "sites": {
        "count": 3,
        "next": None,
        "results": [
            site(1, "Oslo", 59.91, 10.75),
            site(2, "Bergen", "60.39", "5.32"),
            site(3, "Hamar", 60.79, 11.07, "planned"),
        ],
    },
    "circuits": [
        {
            "id": 5,
            "cid": "NO-1",
            "commit_rate": 10_000_000,
            "termination_a": {"id": 1, "site": {"id": 1}},
            "termination_z": {"id": 2, "termination_type": "dcim.site", "termination": {"id": 2}},
        },
        {
            "id": 6,
            "cid": "NO-2",
            "commit_rate": None,
            "termination_a": {"id": 3, "site": {"id": 1}},
            "termination_z": None,
        },
    ],
    "cables": [
        {
            "id": 9,
            "label": "dark",
            "length": 130000,
            "length_unit": {"value": "m"},
            "a_terminations": end("dcim.interface", 21),
            "b_terminations": end("dcim.interface", 23),
        },
        {"id": 10, "a_terminations": end("dcim.interface", 21), "b_terminations": end("dcim.interface", 21)},
        {"id": 11, "a_terminations": end("dcim.interface", 21), "b_terminations": end("dcim.interface", 99)},
    ],
    "devices": [
        {"id": 21, "device_type": {"id": 1}, "site": {"id": 1}},
        {"id": 23, "device_type": {"id": 1}, "site": {"id": 3}},
    ],
}


def test_netbox_circuits_and_cables() -> None:
    loaded = detect.read(json.dumps(NETBOX))
    network = good(loaded)
    assert [one.id for one in network.sites] == ["oslo", "bergen", "hamar"]
    assert network.link[LinkId("oslo>bergen")].capacity_gbps == 10
    assert network.fibre[FibreId("hamar--oslo")].length_km == 130
    assert {"half-circuit", "half-cable", "inside", "not-active", "derived-capacity"} <= codes(loaded)


def test_netbox_in_a_folder_with_terminations_apart_and_a_page_missing(tmp_path: Path) -> None:
    circuits = [{"id": 5, "cid": "NO-1", "commit_rate": None, "termination_a": None, "termination_z": None}]
    ends = [
        {"id": n, "circuit": {"id": 5}, "term_side": side, "site": {"id": n}, "port_speed": 1_000_000}
        for n, side in ((1, "A"), (2, "Z"))
    ]
    (tmp_path / "sites.json").write_text(json.dumps({**NETBOX["sites"], "next": "?offset=50"}))
    (tmp_path / "circuits.json").write_text(json.dumps(circuits))
    (tmp_path / "ends.json").write_text(json.dumps({"results": ends}))
    loaded = reading.load(str(tmp_path), Rules())
    assert good(loaded).link[LinkId("oslo>bergen")].capacity_gbps == 1
    assert "more-pages" in codes(loaded)
    (tmp_path / "x.json").write_text('{"what": 1}')
    assert reading.load(str(tmp_path), Rules()).errors[0].code == "unknown-format"


# --- anything at all ----------------------------------------------------------------------------------------

odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, 7, "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        found += _paths(inner, (*path, key))
    return found


def holds(loaded: Loaded) -> None:
    assert (loaded.network is None) == bool(loaded.errors)
    for one in loaded.findings:
        assert all(map(is_seen, str(one)))
        assert len(str(one)) < 1500
    if loaded.network is not None:
        assert not [one for one in check(loaded.network) if one.severity is Severity.ERROR]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_good_document_with_a_value_replaced(data: st.DataObject) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from([TOPOHUB, TRACED, NETBOX]))))
    path = data.draw(st.sampled_from(_paths(document)))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = data.draw(odd)
    holds(detect.read(json.dumps(document), rules=Rules(derive=data.draw(st.booleans()))))


GOOD_XML = graphml(PLACED, edge("a", "b", LinkLabel="10G", length_km=1500))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_good_graph_with_a_piece_replaced(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD_XML)))
    stop = data.draw(st.integers(start, min(len(GOOD_XML), start + 40)))
    piece = data.draw(
        st.sampled_from(["", "<", ">", '"', "&x;", "<node>", "</graph>", "\x00", "\u202e", "1e400"])
        | st.text(max_size=6)
    )
    holds(detect.read(GOOD_XML[:start] + piece + GOOD_XML[stop:], rules=Rules(derive=True)))
