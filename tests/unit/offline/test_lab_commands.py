"""`highroad lab up` beside `highroad up`: one home, one authority."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.errors import Unavailable
from highroad.lab import run
from highroad.lab.talk import Options
from highroad.main import application
from highroad.model.network import Network


def test_a_lab_has_the_authority_of_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `highroad up` has it: else its controller and these routers would be strangers."""
    asked: list[tuple[Path, Options]] = []

    async def start(folder: Path, network: Network, options: Options) -> None:
        asked.append((folder, options))
        raise Unavailable("enough")

    monkeypatch.setattr(run, "start", start)
    done = CliRunner().invoke(application(), ["lab", "up", "--home", str(tmp_path)])
    assert done.exit_code == 7
    assert asked[0][0] == tmp_path / "lab"
    assert asked[0][1].pki == str(tmp_path / "pki")
