"""Whether a link is up, from hellos that were sent and answers that came: pure, time is an argument.

A link is cut when so many hellos in a row are overdue. Only hellos that were sent can be overdue, so a watcher that is
late itself, for however long, takes nobody for dead; nor does one whose kernel is late, who says so (`late`). A link
that loses too much of what is sent is as good as cut. One that is well again is up when it has been so for a while,
which doubles with each flap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from highroad.watch.talk import Reason, WatchConfig

SLACK_NS: Final = 1_000_000
"""How much later than usual an answer may come."""

HOLE: Final = 2
"""Nothing for so many more hellos than make a cut is a hole, and no loss: what is counted begins behind it."""

SAMPLE_NS: Final = 100_000_000
"""How often loss is counted."""

FLAP_NS: Final = 60_000_000_000
"""Down so soon after it was up is a flap."""

STEADY_NS: Final = 1_000_000_000
"""Light without an answer for so long is silence; so is a neighbour that was heard one way, and for so long is not."""

ONE_WAY_HELLOS: Final = 20
"""A neighbour that says so many, and answers none, does not hear us."""

_REMEMBERED = 256
"""Of so many hellos it is known when they were sent."""

_COUNT = 1 << 32
_ENOUGH = 0.4
"""Of the hellos that a window should have, so many make it one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of a link."""

    interval_ns: int
    missed: int
    loss: float
    window_ns: int
    hold_up_ns: int
    hold_up_most_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the kernel has noted: our last hello that was answered, when, and how many of ours had come to the
    neighbour by then (modulo 2^32); the neighbour's last one, and when it came.
    """

    returned: int
    returned_ns: int
    arrived: int
    heard: int
    heard_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a link is from now on; `since_ns` is when it was found so, or since when it is down."""

    up: bool
    since_ns: int
    reason: Reason | None = None


class Judge:
    """One link. Tell it what is sent, let it look; it answers with what has changed, if anything has."""

    def __init__(
        self, limits: Limits, *, now_ns: int, lit: bool, light_ns: int = 0, sent: int = 0, down: Verdict | None = None
    ) -> None:
        """What arrives counts `light_ns` later. `sent` hellos were said before; `down` is what an earlier judge said
        last, if that.
        """
        self.limits = limits
        self.watched = False
        """Whether the neighbour has answered."""
        self.loss = 0.0
        """The share of our hellos that did not arrive, of late."""
        self.up = lit and down is None
        self.reason: Reason | None = None if self.up else Reason.LIGHT if down is None else down.reason
        self.since_ns = now_ns if down is None else down.since_ns
        self.sent = sent
        self._lit, self._lit_ns = lit, now_ns
        self._light_ns = light_ns
        self._sent_ns = [0] * _REMEMBERED
        self._first = sent + 1
        self._rtt_ns, self._rtt_varies_ns = 0, 0
        self._measured = 0
        self._pending: tuple[int, Reason] | None = None
        self._good_ns: int | None = None
        self._flaps = 0 if self.up else 1
        self._came_up_ns: int | None = None
        self._heard_at_down = 0
        self._looked: Reading | None = None
        self._samples: deque[tuple[int, Reading]] = deque()

    # --- what happens -----------------------------------------------------------------------------------------

    def said(self, number: int, now_ns: int) -> None:
        """A hello was sent."""
        self._sent_ns[number % _REMEMBERED] = now_ns
        self.sent = number

    def began(self, next_number: int) -> None:
        """Neighbours agreed anew: what was said before is not waited for, and only light is known until one answers."""
        self._first = next_number
        self.watched = False
        self._samples.clear()
        self._pending = None

    def left(self, now_ns: int) -> Verdict | None:
        """The neighbour watches no more, and said so: only light is known."""
        self.watched = False
        self._pending = None
        self._samples.clear()
        return self._rise(now_ns) if self._lit and not self.up else None

    def light(self, lit: bool, now_ns: int) -> Verdict | None:
        """The kernel says whether there is carrier."""
        if lit is self._lit:
            return None
        self._lit, self._lit_ns = lit, now_ns
        self._good_ns = None
        self._samples.clear()
        if lit:
            self._first = self.sent + 1
            self._heard_at_down = self._looked.heard if self._looked is not None else 0
            return None if self.watched or self.up else self._rise(now_ns)
        self._pending = None
        if self.up:
            return self._fall(Reason.LIGHT, now_ns)
        return self._because(Reason.LIGHT)

    def look(self, now_ns: int, reading: Reading, *, late: bool = False) -> Verdict | None:
        """What follows from what the kernel has noted. `now_ns` was read before that; `late` is whether this kernel is
        behind with what comes in.
        """
        self._measure(reading)
        before, self._looked = self._looked, reading
        hole_ns = (self.limits.missed + HOLE) * self.limits.interval_ns
        if before is not None and reading.returned_ns - before.returned_ns > hole_ns:
            self._samples.clear()
            self.loss = 0.0
        if self._pending is not None:
            at_ns, reason = self._pending
            if now_ns < at_ns:
                return None
            self._pending = None
            return self._fall(reason, at_ns)
        if not self._lit:
            return None
        if not self.watched:
            if reading.returned < self._first:
                return None
            self.watched = True
        cut = self.overdue(now_ns, reading.returned) >= self.limits.missed and not late
        self._sample(now_ns, reading)
        if self.up:
            if cut:
                return self._doomed(self._silence(now_ns, reading), now_ns)
            if self.loss >= self.limits.loss:
                return self._doomed(Reason.LOSS, now_ns)
            return None
        return self._recovering(now_ns, reading, cut=cut)

    # --- what is asked ----------------------------------------------------------------------------------------

    @property
    def is_pending(self) -> bool:
        """Whether a fault is known that has not taken effect."""
        return self._pending is not None

    @property
    def patience_ns(self) -> int:
        """How long an answer may take: as long as usual, and a little more, but not as long as an interval more."""
        varies = min(4 * self._rtt_varies_ns, self.limits.interval_ns // 2)
        return self._rtt_ns + varies + SLACK_NS

    @property
    def lag(self) -> int:
        """So many hellos are under way when all is well."""
        return self.patience_ns // self.limits.interval_ns

    def overdue(self, now_ns: int, returned: int) -> int:
        """How many hellos in a row, up to now, should have been answered."""
        answered = max(returned, self._first - 1, self.sent - _REMEMBERED + 1)
        until_ns = now_ns - self.patience_ns
        number = self.sent
        while number > answered and self._sent_ns[number % _REMEMBERED] > until_ns:
            number -= 1
        return number - answered

    def due_ns(self, returned: int) -> int | None:
        """When to look again, before the next hello is sent: when this many are overdue, or a fault takes effect."""
        if self._pending is not None:
            return self._pending[0]
        last = max(returned, self._first - 1) + self.limits.missed
        if not self.up or not self.watched or not self._lit or self.sent < last:
            return None
        return self._sent_ns[last % _REMEMBERED] + self.patience_ns

    # --- inside -----------------------------------------------------------------------------------------------

    def _measure(self, reading: Reading) -> None:
        """Learn how long an answer takes (RFC 6298, section 2)."""
        number = reading.returned
        if number <= self._measured or not 0 <= self.sent - number < _REMEMBERED or number < self._first:
            return
        took = max(0, reading.returned_ns - self._sent_ns[number % _REMEMBERED])
        if not self._measured:
            self._rtt_ns, self._rtt_varies_ns = took, took // 2
        else:
            self._rtt_varies_ns += (abs(took - self._rtt_ns) - self._rtt_varies_ns) // 4
            self._rtt_ns += (took - self._rtt_ns) // 8
        self._measured = number

    def _silence(self, now_ns: int, reading: Reading) -> Reason:
        is_heard = now_ns - reading.heard_ns < 3 * self.limits.interval_ns // 2 + SLACK_NS
        return Reason.ONE_WAY if is_heard else Reason.SILENT

    def _doomed(self, reason: Reason, now_ns: int) -> Verdict | None:
        """Down, as soon as light would have told."""
        if self._light_ns:
            self._pending = now_ns + self._light_ns, reason
            return None
        return self._fall(reason, now_ns)

    def _fall(self, reason: Reason, now_ns: int) -> Verdict:
        soon = self._came_up_ns is not None and now_ns - self._came_up_ns < FLAP_NS
        self._flaps = self._flaps + 1 if soon else 1
        self.up, self.reason, self.since_ns = False, reason, now_ns
        self._good_ns = None
        self._heard_at_down = self._looked.heard if self._looked is not None else 0
        self._samples.clear()
        return Verdict(up=False, since_ns=now_ns, reason=reason)

    def _rise(self, now_ns: int) -> Verdict:
        self.up, self.reason, self.since_ns = True, None, now_ns
        self._came_up_ns = now_ns
        self.loss = 0.0
        return Verdict(up=True, since_ns=now_ns)

    def _because(self, reason: Reason) -> Verdict | None:
        """It stays down; more is known of why."""
        if self.reason is reason:
            return None
        self.reason = reason
        return Verdict(up=False, since_ns=self.since_ns, reason=reason)

    @property
    def hold_ns(self) -> int:
        """How long it has to be good before it is up."""
        return min(self.limits.hold_up_most_ns, self.limits.hold_up_ns << min(max(self._flaps - 1, 0), 40))

    def _recovering(self, now_ns: int, reading: Reading, *, cut: bool) -> Verdict | None:
        since_ns = max(self.since_ns, self._lit_ns)
        if cut or reading.returned_ns <= since_ns:
            self._good_ns = None
            is_heard = now_ns - reading.heard_ns < 2 * self.limits.interval_ns
            if reading.returned_ns > since_ns:
                return self._because(Reason.LOSS) if self.loss >= self.limits.loss else None
            if is_heard and reading.heard - self._heard_at_down >= ONE_WAY_HELLOS:
                return self._because(Reason.ONE_WAY)
            if self.reason is Reason.LIGHT and now_ns - since_ns > STEADY_NS:
                return self._because(Reason.SILENT)
            if self.reason is Reason.ONE_WAY and now_ns - reading.heard_ns > STEADY_NS:
                return self._because(Reason.SILENT)
            return None
        if self._good_ns is None:
            self._good_ns = now_ns
            return None
        if self.loss >= self.limits.loss / 2:
            is_much = self.loss >= self.limits.loss
            self._good_ns = now_ns
            return self._because(Reason.LOSS) if is_much else None
        if now_ns - self._good_ns < self.hold_ns:
            return None
        return self._rise(now_ns)

    def _sample(self, now_ns: int, reading: Reading) -> None:
        """Count loss over the window: with each answer the neighbour says how many of our hellos have come to it."""
        samples = self._samples
        if samples and now_ns - samples[-1][0] < SAMPLE_NS:
            return
        samples.append((now_ns, reading))
        while len(samples) > 2 and now_ns - samples[1][0] >= self.limits.window_ns:
            samples.popleft()
        before = samples[0][1]
        said = reading.returned - before.returned
        if said >= _ENOUGH * self.limits.window_ns / self.limits.interval_ns:
            self.loss = max(0.0, 1.0 - (reading.arrived - before.arrived) % _COUNT / said)


def limits_of(config: WatchConfig) -> Limits:
    """What a configuration asks."""
    return Limits(
        interval_ns=round(config.interval_ms * 1e6),
        missed=config.missed,
        loss=config.loss,
        window_ns=round(config.loss_window_ms * 1e6),
        hold_up_ns=round(config.hold_up_s * 1e9),
        hold_up_most_ns=round(config.hold_up_most_s * 1e9),
    )
