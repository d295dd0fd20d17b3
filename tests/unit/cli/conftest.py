"""A backbone on a real port, in a thread of its own, and the command line in front of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from highroad.cli.app import build_app
from highroad.client.home import Credentials, write_credentials
from highroad.control.better import better
from tests.support.backbone import backbone, serving


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its machine output."""
        return json.loads(self.out)


Highroad = Callable[..., Ran]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The home directory of a backbone that is up; of a module that says WATCHED = False nobody sees a silent cut,
    and of one with RULES the optimiser plans by them, with its SOLVE if it has one.
    """
    watched, rules = getattr(request.module, "WATCHED", True), getattr(request.module, "RULES", None)
    folder = tmp_path_factory.mktemp("home")
    ready, stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with backbone(watched=watched, rules=rules) as world, serving(world) as url:
            world.controller.seat.replanning.solve = getattr(request.module, "SOLVE", better)
            known = Credentials(url=url, operator_token=world.operator, tenant_token=world.acme, tenant="acme")
            write_credentials(known, folder)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    yield folder
    stop.set()
    thread.join()


@pytest.fixture
def highroad(home: Path) -> Highroad:
    """Runs a command, as a shell would."""

    def run(*words: str, stdin: str | None = None, **environment: str) -> Ran:
        variables = {"HIGHROAD_HOME": str(home), "COLUMNS": "200", "TERM": "dumb"} | environment
        found = CliRunner().invoke(build_app(), list(words), input=stdin, env=variables)
        return Ran(found.exit_code, found.stdout, found.stderr)

    return run
