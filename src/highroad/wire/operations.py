"""Incidents, maintenances, tenants, ports, tokens, events and live samples as they travel."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from highroad.model.incident import LEAD_S
from highroad.wire.base import In, Out, Page, Time, Whole
from highroad.wire.measured import Measured
from highroad.wire.services import PathOut


class EntryOut(Out):
    """One line of a time line."""

    at: Time
    phase: str
    text: str
    service: str | None


class OutageOut(Out):
    """How long one service was dark, counted at the far end."""

    service: str
    dark_ms: float | None = Field(
        description="0 where it was seen not to be dark. Null while it is dark; where packets are too far apart; "
        "and where nothing was measured: it sent nothing, or ended in the dark."
    )
    less_than_ms: float | None = Field(
        default=None, description="Then it was dark for less than this: three times the time between two packets."
    )
    healed: bool


class FaultOut(Out):
    """What was wrong with one fibre, and whether it is good again. `in_use` once it has been good for `wait_s`."""

    fibre: str
    reason: str = Field(
        description="`light`: no light comes in; `silent`: light, and no hello; `one-way`: hellos one way only; "
        "`loss`: too many are lost."
    )
    since: Time
    back: Time | None = Field(description="Since when it is good again; null while it is not.")
    wait_s: float = Field(description="For how long it has to be good before it is used again.")
    in_use: bool
    failed_again: int = Field(description="How often it had failed again too soon before: then it waits longer.")
    repaired_at: list[str] = Field(description="The routers that carried on around it by themselves.")


class IncidentOut(Out):
    """A failure, from the first sign to the return of what it moved."""

    id: str
    open: bool
    title: str = Field(description="What failed, in words: a fibre, a conduit, a router.")
    fibres: list[str]
    opened: Time
    closed: Time | None
    timeline: list[EntryOut]
    outages: list[OutageOut]
    faults: list[FaultOut]
    protected: int = Field(description="How many protected services lost their path or their backup to it.")
    unprotected: list[str] = Field(description="Those of them that are not protected again.")
    shed: list[str] = Field(description="Services that stand back because there is too little for all.")


class IncidentPage(Page):
    """Incidents, the newest first."""

    items: list[IncidentOut]


class MaintenanceIn(In):
    """What to drain, a fibre, a site, or a risk group, and when: at once, and until somebody ends it, if left out."""

    target: str
    start: Time | None = Field(default=None, description="From when on nothing may be on it; at once if left out.")
    end: Time | None = Field(default=None, description="When it ends by itself; open if left out.")
    lead_s: float = Field(
        default=LEAD_S,
        description="For how long before the start services may be on the move, and after the end on the way home.",
    )


class GoesOut(Out):
    """A service that would go elsewhere; where `before` and `after` are the same it would have another backup."""

    service: str
    tenant: str
    bandwidth_gbps: float
    before: list[PathOut] = Field(description="Its ways there, as they are: several where it is split.")
    after: list[PathOut] = Field(description="Its ways there, as they would be.")
    latency_before_ms: float | None = Field(
        description="The worse direction's, one way; null where nothing carries it."
    )
    latency_after_ms: float | None
    unprotected: bool = Field(description="It is protected, and would not survive a failure there.")


class ShiftedOut(Out):
    """A link, with what it carries and what it would."""

    link: str
    capacity_gbps: float
    before_gbps: float = Field(description="As last measured.")
    after_gbps: float = Field(
        description="With the traffic of now: each service that moves carries there what it was last measured to carry."
    )


class EmptiedOut(Out):
    """What a drain would do to services and links."""

    links: list[str] = Field(description="That it keeps free.")
    goes: list[GoesOut]
    shifted: list[ShiftedOut] = Field(description="`links`, and every other link whose load would change.")


class MaintenanceOut(Out):
    """A drain: how far it is, what it moved, what it could not move, and, in `note`, what went wrong."""

    id: str
    target: str
    fibres: list[str]
    state: str
    started: Time = Field(description="When it was asked for.")
    start: Time | None = Field(description="From when on nothing may be on it, if that is booked.")
    end: Time | None = Field(description="When it ends by itself.")
    lead_s: float
    ended: Time | None
    moving: list[str] = Field(description="Services that have a detour booked for its time.")
    moved: list[str]
    stuck: list[str] = Field(description="Services that cannot be moved inside their promises.")
    because: dict[str, str] = Field(description="Why, of each that is stuck.")
    note: str = ""
    would: EmptiedOut | None = Field(default=None, description="With `dry_run`: what it would do, drawn up.")


class MaintenancePage(Page):
    """Maintenances, the newest first."""

    items: list[MaintenanceOut]


class FreezeIn(In):
    """Why changes are frozen."""

    reason: str = Field(default="", description="For operators.")


class FreezeOut(Out):
    """Whether planned changes on routers are frozen; `text` is that in a sentence, empty where they are not."""

    frozen: bool
    since: Time | None
    reason: str
    text: str


class TenantIn(In):
    """A customer to add."""

    id: str = Field(description="Lower-case letters, digits and hyphens.")
    name: str


class QuotaIn(In):
    """How much a tenant may have. What is left out stays as it is; null takes a limit away."""

    services: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="Services that have not ended, holds included."
    )
    gbps: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Guaranteed Gbit/s at any one instant: the sum over the services whose windows have it.",
    )
    ports: Whole | None = Field(default=None, ge=0, le=1_000_000)
    tokens: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="Tokens that are neither revoked nor over."
    )
    webhooks: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="In place of the 20 that everybody may have."
    )
    holds: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="At once, in place of the 20 that everybody may have."
    )


class UsedOut(Out):
    """How much of something there is, and how much there may be; null for no limit of the tenant's own."""

    used: int
    allowed: int | None


class UsedRateOut(Out):
    """The same of a rate in Gbit/s: `used` is the most that is promised at any instant from now on."""

    used: float
    allowed: float | None


class QuotaOut(Out):
    """What a tenant has and may have. What is over its limit, which was lowered since, lives on."""

    services: UsedOut
    gbps: UsedRateOut
    ports: UsedOut
    tokens: UsedOut
    webhooks: UsedOut
    holds: UsedOut


class TenantOut(Out):
    """A customer."""

    id: str
    name: str
    quota: QuotaOut


class TenantPage(Page):
    """Customers by id."""

    items: list[TenantOut]


class PortIn(In):
    """A port to give a tenant."""

    id: str | None = Field(default=None, description="Made of the tenant and the site if left out.")
    tenant: str
    site: str
    rate_gbps: float
    mtu_bytes: Whole = 9000


class PortOut(Out):
    """Where a tenant plugs in."""

    id: str
    tenant: str
    site: str
    rate_gbps: float
    mtu_bytes: int


class PortPage(Page):
    """Ports by id."""

    items: list[PortOut]


class TokenIn(In):
    """A token to issue: for a tenant, or for who runs the network if none is named."""

    tenant: str | None = None
    label: str = ""
    role: Literal["operator", "engineer", "admin", "member", "viewer"] | None = Field(
        default=None, description="`member` if a tenant is named, else `operator`, if left out."
    )
    scopes: list[str] | None = Field(
        default=None,
        description="What it may be used for of what its role may do, such as `services:read`; what it may change it "
        "may look at. Everything that the issuing token may, if left out.",
        max_length=100,
    )
    expires_s: float | None = Field(
        default=None, description="For how many seconds it is good; as long as the issuing token if left out."
    )


class TokenOut(Out):
    """A token as it is listed: never the secret."""

    id: str
    tenant: str | None
    label: str
    created: Time
    revoked: Time | None
    role: str = Field(default="", description="What it may do.")
    scopes: list[str] | None = Field(default=None, description="What it is narrowed to; null for all of its role.")
    expires: Time | None = Field(default=None, description="When it is no longer good.")
    used: Time | None = Field(default=None, description="When it was last used, to the hour.")
    issued_by: str | None = Field(default=None, description="The token that issued it.")


class TokenIssuedOut(TokenOut):
    """A token as it is issued: the secret is shown this once."""

    token: str


class TokenPage(Page):
    """Tokens by id."""

    items: list[TokenOut]


class LeaderOut(Out):
    """Which of several processes leads: the one that decides and drives routers. `here` where it is the one asked."""

    process: str
    epoch: int
    since: Time
    here: bool


class WhoOut(Out):
    """Who the caller is; for who runs the network also who leads, where several processes share a database."""

    role: str
    tenant: str | None
    scopes: list[str] | None = None
    expires: Time | None = None
    leader: LeaderOut | None = None


class SignInOut(Out):
    """How one signs in at the page."""

    openid: bool = Field(description="At an identity provider, beside with a token.")


class EventOut(Out):
    """A CloudEvent (1.0). `id` is the same for whoever sees it; `sequence`, an extension attribute, is its place in the
    sequence of who looks, which has no gaps: a tenant's own, or all for operators.
    """

    specversion: str = "1.0"
    id: str
    source: str = "/v1"
    type: str
    subject: str
    time: Time
    datacontenttype: str = "application/json"
    sequence: int
    tenant: str | None
    data: dict[str, Any]


class EventPage(Page):
    """Events in order. `next_cursor` is the sequence to go on from, always given."""

    items: list[EventOut]


class ServiceRateOut(Out):
    """A service in a sample."""

    state: str
    offered_gbps: float
    carried_gbps_there: float
    carried_gbps_back: float
    latency_ms_there: float | None
    latency_ms_back: float | None
    dark_ms: float
    lost_bytes: int


class SampleOut(Measured):
    """Everything that moves, at one instant. A tenant's has its own services only."""

    at: Time
    sequence: int = Field(description="The last event that this sample knows of, by its place.")
    links: dict[str, float] = Field(description="Gbit/s carried, by link.")
    fibres_down: list[str]
    fibres_drained: list[str]
    frozen: str | None = Field(description="In a sentence, that planned changes are frozen; null where they are not.")
    services: dict[str, ServiceRateOut]


class RatesOut(Out):
    """Services of which something is told, column by column, in one order: what `ServiceRateOut` says of each."""

    services: list[str]
    state: list[str]
    offered_gbps: list[float]
    carried_gbps_there: list[float]
    carried_gbps_back: list[float]
    latency_ms_there: list[float | None]
    latency_ms_back: list[float | None]
    dark_ms: list[float]
    lost_bytes: list[int]


class ChangesOut(Measured):
    """What of a sample differs, visibly, from what the stream told before. A tenant's has its own services only."""

    at: Time
    sequence: int = Field(description="The last event that this sample knows of, by its place.")
    whole: bool = Field(description="Everything is told: what was before is forgotten. So begins each stream.")
    fibres_down: list[str] = Field(description="All of them.")
    fibres_drained: list[str] = Field(description="All of them.")
    frozen: str | None = Field(description="In a sentence, that planned changes are frozen; null where they are not.")
    links: dict[str, float] = Field(description="Gbit/s carried, by link.")
    links_gone: list[str]
    services: RatesOut
    services_gone: list[str] = Field(description="That are not there any more, told of before or not.")


class SessionIn(In):
    """What the page signs in with: a token, or the code that `highroad up` printed."""

    token: str | None = None
    code: str | None = None


class HealthOut(Out):
    """Whether the controller is there, and whether it takes work."""

    status: str = Field(description="`ok`; what is amiss is answered as a problem.")
    version: str
    checks: dict[str, str] = Field(default={}, description="What was looked at: `ok`, each.")
    lag_ms: float | None = Field(default=None, description="How late the event loop was when last looked.")
