"""Demands out of files: CSV, JSON and matrices say the same; what is wrong is all told, with its line."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.errors import Severity
from highroad.formats import demands as files
from highroad.formats.demands import LoadedDemands, read
from highroad.model.jurisdiction import Fence
from highroad.model.service import TrafficClass
from highroad.planning.traffic import Demands
from tests.support.country import country

SITES = country().sites
IDS = [site.id for site in SITES]


def good(data: str | bytes, **more: Any) -> Demands:
    """Demands of a file in which no error is."""
    loaded = read(data if isinstance(data, bytes) else data.encode(), SITES, **more)
    assert loaded.demands is not None, loaded.findings
    return loaded.demands


def wrong(data: str | bytes, **more: Any) -> list[tuple[str, int | None]]:
    """What is wrong with a file of which nothing is read, by code and line."""
    loaded = read(data if isinstance(data, bytes) else data.encode(), SITES, **more)
    assert loaded.demands is None
    return [(one.code, one.line) for one in loaded.findings if one.severity is Severity.ERROR]


def npz(arrays: Mapping[str, Any]) -> bytes:
    """A file of several arrays."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def npy(array: Any) -> bytes:
    """A file of one."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_csv() -> None:
    assert SITES[3].name != SITES[3].id
    text = "# of May\nsource, target, gbps, class, weight, fence\n\ncampus,cloud,40,bulk,2,US;CA\n"
    found = good(f"{text}west,{SITES[3].name},1e1\n")
    assert (found.source.tolist(), found.target.tolist()) == ([0, 1], [4, 3])
    assert found.gbps.tolist() == [40.0, 10.0]
    assert found.rank.tolist() == [TrafficClass.BULK.rank, TrafficClass.ASSURED.rank]
    assert found.weight.tolist() == [2.0, 1.0]
    assert found.fence.tolist() == [0, -1]
    assert found.fences == (Fence(("US", "CA")),)
    assert found.line.tolist() == [4, 5]


def test_csv_without_a_first_line_of_keys_and_with_keys_in_another_order() -> None:
    assert good("campus,cloud,40\n").gbps.tolist() == [40.0]
    found = good("gbps,target,source\n40,cloud,campus\n")
    assert (found.source.tolist(), found.target.tolist()) == ([0], [4])


@pytest.mark.parametrize("wrapped", [False, True])
def test_json_says_the_same(wrapped: bool) -> None:
    things = [
        {"source": "campus", "target": "cloud", "gbps": 40, "class": "bulk", "weight": 2, "fence": ["US", "CA"]},
        {"source": "west", "target": "east", "gbps": 10},
    ]
    found = good(json.dumps({"demands": things} if wrapped else things))
    same = good("source,target,gbps,class,weight,fence\ncampus,cloud,40,bulk,2,US+CA\nwest,east,10\n")
    for name in ("source", "target", "gbps", "rank", "weight", "fence"):
        assert getattr(found, name).tolist() == getattr(same, name).tolist()
    assert found.fences == same.fences


def test_everything_that_is_wrong_is_told_at_once_with_its_line() -> None:
    text = (
        "source,target,gbps,class,weight,fence\ncampsu,cloud,40\nwest,east,many\nwest,east,1,gold\nwest,,1,bulk,1,usa\n"
    )
    assert wrong(text) == [
        ("unknown-site", 2),
        ("not-a-number", 3),
        ("unknown-class", 4),
        ("missing-value", 5),
        ("bad-fence", 5),
    ]
    told = read(text.encode(), SITES).findings[0]
    assert told.message == "there is no site `campsu`; did you mean `campus`?"
    assert told.place == "demands[campsu>cloud].source"


def test_what_cannot_be_carried_is_read_all_the_same() -> None:
    """`planning.solve.problem.checked` says so of each, and carries the rest."""
    found = good("campus,campus,1\nwest,east,-1\nwest,east,nan\nwest,east,inf\nwest,east,0\n")
    assert len(found) == 5


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "empty-file"),
        (b"\xff\xfe\x00", "not-text"),
        ("source,target\ncampus,cloud\n", "missing-key"),
        ("source,source,target,gbps\na,b,c,1\n", "duplicate-key"),
        ("source,target,gbps\ncampus,cloud,1,bulk,1,US,x\n", "too-many-values"),
        ("[" * 100_000, "too-deep"),
        ("{}", "wrong-type"),
        ("[1]", "wrong-type"),
        ('[{"source": "campus", "target": "cloud", "gbps": true}]', "not-a-number"),
        ('[{"source": 1, "target": "cloud", "gbps": 1}]', "wrong-type"),
        ('{"demands": [', "bad-json"),
        (b"PK\x03\x04 and no more", "bad-matrix"),
        (b"\x93NUMPY\x01\x00\x76\x00", "bad-matrix"),
    ],
)
def test_files_that_are_none(data: str | bytes, code: str) -> None:
    assert wrong(data)[0][0] == code


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_DEMANDS", 2)
    three = "campus,cloud,1\n" * 3
    assert wrong(three) == [("too-many", 3)]
    assert wrong(json.dumps([{"source": "campus", "target": "cloud", "gbps": 1}] * 3))[0][0] == "too-many"
    assert wrong(npy(np.ones((5, 5))))[0][0] == "too-many"
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    assert wrong(three) == [("too-large", None)]


def test_a_matrix_has_a_row_for_each_site_in_their_order() -> None:
    matrix = np.zeros((5, 5), np.float32)
    matrix[0, 4], matrix[1, 3] = 40, 10
    for data in (npy(matrix), npy(np.asfortranarray(matrix)), npz({"tm": matrix, "index": np.arange(3)})):
        found = good(data)
        assert list(zip(found.source, found.target, found.gbps, strict=True)) == [(0, 4, 40.0), (1, 3, 10.0)]


def test_which_of_several_matrices() -> None:
    first, second = np.eye(5)[::-1], np.ones((5, 5))
    data = npz({"first": first, "second": second, "stack": np.stack([first, second])})
    assert wrong(data) == [("which-matrix", None)]
    assert wrong(data, matrix="frist")[0][0] == "unknown-matrix"
    assert wrong(data, matrix="stack")[0][0] == "which-matrix"
    assert wrong(data, matrix="stack:2")[0][0] == "which-matrix"
    assert wrong("campus,cloud,1\n", matrix="first")[0][0] == "not-a-matrix"
    assert len(good(data, matrix="first")) == 4
    assert len(good(data, matrix="second")) == len(good(data, matrix="stack:1")) == 20
    loaded = read(data, SITES, matrix="second")
    assert [one.code for one in loaded.findings] == ["self-demand"]


def test_matrices_that_are_none() -> None:
    assert wrong(npy(np.ones((4, 4)))) == [("bad-matrix", None)]
    assert wrong(npy(np.ones((5, 5), np.complex128))) == [("bad-matrix", None)]
    assert wrong(npy(np.ones((5, 5)))[:-8]) == [("bad-matrix", None)]
    objects = npy(np.array([[{}] * 5] * 5, object))
    assert wrong(objects) == [("bad-matrix", None)]  # pickles are never opened


def test_a_name_that_two_sites_have_names_neither() -> None:
    twins = [replace(site, name="Here") for site in SITES]
    loaded = read(b"Here,cloud,1\n", twins)
    assert [one.code for one in loaded.findings] == ["unknown-site"]


VALUES = st.one_of(st.sampled_from([*IDS, "bulk", "US", "1", "-1", "nan", "1e400", '"', ","]), st.text(max_size=8))


@given(st.lists(st.lists(VALUES, max_size=8), max_size=6))
def test_any_csv_is_read_or_refused(rows: list[list[str]]) -> None:
    _holds(read("\n".join(",".join(row) for row in rows).encode(errors="replace"), SITES))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*files.KEYS, "x"]), inner, max_size=6),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    _holds(read(json.dumps({"demands": document}).encode(errors="replace"), SITES))


@given(st.binary(max_size=80), st.integers(0, 400), st.booleans())
def test_any_damage_to_a_matrix_is_read_or_refused(noise: bytes, at: int, packed: bool) -> None:
    data = npz({"tm": np.ones((5, 5))}) if packed else npy(np.ones((5, 5)))
    at %= len(data)
    _holds(read(data[:at] + noise + data[at + len(noise) :], SITES))


def _holds(loaded: LoadedDemands) -> None:
    if loaded.demands is None:
        assert any(one.severity is Severity.ERROR for one in loaded.findings)
        return
    found = loaded.demands
    assert {len(found.target), len(found.gbps), len(found.rank), len(found.weight), len(found.fence)} == {len(found)}
    assert all(0 <= number < len(SITES) for number in (*found.source.tolist(), *found.target.tolist()))
    assert all(-1 <= number < len(found.fences) for number in found.fence.tolist())


def test_what_was_measured_of_a_demand_may_stand_beside_it() -> None:
    sites = country().sites
    loaded = read(b"source,target,gbps,sent_gbps\nwest,east,10,3.5\neast,west,7,\nwest,east,1,0\n", sites)
    assert loaded.sent_gbps is not None
    assert loaded.sent_gbps.tolist() == [3.5, 7.0, 0.0]
    of_json = read(b'[{"source": "west", "target": "east", "gbps": 2, "sent_gbps": 9}]', sites)
    assert of_json.sent_gbps is not None
    assert of_json.sent_gbps.tolist() == [9.0]
    assert read(b"west,east,10\n", sites).sent_gbps is None
    wrong = read(b"source,target,gbps,sent_gbps\nwest,east,10,much\n", sites)
    assert [(one.code, one.place) for one in wrong.findings] == [("not-a-number", "demands[west>east].sent_gbps")]


def test_bounds_and_protection_are_read_as_orders_have_them() -> None:
    demands = good(
        "source,target,gbps,max_latency_ms,protection\nwest,east,1,12.5,path\neast,west,1,,none\nwest,east,1,,\n"
    )
    assert demands.bounds_ms.tolist() == [12.5, np.inf, np.inf]
    assert demands.guarded.tolist() == [True, False, False]
    assert demands.has_bounds
    assert demands.has_protection
    bare = demands.plain()
    assert (bare.has_bounds, bare.has_protection, bare.bounds_ms.tolist()) == (False, False, [np.inf] * 3)
    text = "source,target,gbps,max_latency_ms,protection\nwest,east,1,soon,ring\n"
    assert wrong(text) == [("not-a-number", 2), ("unknown-protection", 2)]
