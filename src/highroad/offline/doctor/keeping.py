"""What is kept: the home, the disk and the file system that it is on, the lock, and the store in it."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from highroad.offline.doctor.said import Said, good, nothing, odd, wrong
from highroad.units import iso_from_s

LEAST_BYTES, FEW_BYTES = 100 * 2**20, 2**30
LONG_WAL_BYTES = 2**30

SHARED = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs)|vboxsf|drvfs"
)
"""File systems on which SQLite's locks or its shared memory do not hold (sqlite.org/wal.html, section 9)."""

FLEETING = re.compile(r"tmpfs|ramfs")


def home(path: Path, user: int | None = None) -> Said:
    """Whether the home is a folder of ours, which nobody else can read, or can be made.

    What may be written is tried, for to root everything looks as if it could be: a folder is made and taken away.
    """
    us = os.geteuid() if user is None else user
    try:
        found = path.stat()
    except FileNotFoundError:
        above = _there(path)
        try:
            Path(tempfile.mkdtemp(prefix=".highroad-doctor-", dir=above)).rmdir()
        except OSError as error:
            what = f"{path} is not there, and in {above} no folder can be made: {error.strerror}."
            return wrong("home", what, "Give another with HIGHROAD_HOME.")
        return nothing("home", f"{path} is made by the first `highroad up`.")
    except OSError as error:
        return wrong("home", f"{path} cannot be looked at: {error.strerror}.", "Give another with HIGHROAD_HOME.")
    if not stat.S_ISDIR(found.st_mode):
        return wrong("home", f"{path} is no folder.", "Move it away, or give another with HIGHROAD_HOME.")
    if found.st_uid != us:
        return wrong("home", f"{path} belongs to user {found.st_uid}, and this is {us}.", f"chown -R {us} {path}")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return wrong("home", f"{path} cannot be written.", f"chmod 700 {path}; or is it mounted read-only?")
    if found.st_mode & 0o077:
        seen = sorted(one.name for one in path.glob("*") if one.is_file() and _secret(one) and _open(one))
        what = f"look into {path}" + (f", and at what is in {', '.join(seen)}" if seen else "")
        return odd("home", f"Others can {what}: tokens are kept there.", f"chmod 700 {path}")
    return good("home", str(path))


def disk(path: Path, free: int | None = None) -> Said:
    """Whether there is room for what is going to be written."""
    left = shutil.disk_usage(_there(path)).free if free is None else free
    shown = f"{left / 2**30:.1f} GiB free" if left >= 2**30 else f"{left / 2**20:.0f} MiB free"
    if left < LEAST_BYTES:
        return wrong("disk", f"{shown} at {path}: soon nothing can be written, and no order gets a yes.", "Make room.")
    if left < FEW_BYTES:
        return odd("disk", f"{shown} at {path}.", "Make room: the store and its log of events grow and are never cut.")
    return good("disk", shown)


def filesystem(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> Said:
    """Whether locks and shared memory of SQLite hold where the store is."""
    kind = _kind(path, mounts)
    if kind is None:
        return nothing("file system", "This machine does not tell which one the home is on.")
    if SHARED.fullmatch(kind):
        return wrong(
            "file system",
            f"{path} is on {kind}: locks do not hold there between machines, and the store can be damaged.",
            "Put the home on a local disk, or the store into PostgreSQL.",
        )
    if FLEETING.fullmatch(kind):
        return odd("file system", f"{path} is on {kind}: it is gone after a restart.", "Put the home on a disk.")
    return good("file system", kind)


def lock(path: Path, table: Path = Path("/proc/locks"), user: int | None = None) -> Said:
    """Who is up on the home; a lock's file that nobody holds is no trouble, but one that we may not open is."""
    file = path / "lock"
    try:
        about = file.stat()
    except OSError:
        return nothing("lock", "Nobody was up here yet.")
    if about.st_uid != (os.geteuid() if user is None else user) and not os.access(file, os.W_OK):
        return wrong(
            "lock", f"{file} belongs to user {about.st_uid}: a start cannot take it.", f"rm {file}, while it is down."
        )
    pid = holder(file, table)
    return good("lock", "nobody is up here" if pid is None else f"process {pid} is up here")


def holder(file: Path, table: Path = Path("/proc/locks")) -> int | None:
    """Which process holds a lock on a file (proc(5), /proc/locks); None for nobody, or one that is not told."""
    try:
        about = file.stat()
        lines = table.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    named = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    found = (line.split() for line in lines if named in line.split())
    return next((int(words[4]) for words in found if int(words[4]) > 0), None)


def store(path: Path, known: Sequence[str], elsewhere: bool = False) -> Said:
    """Whether the store is whole, and of this version, which knows these migrations. It is only read.

    `elsewhere` where the settings name a database, though a wrong one.
    """
    if elsewhere:
        return nothing("store", "The store is not in the home: HIGHROAD_DATABASE is set.")
    file = path / "highroad.db"
    if not file.exists():
        return nothing("store", f"{file} is made by the first `highroad up`.")
    from_copy = "Stop highroad, move it away, and restore a backup."
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=2)) as found:
            amiss = [row[0] for row in found.execute("PRAGMA integrity_check(3)")]
            if amiss != ["ok"]:
                return wrong("store", f"{file} is damaged: {'; '.join(map(str, amiss))}", from_copy)
            if not _one(found, "SELECT count(*) FROM sqlite_master"):
                return nothing("store", f"{file} is empty: the first `highroad up` fills it.")
            mode = str(found.execute("PRAGMA journal_mode").fetchone()[0])
            revision = _one(found, "SELECT version_num FROM alembic_version")
            events = _one(found, "SELECT max(sequence) FROM events") or 0
    except sqlite3.DatabaseError as error:
        return wrong("store", f"{file} cannot be read: {error}", from_copy)
    wanted = known[-1]
    if revision is not None and revision not in known:
        return wrong(
            "store", f"{file} is of a newer version: it is at {revision}, and this one knows {wanted}.",
            "Install the version that wrote it: there is no way down.",
        )  # fmt: skip
    wal = file.with_name("highroad.db-wal")
    size = wal.stat().st_size if wal.exists() else 0
    written = max(one.stat().st_mtime for one in (file, wal) if one.exists())
    shown = f"whole, {events:,} events, last written {iso_from_s(written)}"
    if mode != "wal":
        return odd("store", f"{file} is in mode {mode}, not wal.", "Start it once: `highroad up` sets it.")
    if size > LONG_WAL_BYTES:
        return odd(
            "store",
            f"{shown}; its log is {size / 2**30:.1f} GiB.",
            "Something keeps it open to read: end that; then restart.",
        )
    if revision != wanted:
        return odd(
            "store", f"{shown}; it is at {revision}, and goes to {wanted} at the next start.", "Back it up first."
        )
    return good("store", shown)


def _one(found: sqlite3.Connection, query: str) -> object:
    row = found.execute(query).fetchone()
    return None if row is None else row[0]


def _secret(path: Path) -> bool:
    return path.suffix in (".json", ".db", ".key") or path.name.startswith("highroad.db")


def _open(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o077)


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that is there; where links lead to nothing, above where they lead."""
    led = Path(os.path.realpath(path))
    return next((one for one in (led, *led.parents) if one.exists()), Path("/"))


def _kind(path: Path, mounts: Path) -> str | None:
    """The type of the file system of a path: of the longest mount point above it (proc(5), mountinfo)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    where = _there(path).resolve()
    best: tuple[int, str] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if where.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), after.split()[0])
    return None if best is None else best[1]
