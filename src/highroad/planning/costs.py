"""What each restriction costs: the value without any, then with one after the other, each between value and bound.

Bounds of latency, fences, protection, few paths and whole parts, in this order, as far as a plan has them. With each
there is less to choose from, so what no plan without it betters none with it does. By classes that is so of the first
class alone, so each has its own bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from highroad.planning.optimum import Objective, Optimum, optimise
from highroad.planning.solve.answer import Clock, Limits, gap_of
from highroad.planning.solve.classes import Cumulative
from highroad.planning.traffic import Changed, Demands

LEAST_S, TIMES = 2.0, 3.0
"""A plan with less restrictions is looked for so long, or so many times as long as the plan itself took."""


class Restriction(StrEnum):
    """What a plan is held to."""

    NONE = "none"
    LATENCY = "latency"
    FENCES = "fences"
    PROTECTION = "protection"
    PATHS = "paths"
    PARTS = "parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A plan with this restriction and all before it: its value, and what no such plan betters.

    By classes no such plan that gives no less to the classes before: those are in `classes`, each with its bound.
    """

    restriction: Restriction
    value: float
    bound: float
    classes: tuple[Cumulative, ...] = ()

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best."""
        return gap_of(self.value, self.bound) if self.value != self.bound else 0.0


def costs(
    found: Optimum,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Cost, ...]:
    """The restrictions of a plan, least first. Nothing where it has none; where time is up, or `stop` says so, those
    that would need a plan of their own are left out.
    """
    begun_s, limits = clock(), limits or Limits()
    most_s = min(limits.time_s, max(LEAST_S, TIMES * found.after_s))
    looser = _looser(found)
    made: list[Cost] = []
    for number, (restriction, demands) in enumerate(looser):
        left_s = most_s - (clock() - begun_s)
        if stop() or left_s <= 0:
            break
        share = Limits(gap=limits.gap, time_s=left_s / (len(looser) - number), threads=limits.threads)
        plan = optimise(found.network, demands, found.objective, share, changed=_changed(found), clock=clock, stop=stop)
        made.append(Cost(restriction=restriction, value=plan.value, bound=plan.bound, classes=plan.classes))
    own, classes = _own(found), found.classes
    free = tuple(replace(one, value=value) for one, value in zip(classes, found.free_classes, strict=True))
    made.append(Cost(restriction=own, value=found.free, bound=found.bound, classes=free))
    if found.few is not None:
        made.append(Cost(restriction=Restriction.PATHS, value=found.fewer, bound=found.bound, classes=classes))
        if found.parts is not None:
            made.append(Cost(restriction=Restriction.PARTS, value=found.value, bound=found.bound, classes=classes))
    return _bounded(found.objective, made) if len(made) > 1 else ()


def _own(found: Optimum) -> Restriction:
    """The last restriction that its demands have."""
    demands = found.demands
    if demands.has_protection:
        return Restriction.PROTECTION
    if (demands.fence >= 0).any():
        return Restriction.FENCES
    return Restriction.LATENCY if demands.has_bounds else Restriction.NONE


def _looser(found: Optimum) -> list[tuple[Restriction, Demands]]:
    """The demands with less restrictions, from none on: where all have to be carried, those that can be with all."""
    whole = found.demands
    if found.objective is not Objective.TOTAL and found.objective is not Objective.LEXICOGRAPHIC:
        able = np.zeros(len(whole), np.bool_)
        able[found.checked.demands] = True
        whole = replace(whole, gbps=np.where(able, whole.gbps, 0.0))
    fenced, bounded = bool((whole.fence >= 0).any()), whole.has_bounds
    nowhere = np.full(len(whole), -1, np.int32)
    free = replace(whole.plain(), fence=nowhere)
    steps: list[tuple[Restriction, Demands]] = [(Restriction.NONE, free)]
    if bounded:
        steps.append((Restriction.LATENCY, replace(free, bound_ms=whole.bound_ms)))
    if fenced:
        steps.append((Restriction.FENCES, replace(whole.plain(), bound_ms=whole.bound_ms)))
    if whole.has_protection:
        steps.append((Restriction.PROTECTION, whole))
    return steps[:-1]


def _changed(found: Optimum) -> Changed:
    """The links that were left out."""
    there = set(found.checked.links.tolist())
    return Changed(without=frozenset(link.id for place, link in enumerate(found.network.links) if place not in there))


def _bounded(objective: Objective, made: list[Cost]) -> tuple[Cost, ...]:
    """The same with what the plans before prove of those after them: nothing by classes, where less of the first may
    leave room for more of all.
    """
    if objective is Objective.LEXICOGRAPHIC:
        return tuple(made)
    best = made[0].bound
    told = []
    for one in made:
        best = min(best, one.bound) if objective.better > 0 else max(best, one.bound)
        told.append(replace(one, bound=best))
    return tuple(told)
