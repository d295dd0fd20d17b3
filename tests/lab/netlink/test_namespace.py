"""Namespaces: made, visited and gone, and the visitor back home."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from highroad.netlink import namespace
from tests.lab.netlink.conftest import Space

OWN = Path("/proc/thread-self/ns/net")


def test_a_namespace_is_one_that_ip_knows(space: Space) -> None:
    assert space.name in namespace.names()
    shown = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert space.name in shown.split()
    assert Path("/run/netns", space.name).stat().st_ino != OWN.stat().st_ino


def test_a_name_is_taken_once_and_deleted_once(spaces: Callable[[], Space]) -> None:
    space = spaces()
    with pytest.raises(FileExistsError):
        namespace.create(space.name)
    name = f"{space.name}-x"
    namespace.create(name)
    namespace.delete(name)
    assert name not in namespace.names()
    with pytest.raises(FileNotFoundError):
        namespace.delete(name)
    with pytest.raises(FileNotFoundError):
        namespace.open_namespace(name)


def test_a_namespace_that_ip_made_is_deleted(space: Space) -> None:
    name = f"{space.name}-y"
    subprocess.run(["ip", "netns", "add", name], check=True)
    namespace.delete(name)
    assert name not in namespace.names()


def test_only_the_thread_that_enters_is_inside_and_it_comes_back(space: Space) -> None:
    home = OWN.stat().st_ino
    there = os.fstat(space.fd).st_ino
    seen: list[int] = []
    with namespace.entered(space.fd):
        assert OWN.stat().st_ino == there
        other = threading.Thread(target=lambda: seen.append(Path("/proc/self/ns/net").stat().st_ino))
        other.start()
        other.join()
    assert OWN.stat().st_ino == home


def test_a_fault_inside_leaves_nobody_inside(space: Space) -> None:
    home = OWN.stat().st_ino
    with pytest.raises(ZeroDivisionError), namespace.entered_by_name(space.name):
        raise ZeroDivisionError
    assert OWN.stat().st_ino == home


def test_work_is_done_inside_and_its_answer_and_its_faults_come_out(space: Space) -> None:
    assert namespace.run_in(space.fd, lambda: OWN.stat().st_ino) == os.fstat(space.fd).st_ino
    with pytest.raises(ZeroDivisionError):
        namespace.run_in(space.fd, lambda: 1 // 0)
    with pytest.raises(OSError, match="enter namespace"):
        namespace.run_in(0, lambda: None)


def test_nothing_is_left_open(space: Space) -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = opened()
    for number in range(50):
        namespace.create(f"{space.name}-{number}")
        namespace.delete(f"{space.name}-{number}")
        with namespace.entered(space.fd):
            pass
    assert opened() == before
    assert [name for name in namespace.names() if name.startswith(f"{space.name}-")] == []
