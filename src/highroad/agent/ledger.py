"""Sums that never go back, over counters of the kernel that begin at zero again when an object is made anew. Pure.

A reading is a few numbers of one object, under a name. When one of them is less than it was, or the object is gone,
what it had counted is kept, and the next one adds to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Numbers = tuple[int, ...]


class Ledger:
    """By name: what objects that are gone had counted, and what the one that is there has."""

    def __init__(self, kept: Mapping[str, Any] | None = None, *, same_kernel: bool = True) -> None:
        """`kept` is what `kept` returned in an earlier life; with another kernel (the host was started anew) nothing
        that it counted goes on."""
        self._sums: dict[str, tuple[Numbers, Numbers]] = {}
        for name, (base, last) in (kept or {}).items():
            before, now = tuple(map(int, base)), tuple(map(int, last))
            self._sums[name] = (before, now) if same_kernel else (_added(before, now), (0,) * len(now))

    def read(self, readings: Mapping[str, Numbers]) -> None:
        """Take one reading of each object that is there; of what is not among them the last one is kept."""
        sums = self._sums
        for name, numbers in readings.items():
            known = sums.get(name)
            if known is None:
                sums[name] = (0,) * len(numbers), numbers
                continue
            base, last = known
            if last != numbers:
                for now, was in zip(numbers, last, strict=True):
                    if now < was:
                        base = _added(base, last)
                        break
                sums[name] = base, numbers

    def gone(self, there: Callable[[str], bool]) -> None:
        """What is not there any more: what it had counted is kept, and another one of its name begins at zero."""
        for name, (base, last) in self._sums.items():
            if any(last) and not there(name):
                self._sums[name] = _added(base, last), (0,) * len(last)

    def total(self, name: str, size: int) -> Numbers:
        """All that was ever counted under a name; zeros if nothing was."""
        known = self._sums.get(name)
        return (0,) * size if known is None else _added(*known)

    def fold(self, name: str, into: str) -> None:
        """What was counted under one name belongs to another from now on."""
        moved = self._sums.pop(name, None)
        if moved is not None:
            total = _added(*moved)
            base, last = self._sums.get(into, ((0,) * len(total), (0,) * len(total)))
            self._sums[into] = _added(base, total), last

    def names(self) -> list[str]:
        """Everything that is counted."""
        return list(self._sums)

    def forget(self, name: str) -> None:
        """Drop what is counted no more."""
        self._sums.pop(name, None)

    def kept(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {name: [list(base), list(last)] for name, (base, last) in self._sums.items()}


def _added(a: Numbers, b: Numbers) -> Numbers:
    return tuple([x + y for x, y in zip(a, b, strict=True)])
