"""What became of the packets of one direction: each is counted once, as arrived or as lost, and none while it may
still be on its way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

NS = 1_000_000_000

LATE_NS = NS // 10
"""How long a packet may be on its way after one that was sent later arrived: a shorter path overtakes a longer one."""

DARK_INTERVALS = 3
"""A gap of so many packets is dark time, if a packet in it was lost."""


GONE_NS = NS
"""After so long a packet is lost even if none came after it: nothing is on its way around the earth for a second."""


@dataclass(frozen=True, slots=True)
class _Sent:
    number: int
    size_bytes: int
    interval_ns: int
    at_ns: int


@dataclass(slots=True)
class Ledger:
    """One direction of one service. Times are ns of one clock; sizes are what was sent."""

    sent_packets: int = 0
    sent_bytes: int = 0
    received_packets: int = 0
    received_bytes: int = 0
    lost_packets: int = 0
    lost_bytes: int = 0
    latency_ns: float | None = None
    """Of late, smoothed."""
    longest_gap_ns: int = 0
    dark: list[tuple[int, int]] = field(default_factory=list)
    """Times of darkness that are over."""
    _last_ns: int = 0
    """When the last packet came; or when sending began, while there was none."""
    _open: deque[_Sent] = field(default_factory=deque)
    """What was sent, and neither came nor was overtaken."""
    _overtaken: dict[int, tuple[int, int]] = field(default_factory=dict)
    """What was overtaken, by number: (lost at, bytes)."""
    _suspected: deque[tuple[range, int, int]] = field(default_factory=deque)
    """Short gaps: which packets were overtaken, and the time that was dark if one of them never comes."""
    _due_ns: int = 0
    """When the first of what is lost since the last arrival should have come; 0 when nothing is."""

    def sent(self, size_bytes: int, interval_ns: int, at_ns: int) -> None:
        """A packet leaves, with the number `sent_packets` had before."""
        if not self._open and not self._due_ns and at_ns - self._last_ns > LATE_NS + 2 * interval_ns:
            self._last_ns = at_ns  # it begins, or begins again: the silence before was nobody's
        self._open.append(_Sent(self.sent_packets, size_bytes, interval_ns, at_ns))
        self.sent_packets += 1
        self.sent_bytes += size_bytes

    def arrived(self, number: int, size_bytes: int, sent_ns: int, at_ns: int) -> None:
        """A packet came."""
        if not self._open or number < self._open[0].number:
            self._came_late(number, size_bytes)
            return
        first = self._open[0].number
        while self._open and self._open[0].number < number:
            lost = self._open.popleft()
            self._overtaken[lost.number] = (at_ns + LATE_NS, lost.size_bytes)
            self._due_ns = self._due_ns or self._last_ns + lost.interval_ns
        if not self._open:
            return
        interval_ns, gap_ns = self._open.popleft().interval_ns, at_ns - self._last_ns
        if self._due_ns and gap_ns >= DARK_INTERVALS * interval_ns and self._due_ns < at_ns:
            if gap_ns >= self._patience_ns(interval_ns):
                self.dark.append((self._due_ns, at_ns))
            else:
                self._suspected.append((range(first, number), self._due_ns, at_ns))
        if self.received_packets:
            self.longest_gap_ns = max(self.longest_gap_ns, gap_ns)
        self._due_ns = 0
        self._last_ns = at_ns
        self._count(size_bytes)
        latency = at_ns - sent_ns
        self.latency_ns = latency if self.latency_ns is None else self.latency_ns + 0.1 * (latency - self.latency_ns)

    def settle(self, now_ns: int) -> None:
        """Count as lost what can no longer come."""
        while self._suspected and self._suspected[0][2] + LATE_NS <= now_ns:
            numbers, since_ns, until_ns = self._suspected.popleft()
            if any(number in self._overtaken for number in numbers):
                self.dark.append((since_ns, until_ns))
        for number in [number for number, (at_ns, _) in self._overtaken.items() if at_ns <= now_ns]:
            self.lost_packets += 1
            self.lost_bytes += self._overtaken.pop(number)[1]
        while self._open and now_ns - self._open[0].at_ns > GONE_NS:
            lost = self._open.popleft()
            self._due_ns = self._due_ns or self._last_ns + lost.interval_ns
            self.lost_packets += 1
            self.lost_bytes += lost.size_bytes

    def dark_since_ns(self, now_ns: int) -> int | None:
        """Since when nothing comes though it is sent; None when it is not so, or cannot be known yet."""
        if not self._open:
            return None
        interval_ns = self._open[0].interval_ns
        if now_ns - self._last_ns < self._patience_ns(interval_ns) or len(self._open) < DARK_INTERVALS:
            return None
        return self._due_ns or self._last_ns + interval_ns

    def in_doubt(self, now_ns: int) -> bool:
        """Whether more may turn out to have been dark: a gap is open, or it is not yet known whether one was."""
        if self._suspected:
            return True
        return bool(self._open) and now_ns - self._last_ns >= DARK_INTERVALS * self._open[0].interval_ns

    def _patience_ns(self, interval_ns: int) -> int:
        """After how long without an arrival it is dark, whatever may still come."""
        return LATE_NS + DARK_INTERVALS * interval_ns + 2 * int(self.latency_ns or 0)

    def _came_late(self, number: int, size_bytes: int) -> None:
        """A packet came after one that was sent later. It is not lost, unless it was counted so already."""
        if self._overtaken.pop(number, None) is not None:
            self._count(size_bytes)

    def _count(self, size_bytes: int) -> None:
        self.received_packets += 1
        self.received_bytes += size_bytes


def dark_ns(intervals: Iterable[tuple[int, int]]) -> int:
    """How long it was dark in one interval or another."""
    total = end = 0
    for since, until in sorted(intervals):
        total += max(0, until - max(since, end))
        end = max(end, until)
    return total
