"""What if: a network planned anew for every failure, growth and upgrade, on as many workers as there are.

A case is solved at most twice: for the least utilisation at which all is carried that can still get there, and, where
that is above 1, for the most that is carried. From that come what is cut off, what is crowded out, what overloads, and
where capacity is missing. A failure begins with the plan without it, one of several groups with the plan after the
worst of them alone, which is often all that has to be found; where demands have bounds of latency each case is planned
from nothing, and whoever no way that is left is fast enough for is cut off. What comes out does not depend on which
cases were looked at before, so they go to any executor of `concurrent.futures`: threads, processes, or a cluster's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from highroad.errors import Finding, Invalid, did_you_mean
from highroad.model.network import LinkId, Network
from highroad.planning.optimum import Objective, Optimum, after_cut, joined, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.problem import Problem
from highroad.planning.solve.routed import Routed
from highroad.planning.traffic import Changed, Demands, checked_of, problem_of
from highroad.planning.workers import Workers, in_pieces

FITS = 1.0 + 1e-9
NEARER, AFTER = 0.2, 0.5
"""The share of the gap to which the plan is found that a failure begins with, and that after one of several."""

MOST_KEPT = 256_000_000
"""Bytes of plans after one failure that a worker keeps; where all would be more, pairs begin as singles do."""

TOLD = 8
"""Links and demands that a case tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Risk groups that fail, growth of all demands, and Gbit/s more on links: all of it at once."""

    cut: tuple[str, ...] = ()
    without: frozenset[LinkId] = frozenset()
    growth: float = 1.0
    more_gbps: tuple[tuple[LinkId, float], ...] = ()

    @property
    def name(self) -> str:
        """What it is, in words."""
        parts = [f"{' and '.join(self.cut)} cut"] if self.cut else []
        if self.growth != 1.0:
            parts.append(f"demands x{self.growth:g}")
        parts.extend(f"+{gbps:g}G {link}" for link, gbps in self.more_gbps)
        return ", ".join(parts) or "as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case ends. Rates in Gbit/s; utilisation as a share, `utilisation_bound` what no plan stays below.

    `cut_off_gbps` has no way left, or cannot be carried at all; `late_gbps` of it has a way, but none inside its bound
    of latency. `crowded_gbps` has a way, but no room on it: no plan crowds out less than `crowded_bound_gbps`.
    `overloaded` are links that are over 1 when all is carried that has a way, the fullest first; `short` demands that
    lose, those that lose most first. `prices` are what a Gbit/s more on a link carries more, where something is crowded
    out.
    """

    case: Case
    utilisation: float
    utilisation_bound: float
    wanted_gbps: float
    cut_off_gbps: float
    crowded_gbps: float
    crowded_bound_gbps: float
    overloaded: tuple[tuple[LinkId, float], ...]
    short: tuple[tuple[str, str, float], ...]
    prices: tuple[tuple[LinkId, float], ...]
    late_gbps: float = 0.0

    @property
    def lost_gbps(self) -> float:
        """What is not carried, whyever."""
        return self.cut_off_gbps + self.crowded_gbps


class Kept:
    """Plans to begin with, of one size of demands at a time. They stay where they were made."""

    def __init__(self) -> None:
        self.arrays: Problem | None = None
        self.growth = 1.0
        self.plans: dict[Objective, Optimum] = {}
        self.after: dict[str, Optimum | None] = {}
        self.groups = -1

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What all cases are about, as it goes to a worker."""

    network: Network
    demands: Demands
    limits: Limits
    kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    def asks_as(self, other: Question) -> bool:
        """Whether both ask the same."""
        if self is other:
            return True
        mine, theirs = self.demands, other.demands
        return (
            self.limits == other.limits
            and mine.fences == theirs.fences
            and all(
                np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True)
                for name in ("source", "target", "gbps", "fence", "bounds_ms", "guarded")
            )
            and self.network == other.network
        )

    def as_it_is(self, objective: Objective, growth: float) -> Optimum:
        """The plan before anything fails, nearer to the best than what begins with it has to be."""
        kept = self.kept
        if kept.growth != growth:
            kept.growth, kept.plans, kept.after = growth, {}, {}
        plan = kept.plans.get(objective)
        if plan is None:
            limits = replace(self.limits, gap=NEARER * self.limits.gap)
            plan = optimise(self.network, self.demands.times(growth), objective, limits, arrays=self.arrays)
            kept.plans[objective] = plan
        return plan

    def after(self, groups: Sequence[str], growth: float) -> Optimum:
        """The plan of least utilisation that a failure of some groups begins with: after the worst of them alone."""
        whole, kept = self.as_it_is(Objective.UTILISATION, growth), self.kept
        if len(groups) < 2:
            return whole
        if kept.groups < 0:
            kept.groups = len(risk_groups(self.network))
        answer = whole.answer
        if kept.groups * len(answer.commodities.source) * answer.problem.links * _BYTES > MOST_KEPT:
            return whole
        worst = whole
        for group in groups:
            if group not in kept.after:
                gone, limits = _links(self.network, (group,)), replace(self.limits, gap=AFTER * self.limits.gap)
                kept.after[group] = after_cut(whole, gone, limits) if joined(whole, gone).all() else None
            alone = kept.after[group]
            if alone is not None and alone.value > worst.value:
                worst = alone
        return worst

    @property
    def arrays(self) -> Problem:
        """Those of the network and the demands."""
        if self.kept.arrays is None:
            self.kept.arrays = problem_of(self.network, self.demands)
        return self.kept.arrays


def case_of(network: Network, groups: Sequence[str], growth: float = 1.0) -> Case:
    """That these fibres, risk groups and sites fail together. Raises Invalid with each that there is not."""
    known = {*network.fibre, *network.site, *(group.id for group in network.risk_groups)}
    unknown = [name for name in groups if name not in known]
    if unknown:
        told = (f"there is no fibre, site or risk group `{name}`{did_you_mean(name, known)}" for name in unknown)
        raise Invalid([Finding(code="unknown-target", place="cut", message=message) for message in told])
    return Case(cut=tuple(groups), without=_links(network, groups), growth=growth)


def risk_groups(network: Network) -> list[str]:
    """Every risk group that takes links down: shared ones, and fibres that no shared one stands for."""
    kept: dict[frozenset[LinkId], str] = {}
    for name in (*(group.id for group in network.risk_groups), *(fibre.id for fibre in network.fibres)):
        gone = _links(network, (name,))
        if gone:
            kept.setdefault(gone, name)
    return list(kept.values())


def singles(network: Network) -> list[Case]:
    """Each risk group alone."""
    return [case_of(network, (group,)) for group in risk_groups(network)]


def doubles(network: Network) -> list[Case]:
    """Each two risk groups together, but for what one of them does alone."""
    alone = {group: _links(network, (group,)) for group in risk_groups(network)}
    return [
        Case(cut=(a, b), without=alone[a] | alone[b])
        for a, b in combinations(alone, 2)
        if not (alone[a] <= alone[b] or alone[b] <= alone[a])
    ]


_BYTES = 8
"""Of a number in the flows of a plan: one a link for each source and fence."""


def _links(network: Network, groups: Iterable[str]) -> frozenset[LinkId]:
    gone = {link for group in groups for fibre in network.fibres_of(group) for link in network.links_on.get(fibre, ())}
    sites = {group for group in groups if group in network.site and group not in network.fibre}
    return frozenset(gone | {link.id for link in network.links if link.tail in sites or link.head in sites})


def look(question: Question, cases: Sequence[Case]) -> list[Outcome]:
    """What a worker does: some cases, one after the other."""
    question = _known(question)
    return [_outcome(question, case) for case in cases]


_latest: list[Question] = []
"""The question that this process was asked last, with its plans: each piece of work brings the question anew."""


def _known(question: Question) -> Question:
    """The same question with what is kept of it, if it was the last one."""
    if not (_latest and _latest[0].asks_as(question)):
        _latest[:] = [question]
    return _latest[0]


def _outcome(question: Question, case: Case) -> Outcome:
    network, limits = question.network, question.limits
    demands = question.demands if case.growth == 1.0 else question.demands.times(case.growth)
    changed = Changed(without=case.without, more_gbps=dict(case.more_gbps))

    def best(objective: Objective) -> Optimum:
        if not case.more_gbps:
            before = question.as_it_is(objective, case.growth)
            if not case.without:
                return before
            if isinstance(before.answer, Routed):
                return anew(objective)
            if objective is Objective.TOTAL:
                return after_cut(before, case.without, limits)
            if joined(before, case.without).all():
                return after_cut(question.after(case.cut, case.growth), case.without, limits)
        return anew(objective)

    def anew(objective: Objective) -> Optimum:
        return optimise(network, demands, objective, limits, changed=changed, arrays=question.arrays)

    even = best(Objective.UTILISATION)
    ready = even.checked
    way = joins = float(ready.problem.amount_gbps.sum())
    if demands.has_bounds:
        left = checked_of(network, demands, changed, arrays=question.arrays)
        joins = float(left.problem.amount_gbps.sum())
    crowded, bound, most = 0.0, 0.0, even
    prices: tuple[tuple[LinkId, float], ...] = ()
    if even.value > FITS:
        most = best(Objective.TOTAL)
        crowded, bound = max(0.0, way - most.value), max(0.0, way - most.bound)
        dear = np.flatnonzero(most.price > 1e-3)
        prices = tuple((network.links[place].id, float(most.price[place])) for place in dear.tolist())
    capacity = np.ones(len(network.links))
    capacity[ready.links] = ready.problem.capacity_gbps
    full = even.load_gbps / capacity
    over = [place for place in np.argsort(-full, kind="stable")[:TOLD].tolist() if full[place] > FITS]
    wanted = np.where(np.isfinite(demands.gbps), np.maximum(demands.gbps, 0.0), 0.0)
    short = wanted - np.minimum(most.carried_gbps, wanted)
    least = [
        place for place in np.argsort(-short, kind="stable")[:TOLD].tolist() if short[place] > 1e-6 * wanted[place]
    ]
    return Outcome(
        case=case,
        utilisation=even.value,
        utilisation_bound=even.bound,
        wanted_gbps=even.wanted_gbps,
        cut_off_gbps=max(0.0, even.wanted_gbps - way),
        crowded_gbps=crowded,
        crowded_bound_gbps=bound,
        overloaded=tuple((network.links[place].id, float(full[place])) for place in over),
        short=tuple(
            (network.sites[demands.source[place]].id, network.sites[demands.target[place]].id, float(short[place]))
            for place in least
        ),
        prices=prices,
        late_gbps=max(0.0, joins - way),
    )


def sweep(question: Question, cases: Sequence[Case], workers: Workers, *, at_once: int = 8) -> Iterator[list[Outcome]]:
    """The outcomes of all cases in their order, some at a time, as they are there.

    A worker that gets `at_once` cases plans the network once as it is, and what fails from there: the more at once, the
    less often. Whoever stops asking ends it, but for what is under way.
    """
    return in_pieces(look, question, cases, workers, at_once=at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class Helps:
    """What more capacity on a link and its opposite does over all cases: Gbit/s that are not crowded out any more.

    `promised_gbps` is what prices allow at most, `seen_gbps` the difference when every case is planned anew; None
    where that was not done.
    """

    links: tuple[LinkId, ...]
    more_gbps: float
    promised_gbps: float
    cases: int
    seen_gbps: float | None = None


def helps(network: Network, outcomes: Iterable[Outcome], more_gbps: float = 100.0) -> list[Helps]:
    """Where capacity is missing, by the prices of all cases: what would help most first."""
    sums: dict[tuple[LinkId, ...], tuple[float, int]] = {}
    for one in outcomes:
        mine: dict[tuple[LinkId, ...], float] = {}
        for link, price in one.prices:
            pair = tuple(sorted({link, network.opposite.get(link, link)}))
            mine[pair] = mine.get(pair, 0.0) + price
        for pair, price in mine.items():
            before, count = sums.get(pair, (0.0, 0))
            unsure = one.crowded_gbps - one.crowded_bound_gbps
            sums[pair] = (before + min(price * more_gbps + unsure, one.crowded_gbps), count + 1)
    found = [
        Helps(links=links, more_gbps=more_gbps, promised_gbps=gbps, cases=count)
        for links, (gbps, count) in sums.items()
    ]
    return sorted(found, key=lambda one: (-one.promised_gbps, one.links))


def with_more(case: Case, links: Sequence[LinkId], more_gbps: float) -> Case:
    """The same case with so much more on some links; more on what is cut is cut too."""
    more = (*case.more_gbps, *((link, more_gbps) for link in links))
    return Case(cut=case.cut, without=case.without, growth=case.growth, more_gbps=more)
