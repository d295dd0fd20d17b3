"""A whole `highroad up`, as a user starts it, for the tests that look at it from outside."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

READY_S = 90.0
END_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What `highroad up --json` says when it is ready."""

    url: str
    operator_token: str
    tenant_token: str
    code: str
    pid: int


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One controller with the reference network, in a home of its own, for the whole session."""
    home = tmp_path_factory.mktemp("home")
    said = home / "stderr.txt"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HIGHROAD_")}
    environment["HIGHROAD_HOME"] = str(home)
    command = [sys.executable, "-m", "highroad.main", "up", "--fabric", "twin", "--port", "0", "--no-tour", "--json"]
    with said.open("wb") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        yield _when_ready(process, process.stdout, said)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _when_ready(process: subprocess.Popen[str], out: IO[str], said: Path) -> Running:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in out:
                lines.put(line)
        except ValueError:
            pass  # closed by the fixture's end
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    give_up = time.monotonic() + READY_S
    while True:
        try:
            line = lines.get(timeout=max(0.0, give_up - time.monotonic()))
        except queue.Empty:
            pytest.fail(f"highroad up was not ready in {READY_S:.0f} s:\n{said.read_text()}")
        if line is None:
            pytest.fail(f"highroad up ended with {process.wait()}:\n{said.read_text()}")
        try:
            ready = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(ready, dict) and "url" in ready:
            return Running(
                url=str(ready["url"]).rstrip("/"),
                operator_token=ready["operator_token"],
                tenant_token=ready["tenant_token"],
                code=ready["code"],
                pid=process.pid,
            )
