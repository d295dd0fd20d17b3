"""`highroad sweep`, as a shell sees it."""

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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    (tmp_path / "country.yaml").write_text(native.write(country()), encoding="utf-8")
    (tmp_path / "demands.csv").write_text("west,east,150\ncampus,cloud,40\n", encoding="utf-8")
    return tmp_path


def run(*words: str) -> Result:
    return runner.invoke(APP, ["sweep", "country.yaml", "demands.csv", *words])


def told(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_each_failure_alone_the_worst_first(here: Path) -> None:
    result = run("--singles")
    assert result.exit_code == 0, result.output
    assert "6 cases in" in result.output
    assert "in 2 something is cut off, in 3 what is left does not fit" in result.output
    assert "as it is: the fullest link at 95.0%, 0 Gbit/s not carried" in result.output
    answer = told("--singles")
    lost = [one["cut_off_gbps"] + one["crowded_gbps"] for one in answer["outcomes"]]
    assert lost == sorted(lost, reverse=True)
    assert answer["outcomes"][0]["cut"] in (["west--east"], ["west--south"], ["east--south"])
    assert answer["outcomes"][0]["crowded_gbps"] == pytest.approx(90, rel=1e-2)
    assert answer["outcomes"][-1]["case"] == "as it is"


def test_failures_growth_and_additions_with_one_another(here: Path) -> None:
    answer = told("--cut", "west--east", "--cut", "campus--west+cloud--east", "--grow", "1.5", "--add", "west>south:50")
    assert answer["cases"] == 3 * 2 * 2
    by_name = {one["case"]: one for one in answer["outcomes"]}
    assert by_name["campus--west and cloud--east cut"]["cut_off_gbps"] == 40
    assert by_name["demands x1.5, +50G west>south, +50G south>west"]["crowded_gbps"] == pytest.approx(85, rel=1e-2)
    assert by_name["as it is"]["crowded_gbps"] == 0


def test_what_is_sent_is_told_beside_what_is_promised(here: Path) -> None:
    (here / "demands.csv").write_text(
        "source,target,gbps,sent_gbps\nwest,east,150,30\ncampus,cloud,40,90\nsouth,east,5,\n", encoding="utf-8"
    )
    answer = told("--cut", "west--east", "--grow", "1.2", "--load", "measured")
    by_name = {one["case"]: one for one in answer["outcomes"]}
    assert by_name["as it is"]["crowded_gbps"] == by_name["as it is"]["sent"]["crowded_gbps"] == 0
    assert by_name["as it is"]["sent"]["utilisation"] == pytest.approx(0.9, rel=1e-2)
    grown = by_name["demands x1.2"]
    assert grown["sent"]["wanted_gbps"] == pytest.approx(1.2 * 125)
    assert grown["sent"]["crowded_gbps"] == pytest.approx(8, rel=2e-2), "108G where 100 fit"
    assert by_name["west--east cut"]["crowded_gbps"] == pytest.approx(95, rel=2e-2)
    assert by_name["west--east cut"]["sent"]["crowded_gbps"] == pytest.approx(25, rel=2e-2)
    shown = run("--cut", "west--east", "--load", "measured")
    assert "of what is sent, in 1 what is left does not fit" in shown.output
    assert "sent: fullest" in shown.output
    assert all("sent" not in one for one in told("--cut", "west--east")["outcomes"])
    assert "sent: fullest" not in run().output
    (here / "demands.csv").write_text("west,east,150\n", encoding="utf-8")
    nothing = run("--load", "measured", "--json")
    assert nothing.exit_code == 2
    assert json.loads(nothing.stdout)["findings"][0]["code"] == "missing-key"


def test_what_helps_most_is_planned_anew_in_every_case(here: Path) -> None:
    answer = told("--grow", "2", "--upgrades", "1", "--upgrade-gbps", "50")
    (best,) = answer["upgrades"]
    assert set(best["links"]) in (
        {"west>east", "east>west"},
        {"west>south", "south>west"},
        {"east>south", "south>east"},
    )
    assert best["carries_more_gbps"] <= best["carries_more_by_price_at_most_gbps"] + 1e-6
    assert best["carries_more_gbps"] == pytest.approx(50 if "west>east" in best["links"] else 0, abs=0.5)
    assert "another 50G on" in run("--grow", "2", "--upgrades", "1", "--upgrade-gbps", "50").output


def test_two_processes_say_the_same_as_one(here: Path) -> None:
    one, two = (
        {case["case"]: case for case in told("--doubles", "--workers", workers)["outcomes"]} for workers in ("1", "2")
    )
    assert one.keys() == two.keys()
    for case, a in one.items():
        assert a["crowded_gbps"] == pytest.approx(two[case]["crowded_gbps"], rel=2e-3, abs=1e-6)
        assert a["cut_off_gbps"] == two[case]["cut_off_gbps"]


def test_what_is_wrong_is_told_at_once(here: Path) -> None:
    result = run("--cut", "west--eats", "--add", "west>east:much", "--add", "west>eats:10", "--add", "west>east:-1")
    assert result.exit_code == 2
    assert "there is no fibre, site or risk group `west--eats`; did you mean `west--east`?" in result.output
    assert "`west>east:much` is not LINK:GBPS" in result.output
    assert "there is no link `west>eats`; did you mean `west>east`?" in result.output
    assert "`west>east:-1` is not LINK:GBPS" in result.output


def test_bounds_of_latency_are_kept_in_every_case(here: Path) -> None:
    (here / "demands.csv").write_text(
        "source,target,gbps,max_latency_ms,protection\nwest,east,150,,path\nwest,east,30,6,\nwest,south,1,1,\n",
        encoding="utf-8",
    )
    answer = told("--cut", "west--east")
    by_name = {one["case"]: one for one in answer["outcomes"]}
    assert by_name["west--east cut"]["late_gbps"] == pytest.approx(31)
    assert by_name["as it is"]["late_gbps"] == pytest.approx(1)
    codes = [one["code"] for one in answer["findings"]]
    assert codes.count("latency") == 1, "what nothing meets is named before anything fails"
    assert codes.count("not-kept") == 1, "protection is not kept"
    assert "in 2 no way that is left meets the bound of latency of some of it" in run("--cut", "west--east").output
