"""How likely each risk group is down, what fails together how often, and how much of the time a service is carried.

Where a network says (`failure_probability`), that is it; else it is reckoned from lengths by `Rates`. Groups fail
independently of each other: what does not is what shared groups are for.

    down(fibre of L km) = 1 - exp(-cuts L repair)     cuts in 1 / (km h), repair in h

which is how often at least one cut is under repair if cuts come at random (Poisson), each mended in its own time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from highroad.errors import Finding, Invalid
from highroad.graph.disjoint import groups_of, site_group
from highroad.model.network import FibreId, LinkId, Network, RiskGroupId
from highroad.model.service import Placement

HOURS_A_YEAR = 8766.0
MINUTES_A_YEAR = 60.0 * HOURS_A_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often things fail where a network does not say.

    The defaults: 4.39 cuts a year in 1,000 sheath miles of long-haul cable, 12 hours to mend one (To and Neusy,
    "Unavailability analysis of long-haul networks", IEEE JSAC 12 (1), 1994). A shared risk group without a figure of
    its own is as `shared_km` of cable, or all of its shortest fibre; its fibres are exposed alone for the rest of their
    length. A site is out for `site_down` of the time: five nines, what carrier-class routers are asked for (Oggerino,
    "High availability network fundamentals", 2001).
    """

    cuts_per_1000_km_year: float = 2.73
    repair_h: float = 12.0
    shared_km: float = 20.0
    site_down: float = 1e-5

    def __post_init__(self) -> None:
        for name, least, most in (
            ("cuts_per_1000_km_year", 0.0, 1e6),
            ("repair_h", 0.0, 1e6),
            ("shared_km", 0.0, 1e6),
            ("site_down", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                message = f"{value:g} is not from {least:g} to {most:g}"
                raise Invalid([Finding(code="bad-rate", place=name, message=message)])

    def down(self, length_km: float) -> float:
        """The share of time in which so much cable is cut somewhere."""
        return -math.expm1(-self.cuts_per_1000_km_year * length_km / 1000.0 * self.repair_h / HOURS_A_YEAR)


DEFAULT_RATES = Rates()


def chances_of(network: Network, rates: Rates = DEFAULT_RATES) -> dict[str, float]:
    """The share of time in which each risk group is down: fibres, shared groups, and sites as `site:<id>`."""
    shortest: dict[RiskGroupId, float] = {}
    for fibre in network.fibres:
        for group in dict.fromkeys(fibre.risk_groups):
            shortest[group] = min(shortest.get(group, math.inf), fibre.length_km)
    shared: dict[RiskGroupId, float] = {}
    found: dict[str, float] = {}
    for one in network.risk_groups:
        if one.failure_probability is not None:
            found[one.id] = one.failure_probability
        else:
            shared[one.id] = min(rates.shared_km, shortest.get(one.id, 0.0))
            found[one.id] = rates.down(shared[one.id])
    for fibre in network.fibres:
        alone_km = fibre.length_km - sum(shared.get(group, 0.0) for group in dict.fromkeys(fibre.risk_groups))
        found[fibre.id] = rates.down(max(0.0, alone_km))
    found.update({site_group(site.id): rates.site_down for site in network.sites})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Links that go down together, how often, and the groups that do it."""

    groups: tuple[str, ...]
    links: frozenset[LinkId]
    down: float


def risks(network: Network, chances: Mapping[str, float]) -> tuple[Risk, ...]:
    """What takes links down, each set of links once, the likeliest first."""
    links: dict[str, set[LinkId]] = {}

    def takes(group: str, fibres: Iterable[FibreId]) -> None:
        links.setdefault(group, set()).update(one for fibre in fibres for one in network.links_on.get(fibre, ()))

    for fibre in network.fibres:
        takes(fibre.id, (fibre.id,))
        for group in fibre.risk_groups:
            takes(group, (fibre.id,))
        for site in (fibre.a, fibre.b):
            takes(site_group(site), (fibre.id,))
    for link in network.links:
        for site in (link.tail, link.head):
            links.setdefault(site_group(site), set()).add(link.id)
    together: dict[frozenset[LinkId], tuple[list[str], float]] = {}
    for name, gone in links.items():
        down = chances.get(name, 0.0)
        if not gone or down <= 0:
            continue
        groups, before = together.setdefault(frozenset(gone), ([], 0.0))
        groups.append(name)
        together[frozenset(gone)] = groups, before + down - before * down
    found = (Risk(groups=tuple(groups), links=gone, down=down) for gone, (groups, down) in together.items())
    return tuple(sorted(found, key=lambda one: (-one.down, one.groups)))


def subsets(down: Sequence[float]) -> Iterator[tuple[tuple[int, ...], float]]:
    """Which of some independent things are down, and how likely exactly these are: the likeliest first, to the last.

    From each set that was told follow two: with the next thing turned over as well, and with the next one turned over
    instead of the last (things by how little it costs to turn them over, from the likelier of their two states).
    """
    usually = frozenset(place for place, one in enumerate(down) if one > 0.5)
    first = math.prod(max(one, 1.0 - one) for one in down)
    cost = {place: min(one, 1.0 - one) / max(one, 1.0 - one) for place, one in enumerate(down)}
    order = sorted((place for place, one in cost.items() if one > 0), key=lambda place: (-cost[place], place))
    ratio = [cost[place] for place in order]
    heap: list[tuple[float, tuple[int, ...]]] = [(-first, ())]
    while heap:
        likely, turned = heapq.heappop(heap)
        yield tuple(sorted(usually.symmetric_difference(order[place] for place in turned))), -likely
        last = turned[-1] if turned else -1
        if last + 1 < len(order):
            heapq.heappush(heap, (likely * ratio[last + 1], (*turned, last + 1)))
            if turned:
                instead = likely / ratio[last] * ratio[last + 1]
                heapq.heappush(heap, (instead, (*turned[:-1], last + 1)))


def service_availability(network: Network, chances: Mapping[str, float], placement: Placement) -> float:
    """The share of time in which a service's ways are all up, or its backup is: exact, as products over groups are.

    With P(A) that nothing of A is down:   P(ways) + P(backup) - P(ways and backup)

    What a controller finds beyond is not counted, nor that two failures at once may ask for the same shared backup.
    """
    ways = _groups(network, placement.links)
    whole = _up(chances, ways)
    if placement.backup is None:
        return whole
    backup = _groups(network, (*placement.backup.there, *placement.backup.back))
    # P(ways) + (P(backup) - P(both)), without the difference of two that are nearly 1
    return whole + _up(chances, backup) * -math.expm1(_log_up(chances, ways - backup))


def minutes_down_a_year(availability: float) -> float:
    """Minutes."""
    return (1.0 - availability) * MINUTES_A_YEAR


def _groups(network: Network, links: Iterable[LinkId]) -> frozenset[str]:
    return frozenset().union(*(groups_of(network, link) for link in links))


def _log_up(chances: Mapping[str, float], groups: Collection[str]) -> float:
    down = [chances.get(group, 0.0) for group in groups]
    return -math.inf if any(one >= 1 for one in down) else math.fsum(math.log1p(-one) for one in down)


def _up(chances: Mapping[str, float], groups: Collection[str]) -> float:
    return math.exp(_log_up(chances, groups))
