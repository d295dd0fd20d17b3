"""A plan on few paths, in whole parts: what a router holds of it, from one that is split as one likes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from highroad.planning.solve.answer import Answer, Clock, Limits
from highroad.planning.solve.few import PathPlan, Paths, on_paths, only, paths_of, widest
from highroad.planning.solve.few_shared import evened_on
from highroad.planning.solve.live import ragged
from highroad.planning.solve.parts import fitted, loads, weights
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.routed import Routed
from highroad.planning.solve.ways import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """The plan, and the value on few paths before it was brought into parts."""

    plan: PathPlan
    few: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How far a plan is narrowed: paths a commodity, parts of which each has some (None: any share)."""

    most_paths: int
    parts: int | None = None


def narrowed(
    answer: Answer | Routed,
    asked: Asked,
    limits: Limits,
    *,
    must: bool,
    amount_gbps: Reals | None = None,
    worth: Reals | None = None,
    clock: Clock = lambda: 0.0,
) -> Narrowed:
    """The plan of an answer on few paths: all of every commodity where it `must` be carried, then `value` is how full
    the fullest link is; else the most by `worth`. `amount_gbps` is of commodities, what they ask for unless it is said.
    """
    capacity, paths, part, places = _begun(answer, asked.most_paths)
    amount = answer.commodities.amount_gbps if amount_gbps is None else amount_gbps
    begun_s, held = clock(), capacity
    plan = _on(answer, capacity, amount, paths, part, limits, must=must, own=amount_gbps, worth=worth, clock=clock)
    few, then = _value(answer, plan, must=must, worth=worth), plan
    for _ in range(FOLLOWED if isinstance(answer, Routed) and answer.standing.guarded else 0):
        left = replace(limits, time_s=limits.time_s - (clock() - begun_s))
        if left.time_s <= 0 or not isinstance(answer, Routed):
            break
        answer.standing.follow(then.price, then.load_gbps)
        capacity, part = answer.standing.capacity(), then.flow_gbps
        then = _on(answer, capacity, amount, paths, part, left, must=must, own=amount_gbps, worth=worth, clock=clock)
        value = _value(answer, then, must=must, worth=worth)
        if value < few if must else value > few:
            plan, few, held = then, value, capacity
    if asked.parts is not None:
        left = replace(limits, time_s=max(0.0, limits.time_s - (clock() - begun_s)))
        plan = _in_parts(held, amount, plan, asked.parts, left, must=must, worth=worth, clock=clock)
    value = _value(answer, plan, must=must, worth=worth)
    plan = replace(plan, value=value, paths=_of_links(answer, paths, places), way=_ways(answer, places))
    if isinstance(answer, Routed):
        spans = answer.standing.live.spans
        plan = replace(plan, load_gbps=plan.load_gbps[:spans], reserve_gbps=answer.standing.kept(plan.load_gbps))
    return Narrowed(plan=plan, few=few)


FOLLOWED = 8
"""So often links are parted anew between what is carried and backups."""


def _on(
    answer: Answer | Routed,
    capacity: Reals,
    amount: Reals,
    paths: Paths,
    part: Reals,
    limits: Limits,
    *,
    must: bool,
    own: Reals | None,
    worth: Reals | None,
    clock: Clock,
) -> PathPlan:
    """The plan on these paths, from what each carries."""
    price = answer.price if isinstance(answer, Answer) else None
    if must:
        enough = answer.bound / (1.0 - limits.gap) if own is None else 1.0
        return evened_on(capacity, amount, paths, part, limits, clock=clock, price=price, enough=enough)
    enough = answer.bound * (1.0 - limits.gap)
    return on_paths(
        capacity, amount, paths, limits, clock=clock, start=part, price=price, enough_gbps=enough, worth=worth
    )


def _begun(answer: Answer | Routed, most: int) -> tuple[Reals, Paths, Reals, Places | None]:
    """Capacities, paths as rows of them, what each carries, and which of the answer's paths they are."""
    if isinstance(answer, Answer):
        paths, part = paths_of(answer, most)
        return answer.problem.capacity_gbps, paths, part, None
    standing = answer.standing
    places = widest(answer.paths, answer.flow_gbps, most)
    start, at = ragged(standing.start, answer.way)
    rows = Paths(first=answer.paths.first, start=start, link=standing.row[at])
    return standing.capacity(), only(rows, places), answer.flow_gbps[places], places


def _of_links(answer: Answer | Routed, paths: Paths, places: Places | None) -> Paths:
    return paths if places is None or isinstance(answer, Answer) else only(answer.paths, places)


def _ways(answer: Answer | Routed, places: Places | None) -> Places | None:
    return None if places is None or isinstance(answer, Answer) else answer.way[places]


def _value(answer: Answer | Routed, plan: PathPlan, *, must: bool, worth: Reals | None) -> float:
    if must:
        if isinstance(answer, Routed):
            return float(answer.standing.fullest(plan.load_gbps).max(initial=0.0))
        return float((plan.load_gbps / answer.problem.capacity_gbps).max(initial=0.0))
    return float((plan.served_gbps * (1.0 if worth is None else worth)).sum())


def _in_parts(
    capacity: Reals,
    amount: Reals,
    plan: PathPlan,
    parts: int,
    limits: Limits,
    *,
    must: bool,
    worth: Reals | None,
    clock: Clock,
) -> PathPlan:
    """The same in whole parts: one class after the other where they weigh differently, on what those before leave."""
    paths = plan.paths
    of = np.repeat(np.arange(len(amount)), np.diff(paths.first))
    if must:
        found = weights(capacity, paths, plan.flow_gbps, parts)
        flow = plan.served_gbps[of] * found / parts
        return replace(plan, flow_gbps=flow, load_gbps=loads(paths, flow, len(capacity)))
    weighs = np.ones(len(amount)) if worth is None else worth
    flow, carried, load = np.zeros_like(plan.flow_gbps), np.zeros(len(amount)), np.zeros(len(capacity))
    ranks, begun_s = np.unique(weighs)[::-1].tolist(), clock()
    for number, one in enumerate(ranks):
        mine = weighs == one
        wanted, part = np.where(mine, amount, 0.0), np.where(mine[of], plan.flow_gbps, 0.0)
        room = np.maximum(capacity - load, NOTHING * capacity)
        if load.any():
            left = replace(limits, time_s=(limits.time_s - (clock() - begun_s)) / (len(ranks) - number))
            part = on_paths(room, wanted, paths, left, clock=clock, start=part).flow_gbps
        found = weights(room, paths, part, parts)
        served = np.bincount(of, part, len(amount)).astype(np.float64)
        now = fitted(room, wanted, served, np.ones(len(amount)), paths, found, parts)
        flow, carried = flow + now[of] * found / parts, carried + now
        load = loads(paths, flow, len(capacity))
    over = max(1.0, float((load / capacity).max(initial=0.0)))  # by rounding
    return replace(plan, flow_gbps=flow / over, served_gbps=carried / over, load_gbps=load / over)


NOTHING = 1e-12
"""What is left of a link that is full, as a share of it."""
