"""What clients ask of the optimiser; each client has it beside its own."""

from __future__ import annotations

from typing import TypeVar

from highroad.client.calls import Ask, get, name, reader
from highroad.client.delivered import AsyncDelivered, Delivered
from highroad.wire.plans import AppliedOut, OptimiserOut, PlanDiffOut

T = TypeVar("T")


class Planned(Delivered):
    """Of a client that waits."""

    def plan(self) -> OptimiserOut:
        """What the optimiser does, and its newest plan."""
        return self.send(_plan())

    def plan_diff(self, plan_id: str) -> PlanDiffOut:
        """A plan against what is: links, services, steps."""
        return self.send(_diff(plan_id))

    def apply_plan(self, plan_id: str) -> AppliedOut:
        """Apply a plan: services are moved step by step, losing nothing. Raises Conflict where it is stale."""
        return self.send(_apply(plan_id))


class AsyncPlanned(AsyncDelivered):
    """Of a client that awaits."""

    async def plan(self) -> OptimiserOut:
        """What the optimiser does, and its newest plan."""
        return await self.send(_plan())

    async def plan_diff(self, plan_id: str) -> PlanDiffOut:
        """A plan against what is: links, services, steps."""
        return await self.send(_diff(plan_id))

    async def apply_plan(self, plan_id: str) -> AppliedOut:
        """Apply a plan: services are moved step by step, losing nothing. Raises Conflict where it is stale."""
        return await self.send(_apply(plan_id))


def _plan() -> Ask[OptimiserOut]:
    return get("/v1/plan", OptimiserOut)


def _diff(plan_id: str) -> Ask[PlanDiffOut]:
    return get(f"/v1/plan/{name(plan_id)}", PlanDiffOut)


def _apply(plan_id: str) -> Ask[AppliedOut]:
    return Ask(method="POST", path=f"/v1/plan/{name(plan_id)}/apply", read=reader(AppliedOut), repeatable=False)
