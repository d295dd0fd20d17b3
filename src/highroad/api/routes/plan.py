"""The optimiser's plan for all that is carried: what would be better, and doing it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from highroad.api.access import OPERATOR, Call, Guarded, allow
from highroad.api.answers import answer
from highroad.api.shapes.plans import applied_out, optimiser_out, plan_diff_out
from highroad.errors import NotFound
from highroad.model.plan import PlanId
from highroad.wire.plans import AppliedOut, OptimiserOut, PlanDiffOut

router = APIRouter(prefix="/v1/plan", tags=["plan"], route_class=Guarded)


@router.get(
    "",
    response_model=OptimiserOut,
    summary="What the optimiser does, and its newest plan",
    description="Every few seconds, and at once after a repair, a better placement of everything that is carried is "
    "looked for: the fullest link less full, then less latency, with few moves; inside every bound, fence and "
    "protection. It is kept with a proof of how far from the best it is at most. With `HIGHROAD_OPTIMISE=auto` what is "
    "worth its moves is applied, with `ask` it waits for `POST /v1/plan/{plan_id}/apply`, with `off` nothing is "
    "planned.",
    **allow(OPERATOR),
)
async def show(call: Call) -> Response:
    return answer(optimiser_out(await call.controller.plan()))


@router.get(
    "/{plan_id}",
    response_model=PlanDiffOut,
    summary="A plan against what is",
    description="Every link whose load would change, every service that would be moved, from where to where and in "
    "which step, and who would be moved too but has no order without harm. The last twenty plans are kept.",
    **allow(OPERATOR, problems=("not-found",)),
)
async def diff(call: Call, plan_id: str) -> Response:
    found = await call.controller.plan(PlanId(plan_id))
    if found.plan is None:
        raise NotFound(f"there is no plan {plan_id[:100]}")
    return answer(plan_diff_out(found.plan, found, await call.controller.settled()))


@router.post(
    "/{plan_id}/apply",
    response_model=AppliedOut,
    status_code=202,
    summary="Apply a plan",
    description="Services are moved step by step, make-before-break, inside the blast radius, a canary first; what "
    "counters find harmful is rolled back and freezes changes. Refused as a whole, with what has changed in `changed`, "
    "where the network or the calendar is not what the plan was made for any more; while changes are frozen; and while "
    "something is being repaired, or another change is made in steps.",
    **allow(OPERATOR, problems=("not-found", "conflict", "plan-stale", "frozen")),
)
async def apply(call: Call, plan_id: str) -> Response:
    return answer(applied_out(await call.controller.apply_plan(PlanId(plan_id))), 202)
