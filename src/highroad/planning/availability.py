"""What a network carries for how much of the time; of a service it is `chances` that tells.

Failures are looked at one set after the other, the likeliest first, until what is left is less likely than `rest`; for
each, traffic is placed anew as well as can be (as TeaVaR measures: Bogle et al., SIGCOMM 2019). What was not looked at
may carry nothing, or as much as when all is well: every figure is a bracket. Where demands have bounds of latency,
traffic is placed inside them, and whoever no way that is left is fast enough for is not carried.

    carried with availability a:   the largest t with P(carried >= t) >= a
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from highroad.model.network import LinkId, Network
from highroad.planning.chances import Risk, subsets
from highroad.planning.optimum import Objective, Optimum, after_cut, joined, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.routed import Routed
from highroad.planning.traffic import Changed, Demands
from highroad.planning.workers import Workers, in_pieces

REST = 2e-5
"""Of all time, so much is not looked at unless something else is said: a fifth of what 99.99 % leaves."""

MOST, SAME = 20_000, 10
"""Sets of links that are looked at, and how many ways of coming to be are told apart for each of them on average."""

NEARER = 0.2

Range = tuple[float, float]
"""Between these it is, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Links that are down, for exactly which share of the time, and the likeliest way in which they come to be."""

    groups: tuple[str, ...]
    without: frozenset[LinkId]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What can fail, the likeliest first, and how likely anything else is."""

    failures: tuple[Failure, ...]
    rest: float


def failures(found: Sequence[Risk], rest: float = REST, most: int = MOST) -> Failures:
    """Sets of links that are down at once, until the others are less likely than `rest`, or there are `most`."""
    shares: dict[frozenset[LinkId], float] = {}
    groups: dict[frozenset[LinkId], tuple[str, ...]] = {}
    left = 1.0
    for count, (places, share) in enumerate(subsets([one.down for one in found])):
        gone = frozenset().union(*(found[place].links for place in places))
        if count >= SAME * most or (gone not in shares and len(shares) >= most):
            break
        groups.setdefault(gone, tuple(found[place].groups[0] for place in places))
        shares[gone] = shares.get(gone, 0.0) + share
        left -= share
        if left <= rest:
            break
    ranked = sorted(shares, key=lambda gone: (-shares[gone], groups[gone]))
    return Failures(
        failures=tuple(Failure(groups=groups[gone], without=gone, share=shares[gone]) for gone in ranked),
        rest=max(0.0, 1.0 - math.fsum(shares.values())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked at, as it goes to a worker: `total` is the share of all demand that is carried, `concurrent` that
    which every demand gets at once, no more than 1; it is 0 where one has no way left.
    """

    network: Network
    demands: Demands
    limits: Limits
    objective: Objective = Objective.TOTAL
    kept: _Kept = field(default_factory=lambda: _Kept(), init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A failure, and the share that is carried in it: at least `value`, and no plan more than `bound`."""

    failure: Failure
    value: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What is carried for how much of the time, as shares of what is wanted: those looked at, and how likely the rest
    is. `wanted_gbps` is what can be carried at all when nothing has failed; nothing carries more than `most`.
    """

    looked: tuple[Looked, ...]
    rest: float
    wanted_gbps: float
    most: float

    def at(self, availability: float) -> Range:
        """The share that is carried for at least so much of the time."""
        lowest = [(one.value, one.failure.share) for one in self.looked]
        highest = [(one.bound, one.failure.share) for one in self.looked]
        return (
            _quantile([*lowest, (0.0, self.rest)], availability),
            _quantile([*highest, (self.most, self.rest)], availability),
        )

    def mean(self) -> Range:
        """The share that is carried over all of the time."""
        low = math.fsum(one.value * one.failure.share for one in self.looked)
        high = math.fsum(one.bound * one.failure.share for one in self.looked)
        return low, high + self.most * self.rest

    def availability(self, share: float) -> Range:
        """For how much of the time so much is carried."""
        low = math.fsum(one.failure.share for one in self.looked if one.value >= share)
        high = math.fsum(one.failure.share for one in self.looked if one.bound >= share)
        return low, min(1.0, high + (self.rest if self.most >= share else 0.0))


def _quantile(values: Iterable[tuple[float, float]], availability: float) -> float:
    """The largest of the values that is reached with this probability, to a billionth."""
    together = 0.0
    for value, share in sorted(values, reverse=True):
        together += share
        if together >= availability - 1e-12:
            return value
    return 0.0


class _Kept:
    """The plan when nothing has failed. It stays where it was made."""

    def __init__(self) -> None:
        self.plan: Optimum | None = None

    def __reduce__(self) -> tuple[type[_Kept], tuple[()]]:
        return _Kept, ()


def whole(asked: Asked) -> Optimum:
    """The plan when nothing has failed, nearer to the best than those that begin with it have to be."""
    if asked.kept.plan is None:
        limits = Limits(gap=NEARER * asked.limits.gap, threads=asked.limits.threads)
        asked.kept.plan = optimise(asked.network, asked.demands, asked.objective, limits)
    return asked.kept.plan


def look(asked: Asked, some: Sequence[Failure]) -> list[Looked]:
    """What a worker does: some failures, one after the other, each planned anew from the plan without it."""
    before = whole(asked)
    return [_look(asked, before, failure) for failure in some]


def _look(asked: Asked, before: Optimum, failure: Failure) -> Looked:
    if not before.checked.problem.demands:
        return Looked(failure=failure, value=1.0, bound=1.0)
    then = before
    if failure.without and isinstance(before.answer, Routed):
        changed = Changed(without=failure.without)
        then = optimise(asked.network, asked.demands, asked.objective, asked.limits, changed=changed)
        if asked.objective.by_shares and then.checked.problem.demands < before.checked.problem.demands:
            return Looked(failure=failure, value=0.0, bound=0.0)
    elif failure.without:
        if asked.objective.by_shares and not joined(before, failure.without).all():
            return Looked(failure=failure, value=0.0, bound=0.0)
        then = after_cut(before, failure.without, asked.limits)
    value, bound = _share(before, then.value), _share(before, then.bound)
    return Looked(failure=failure, value=value, bound=max(value, bound))


def _share(before: Optimum, value: float) -> float:
    wanted = 1.0 if before.objective.by_shares else float(before.checked.problem.amount_gbps.sum())
    return min(1.0, value / wanted)


def distribution(asked: Asked, given: Failures, looked: Iterable[Looked]) -> Distribution:
    """What comes of it; what was not looked at of the failures is added to the rest."""
    before, all_looked = whole(asked), tuple(looked)
    seen = math.fsum(one.failure.share for one in all_looked)
    return Distribution(
        looked=all_looked,
        rest=given.rest if len(all_looked) == len(given.failures) else max(0.0, 1.0 - seen),
        wanted_gbps=float(before.checked.problem.amount_gbps.sum()),
        most=_share(before, before.bound) if before.checked.problem.demands else 1.0,
    )


def throughput(asked: Asked, given: Failures, workers: Workers, *, at_once: int = 32) -> Iterator[list[Looked]]:
    """Each failure looked at, in their order, some at a time, by any executor of `concurrent.futures`."""
    return in_pieces(look, asked, given.failures, workers, at_once=at_once)
