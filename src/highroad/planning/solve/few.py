"""A plan on few paths, as a router holds it: flows are taken apart, the largest parts kept, what is lost is refilled.

maximise    sum_d x_d,    x_d = sum of the flows on the paths of d     subject to  loads <= C
bound, for any prices y >= 0:   sum_e C_e y_e + sum_d D_d max(0, 1 - least price of a path of d)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer, Clock, Course, Limits, Moment, gap_of
from highroad.planning.solve.problem import Ints, Reals
from highroad.planning.solve.slope import Slope
from highroad.planning.solve.total import NEVER_FULL, ROUNDED

MOST_PATHS = 4
LOOKS = 4
TOO_MANY = 400
FIRST_SLOPE, WARM_SLOPE = 15.0, 200.0

Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Commodity d has the paths [first[d], first[d + 1]); path p is the links link[start[p]], ..., in order."""

    first: Offsets
    start: Offsets
    link: Ints

    @property
    def count(self) -> int:
        """How many paths there are."""
        return len(self.start) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPlan:
    """What each path carries, and how near that is to the best on these same paths.

    Where ways have backups, `way` says which of the ways each path is, and `reserve_gbps` what links keep for them.
    """

    paths: Paths
    flow_gbps: Reals
    served_gbps: Reals
    load_gbps: Reals
    price: Reals
    value: float
    bound: float
    moments: tuple[Moment, ...]
    sweeps: int
    way: NDArray[np.int64] | None = None
    reserve_gbps: Reals | None = None

    @property
    def gap(self) -> float:
        """The share of the bound that is missing, at most, to the best on these paths."""
        return gap_of(self.value, self.bound)


def paths_of(answer: Answer, most: int = MOST_PATHS) -> tuple[Paths, Reals]:
    """At most so many paths of every commodity, and what each carries: the widest of the flow, one after the other.

    What is so little beside the largest that its path is lost in rounding goes the cheapest way.
    """
    first, start, link, amount = answer.flows.paths(most)
    paths = Paths(first=first, start=start, link=link)
    lost = np.flatnonzero((np.diff(first) == 0) & (answer.flows.served > 0))
    return _with_lost(answer, paths, amount, lost) if len(lost) else (paths, amount)


def _with_lost(answer: Answer, paths: Paths, amount: Reals, lost: Offsets) -> tuple[Paths, Reals]:
    """The same, with the cheapest way for each of some commodities that have none."""
    problem, made = answer.problem, answer.commodities
    sets = np.repeat(np.arange(len(made.source)), np.diff(made.start))[lost]
    price = answer.price + float(answer.price.max(initial=0.0) or 1.0) * 1e-9
    _, start, link = problem.network.ways(
        price,
        made.source[sets],
        made.target[lost],
        made.fence[sets],
        problem.fences.astype(np.uint8).ravel(),
    )
    # They come from the target back.
    link = link[np.repeat(start[:-1] + start[1:] - 1, np.diff(start)) - np.arange(len(link))]
    found = np.diff(start) > 0
    added = np.diff(start)[found]
    at = paths.first[lost[found]]  # They have no other path: theirs comes where it would be.
    count = np.diff(paths.first)
    count[lost[found]] = 1
    length = np.insert(np.diff(paths.start), at, added)
    return Paths(
        first=np.concatenate((np.zeros(1, np.int64), count.cumsum())),
        start=np.concatenate((np.zeros(1, np.int64), length.cumsum())),
        link=np.insert(paths.link, np.repeat(paths.start[at], added), link),
    ), np.insert(amount, at, answer.flows.served[lost][found])


def widest(paths: Paths, flow_gbps: Reals, most: int) -> NDArray[np.int64]:
    """The places of at most so many paths of every commodity, those that carry most, and something; in order."""
    of = np.repeat(np.arange(len(paths.first) - 1), np.diff(paths.first))
    order = np.lexsort((-flow_gbps, of))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - paths.first[:-1][of[order]]
    return np.flatnonzero((rank < most) & (flow_gbps > 0))


def only(paths: Paths, places: NDArray[np.int64]) -> Paths:
    """Some of the paths, by their places in order."""
    of = np.repeat(np.arange(len(paths.first) - 1), np.diff(paths.first))[places]
    length = np.diff(paths.start)[places]
    start = np.concatenate((np.zeros(1, np.int64), length.cumsum()))
    at = np.repeat(paths.start[places] - start[:-1], length) + np.arange(start[-1])
    first = np.searchsorted(of, np.arange(len(paths.first))).astype(np.int64)
    return Paths(first=first, start=start, link=paths.link[at])


def narrowed(
    answer: Answer, most: int = MOST_PATHS, limits: Limits | None = None, *, clock: Clock = lambda: 0.0
) -> PathPlan:
    """The plan of `total.total` on at most so many paths a commodity, at prices of the plan.

    Its `bound` is over these paths alone; how much few paths cost is seen beside the bound of the answer.
    """
    paths, amount = paths_of(answer, most)
    return on_paths(
        answer.problem.capacity_gbps,
        answer.commodities.amount_gbps,
        paths,
        limits or Limits(),
        clock=clock,
        start=amount,
        price=answer.price,
        enough_gbps=answer.bound * (1.0 - (limits or Limits()).gap),
    )


def on_paths(
    capacity_gbps: Reals,
    amount_gbps: Reals,
    paths: Paths,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    start: Reals | None = None,
    price: Reals | None = None,
    enough_gbps: float = np.inf,
    worth: Reals | None = None,
) -> PathPlan:
    """The most that is carried on paths that are given.

    `start` is what each path carries to begin with, `price` what links are worth then; `worth` what a unit of each
    commodity is, 1 unless it is said. A plan of `enough_gbps` (of worth) is not bettered.
    """
    limits = limits or Limits()
    course = Course(limits, clock)
    worth = np.ones(len(amount_gbps)) if worth is None else worth
    dearest, each = float(worth.max(initial=1.0)), np.repeat(worth, np.diff(paths.first))
    most = float((amount_gbps * worth).sum())
    limited = capacity_gbps < NEVER_FULL * most
    capacity_gbps = np.where(limited, capacity_gbps, NEVER_FULL * most or 1.0)
    flows = _kernels.PathFlows(capacity_gbps, amount_gbps, worth, paths.first, paths.start, paths.link)
    slope = Slope(capacity_gbps=capacity_gbps, slope=FIRST_SLOPE if start is None else WARM_SLOPE)
    dual = np.zeros(len(capacity_gbps))
    best, value, bound = flows.copy(), 0.0, float((amount_gbps * worth)[np.diff(paths.first) > 0].sum())

    def fit(at: Reals) -> None:
        nonlocal best, value
        fitted = flows.copy()
        fitted.fit(np.minimum(at, dearest))
        if (carried := float((fitted.flow * each).sum())) > value and (fitted.load <= capacity_gbps * ROUNDED).all():
            best, value = fitted, carried

    def look(at: Reals) -> None:
        nonlocal bound, dual
        at = np.where(limited, np.minimum(at, dearest), 0.0)
        earned, _ = flows.at(at, limits.threads)
        if (found := earned + float((at * capacity_gbps).sum())) < bound:
            bound, dual = found, at

    if start is not None:
        flows.set(start)
        held = price if price is not None else slope.at(flows.load)
        fit(held)
        look(held)
        course.tell(value, bound)
        if value > 0:
            flows = best.copy()  # what was far over would make all its links equally dear
        slope.warm(held, WARM_SLOPE)
    fitted = 0
    while most > 0 and paths.count and slope.sweeps < TOO_MANY:
        if bound - value <= limits.gap * bound or value >= enough_gbps:
            break
        course.sweeps()
        regret, _ = flows.sweep(slope.weight, slope.slope, 1.0, slope.tolerance, slope.sweeps, limits.threads)
        load = flows.load
        now = slope.at(load)
        share, bias = max(0.0, regret) / most, float((now * (capacity_gbps - load)).sum()) / most
        slope.swept(now, share, bias)
        late = course.is_late()
        near = share + abs(bias) < 4 * limits.gap
        if near or late or slope.sweeps % LOOKS == 0:
            look(slope.mean)
            look(now)
            guess = float((flows.flow * each).sum())
            if late or slope.sweeps - fitted >= 2 * LOOKS or bound - max(value, guess) < 2 * limits.gap * bound:
                fitted = slope.sweeps
                fit(now)
            course.tell(value, bound)
        if late:
            break
    of = np.repeat(np.arange(len(amount_gbps)), np.diff(paths.first))
    served: Reals = np.bincount(of, weights=best.flow, minlength=len(amount_gbps)).astype(np.float64)
    return PathPlan(
        paths=paths,
        flow_gbps=best.flow,
        served_gbps=served,
        load_gbps=best.load,
        price=dual,
        value=value,
        bound=bound,
        moments=tuple(course.moments),
        sweeps=slope.sweeps,
    )
