"""Everything that is carried, placed anew: which few services to move where, so that the fullest links are less full.

`asked_of` takes what is known at an instant, all of it values that never change, so that `replan` can work on it in a
thread while the network goes on. What is sought, in this order: the least maximum utilisation (claims and reserve over
capacity, of the links that carry anybody who may be moved), then latency, then as few moves as win it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from highroad.graph.disjoint import site_group
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.planning.backed import Backed, Risk, Sheltered, backed
from highroad.planning.calendar import Calendar, Claim, Standby
from highroad.planning.closure import Closure
from highroad.planning.ground import Ground, capacities_of
from highroad.planning.least import Least, least
from highroad.planning.levelling import ROOMY, Levelling
from highroad.planning.protection import shared_groups
from highroad.planning.solve.answer import Clock, Limits, gap_of
from highroad.planning.solve.problem import Flags, Ints, Reals
from highroad.planning.traffic import Demands, problem_of
from highroad.units import gbps_from_mbps

MOVABLE = frozenset({State.ACTIVE, State.DEGRADED})
MOST_MOVES = 1000
LEVELS = 8
"""In so many steps the level is lowered from what is to what can be."""

ROUNDS = 8
"""So often links are left aside that cannot be lowered, and the rest is looked at."""

ENOUGH = 0.5
"""Where the fullest link is stuck the others are not levelled further, and may be filled so far for latency."""

GAP = 0.01
"""A plan so near to the bound is not bettered, unless the limits say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be placed anew, and beside what: values that nobody changes.

    `services` are those that may be moved, `held` what every holder keeps in the calendar, theirs included.
    """

    network: Network
    now_s: float
    services: tuple[Service, ...]
    held: tuple[tuple[str, tuple[Claim, ...], tuple[Standby, ...]], ...]
    avoid: frozenset[int]
    closures: tuple[Closure, ...]
    mended_s: float

    @property
    def ground(self) -> Ground:
        """A ground of its own, as the one was that it was asked of; without ports, which no move concerns."""
        calendar = Calendar.build(capacities_of(self.network, {}), map(_on_links, self.held))
        return Ground(
            network=self.network,
            calendar=calendar,
            avoid=self.avoid,
            closures=self.closures,
            mended_s=self.mended_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How services are carried: the fullest link that carries any of those that may be moved, as a share of its
    capacity with the reserve for backups; the mean latency one way, weighted by rate, of those services.
    """

    utilisation: float
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """Who is to move where, and what that wins.

    `moves` has only those that differ, each with its whole placement; all together they fit what the calendar holds.
    `bound` is what no placement of the services that may be moved stays below: over all ways, split as one likes,
    inside fences, with room for the backups of those whom the risk group `group` strikes. Backups for other groups,
    bounds of latency and windows are relaxed, so the true gap may be less than `gap`. `bare_bound` is the same without
    room for any backup, so that all of them cost no more than what is between it and the plan; `group` is empty where
    no group says more.
    `stuck` are links that nobody could be moved off: with those left out the fullest is at `rest`, and no placement
    brings it below `rest_bound`, however full it makes the stuck ones. Loads are Mbit/s of claims and reserve at the
    time that was asked for, by link, and `price` what the bound stands on: by how much the utilisation would fall for
    each Gbit/s more.
    """

    moves: Mapping[ServiceId, Placement]
    before: Standing
    after: Standing
    bound: float
    bare_bound: float
    group: str
    stuck: tuple[LinkId, ...]
    rest: float
    rest_bound: float
    before_mbps: Mapping[LinkId, int]
    after_mbps: Mapping[LinkId, int]
    price: Mapping[LinkId, float]
    movable: int
    took_s: float
    complete: bool
    """Whether it ended by itself, and not for want of time or moves."""

    @property
    def gap(self) -> float:
        """How far the plan is from the bound, as a share of its utilisation."""
        return gap_of(self.after.utilisation, self.bound)

    @property
    def gain(self) -> float:
        """By how much the fullest link is less full, as a share of its capacity."""
        return self.before.utilisation - self.after.utilisation


def movable(ground: Ground, service: Service, now_s: float) -> bool:
    """Whether a service may be moved by a plan: it is carried, is where it is to be, over links that are there, and
    nothing of it is under way or booked elsewhere.
    """
    here, there = service.placement, ground.graph.link_number
    return (
        service.state in MOVABLE
        and here is not None
        and all(link in there for link in here.links)
        and (here.backup is None or all(link in there for link in (*here.backup.there, *here.backup.back)))
        and service.stays
        and service.ended_s is None
        and service.order.window.until_s > now_s
        and not ground.calendar.kept_beside(service.id)
    )


def asked_of(ground: Ground, services: Sequence[Service], now_s: float) -> Asked:
    """What is to be planned, as it is now: quick, because nothing is copied that cannot change."""
    return Asked(
        network=ground.network,
        now_s=now_s,
        services=tuple(service for service in services if movable(ground, service, now_s)),
        held=tuple(ground.calendar.held()),
        avoid=ground.avoid,
        closures=ground.closures,
        mended_s=ground.mended_s,
    )


def replan(
    asked: Asked,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
    most_moves: int = MOST_MOVES,
    seed: int = 0,
) -> Replan:
    """The plan, within the time of the limits or until `stop` says so; what was found until then is whole and fits.

    At most so many services are moved. Deterministic where no time runs out.
    """
    limits = limits or Limits(gap=GAP)
    begun_s = clock()
    late = False

    def out_of_time() -> bool:
        nonlocal late
        late = late or stop() or clock() - begun_s >= limits.time_s
        return late

    ground = asked.ground
    levelling = Levelling(ground, {one.id: one for one in asked.services}, asked.now_s, most_moves, out_of_time)
    before = _standing(levelling)
    loads = _loads(asked, ground)
    demands = _demands(asked, ground)
    given, fixed = problem_of(asked.network, demands), _fixed(asked, levelling)
    sheltered = Sheltered(protected=_protected(asked, ground), source=demands.source, target=demands.target)
    risks = _risks(asked, ground) if sheltered.protected.any() else []
    with_backups = _fixed(asked, levelling, backups=True)

    def bound_of(aside: frozenset[LinkId]) -> tuple[Least, Backed]:
        left_s = limits.time_s - (clock() - begun_s)
        within = Limits(gap=limits.gap / 4, time_s=max(0.0, left_s / 8), threads=limits.threads)
        used, out = levelling.fullest(aside), np.array([link.id in aside for link in asked.network.links], np.bool_)
        plain = least(given, fixed, used, within, aside=out, clock=clock, seed=seed)
        return plain, backed(
            given, with_backups, sheltered, risks, plain, used, within, aside=out, clock=clock, seed=seed
        )

    bare, proof = bound_of(frozenset())
    found = proof.least
    complete = _level(levelling, found, lambda aside: bound_of(aside)[1].least, limits.gap)
    rest = levelling.fullest(levelling.stuck)
    rest_bound = bound_of(frozenset(levelling.stuck))[1].least if levelling.stuck else found
    levelling.hold(min(levelling.fullest(), ROOMY, max(rest, ENOUGH)))
    levelling.faster()
    levelling.hold(max(rest, rest_bound.utilisation))
    levelling.undo()
    after, rest = _standing(levelling), levelling.fullest(levelling.stuck)
    links = asked.network.links
    return Replan(
        moves=levelling.moves,
        before=before,
        after=after,
        bound=min(found.utilisation, after.utilisation),
        bare_bound=min(bare.utilisation, after.utilisation),
        group=proof.group,
        stuck=tuple(sorted(levelling.stuck)),
        rest=rest,
        rest_bound=min(rest_bound.utilisation, rest),
        before_mbps=loads,
        after_mbps=_loads(asked, ground),
        price={link.id: price for link, price in zip(links, (found.price * found.utilisation).tolist(), strict=True)},
        movable=len(asked.services),
        took_s=clock() - begun_s,
        complete=complete and not late,
    )


def _level(levelling: Levelling, found: Least, bound_of: Callable[[frozenset[LinkId]], Least], gap: float) -> bool:
    """Lower the fullest link step by step to its bound. Where it stays as full as it was, lower the fullest of the
    rest, and so on until one was lowered or all that are left are low enough. False where time or moves ran out.
    """
    first = {link: levelling.used(link) for link in levelling.links}
    aside = frozenset[LinkId]()
    for _ in range(ROUNDS):
        used = levelling.fullest(aside)
        lowered = (1.0 - gap) * max((full for link, full in first.items() if link not in aside), default=0.0)
        nearest = found.utilisation / (1.0 - gap) if gap < 1 else used
        nearest = max(nearest, ENOUGH) if aside else nearest
        if used <= nearest and (used <= ENOUGH or used < lowered):
            return True
        # who is as full as has to be is found by trying: somebody stays above what no plan is below
        steps = 1 if used <= nearest else LEVELS
        last = (1.0 - gap) * found.utilisation if used <= nearest else nearest
        for step in range(1, steps + 1):
            level = used + (last - used) * step / steps
            if not levelling.lower(max(level, min(ENOUGH, used)) if levelling.stuck else level):
                return False
        if levelling.stuck.keys() == aside or levelling.fullest(aside) < lowered:
            return True
        aside = frozenset(levelling.stuck)
        found = bound_of(aside)
    return True


def _standing(levelling: Levelling) -> Standing:
    rates = latencies = 0.0
    graph = levelling.ground.graph
    for here in levelling.here.values():
        whole = sum(branch.weight for branch in here.branches)
        for branch in here.branches:
            rate = here.bandwidth_gbps * branch.weight / whole
            rates += rate
            latencies += rate * (graph.latency_ms(branch.there) + graph.latency_ms(branch.back)) / 2
    return Standing(utilisation=levelling.fullest(), latency_ms=latencies / rates if rates else 0.0)


def _loads(asked: Asked, ground: Ground) -> dict[LinkId, int]:
    return {link.id: ground.calendar.at(link.id, asked.now_s) for link in asked.network.links}


def _protected(asked: Asked, ground: Ground) -> Flags:
    """Of each way of each service, whether it survives every risk group but those of its ends, wherever it is put."""
    safe = [
        one.placement is not None
        and one.order.protection is Protection.PATH
        and one.placement.backup is not None
        and not shared_groups(ground, one.placement)
        for one in asked.services
    ]
    return np.array([*safe, *safe], np.bool_)


def _risks(asked: Asked, ground: Ground) -> list[Risk]:
    """Every risk group, with what stands by for it of those who do not move."""
    moving, number, site = {one.id for one in asked.services}, ground.graph.link_number, ground.graph.number
    stood: dict[str, dict[int, float]] = {}
    for holder, _, standbys in asked.held:
        if holder in moving:
            continue
        for one in standbys:
            if one.start_s <= asked.now_s < one.until_s and (link := number.get(LinkId(one.resource))) is not None:
                for group in one.groups:
                    here = stood.setdefault(group, {})
                    here[link] = here.get(link, 0.0) + gbps_from_mbps(one.rate_mbps)
    sites = {site_group(one): at for one, at in site.items()}
    return [
        Risk(
            name=name,
            links=np.array(sorted(links), np.int32),
            site=sites.get(name, -1),
            stood_gbps=stood.get(name, {}),
        )
        for name, links in sorted(ground.risks.links.items())
    ]


def _fixed(asked: Asked, levelling: Levelling, *, backups: bool = False) -> Reals:
    """Gbit/s that are claimed now of each link by those who do not move; a link that is out of use is full, but where
    one who moves is on it, or, for `backups`, stands by on it.
    """
    calendar, number = levelling.ground.calendar, levelling.ground.graph.link_number
    fixed = np.array([calendar.claimed_at(link.id, asked.now_s) for link in asked.network.links], np.float64)
    carries = np.zeros(len(fixed), np.bool_)
    for here in levelling.here.values():
        for link, rate in here.load_mbps().items():
            fixed[number[link]] -= rate
            carries[number[link]] = True
        if backups and here.backup is not None:
            carries[[number[link] for link in (*here.backup.there, *here.backup.back)]] = True
    for out in asked.avoid:
        if not carries[out]:
            fixed[out] = np.inf
    return np.maximum(0.0, gbps_from_mbps(1.0) * fixed)


def _demands(asked: Asked, ground: Ground) -> Demands:
    """What is to be carried, there and back; who is outside of its fence now is taken to be without one."""
    number = ground.graph.number
    a = np.array([number[one.order.a_site] for one in asked.services], np.int32)
    b = np.array([number[one.order.b_site] for one in asked.services], np.int32)
    gbps = np.array([_carried_gbps(one) for one in asked.services], np.float64)
    fences: dict[Fence, int] = {}
    fence = np.array([_fence(one, ground, fences) for one in asked.services], np.int32)
    rank: Ints = np.array([one.order.traffic_class.rank for one in asked.services], np.int32)
    return Demands(
        source=np.concatenate((a, b)),
        target=np.concatenate((b, a)),
        gbps=np.concatenate((gbps, gbps)),
        rank=np.concatenate((rank, rank)),
        weight=np.ones(2 * len(a)),
        fence=np.concatenate((fence, fence)),
        fences=tuple(fences),
        line=np.zeros(0, np.int32),
    )


def _carried_gbps(service: Service) -> float:
    return 0.0 if service.placement is None else service.placement.bandwidth_gbps


def _fence(service: Service, ground: Ground, fences: dict[Fence, int]) -> int:
    fence = service.order.fence
    if fence is None or service.placement is None:
        return -1
    inside, number = ground.inside(fence), ground.graph.link_number
    if not all(inside[number[link]] for link in service.placement.links):
        return -1
    return fences.setdefault(fence, len(fences))


def _on_links(
    held: tuple[str, tuple[Claim, ...], tuple[Standby, ...]],
) -> tuple[str, tuple[Claim, ...], tuple[Standby, ...]]:
    holder, claims, standbys = held
    return holder, tuple(claim for claim in claims if not claim.resource.startswith("port:")), standbys
