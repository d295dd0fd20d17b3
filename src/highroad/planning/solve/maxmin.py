"""Weighted max-min shares: nobody gets more where somebody who has less for its weight could get it.

Levels rise together, by `STEP` each, from the largest share that all can have (as SWAN does, Hong et al. 2013): what
was given stays given and is only led another way, what is new of a level is given as far as there is room; who does not
get all of it has met a bottleneck and rises no more. Two shares that an exact sequence of linear programs would tell
apart are told apart to within `STEP`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from highroad.planning.solve import total
from highroad.planning.solve.answer import Clock, Limits
from highroad.planning.solve.problem import Commodities, Problem, Reals, commodities, flows, shared_out
from highroad.planning.solve.shared import utilisation

Places = NDArray[np.int64]

STEP = 1.01
WIDEST = 1.5
"""Where nothing was met, the next level is further away, up to this factor."""

MET = 2e-3
"""Who misses more than this share of what a level brings has met its bottleneck."""

GAP = 2e-4
HELD = 8.0
"""What was given is worth so many times what is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What each demand gets, the load that this is, and how many levels it took."""

    served_gbps: Reals
    load_gbps: Reals
    levels: int


def maxmin(problem: Problem, limits: Limits | None = None, *, clock: Clock = lambda: 0.0, seed: int = 0) -> Shares:
    """The shares, by `weight`; of one commodity (same ends and fence) demands share by weight, none over its amount."""
    limits = limits or Limits()
    begun_s = clock()
    single = commodities(problem)
    count, links = len(single.target), problem.links
    if not count or not links:
        return Shares(served_gbps=np.zeros(problem.demands), load_gbps=np.zeros(links), levels=0)
    weight: Reals = np.bincount(single.of, weights=problem.weight, minlength=count).astype(np.float64)
    first = _rescaled(problem, single, weight)
    together = utilisation(
        first, Limits(gap=GAP, time_s=limits.time_s / 4, threads=limits.threads), clock=clock, seed=seed
    )
    level = min(1.0 / together.value, float((single.amount_gbps / weight).max())) if together.value > 0 else np.inf
    made = _twice(single)
    twice = _as_demands(problem, made)
    held = np.minimum(weight * level, single.amount_gbps)
    flow = together.flows.flow.reshape(len(single.source), links)
    ratio = level if (weight * level <= single.amount_gbps).all() else 0.0
    state = np.zeros((len(made.source), links))
    state[0::2] = flow * ratio
    if not ratio:  # some are content with less than their part: begin below, where nobody is
        level = float((single.amount_gbps / weight).min())
        level = min(level, 1.0 / together.value)
        held = weight * level
        state[0::2] = flow * level
    open_ = held < single.amount_gbps * (1 - 1e-12)
    step, levels = STEP, 0
    price: Reals | None = None
    worth = np.tile(np.array([HELD, 1.0]), len(single.source))
    worth = np.repeat(worth, np.diff(made.start))
    at_held, at_new = _places(single, made)
    while open_.any() and clock() - begun_s < limits.time_s:
        levels += 1
        new = np.where(open_, np.minimum(weight * level * step, single.amount_gbps) - held, 0.0)
        amount = np.zeros(2 * count)
        amount[at_held], amount[at_new] = held, new
        now = replace(made, amount_gbps=amount)
        start = flows(problem, now, worth)
        served = np.zeros(2 * count)
        served[at_held] = held
        start.set(state.ravel(), served)
        answer = total.solve(
            twice, now, worth, Limits(gap=GAP * new.sum() / (HELD * held.sum() + new.sum()), threads=limits.threads),
            clock, seed=seed, start=start, price=price, sweeps=_SWEEPS,
        )  # fmt: skip
        price = answer.price
        got = answer.flows.served
        missed = got[at_new] < new * (1 - MET)
        if (missed & open_).any() and step > STEP:
            step = STEP
            continue
        held = got[at_held] + got[at_new]
        rows = answer.flows.flow.reshape(len(made.source), links)
        state = np.zeros_like(state)
        state[0::2] = rows[0::2] + rows[1::2]
        open_ &= ~missed & (held < single.amount_gbps * (1 - 1e-9))
        level *= step
        step = STEP if missed.any() else min(WIDEST, step * step)
    return Shares(served_gbps=shared_out(problem, single, held), load_gbps=state.sum(axis=0), levels=levels)


_SWEEPS = 60


def _rescaled(problem: Problem, made: Commodities, weight: Reals) -> Problem:
    """The same demands, each as large as its weight."""
    share = np.bincount(made.of, minlength=len(weight))
    return replace(problem, amount_gbps=weight[made.of] / share[made.of])


def _twice(single: Commodities) -> Commodities:
    """Every set twice, one behind the other: what it holds, and what is new."""
    sizes = np.repeat(np.diff(single.start), 2)
    target = np.concatenate(
        [np.tile(single.target[a:b], 2) for a, b in zip(single.start, single.start[1:], strict=False)]
    )
    return Commodities(
        source=np.repeat(single.source, 2),
        fence=np.repeat(single.fence, 2),
        rank=np.repeat(single.rank, 2),
        start=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        target=target.astype(np.int32),
        amount_gbps=np.zeros(len(target)),
        of=np.arange(len(target)),
    )


def _as_demands(problem: Problem, made: Commodities) -> Problem:
    """Each commodity as a demand of its own."""
    size = np.diff(made.start)
    count = len(made.target)
    return replace(
        problem,
        source=np.repeat(made.source, size),
        target=made.target,
        amount_gbps=made.amount_gbps,
        fence=np.repeat(made.fence, size),
        rank=np.zeros(count, np.int32),
        weight=np.ones(count),
    )


def _places(single: Commodities, made: Commodities) -> tuple[Places, Places]:
    """Where the held part and the new part of each commodity are."""
    size = np.diff(single.start)
    offset = np.arange(len(single.target)) - np.repeat(single.start[:-1], size)
    base = np.repeat(made.start[:-1:2], size)
    return base + offset, base + offset + np.repeat(size, size)
