"""What would happen if what is admitted grew, or if links had more capacity: planned anew over a copy of what is known.

Services count at the time of the next week at which most is admitted, each way as a demand of its own, by class and
inside its fence. They may be led any way, split as one likes, without regard to latency bounds and backups: what does
not fit then fits by no plan, and what is told to fall is the least that does. As things are placed now, reserve for
backups included, is told beside. Nothing is kept of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from highroad.control.book import Book
from highroad.control.sending import Rates, Sending, Sent, links_sent
from highroad.control.whatif import AHEAD_S, FULLEST, Known, book_of, fibres_of
from highroad.errors import Finding, Invalid, did_you_mean
from highroad.graph.geo import great_circles_km
from highroad.model.lifecycle import HOLDING
from highroad.model.network import Link, LinkId, Medium, Network, SiteId
from highroad.model.service import Service, TrafficClass
from highroad.model.text import shown
from highroad.planning.optimum import Objective, Optimum, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.traffic import RANKS, Changed, Demand, Demands
from highroad.units import gbps_from_mbps

FITS = 1.0 + 1e-9
GAP = 1e-3
ROUTE = 1.2
"""A new link is as long as so many times the great circle, where its latency is not said."""

MOST_GBPS, MOST_MS, MOST_GROWTH = 1e6, 1e4, 1e3
LEAST_GROWTH = 1e-3
MOST_ADDED = 100
TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """Of one class, what is admitted (each way counted), and what of it is carried at best."""

    traffic_class: TrafficClass
    wanted_gbps: float
    carried_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """How much fits if all is placed anew.

    `utilisation` is how full the fullest link is when all that has a way is carried, and `utilisation_bound` what no
    plan stays below. `grows_to` is how many times what is admitted today fits, and no plan fits `grows_to_bound`;
    infinity where nothing is admitted. `classes` has those with anything admitted, and `short` the pairs of sites that
    lose most.
    """

    utilisation: float
    utilisation_bound: float
    grows_to: float
    grows_to_bound: float
    cut_off_gbps: float
    classes: tuple[Class, ...]
    short: tuple[tuple[SiteId, SiteId, float], ...]

    @property
    def lost_gbps(self) -> float:
        """What is not carried."""
        return sum(one.wanted_gbps - one.carried_gbps for one in self.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A link as things are placed now, when all that is kept of it has grown: claims and reserve."""

    link: LinkId
    capacity_gbps: float
    kept_gbps: float
    before_gbps: float

    @property
    def share(self) -> float:
        """Of the capacity."""
        return self.kept_gbps / self.capacity_gbps if self.capacity_gbps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSent:
    """The same questions of what services send, as measured. `guessed` services were not: they count as guaranteed."""

    sending: Sending
    services: int
    guessed: int
    sent_gbps: float
    planned: Fits
    without: Fits | None
    overloaded: int
    fullest: tuple[Sent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would be. `without` is the same without what was added, None where nothing was; `overloaded` how many links
    are over their capacity as things are placed now, `fullest` the first of all. `sent` is of what services send, if
    that was asked for.
    """

    growth: float
    added: tuple[str, ...]
    cut: tuple[str, ...]
    at_s: float
    services: int
    wanted_gbps: float
    planned: Fits
    without: Fits | None
    overloaded: int
    fullest: tuple[Grown, ...]
    sent: OfSent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is asked: so many times what is admitted, with these links added, while these fail."""

    growth: float
    network: Network
    """With what is added."""
    added: tuple[str, ...]
    more_gbps: dict[LinkId, float]
    """Of links that there are."""
    new: frozenset[LinkId]
    cut: tuple[str, ...]


def change_of(network: Network, growth: float, add: Sequence[str], cut: Sequence[str]) -> Change:
    """What is asked, understood. `add` is `LINK:GBPS`, or `SITE>SITE:GBPS[:MS]` for a new link. Raises Invalid."""
    wrong: list[Finding] = []
    if not LEAST_GROWTH <= growth <= MOST_GROWTH:
        message = f"growth is {growth:g}, and has to be from {LEAST_GROWTH:g} to {MOST_GROWTH:g}"
        wrong.append(Finding(code="growth", place="grow", message=message))
    if len(add) > MOST_ADDED:
        message = f"{len(add)} links are to be added: {MOST_ADDED} are worked on at most"
        wrong.append(Finding(code="too-many", place="add", message=message))
    for target in cut:
        try:
            fibres_of(network, target)
        except Invalid as error:
            wrong.extend(error.findings)
    more: dict[LinkId, float] = {}
    new: dict[LinkId, Link] = {}
    for asked in add[:MOST_ADDED]:
        try:
            for link in _added(network, asked):
                if link.id in network.link:
                    more[link.id] = more.get(link.id, 0.0) + link.capacity_gbps
                else:
                    before = new[link.id].capacity_gbps if link.id in new else 0.0
                    new[link.id] = replace(link, capacity_gbps=before + link.capacity_gbps)
        except Invalid as error:
            wrong.extend(error.findings)
    if wrong:
        raise Invalid(wrong)
    links = (
        *(replace(link, capacity_gbps=link.capacity_gbps + more.get(link.id, 0.0)) for link in network.links),
        *new.values(),
    )
    return Change(
        growth=growth,
        network=replace(network, links=links) if add else network,
        added=tuple(add),
        more_gbps=more,
        new=frozenset(new),
        cut=tuple(dict.fromkeys(cut)),
    )


def _added(network: Network, asked: str) -> tuple[Link, ...]:
    """The links, each way, that are added or get more, with what they get."""
    name, *numbers = _parts(network, asked)
    try:
        gbps, *rest = map(float, numbers)
        ms = rest[0] if rest else None
        if not 0 < gbps <= MOST_GBPS or not (ms is None or 0 <= ms <= MOST_MS) or len(rest) > 1:
            raise ValueError
    except ValueError:
        message = f"{shown(asked)} is not LINK:GBPS, nor SITE>SITE:GBPS:MS for a new link"
        raise Invalid([Finding(code="bad-addition", place="add", message=message)]) from None
    link = network.link.get(LinkId(name))
    if link is not None:
        opposite = network.opposite.get(link.id, link.id)
        return tuple(replace(network.link[one], capacity_gbps=gbps) for one in dict.fromkeys((link.id, opposite)))
    a, _, b = name.partition(">")
    if a not in network.site or b not in network.site or a == b:
        near = did_you_mean(name, network.link)
        message = f"there is no link {shown(name)}{near}, nor two sites of these names to join"
        raise Invalid([Finding(code="unknown-link", place="add", message=message)])
    if ms is None:
        one, other = network.site[SiteId(a)], network.site[SiteId(b)]
        straight_km = float(great_circles_km(one.lat, one.lon, other.lat, other.lon))
        ms = ROUTE * straight_km * Medium.SMF.latency_ms_per_km
    return tuple(
        Link(
            id=LinkId(f"{tail}>{head}"),
            tail=SiteId(tail),
            head=SiteId(head),
            capacity_gbps=gbps,
            latency_ms=ms,
            fibres=(),
        )
        for tail, head in ((a, b), (b, a))
    )


def _parts(network: Network, asked: str) -> list[str]:
    """The name and the numbers; a name may have colons of its own."""
    for count in (1, 2):
        name, *numbers = asked.rsplit(":", count)
        ends = name.partition(">")
        if name in network.link or (ends[0] in network.site and ends[2] in network.site):
            return [name, *numbers]
    return asked.split(":")


def outlook(known: Known, change: Change, now_s: float, sending: Sending | None = None) -> Outlook:
    """What would be at the busiest time of the next week, and of what services send beside it. It takes a while."""
    book = book_of(known)
    holding = [one for one in book.services.values() if one.state in HOLDING]
    at_s, open_ = _busiest(holding, now_s)
    demands = _demands(change.network, ((one, _guaranteed(one)) for one in open_), change.growth)
    fibres = {fibre for target in change.cut for fibre in fibres_of(book.network, target)}
    down = book.dark_links | book.links_over(fibres) if fibres else book.dark_links
    sites = {target for target in change.cut if target in book.network.site}
    gone = {link.id for link in change.network.links if link.tail in sites or link.head in sites}
    without = frozenset(down | gone)
    planned = _fits(change.network, demands, without, change.growth)
    before = _fits(book.network, demands, without, change.growth) if change.added else None
    grown = _grown(book, change, without, at_s)
    return Outlook(
        growth=change.growth,
        added=change.added,
        cut=change.cut,
        at_s=at_s,
        services=len(open_),
        wanted_gbps=float(demands.gbps.sum()),
        planned=planned,
        without=before,
        overloaded=sum(one.share > FITS for one in grown),
        fullest=tuple(grown[:FULLEST]),
        sent=None if sending is None else _of_sent(book, change, open_, without, sending),
    )


def _of_sent(
    book: Book, change: Change, services: Sequence[Service], without: frozenset[LinkId], sending: Sending
) -> OfSent:
    sent = [(one, sending.of(one)) for one in services]
    demands = _demands(change.network, sent, change.growth)
    placed = [(one.placement, rates) for one, rates in sent]
    links = links_sent(book, placed, placed, growth=change.growth, more_gbps=change.more_gbps, without=without)
    guessed = sum(one.id not in sending.rates for one in services)
    return OfSent(
        sending=sending,
        services=len(services) - guessed,
        guessed=guessed,
        sent_gbps=float(demands.gbps.sum()),
        planned=_fits(change.network, demands, without, change.growth),
        without=_fits(book.network, demands, without, change.growth) if change.added else None,
        overloaded=sum(one.share > FITS for one in links),
        fullest=tuple(links[:FULLEST]),
    )


def _guaranteed(service: Service) -> Rates:
    return service.order.bandwidth_gbps, service.order.bandwidth_gbps


def _busiest(holding: Iterable[Service], now_s: float) -> tuple[float, list[Service]]:
    """When in the week from now on most is admitted, the first time of all, and what is then."""
    until_s = now_s + AHEAD_S
    services = list(holding)
    steps: dict[float, float] = {now_s: 0.0}
    for one in services:
        for part in one.window.parts:
            if part.start_s < until_s and part.until_s > now_s:
                start_s = max(now_s, part.start_s)
                steps[start_s] = steps.get(start_s, 0.0) + one.order.bandwidth_gbps
                if part.until_s < until_s:
                    steps[part.until_s] = steps.get(part.until_s, 0.0) - one.order.bandwidth_gbps
    most, total, at_s = -1.0, 0.0, now_s
    for time_s in sorted(steps):
        total += steps[time_s]
        if total > most + 1e-9:
            most, at_s = total, time_s
    open_ = [one for one in services if any(part.start_s <= at_s < part.until_s for part in one.window.parts)]
    return at_s, open_


def _demands(network: Network, services: Iterable[tuple[Service, Rates]], growth: float) -> Demands:
    return Demands.of(
        network,
        (
            Demand(
                source=source,
                target=target,
                gbps=rate * growth,
                traffic_class=one.order.traffic_class,
                fence=one.order.fence,
            )
            for one, (there, back) in services
            for source, target, rate in (
                (one.order.a_site, one.order.b_site, there),
                (one.order.b_site, one.order.a_site, back),
            )
        ),
    )


def _fits(network: Network, demands: Demands, without: frozenset[LinkId], growth: float) -> Fits:
    changed = Changed(without=without & network.link.keys())

    def best(objective: Objective) -> Optimum:
        return optimise(network, demands, objective, Limits(gap=GAP), changed=changed)

    even = best(Objective.UTILISATION)
    way = float(even.checked.problem.amount_gbps.sum())
    carried = demands.gbps * 0.0
    carried[even.checked.demands] = demands.gbps[even.checked.demands]
    if even.value > FITS:
        carried = best(Objective.LEXICOGRAPHIC).carried_gbps
    missing = demands.gbps - carried
    short: dict[tuple[SiteId, SiteId], float] = {}
    for place in (missing > 1e-6 * demands.gbps).nonzero()[0].tolist():
        ends = network.sites[demands.source[place]].id, network.sites[demands.target[place]].id
        short[ends] = short.get(ends, 0.0) + float(missing[place])
    classes = [
        Class(
            traffic_class=one,
            wanted_gbps=float(demands.gbps[demands.rank == rank].sum()),
            carried_gbps=float(carried[demands.rank == rank].sum()),
        )
        for rank, one in enumerate(RANKS)
    ]
    infinite = float("inf")
    return Fits(
        utilisation=even.value,
        utilisation_bound=even.bound,
        grows_to=growth / even.value if even.value > 0 else infinite,
        grows_to_bound=growth / even.bound if even.bound > 0 else infinite,
        cut_off_gbps=max(0.0, float(demands.gbps.sum()) - way),
        classes=tuple(one for one in classes if one.wanted_gbps > 0),
        short=tuple((a, b, gbps) for (a, b), gbps in sorted(short.items(), key=lambda one: (-one[1], one[0]))[:TOLD]),
    )


def _grown(book: Book, change: Change, without: frozenset[LinkId], at_s: float) -> list[Grown]:
    """Links in use, the fullest first, by what the calendar keeps of them then."""
    calendar = book.ground.calendar
    found = []
    for link in book.network.links:
        if link.id in without:
            continue
        before_gbps = gbps_from_mbps(calendar.claimed_at(link.id, at_s) + calendar.reserve_at(link.id, at_s))
        found.append(
            Grown(
                link=link.id,
                capacity_gbps=link.capacity_gbps + change.more_gbps.get(link.id, 0.0),
                kept_gbps=before_gbps * change.growth,
                before_gbps=before_gbps,
            )
        )
    return sorted(found, key=lambda one: (-one.share, one.link))
