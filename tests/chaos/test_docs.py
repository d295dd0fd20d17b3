"""What README and First steps tell a reader to type, typed: each page against a `highroad up` of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.main import ASKING, application, asking
from tests.chaos.process import Up, everything

ROOT = Path(__file__).parents[2]
REFUSED = 3

pytestmark = pytest.mark.process


PAGES = ["README.md", "docs/first-steps.md"]


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def home(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader of the page is at home, from its first line to its last."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def up(home: Path) -> Iterator[Up]:
    """What runs there."""
    running = Up(home)
    yield running
    running.stop()


def commands(page: str) -> list[list[str]]:
    """Every `$ highroad ...` of a page's console blocks, but those that start the backbone itself."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.replace("\\\n", "").splitlines()]
    typed = [shlex.split(line[2:]) for line in lines if line.startswith("$ ")]
    return [words[1:] for words in typed if words and words[0].endswith("highroad") and words[1] != "up"]


def run(home: Path, *words: str) -> tuple[int, str]:
    """As a shell does it: the exit code, and what was printed."""
    environment = {**os.environ, "HIGHROAD_HOME": str(home)}
    command = [sys.executable, "-m", "highroad.main", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def run_here(home: Path, *words: str) -> tuple[int, str]:
    """The same in this process, which has loaded already what each of them would load."""
    app = asking() if words[0] in ASKING else application()
    done = CliRunner().invoke(app, words, env={"HIGHROAD_HOME": str(home)})
    return done.exit_code, done.output


def mine(up: Up) -> dict[str, str]:
    """The reader's services, and how they are."""
    return {one["id"]: one["state"] for one in everything(up, "/v1/services") if one["tenant"] == "acme"}


def test_every_command_does_what_the_page_says(page: str, home: Path, up: Up) -> None:
    typed, before = commands(page), mine(up)
    assert len(typed) >= 3
    for runs, words in zip((run, *[run_here] * len(typed)), typed, strict=False):
        code, said = runs(home, *words)
        assert code == (REFUSED if "10ms" in words else 0), (words, said)
        time.sleep(0.2)
    assert [state for name, state in mine(up).items() if name not in before] == ["ACTIVE"]


@pytest.mark.usefixtures("up")
def test_every_python_example_runs(page: str, home: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        environment = {**os.environ, "HIGHROAD_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-c", block], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert "free" not in done.stdout, "the example is refused"
