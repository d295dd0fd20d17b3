"""The published JSON Schema: it takes what the reader takes, and on shape refuses what the reader refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from highroad.formats import detect, jsonform, native
from highroad.formats.schema import schema, schema_text
from highroad.formats.shipped import NETWORKS, network_text
from highroad.model.network import Network
from tests.unit.formats.test_native import networks

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema" / "network.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(schema())

GOOD: dict[str, Any] = {
    "highroad": 1,
    "name": "T",
    "risk_groups": [{"id": "g", "name": "G", "failure_probability": 0.1}],
    "sites": [
        {"id": "a", "name": "A", "kind": "pop", "lat": 1, "lon": 1, "jurisdiction": "US", "operator": "aws"},
        {"id": "b", "kind": "campus", "lat": 1, "lon": 2, "jurisdiction": "US-CO", "carbon_g_per_kwh": 5},
    ],
    "fibres": [{"id": "a--b", "a": "a", "b": "b", "length_km": 130, "jurisdictions": ["US"], "risk_groups": ["g"]}],
    "links": [
        {"between": ["a", "b"], "capacity_gbps": 400, "fibres": ["a--b"]},
        {"id": "x", "tail": "a", "head": "b", "capacity_gbps": 1, "latency_ms": 2, "fibres": ["a--b"]},
    ],
}


def takes(document: object) -> bool:
    return bool(VALIDATOR.is_valid(document))


def test_the_published_file_is_what_the_code_says() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), "highroad network schema --out docs/schema/..."
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_shipped_network_is_taken(name: str) -> None:
    network = detect.read(network_text(name)).network
    assert network is not None
    assert [error.message for error in VALIDATOR.iter_errors(jsonform.to_plain(network))] == []


@given(networks())
@settings(max_examples=50, deadline=None)
def test_every_network_is_taken(network: Network) -> None:
    document = json.loads(json.dumps(jsonform.to_plain(network)))
    assert takes(document) or jsonform.from_plain(document).network is None


def test_a_written_file_names_its_schema() -> None:
    network = jsonform.from_plain(GOOD).network
    assert network is not None
    text = native.write(network, [native.SCHEMA_LINE])
    assert text.startswith("# yaml-language-server: $schema=network.schema.json\n")
    assert native.read(text).network == network


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in steps:
        found += _paths(inner, (*path, key))
    return found


ODD = [None, True, -1, 0, 0.5, 10**9, "", " ", "A B", "xx", [], {}, ["a"], [7], {"a": 1}]
SHAPE = {"wrong-type", "missing-key", "bad-value", "unknown-version", "bad-id", "bad-position", "no-fibres"}


@pytest.mark.parametrize("path", _paths(GOOD), ids=str)
def test_with_one_value_replaced_or_gone_both_say_the_same(path: tuple[Any, ...]) -> None:
    for odd in [*ODD, "gone"]:
        document = json.loads(json.dumps(GOOD))
        at = document
        for step in path[:-1]:
            at = at[step]
        if odd == "gone":
            del at[path[-1]]
        else:
            at[path[-1]] = odd
        loaded = jsonform.from_plain(document)
        if loaded.network is not None:
            assert takes(document), (path, odd)
        elif SHAPE & {one.code for one in loaded.errors}:
            assert not takes(document), (path, odd, loaded.errors)
