"""What the optimiser would change: which services move where, in which steps, and what that gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from highroad.model.network import LinkId
from highroad.model.service import Placement, ServiceId, TenantId

PlanId = NewType("PlanId", str)


class Optimising(StrEnum):
    """What is done with a better plan for all that is carried."""

    OFF = "off"
    """Nothing is computed, and nobody is moved to make room."""
    ASK = "ask"
    """It is kept and shown, and waits for an operator's yes."""
    AUTO = "auto"
    """It is applied when it is worth it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Was:
    """A service as it was when a plan was made."""

    version: int
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFor:
    """What a plan holds for: the network, what is out of use or booked for a maintenance, where the services are that
    it moves, and what was free of the links that it brings something to, Mbit/s.
    """

    revision: int
    out_of_use: tuple[LinkId, ...]
    booked: tuple[str, ...]
    services: Mapping[ServiceId, Was]
    free_mbps: Mapping[LinkId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rearrangement:
    """What is decided on of a plan: steps, each of which is made when routers have confirmed the one before."""

    plan: PlanId
    made_for: MadeFor
    steps: tuple[Mapping[ServiceId, Placement], ...]

    def last_of(self, service: ServiceId) -> Placement | None:
        """Where a service is when all is done; None for who does not move."""
        found = None
        for step in self.steps:
            found = step.get(service, found)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What is made small: what is promised of the fullest link, as a share of its capacity and with the reserve for
    backups, of those that carry anybody who may be moved (`rest`: but for those that nobody can be moved off); then the
    mean latency one way, weighted by rate.
    """

    utilisation: float
    rest: float
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One service, and its latency before and after: the worse direction's, one way."""

    service: ServiceId
    tenant: TenantId
    rate_gbps: float
    was: Placement
    to: Placement
    before_ms: float
    after_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refilled:
    """A link whose load changes; `price` is by how much the fullest link would be less full for one more Gbit/s of it,
    0 where it is none that stands in the way.
    """

    link: LinkId
    capacity_gbps: float
    before_gbps: float
    after_gbps: float
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole plan.

    `bound` is the least utilisation of the fullest link that any plan could have, as proven, and `gap` how far above it
    this one is, as a share. It counts with room for backups if one risk group fails (`group`, empty where none says
    more); without any it is `bare_bound`. Nobody more can be moved off the links that are `stuck`; with those left out
    no plan is below `rest_bound`. `left` are services that would move too but have no order without harm, and why.
    `worth` is whether the gain is worth the change, in words in `verdict`.
    """

    id: PlanId
    made_s: float
    took_s: float
    services: int
    """How many were looked at, moved or not."""
    change: Rearrangement
    moves: tuple[Move, ...]
    left: Mapping[ServiceId, str]
    links: tuple[Refilled, ...]
    before: Score
    after: Score
    bound: float
    bare_bound: float
    group: str
    rest_bound: float
    gap: float
    stuck: tuple[LinkId, ...]
    worth: bool
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A plan that is being made real from now on."""

    id: PlanId
    services: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """How far a plan is that is being made real."""

    plan: PlanId
    moved: int
    services: int
    steps_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """What the optimiser does at the moment. `waits` is why nothing is planned now, in words; empty while it is."""

    mode: Optimising
    every_s: float
    least_gain: float
    moves_per_point: float
    plan: Plan | None = None
    stale: tuple[str, ...] = ()
    """What has changed since the plan was made: then it is not applied."""
    applied: bool = False
    """Whether it was applied already."""
    outcome: str = ""
    """What became of it then, in words."""
    doing: Doing | None = None
    waits: str = ""
    looked_s: float | None = None
    """When it was last looked whether anything is better."""
