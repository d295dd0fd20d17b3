"""What a sender makes of the answers of one interval: what was lost and where, how long it took, how much that varied.

**Loss.** A reflector numbers what it got, so of the packets that are missing between two answers as many got there as
its numbers go up by besides (RFC 8762, section 4.3: stateful). Those lost their answer; the others never arrived. What
is missing with no answer after it, or across a restart of the reflector, is lost, and nobody knows where. Where both
kinds are in one gap it is not known which is which, only how many: the earlier ones are taken to be lost on the way
out.

**Variation.** The mean of |ipdv| (RFC 3393) between a packet and the next one that was sent: it has no memory, as the
smoothed jitter of RFC 3550 has, so that an interval says nothing of the one before.

**One way.** Only what both clocks can know: both follow UTC, and together they are off by less than the figure. A clock
that is set makes one direction longer and the other as much shorter, and leaves the round trip: from then on it is not
believed, whatever it says of itself, until it is set back, or has been out of step and is in step again. What waited
in a queue hides that, and looks like it: of a few answers that with the shortest round trip is held against the
shortest of the few before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STEP_NS = 5_000_000
"""Where one way takes so much longer than before, and the other as much less, to a fifth, a clock was set."""

FEW = 6
"""Of so many answers the one with the shortest round trip is held against the one of so many before."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that left."""

    sequence: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Its first answer. `out_ns` and `home_ns` are differences of two clocks; `error_ns` is what both may be off by,
    None where one does not follow UTC.
    """

    number: int
    """The reflector's own."""
    rtt_ns: int
    out_ns: int
    home_ns: int
    error_ns: float | None
    late: bool = False
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One interval; times in nanoseconds, None where there is no figure."""

    at_ns: int
    for_ns: int
    sent: int
    lost_out: int = 0
    lost_home: int = 0
    lost_unknown: int = 0
    late: int = 0
    doubled: int = 0
    rtt_min_ns: int | None = None
    rtt_p50_ns: int | None = None
    rtt_p99_ns: int | None = None
    rtt_max_ns: int | None = None
    jitter_ns: int | None = None
    jitter_out_ns: int | None = None
    jitter_home_ns: int | None = None
    out_ns: int | None = None
    home_ns: int | None = None
    error_ns: int | None = None
    pinned: bool = False
    clock_steps: int = 0


@dataclass(slots=True)
class Before:
    """What is remembered from one interval to the next."""

    sequence: int = -1
    heard: Heard | None = None
    shifted_ns: int = 0
    """How far clocks were seen to be set against each other."""
    resynchronising: bool = False
    earlier: deque[Heard] = field(default_factory=lambda: deque(maxlen=FEW))
    """Answers before `recent`, none where a clock was set between them."""
    recent: deque[Heard] = field(default_factory=deque)

    def was_set(self, now: Heard) -> int:
        """Take the next answer. Returns by how much it shows that a clock was set against the other; 0 where not."""
        self.recent.append(now)
        if len(self.recent) > FEW:
            self.earlier.append(self.recent.popleft())
        if not self.earlier:
            return 0
        was, new = (min(reversed(some), key=lambda one: one.rtt_ns) for some in (self.earlier, self.recent))
        out_ns, home_ns = new.out_ns - was.out_ns, new.home_ns - was.home_ns
        if not _is_step(out_ns, home_ns):
            return 0
        self.earlier.clear()
        self.recent = deque([new])
        return (out_ns - home_ns) // 2


@dataclass(slots=True)
class _Changes:
    """Between packets sent one after the other."""

    rtt: list[int] = field(default_factory=list)
    out: list[int] = field(default_factory=list)
    home: list[int] = field(default_factory=list)
    steps: int = 0


def summed(
    sent: Sequence[Sent],
    heard: Mapping[int, Heard],
    before: Before,
    *,
    at_ns: int,
    for_ns: int,
    doubled: int = 0,
    is_stateful: bool = True,
) -> Interval:
    """An interval, from what was sent in it, in order, and all answers that are there by now, later ones' too.

    `before` is brought up to date.
    """
    out, home, unknown = _lost(sent, heard, before, is_stateful=is_stateful)
    answers = [heard[one.sequence] for one in sent if one.sequence in heard]
    changes = _changes(sent, heard, before)
    rtts = sorted(one.rtt_ns for one in answers)
    way_out, way_home, error = _one_way(answers, before)
    return Interval(
        at_ns=at_ns,
        for_ns=for_ns,
        sent=len(sent),
        lost_out=out,
        lost_home=home,
        lost_unknown=unknown,
        late=sum(one.late for one in answers),
        doubled=doubled,
        rtt_min_ns=rtts[0] if rtts else None,
        rtt_p50_ns=rank(rtts, 0.50),
        rtt_p99_ns=rank(rtts, 0.99),
        rtt_max_ns=rtts[-1] if rtts else None,
        jitter_ns=_mean(changes.rtt),
        jitter_out_ns=_mean(changes.out),
        jitter_home_ns=_mean(changes.home),
        out_ns=way_out,
        home_ns=way_home,
        error_ns=error,
        pinned=bool(answers) and all(one.pinned for one in answers),
        clock_steps=changes.steps,
    )


def rank(ordered: Sequence[int], share: float) -> int | None:
    """The least of them that so many are not above (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


def _lost(
    sent: Sequence[Sent], heard: Mapping[int, Heard], before: Before, *, is_stateful: bool
) -> tuple[int, int, int]:
    """Out, home, unknown."""
    out = home = unknown = 0
    missing = [one.sequence for one in sent if one.sequence not in heard]
    if not missing:
        return 0, 0, 0
    known = sorted(heard)
    numbers = {sequence: heard[sequence].number for sequence in known}
    if before.heard is not None:
        numbers[before.sequence] = before.heard.number
        known.insert(0, before.sequence)
    for earlier, later, of_these in _gaps(missing, known):
        if not is_stateful or later is None or numbers[later] <= (numbers[earlier] if earlier is not None else -1):
            unknown += len(of_these)
            continue
        # A session's numbers begin at 0 with its first packet that arrives.
        first, number = (earlier, numbers[earlier]) if earlier is not None else (-1, -1)
        whole = later - first - 1
        arrived = min(whole, numbers[later] - number - 1)
        went_out = whole - arrived
        here = sum(sequence - first <= went_out for sequence in of_these)
        out += here
        home += len(of_these) - here
    return out, home, unknown


def _gaps(missing: Sequence[int], known: Sequence[int]) -> list[tuple[int | None, int | None, list[int]]]:
    """What is missing, by the answers around it."""
    gaps: dict[tuple[int | None, int | None], list[int]] = {}
    at = 0
    for sequence in missing:
        while at < len(known) and known[at] < sequence:
            at += 1
        earlier = known[at - 1] if at else None
        later = known[at] if at < len(known) else None
        gaps.setdefault((earlier, later), []).append(sequence)
    return [(*around, inside) for around, inside in gaps.items()]


def _changes(sent: Sequence[Sent], heard: Mapping[int, Heard], before: Before) -> _Changes:
    changes = _Changes()
    for one in sent:
        now = heard.get(one.sequence)
        if now is None:
            continue
        shift_ns = before.was_set(now)
        if shift_ns:
            changes.steps += 1
            before.shifted_ns += shift_ns
            if abs(before.shifted_ns) < STEP_NS:
                before.shifted_ns = 0
        last = before.heard
        if last is not None and one.sequence == before.sequence + 1:
            out, home = now.out_ns - last.out_ns, now.home_ns - last.home_ns
            if not _is_step(out, home):
                changes.rtt.append(abs(now.rtt_ns - last.rtt_ns))
                changes.out.append(abs(out))
                changes.home.append(abs(home))
        if now.error_ns is None:
            before.resynchronising = True
        elif before.resynchronising:
            before.resynchronising, before.shifted_ns = False, 0
        before.sequence, before.heard = one.sequence, now
    return changes


def _is_step(out_ns: int, home_ns: int) -> bool:
    least = min(abs(out_ns), abs(home_ns))
    return least > STEP_NS and (out_ns < 0) != (home_ns < 0) and abs(out_ns + home_ns) * 5 < least


def _one_way(answers: Sequence[Heard], before: Before) -> tuple[int | None, int | None, int | None]:
    errors = [one.error_ns for one in answers if one.error_ns is not None]
    if not answers or len(errors) < len(answers) or before.shifted_ns:
        return None, None, None
    error = max(errors)
    out, home = (rank(sorted(one), 0.5) for one in ([a.out_ns for a in answers], [a.home_ns for a in answers]))
    if out is None or home is None or min(out, home) <= error:
        return None, None, None
    return out, home, int(error)


def _mean(values: Sequence[int]) -> int | None:
    return sum(values) // len(values) if values else None
