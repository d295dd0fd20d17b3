"""The most that a network can carry: maximum total multicommodity flow, each unit worth what its demand says.

maximise    sum_d worth_d x_d                      x_d of demand d is carried, 0 <= x_d <= D_d
subject to  sum_p f_p over link e <= C_e           any paths inside the fence of d, split as one likes

bound, for any prices y >= 0:   sum_e C_e y_e + sum_d D_d max(0, worth_d - dist_y(d))     (linear programming duality)

where D_d is not more than the capacity of all links out of the source of d, and of all into its target.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer, Clock, Course, Limits, Progress
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, at_most, commodities, flows, shared_out
from highroad.planning.solve.slope import IMPATIENT, Slope

FIRST_SLOPE = 8.0
MIXED, MIXED_SLOPE, MIXED_RISES = 10.0, 4.0, 1.1
"""Where the largest link is so many times the middle one, the slope begins lower and rises slower: steps along a way
are no longer than its smallest link bears, and the same slope is too steep for flows to come to rest there."""

AGAIN, FEW_SETS = 2.0, 16
"""A set of demands whose regret is over so many times the mean is worked on again at once."""

LEFT_ALONE = 0.1
"""Sets whose regret is together this share of the gap that is wanted are passed over."""

LOOKS = 8
"""A bound is taken after so many sweeps at the latest, and as soon as the prices promise the gap."""

CLOSE = 1.2
"""A bound is taken again when regret and bias have fallen by as much as the gap has to, nearly."""

NOT_THE_BOUND = 3.0
"""A gap of more than so many times regret and bias is the plan's, and not the bound's: the flows are made to fit."""

AT_FIRST = 3
"""Before so many looks are due, a search from nothing looks for no bound, and makes no flows fit, unless the prices
promise the gap, somebody has waited for long, or time is up.
"""

ROUNDED = 1 + 1e-10
"""What is over by less is over by rounding errors."""

NEVER_FULL = 2.0
"""A link of so many times the capacity that all demands together could use is without a limit, and costs nothing."""

TOO_MANY = 2_000


def total(
    problem: Problem,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
    start: _kernels.Flows | None = None,
    price: Reals | None = None,
) -> Answer:
    """The most that can be carried, every demand worth 1 a Gbit/s; `value` and `bound` are in Gbit/s.

    Whatever the limit of time, the answer fits and has a bound. `start` are flows to begin with, a plan of before for
    commodities in the same order over the same links, and `price` the prices that they were found at: sizes may have
    changed, and it need not fit.
    """
    made = worked_on(problem)
    worth = np.ones(len(made.target))
    return solve(problem, made, worth, limits or Limits(), clock, progress, seed=seed, start=start, price=price)


def after_cut(
    before: Answer,
    cut: Ints,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
) -> Answer:
    """The most that can be carried once the links `cut` (their numbers) are gone, from an answer of `total`.

    What went over them is given up and carried elsewhere as far as there is room; the rest is where it was. Prices of
    links that are cut are 0: they bound nothing.
    """
    start = before.flows.copy()
    start.clear(cut)
    worth = np.ones(len(before.commodities.target))
    search = _Search(before.problem, before.commodities, worth, limits or Limits(), clock, progress, start, same=True)
    search.slope.closed = np.isin(np.arange(before.problem.links), cut)
    search.slope.warm(before.price)
    search.go_on(before.price)
    search.run(np.random.default_rng(seed), TOO_MANY)
    return search.answer(before.problem)


def worked_on(problem: Problem) -> Commodities:
    """The commodities of a problem, of each no more than can be carried at all: more would only blur the bound."""
    made = commodities(problem)
    sources: Ints = np.repeat(made.source, np.diff(made.start))
    return replace(made, amount_gbps=at_most(problem, sources, made.target, made.amount_gbps))


def solve(
    problem: Problem,
    made: Commodities,
    worth: Reals,
    limits: Limits,
    clock: Clock,
    progress: Progress | None = None,
    *,
    seed: int = 0,
    start: _kernels.Flows | None = None,
    price: Reals | None = None,
    sweeps: int = TOO_MANY,
) -> Answer:
    """As `total`, with a worth for each commodity, and at most so many sweeps."""
    search = _Search(problem, made, worth, limits, clock, progress, start)
    if price is not None:
        search.slope.warm(price)
    search.run(np.random.default_rng(seed), sweeps)
    return search.answer(problem)


def again_over(regret: float, sets: int) -> float:
    """Above which regret a set is worked on again at once: few sets always are, there is nobody else to wait for."""
    return AGAIN * regret / sets if sets > FEW_SETS else 0.0


class _Search:
    """One run: the flows that are worked on, the best that fit, and the best prices."""

    def __init__(
        self,
        problem: Problem,
        made: Commodities,
        worth: Reals,
        limits: Limits,
        clock: Clock,
        progress: Progress | None,
        start: _kernels.Flows | None,
        *,
        same: bool = False,
    ) -> None:
        self.course = Course(limits, clock, progress)
        self._made, self._worth, self._limits = made, worth, limits
        enough = NEVER_FULL * float(made.amount_gbps.sum()) or np.inf
        self._limited = problem.capacity_gbps < enough
        self._capacity = np.where(self._limited, problem.capacity_gbps, enough)
        limited = problem.capacity_gbps[self._limited]
        self.slope = Slope(capacity_gbps=self._capacity, slope=FIRST_SLOPE)
        if len(limited) and limited.max() > MIXED * np.median(limited):
            self.slope = Slope(capacity_gbps=self._capacity, slope=MIXED_SLOPE, rises=MIXED_RISES)
        self._empty = partial(flows, replace(problem, capacity_gbps=self._capacity), made, worth)
        self._best: _kernels.Flows | None = None
        self.value = 0.0
        self.warm = start is not None
        if start is None:
            self.flows = self._empty()
        elif same:
            self.flows = start
        else:
            self.flows = self._empty()
            self.flows.set(start.flow, start.served)
            self._begin()
            self._best = self.flows.copy()
        if self._best is not None:
            self.value = float((self._best.served * worth).sum())
        self._most = float((made.amount_gbps * worth).sum())
        self.bound = self._most if problem.links else 0.0
        self.price = np.zeros(problem.links)

    def _begin(self) -> None:
        """From a plan of before, made to fit: links that are far over would all be equally dear."""
        amount = self._made.amount_gbps
        if (self.flows.load > self._capacity * ROUNDED).any() or (self.flows.served > amount * ROUNDED).any():
            self.flows.fit(np.minimum(self.slope.at(self.flows.load), self._worth.max(initial=0.0)))
        else:
            self.flows.clean()

    def answer(self, problem: Problem) -> Answer:
        """The best of what was found."""
        best = self._empty() if self._best is None else self._best
        return Answer(
            problem=problem,
            commodities=self._made,
            flows=best,
            served_gbps=shared_out(problem, self._made, best.served),
            load_gbps=best.load,
            price=self.price,
            value=self.value,
            bound=self.bound,
            moments=tuple(self.course.moments),
            sweeps=self.slope.sweeps,
        )

    def go_on(self, price: Reals) -> None:
        """Fill what room there is at the prices of before, and take the bound at them: that is often all."""
        if not len(self._made.source) or not len(self._capacity):
            return
        self._bound(price, self._limits.threads)
        self.flows.fit(self._capped(price), self._limits.threads)
        self._keep(self.flows)
        self.course.tell(self.value, self.bound)

    def run(self, rng: np.random.Generator, most: int) -> None:
        """Sweep until the gap is proven, or time is up."""
        sets, gap, threads = len(self._made.source), self._limits.gap, self._limits.threads
        if not sets or not len(self._capacity) or self._most <= 0:
            return
        if self.warm and self.bound - self.value <= gap * self.bound:
            return
        if self.flows is self._best:
            self.flows = self._best.copy()
        slope, again = self.slope, np.inf
        enough = LEFT_ALONE * gap * self._most / sets if self.warm else -np.inf
        looked = fitted = 0
        near = 4 * gap if self.warm else gap
        while slope.sweeps < most:
            self.course.sweeps()
            first = slope.sweeps == 0 and not self.warm
            regrets, _ = self.flows.sweep(
                weight=slope.weight,
                slope=slope.slope,
                unit=1.0,
                tolerance=slope.tolerance,
                enough=enough,
                again=again,
                order=rng.permutation(sets).astype(np.int32),
                together=first,
                threads=threads if slope.sweeps < IMPATIENT else 1,  # they may be in each other's way
            )
            load = self.flows.load
            price = slope.at(load)
            regret = max(0.0, float(regrets.sum())) / self._most
            bias = float(slope.open(price * (self._capacity - load)).sum()) / self._most
            slope.swept(price, regret, bias)
            again = np.inf if first else again_over(regret * self._most, sets)
            if slope.sweeps >= LOOKS // 2:
                enough = LEFT_ALONE * gap * self._most / sets
            rest = regret + abs(bias)
            late = self.course.is_late() or slope.sweeps >= most
            soon = self._best is not None or self.course.is_long_silent
            patience = LOOKS if soon else AT_FIRST * LOOKS
            if not (late or rest < near or slope.sweeps - looked >= patience):
                continue
            looked = slope.sweeps
            self._bound(slope.mean, threads)
            if rest > 4 * gap:
                self._bound(price, threads)
            short = (self.bound - self.value) / self._most
            worse = short > NOT_THE_BOUND * rest or (rest < gap and short > gap)
            worse = self._best is None or (worse and looked - fitted > 2) or looked - fitted >= IMPATIENT
            if late or worse:
                fitted = looked
                self._fit(price)
                short = (self.bound - self.value) / self._most
            near = max(gap, CLOSE * rest * gap / max(short, gap))
            self.course.tell(self.value, self.bound)
            if late or self.bound - self.value <= gap * self.bound:
                return

    def _bound(self, price: Reals, threads: int) -> None:
        price = np.where(self._limited, self._capped(price), 0.0)
        earned, _ = self.flows.at(price, threads)
        price = self.slope.open(price)
        bound = earned + float((price * self._capacity).sum())
        if bound < self.bound:
            self.bound, self.price = bound, price

    def _capped(self, price: Reals) -> Reals:
        """A link is worth no more than what the dearest unit over it is."""
        capped: Reals = np.minimum(price, self._worth.max())
        if self.slope.closed is not None:
            capped[self.slope.closed] = np.inf
        return capped

    def _fit(self, price: Reals) -> None:
        fit = self.flows.copy()
        fit.fit(self._capped(price), self._limits.threads)
        self._keep(fit)

    def _keep(self, fit: _kernels.Flows) -> None:
        """Flows that were made to fit, if they are the best so far."""
        value = float((fit.served * self._worth).sum())
        if value > self.value and (fit.load <= self._capacity * ROUNDED).all():
            self.value, self._best = value, fit
