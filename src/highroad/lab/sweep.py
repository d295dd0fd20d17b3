"""Everything that a lab left on the machine taken away: its processes, its namespaces, its sockets."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from highroad.lab import namespaces, record
from highroad.lab.names import LabId

KEPT = ("lock",)


def sweep(lab: LabId, folder: Path, *, but: int | None = None) -> None:
    """Take away what a lab left, however it ended; `but` is a process of it that goes on."""
    record.end(lab, folder, but=but)
    namespaces.remove(namespaces.named(lab.prefix))
    with suppress(FileNotFoundError):
        for entry in list(lab.run_folder.iterdir()):
            if entry.is_dir():
                if but is None:  # else it is still to be found in the record
                    shutil.rmtree(entry, ignore_errors=True)
            elif entry.name not in KEPT:
                entry.unlink(missing_ok=True)
    for state in (folder / "agents").glob("*"):
        if state.is_dir():
            shutil.rmtree(state, ignore_errors=True)
