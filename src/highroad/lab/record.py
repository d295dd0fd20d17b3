"""Which processes belong to a lab: written where the next start finds them, however the last one ended.

A process is its number and the instant at which it began, so a number that somebody else has by now is let alone.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from highroad.lab.names import LabId
from highroad.lab.namespaces import DYING_S

DAEMON = "highroad.lab.daemon"
"""The module that is run as a daemon."""

_FOLDER = "processes"


def note(lab: LabId, role: str, pid: int) -> None:
    """Remember a process; one that had this role before is forgotten."""
    lab.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = lab.run_folder / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
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


def end(lab: LabId, folder: Path, *, but: int | None = None) -> None:
    """End all that are remembered, at once, and wait until they are gone. So are those that were forked from a daemon
    of this folder and are not remembered, however the record was lost.
    """
    until = time.monotonic() + DYING_S
    while time.monotonic() < until:
        alive = {*living(lab).values(), *_forked(folder)} - {but, os.getpid()}
        if not alive:
            return
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)


def command(folder: Path) -> list[str]:
    """What starts a daemon; what it forks bears the same name."""
    return [sys.executable, "-m", DAEMON, str(folder.expanduser().resolve())]


def _forked(folder: Path) -> set[int]:
    named = [word.encode() for word in command(folder)[1:]]
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                pid = int(entry.name)
                is_named = (entry / "cmdline").read_bytes().split(b"\0")[1:4] == named
                if is_named and os.getsid(pid) == pid and _began(pid):  # who waits for a daemon leads no session
                    found.add(pid)
    return found


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty when it is gone, or only waits to be."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
