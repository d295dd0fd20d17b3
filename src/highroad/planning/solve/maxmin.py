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
from highroad.planning.solve.answer import Answer, Clock, Limits
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows
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
    """What each demand gets, as flows too, and how many levels it took.

    `least` is what who gets least a unit of weight gets; no plan gives that one more than `least_bound`.
    """

    answer: Answer
    levels: int

    @property
    def served_gbps(self) -> Reals:
        """What each demand gets."""
        return self.answer.served_gbps

    @property
    def load_gbps(self) -> Reals:
        """What each link carries."""
        return self.answer.load_gbps

    @property
    def least(self) -> float:
        """As above."""
        return self.answer.value

    @property
    def least_bound(self) -> float:
        """As above."""
        return self.answer.bound


def maxmin(problem: Problem, limits: Limits | None = None, *, clock: Clock = lambda: 0.0, seed: int = 0) -> Shares:
    """The shares, by `weight`; those with the same ends share as everybody does."""
    limits = limits or Limits()
    begun_s = clock()
    single = commodities(replace(problem, rank=_apart(problem)), ranked=True)
    count, links = len(single.target), problem.links
    if not count or not links:
        return Shares(answer=total.total(problem, limits, clock=clock), levels=0)
    weight = np.empty(count)
    weight[single.of] = problem.weight
    apart = replace(problem, amount_gbps=problem.weight, rank=_apart(problem))
    part = Limits(gap=GAP, time_s=limits.time_s / 4, threads=limits.threads)
    together = utilisation(apart, part, clock=clock, seed=seed, ranked=True)
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
    best = flows(problem, single, np.ones(count))
    best.set(state[0::2].ravel(), held)
    content = float((single.amount_gbps / weight).min())
    answer = Answer(
        problem=problem,
        commodities=single,
        flows=best,
        served_gbps=held[single.of],
        load_gbps=best.load,
        price=together.price,
        value=float((held / weight).min()),
        bound=min(content, 1.0 / together.bound if together.bound > 0 else np.inf),
        moments=(),
        sweeps=together.sweeps,
    )
    return Shares(answer=answer, levels=levels)


_SWEEPS = 60


def _apart(problem: Problem) -> Ints:
    """A number for each demand, other than that of those before it with the same ends and fence."""
    key = (problem.source.astype(np.int64) * problem.nodes + problem.target) * (len(problem.fences) + 1) + problem.fence
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=np.iinfo(np.int64).min))
    numbers = np.empty(problem.demands, np.int32)
    numbers[order] = np.arange(problem.demands) - np.repeat(first, np.diff(first, append=problem.demands))
    return numbers


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
