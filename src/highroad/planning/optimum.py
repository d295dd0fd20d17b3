"""What a network can carry of some demands, near to the best and proven so: the optimiser for a notebook or a command.

>>> from highroad.formats import detect, shipped
>>> from highroad.planning.optimum import Objective, optimise
>>> from highroad.planning.traffic import Demand, Demands
>>> network = detect.read(shipped.network_text("us-lab")).network
>>> demands = Demands.of(network, [Demand(source="denver", target="chicago", gbps=3000),
...                                Demand(source="chicago", target="dallas", gbps=500)])
>>> found = optimise(network, demands, Objective.TOTAL)
>>> round(found.value), found.gap < 1e-4
(3500, True)
>>> sorted(found.links())
['capacity_gbps', 'head', 'link', 'load_gbps', 'price', 'tail', 'utilisation']

`links()`, `table()` and `paths()` are dicts of numpy arrays of one length, which `pandas.DataFrame` takes as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Invalid, Severity
from highroad.graph import _kernels
from highroad.model.network import LinkId, Network
from highroad.planning.solve import shared as by_shares
from highroad.planning.solve import total as by_total
from highroad.planning.solve.again import ALL_PATHS, again
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.classes import Cumulative, lexicographic
from highroad.planning.solve.few import PathPlan, Paths, narrowed, paths_of
from highroad.planning.solve.few_shared import evened
from highroad.planning.solve.maxmin import Rising, maxmin
from highroad.planning.solve.problem import Checked, Flags, Ints, Problem, Reals, reachable, shared_out
from highroad.planning.solve.shared import utilisation
from highroad.planning.solve.total import total
from highroad.planning.traffic import AS_IT_IS, RANKS, Changed, Demands, checked_of

Columns = dict[str, NDArray[Any]]

STOPPED_S = 1e9
"""By how much the clock goes on with every look at it, for a solver that was told to stop."""


class Objective(StrEnum):
    """What is best."""

    TOTAL = "total"
    CONCURRENT = "concurrent"
    UTILISATION = "utilisation"
    LEXICOGRAPHIC = "lexicographic"
    MAXMIN = "maxmin"

    @property
    def better(self) -> Literal[1, -1]:
        """1 where more is better, -1 where less is."""
        return -1 if self is Objective.UTILISATION else 1

    @property
    def by_shares(self) -> bool:
        """Whether every demand is treated alike: the solver is then that of the least utilisation."""
        return self in {Objective.CONCURRENT, Objective.UTILISATION}

    @property
    def one_solve(self) -> bool:
        """Whether one question is answered, and not many in turn: then few paths and upgrades can be told of."""
        return self not in {Objective.LEXICOGRAPHIC, Objective.MAXMIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """A plan, how good it is, and what no plan betters.

    `value` and `bound` are Gbit/s carried (total; lexicographic, where `classes` are what is carried up to each
    class), the share of every demand that fits (concurrent; above 1 where all fits), the utilisation of the fullest
    link (1 is full), or Gbit/s a unit of weight that who gets least gets (maxmin). `free` is the value with as many
    paths as one likes. Rates are those of all demands and links of the network, in its order. `price` is by how much
    the value betters with a Gbit/s more on a link, to begin with; by classes, the sum in which each weighs its `worth`.
    """

    objective: Objective
    network: Network
    demands: Demands
    checked: Checked
    answer: Answer
    few: PathPlan | None
    most_paths: int | None
    value: float
    bound: float
    free: float
    after_s: float
    moments: tuple[Moment, ...]
    carried_gbps: Reals
    load_gbps: Reals
    price: Reals
    classes: tuple[Cumulative, ...] = ()
    rising: Rising | None = None

    @property
    def gap(self) -> float:
        """The share that is missing, at most, to the best on any paths; of classes and levels, where most is."""
        if self.classes:
            return max(one.gap for one in self.classes)
        missing = gap_of(self.value, self.bound) if self.value != self.bound else 0.0
        return missing if self.rising is None else max(missing, self.rising.gap)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with what was given, the rest was worked on; and what is left where time was up."""
        if self.rising is None:
            return self.checked.findings
        level, bound, rest = self.rising.level, self.rising.bound, self.rising.demands
        message = (
            f"time was up while {rest} of {self.checked.problem.demands} demands could rise still: they have "
            f"{level:.4g} Gbit/s a unit of weight, and no plan that gives no less to the others gives all of them more "
            f"than {bound:.4g}"
        )
        return (
            *self.checked.findings,
            Finding(code="not-at-the-end", place="maxmin", message=message, severity=Severity.WARNING),
        )

    @property
    def wanted_gbps(self) -> float:
        """What all demands are together; NaN and what is below 0 are left out."""
        wanted = self.demands.gbps
        return float(wanted[np.isfinite(wanted) & (wanted > 0)].sum())

    @property
    def part(self) -> float:
        """What is carried of all demands, as a share of what they are together."""
        wanted = self.wanted_gbps
        return float(self.carried_gbps.sum()) / wanted if wanted > 0 else 1.0

    def links(self) -> Columns:
        """Every link: its ends, what it has and carries in Gbit/s, how full it is (1: full), and its price."""
        links = self.network.links
        capacity = np.array([link.capacity_gbps for link in links], np.float64)
        return {
            "link": np.array([link.id for link in links], object),
            "tail": np.array([link.tail for link in links], object),
            "head": np.array([link.head for link in links], object),
            "capacity_gbps": capacity,
            "load_gbps": self.load_gbps,
            "utilisation": np.divide(self.load_gbps, capacity, out=np.zeros_like(capacity), where=capacity > 0),
            "price": self.price,
        }

    def table(self) -> Columns:
        """Every demand, and what is carried of it in Gbit/s."""
        names = np.array([site.id for site in self.network.sites], object)
        return {
            "source": names[self.demands.source],
            "target": names[self.demands.target],
            "class": np.array([one.value for one in RANKS], object)[self.demands.rank],
            "gbps": self.demands.gbps,
            "carried_gbps": self.carried_gbps,
        }

    def paths(self) -> Columns:
        """What each path carries: the place of its demand, Gbit/s, one-way latency in ms, hops, and its links in order.

        Demands between the same ends (in the same fence) share their paths, in proportion to what they carry.
        """
        if self.few is not None:
            paths, flow = self.few.paths, self.few.flow_gbps
        else:
            paths, flow = paths_of(self.answer, ALL_PATHS)
        made = self.answer.commodities
        served = np.bincount(made.of, weights=self.carried_gbps[self.checked.demands], minlength=len(made.target))
        per = np.diff(paths.first)
        of = np.repeat(np.arange(len(made.target)), per)
        whole = np.bincount(of, weights=flow, minlength=len(made.target)).astype(np.float64)
        # of demand after demand, each path of its commodity, scaled to what is carried of the demand
        mine = np.flatnonzero(served[made.of] > 0)
        counts = per[made.of[mine]]
        demand = np.repeat(mine, counts)
        first = np.repeat(paths.first[made.of[mine]], counts)
        within = np.arange(len(demand)) - np.repeat(np.cumsum(counts) - counts, counts)
        path = first + within
        share = np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)[made.of[demand]]
        gbps = self.carried_gbps[self.checked.demands][demand] * flow[path] * share
        kept = gbps > 0
        demand, path, gbps = demand[kept], path[kept], gbps[kept]
        latency = np.array([link.latency_ms for link in self.network.links], np.float64)[self.checked.links]
        sums = np.concatenate(([0.0], np.cumsum(latency[paths.link])))
        links = np.empty(len(path), object)
        links[:] = [_chain(self, paths, one) for one in path.tolist()]
        return {
            "demand": self.checked.demands[demand],
            "gbps": gbps,
            "latency_ms": sums[paths.start[path + 1]] - sums[paths.start[path]],
            "hops": np.diff(paths.start)[path],
            "links": links,
        }


def _chain(found: Optimum, paths: Paths, path: int) -> tuple[str, ...]:
    numbers = found.checked.links[paths.link[paths.start[path] : paths.start[path + 1]]]
    return tuple(found.network.links[number].id for number in numbers.tolist())


def optimise(
    network: Network,
    demands: Demands,
    objective: Objective = Objective.TOTAL,
    limits: Limits | None = None,
    *,
    most_paths: int | None = None,
    changed: Changed = AS_IT_IS,
    arrays: Problem | None = None,
    warm: Optimum | None = None,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Optimum:
    """The best plan that is found within the limits, with what no plan betters.

    `most_paths` is how many paths a demand may have (Invalid where the objective is not one question). `changed` is
    what is different of the network, `arrays` what `traffic.problem_of` says of it where that is at hand, `warm` a plan
    of it to begin with. `clock` is in seconds; without one no limit of time is kept. When `stop` says so, the best plan
    so far is the answer.
    """
    limits = limits or Limits()
    if most_paths is not None and not objective.one_solve:
        message = f"few paths are told of with total, concurrent and utilisation, and not with {objective.value}"
        raise Invalid([Finding(code="few-paths", place="most_paths", message=message)])
    begun_s = clock()
    ready = checked_of(network, demands, changed, arrays=arrays)

    late_s = 0.0

    def watch() -> float:
        nonlocal late_s
        if stop():
            late_s += STOPPED_S
        return clock() - begun_s + late_s

    def tell(moment: Moment) -> None:
        if progress is not None:
            progress(_in_words(moment, objective))

    kept = Limits(gap=limits.gap, time_s=min(limits.time_s, STOPPED_S / 2), threads=limits.threads)
    if objective is Objective.LEXICOGRAPHIC:
        ranked = lexicographic(ready.problem, kept, clock=watch, progress=tell, seed=seed)
        made = _optimum(network, demands, objective, ready, ranked.answer, None, None, clock() - begun_s)
        value, bound = (ranked.classes[-1].value, ranked.classes[-1].bound) if ranked.classes else (0.0, 0.0)
        return replace(made, value=value, bound=bound, free=value, moments=(), classes=ranked.classes)
    if objective is Objective.MAXMIN:
        shares = maxmin(ready.problem, kept, clock=watch, progress=tell, seed=seed)
        made = _optimum(network, demands, objective, ready, shares.answer, None, None, clock() - begun_s)
        return replace(made, rising=shares.rising)
    solve = utilisation if objective.by_shares else total
    start = warm_flows(warm, ready, objective) if warm is not None else None
    answer = solve(ready.problem, kept, clock=watch, progress=tell, seed=seed, start=start)
    few = None
    if most_paths is not None and ready.problem.demands:
        left = Limits(gap=limits.gap, time_s=max(0.0, kept.time_s - watch()), threads=limits.threads)
        few = (evened if objective.by_shares else narrowed)(answer, most_paths, left, clock=watch)
    return _optimum(network, demands, objective, ready, answer, few, most_paths, clock() - begun_s)


def after_cut(before: Optimum, without: Collection[LinkId], limits: Limits | None = None) -> Optimum:
    """A plan of `total`, `utilisation` or `concurrent` without some links, from one with them: the same proof, sooner.

    Demands that have no way left get nothing of a total. Of the others that is no answer: ValueError, see `joined`.
    """
    cut = places(before, without)
    solve = by_shares.after_cut if before.objective.by_shares else by_total.after_cut
    answer = solve(before.answer, cut, limits)
    return _optimum(before.network, before.demands, before.objective, before.checked, answer, None, None, 0.0)


def joined(before: Optimum, without: Collection[LinkId]) -> Flags:
    """Of every demand that could be worked on, whether a way is left without some links."""
    return reachable(before.checked.problem, places(before, without))


def places(before: Optimum, links: Collection[LinkId]) -> Ints:
    """The numbers that links have for the solver; those that it has not, as they have no capacity, are left out."""
    numbers = before.checked.links.tolist()
    found = [place for place, number in enumerate(numbers) if before.network.links[number].id in links]
    return np.array(found, np.int32)


def _optimum(
    network: Network,
    demands: Demands,
    objective: Objective,
    ready: Checked,
    answer: Answer,
    few: PathPlan | None,
    most_paths: int | None,
    after_s: float,
) -> Optimum:
    value, load, served = answer.value, answer.load_gbps, answer.served_gbps
    if few is not None:
        value, load = few.value, few.load_gbps
        served = shared_out(ready.problem, answer.commodities, few.served_gbps)
    price = answer.price
    if objective.by_shares:
        price = price * (answer.bound if objective is Objective.UTILISATION else _inverse(answer.bound or np.inf))
    if objective is Objective.MAXMIN:
        price = price * _rises(ready.problem, answer.bound)
    if objective is Objective.CONCURRENT:  # of each demand no more than all of it, and no more than fits
        share = min(1.0, _inverse(value))
        load, served = load * share, served * share
    carried, loads, prices = np.zeros(len(demands)), np.zeros(len(network.links)), np.zeros(len(network.links))
    carried[ready.demands] = served
    loads[ready.links] = load
    prices[ready.links] = price
    turned = objective is Objective.CONCURRENT
    return Optimum(
        objective=objective,
        network=network,
        demands=demands,
        checked=ready,
        answer=answer,
        few=few,
        most_paths=None if few is None else most_paths,
        value=_inverse(value) if turned else value,
        bound=_inverse(answer.bound) if turned else answer.bound,
        free=_inverse(answer.value) if turned else answer.value,
        after_s=after_s,
        moments=tuple(_in_words(moment, objective) for moment in answer.moments),
        carried_gbps=carried,
        load_gbps=loads,
        price=prices,
    )


def _rises(problem: Problem, bound: float) -> float:
    """What the level of who gets least has to be multiplied by prices with: itself, and 0 where no more is asked."""
    content = float((problem.amount_gbps / problem.weight).min(initial=np.inf))
    return bound if bound < content else 0.0


def _in_words(moment: Moment, objective: Objective) -> Moment:
    """What a solver says, in what was asked for, and without the time by which it was stopped."""
    after_s = moment.after_s % STOPPED_S
    if objective is Objective.CONCURRENT:
        return Moment(after_s=after_s, value=_inverse(moment.value), bound=_inverse(moment.bound))
    return Moment(after_s=after_s, value=moment.value, bound=moment.bound)


def warm_flows(warm: Optimum, ready: Checked, objective: Objective) -> _kernels.Flows | None:
    """The flows of a plan to begin with, on the links and demands that there are now."""
    same = warm.checked.problem.nodes == ready.problem.nodes and len(warm.demands.fences) == len(ready.problem.fences)
    if not same or not ready.problem.links or not ready.problem.demands:
        return None
    place = np.full(len(warm.network.links), -1, np.int32)
    place[ready.links] = np.arange(len(ready.links), dtype=np.int32)
    return again(warm.answer, ready.problem, place[warm.checked.links], whole=objective.by_shares)


def _inverse(one: float) -> float:
    """1 / x, infinity for 0."""
    return 1.0 / one if one > 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What more capacity on a link, and on its opposite where it has one, would do to the value.

    `most` is what the prices allow at most: they are what the first Gbit/s is worth, and each one more is worth no
    more. `seen` is the difference to a plan that was made anew with it; the true one is in [`low`, `high`]. All are
    above 0 where it betters the value.
    """

    links: tuple[LinkId, ...]
    more_gbps: float
    price: float
    most: float
    seen: float
    low: float
    high: float


def upgrades(
    found: Optimum,
    most: int = 3,
    more_gbps: float = 100.0,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Upgrade, ...]:
    """The links whose prices promise most, and what so much more on each does to a plan made anew; best first.

    None where the objective is not one question.
    """
    limits = limits or Limits()
    if not found.objective.one_solve:
        return ()
    network, objective = found.network, found.objective
    price = dict(zip((link.id for link in network.links), found.price.tolist(), strict=True))
    least = _NOISE * max(price.values(), default=0.0)
    pairs = {tuple(sorted({link, network.opposite.get(link, link)})) for link, one in price.items() if one > least}
    dear = sorted(pairs, key=lambda links: (-sum(price[link] for link in links), links))[:most]
    made = []
    for links in dear:
        if stop():
            break
        worth = sum(price[link] for link in links)
        promised = _promised(found, worth * more_gbps)
        gap = min(limits.gap, max(_FINEST, 0.05 * promised / max(found.value, found.bound)))
        changed = Changed(more_gbps=dict.fromkeys(links, more_gbps))
        then = optimise(
            network,
            found.demands,
            objective,
            Limits(gap=gap, time_s=limits.time_s, threads=limits.threads),
            changed=changed,
            warm=found,
            clock=clock,
            stop=stop,
        )
        sign = objective.better
        made.append(
            Upgrade(
                links=links,
                more_gbps=more_gbps,
                price=worth,
                most=promised,
                seen=sign * (then.value - found.free),
                low=max(0.0, sign * (then.value - found.bound)),
                high=min(promised, sign * (then.bound - found.free)),
            )
        )
    return tuple(sorted(made, key=lambda one: -one.seen))


_FINEST = 1e-6
_NOISE = 1e-3
"""Of the dearest: prices that are less are what is left where a link is not full."""


def _promised(found: Optimum, worth: float) -> float:
    """What the value betters by at most, by the bound that the same prices prove with the capacity added."""
    if found.objective is Objective.UTILISATION:
        # the bound is D / C with D what demands cost at the prices, and C what capacity does: C grows
        return found.free - found.bound / (1.0 + worth / found.bound) if found.bound > 0 else 0.0
    return found.bound + worth - found.free
