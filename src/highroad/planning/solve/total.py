"""The most that a network can carry: maximum total multicommodity flow, each unit worth what its demand says.

maximise    sum_d worth_d x_d                      x_d of demand d is carried, 0 <= x_d <= D_d
subject to  sum_p f_p over link e <= C_e           any paths inside the fence of d, split as one likes

bound, for any prices y >= 0:   sum_e C_e y_e + sum_d D_d max(0, worth_d - dist_y(d))     (linear programming duality)
"""

from __future__ import annotations

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress
from highroad.planning.solve.problem import Commodities, Problem, Reals, commodities, flows, shared_out
from highroad.planning.solve.slope import Slope

FIRST_SLOPE = 15.0
AGAIN = 2.0
"""A set of demands whose regret is over so many times the mean is worked on again at once."""

LEFT_ALONE = 0.1
"""Sets whose regret is together this share of the gap that is wanted are passed over."""

LOOKS = 8
"""A bound is taken after so many sweeps at the latest, and as soon as the prices promise the gap."""

TOO_MANY = 2_000


def total(
    problem: Problem,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
    start: _kernels.Flows | None = None,
) -> Answer:
    """The most that can be carried, every demand worth 1 a Gbit/s; `value` and `bound` are in Gbit/s.

    Whatever the limit of time, the answer fits and has a bound. `start` are flows to begin with, for the same
    commodities: a plan of before.
    """
    made = commodities(problem)
    return solve(problem, made, np.ones(len(made.target)), limits or Limits(), clock, progress, seed=seed, start=start)


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
) -> Answer:
    """As `total`, with a worth for each commodity."""
    search = _Search(problem, made, worth, limits, clock, progress, start)
    search.run(np.random.default_rng(seed))
    best = search.best
    served = best.served
    return Answer(
        problem=problem,
        commodities=made,
        flows=best,
        served_gbps=shared_out(problem, made, served),
        load_gbps=best.load,
        price=search.price,
        value=search.value,
        bound=search.bound,
        moments=tuple(search.moments),
        sweeps=search.slope.sweeps,
    )


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
    ) -> None:
        self.begun_s = clock()
        self._made, self._worth, self._limits, self._clock, self._progress = made, worth, limits, clock, progress
        self._capacity = problem.capacity_gbps
        self.flows = flows(problem, made, worth) if start is None else start.copy()
        self.warm = start is not None
        self.best = self.flows.copy()
        self.slope = Slope(capacity_gbps=self._capacity, slope=FIRST_SLOPE)
        self._most = float((made.amount_gbps * worth).sum())
        self.value = float((self.best.served * worth).sum())
        self.bound = self._most
        self.price = np.zeros(problem.links)
        self.moments: list[Moment] = []
        self._longest_s = 0.0

    def run(self, rng: np.random.Generator) -> None:
        """Sweep until the gap is proven, or time is up."""
        sets, gap, threads = len(self._made.source), self._limits.gap, self._limits.threads
        if not sets or not len(self._capacity) or self._most <= 0:
            return
        slope, again = self.slope, np.inf
        looked = fitted = 0
        while slope.sweeps < TOO_MANY:
            before_s = self._clock()
            first = slope.sweeps == 0 and not self.warm
            regrets, _ = self.flows.sweep(
                weight=slope.weight,
                slope=slope.slope,
                unit=1.0,
                tolerance=slope.tolerance,
                enough=LEFT_ALONE * gap * self._most / sets if slope.sweeps >= LOOKS // 2 else -np.inf,
                again=again,
                order=rng.permutation(sets).astype(np.int32),
                together=first,
                threads=threads,
            )
            load = self.flows.load
            price = slope.at(load)
            regret = max(0.0, float(regrets.sum())) / self._most
            bias = float((price * (self._capacity - load)).sum()) / self._most
            slope.swept(price, regret, bias)
            again = AGAIN * regret * self._most / sets if not first else np.inf
            sweeps, near = slope.sweeps, regret + abs(bias) < 4 * gap
            late = self._late(before_s)
            if not (late or near or sweeps - looked >= LOOKS):
                continue
            looked = sweeps
            self._bound(slope.mean, threads)
            if not near:
                self._bound(price, threads)
            guess = max(self.value, float((self.flows.served * self._worth).sum()))
            close = self.bound - guess < (3 if sweeps - fitted > 3 else 1) * gap * self.bound
            if late or (close and sweeps - fitted > 2) or sweeps - fitted >= 2 * LOOKS:
                fitted = sweeps
                self._fit(price)
            self._tell()
            if late or self.bound - self.value <= gap * self.bound:
                return

    def _late(self, before_s: float) -> bool:
        """Whether another sweep, and what comes after it, would take too long."""
        now_s = self._clock()
        self._longest_s = max(self._longest_s, now_s - before_s)
        return now_s - self.begun_s + 2 * self._longest_s > self._limits.time_s

    def _bound(self, price: Reals, threads: int) -> None:
        price = np.minimum(price, self._worth.max())
        earned, _ = self.flows.at(price, threads)
        bound = earned + float((price * self._capacity).sum())
        if bound < self.bound:
            self.bound, self.price = bound, price

    def _fit(self, price: Reals) -> None:
        fit = self.flows.copy()
        fit.fit(np.minimum(price, self._worth.max()))
        value = float((fit.served * self._worth).sum())
        if value > self.value:
            self.value, self.best = value, fit

    def _tell(self) -> None:
        moment = Moment(after_s=self._clock() - self.begun_s, value=self.value, bound=self.bound)
        self.moments.append(moment)
        if self._progress is not None:
            self._progress(moment)
