"""A VictoriaMetrics of a test's own: what Highroad sends by remote write is asked of it again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

READY_S = 30.0


@contextmanager
def victoria(folder: Path) -> Iterator[str]:
    """Its address, on a port of its own; skips the test where it is not installed."""
    found = shutil.which("victoria-metrics")
    if found is None:
        pytest.skip("victoria-metrics is not installed: `apt-get install victoria-metrics`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [found, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}", "-memory.allowedBytes=64MB"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "-search.latencyOffset=0s"], stdout=log, stderr=log)
        try:
            until(lambda: httpx.get(f"{url}/health").is_success)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def until(true: Callable[[], object], within_s: float = READY_S) -> None:
    """Asks again and again, also who does not answer yet."""
    give_up_s = time.monotonic() + within_s
    while True:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < give_up_s, "it never came so"
        time.sleep(0.1)
