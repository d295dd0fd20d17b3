"""Network namespaces by name, as `ip netns` keeps them, and the calling thread's visits to them."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

DIRECTORY = Path("/run/netns")

_CLONE_NEWNET = 0x40000000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_SHARED = 0x100000
_MNT_DETACH = 2
_OWN = "/proc/thread-self/ns/net"

T = TypeVar("T")


def create(name: str) -> None:
    """Make a namespace that lasts until it is deleted; FileExistsError when there is one of the name."""
    _shared_directory()
    place = DIRECTORY / name
    os.close(os.open(place, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o000))

    def mount() -> None:
        _check(_libc().unshare(_CLONE_NEWNET), f"namespace {name}")
        _check(_libc().mount(_OWN.encode(), bytes(place), b"none", _MS_BIND, None), f"namespace {name}")

    try:
        _in_thread(mount)
    except BaseException:
        place.unlink()
        raise


def delete(name: str) -> None:
    """Forget a namespace; it goes when the last process or socket in it is gone. FileNotFoundError without one."""
    place = DIRECTORY / name
    if _libc().umount2(bytes(place), _MNT_DETACH) != 0 and not place.exists():
        raise FileNotFoundError(f"there is no namespace {name}")
    place.unlink()


def names() -> list[str]:
    """The names of all namespaces that have one."""
    return sorted(place.name for place in DIRECTORY.iterdir()) if DIRECTORY.is_dir() else []


def open_namespace(name: str | None) -> int:
    """A file descriptor of the namespace with this name or path; of the calling thread's own for None."""
    if name is None:
        return os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    return os.open(name if "/" in name else DIRECTORY / name, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def entered(namespace: int) -> Iterator[None]:
    """The calling thread, and only it, is in another namespace until the end of the block."""
    home = open_namespace(None)
    try:
        _check(_libc().setns(namespace, _CLONE_NEWNET), "enter namespace")
        try:
            yield
        finally:
            _check(_libc().setns(home, _CLONE_NEWNET), "leave namespace")
    finally:
        os.close(home)


@contextmanager
def entered_by_name(name: str) -> Iterator[None]:
    """The calling thread is in the namespace with this name until the end of the block."""
    namespace = open_namespace(name)
    try:
        with entered(namespace):
            yield
    finally:
        os.close(namespace)


def run_in(namespace: int, work: Callable[[], T]) -> T:
    """What `work` returns, done by a thread of its own that is in the namespace."""

    def there() -> T:
        _check(_libc().setns(namespace, _CLONE_NEWNET), "enter namespace")
        return work()

    return _in_thread(there)


def _in_thread(work: Callable[[], T]) -> T:
    answers: list[T] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return answers[0]


def _shared_directory() -> None:
    # A mount must show in every mount namespace that came from ours, hence shared; that needs a mount point of its own.
    if not DIRECTORY.is_dir():
        DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    libc, place = _libc(), bytes(DIRECTORY)
    if libc.mount(b"", place, b"none", _MS_SHARED | _MS_REC, None) == 0:
        return
    _check(libc.mount(place, place, b"none", _MS_BIND | _MS_REC, None), str(DIRECTORY))
    _check(libc.mount(b"", place, b"none", _MS_SHARED | _MS_REC, None), str(DIRECTORY))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
