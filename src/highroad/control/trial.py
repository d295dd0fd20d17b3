"""What was moved by choice is on trial until it is seen to be carried as before: first of all a canary of few.

A `Step` is what one pass asked of routers; its services keep the placement that they had, in `Service.leaving`, so that
they can go back. `Trials` remembers them, in memory only: after a restart what routers hold counts as checked. Here it
is decided who goes first and what counters mean, in `probes` what routers measure; `rollback` acts on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from highroad.control.probes import Probes
from highroad.model.network import LinkId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import Branch, Placement, Service, ServiceId
from highroad.ports import Sample, ServiceCounters
from highroad.units import bytes_from_gbps

SETTLE_S = 0.1
"""What was on its way when routers changed has arrived by then."""

LONGEST_CHECK_S = 10.0
"""Counters that contradict each other, or say nothing of a service that sends, are read again for so long, and
probes are waited for."""

DARK_SHARE = 0.5
"""A service that was dark for more than this share of a reading's time is dark."""

NOISE_BYTES = 4 * 1500
"""Packets lost by chance, or sent by a host's own stack: of a service that sends so little counters say nothing."""

FULL_SHARE = 0.9
"""A direction that carries so much of its guarantee may have all of it: rates of the moment are only about right."""

PAST_S = 0.5
"""Readings that are kept for what was before lie at least so far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is checked of a planned change, and how its first step is chosen.

    Of more than `above` moves a canary goes first: the share `canary` of them, at least 1 and at most `above`. Counters
    are read for `for_s`; who loses more than `loss` of what it offers, and did not before, is harmed. With a time of 0
    nothing is checked.
    """

    above: int = 10
    canary: float = 0.01
    for_s: float = 1.0
    loss: float = 0.01

    def first(self, moves: int) -> int:
        """How many of so many moves are the canary."""
        return min(max(1, self.above), max(1, int(self.canary * moves)))


class Seen(Enum):
    """What counters say of one service between two readings."""

    CARRIED = "carried"
    HARMED = "harmed"
    SILENT = "silent"
    """It offered nothing, or too little: nobody can tell."""
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The share of what it offered that a service lost, and whether it was dark; with `probed` it is of the routers'
    own packets. `late_ms` is the latency that they measured where it is above the bound.
    """

    share: float = 0.0
    dark: bool = False
    probed: bool = False
    late_ms: float | None = None

    @property
    def what(self) -> str:
        """In a few words."""
        if self.late_ms is not None:
            return f"{self.late_ms:.1f} ms"
        return f"{'dark' if self.dark else f'{self.share:.1%}'}{' by probes' if self.probed else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One service on trial: where it was, where it is now, and what it lost before."""

    service: ServiceId
    was: Placement
    branches: tuple[Branch, ...]
    lost: Loss


@dataclass(slots=True, kw_only=True)
class Step:
    """The moves of one pass, with every reading of counters since routers confirmed them."""

    id: str
    begun_s: float
    trials: dict[ServiceId, Trial]
    canary: bool = False
    proven: bool = False
    """Whether it follows a canary that was clean."""
    since_s: float | None = None
    """Since when routers have confirmed it; None until then."""
    due_s: float | None = None
    """When counters are to be read next; None until routers have confirmed."""
    readings: list[tuple[float, Mapping[ServiceId, ServiceCounters]]] = field(default_factory=list)


@dataclass(slots=True)
class Quota:
    """How many of the moves that are pending may be begun now; everything else is free to go."""

    moves: frozenset[ServiceId] = frozenset()
    left: int = 0

    def admits(self, service: ServiceId) -> bool:
        """Whether a change may be begun."""
        return self.left > 0 or service not in self.moves

    def take(self, service: ServiceId) -> None:
        """It is begun."""
        self.left -= service in self.moves


class Trials:
    """Every step that was not found clean yet."""

    def __init__(self) -> None:
        self.check: Check | None = None
        """None where nobody checks."""
        self.rate_scale = 1.0
        self.steps: list[Step] = []
        self.returning: set[ServiceId] = set()
        """Rolled back: going back is a repair."""
        self.probes = Probes()
        self._shunned: dict[ServiceId, set[tuple[Branch, ...]]] = {}
        self._past: deque[Sample] = deque(maxlen=2)
        self._pending: dict[ServiceId, Way] = {}
        """What the canary that is under way stands for."""
        self._proven: dict[ServiceId, Way] = {}
        """What may follow a canary that was clean."""

    def holds(self, service: ServiceId) -> bool:
        """Whether a service is on trial: then it keeps the placement that it had."""
        return any(service in step.trials for step in self.steps)

    def of(self, service: ServiceId) -> Trial | None:
        """A service's trial."""
        return next((step.trials[service] for step in self.steps if service in step.trials), None)

    @property
    def quiet(self) -> bool:
        """Whether nothing is on trial, on its way back from one, or remembered of one."""
        return not (self.steps or self.returning or self._shunned or self._pending or self._proven or self.probes)

    @property
    def lately(self) -> Sequence[Sample]:
        """The samples that are kept, the oldest first."""
        return tuple(self._past)

    def note(self, sample: Sample) -> None:
        """Keep what is carried now, for what will be moved next."""
        if not self._past or sample.at_s >= self._past[-1].at_s + PAST_S:
            self._past.append(sample)

    def due_s(self) -> float | None:
        """When counters are to be read for a step."""
        return min((step.due_s for step in self.steps if step.due_s is not None), default=None)

    def quota(
        self, planned: Sequence[ServiceId], want: Callable[[ServiceId], Policy | None], have: Mapping[ServiceId, Policy]
    ) -> tuple[list[ServiceId], Quota]:
        """The order in which what is planned is tried, and how much of it is begun: few moves, or a canary, or what
        follows one that was clean, a step at a time.
        """
        if not any(step.canary for step in self.steps):
            self._pending = {}
        moves: dict[ServiceId, Way] = {}
        wider: dict[ServiceId, frozenset[LinkId]] = {}
        steady: set[ServiceId] = set()
        for service in planned if self.check is not None else ():
            policy, held = want(service), have.get(service)
            if policy is not None and held is not None and is_move(held, policy):
                moves[service] = way_of(policy)
                wider[service] = policy.links - held.links
                if policy.ceiling_gbps <= policy.guaranteed_gbps:
                    steady.add(service)
        self._proven = {one: way for one, way in self._proven.items() if moves.get(one) == way}
        if not moves or self.check is None:
            return list(planned), Quota()
        names = frozenset(moves)
        on_trial = sum(len(step.trials) for step in self.steps)
        if len(moves) + on_trial <= self.check.above:
            return list(planned), Quota()
        if self.steps:
            return list(planned), Quota(names)
        unproven = [one for one in moves if one not in self._proven]
        if len(unproven) <= self.check.above:
            return list(planned), Quota(names, len(names))
        most = self.check.first(len(unproven))
        first = self._widest(unproven, wider, most, steady)
        self._pending = moves
        others = [one for one in planned if one not in names]
        return [*others, *first, *(one for one in unproven if one not in first)], Quota(names, most)

    def begin(self, step: Step) -> None:
        """Put a step on trial, with what its services lost before."""
        step.canary = bool(self._pending) and not self.steps
        step.proven = all(one in self._proven for one in step.trials)
        self.steps.append(step)

    def before(self, service: ServiceId) -> Loss:
        """What a service lost lately; over its life where there is but one reading."""
        if not self._past:
            return Loss()
        now, old = self._past[-1], self._past[0]
        last, first = now.services.get(service), old.services.get(service)
        if last is None:
            return Loss()
        if first is None or old is now:
            return Loss(share=last.lost_bytes / last.offered_bytes if last.offered_bytes > 0 else 0.0)
        return _between(first, last, now.at_s - old.at_s)

    def end(self, step: Step, *, clean: bool) -> None:
        """A step is over; what a clean canary stood for may follow it."""
        self.steps.remove(step)
        self.probes.forget(step.trials if self.steps else None)
        if step.canary:
            if clean:
                self._proven |= self._pending
            self._pending = {}

    def shun(self, service: ServiceId, branches: tuple[Branch, ...]) -> None:
        """Do not choose a path again until the thaw."""
        self._shunned.setdefault(service, set()).add(branches)

    def shuns(self, service: ServiceId, placement: Placement | None) -> bool:
        """Whether a path was found harmful since the last thaw."""
        return placement is not None and placement.branches in self._shunned.get(service, ())

    def thaw(self) -> bool:
        """What was found harmful may be tried again. Returns whether there was any."""
        found = bool(self._shunned)
        self._shunned.clear()
        return found

    def _widest(
        self,
        moves: Sequence[ServiceId],
        wider: Mapping[ServiceId, frozenset[LinkId]],
        most: int,
        steady: Collection[ServiceId],
    ) -> list[ServiceId]:
        """Of so many moves those first that send something, and of these those that are `steady`: what others lose they
        may lose by right. Between them they cover most links that are new.
        """
        sample = self._past[-1] if self._past else None
        counters = {} if sample is None else sample.services
        loud = [one for one in moves if one in counters and counters[one].offered_gbps > 0] or list(moves)
        chosen: dict[ServiceId, None] = {}
        covered: frozenset[LinkId] = frozenset()
        while len(chosen) < min(most, len(loud)):
            rest = [one for one in loud if one not in chosen]
            telling = [one for one in rest if one in steady] or rest
            best = max(telling, key=lambda one: len(wider[one] - covered))
            chosen[best] = None
            covered |= wider[best]
        return list(chosen)


Way = tuple[CandidatePath | None, CandidatePath | None]


def way_of(policy: Policy) -> Way:
    """The paths, there and back, that carry while everything is up."""
    there, back = (max(way, key=lambda one: one.preference, default=None) for way in (policy.there, policy.back))
    return there, back


def is_move(held: Policy, wanted: Policy) -> bool:
    """Whether a change leads a service over another path, and not only at another rate or with another backup."""
    return way_of(held) != way_of(wanted)


def is_short(service: Service) -> bool:
    """Whether a service waits at its old rate for the new one, whose path was found harmful: both rooms are kept."""
    return service.placement is not None and service.placement.bandwidth_gbps < service.order.bandwidth_gbps


def seen(step: Step, trial: Trial, service: Service, check: Check, noise_bytes: float) -> tuple[Seen, Loss]:
    """What the last two pairs of readings say of a service, if they agree; the newer one when there is no more time."""
    pairs = list(zip(step.readings, step.readings[1:], strict=False))[-2:]
    found = [_seen(pair[0], pair[1], trial, service, check, noise_bytes) for pair in pairs]
    now, loss = found[-1]
    late = step.readings[-1][0] - step.readings[0][0] >= LONGEST_CHECK_S
    if now is Seen.UNCLEAR and late:
        return Seen.SILENT, loss
    if now is Seen.UNCLEAR or (not late and any((one is Seen.HARMED) != (now is Seen.HARMED) for one, _ in found)):
        return Seen.UNCLEAR, loss
    if now is Seen.SILENT and any(one is Seen.CARRIED for one, _ in found):
        return Seen.CARRIED, loss
    return now, loss


def _seen(
    first: tuple[float, Mapping[ServiceId, ServiceCounters]],
    last: tuple[float, Mapping[ServiceId, ServiceCounters]],
    trial: Trial,
    service: Service,
    check: Check,
    noise_bytes: float,
) -> tuple[Seen, Loss]:
    """Harmed is who is dark, or loses, and did not before. What a service sends beyond its guarantee may be lost by
    right: then it is harmed if not even the guarantee of one direction gets through, or neither direction has it.
    """
    before, after = first[1].get(trial.service), last[1].get(trial.service)
    if before is None or after is None:
        return Seen.UNCLEAR, Loss()
    span_s = last[0] - first[0]
    loss = _between(before, after, span_s)
    if loss.dark:
        return (Seen.CARRIED if trial.lost.dark else Seen.HARMED), loss
    offered = after.offered_bytes - before.offered_bytes
    if offered <= 0:
        return (Seen.UNCLEAR if after.offered_gbps > 0 else Seen.SILENT), loss
    lost = after.lost_bytes - before.lost_bytes
    if max(lost, offered - lost) <= noise_bytes:
        return Seen.SILENT, loss
    if loss.share <= trial.lost.share + check.loss or lost <= noise_bytes:
        return Seen.CARRIED, loss
    guaranteed = bytes_from_gbps(service.order.bandwidth_gbps, span_s)
    bursts = (service.order.burst_gbps or 0.0) > service.order.bandwidth_gbps or offered > 2 * guaranteed
    carried = after.carried_bytes - before.carried_bytes
    kept = carried >= (1 - check.loss) * min(offered, guaranteed)
    owed = kept and _neither_is_full(after, carried, span_s, service.order.bandwidth_gbps)
    return (Seen.CARRIED if bursts and kept and not owed else Seen.HARMED), loss


def _neither_is_full(now: ServiceCounters, carried_bytes: float, span_s: float, guaranteed_gbps: float) -> bool:
    """Whether each direction carries less than its guarantee, so that nothing was lost by right. Not where the rates
    of the moment are not those of the time that is looked at: then nobody can tell.
    """
    there, back = now.carried_gbps_there, now.carried_gbps_back
    lasting = abs(bytes_from_gbps(there + back, span_s) - carried_bytes) <= (1 - FULL_SHARE) * carried_bytes
    return lasting and max(there, back) < FULL_SHARE * guaranteed_gbps


def _between(before: ServiceCounters, after: ServiceCounters, span_s: float) -> Loss:
    offered = after.offered_bytes - before.offered_bytes
    share = max(0.0, after.lost_bytes - before.lost_bytes) / offered if offered > 0 else 0.0
    return Loss(share=min(1.0, share), dark=after.dark_s - before.dark_s > DARK_SHARE * span_s)


def suspects(harmed: Iterable[tuple[Placement, Placement]], carried: Iterable[Placement]) -> list[LinkId]:
    """The links that those who were harmed came to, and nobody who is carried well uses; else all that they came to."""
    came: dict[LinkId, int] = {}
    for was, now in harmed:
        for link in dict.fromkeys(now.links):
            if link not in was.links:
                came[link] = came.get(link, 0) + 1
    clear = {link for placement in carried for link in placement.links}
    left = [link for link in came if link not in clear] or list(came)
    return sorted(left, key=lambda link: -came[link])
