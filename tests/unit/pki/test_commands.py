"""`highroad pki`: every command, with --json and without, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from highroad.main import application


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert call(tmp_path / "pki", "init").exit_code == 0
    return tmp_path / "pki"


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(application(), ["pki", *words], env={"HIGHROAD_PKI": str(folder), "COLUMNS": "200"})


def told(folder: Path, *words: str) -> dict[str, Any]:
    result = call(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert isinstance(answer, dict)
    return answer


def test_an_authority_is_made_once(folder: Path) -> None:
    again = call(folder, "init")
    assert again.exit_code == 6
    assert "there is an authority in" in again.output
    problem = json.loads(call(folder, "init", "--json").stdout)
    assert problem["code"] == "conflict"
    assert told(folder, "init", "--dry-run")["existed"]
    assert call(folder.with_name("other"), "init", "--dry-run").exit_code == 0
    assert not folder.with_name("other").exists()
    assert call(folder, "init", "--days", "0").exit_code == 2


def test_a_router_is_given_what_it_needs_and_no_more(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "to" / "denver"
    answer = told(folder, "issue", "denver", "--role", "agent", "--address", "fc00::1", "--out", str(out))
    assert {path.name for path in out.iterdir()} == {"denver.crt", "denver.key", "ca.crt", "crl.pem"}
    assert answer["files"]["key"] == str(out / "denver.key")
    assert answer["certificate"]["addresses"] == ["fc00::1"]
    assert "denver as agent, for 90 days" in call(folder, "issue", "denver", "--role", "agent").output


def test_what_is_wrong_with_a_name_is_told_all_at_once_and_a_dry_run_tells_it_too(folder: Path) -> None:
    for extra in ((), ("--dry-run",)):
        result = call(folder, "issue", "Denver", "--role", "agent", "--address", "x", *extra)
        assert result.exit_code == 2
        assert "'Denver' is not a host name" in result.output
        assert "'x' is not an IPv4 or IPv6 address" in result.output
    problem = json.loads(call(folder, "issue", "Denver", "--role", "agent", "--json").stdout)
    assert [one["code"] for one in problem["findings"]] == ["name"]
    assert call(folder, "issue", "denver", "--role", "king").exit_code == 2
    assert "would be issued" in call(folder, "issue", "denver", "--role", "agent", "--dry-run").output
    assert told(folder, "list")["certificates"] == []


def test_rotating(folder: Path) -> None:
    call(folder, "issue", "denver", "--role", "agent", "--days", "10")
    call(folder, "issue", "omaha", "--role", "agent")
    assert [one["name"] for one in told(folder, "rotate", "--dry-run")["rotated"]] == ["denver"]
    assert "denver" in call(folder, "rotate").output
    assert len(told(folder, "list", "--all")["certificates"]) == 3
    assert [one["name"] for one in told(folder, "rotate", "omaha")["rotated"]] == ["omaha"]
    assert "Nothing expires within 1 days" in call(folder, "rotate", "--within-days", "1").output
    assert call(folder, "rotate", "chicago").exit_code == 4


def test_revoking(folder: Path) -> None:
    call(folder, "issue", "denver", "--role", "agent")
    assert "would be revoked" in call(folder, "revoke", "denver", "--dry-run").output
    assert told(folder, "list")["certificates"][0]["state"] == "good"
    (one,) = told(folder, "revoke", "denver")["revoked"]
    assert told(folder, "list")["certificates"][0]["state"] == "revoked"
    assert "counted any more" in call(folder, "revoke", "denver", "--serial", one["serial"]).output
    assert call(folder, "revoke", "denver", "--serial", "zz").exit_code == 2
    assert call(folder, "revoke", "denvr").exit_code == 4


def test_the_table_shows_who_and_until_when(folder: Path) -> None:
    call(folder, "issue", "denver", "--role", "agent", "--days", "5")
    call(folder, "issue", "ctl", "--role", "controller")
    lines = call(folder, "list").output.splitlines()
    assert any("denver" in line and "soon" in line for line in lines)
    assert any("ctl" in line and "controller" in line and "good" in line for line in lines)


def test_without_an_authority(tmp_path: Path) -> None:
    for words in (["list"], ["rotate"], ["revoke", "x"], ["issue", "x", "--role", "agent"]):
        result = call(tmp_path / "none", *words)
        assert result.exit_code == 4, result.output
        assert "highroad pki init" in result.output
