"""`highroad backup` and `highroad restore`: which store they mean, what they say, and what comes along besides it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.main import application
from highroad.main.home import claim
from highroad.ports import Commit, EventRecord
from highroad.storage.store import SqlStore

KEY = "0123456789abcdef"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    store = SqlStore(folder / "highroad.db")
    store.commit(Commit(events=[EventRecord(kind="k", subject="s", at_s=0.0, tenant=None, data={})]))
    store.close()
    (folder / "webhook.key").write_text(f"{KEY}\n")
    return folder


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(application(), [str(one) for one in arguments])
    return done.exit_code, done.output


def test_a_home_is_backed_up_verified_and_restored_with_its_key(home: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    code, told = run("backup", file, "--home", home, "--with-key")
    assert (code, "written" in told) == (0, True)
    code, told = run("backup", "verify", file, "--json")
    assert (code, json.loads(told)["counts"]["events"]) == (0, 1)
    code, told = run("restore", file, "--home", other, "--json")
    assert (code, json.loads(told)["store"]) == (0, "sqlite")
    assert (other / "webhook.key").read_text().strip() == KEY
    assert [one.name for one in other.glob("highroad*")] == ["highroad.db"]
    assert run("restore", file, "--home", other)[0] == 6
    assert run("restore", file, "--home", other, "--replace")[0] == 0
    with claim(other):
        code, told = run("restore", file, "--home", other, "--replace")
        assert (code, "another highroad is up" in told) == (6, True)
    assert run("backup", file, "--home", home)[0] == 6
    assert run("backup", "write", file, "--home", home, "--replace")[0] == 0
    assert run("restore", file, "--home", tmp_path / "apart")[0] == 0
    assert not (tmp_path / "apart" / "webhook.key").exists()
    assert run("backup", tmp_path / "none", "--home", tmp_path / "nowhere")[0] == 4
    file.write_bytes(file.read_bytes()[:-1])
    for arguments in (["backup", "verify", file], ["restore", file, "--home", tmp_path / "third"]):
        code, told = run(*arguments)
        assert (code, "damaged or cut off" in told.replace("\n", " ")) == (2, True)
    assert not (tmp_path / "third" / "highroad.db").exists()


def test_the_home_that_is_asked_for_goes_before_the_database_of_the_environment(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGHROAD_DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    assert run("backup", tmp_path / "file", "--home", home)[0] == 0
    assert run("backup", tmp_path / "other")[0] == 7


@pytest.mark.parametrize("arguments", [["backup"], ["backup", "write"], ["backup", "verify"], ["restore"], ["prune"]])
def test_help_has_an_example(arguments: list[str]) -> None:
    code, told = run(*arguments, "--help")
    assert (code, "Example:" in told) == (0, True)


def test_what_is_old_is_forgotten_when_asked(home: Path) -> None:
    assert json.loads(run("prune", "--home", home, "--json")[1]) == {"commits": 0, "answers": 0}
    code, told = run("prune", "--home", home, "--journal-days", 365, "--answers-days", 7)
    assert (code, told) == (0, "forgotten: 0 commits, 0 answers\n")
    assert run("prune", "--home", home / "none")[0] == 4
