"""A process that applies changes in children of its own, which die where they are told to: a test talks to it.

One of its own, because a test's process has threads, and a child that is forked from one may hang.
"""

from __future__ import annotations

import copyreg
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from highroad.agent.config import AgentConfig
from highroad.agent.steering import Steering
from highroad.gnmi.router import Intended
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel

NEVER = 1 << 30


def read_only(some: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """What pickle cannot make by the name of its class."""
    return MappingProxyType(some)


copyreg.pickle(MappingProxyType, lambda some: (read_only, (dict(some),)))


@dataclass(frozen=True)
class Change:
    """What a child is to apply in a namespace, and before which step, or after how long, it dies."""

    space: str
    config: AgentConfig
    old: Intended
    new: Intended
    step: int = NEVER
    within_s: float | None = None


@dataclass(frozen=True)
class Death:
    """What became of a child: the steps that it began, and whether it was killed."""

    steps: tuple[str, ...]
    killed: bool


class Mortal:
    """The process, seen from the test."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def apply(self, change: Change) -> Death:
        """Have a child apply it; returns when the child is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(change, self._process.stdin)
        self._process.stdin.flush()
        answer = pickle.load(self._process.stdout)
        assert isinstance(answer, Death), answer
        return answer


@contextmanager
def mortal() -> Iterator[Mortal]:
    """The process, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        yield Mortal(process)
    finally:
        process.kill()
        for end in (process.stdin, process.stdout):
            if end is not None:
                end.close()
        process.wait()


def serve() -> None:
    """Do as the test says, until it says nothing more."""
    asked, said = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            change: Change = pickle.load(asked)
        except EOFError:
            return
        answer: Any
        try:
            answer = _child(change)
        except BaseException as error:
            answer = repr(error)
        pickle.dump(answer, said)
        said.flush()


def _child(change: Change) -> Death:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            _apply(change, writing)
        except BaseException as error:
            os.write(writing, f"! {error!r}\n".encode())
        os._exit(0)
    os.close(writing)
    if change.within_s is not None:
        time.sleep(random.random() * change.within_s)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading) as pipe:
        steps = tuple(pipe.read().splitlines())
    if steps and steps[-1].startswith("!"):
        raise RuntimeError(steps[-1])
    return Death(steps=steps, killed=os.WIFSIGNALED(status))


def _apply(change: Change, writing: int) -> None:
    begun = 0

    def step(name: str) -> None:
        nonlocal begun
        os.write(writing, f"{name}\n".encode())
        if begun == change.step:
            os.kill(os.getpid(), signal.SIGKILL)
        begun += 1

    with namespace.entered_by_name(change.space):
        Steering(Kernel(), change.config, step).apply(change.old, change.new)
