"""What was decided, and decided again, as it travels."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from highroad.wire.base import Out, Time


class ReplayedOut(Out):
    """One line of what was decided again."""

    at: Time
    commit: int
    what: str = Field(description="`noticed`, `moved`, `state` or `asked` (of routers).")
    text: str
    service: str | None


class DifferenceOut(Out):
    """Where a decision came out otherwise."""

    commit: int
    what: str


class ReplayOut(Out):
    """An incident, decided again from what the flight recorder noted."""

    incident: str
    identical: bool = Field(description="Whether all of it was decided again and came out as it was, byte for byte.")
    first_commit: int = Field(description="Where the replay began: where nothing was half done.")
    opened_commit: int = Field(description="The commit in which the incident opened.")
    closed_commit: int | None = Field(description="The one in which it closed; null where it is open.")
    last_commit: int = Field(description="The last one that was decided again.")
    commits: int
    decisions: int
    asked: int = Field(description="How often it was worked out again what routers were asked for.")
    differences: list[DifferenceOut] = Field(description="The first ones.")
    stopped: str = Field(description="Why the replay ended before the incident did; empty where it did not.")
    timeline: list[ReplayedOut]
    more: int = Field(description="Lines that the time line has besides.")


class HappenedOut(Out):
    """An event of a service."""

    at: Time
    sequence: int
    commit: int | None = Field(
        description="The commit that it is of, for operators; null where the journal does not reach back."
    )
    type: str
    data: dict[str, Any]


class WayOut(Out):
    """A way that there was, and what became of it."""

    sites: list[str]
    latency_ms: float | None = Field(description="Null where it stands for several, of which a tenant is not told.")
    verdict: str = Field(
        description="`chosen`, `backup`, or what stood against it: `fence`, `down`, `closed`, `latency`, `full`, "
        "`unprotected`, `shares` (a risk, as a backup), `slower`, `dearer` (fuller)."
    )
    text: str


class DecisionOut(Out):
    """The decision that placed a service, made again."""

    at: Time
    commit: int | None = Field(description="The revision of the calendar that it made, for operators.")
    network_revision: int
    asked: str
    bandwidth_gbps: float
    latency_bound_ms: float | None
    fence: list[str] | None
    protection: str
    before: bool = Field(description="Whether it had a path before.")
    latency_ms: float
    ways: list[WayOut] = Field(description="The shortest ways whatever was on them, and those that were chosen.")
    rule: str
    first_commit: int | None = Field(description="Where the replay began that made it again, for operators.")
    identical: bool = Field(description="Whether its commit came out as it was, byte for byte.")


class ExplanationOut(Out):
    """What happened to a service, and why it is where it is."""

    service: str
    events: list[HappenedOut] = Field(description="The newest 50 at most.")
    earlier: int = Field(description="How many there were before.")
    decision: DecisionOut | None
    missing: str = Field(description="Why there is no decision; empty where there is one.")
