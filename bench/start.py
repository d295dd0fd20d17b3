"""The stranger's minute: `make up` in a fresh clone to a played tour, and `highroad up` again to ready."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, running

REPOSITORY = Path(__file__).parent.parent
PLAYED = "Try next"
PATIENCE_S = 300.0


def figures() -> Iterator[Figure]:
    """Both starts. What is committed is what is cloned."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "highroad"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        took_s = _make_up(clone)
        yield Figure(
            what="make up in a fresh clone to a played tour, warm package cache",
            ours=f"{took_s:.0f} s",
            bar="<= 90 s",
            met=took_s <= 90,
        )
        begun = time.monotonic()
        with running(clone / ".highroad"):
            took_s = time.monotonic() - begun
        yield Figure(what="highroad up again to ready", ours=f"{took_s:.1f} s", bar="<= 10 s", met=took_s <= 10)


def _make_up(clone: Path) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HIGHROAD", "MAKE"))}
    log = clone.parent / "up.log"
    begun = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(
            ["make", "up", "UP=--fabric twin --port 0"],
            cwd=clone,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            while PLAYED not in log.read_text():
                if process.poll() is not None or time.monotonic() - begun > PATIENCE_S:
                    raise RuntimeError(f"make up did not get there:\n{log.read_text()[-2000:]}")
                time.sleep(0.2)
            return time.monotonic() - begun
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(timeout=30)
