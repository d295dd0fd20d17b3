"""A network and what it is to carry, as arrays: what is wrong with them is said, and left out; the rest is carried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Severity
from highroad.graph import _kernels

Ints = NDArray[np.int32]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOWHERE: Ints = np.zeros(0, np.int32)
MOST_GBPS = 1e15
"""No link and no demand is larger: sums of them stay far from what a double can hold."""

TINY = 1e-9
"""A demand of less than this share of the largest is noise beside it: it may get nothing, and counts in no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Links from `tail` to `head` with `capacity_gbps` (all of one length), and demands from `source` to `target`.

    `fence` names, for each demand, the row of `fences` (rows of a flag a link) that it must stay in, -1 for none.
    `rank` is the class of a demand, 0 the first; `weight` its part where shares are weighted.
    """

    nodes: int
    tail: Ints
    head: Ints
    capacity_gbps: Reals
    source: Ints
    target: Ints
    amount_gbps: Reals
    fence: Ints
    fences: Flags
    rank: Ints
    weight: Reals

    @property
    def links(self) -> int:
        """How many links there are."""
        return len(self.tail)

    @property
    def demands(self) -> int:
        """How many demands there are."""
        return len(self.source)

    @property
    def network(self) -> _kernels.Network:
        """For kernels."""
        return _kernels.Network(self.nodes, self.tail, self.head)


def problem(
    nodes: int,
    tail: Sequence[int] | Ints,
    head: Sequence[int] | Ints,
    capacity_gbps: Sequence[float] | Reals,
    source: Sequence[int] | Ints,
    target: Sequence[int] | Ints,
    amount_gbps: Sequence[float] | Reals,
    *,
    fence: Sequence[int] | Ints | None = None,
    fences: Flags | None = None,
    rank: Sequence[int] | Ints | None = None,
    weight: Sequence[float] | Reals | None = None,
) -> Problem:
    """A problem of these numbers, as they are: `checked` says what is wrong with them.

    Raises ValueError where arrays that belong together are not of one length, and where numbers are not whole that
    have to be.
    """
    demands = len(source)
    made = Problem(
        nodes=nodes,
        tail=_whole("tail", tail),
        head=_whole("head", head),
        capacity_gbps=np.asarray(capacity_gbps, np.float64),
        source=_whole("source", source),
        target=_whole("target", target),
        amount_gbps=np.asarray(amount_gbps, np.float64),
        fence=np.full(demands, -1, np.int32) if fence is None else _whole("fence", fence),
        fences=np.zeros((0, len(tail)), np.bool_) if fences is None else np.asarray(fences, np.bool_),
        rank=np.zeros(demands, np.int32) if rank is None else _whole("rank", rank),
        weight=np.ones(demands) if weight is None else np.asarray(weight, np.float64),
    )
    of_links: dict[str, NDArray[Any]] = {"tail": made.tail, "head": made.head, "capacity_gbps": made.capacity_gbps}
    of_demands: dict[str, NDArray[Any]] = {
        "source": made.source,
        "target": made.target,
        "amount_gbps": made.amount_gbps,
        "fence": made.fence,
        "rank": made.rank,
        "weight": made.weight,
    }
    for name, array in of_links.items():
        if array.shape != (made.links,):
            raise ValueError(f"{name} has the shape {array.shape}, and there are {made.links} links")
    for name, array in of_demands.items():
        if array.shape != (demands,):
            raise ValueError(f"{name} has the shape {array.shape}, and there are {demands} demands")
    if made.fences.ndim != 2 or made.fences.shape[1] != made.links:
        raise ValueError(f"fences has the shape {made.fences.shape}, and has to have {made.links} flags a row")
    return made


def _whole(name: str, given: Sequence[int] | Ints) -> Ints:
    """Numbers as kernels take them. What is further out than those can be is no node either way."""
    array = np.asarray(given)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} is of the type {array.dtype}, and has to be whole numbers")
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    numbers: Ints = np.clip(array, least, most).astype(np.int32)
    return numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What of a problem can be worked on, where it was in what was given, and what was wrong with the rest."""

    problem: Problem
    links: Ints
    demands: Ints
    findings: tuple[Finding, ...]


Names = Callable[[int], str]


def checked(given: Problem, link: Names = str, demand: Names = str) -> Checked:
    """Everything that is wrong with a problem at once, and what is left of it without that.

    `link` and `demand` name those of a number, for the findings.
    """
    findings: list[Finding] = []

    def wrong(which: Flags, code: str, place: Callable[[int], str], sentence: Callable[[int], str]) -> Flags:
        findings.extend(
            Finding(code=code, place=place(number), message=sentence(number), severity=Severity.WARNING)
            for number in np.flatnonzero(which).tolist()
        )
        return which

    def of_link(number: int) -> str:
        return f"links[{link(number)}]"

    def of_demand(number: int) -> str:
        return f"demands[{demand(number)}]"

    ends: Ints = np.stack((given.tail, given.head)) if given.links else np.zeros((2, 0), np.int32)
    bad: Flags = wrong(
        np.asarray(((ends < 0) | (ends >= given.nodes)).any(axis=0), np.bool_),
        "no-such-node",
        of_link,
        lambda n: f"it joins {given.tail[n]} and {given.head[n]}, and nodes go from 0 to {given.nodes - 1}: left out",
    )
    bad = bad | wrong(
        (given.tail == given.head) & ~bad, "loop", of_link, lambda n: "it begins and ends at one place: left out"
    )
    capacity = given.capacity_gbps
    bad = bad | wrong(
        ~((capacity > 0) & (capacity <= MOST_GBPS)) & ~bad,
        "no-capacity",
        of_link,
        lambda n: f"its capacity is {capacity[n]:g} Gbit/s, and has to be above 0 and at most {MOST_GBPS:g}: left out",
    )
    links = np.flatnonzero(~bad).astype(np.int32)
    ends = np.stack((given.source, given.target)) if given.demands else np.zeros((2, 0), np.int32)
    bad = wrong(
        np.asarray(((ends < 0) | (ends >= given.nodes)).any(axis=0), np.bool_),
        "no-such-node",
        of_demand,
        lambda n: f"it is from {given.source[n]} to {given.target[n]}, and nodes go from 0 to {given.nodes - 1}",
    )
    bad = bad | wrong(
        (given.source == given.target) & ~bad,
        "self-demand",
        of_demand,
        lambda n: "it is from a place to itself: no link carries it",
    )
    amount = given.amount_gbps
    bad = bad | wrong(
        ~((amount >= 0) & (amount <= MOST_GBPS)) & ~bad,
        "no-amount",
        of_demand,
        lambda n: f"it asks for {amount[n]:g} Gbit/s: a rate from 0 to {MOST_GBPS:g} can be carried",
    )
    bad = bad | wrong(
        ((given.fence < -1) | (given.fence >= len(given.fences))) & ~bad,
        "no-such-fence",
        of_demand,
        lambda n: f"its fence is {given.fence[n]}, and there are {len(given.fences)}",
    )
    bad = bad | wrong(
        ~(np.isfinite(given.weight) & (given.weight > 0)) & ~bad,
        "no-weight",
        of_demand,
        lambda n: f"its weight is {given.weight[n]:g}, and has to be above 0 and finite",
    )
    left = _part(given, links, np.flatnonzero(~bad & ~(amount == 0)).astype(np.int32))
    reached = reachable(left)
    at = np.flatnonzero(~bad & ~(amount == 0)).astype(np.int32)
    cut_off = np.zeros(given.demands, np.bool_)
    cut_off[at[~reached]] = True
    wrong(cut_off, "not-joined", of_demand, lambda n: "no way leads there over the links that it may use")
    demands = at[reached]
    _extremes(given, demands, of_demand, findings)
    return Checked(problem=_part(given, links, demands), links=links, demands=demands, findings=tuple(findings))


def _extremes(given: Problem, demands: Ints, of_demand: Names, findings: list[Finding]) -> None:
    amount = given.amount_gbps[demands]
    if not len(amount):
        return
    small = demands[amount < TINY * amount.max()]
    if len(small):
        first = int(small[0])
        findings.append(
            Finding(
                code="far-apart",
                place=of_demand(first),
                message=f"{len(small)} demand{'s are' if len(small) > 1 else ' is'} less than {TINY:g} of the largest "
                f"({amount.max():g} Gbit/s): beside that so little is lost in rounding. It may be carried or "
                "not, and counts in no bound",
                severity=Severity.NOTE,
            )
        )


def _part(given: Problem, links: Ints, demands: Ints) -> Problem:
    return replace(
        given,
        tail=given.tail[links],
        head=given.head[links],
        capacity_gbps=given.capacity_gbps[links],
        source=given.source[demands],
        target=given.target[demands],
        amount_gbps=given.amount_gbps[demands],
        fence=given.fence[demands],
        fences=np.ascontiguousarray(given.fences[:, links]),
        rank=given.rank[demands],
        weight=given.weight[demands],
    )


def reachable(problem: Problem, cut: Ints = NOWHERE) -> Flags:
    """Of every demand, whether any way inside its fence leads from its source to its target, the links `cut` gone."""
    found = np.zeros(problem.demands, np.bool_)
    network = problem.network
    for fence in np.unique(problem.fence):
        mine = np.flatnonzero(problem.fence == fence)
        price = np.ones(problem.links) if fence < 0 else np.where(problem.fences[fence], 1.0, np.inf)
        price[cut] = np.inf
        sources, row = np.unique(problem.source[mine], return_inverse=True)
        for start in range(0, len(sources), _ROWS):
            here = (row >= start) & (row < start + _ROWS)
            distance, _ = network.trees(price, sources[start : start + _ROWS].astype(np.int32))
            found[mine[here]] = np.isfinite(distance[row[here] - start, problem.target[mine[here]]])
    return found


_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Commodities:
    """Demands put together: those of one source, fence and rank are a set, those of a set to one target a commodity.

    Commodities of set s are [start[s], start[s + 1]); `of` says which one each demand belongs to. Several of a set may
    have one target (`by_class`).
    """

    source: Ints
    fence: Ints
    rank: Ints
    start: NDArray[np.int64]
    target: Ints
    amount_gbps: Reals
    of: NDArray[np.int64]


def commodities(problem: Problem, *, ranked: bool = False) -> Commodities:
    """The commodities of a problem, sets by source, fence and (where ranks are told apart) rank, targets in order."""
    fences = len(problem.fences) + 1
    rank = problem.rank if ranked else np.zeros_like(problem.rank)
    ranks = int(rank.max(initial=0)) + 1
    which = (problem.source.astype(np.int64) * fences + (problem.fence + 1)) * ranks + rank
    key = which * problem.nodes + problem.target
    if len(key) and not (key[1:] > key[:-1]).all():
        keys, of = np.unique(key, return_inverse=True)
        amount: Reals = np.bincount(of, weights=problem.amount_gbps, minlength=len(keys)).astype(np.float64)
    else:  # in order already, and each once, as a matrix is
        keys, of, amount = key, np.arange(len(key)), problem.amount_gbps.copy()
    which = keys // problem.nodes
    first = np.flatnonzero(np.diff(which, prepend=-1))
    sets = which[first]
    return Commodities(
        source=(sets // ranks // fences).astype(np.int32),
        fence=(sets // ranks % fences - 1).astype(np.int32),
        rank=(sets % ranks).astype(np.int32),
        start=np.append(first, len(keys)).astype(np.int64),
        target=(keys % problem.nodes).astype(np.int32),
        amount_gbps=amount,
        of=of.astype(np.int64),
    )


def by_class(problem: Problem) -> tuple[Commodities, Ints]:
    """The commodities of a problem, those of one set, target and rank together, and the rank of each: the sets are by
    source and fence alone, which is as many as there are without ranks.
    """
    rank = np.unique(problem.rank, return_inverse=True)
    ranks = max(1, len(rank[0]))
    apart = replace(problem, nodes=problem.nodes * ranks, target=(problem.target * ranks + rank[1]).astype(np.int32))
    made = commodities(apart)
    target = (made.target // ranks).astype(np.int32)
    return replace(made, target=target), rank[0][made.target % ranks].astype(np.int32)


def at_most(problem: Problem, source: Ints, target: Ints, amount_gbps: Reals) -> Reals:
    """What of these demands can be carried at all: no more than leaves their source and than comes to their target."""
    capacity, nodes = problem.capacity_gbps, problem.nodes
    leaves = np.bincount(problem.tail, weights=capacity, minlength=nodes)
    comes = np.bincount(problem.head, weights=capacity, minlength=nodes)
    return np.minimum(amount_gbps, np.minimum(leaves[source], comes[target]))


def flows(problem: Problem, made: Commodities, worth: Reals) -> _kernels.Flows:
    """Empty flows for these commodities, each worth so much a unit (infinity: all of it must be carried)."""
    return _kernels.Flows(
        problem.network,
        problem.capacity_gbps,
        made.source,
        made.start,
        made.target,
        made.amount_gbps,
        worth,
        made.fence,
        problem.fences.astype(np.uint8).ravel(),
    )


def shared_out(problem: Problem, made: Commodities, served_gbps: Reals) -> Reals:
    """What each demand gets of what its commodity is served: the first by rank first, equal ranks in proportion."""
    got = np.zeros(problem.demands)
    if problem.demands == len(made.target):
        got[:] = served_gbps[made.of]
        return got
    left = served_gbps.copy()
    for rank in np.unique(problem.rank):
        mine = np.flatnonzero(problem.rank == rank)
        want = np.bincount(made.of[mine], weights=problem.amount_gbps[mine], minlength=len(left))
        share = np.divide(np.minimum(left, want), want, out=np.zeros_like(left), where=want > 0)
        got[mine] = problem.amount_gbps[mine] * share[made.of[mine]]
        left = np.maximum(0.0, left - want)
    return got
