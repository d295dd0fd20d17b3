"""One line of the table, and the tools that several figures share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def up_on(fabric: str) -> tuple[str, ...]:
    """How a controller is started over a fabric."""
    return ("up", "--fabric", fabric, "--port", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, what was seen, the bar that it has to meet, and what a peer does."""

    what: str
    ours: str
    bar: str = ""
    peer: str = ""
    met: bool | None = None


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the others are (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def cpu_s(pid: int) -> float:
    """What a process has had of processors, as Linux counts it in hundredths."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(home: Path | None = None, *, fabric: str = "twin") -> Iterator[dict[str, Any]]:
    """A `highroad up` in a process of its own: what it prints when it is ready, and its number. It is ended with the
    context.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "HIGHROAD_HOME": str(home or folder)}
        command = [sys.executable, "-m", "highroad.main", *up_on(fabric), "--json", "--no-tour", "--bare"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"highroad up ended with {process.wait()} before it was ready")
            yield json.loads(line) | {"pid": process.pid}
        finally:
            process.terminate()
            process.wait(timeout=30)
            if process.stdout is not None:
                process.stdout.close()
