"""`highroad availability`, as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from highroad.formats import native
from highroad.main import application
from highroad.offline.availability import percent
from tests.support.country import country

runner = CliRunner()
APP = application()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    (tmp_path / "country.yaml").write_text(native.write(country()), encoding="utf-8")
    (tmp_path / "demands.csv").write_text("west,east,150\n", encoding="utf-8")
    return tmp_path


def run(*words: str) -> Result:
    return runner.invoke(APP, ["availability", "country.yaml", "demands.csv", *words])


def told(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_what_is_carried_for_how_much_of_the_time(here: Path) -> None:
    """150G over two ways of 100G: either alone carries two thirds, and each is down for some hours a year."""
    answer = told("--at", "99", "--at", "99.9", "--at", "99.99999")
    by_share = {one["availability"]: one for one in answer["at"]}
    assert by_share[0.99]["least"] == pytest.approx(1.0)
    assert by_share[0.999]["least"] == pytest.approx(2 / 3, rel=2e-3)
    assert by_share[0.999]["most"] == pytest.approx(2 / 3, rel=2e-3)
    assert by_share[0.9999999]["least"] == 0.0
    assert 0.99 < answer["mean"]["least"] <= answer["mean"]["most"] < 1.0
    assert answer["rest"] <= 2e-5
    assert answer["wanted_gbps"] == 150.0
    assert {tuple(one["down"]) for one in answer["looked"][:3]} == {
        ("west--east",),
        ("west--south",),
        ("east--south",),
    }


def test_in_words(here: Path) -> None:
    result = run("--at", "99.9")
    assert result.exit_code == 0, result.output
    assert "carried of 150 Gbit/s" in result.output
    assert "99.9% of the time" in result.output
    assert "what costs most" in result.output
    assert "66.67%" in result.output
    assert "carried of every demand" in run("--objective", "concurrent").output


def test_rates_of_ones_own(here: Path) -> None:
    never = told("--cuts", "0", "--site-down", "0")
    assert never["risks"] == []
    assert never["mean"]["least"] == 1.0
    assert never["failures"] == 1
    often = told("--cuts", "50", "--rest", "0.01", "--workers", "2")
    assert often["mean"]["most"] < 0.95


def test_what_cannot_be_asked(here: Path) -> None:
    result = run("--objective", "maxmin")
    assert result.exit_code == 2
    assert "of total and concurrent, not of maxmin" in result.output


@pytest.mark.parametrize(
    ("share", "text"), [(0.5, "50.00%"), (1.0, "100.00%"), (0.99999, "99.9990%"), (2e-5, "0.0020%"), (0.0, "0.00%")]
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text
