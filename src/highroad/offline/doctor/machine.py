"""The machine: Python and packages, the clock, limits of the process, what routers need, leftovers of labs."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import metadata
from pathlib import Path

from highroad.lab.names import NAMESPACES, RUN
from highroad.lab.needs import missing
from highroad.offline.doctor.said import Said, good, nothing, odd, wrong

LEAST_FILES = 4096
LEAST_PROCESSES = 512
LEAST_MEMORY_BYTES = 512 * 1024 * 1024
UNSYNCHRONISED = 0x40
"""STA_UNSYNC of adjtimex(2)."""

CGROUPS = Path("/sys/fs/cgroup")


def python(version: Sequence[int] = sys.version_info[:3]) -> Said:
    """Whether this Python is new enough."""
    shown = ".".join(map(str, version))
    if tuple(version) < (3, 11):
        return wrong("python", f"Python {shown}", "Highroad needs Python 3.11 or newer: install it and set up anew.")
    return good("python", f"Python {shown}")


def packages(
    version: Callable[[str], str] = metadata.version,
    requires: Callable[[str], Sequence[str] | None] = metadata.requires,
) -> Said:
    """Whether every package that Highroad needs is there and new enough."""
    try:
        wanted, ours = requires("highroad") or (), version("highroad")
    except metadata.PackageNotFoundError:
        return wrong(
            "packages", "Highroad is not installed as a package.", "Install it: `make up`, or pip with its wheel."
        )
    amiss = []
    for line in wanted:
        name, least = re.match(r"([\w.-]+)(?:\[[^]]*])?(?:>=([\d.]+))?", line).groups()  # type: ignore[union-attr]
        if "extra ==" in line:
            continue
        try:
            found = version(name)
        except metadata.PackageNotFoundError:
            amiss.append(f"{name} is missing")
            continue
        if least and _numbers(found) < _numbers(least):
            amiss.append(f"{name} is {found}, and {least} is needed")
    if amiss:
        return wrong("packages", "; ".join(amiss), "Install what requirements/runtime.txt lists, by its hashes.")
    return good("packages", f"highroad {ours} and what it needs")


def clock(status: Callable[[], int | None] | None = None) -> Said:
    """Whether the kernel says that its clock is synchronised (adjtimex(2))."""
    found = (status or _clock_status)()
    if found is None:
        return nothing("clock", "This kernel does not tell whether its clock is synchronised.")
    if found & UNSYNCHRONISED:
        return odd(
            "clock",
            "No NTP keeps this clock: windows open and close, and certificates expire, by a clock that drifts.",
            "Run one, e.g. systemd-timesyncd (`timedatectl set-ntp true`) or chrony.",
        )
    return good("clock", "synchronised")


def limits(files: int | None = None, cgroup: Path = CGROUPS, own: str | None = None) -> Said:
    """How many files the process may have open, and what its control group lets it have of tasks and memory."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if files is None else files
    amiss = []
    if 0 <= most < LEAST_FILES:
        amiss.append(f"{most} open files, and each connection takes one")
    folder = cgroup / (_own_cgroup() if own is None else own)
    tasks, memory = _limit(folder / "pids.max"), _limit(folder / "memory.max")
    if tasks is not None and tasks < LEAST_PROCESSES:
        amiss.append(f"{tasks} tasks in its control group, and a lab takes some for each router")
    if memory is not None and memory < LEAST_MEMORY_BYTES:
        amiss.append(f"{memory // 2**20} MiB of memory in its control group")
    if amiss:
        remedy = f"Raise them: LimitNOFILE={LEAST_FILES} (ulimit -n), TasksMax={LEAST_PROCESSES}, MemoryMax=512M."
        return odd("limits", "At most " + "; ".join(amiss), remedy)
    return good("limits", f"{most} open files")


def kernel(needs: Callable[[], Sequence[str]] = missing, wanted: str = "auto") -> Said:
    """Whether routers can run here; no trouble where a model carries, and one where routers were asked for."""
    lacking = [one for one in needs() if "BIRD" not in one]
    if not lacking:
        return good("kernel", "Routers can run here.")
    if wanted == "linux":
        return wrong("kernel", " ".join(lacking), "Mend that, or carry by the model: HIGHROAD_FABRIC=twin.")
    return nothing("kernel", f"No routers can run here, a model carries. {' '.join(lacking)}")


def bird(search: str | None = None, wanted: str = "auto") -> Said:
    """Whether BIRD is there, which routers reach each other by."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin" if search is None else search
    found = shutil.which("bird", path=path)
    if found:
        return good("bird", found)
    if wanted == "linux":
        return wrong("bird", "BIRD is not installed.", "Install it (Debian: bird2).")
    return nothing("bird", "BIRD is not installed; only routers need it (Debian: bird2).")


def leftovers(namespaces: Path = NAMESPACES, run: Path = RUN, alive: Callable[[Path], bool] | None = None) -> Said:
    """What labs left behind that are not up any more: namespaces, and folders in /run."""
    up = alive or _up
    living = {folder.name for folder in _folders(run) if up(folder)}
    stale = sorted(folder.name for folder in _folders(run) if folder.name not in living and any(folder.iterdir()))
    spaces = sorted(
        one.name
        for one in _entries(namespaces)
        if (told := re.match(r"hr-([0-9a-f]{8}|try)-", one.name)) and told[1] not in living
    )
    if not spaces and not stale:
        return good("leftovers", f"none; {len(living)} labs are up" if living else "none")
    labs = sorted({*stale, *(name.split("-")[1] for name in spaces)} - {"try"})
    some = f" ({', '.join(spaces[:3])}{', ...' if len(spaces) > 3 else ''})" if spaces else ""
    shown = f"{len(spaces)} network namespaces{some}"
    return odd(
        "leftovers",
        f"Labs that are not up left {shown} and {len(stale)} folders in {run}"
        + (f": {', '.join(labs)}" if labs else ""),
        "`highroad lab down` in their homes takes them away; else `ip netns delete NAME`, and remove the folders.",
    )


def _own_cgroup() -> str:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line[3:].lstrip("/") for line in lines if line.startswith("0::")), "")


def _limit(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _entries(folder: Path) -> Collection[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return ()


def _folders(folder: Path) -> Collection[Path]:
    return [one for one in _entries(folder) if one.is_dir() and re.fullmatch("[0-9a-f]{8}", one.name)]


def _up(folder: Path) -> bool:
    from highroad.lab import record
    from highroad.lab.names import LabId

    return bool(record.living(LabId(folder.name)))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", version)[:3])


def _clock_status() -> int | None:
    """`status` of struct timex, 40 bytes into it where longs have 64 bits. Asking changes nothing."""
    if ctypes.sizeof(ctypes.c_long) != 8:
        return None
    words = (ctypes.c_int * 128)()
    try:
        told = ctypes.CDLL(None, use_errno=True).adjtimex(words)
    except (OSError, AttributeError):
        return None
    return None if told < 0 else words[10]
