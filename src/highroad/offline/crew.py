"""Where the cases of a command are worked on, in this process or in several, and how far they are."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from highroad.planning.workers import Doing, Workers

PIECES, MOST_AT_ONCE = 32, 128
"""As many pieces are made of some cases, as long as one has 8 cases and no more than so many."""

Tell = Callable[[int], None]


def at_once(cases: int) -> int:
    """How many go to a worker together: of many, many, since each piece begins with a plan of its own."""
    return max(8, min(MOST_AT_ONCE, cases // PIECES))


class Done:
    """What is done when it is asked for."""

    def __init__(self, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._work, self._args = work, args

    def result(self) -> Any:
        """It is done when it is asked for, so that one can stop before."""
        return self._work(*self._args)


class Here:
    """This process, at once."""

    def submit(self, work: Callable[..., Any], /, *args: Any) -> Doing:
        """Do it when the result is asked for."""
        return Done(work, args)


@contextmanager
def crew(processes: int) -> Iterator[Workers]:
    """So many processes, or this one."""
    if processes == 1:
        yield Here()
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        with _deaf():
            for _ in range(processes):
                pool.submit(_idle)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started here does not hear Ctrl-C: that is for the process that waits, which tells the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _idle() -> None:
    """What a worker is started with."""


@contextmanager
def counting(what: str, many: int, *, quiet: bool) -> Iterator[Tell]:
    """A bar that goes on by what it is told."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal or not many:
        yield lambda count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=many)
        yield lambda count: bar.advance(task, count)
