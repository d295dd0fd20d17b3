"""What a router was told survives a kill and a power cut at every byte, and a disk that takes no more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from highroad.agent import journal as journal_module
from highroad.agent.journal import Journal
from highroad.errors import Invalid, Unavailable
from highroad.gnmi.router import Intended
from tests.unit.agent.told import told

ROOT = os.geteuid() == 0


def reopened(folder: Path) -> Journal:
    journal = Journal(folder)
    journal.close()
    return journal


def test_what_was_committed_comes_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    journal.begin(told(1, 2))
    journal.commit()
    journal.begin(told(2, 3, kbps=5))
    journal.commit()
    journal.elect("", 2**64 + 7)
    journal.elect("", 3)
    journal.elect("standby", 0)
    journal.close()
    again = reopened(tmp_path / "state")
    assert again.committed == told(2, 3, kbps=5)
    assert (again.elections, again.dropped) == ({"": 2**64 + 7, "standby": 0}, False)


def test_what_was_not_committed_is_dropped_and_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(1))
    journal.commit()
    journal.begin(told(2))
    journal.close()
    again = Journal(tmp_path)
    assert (again.committed, again.dropped) == (told(1), True)
    again.close()
    assert (reopened(tmp_path).committed, reopened(tmp_path).dropped) == (told(1), False)


def test_what_was_abandoned_leaves_no_trace(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(1))
    journal.commit()
    before = (tmp_path / "journal").read_bytes()
    journal.begin(told(2))
    journal.abandon()
    assert journal.committed == told(1)
    assert (tmp_path / "journal").read_bytes() == before
    journal.begin(told(3))
    journal.commit()
    journal.close()
    assert reopened(tmp_path).committed == told(3)


def test_cut_at_every_byte_it_is_the_old_or_the_new(tmp_path: Path) -> None:
    states: list[tuple[int, Intended]] = []
    journal = Journal(tmp_path / "whole")
    file = tmp_path / "whole" / "journal"
    states.append((file.stat().st_size, Intended()))
    for step in (told(1), told(1, 2), told(2, kbps=9), told()):
        journal.begin(step)
        journal.commit()
        states.append((file.stat().st_size, step))
    journal.close()
    raw = file.read_bytes()
    assert states[-1][0] == len(raw)
    (tmp_path / "cut").mkdir()
    first_line = raw.index(b"\n") + 1
    for length in range(len(raw) + 1):
        (tmp_path / "cut" / "journal").write_bytes(raw[:length])
        expected = [state for size, state in states if size <= length]
        journal = Journal(tmp_path / "cut")
        assert journal.committed == (expected[-1] if expected else Intended()), length
        if length % 97 == 0 or length < first_line:
            journal.begin(told(5))
            journal.commit()
            journal.close()
            assert reopened(tmp_path / "cut").committed == told(5)
        journal.close()


def test_a_line_whose_pages_did_not_all_reach_the_disk_is_dropped(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(1))
    journal.commit()
    good = (tmp_path / "journal").stat().st_size
    journal.begin(told(1, 2))
    journal.commit()
    journal.close()
    raw = bytearray((tmp_path / "journal").read_bytes())
    raw[good + 100 : good + 300] = bytes(200)
    (tmp_path / "journal").write_bytes(raw)
    assert reopened(tmp_path).committed == told(1)


def test_damage_in_the_middle_is_refused_not_guessed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for index in range(3):
        journal.begin(told(index))
        journal.commit()
    journal.close()
    raw = bytearray((tmp_path / "journal").read_bytes())
    raw[raw.index(b'"s1"')] ^= 1
    (tmp_path / "journal").write_bytes(raw)
    with pytest.raises(Invalid, match="damaged at byte"):
        Journal(tmp_path)
    assert (tmp_path / "journal").read_bytes() == raw


@pytest.mark.parametrize("content", [b"hello\n", b"\0" * 4096, b'! 00000000 {"a":1}\n' * 5])
def test_another_file_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal").write_bytes(content)
    with pytest.raises(Invalid, match="no journal"):
        Journal(tmp_path)
    assert (tmp_path / "journal").read_bytes() == content


def test_a_newer_journal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "VERSION", 2)
    reopened(tmp_path)
    monkeypatch.undo()
    with pytest.raises(Invalid, match="this program reads highroad-agent-journal 1"):
        Journal(tmp_path)


def test_one_agent_a_folder(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(Unavailable, match="another agent"):
        Journal(tmp_path)
    journal.close()
    reopened(tmp_path)


def test_a_set_writes_what_changed_and_not_the_rest(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(*range(1000)))
    journal.commit()
    before = (tmp_path / "journal").stat().st_size
    journal.begin(told(*range(1001)))
    journal.commit()
    journal.close()
    assert (tmp_path / "journal").stat().st_size - before < 1500


def test_a_long_journal_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_FROM_BYTES", 3000)
    journal = Journal(tmp_path)
    journal.elect("", 4)
    steps = 0
    while not journal.is_long:
        journal.begin(told(1, kbps=steps))
        journal.commit()
        steps += 1
    assert steps > 2
    journal.compact()
    assert not journal.is_long
    journal.begin(told(2))
    journal.commit()
    journal.close()
    again = reopened(tmp_path)
    assert (again.committed, again.elections) == (told(2), {"": 4})


def test_killed_while_it_writes_anew_it_is_there_all_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(1))
    journal.commit()
    journal.close()
    (tmp_path / "journal.new").write_bytes(b"half of a")
    assert reopened(tmp_path).committed == told(1)


def test_killed_in_the_middle_of_work_nothing_answered_is_lost(tmp_path: Path) -> None:
    for life in range(8):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            journal = Journal(tmp_path)
            while True:
                done = (
                    next(iter(journal.committed.policies.values())).guaranteed_kbps if journal.committed.policies else 0
                )
                journal.begin(told(1, kbps=done + 1))
                journal.commit()
                os.write(write, b"%d\n" % (done + 1))
                if journal.is_long:
                    journal.compact()
        os.close(write)
        with os.fdopen(read, "rb") as answers:
            lines = [answers.readline() for _ in range(30 + 17 * life)]
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            lines += answers.read().splitlines()
        answered = int(lines[-1])
        again = reopened(tmp_path)
        assert again.committed.policies["s1"].guaranteed_kbps in (answered, answered + 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def fill(file: Path) -> None:
    """Write until the disk takes no more."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(512))


@pytest.mark.skipif(not ROOT, reason="mounting a small disk needs root")
def test_a_full_disk_is_said_and_nothing_changes(small_disk: Path) -> None:
    journal = Journal(small_disk)
    journal.begin(told(1))
    journal.commit()
    filler = small_disk / "filler"
    fill(filler)
    with pytest.raises(Unavailable, match=r"No space left on device; nothing was changed"):
        journal.begin(told(*range(100)))
    with pytest.raises(Unavailable, match="No space"):
        journal.elect("x" * 5000, 1)
    assert (journal.committed, journal.elections) == (told(1), {})
    journal.close()
    assert reopened(small_disk).committed == told(1)
    journal = Journal(small_disk)
    filler.unlink()
    journal.begin(told(*range(20)))
    journal.commit()
    journal.close()
    assert reopened(small_disk).committed == told(*range(20))


@pytest.mark.skipif(not ROOT, reason="mounting a small disk needs root")
def test_a_change_that_began_can_be_committed_on_a_full_disk(small_disk: Path) -> None:
    journal = Journal(small_disk)
    journal.begin(told(1))
    fill(small_disk / "filler")
    journal.commit()
    journal.close()
    assert reopened(small_disk).committed == told(1)


def test_a_sync_that_fails_changes_nothing_and_the_next_begins_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.begin(told(1))
    journal.commit()

    def failing(fd: int) -> Any:
        raise OSError(5, "Input/output error")

    journal.begin(told(2))
    monkeypatch.setattr(os, "fdatasync", failing)
    with pytest.raises(Unavailable, match="Input/output error"):
        journal.commit()
    monkeypatch.undo()
    assert journal.committed == told(1)
    before = (tmp_path / "journal").stat().st_ino
    journal.begin(told(3))
    journal.commit()
    assert (tmp_path / "journal").stat().st_ino != before
    journal.close()
    assert reopened(tmp_path).committed == told(3)
