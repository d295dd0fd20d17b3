"""What doors ask of the optimiser; the desk has it beside its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from highroad.control.commands import ApplyPlan, Command
from highroad.control.deeds import ReadPlan
from highroad.errors import Conflict, NotFound
from highroad.model.plan import Applied, Optimiser, Optimising, PlanId

T = TypeVar("T")


class Planned(ABC):
    """Of a desk."""

    @abstractmethod
    async def do(self, command: Command[T]) -> T:
        """The desk's own."""

    async def plan(self, plan: PlanId | None = None) -> Optimiser:
        """What the optimiser does, with its newest plan or one of the last. Raises NotFound."""
        return await self.do(ReadPlan(plan=plan))

    async def apply_plan(self, plan: PlanId) -> Applied:
        """Begin to make a plan real. Raises NotFound, PlanStale with what has changed, Frozen, Conflict."""
        found = await self.plan(plan)
        if found.plan is None:
            raise NotFound(f"there is no plan {plan[:100]}")
        if found.mode is Optimising.OFF:
            raise Conflict("the optimiser is off: HIGHROAD_OPTIMISE says so")
        if found.applied:
            raise Conflict(f"{plan} was applied already{f': {found.outcome}' if found.outcome else ''}")
        return await self.do(ApplyPlan(change=found.plan.change))
