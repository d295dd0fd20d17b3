"""What a network is to carry between its sites, and both as the arrays that the optimiser works on.

Demands are columns, because there are as many as pairs of sites; `Demands.of` makes them of a list. Paths pass only
through the kinds of site that carry others, as everywhere in planning: a site that does not is two nodes to the
optimiser, one that its traffic leaves and one where it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from highroad.errors import Finding, Invalid, did_you_mean
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import Protection, TrafficClass
from highroad.planning.ground import CARRIES_OTHERS
from highroad.planning.solve.problem import Checked, Flags, Ints, Problem, Reals, checked, problem

RANKS = tuple(TrafficClass)
"""The class of each rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """So much from one site to another. Without a fence it may go anywhere, without a bound the longest way."""

    source: str
    target: str
    gbps: float
    traffic_class: TrafficClass = TrafficClass.ASSURED
    weight: float = 1.0
    fence: Fence | None = None
    max_latency_ms: float | None = None
    protection: Protection = Protection.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Demands as columns: sites by their place in the network, `fence` a place in `fences` or -1.

    `line` is the line of the file that each came from, empty where there was none; `bound_ms` the most that each may
    take, and `protected` whether it has to survive any risk group: empty where none has such a wish.
    """

    source: Ints
    target: Ints
    gbps: Reals
    rank: Ints
    weight: Reals
    fence: Ints
    fences: tuple[Fence, ...] = ()
    line: Ints
    bound_ms: Reals = field(default_factory=lambda: np.zeros(0))
    protected: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __len__(self) -> int:
        return len(self.source)

    @property
    def bounds_ms(self) -> Reals:
        """The bound of each, infinity where it has none."""
        return self.bound_ms if len(self.bound_ms) else np.full(len(self), np.inf)

    @property
    def guarded(self) -> Flags:
        """Whether each is protected."""
        return self.protected if len(self.protected) else np.zeros(len(self), np.bool_)

    @property
    def has_bounds(self) -> bool:
        """Whether any has a bound of latency; one that is no number counts, so that it is told of."""
        return bool(len(self.bound_ms)) and not bool(np.isposinf(self.bound_ms).all())

    @property
    def has_protection(self) -> bool:
        """Whether any is protected."""
        return bool(self.protected.any())

    def plain(self) -> Demands:
        """The same without bounds and protection."""
        return replace(self, bound_ms=np.zeros(0), protected=np.zeros(0, np.bool_))

    @classmethod
    def of(cls, network: Network, demands: Iterable[Demand]) -> Demands:
        """The columns of some demands. Raises Invalid with every site that the network does not have."""
        asked = list(demands)
        number = {site.id: place for place, site in enumerate(network.sites)}
        unknown = [
            Finding(
                code="unknown-site",
                place=f"demands[{place}].{end}",
                message=f"there is no site `{name}`{did_you_mean(name, number)}",
            )
            for place, one in enumerate(asked)
            for end, name in (("source", one.source), ("target", one.target))
            if name not in number
        ]
        if unknown:
            raise Invalid(unknown)
        fences = {fence: place for place, fence in enumerate(dict.fromkeys(one.fence for one in asked if one.fence))}
        return cls(
            source=np.array([number[SiteId(one.source)] for one in asked], np.int32),
            target=np.array([number[SiteId(one.target)] for one in asked], np.int32),
            gbps=np.array([one.gbps for one in asked], np.float64),
            rank=np.array([one.traffic_class.rank for one in asked], np.int32),
            weight=np.array([one.weight for one in asked], np.float64),
            fence=np.array([fences[one.fence] if one.fence else -1 for one in asked], np.int32),
            fences=tuple(fences),
            line=np.zeros(0, np.int32),
            bound_ms=np.array([np.inf if one.max_latency_ms is None else one.max_latency_ms for one in asked]),
            protected=np.array([one.protection is Protection.PATH for one in asked], np.bool_),
        )

    def times(self, scale: float) -> Demands:
        """The same demands, each so many times as large."""
        return replace(self, gbps=self.gbps * scale)


def simple(source: Ints, target: Ints, gbps: Reals) -> Demands:
    """Demands of no class, weight or fence of their own."""
    count = len(source)
    return Demands(
        source=source,
        target=target,
        gbps=gbps,
        rank=np.full(count, TrafficClass.ASSURED.rank, np.int32),
        weight=np.ones(count),
        fence=np.full(count, -1, np.int32),
        line=np.zeros(0, np.int32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The network as it might be: links that are gone, and Gbit/s that links have more than now."""

    without: frozenset[LinkId] = frozenset()
    more_gbps: Mapping[LinkId, float] | None = None


AS_IT_IS = Changed()


def problem_of(network: Network, demands: Demands) -> Problem:
    """The arrays of all links and demands, as they are."""
    number = {site.id: place for place, site in enumerate(network.sites)}
    ends = {site.id: place for place, site in enumerate(network.sites)}
    nodes = len(network.sites)
    for site in network.sites:
        if site.kind not in CARRIES_OTHERS:
            ends[site.id] = nodes
            nodes += 1
    into = np.array([ends[site.id] for site in network.sites], np.int32)
    target = np.where(demands.source == demands.target, demands.target, into[demands.target])
    return problem(
        nodes,
        np.array([number[link.tail] for link in network.links], np.int32),
        np.array([ends[link.head] for link in network.links], np.int32),
        np.array([link.capacity_gbps for link in network.links], np.float64),
        demands.source,
        target.astype(np.int32),
        demands.gbps,
        fence=demands.fence,
        fences=_inside(network, demands.fences),
        rank=demands.rank,
        weight=demands.weight,
    )


def checked_of(
    network: Network, demands: Demands, changed: Changed = AS_IT_IS, *, arrays: Problem | None = None
) -> Checked:
    """What of it can be worked on; findings name sites and links, and the lines of the file where there is one.

    `arrays` are those of `problem_of` for the same sites and links, where they are at hand.
    """
    given = problem_of(network, demands) if arrays is None else replace(arrays, amount_gbps=demands.gbps)
    if changed != AS_IT_IS:
        capacity, more = given.capacity_gbps.copy(), changed.more_gbps or {}
        for place, link in enumerate(network.links):
            capacity[place] = 0.0 if link.id in changed.without else capacity[place] + more.get(link.id, 0.0)
        given = replace(given, capacity_gbps=capacity)
    rest = checked(given, lambda place: network.links[place].id)
    gone = {f"links[{link}]" for link in changed.without}
    found = (one for one in rest.findings if not (one.code == "no-capacity" and one.place in gone))
    return replace(rest, findings=tuple(told_of(one, network, demands) for one in found))


def told_of(finding: Finding, network: Network, demands: Demands) -> Finding:
    """A finding on a demand by number, as one on a demand by its ends."""
    if not finding.place.startswith("demands["):
        return finding
    place = int(finding.place[len("demands[") : -1])
    a, b = network.sites[demands.source[place]].id, network.sites[demands.target[place]].id
    line = int(demands.line[place]) if len(demands.line) else None
    return replace(finding, place=f"demands[{a}>{b}]", line=line)


def _inside(network: Network, fences: tuple[Fence, ...]) -> Flags:
    """For each fence, the links that touch nothing outside of it."""
    if not fences:
        return np.zeros((0, len(network.links)), np.bool_)
    touched = [network.jurisdictions_of(link.id) for link in network.links]
    return np.array([[not fence.outside(codes) for codes in touched] for fence in fences], np.bool_).reshape(
        len(fences), len(network.links)
    )
