"""`highroad network check | show | build`, as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.formats.shipped import data_text, network_text
from highroad.offline.network import app

CASES = Path(__file__).parents[2] / "cases"
BROKEN = CASES / "broken-network" / "input.yaml"

runner = CliRunner()


def test_check_tells_everything_at_once() -> None:
    result = runner.invoke(app, ["check", str(BROKEN)])
    assert result.exit_code == 2
    for told in ("the fibre leads nowhere", "two links of one name", "-1220.0 is not a length"):
        assert told in result.output
    result = runner.invoke(app, ["check", str(BROKEN), "--json"])
    assert result.exit_code == 2
    told_json = json.loads(result.output)
    assert told_json["ok"] is False
    assert {"code", "place", "message", "severity", "line"} == set(told_json["findings"][0])


def test_check_a_good_file_of_either_format(tmp_path: Path) -> None:
    (tmp_path / "us.yaml").write_text(network_text("us"), encoding="utf-8")
    result = runner.invoke(app, ["check", str(tmp_path / "us.yaml")])
    assert result.exit_code == 0
    assert "123 sites, 195 fibres, 390 links" in result.output
    (tmp_path / "g.json").write_text(data_text("sources/backbones/CORONET_CONUS_Topology.json"), encoding="utf-8")
    result = runner.invoke(app, ["check", str(tmp_path / "g.json")])
    assert result.exit_code == 0
    assert "derived-capacity" in result.output


def test_files_that_are_none(tmp_path: Path) -> None:
    missing = runner.invoke(app, ["check", str(tmp_path / "nothing.yaml")])
    assert missing.exit_code == 4
    assert runner.invoke(app, ["check", str(tmp_path)]).exit_code == 4
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    binary = runner.invoke(app, ["check", str(tmp_path / "binary"), "--json"])
    assert binary.exit_code == 2
    assert json.loads(binary.output)["findings"][0]["code"] == "not-text"
    (tmp_path / "huge").write_bytes(b"#" * 10_000_001)
    assert json.loads(runner.invoke(app, ["show", str(tmp_path / "huge"), "--json"]).output)["ok"] is False


@pytest.mark.parametrize("name", ["us", "global"])
def test_show(name: str, tmp_path: Path) -> None:
    drawn = tmp_path / "map.svg"
    result = runner.invoke(app, ["show", name, "--svg", str(drawn)])
    assert result.exit_code == 0
    assert "reference" in result.output
    svg = drawn.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert svg.count("<circle") > 120
    summary = json.loads(runner.invoke(app, ["show", name, "--json"]).output)
    assert summary["links"] == 2 * summary["fibres"]


def test_show_what_is_broken_and_what_cannot_be_written(tmp_path: Path) -> None:
    assert runner.invoke(app, ["show", str(BROKEN)]).exit_code == 2
    assert runner.invoke(app, ["show", "us", "--svg", str(tmp_path / "no" / "map.svg")]).exit_code == 7


def test_names_are_not_taken_for_markup(tmp_path: Path) -> None:
    text = network_text("us").replace("name: US reference", 'name: "[bold]x[/] <script>"', 1)
    (tmp_path / "n.yaml").write_text(text, encoding="utf-8")
    result = runner.invoke(app, ["show", str(tmp_path / "n.yaml"), "--svg", str(tmp_path / "n.svg")])
    assert "[bold]x[/] <script>" in result.output
    assert "<script>" not in (tmp_path / "n.svg").read_text(encoding="utf-8")


def test_build_is_the_shipped_file(tmp_path: Path) -> None:
    out = tmp_path / "us.yaml"
    assert runner.invoke(app, ["build", "us", "--out", str(out)]).exit_code == 0
    assert out.read_text(encoding="utf-8") == network_text("us")
    assert runner.invoke(app, ["build", "us", "--check"]).exit_code == 0
    out.write_text(out.read_text(encoding="utf-8").replace("Denver", "Denvre", 1), encoding="utf-8")
    differs = runner.invoke(app, ["build", "us", "--check", "--out", str(out), "--json"])
    assert differs.exit_code == 2
    assert json.loads(differs.output)["same"] is False
    assert runner.invoke(app, ["build", "mars"]).exit_code == 4
