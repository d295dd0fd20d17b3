"""Which processes belong to a lab: written where the next start finds them, however the last one ended.

A process is its number and the instant at which it began, so a number that somebody else has by now is let alone.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from highroad.lab.names import LabId
from highroad.lab.namespaces import DYING_S

_FOLDER = "processes"


def note(lab: LabId, role: str, pid: int) -> None:
    """Remember a process; one that had this role before is forgotten."""
    folder = lab.run_folder / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / role).write_text(f"{pid} {_began(pid)}\n", encoding="ascii")


def living(lab: LabId) -> dict[str, int]:
    """Those that are remembered and still run, by role."""
    found = {}
    for entry in sorted((lab.run_folder / _FOLDER).glob("*")):
        with suppress(OSError, ValueError):
            pid, began = entry.read_text(encoding="ascii").split()
            if _began(int(pid)) == began:
                found[entry.name] = int(pid)
    return found


def end(lab: LabId, *, but: int | None = None) -> None:
    """End all that are remembered, at once, and wait until they are gone."""
    until = time.monotonic() + DYING_S
    while alive := [pid for pid in living(lab).values() if pid != but]:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > until:
            return
        time.sleep(0.002)


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty when it is gone, or only waits to be."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
