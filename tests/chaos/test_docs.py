"""What README and First steps tell a reader to type, typed: against a `highroad up` of the test's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.process import Up

ROOT = Path(__file__).parents[2]
REFUSED = 3

pytestmark = pytest.mark.process


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    up = Up(tmp_path)
    yield tmp_path
    up.stop()


def commands(page: str) -> list[list[str]]:
    """Every `$ highroad ...` of a page's console blocks, but those that start the backbone itself."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.replace("\\\n", "").splitlines()]
    typed = [shlex.split(line[2:]) for line in lines if line.startswith("$ ")]
    return [words[1:] for words in typed if words and words[0].endswith("highroad") and words[1] != "up"]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HIGHROAD_HOME": str(home)}
    command = [sys.executable, "-m", "highroad.main", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("page", ["README.md", "docs/first-steps.md"])
def test_every_command_does_what_the_page_says(page: str, home: Path) -> None:
    typed = commands(page)
    assert len(typed) >= 3
    for words in typed:
        done = run(home, *words)
        expected = REFUSED if "10ms" in words else 0
        assert done.returncode == expected, (words, done.stdout, done.stderr)
        time.sleep(0.5)
    services = json.loads(run(home, "service", "list", "--json").stdout)
    mine = [service for service in services if service["tenant"] == "acme"]
    assert [service["state"] for service in mine] == ["ACTIVE"]


@pytest.mark.parametrize("page", ["README.md", "docs/first-steps.md"])
def test_every_python_example_runs(page: str, home: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        environment = {**os.environ, "HIGHROAD_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-c", block], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert "free" not in done.stdout, "the example is refused"
