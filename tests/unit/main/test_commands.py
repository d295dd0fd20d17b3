"""What is loaded for a command: who asks a controller loads nothing that plans, and is the same command as ever."""

from __future__ import annotations

import subprocess
import sys

import typer

from highroad.main import ASKING, application, asking

ASK = """
import sys
from highroad import main
sys.argv = ["highroad", {word!r}, "--help"]
try:
    main.run()
except SystemExit as ended:
    assert not ended.code, ended.code
assert ("highroad.offline.optimise" in sys.modules) is {plans}, sys.modules.keys()
"""


def test_who_asks_a_controller_loads_nothing_that_plans() -> None:
    for word, plans in (("service", False), ("lab", True)):
        done = subprocess.run(
            [sys.executable, "-c", ASK.format(word=word, plans=plans)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Usage: highroad" in done.stdout


def test_a_command_that_asks_is_all_there_is_of_it() -> None:
    """Of a group that others join, or a command that is theirs, only the whole program has everything."""
    few, whole = asking(), application()
    theirs = {
        name
        for name, group in groups(whole).items()
        if any(not str(one.callback.__module__).startswith("highroad.cli") for one in group if one.callback)
    }
    names = {one.name for one in few.registered_commands} | groups(few).keys()
    assert names - theirs == ASKING
    assert {one.name for one in whole.registered_commands} & ASKING == {
        one.name for one in few.registered_commands
    } & ASKING
    assert {"lab", "network"} <= theirs


def groups(app: typer.Typer) -> dict[str | None, list[typer.models.CommandInfo]]:
    """The commands of each group."""
    return {one.name: one.typer_instance.registered_commands for one in app.registered_groups if one.typer_instance}
