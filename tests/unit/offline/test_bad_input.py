"""`highroad optimise` on files that are bad in every way at once: all of it is told, and what can be carried is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from highroad.formats import native
from highroad.main import application
from tests.support.country import country

runner = CliRunner()
APP = application()

BAD = """\
source,target,gbps,class,weight,fence,max_latency_ms,protection
west,east,40,assured,,,,
west,west,5,assured,,,,
west,east,nan,assured,,,,
west,east,-3,assured,,,,
west,east,7,assured,0,,,
cloud,campus,1e-6,assured,,,,
west,island,9,assured,,,,
west,cloud,1,assured,,EU,,
west,east,2,assured,,,4,
west,east,2,assured,,,nan,
campus,cloud,20,assured,,,,path
west,east,10,assured,,,,path
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    text = native.write(country())
    text = text.replace("fibres:\n", f"{ISLAND}fibres:\n").replace("links:\n", f"{SPARE}links:\n") + SPARE_LINKS
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "bad.csv").write_text(BAD, encoding="utf-8")
    return tmp_path


ISLAND = "  - {id: island, name: island, kind: pop, lat: 21.3, lon: -157.8, jurisdiction: US-HI}\n"
SPARE = (
    "  - {id: spare, a: west, b: east, length_km: 2000, jurisdictions: [US]}\n"
    "  - {id: none, a: west, b: east, length_km: 2000, jurisdictions: [US]}\n"
)
SPARE_LINKS = (
    '  - {id: "west>east:0", tail: west, head: east, capacity_gbps: 0, fibres: [spare]}\n'
    '  - {id: "west>east:1", tail: west, head: east, capacity_gbps: .nan, fibres: [none]}\n'
)


def run(*words: str) -> Result:
    return runner.invoke(APP, ["optimise", *words])


def told(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.mark.parametrize("objective", ["total", "concurrent", "utilisation", "lexicographic"])
def test_everything_that_is_bad_is_told_at_once_and_the_rest_is_carried(here: Path, objective: str) -> None:
    answer = told("bad.yaml", "bad.csv", "--objective", objective, "--out", "plan.json")
    found = {(one["code"], one["place"], one["line"]) for one in answer["findings"]}
    for finding in (
        ("self-demand", "demands[west>west]", 3),
        ("no-amount", "demands[west>east]", 4),
        ("no-amount", "demands[west>east]", 5),
        ("no-weight", "demands[west>east]", 6),
        ("not-joined", "demands[west>island]", 8),
        ("not-joined", "demands[west>cloud]", 9),
        ("latency", "demands[west>east]", 10),
        ("no-bound", "demands[west>east]", 11),
        ("no-backup", "demands[campus>cloud]", 12),
    ):
        assert finding in found
    places = {one["place"] for one in answer["findings"] if one["code"] == "bad-capacity"}
    assert places == {"links[west>east:0].capacity_gbps", "links[west>east:1].capacity_gbps"}
    assert all(one["severity"] != "error" for one in answer["findings"])
    bridge = next(one["message"] for one in answer["findings"] if one["code"] == "no-backup")
    assert bridge == (
        "it is to be protected, and all ways go over campus--west: nothing is left when that fails: left out"
    )
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    carried = [one["carried_gbps"] for one in plan["demands"]]
    assert carried[0] == pytest.approx(40)
    assert carried[5] == pytest.approx(1e-6)
    assert carried[11] == pytest.approx(10)
    assert sum(carried) == pytest.approx(50.000001)
    (path,) = plan["demands"][5]["paths"]
    assert path["gbps"] == pytest.approx(1e-6)
    (pair,) = {(tuple(path["links"]), tuple(path["backup"])) for path in plan["demands"][11]["paths"]} or {((), ())}
    assert not set(pair[0]) & set(pair[1])
    assert pair[1]


def test_in_words_too_and_the_exit_code_is_that_of_a_plan(here: Path) -> None:
    result = run("bad.yaml", "bad.csv")
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert "links[west>east:0].capacity_gbps: 0.0 is not" in words or "links[west>east:0].capacity_gbps" in words
    assert "the fastest way takes 5 ms, more than its bound of 4 ms: left out" in words
    assert "all ways go over campus--west" in words


def test_a_network_of_one_site(here: Path) -> None:
    (here / "one.yaml").write_text(
        "highroad: 1\nname: one\nsites:\n"
        "  - {id: west, name: west, kind: pop, lat: 39.6, lon: -104.8, jurisdiction: US-CO}\n"
        "fibres: []\n"
    )
    (here / "one.csv").write_text("west,west,5\n")
    for objective in ("total", "concurrent", "utilisation", "lexicographic", "maxmin"):
        answer = told("one.yaml", "one.csv", "--objective", objective)
        assert [one["code"] for one in answer["findings"] if one["code"] != "isolated"][:1] == ["self-demand"]
        assert answer["carried_gbps"] == 0


@pytest.mark.parametrize("objective", ["concurrent", "utilisation"])
def test_a_speck_beside_a_mountain_keeps_its_size(here: Path, objective: str) -> None:
    (here / "far.csv").write_text("west,east,1e12\ncampus,cloud,1e-6\n")
    answer = told("bad.yaml", "far.csv", "--objective", objective, "--out", "plan.json")
    assert [one["code"] for one in answer["findings"] if one["code"] == "far-apart"] == ["far-apart"]
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    large, small = (sum(path["gbps"] for path in one["paths"]) for one in plan["demands"])
    assert small / large == pytest.approx(1e-18, rel=1e-9)
    assert small > 0


def test_other_faults_of_a_network_still_end_it(here: Path) -> None:
    text = (here / "bad.yaml").read_text(encoding="utf-8").replace("fibres: [spare]", "fibres: [spar]")
    (here / "bad.yaml").write_text(text, encoding="utf-8")
    result = run("bad.yaml", "bad.csv", "--json")
    assert result.exit_code == 2
    assert {one["code"] for one in json.loads(result.stdout)["findings"]} >= {"bad-capacity", "unknown-fibre"}


def test_of_shares_protection_is_not_told(here: Path) -> None:
    result = run("bad.yaml", "bad.csv", "--objective", "maxmin")
    assert result.exit_code == 2
    assert "of protection it is told with the other objectives, and not with maxmin" in result.output
    for command in (["sweep", "bad.yaml", "bad.csv", "--singles"], ["availability", "bad.yaml", "bad.csv"]):
        found = runner.invoke(APP, [*command, "--json"])
        assert found.exit_code == 0, found.output
        assert "not-kept" in {one["code"] for one in json.loads(found.stdout)["findings"]}
