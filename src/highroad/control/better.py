"""What `replanning` asks of `planning.replan`, in its own words: loads, and how full the links are that count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from highroad.model.network import LinkId
from highroad.model.plan import Refilled, Score
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.ground import Ground
from highroad.planning.replan import GAP, Asked, Replan, asked_of
from highroad.planning.solve.answer import Limits
from highroad.ports.solver import Here, Solver
from highroad.units import gbps_from_mbps

LEAST_GBPS = 1e-6
"""What is less is no difference."""

PATIENCE_S = 20.0
"""A plan that takes longer is the best one until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a solver says of a network: who would move where, and what that is worth. `links` are those that count:
    all that carry anybody who may be moved, or would.
    """

    moves: Mapping[ServiceId, Placement]
    before: Score
    after: Score
    bound: float
    bare_bound: float
    group: str
    rest_bound: float
    gap: float
    stuck: Sequence[LinkId]
    links: Sequence[Refilled]


Solve = Callable[[Ground, Sequence[Service], float, Callable[[], bool]], Callable[[], Found]]
"""Takes a snapshot of services on a ground at a time, at once; returns what is to be computed from it in a thread,
until it is told to stop.
"""


def better(
    ground: Ground,
    services: Sequence[Service],
    now_s: float,
    stop: Callable[[], bool] = lambda: False,
    solver: Solver | None = None,
) -> Callable[[], Found]:
    """A better plan of all that is carried, by a solver that may be elsewhere."""
    asked = asked_of(ground, services, now_s)
    return lambda: _found(asked, stop, solver or Here())


def _found(asked: Asked, stop: Callable[[], bool], solver: Solver) -> Found:
    plan = solver.replan(asked, Limits(gap=GAP, time_s=PATIENCE_S), stop)
    links = _links(asked, plan)
    return Found(
        moves=plan.moves,
        before=score(links, plan.stuck, plan.before.latency_ms, after=False),
        after=score(links, plan.stuck, plan.after.latency_ms, after=True),
        bound=plan.bound,
        bare_bound=plan.bare_bound,
        group=plan.group,
        rest_bound=plan.rest_bound,
        gap=plan.gap,
        stuck=plan.stuck,
        links=links,
    )


def score(links: Sequence[Refilled], stuck: Sequence[LinkId], latency_ms: float, *, after: bool) -> Score:
    """How full the fullest link is, and the fullest but for those that are stuck and stay as they are."""
    fills = {one.link: (one.after_gbps if after else one.before_gbps) / one.capacity_gbps for one in links}
    stay = {one.link for one in links if abs(one.after_gbps - one.before_gbps) <= LEAST_GBPS}.intersection(stuck)
    rest = max((fill for link, fill in fills.items() if link not in stay), default=0.0)
    return Score(utilisation=max(fills.values(), default=0.0), rest=rest, latency_ms=latency_ms)


def _links(asked: Asked, plan: Replan) -> list[Refilled]:
    here = (one.placement for one in asked.services)
    used = {link for one in (*here, *plan.moves.values()) if one is not None for link in one.links}
    return [
        Refilled(
            link=link.id,
            capacity_gbps=link.capacity_gbps,
            before_gbps=gbps_from_mbps(plan.before_mbps[link.id]),
            after_gbps=gbps_from_mbps(plan.after_mbps[link.id]),
            price=plan.price.get(link.id, 0.0),
        )
        for link in asked.network.links
        if link.capacity_gbps > 0 and (link.id in used or plan.before_mbps[link.id] != plan.after_mbps[link.id])
    ]
