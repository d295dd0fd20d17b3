"""What the optimiser would change, as it travels."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Time


class ScoreOut(Out):
    """What a plan makes small, in this order."""

    utilisation: float = Field(
        description="Of the fullest link that carries anybody who may be moved: what is promised, the reserve for "
        "backups included, as a share of its capacity."
    )
    rest: float = Field(description="The same but for links that are `stuck` and stay as they are.")
    latency_ms: float = Field(description="One way, on average, weighted by rate.")


class PlanOut(Out):
    """A plan for all that is carried."""

    id: str
    made: Time
    took_s: float = Field(description="How long it took to find.")
    services: int = Field(description="That are carried, moved or not.")
    moves: int = Field(description="How many would be moved.")
    steps: int = Field(description="In how many steps; each begins when routers have confirmed the one before.")
    left: int = Field(description="How many would be moved too, but have no order without harm.")
    before: ScoreOut
    after: ScoreOut
    bound: float = Field(
        description="The least `utilisation` that any plan could have, proven over all ways inside fences, split at "
        "will, whatever their latency, with room for the backups of those whom `bound_group` would strike."
    )
    bare_bound: float = Field(
        description="The same without room for any backup: all backups together cost no more than what is between it "
        "and `utilisation`."
    )
    bound_group: str = Field(description="The risk group that the proof stands on; empty where none says more.")
    rest_bound: float = Field(
        description="The same where the links that are `stuck` are left out, and may be as full as one likes."
    )
    gap: float = Field(description="How far from `bound` this plan is at most, as a share of its `utilisation`.")
    stuck: list[str] = Field(description="Links that nobody more can be moved off.")
    worth: bool = Field(description="Whether the gain is worth the moves: then `auto` applies it.")
    verdict: str = Field(description="Why, in words.")
    stale: list[str] = Field(description="What it was made for and is not so any more: then it is not applied.")
    applied: bool = Field(description="Whether it was applied already.")
    outcome: str = Field(description="What became of it then, in words; empty before that.")


class DoingOut(Out):
    """How far a plan is that is being applied."""

    plan: str
    moved: int
    services: int
    steps_left: int


class OptimiserOut(Out):
    """What the optimiser does, and its newest plan."""

    mode: str = Field(
        description="`off`: nothing is planned. `ask`: it waits for a yes. `auto`: what is worth it is done."
    )
    every_s: float = Field(description="How often it looks, besides at once after a repair.")
    least_gain: float = Field(description="By how much less full the fullest link has to be to be worth any move.")
    moves_per_point: float = Field(description="So many moves at most for each hundredth.")
    waits: str = Field(description="What goes before a plan now, in words; empty where nothing does.")
    looked: Time | None = Field(description="When it last looked.")
    doing: DoingOut | None = Field(description="The plan that is being applied, if one is.")
    plan: PlanOut | None = Field(description="The newest; null before there is one.")

    @property
    def worth_it(self) -> bool:
        """Whether there is a plan that is worth its moves and can be applied."""
        plan = self.plan
        return plan is not None and plan.worth and not plan.applied and not plan.stale


class PlacedOut(Out):
    """Where a service is carried: the sites there, and those of its backup where it has one."""

    sites: list[str]
    ways: int = Field(description="On how many ways at a time: `sites` is the first.")
    backup: list[str]
    latency_ms: float = Field(description="The worse direction's, one way.")


class MoveOut(Out):
    """A service that would be moved."""

    service: str
    tenant: str
    bandwidth_gbps: float
    step: int = Field(description="In which step, from 1.")
    before: PlacedOut
    after: PlacedOut


class RefilledOut(Out):
    """A link whose load would change: claims and reserve."""

    link: str
    capacity_gbps: float
    before_gbps: float
    after_gbps: float
    price: float = Field(
        description="By how much `utilisation` would fall for one more Gbit/s of it, as far as the bound tells: where "
        "it is not 0, the link is one that stands in the way."
    )


class LeftOut(Out):
    """A service that would be moved too."""

    service: str
    why: str


class PlanDiffOut(Out):
    """A plan against what is."""

    plan: PlanOut
    links: list[RefilledOut] = Field(description="The fullest first.")
    moves: list[MoveOut] = Field(description="In the order of the steps.")
    left: list[LeftOut]


class AppliedOut(Out):
    """A plan that is being applied from now on."""

    id: str
    services: int
    steps: int
