"""Input that means harm, or nothing at all: a finding, quickly, and never an exception."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.formats import detect, gnpy, jsonform, native
from highroad.formats.loaded import MAX_FINDINGS, Loaded
from highroad.model.check import check
from highroad.model.text import is_seen

GOOD = """\
highroad: 1
name: T
sites:
  - {id: a, name: A, kind: pop, lat: 1, lon: 1, jurisdiction: US}
  - {id: b, name: B, kind: pop, lat: 1, lon: 2, jurisdiction: US}
fibres:
  - {id: a--b, a: a, b: b, length_km: 130, jurisdictions: [US]}
links:
  - {between: [a, b], capacity_gbps: 400, fibres: [a--b]}
"""

BOMB = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(30))


def holds(loaded: Loaded) -> None:
    """Either a network without errors, or none and at least one error."""
    assert (loaded.network is None) == bool(loaded.errors)
    assert len(loaded.findings) <= MAX_FINDINGS + 1
    for finding in loaded.findings:
        assert finding.message
        assert len(str(finding)) < 1500
        assert all(map(is_seen, str(finding)))
    if loaded.network is not None:
        assert not [finding for finding in check(loaded.network) if finding.severity == "error"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "wrong-type"),
        ("\x00", "bad-yaml"),
        ("[" * 100_000, "too-deep"),
        ("{a: " * 5_000, "bad-json"),
        ("- " * 5_000, "too-deep"),
        ('{"a":' * 200_000, "too-deep"),
        (BOMB, "alias"),
        ("a: *nowhere", "alias"),
        ("!!python/object/apply:os.system ['true']", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("---\na: 1\n---\nb: 1\n", "bad-yaml"),
        ("a: [1, 2\nb: 3", "bad-yaml"),
        ("? [a]\n: 1", "bad-yaml"),
        ("x" * 10_000_001, "too-large"),
        ('{"x": ' + "1" * 5000 + "}", "bad-json"),
        ('{"highroad": 1', "bad-json"),
        ("\ud800", "bad-yaml"),
        ("- 1", "wrong-type"),
        ("- 1\n" * 1_000_001, "too-large"),
    ],
)
def test_refused_at_once(text: str, code: str) -> None:
    began = time.process_time()
    loaded = detect.read(text)
    assert time.process_time() - began < 15
    assert loaded.network is None
    assert [finding.code for finding in loaded.errors][:1] == [code]
    holds(loaded)


def test_thousands_of_faults_are_counted_and_not_all_told() -> None:
    text = "highroad: 1\nname: x\nsites:\n" + "  - {}\n" * 5_000
    loaded = native.read(text)
    assert len(loaded.findings) == MAX_FINDINGS + 1
    assert loaded.findings[-1].code == "too-many-findings"
    holds(loaded)
    many = native.read(
        GOOD + "".join(f"  - {{id: l{n}, tail: a, head: b, capacity_gbps: 1, fibres: [a--b]}}\n" for n in range(1500))
    )
    assert many.network is not None
    assert len(many.findings) <= MAX_FINDINGS + 1
    assert native.read("highroad: 1\nname: x\nsites:\n" + "  - {}\n" * 20_001).errors[0].code == "too-many"


def test_names_that_would_move_the_cursor_are_shown_escaped() -> None:
    loaded = native.read(GOOD.replace("id: a,", 'id: "\\e[2J",', 1).replace("kind: pop", 'kind: "\\e]0;x\\a"', 1))
    holds(loaded)
    assert "\x1b" not in "".join(map(str, loaded.findings))


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    holds(detect.read(text))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_good_file_with_a_piece_replaced(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 30)))
    piece = data.draw(
        st.sampled_from(["", "{", "[", "]", "'", '"', "&a ", "*a", ": ", "- ", "1e400", ".nan", "~", "\t", "!!x ", "#"])
        | st.text(max_size=6)
    )
    holds(native.read(GOOD[:start] + piece + GOOD[end:]))


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, "a", "b", "a--b", "a>b", "US", float("nan"), -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        found += _paths(inner, (*path, key))
    return found


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_good_document_with_a_value_replaced(data: st.DataObject) -> None:
    network = native.read(GOOD).network
    assert network is not None
    document: Any = jsonform.to_plain(network)
    path = data.draw(st.sampled_from(_paths(document)))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = data.draw(odd)
    holds(jsonform.from_plain(document))


@given(odd)
@settings(max_examples=200, deadline=None)
def test_any_value_is_no_network(value: Any) -> None:
    for loaded in (jsonform.from_plain(value), gnpy.read(value), gnpy.read({"elements": value, "connections": value})):
        assert loaded.network is None
        holds(loaded)


def test_a_value_that_is_nested_very_deep() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for document in ({"highroad": deep}, {"highroad": 1, "name": deep, "sites": [deep, {"id": deep}]}, deep):
        holds(jsonform.from_plain(document))


def test_json_and_yaml_tell_the_same() -> None:
    network = native.read(GOOD).network
    assert network is not None
    document = jsonform.to_plain(network)
    document["fibres"][0]["length_km"] = -1
    document["links"][0]["tail"] = "nowhere"
    by_json = {(finding.code, finding.place) for finding in detect.read(json.dumps(document)).findings}
    by_yaml = {(finding.code, finding.place) for finding in native.read(json.dumps(document)).findings}
    assert by_json == by_yaml != set()
