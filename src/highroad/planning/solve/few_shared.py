"""The least maximum utilisation on few paths that are given: what `few` is to the total.

minimise    U
subject to  every demand is carried whole on its own paths, and no link carries more than U C_e

bound, for any prices y >= 0:   U >= sum_d D_d (least price of a path of d) / sum_e C_e y_e
"""

from __future__ import annotations

import numpy as np

from highroad.graph import _kernels
from highroad.planning.solve.answer import Answer, Clock, Course, Limits
from highroad.planning.solve.few import MOST_PATHS, PathPlan, Paths, paths_of
from highroad.planning.solve.problem import Reals
from highroad.planning.solve.slope import Slope

FIRST_SLOPE = 60.0
LOOKS = 4
TOO_MANY = 200


def evened(
    answer: Answer, most: int = MOST_PATHS, limits: Limits | None = None, *, clock: Clock = lambda: 0.0
) -> PathPlan:
    """The plan of `shared.utilisation` on at most so many paths a commodity.

    Its `bound` is over these paths alone. Where it comes as near to the bound of the answer as the limits want, no
    better one is looked for.
    """
    limits = limits or Limits()
    amount = answer.commodities.amount_gbps
    paths, part = paths_of(answer, most)
    enough = answer.bound / (1.0 - limits.gap) if limits.gap < 1 else np.inf
    return evened_on(
        answer.problem.capacity_gbps, amount, paths, part, limits, clock=clock, price=answer.price, enough=enough
    )


def evened_on(
    capacity: Reals,
    amount: Reals,
    paths: Paths,
    part: Reals,
    limits: Limits,
    *,
    clock: Clock = lambda: 0.0,
    price: Reals | None = None,
    enough: float = 0.0,
) -> PathPlan:
    """The plan on paths that are given, beginning with what each carries; one that is no fuller than `enough` is not
    bettered.
    """
    course = Course(limits, clock)
    of = np.repeat(np.arange(len(amount)), np.diff(paths.first))
    found = np.bincount(of, weights=part, minlength=len(amount)).astype(np.float64)
    joined = found > 0
    part = part * np.divide(amount, found, out=np.zeros_like(amount), where=joined)[of]
    amount = np.where(joined, amount, 0.0)
    flows = _kernels.PathFlows(capacity, amount, np.full(len(amount), np.inf), paths.first, paths.start, paths.link)
    flows.set(part)
    best, value, bound = flows.copy(), _fullest(flows, capacity), 0.0
    price = np.zeros(len(capacity)) if price is None else price
    slope = Slope(capacity_gbps=capacity, slope=FIRST_SLOPE)
    slope.unit = value
    while value > 0 and slope.sweeps < TOO_MANY and value > enough and value - bound > limits.gap * value:
        course.sweeps()
        regret, _ = flows.sweep(slope.weight, slope.slope, slope.unit, slope.tolerance, slope.sweeps, limits.threads)
        used = _fullest(flows, capacity)
        now = slope.at(flows.load)
        full = float((now * capacity).sum()) * used
        if used < value:
            best, value = flows.copy(), used
        slope.swept(now / now.max(), max(0.0, regret) / full, 1.0 - float((now * flows.load).sum()) / full)
        slope.unit = used
        late = course.is_late()
        if late or slope.sweeps % LOOKS == 0:
            paid = float((slope.mean * capacity).sum())
            if (proven := flows.at(slope.mean, limits.threads)[1] / paid) > bound:
                bound, price = proven, slope.mean / paid
            course.tell(value, bound)
        if late:
            break
    return PathPlan(
        paths=paths,
        flow_gbps=best.flow,
        served_gbps=np.bincount(of, weights=best.flow, minlength=len(amount)).astype(np.float64),
        load_gbps=best.load,
        price=price,
        value=value,
        bound=bound,
        moments=tuple(course.moments),
        sweeps=slope.sweeps,
    )


def _fullest(flows: _kernels.PathFlows, capacity: Reals) -> float:
    return float((flows.load / capacity).max(initial=0.0))
