"""What holds for every test run: in CI nothing may be skipped, because everything can run there."""

from __future__ import annotations

import os

import pytest


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of CI that skipped a test."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter is not None else 0
    if skipped and os.environ.get("CI") and exitstatus == pytest.ExitCode.OK:
        print(f"\nCI can run every test, and {skipped} skipped: a failure")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
