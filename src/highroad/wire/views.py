"""What is free, what a link's calendar holds, and what a failure would do, as they travel."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Time


class FreeOut(Out):
    """A window, and the most that one order over just that window would be admitted with."""

    start: Time
    end: Time
    free_gbps: float


class CapacityOut(Out):
    """What is free between two ends, hour by hour."""

    a: str = Field(validation_alias="from", serialization_alias="from")
    b: str = Field(validation_alias="to", serialization_alias="to")
    latency_bound_ms: float | None
    fence: list[str] | None
    protection: str
    max_paths: int | None
    step_gbps: float = Field(description="Figures are whole multiples of this, or below it as they are.")
    hours: list[FreeOut] = Field(description="Whole hours of UTC; the first begins now if it has begun.")
    best: FreeOut | None = Field(
        description="The stretch of hours in which one order at one rate moves most; null where nothing is free."
    )


class EffectOut(Out):
    """What a failure would do to one service."""

    service: str
    tenant: str
    a: str = Field(validation_alias="from", serialization_alias="from", description="The site of its first end.")
    b: str = Field(validation_alias="to", serialization_alias="to")
    state: str = Field(description="Now.")
    bandwidth_gbps: float
    traffic_class: str
    outcome: str = Field(
        description="`dark`: nothing carries it. `slow`: carried past its bound. `moved`: to another path, dark "
        "until that carries. `backup`: at once along its backup, and perhaps from there to a path that has another. "
        "`stays`: carried as before, its backup is gone or another."
    )
    unprotected: bool = Field(description="It was protected, is carried, and would not survive the next failure.")
    latency_before_ms: float | None
    latency_after_ms: float | None
    sites: list[str] = Field(description="The way there then; empty if it is dark.")
    reason: str | None = Field(description="What would be said of it.")


class CountOut(Out):
    """How many services, and what they are guaranteed."""

    services: int
    gbps: float


class FilledOut(Out):
    """A link in use after the failure, at the time of the next week at which its calendar would keep most."""

    link: str
    at: Time
    capacity_gbps: float
    claimed_gbps: float
    reserve_gbps: float
    before_gbps: float = Field(description="The most of claims and reserve in that week as things are.")
    share: float = Field(description="Claims and reserve, of the capacity.")


class ClassOut(Out):
    """What is admitted of a traffic class, both ways counted, and what of it is carried."""

    traffic_class: str
    wanted_gbps: float
    carried_gbps: float


class ShortOut(Out):
    """What is not carried from one site to another."""

    a: str = Field(validation_alias="from", serialization_alias="from")
    b: str = Field(validation_alias="to", serialization_alias="to")
    gbps: float


class FitsOut(Out):
    """How much fits if everything is placed anew, along any ways inside its fence, the first class first."""

    utilisation: float = Field(description="Of the fullest link when all that has a way is carried; 1 is full.")
    utilisation_bound: float = Field(description="No plan stays below this.")
    grows_to: float | None = Field(description="So many times what is admitted now fits; null: without limit.")
    grows_to_bound: float | None = Field(description="No plan fits more.")
    lost_gbps: float = Field(description="Not carried at best.")
    cut_off_gbps: float = Field(description="Of that, what has no way left at all.")
    classes: list[ClassOut]
    short: list[ShortOut] = Field(description="Between which sites most is lost.")


class SentLinkOut(Out):
    """What is sent over a link."""

    link: str
    capacity_gbps: float
    sent_gbps: float
    before_gbps: float = Field(description="As things are.")
    share: float = Field(description="Of the capacity.")


class SentOut(Out):
    """The same of what services send, as it was measured, instead of what they are guaranteed."""

    over_s: float = Field(description="So long until now was looked at.")
    quantile: float = Field(description="In this share of it no more was sent than is counted with.")
    services: int = Field(description="That were measured.")
    guessed: int = Field(description="Others that count too, as guaranteed: nothing is known of them.")
    sent_gbps: float = Field(description="Of all of them, both ways counted, grown.")
    overloaded: int = Field(description="Links over which more is sent than they carry, as services are placed then.")
    fullest: list[SentLinkOut]
    planned: FitsOut | None = Field(default=None, description="If everything is placed anew; null for a failure alone.")
    without: FitsOut | None = Field(default=None, description="The same without what was added.")


class WhatIfOut(Out):
    """What would happen if something failed now."""

    cut: str
    fibres: list[str] = Field(description="Those that are not dark already.")
    links: list[str]
    services: int = Field(description="That hold capacity, in all.")
    counts: dict[str, CountOut] = Field(description="By outcome, and `unprotected` besides, whatever the outcome.")
    effects: list[EffectOut] = Field(
        description="The worst first, then in order of need; who is not here is untouched."
    )
    fullest: list[FilledOut] = Field(description="The links that would be fullest.")
    oversold: list[str] = Field(description="Links that would be promised above their capacity: none.")
    at_rest: bool = Field(description="Whether everything came to rest; else it is shown as it stood when given up.")
    sent: SentOut | None = Field(default=None, description="With `load=measured`: of what services send.")


class GrownOut(Out):
    """A link as things are placed now, with all that is kept of it grown."""

    link: str
    capacity_gbps: float
    kept_gbps: float = Field(description="Claims and reserve for backups.")
    before_gbps: float
    share: float = Field(description="Of the capacity.")


class OutlookOut(Out):
    """What would happen if what is admitted grew, or links were added."""

    growth: float
    added: list[str]
    cut: list[str]
    at: Time = Field(description="The time of the next week at which most is admitted: it is about that.")
    services: int = Field(description="That are open then.")
    wanted_gbps: float = Field(description="Of all of them, both ways counted, grown.")
    planned: FitsOut
    without: FitsOut | None = Field(description="The same without what was added; null where nothing was.")
    overloaded: int = Field(description="Links over their capacity as things are placed now.")
    fullest: list[GrownOut] = Field(description="The fullest as things are placed now.")
    sent: SentOut | None = Field(default=None, description="With `load=measured`: of what services send.")


class StepOut(Out):
    """A stretch of time in which nothing changes on a link. Capacity is claimed, kept in reserve, or free."""

    start: Time
    end: Time
    claimed_gbps: float
    reserve_gbps: float = Field(description="Kept for backups, shared by services that no single failure strikes.")
    free_gbps: float
    capacity_gbps: float


class ClaimOut(Out):
    """What a service holds of a link."""

    service: str
    tenant: str
    state: str
    use: str = Field(
        description="`carried` in its window, `leaving` until routers let go, `detour` that is booked for a "
        "maintenance, or `standby` of its backup."
    )
    rate_gbps: float
    start: Time | None = Field(description="Null: since before now.")
    end: Time | None = Field(description="Null: open.")


class ClosedOut(Out):
    """A time in which a maintenance keeps a link free."""

    maintenance: str
    target: str = Field(description="The fibre, the site or the risk group that is worked on.")
    start: Time
    end: Time | None = Field(description="Null: until somebody ends it.")


class LinkCalendarOut(Out):
    """What a link's calendar holds over a time, and who holds it."""

    link: str
    tail: str
    head: str
    capacity_gbps: float
    steps: list[StepOut]
    holders: list[ClaimOut] = Field(description="By start, the largest first.")
    closed: list[ClosedOut] = Field(
        default=[], description="Maintenances, going on or booked, by start: nothing is placed on it then."
    )


class TurnOut(Out):
    """Links of which something else is booked from an instant on."""

    at: Time
    links: dict[str, float] = Field(description="Gbit/s that are booked from then on.")


class ClosingOut(ClosedOut):
    """A time in which a maintenance keeps links free."""

    links: list[str]


class BookedOut(Out):
    """What the calendar has booked of every link at a moment to come, and what changes of that."""

    at: Time
    until: Time = Field(
        description="Changes are told until then: as asked for, or earlier where very many would be told at once."
    )
    links: dict[str, float] = Field(
        description="Gbit/s at that moment, by link, each direction by itself: guarantees, and the reserve for backups."
    )
    changes: list[TurnOut] = Field(description="After it, in order.")
    closed: list[ClosingOut] = Field(description="Maintenances of that time, going on or booked, by start.")
