"""The files of what is thinned, on disk: Parquet, one a day or a month, which any tool reads; the oldest goes first.

A file's name has the day or month of its rows, and the newest batch in it: `20261128-51840.parquet`. Files are written
beside, synced and renamed, so one that is there is whole; and they are never changed. One that a disk has damaged all
the same is renamed, `20261128-51840.parquet.damaged`: its time is a gap, and nobody lets go of it but who looks after
the disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from highroad.model.tracks import Subject
from highroad.telemetry.levels import LEVELS, Level

DAMAGED = ".damaged"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Part:
    """A file: of which day or month, and the newest batch in it."""

    stamp: str
    batch: int
    path: Path
    size_bytes: int


class Partitions:
    """All files of one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for level in LEVELS:
            for subject in Subject:
                self.folder(level, subject).mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._folder.glob("*/*/*.part"):
            left.unlink(missing_ok=True)

    def folder(self, level: Level, subject: Subject) -> Path:
        """Where the files of a level are."""
        return self._folder / level.name / subject.value

    def parts(self, level: Level, subject: Subject) -> list[Part]:
        """The files of a level, the oldest first."""
        found = []
        for path in self.folder(level, subject).glob("*-*.parquet"):
            stamp, _, batch = path.stem.partition("-")
            with suppress(OSError, ValueError):
                found.append(Part(stamp=stamp, batch=int(batch), path=path, size_bytes=path.stat().st_size))
        return sorted(found)

    def keep(self, written: Path, level: Level, subject: Subject, stamp: str, batch: int) -> Path:
        """Make a file that was written one of these, durably."""
        at = self.folder(level, subject) / f"{stamp}-{batch}.parquet"
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.rename(at)
        sync(at.parent)
        return at

    def surplus(self, level: Level) -> list[Part]:
        """Files that are too old: of days or months that have data so many are kept, whatever the clock says."""
        every = [part for subject in Subject for part in self.parts(level, subject)]
        kept = set(sorted({part.stamp for part in every})[-level.files :])
        return [part for part in every if part.stamp not in kept]

    def oldest(self) -> tuple[Level, list[Part]] | None:
        """What goes first where there is too little room: the oldest day or month of the level that has most of its
        share. None where there is no file.
        """
        sizes = {level: self.size_bytes(level) for level in LEVELS}
        level = max(LEVELS, key=lambda one: sizes[one] / one.share)
        every = [part for subject in Subject for part in self.parts(level, subject)]
        if not every:
            return None
        first = min(part.stamp for part in every)
        return level, [part for part in every if part.stamp == first]

    def size_bytes(self, *levels: Level) -> int:
        """How much room the files of some levels take."""
        return sum(part.size_bytes for level in levels for subject in Subject for part in self.parts(level, subject))

    def set_aside(self, part: Part) -> Path:
        """Have a file be no part any more, and keep it. Raises OSError."""
        aside = part.path.with_name(part.path.name + DAMAGED)
        part.path.rename(aside)
        return aside

    @property
    def damaged(self) -> list[Path]:
        """Files that were set aside."""
        return sorted(self._folder.glob(f"*/*/*{DAMAGED}"))

    def drop(self, parts: Iterable[Part]) -> None:
        """Let go of files."""
        for part in parts:
            part.path.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
