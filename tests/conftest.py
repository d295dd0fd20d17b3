"""What holds for every test run: in CI nothing may be skipped, because everything can run there."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.postgres import Postgres, binaries
from tests.support.postgres import postgres as server

settings.register_profile("noisy", deadline=None)
settings.load_profile("noisy")
"""A machine that others use is slow at times: a test says what is wrong, not how long it took to find it."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """A folder for this run's files, which no other run begins by closing to other users: PostgreSQL is one of them.

    Whoever runs the tests in the background of a shell hands on that SIGINT is ignored, and so would every process
    that a test starts, until it has a handler of its own.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.basetemp is None:
        folder = config.option.basetemp = tempfile.mkdtemp(prefix="hr-tests-", dir="/tmp")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_finish() -> None:
    """What was imported and collected lives as long as the run: no collection of garbage need look through it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of CI that skipped a test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if skipped and os.environ.get("CI") and exitstatus == pytest.ExitCode.OK:
        print(f"\nCI can run every test, and {skipped} skipped: a failure")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of this process. In CI it has to be there."""
    if binaries() is None and not os.environ.get("CI"):
        pytest.skip("there is no PostgreSQL here")
    with server() as running:
        yield running


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database."""
    url = postgres.create()
    yield url
    postgres.drop(url)
