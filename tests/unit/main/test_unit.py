"""The systemd unit and its settings: what systemd itself says of it, and that they fit what the controller reads."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from highroad.settings import Settings

FOLDER = Path(__file__).parents[3] / "packaging" / "systemd"
UNIT = (FOLDER / "highroad.service").read_text(encoding="utf-8")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit is not verified here")
    program = tmp_path / "highroad"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "highroad.service"
    text = UNIT.replace("/opt/highroad/bin/highroad", str(program))
    text = re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE)  # who is made by the installation
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    about_us = [line for line in done.stderr.splitlines() if "highroad.service" in line]
    assert about_us == []
    unit.write_text(text + "\nNonsense=1\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "Nonsense" in done.stderr


def test_the_settings_that_go_with_it_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (FOLDER / "highroad.env").read_text(encoding="utf-8")
    for line in text.splitlines():
        if told := re.fullmatch(r"#?(HIGHROAD_\w+)=(.*)", line):
            name = told[1].removeprefix("HIGHROAD_").lower()
            assert name in Settings.model_fields, line
            monkeypatch.setenv(told[1], told[2])
    settings = Settings()
    assert settings.hosts == ["highroad.example.net"]
    assert settings.metrics_token is not None
    most_s = settings.drain_s + settings.stop_s
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)[0]) > most_s + 5


def test_every_setting_is_in_the_docs() -> None:
    text = (FOLDER.parents[1] / "docs" / "operate.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"HIGHROAD_{name.upper()}" not in text]
    assert missing == []
