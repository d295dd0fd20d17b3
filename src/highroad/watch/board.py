"""The memory that the kernel's program of a port and the watcher share, and how it is found again.

It lives as long as the program does, which stays at its port when the watcher ends: so the next one goes on with what
it finds there, and the neighbour, who is answered all the while, does not notice.

    words of 8 bytes    what the kernel notes, and what the watcher keeps
    at RECORD_AT        the session: both nonces, the neighbour's address
    at MINE_AT          tokens of the hellos that we say, and of their answers
    at THEIRS_AT        those of the neighbour's hellos, and of our answers
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Final

from highroad.netlink import bpf_syscall
from highroad.netlink.bpf import with_map
from highroad.watch.hello import BLOCK, ENTRY_BYTES, block_of

RING: Final = 2048
"""Tokens are known so many hellos ahead: a watcher that is dead may be missing for half of that."""

RECORD_AT: Final = 256
RECORD_BYTES: Final = 512
MINE_AT: Final = 4096
THEIRS_AT: Final = MINE_AT + RING * ENTRY_BYTES
SIZE: Final = THEIRS_AT + RING * ENTRY_BYTES


class Word(IntEnum):
    """What is where, in words of 8 bytes. The kernel notes the first seven, and `ARRIVED`."""

    RETURNED = 0
    """The number of our last hello that was answered, when, and how many were."""
    RETURNED_NS = 1
    RETURNED_COUNT = 2
    HEARD = 3
    """The number of the neighbour's last hello, when it came, and how many did."""
    HEARD_NS = 4
    HEARD_COUNT = 5
    REFUSED = 6
    """What had a wrong token, or came again."""
    SECRET = 7
    """What a witness has to know."""
    ARRIVED = 11
    """How many of our hellos have come to the neighbour, as it said in its last answer (modulo 2^32)."""
    SENT = 8
    """The number of our last hello."""
    DRAWN = 9
    """Up to which number our own tokens are there."""
    THEIRS_DRAWN = 10
    """Up to which number the neighbour's are."""


class Board:
    """One port's, in the namespace of the thread that opens it."""

    def __init__(self, descriptor: int, program: int, index: int, *, found: bool) -> None:
        """Made by `open_board`."""
        self.memory = mmap.mmap(descriptor, SIZE)
        self.words = memoryview(self.memory).cast("Q")
        self.index = index
        self.found = found
        """Whether it was there before."""
        self._program = program
        os.close(descriptor)

    def close(self) -> None:
        """Let go; the program stays where it is."""
        self.words.release()
        self.memory.close()
        os.close(self._program)

    def remove(self) -> None:
        """Take the program away, and close. For the namespace that it is in."""
        with suppress(OSError):
            bpf_syscall.detach(self._program, self.index)
        self.close()

    @property
    def record(self) -> bytes:
        """What the watcher keeps of the session."""
        return self.memory[RECORD_AT : RECORD_AT + RECORD_BYTES]

    @record.setter
    def record(self, content: bytes) -> None:
        self.memory[RECORD_AT : RECORD_AT + RECORD_BYTES] = content.ljust(RECORD_BYTES, b"\0")

    def clear(self) -> None:
        """Forget all: no hello is right, and none was heard."""
        self.memory[:] = bytes(SIZE)

    def draw(self, place: int, key: bytes, asks: bytes, answers: bytes, number: int) -> None:
        """Put the tokens of a block of numbers into a ring, at `MINE_AT` or `THEIRS_AT`."""
        at = place + number % RING * ENTRY_BYTES
        self.memory[at : at + BLOCK * ENTRY_BYTES] = block_of(key, asks, answers, number)


def open_board(index: int, program: Callable[[], tuple[str, bytes]]) -> Board:
    """The board of an interface: the one of the same program that is there, else a new one in its place.

    Raises OSError, ProgramRefused.
    """
    name, code = program()
    old: int | None = None
    for number in bpf_syscall.attached(index):
        held = bpf_syscall.open_program(number)
        its, maps = bpf_syscall.about(held)
        if its == name and len(maps) == 1 and old is None:
            return Board(bpf_syscall.open_map(maps[0]), held, index, found=True)
        if its.startswith("hrw_") and old is None:
            old = held
        else:
            os.close(held)
    shared = bpf_syscall.create_map(
        bpf_syscall.ARRAY, key_size=4, value_size=SIZE, entries=1, name="hrw", flags=bpf_syscall.MMAPABLE
    )
    try:
        made = bpf_syscall.load(with_map(code, shared), bpf_syscall.SCHED_CLS, name)
        bpf_syscall.attach(made, index, instead_of=old)
    except BaseException:
        os.close(shared)
        raise
    finally:
        if old is not None:
            os.close(old)
    return Board(shared, made, index, found=False)
