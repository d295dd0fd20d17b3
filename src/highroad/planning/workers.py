"""Work handed out in pieces, to this process, to others, or to a cluster: the seam is that of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Case = TypeVar("Case")
Out = TypeVar("Out")
Asked = TypeVar("Asked")

AHEAD = 64
"""Pieces that are handed out before the first is waited for."""


class Doing(Protocol):
    """What is under way somewhere: a `Future` of `concurrent.futures`, or of a cluster that has the like."""

    def result(self) -> Any:
        """What it came to, once it has."""


class Workers(Protocol):
    """Where work is done: an `Executor` of `concurrent.futures`."""

    def submit(self, work: Callable[..., Any], /, *args: Any) -> Doing:
        """Do it at some time."""


def in_pieces(
    work: Callable[[Asked, Sequence[Case]], list[Out]],
    asked: Asked,
    cases: Sequence[Case],
    workers: Workers,
    *,
    at_once: int,
) -> Iterator[list[Out]]:
    """What `work` says of all cases in their order, some at a time, as they are there.

    Whoever stops asking ends it: no more than a few pieces of `at_once` cases are under way beyond what was given out.
    """
    under_way: list[Doing] = []
    for start in range(0, len(cases), at_once):
        under_way.append(workers.submit(work, asked, cases[start : start + at_once]))
        if len(under_way) >= AHEAD:
            yield under_way.pop(0).result()
    while under_way:
        yield under_way.pop(0).result()
