"""What the optimiser would change, as it travels."""

from __future__ import annotations

from highroad.control.book import Book
from highroad.model.network import LinkId, Network
from highroad.model.plan import Applied, Move, Optimiser, Plan, Score
from highroad.model.service import Placement
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.plans import (
    AppliedOut,
    DoingOut,
    LeftOut,
    MoveOut,
    OptimiserOut,
    PlacedOut,
    PlanDiffOut,
    PlanOut,
    RefilledOut,
    ScoreOut,
)


def optimiser_out(found: Optimiser) -> OptimiserOut:
    """How it stands."""
    doing = found.doing
    return OptimiserOut(
        mode=found.mode.value,
        every_s=found.every_s,
        least_gain=found.least_gain,
        moves_per_point=found.moves_per_point,
        waits=found.waits,
        looked=maybe_time(found.looked_s),
        doing=None
        if doing is None
        else DoingOut(plan=doing.plan, moved=doing.moved, services=doing.services, steps_left=doing.steps_left),
        plan=None if found.plan is None else _plan(found.plan, found),
    )


def plan_diff_out(plan: Plan, found: Optimiser, book: Book) -> PlanDiffOut:
    """A plan in full."""
    step_of = {service: number for number, step in enumerate(plan.change.steps, 1) for service in step}
    return PlanDiffOut(
        plan=_plan(plan, found),
        links=[
            RefilledOut(
                link=one.link,
                capacity_gbps=one.capacity_gbps,
                before_gbps=round(one.before_gbps, 6),
                after_gbps=round(one.after_gbps, 6),
                price=one.price,
            )
            for one in plan.links
        ],
        moves=[_move(one, step_of[one.service], book.network) for one in plan.moves],
        left=[LeftOut(service=service, why=why) for service, why in plan.left.items()],
    )


def applied_out(found: Applied) -> AppliedOut:
    """What has begun."""
    return AppliedOut(id=found.id, services=found.services, steps=found.steps)


def _plan(plan: Plan, found: Optimiser) -> PlanOut:
    return PlanOut(
        id=plan.id,
        made=time_from_s(plan.made_s),
        took_s=round(plan.took_s, 6),
        services=plan.services,
        moves=len(plan.moves),
        steps=len(plan.change.steps),
        left=len(plan.left),
        before=_score(plan.before),
        after=_score(plan.after),
        bound=round(plan.bound, 6),
        bare_bound=round(plan.bare_bound, 6),
        bound_group=plan.group,
        rest_bound=round(plan.rest_bound, 6),
        gap=round(plan.gap, 6),
        stuck=list(plan.stuck),
        worth=plan.worth,
        verdict=plan.verdict,
        stale=list(found.stale),
        applied=found.applied,
        outcome=found.outcome,
    )


def _score(score: Score) -> ScoreOut:
    return ScoreOut(
        utilisation=round(score.utilisation, 6), rest=round(score.rest, 6), latency_ms=round(score.latency_ms, 6)
    )


def _move(one: Move, step: int, network: Network) -> MoveOut:
    return MoveOut(
        service=one.service,
        tenant=one.tenant,
        bandwidth_gbps=one.rate_gbps,
        step=step,
        before=_way(one.was, one.before_ms, network),
        after=_way(one.to, one.after_ms, network),
    )


def _way(placement: Placement, latency_ms: float, network: Network) -> PlacedOut:
    return PlacedOut(
        sites=_sites(placement.there, network),
        ways=len(placement.branches),
        backup=[] if placement.backup is None else _sites(placement.backup.there, network),
        latency_ms=latency_ms,
    )


def _sites(way: tuple[LinkId, ...], network: Network) -> list[str]:
    """The sites on a way; none where the network has not all of its links any more."""
    links = [network.link[link] for link in way if link in network.link]
    return [links[0].tail, *(link.head for link in links)] if links and len(links) == len(way) else []
