"""Several processes may model one plant one after the other: each from its own file, which it copies from the last.

A file is named after the epoch of who writes it. Who finds one of a later epoch has been deposed: it writes nothing
more, and what it wrote since the copy was made is nobody's. So no lock is held that a process which was stopped could
keep from its successor.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from highroad.errors import Deposed, Unavailable

KEPT = 2
"""Files that stay: one's own, and the one that it came of."""

_PATIENCE_S = 2.0


def take_over(path: Path, epoch: int) -> Path:
    """The file in which a plant goes on under an epoch. Raises Deposed where it has gone on under a later one, and
    Unavailable.
    """
    own = _of(path, epoch)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = epochs(path)
        check(path, epoch)
        if known and known[-1] < epoch:
            _copy(_of(path, known[-1]), own)
        for old in known[: -KEPT + 1] if known else []:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{_of(path, old)}{suffix}").unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"the plant's journal {path} cannot be taken over: {error}", path=str(path)) from error
    return own


def epochs(path: Path) -> list[int]:
    """Of the files that there are, in order; 0 for one of a process that was alone."""
    pattern = re.compile(rf"{re.escape(path.stem)}-(\d+){re.escape(path.suffix)}")
    found = [int(match[1]) for one in path.parent.iterdir() if (match := pattern.fullmatch(one.name))]
    return sorted([*found, *([0] if path.exists() else [])])


def check(path: Path, epoch: int) -> None:
    """Raises Deposed where a plant has gone on under a later epoch."""
    known = epochs(path)
    if known and known[-1] > epoch:
        raise Deposed(f"the plant goes on under epoch {known[-1]}, and this process has {epoch}: nothing was done")


def _of(path: Path, epoch: int) -> Path:
    return path if epoch == 0 else path.with_name(f"{path.stem}-{epoch}{path.suffix}")


def _copy(source: Path, target: Path) -> None:
    """One instant of a file, whole or not at all."""
    unfinished = target.with_name(f"{target.name}.new")
    unfinished.unlink(missing_ok=True)
    reading = sqlite3.connect(source, timeout=_PATIENCE_S)
    writing = sqlite3.connect(unfinished)
    try:
        reading.backup(writing)
    finally:
        writing.close()
        reading.close()
    unfinished.rename(target)
