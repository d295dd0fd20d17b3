"""The live network as arrays: spans, and services that go back over the fibres that they came by.

A span is a fibre route with a link each way, of which each has what the span has: a service takes its rate of both, so
one load counts for both directions. Ways inside bound and fence only; who is protected has a primary and a backup that
no risk group takes down together, and backups share reserve (`planning.standby`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.planning.solve.problem import Flags, Ints, Reals

Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Spans from `a` to `b` and back, and services by column.

    `capacity_gbps` is of either direction; the risk groups of span e are `group[group_first[e]:group_first[e + 1]]`,
    and `node_group` that of each node (-1: none). `bound_ms` may be infinite, `fence` is a row of `fences` (a flag a
    span) or -1. With `directed` a span is one link from `a` to `b` and services go one way: what is said here of spans
    holds for links then.
    """

    nodes: int
    a: Ints
    b: Ints
    latency_ms: Reals
    capacity_gbps: Reals
    group_first: Offsets
    group: Ints
    node_group: Ints
    source: Ints
    target: Ints
    gbps: Reals
    rank: Ints
    bound_ms: Reals
    fence: Ints
    fences: Flags
    protected: Flags
    directed: bool = False

    @property
    def spans(self) -> int:
        """How many spans there are."""
        return len(self.a)

    @property
    def services(self) -> int:
        """How many services there are."""
        return len(self.source)


def ragged(first: Offsets, rows: NDArray[np.int64]) -> tuple[Offsets, NDArray[np.int64]]:
    """The places of some rows of an array in rows, one after the other, and where each of these rows begins among
    them.
    """
    length = first[rows + 1] - first[rows]
    start = np.concatenate((np.zeros(1, np.int64), length.cumsum()))
    return start, np.repeat(first[rows] - start[:-1], length) + np.arange(start[-1])


def distinct(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each number once, in order: by sorting, which takes a tenth of the time of hashing where most differ."""
    ordered = np.sort(numbers)
    if not len(ordered):
        return ordered
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
