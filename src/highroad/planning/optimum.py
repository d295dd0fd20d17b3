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
['capacity_gbps', 'head', 'link', 'load_gbps', 'price', 'reserve_gbps', 'tail', 'utilisation']

`links()`, `table()` and `paths()` are dicts of numpy arrays of one length, which `pandas.DataFrame` takes as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Invalid, Severity
from highroad.graph import _kernels
from highroad.model.network import LinkId, Network
from highroad.planning.narrowing import Asked, Narrowed, narrowed
from highroad.planning.solve import shared as by_shares
from highroad.planning.solve import total as by_total
from highroad.planning.solve.again import ALL_PATHS, again
from highroad.planning.solve.answer import Answer, Clock, Limits, Moment, Progress, gap_of
from highroad.planning.solve.classes import Cumulative, lexicographic
from highroad.planning.solve.ends import worth_at_ends
from highroad.planning.solve.few import PathPlan, paths_of
from highroad.planning.solve.maxmin import Rising, maxmin
from highroad.planning.solve.problem import Checked, Flags, Ints, Problem, Reals, reachable, shared_out
from highroad.planning.solve.routed import Routed, evenest, most
from highroad.planning.solve.routed_classes import in_turn
from highroad.planning.solve.shared import utilisation
from highroad.planning.solve.total import total
from highroad.planning.traffic import AS_IT_IS, RANKS, Changed, Demands, checked_of
from highroad.planning.wishes import live_of, possible

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """A plan, how good it is, and what no plan betters.

    `value` and `bound` are Gbit/s carried (total; lexicographic, where `classes` are what is carried up to each
    class), the share of every demand that fits (concurrent; above 1 where all fits), the utilisation of the fullest
    link (1 is full; what it keeps for backups counts), or Gbit/s a unit of weight that who gets least gets (maxmin).
    `free` is the value with as many paths as one likes, `fewer` that on `most_paths` each before they are brought into
    whole `parts`. Rates are those of all demands and links of the network, in its order. `price` is by how much the
    value betters with a Gbit/s more on a link, to begin with; by classes, the sum in which each weighs its `worth`.
    After `first_s` there was a first plan: in less than that there is none of this kind.
    """

    objective: Objective
    network: Network
    demands: Demands
    checked: Checked
    answer: Answer | Routed
    few: PathPlan | None
    most_paths: int | None
    parts: int | None
    value: float
    bound: float
    free: float
    fewer: float
    after_s: float
    moments: tuple[Moment, ...]
    carried_gbps: Reals
    load_gbps: Reals
    reserve_gbps: Reals
    price: Reals
    classes: tuple[Cumulative, ...] = ()
    rising: Rising | None = None
    first_s: float = 0.0

    @property
    def gap(self) -> float:
        """The share that is missing, at most, to the best on any paths; of classes and levels, where most is."""
        if self.classes:
            return max(one.gap for one in self.classes)
        missing = gap_of(self.value, self.bound) if self.value != self.bound else 0.0
        return missing if self.rising is None else max(missing, self.rising.gap)

    @property
    def free_classes(self) -> list[float]:
        """What all classes up to each get with as many paths as one likes."""
        rank, served = self.checked.problem.rank, self.answer.served_gbps
        return [float(served[rank <= one.rank].sum()) for one in self.classes]

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
        """Every link: its ends, what it has, carries and keeps for backups in Gbit/s, how full it is of both (1: full),
        and its price.
        """
        links = self.network.links
        capacity = np.array([link.capacity_gbps for link in links], np.float64)
        taken = self.load_gbps + self.reserve_gbps
        return {
            "link": np.array([link.id for link in links], object),
            "tail": np.array([link.tail for link in links], object),
            "head": np.array([link.head for link in links], object),
            "capacity_gbps": capacity,
            "load_gbps": self.load_gbps,
            "reserve_gbps": self.reserve_gbps,
            "utilisation": np.divide(taken, capacity, out=np.zeros_like(capacity), where=capacity > 0),
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
        """What each path carries: the place of its demand, Gbit/s, one-way latency in ms, hops, and its links in order;
        where demands are protected the links of its backup too, none where it has none.

        Demands between the same ends (in the same fence) share their paths, in proportion to what they carry.
        """
        answer, way = self.answer, None
        if self.few is not None:
            paths, flow, way = self.few.paths, self.few.flow_gbps, self.few.way
        elif isinstance(answer, Routed):
            paths, flow, way = answer.paths, answer.flow_gbps, answer.way
        else:
            paths, flow = paths_of(answer, ALL_PATHS)
        made = answer.commodities
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
        numbers = self.checked.links
        links[:] = [
            _chain(self, numbers[paths.link[paths.start[one] : paths.start[one + 1]]], self.checked.demands[of_demand])
            for one, of_demand in zip(path.tolist(), demand.tolist(), strict=True)
        ]
        backups: Columns = {}
        if way is not None and isinstance(answer, Routed) and answer.standing.guarded:
            ways = answer.ways
            backups["backup"] = np.empty(len(path), object)
            backups["backup"][:] = [
                _chain(
                    self,
                    numbers[ways.backup[ways.backup_start[one] : ways.backup_start[one + 1]]],
                    self.checked.demands[of_demand],
                )
                for one, of_demand in zip(way[path].tolist(), demand.tolist(), strict=True)
            ]
        return {
            "demand": self.checked.demands[demand],
            "gbps": gbps,
            "latency_ms": sums[paths.start[path + 1]] - sums[paths.start[path]],
            "hops": np.diff(paths.start)[path],
            "links": links,
            **backups,
        }


def _chain(found: Optimum, numbers: Ints, demand: int) -> tuple[str, ...]:
    """The links of these numbers from the source of a demand on; they may be given from its target back."""
    links = [found.network.links[number] for number in numbers.tolist()]
    if links and links[0].tail != found.network.sites[found.demands.source[demand]].id:
        links.reverse()
    return tuple(link.id for link in links)


def optimise(
    network: Network,
    demands: Demands,
    objective: Objective = Objective.TOTAL,
    limits: Limits | None = None,
    *,
    most_paths: int | None = None,
    parts: int | None = None,
    changed: Changed = AS_IT_IS,
    arrays: Problem | None = None,
    warm: Optimum | None = None,
    clock: Clock = lambda: 0.0,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Optimum:
    """The best plan that is found within the limits, with what no plan betters.

    `most_paths` is how many paths a demand may have, `parts` how many equal parts of it they carry, each a whole number
    (None: any share). `changed` is what is different of the network, `arrays` what `traffic.problem_of` says of it
    where that is at hand, `warm` a plan of it to begin with. `clock` is in seconds; without one no limit of time is
    kept. When `stop` says so, the best plan so far is the answer. Raises Invalid for protection with maxmin.
    """
    limits = limits or Limits()
    restricted = demands.has_bounds or demands.has_protection
    if demands.has_protection and objective is Objective.MAXMIN:
        message = "of protection it is told with the other objectives, and not with maxmin"
        raise Invalid([Finding(code="objective", place="objective", message=message)])
    begun_s = clock()
    ready = checked_of(network, demands, changed, arrays=arrays)
    if restricted:
        ready = possible(network, demands, ready)

    late_s, first_s = 0.0, np.inf

    def watch() -> float:
        nonlocal late_s
        if stop():
            late_s += STOPPED_S
        return clock() - begun_s + late_s

    def tell(moment: Moment) -> None:
        nonlocal first_s
        first_s = min(first_s, clock() - begun_s)
        if progress is not None:
            progress(_in_words(moment, objective))

    def left(part: float = 1.0) -> Limits:
        most_s = min(limits.time_s, STOPPED_S / 2)
        return Limits(gap=limits.gap, time_s=max(0.0, part * (most_s - watch())), threads=limits.threads)

    asked = Asked(most_paths=most_paths, parts=parts) if most_paths is not None and ready.problem.demands else None
    answer: Answer | Routed
    classes: tuple[Cumulative, ...] = ()
    worth: Reals | None = None
    rising: Rising | None = None
    if objective is Objective.LEXICOGRAPHIC and restricted:
        live = live_of(network, demands, ready)
        most_s = left(FREE if asked is not None else 1.0)
        answer, classes, worth = in_turn(ready.problem, live, most_s, clock=watch, progress=tell)
    elif objective is Objective.LEXICOGRAPHIC:
        ranked = lexicographic(ready.problem, left(), clock=watch, progress=tell, seed=seed)
        answer, classes = ranked.answer, ranked.classes
        weighs = {one.rank: one.worth for one in classes}
        rank = np.zeros(len(answer.commodities.target), np.int32)
        rank[answer.commodities.of] = ready.problem.rank
        worth = np.array([weighs.get(one, 1.0) for one in rank.tolist()])
    elif objective is Objective.MAXMIN:
        inside = live_of(network, demands, ready) if restricted else None
        risen = maxmin(ready.problem, left(), live=inside, clock=watch, progress=tell, seed=seed)
        answer, rising = risen.answer, risen.rising
    else:
        solve = utilisation if objective.by_shares else total
        start = warm_flows(warm, ready, objective) if warm is not None else None
        if not restricted:
            answer = solve(ready.problem, left(), clock=watch, progress=tell, seed=seed, start=start)
        else:
            # a first plan is the same however much time there is: at prices that take none
            bare = partial(solve, ready.problem, clock=watch, progress=tell, seed=seed, start=start)
            price = bare(replace(limits, time_s=0.0)).price
            live = live_of(network, demands, ready)
            search = evenest if objective.by_shares else most
            first_s = np.inf
            answer = search(
                ready.problem,
                live,
                left(FREE if asked is not None else 1.0),
                price=price,
                later=lambda: bare(left(BARE)).price if left().time_s > 0 else None,
                clock=watch,
                progress=tell,
            )
    few, fewer = None, np.nan
    if asked is not None and ready.problem.links:
        shares = objective is Objective.MAXMIN
        amount = _got(answer) if shares else None
        must = shares or objective.by_shares
        narrow = partial(narrowed, asked=asked, must=must, worth=worth, clock=watch)
        at_once = replace(limits, time_s=0.0)
        before = answer.before if isinstance(answer, Routed) and not shares else ()
        firsts = [narrow(one, limits=at_once) for one in before]
        then = narrow(answer, limits=left(), amount_gbps=amount)
        for one in reversed(firsts):
            if _is_better(one, then, answer, must=must, classes=classes, gap=limits.gap):
                then = one
        few, fewer = then.plan, then.few
    made = _optimum(network, demands, objective, ready, answer, few, asked, clock() - begun_s, fewer, classes)
    return replace(made, rising=rising, first_s=min(first_s, made.after_s))


def _is_better(
    one: Narrowed,
    other: Narrowed,
    answer: Answer | Routed,
    *,
    must: bool,
    classes: tuple[Cumulative, ...],
    gap: float,
) -> bool:
    """Whether one plan on few paths is better than another: emptier, or more carried; by classes, of the first that
    has not the same.
    """
    if must:
        return one.plan.value < other.plan.value
    for up_to in classes:
        mine = answer.commodities.rank <= up_to.rank
        a, b = (float(plan.plan.served_gbps[mine].sum()) for plan in (one, other))
        if abs(a - b) > gap * max(a, b):
            return a > b
    return not classes and one.plan.value > other.plan.value


def _got(answer: Answer | Routed) -> Reals:
    """What each commodity gets."""
    if isinstance(answer, Answer):
        return answer.flows.served
    per = np.repeat(np.arange(len(answer.commodities.target)), np.diff(answer.paths.first))
    return np.bincount(per, answer.flow_gbps, len(answer.commodities.target)).astype(np.float64)


BARE, FREE = 0.4, 0.85
"""Of what time there is, so much is for a plan without bounds and backups, whose prices one with them goes on with; and
so much for one on any number of ways, where it is brought onto few then.
"""


def after_cut(before: Optimum, without: Collection[LinkId], limits: Limits | None = None) -> Optimum:
    """A plan of `total`, `utilisation` or `concurrent` without some links, from one with them: the same proof, sooner.

    Demands that have no way left get nothing of a total. Of the others that is no answer: ValueError, see `joined`.
    """
    if isinstance(before.answer, Routed):
        raise ValueError("with bounds of latency or protection a cut is planned anew")
    cut = places(before, without)
    solve = by_shares.after_cut if before.objective.by_shares else by_total.after_cut
    answer = solve(before.answer, cut, limits)
    made = _optimum(before.network, before.demands, before.objective, before.checked, answer, None, None, 0.0)
    made.price[before.checked.links[cut]] = 0.0
    return made


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
    answer: Answer | Routed,
    few: PathPlan | None,
    asked: Asked | None,
    after_s: float,
    fewer: float = np.nan,
    classes: tuple[Cumulative, ...] = (),
) -> Optimum:
    value, bound, load, served = answer.value, answer.bound, answer.load_gbps, answer.served_gbps
    free, kept = value, answer.reserve_gbps if isinstance(answer, Routed) else np.zeros(ready.problem.links)
    if objective is Objective.LEXICOGRAPHIC:
        value, bound = (classes[-1].value, classes[-1].bound) if classes else (0.0, 0.0)
        free = value
    if few is not None:
        load, kept = few.load_gbps, kept if few.reserve_gbps is None else few.reserve_gbps
        served = shared_out(ready.problem, answer.commodities, few.served_gbps)
        match objective:
            case Objective.MAXMIN:
                over, fewer = max(1.0, few.value), value / max(1.0, fewer)
                load, served, value = load / over, served / over, value / over
            case Objective.LEXICOGRAPHIC:
                sums = [float(served[ready.problem.rank <= one.rank].sum()) for one in classes]
                classes = tuple(replace(one, value=now) for one, now in zip(classes, sums, strict=True))
                value, fewer = (sums[-1] if sums else 0.0), np.nan
            case _:
                value = few.value
                free = max(free, value) if objective is Objective.TOTAL else min(free, value)
    price = answer.price
    if isinstance(answer, Routed):
        price = price + answer.ends
    elif objective is Objective.TOTAL:
        price = price + worth_at_ends(answer)
    if objective.by_shares:
        price = price * (answer.bound if objective is Objective.UTILISATION else _inverse(answer.bound or np.inf))
    if objective is Objective.MAXMIN:
        price = price * _rises(ready.problem, answer.bound)
    if objective is Objective.CONCURRENT:  # of each demand no more than all of it, and no more than fits
        share = min(1.0, _inverse(value))
        load, served, kept = load * share, served * share, kept * share
    carried, loads, prices = np.zeros(len(demands)), np.zeros(len(network.links)), np.zeros(len(network.links))
    carried[ready.demands] = served
    loads[ready.links] = load
    prices[ready.links] = price
    reserve = np.zeros(len(network.links))
    reserve[ready.links] = kept
    turned = objective is Objective.CONCURRENT
    fewer = fewer if few is not None and np.isfinite(fewer) else value
    return Optimum(
        objective=objective,
        network=network,
        demands=demands,
        checked=ready,
        answer=answer,
        few=few,
        most_paths=None if asked is None else asked.most_paths,
        parts=None if asked is None else asked.parts,
        value=_inverse(value) if turned else value,
        bound=_inverse(bound) if turned else bound,
        free=_inverse(free) if turned else free,
        fewer=_inverse(fewer) if turned else fewer,
        after_s=after_s,
        moments=() if classes else tuple(_in_words(moment, objective) for moment in answer.moments),
        carried_gbps=carried,
        load_gbps=loads,
        reserve_gbps=reserve,
        price=prices,
        classes=classes,
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
    if isinstance(warm.answer, Routed):
        return None
    same = warm.checked.problem.nodes == ready.problem.nodes and len(warm.demands.fences) == len(ready.problem.fences)
    if not same or not ready.problem.links or not ready.problem.demands:
        return None
    place = np.full(len(warm.network.links), -1, np.int32)
    place[ready.links] = np.arange(len(ready.links), dtype=np.int32)
    return again(warm.answer, ready.problem, place[warm.checked.links], whole=objective.by_shares)


def _inverse(one: float) -> float:
    """1 / x, infinity for 0."""
    return 1.0 / one if one > 0 else float("inf")
