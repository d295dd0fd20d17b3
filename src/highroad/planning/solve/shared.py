"""The largest equal share of every demand (maximum concurrent flow), and with it the least maximum utilisation.

    minimise    U
    subject to  all of every demand is carried, and no link carries more than U C_e

    bound, for any prices y >= 0:   U >= sum_d D_d dist_y(d) / sum_e C_e y_e       (linear programming duality)

Every demand can be carried at the share 1 / U of its size and no more: the two questions have one answer.
"""

from __future__ import annotations

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer, Clock, Course, Limits, Progress
from highroad.planning.solve.problem import Commodities, Ints, Problem, Reals, commodities, flows
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.total import AT_FIRST, LEFT_ALONE, LOOKS, TOO_MANY, again_over

FIRST_SLOPE = 20.0
LATEST = LOOKS // 2
PASSED_OVER = 0.3
"""In the first sweeps but a few sets wait whose regret is less than this share of the mean: others have more to do."""

NOT_JOINED = "a demand cannot be carried at all, as no way leads to its target: see problem.checked"


def utilisation(
    problem: Problem,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
    start: _kernels.Flows | None = None,
    ranked: bool = False,
) -> Answer:
    """The least maximum utilisation at which everything is carried; `value` is that (1 = full), `bound` from below.

    Every demand has to be reachable (`problem.checked` says which are): ValueError where it shows that one is not. The
    share that fits is 1 / `value`; loads and flows are those of the whole demands, so over capacity where `value` is
    above 1. `start` as in `total.total`; with `ranked`, ranks are apart in flows and commodities.
    """
    search = _Search(problem, commodities(problem, ranked=ranked), limits or Limits(), clock, progress)
    if start is not None:
        search.begin(start)
    search.run(np.random.default_rng(seed))
    return search.answer(problem)


def after_cut(
    before: Answer,
    cut: Ints,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    seed: int = 0,
) -> Answer:
    """The least maximum utilisation once the links `cut` (their numbers) are gone, from an answer of `utilisation`.

    What went over them is led another way. Prices of links that are cut are 0: they bound nothing. ValueError where a
    demand has no way left.
    """
    search = _Search(before.problem, before.commodities, limits or Limits(), clock, progress)
    search.begin_without(before, cut)
    search.run(np.random.default_rng(seed))
    return search.answer(before.problem)


def with_more(
    problem: Problem,
    made: Commodities,
    flow: Reals,
    served: Reals,
    price: Reals,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    seed: int = 0,
) -> Answer:
    """The least maximum utilisation from flows and prices of before, for the same commodities, none of them less."""
    search = _Search(problem, made, limits or Limits(), clock, None)
    before = flows(problem, made, np.full(len(made.target), np.inf))
    before.set(flow, served)
    search.begin(before)
    search.begin_at(price)
    search.run(np.random.default_rng(seed))
    return search.answer(problem)


class _Search:
    def __init__(
        self,
        problem: Problem,
        made: Commodities,
        limits: Limits,
        clock: Clock,
        progress: Progress | None,
    ) -> None:
        self.course = Course(limits, clock, progress)
        self._problem, self._made, self._limits = problem, made, limits
        self._capacity = problem.capacity_gbps
        self.flows = flows(problem, made, np.full(len(made.target), np.inf))
        self.best = self.flows
        self.slope = Slope(capacity_gbps=self._capacity, slope=FIRST_SLOPE)
        self.value, self.bound = 0.0, 0.0
        self.price = np.zeros(problem.links)
        self.warm, self._priced = False, False

    def begin(self, start: _kernels.Flows) -> None:
        """From the flows of a plan of before."""
        self.flows.set(start.flow, start.served)
        self.warm = bool(self.flows.load.any())
        if self.warm:
            self.slope.unit = float((self.flows.load / self._capacity).max())

    def begin_without(self, before: Answer, cut: Ints) -> None:
        """From a plan of before and its prices, without some links."""
        self.flows = self.best = before.flows.copy()
        self.flows.clear(cut)
        self.slope.closed = np.isin(np.arange(len(self._capacity)), cut)
        if before.value > 0:
            self.warm, self.slope.unit = True, before.value
        self.begin_at(before.price)

    def begin_at(self, price: Reals) -> None:
        """At prices of before: their bound is often near."""
        dearest = float(self.slope.open(price).max(initial=0.0))
        self.slope.warm(price / dearest if dearest > 0 else np.ones_like(price))
        self._priced = True

    def answer(self, problem: Problem) -> Answer:
        """The best of what was found."""
        self.best.clean()
        return Answer(
            problem=problem,
            commodities=self._made,
            flows=self.best,
            served_gbps=problem.amount_gbps.copy(),
            load_gbps=self.best.load,
            price=self.price,
            value=self.value,
            bound=self.bound,
            moments=tuple(self.course.moments),
            sweeps=self.slope.sweeps,
        )

    def run(self, rng: np.random.Generator) -> None:
        """Sweep until the gap is proven, or time is up."""
        sets, gap, threads = len(self._made.source), self._limits.gap, self._limits.threads
        if not len(self._capacity) and self._made.amount_gbps.any():
            raise ValueError(NOT_JOINED)
        if not sets:
            return
        self.value, slope = np.inf, self.slope
        again, enough, looked = np.inf, -np.inf, 0
        if self._priced:
            self._bound(slope.open(slope.weight), threads)
        while slope.sweeps < TOO_MANY:
            self.course.sweeps()
            first = slope.sweeps == 0 and not self.warm
            regrets, _ = self.flows.sweep(
                weight=slope.weight,
                slope=slope.slope,
                unit=slope.unit,
                tolerance=slope.tolerance,
                enough=enough,
                again=again,
                order=rng.permutation(sets).astype(np.int32),
                together=first,
                threads=threads,
            )
            load = self.flows.load
            used = float((load / self._capacity).max())
            if not used > 0:
                self._bound(slope.open(slope.weight), threads)
                self.value = 0.0
                return
            price = slope.open(slope.at(load))
            if not price.max() > 0:  # so much less than before that no price can tell
                slope.unit = used
                price = slope.open(slope.at(load))
            full = float((price * self._capacity).sum()) * used
            regret = max(0.0, float(regrets.sum())) / full
            bias = 1.0 - float((price * load).sum()) / full
            slope.swept(price / price.max(), regret, bias)
            slope.unit = used
            again = np.inf if first else again_over(regret * full, sets)
            if slope.sweeps >= LATEST or self._priced:
                spared = max(LEFT_ALONE * gap, PASSED_OVER * regret if slope.sweeps < LOOKS * 2 else 0.0)
                enough = spared * full / sets
            near, late = regret + bias < (4 * gap if self.warm else gap), self.course.is_late()
            done = used - self.bound <= gap * used
            patience = LATEST if self.warm or self.course.is_long_silent else AT_FIRST * LOOKS
            if not (done or late or near or slope.sweeps - looked >= patience):
                continue
            looked = slope.sweeps
            if not done:
                self._bound(slope.mean, threads)
            if not (done or near):
                self._bound(slope.prices[-1], threads)
            if used < self.value:
                self.value = used
                self.best = self.flows.copy()
            self.course.tell(self.value, self.bound)
            if late or self.value - self.bound <= gap * self.value:
                return

    def _bound(self, price: Reals, threads: int) -> None:
        closed = price if self.slope.closed is None else np.where(self.slope.closed, np.inf, price)
        _, cost = self.flows.at(closed, threads)
        if cost == np.inf:
            raise ValueError(NOT_JOINED)
        bound = cost / float((price * self._capacity).sum())
        if bound > self.bound:
            self.bound, self.price = bound, price / float((price * self._capacity).sum())
