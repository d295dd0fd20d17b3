"""A disk of one's own: an ext4 file system in a file, which can lose its power or be full.

What a program has written and not synced is in the machine's memory, in the pages of the file system; what is synced,
and nothing else, has gone to the file that is its disk. So a copy of that file is what is left after a power cut: the
kernel mounts it, its journal is played back, and what was never synced is not there. The kernel writes dirty pages out
by itself after half a minute, and its journal every `COMMIT_S`: lives are shorter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMIT_S = 600
SIZE_MB = 48
PATIENCE_S = 10.0


class Disk:
    """A mounted one. `folder` is where."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder
        folder.mkdir(exist_ok=True)
        _run("mount", "-o", f"loop,commit={COMMIT_S},noatime", str(image), str(folder))

    @classmethod
    def new(cls, at: Path, size_mb: int = SIZE_MB) -> Disk:
        """An empty one, in a file beside its mount point. Raises OSError where this machine cannot."""
        at.mkdir(parents=True, exist_ok=True)
        image = at / "disk-0.img"
        with image.open("wb") as file:
            file.truncate(size_mb << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        return cls(image, at / "disk")

    def as_after_power_loss(self) -> Path:
        """A copy of what has reached the disk; whoever writes to it has been stopped. The disk goes on."""
        number = int(self.image.stem.rpartition("-")[2]) + 1
        copy = self.image.with_name(f"disk-{number}.img")
        _run("cp", "--sparse=always", str(self.image), str(copy))
        return copy

    def lose_power(self, copy: Path) -> Disk:
        """What is mounted in its place once the power is back: the copy that was made at the instant of the loss."""
        self.close()
        self.image.unlink()
        return Disk(copy, self.folder)

    def fill(self) -> None:
        """Leave no room on it."""
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Take away what filled it."""
        (self.folder / "ballast").unlink()

    def close(self) -> None:
        """Let go of it, once whoever was killed has."""
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                _run("umount", str(self.folder))
                return
            except OSError:
                if time.monotonic() > until_s:
                    _run("umount", "--lazy", str(self.folder))  # whoever tidies folders up later finds none in its way
                    raise
                time.sleep(0.02)


def why_not() -> str | None:
    """Why this machine has no disks to take the power from, in words; None where it has."""
    if os.geteuid() != 0:
        return "only root mounts a file system of its own"
    missing = [tool for tool in ("mkfs.ext4", "mount", "umount") if shutil.which(tool, path=_PATH) is None]
    if missing:
        return f"there is no {', '.join(missing)}"
    return None if Path("/dev/loop-control").exists() else "there are no loop devices"


@contextmanager
def disk(at: Path, size_mb: int = SIZE_MB) -> Iterator[list[Disk]]:
    """A disk for as long as the context lasts; the list has the one that is mounted."""
    held = [Disk.new(at, size_mb)]
    try:
        yield held
    finally:
        held[0].close()


_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def _run(*words: str) -> None:
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
