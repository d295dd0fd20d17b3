"""A link in virtual time: hellos go out, are lost or answered as a test says, and a judge looks as the loop does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from highroad.watch.judge import Judge, Limits, Reading, Verdict

MS = 1_000_000
LIMITS = Limits(
    interval_ns=5 * MS,
    missed=3,
    loss=0.1,
    window_ns=500 * MS,
    hold_up_ns=1000 * MS,
    hold_up_most_ns=60_000 * MS,
)

_NOTED = ("returned", "returned_ns", "arrived", "heard", "heard_ns")


@dataclass
class World:
    """One side of a link. `out` and `back` say whether what enters the wire at a time gets through; `stalled` whether
    the watcher does not run at a time, and `behind` whether the kernel does not work off what comes in.
    """

    out: Callable[[int], bool] = lambda at_ns: True
    back: Callable[[int], bool] = lambda at_ns: True
    stalled: Callable[[int], bool] = lambda at_ns: False
    behind: Callable[[int], bool] = lambda at_ns: False
    rtt_ns: int = 100_000
    light_ns: int = 0
    now_ns: int = 1_000 * MS
    said: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.judge = Judge(LIMITS, now_ns=self.now_ns, lit=True, light_ns=self.light_ns)
        self._coming: list[tuple[int, str, int, int]] = []
        self._arrived = 0
        self._noted = dict.fromkeys(_NOTED, 0)
        self._number, self._theirs = 0, 0
        self._next_ns, self._theirs_ns = self.now_ns, self.now_ns + 2 * MS
        self._doubtful = False

    def run(self, for_ms: float) -> list[Verdict]:
        """Let time pass, a quarter of a millisecond at a time; what was said meanwhile."""
        before = len(self.said)
        until = self.now_ns + round(for_ms * MS)
        while self.now_ns < until:
            self._arrive()
            if self.now_ns >= self._theirs_ns:
                self._theirs_ns += LIMITS.interval_ns
                self._theirs += 1
                if self.back(self.now_ns):
                    self._coming.append((self.now_ns + self.rtt_ns // 2, "heard", self._theirs, 0))
            if not self.stalled(self.now_ns):
                self._turn()
            self.now_ns += MS // 4
        return self.said[before:]

    def _turn(self) -> None:
        if self.now_ns >= self._next_ns:
            self._next_ns = max(self._next_ns + LIMITS.interval_ns, self.now_ns + LIMITS.interval_ns // 2)
            self._number += 1
            self.judge.said(self._number, self.now_ns)
            if self.out(self.now_ns):
                self._arrived += 1
                if self.back(self.now_ns + self.rtt_ns // 2):
                    self._coming.append((self.now_ns + self.rtt_ns, "returned", self._number, self._arrived))
            self._look()
            return
        due_ns = self.judge.due_ns(self._noted["returned"])
        if due_ns is not None and due_ns <= self.now_ns:
            self._look()

    def _look(self) -> None:
        verdict = self.judge.look(self.now_ns, Reading(**self._noted), late=self.behind(self.now_ns))
        if verdict is not None:
            self.said.append(verdict)

    def _arrive(self) -> None:
        if self.behind(self.now_ns):
            return
        for one in [one for one in self._coming if one[0] <= self.now_ns]:
            at_ns, what, number, arrived = one
            self._coming.remove(one)
            if number > self._noted[what]:
                self._noted[what], self._noted[f"{what}_ns"] = number, max(at_ns, self.now_ns)
                if what == "returned":
                    self._noted["arrived"] = arrived
