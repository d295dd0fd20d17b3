"""Namespaces of a lab: entered for good, and taken away with every process in them."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from highroad.errors import Unavailable
from highroad.netlink import namespace

_CLONE_NEWNET = 0x40000000

DYING_S = 5.0
"""How long killed processes may take to be gone."""


def make(names: Iterable[str]) -> None:
    """Make namespaces, each with its loopback still down. Raises Unavailable."""
    for name in names:
        try:
            namespace.create(name)
        except FileExistsError as error:
            raise Unavailable(f"there is a network namespace {name} already") from error
        except OSError as error:
            raise Unavailable(f"the network namespace {name} cannot be made: {error.strerror}") from error


def move_into(name: str) -> None:
    """Take this thread, and what it starts, into a namespace for good."""
    there = namespace.open_namespace(name)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(there, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {name}")
    finally:
        os.close(there)


def settle(name: str, sysctls: Mapping[str, str]) -> None:
    """Set kernel settings of a namespace."""
    with namespace.entered_by_name(name):
        for setting, value in sysctls.items():
            Path("/proc/sys/net", setting).write_text(value, encoding="ascii")


def named(prefix: str) -> list[str]:
    """The namespaces whose names begin so."""
    return [name for name in namespace.names() if name.startswith(prefix)]


def processes_in(names: Iterable[str]) -> list[int]:
    """Who lives in these namespaces."""
    inodes = set()
    for name in names:
        with suppress(OSError):
            inodes.add((namespace.DIRECTORY / name).stat().st_ino)
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError):
                if Path(f"/proc/{entry.name}/ns/net").stat().st_ino in inodes:
                    found.append(int(entry.name))
    return found


def empty(names: Iterable[str]) -> None:
    """End every process in these namespaces, and wait until they are gone."""
    names = list(names)
    until = time.monotonic() + DYING_S
    while (alive := processes_in(names)) and time.monotonic() < until:
        dying = select.poll()
        with ExitStack() as opened:
            waited = 0
            for pid in alive:
                with suppress(OSError):
                    ends = os.pidfd_open(pid)
                    opened.callback(os.close, ends)
                    os.kill(pid, signal.SIGKILL)
                    dying.register(ends, select.POLLIN)
                    waited += 1
            if not waited:
                time.sleep(0.002)
            while waited and (left_s := until - time.monotonic()) > 0.0:
                for ended, _ in dying.poll(left_s * 1000):
                    dying.unregister(ended)
                    waited -= 1


def remove(names: Iterable[str]) -> None:
    """Take namespaces away, with all interfaces and processes in them. Those that are not there are no matter."""
    names = list(names)
    empty(names)
    for name in names:
        with suppress(FileNotFoundError):
            namespace.delete(name)
