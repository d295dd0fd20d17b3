"""Incidents, maintenances, tenants, ports, tokens, events and live samples as they travel."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from highroad.wire.base import In, Out, Page, Time
from highroad.wire.measured import Measured


class EntryOut(Out):
    """One line of a time line."""

    at: Time
    phase: str
    text: str
    service: str | None


class OutageOut(Out):
    """How long one service was dark, counted at the far end."""

    service: str
    dark_ms: float
    healed: bool


class IncidentOut(Out):
    """A failure, from the first sign to the return of what it moved."""

    id: str
    open: bool
    fibres: list[str]
    opened: Time
    closed: Time | None
    timeline: list[EntryOut]
    outages: list[OutageOut]


class IncidentPage(Page):
    """Incidents, the newest first."""

    items: list[IncidentOut]


class MaintenanceIn(In):
    """What to drain: a fibre, a site, or a risk group."""

    target: str


class MaintenanceOut(Out):
    """A drain: how far it is, what it moved, what it could not move."""

    id: str
    target: str
    fibres: list[str]
    state: str
    started: Time
    ended: Time | None
    moved: list[str]
    stuck: list[str]


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


class TenantOut(Out):
    """A customer."""

    id: str
    name: str


class TenantPage(Page):
    """Customers by id."""

    items: list[TenantOut]


class PortIn(In):
    """A port to give a tenant."""

    id: str | None = Field(default=None, description="Made of the tenant and the site if left out.")
    tenant: str
    site: str
    rate_gbps: float
    mtu_bytes: int = 9000


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
    """A token to issue: for a tenant, or for an operator if none is named."""

    tenant: str | None = None
    label: str = ""


class TokenOut(Out):
    """A token as it is listed: never the secret."""

    id: str
    tenant: str | None
    label: str
    created: Time
    revoked: Time | None


class TokenIssuedOut(TokenOut):
    """A token as it is issued: the secret is shown this once."""

    token: str


class TokenPage(Page):
    """Tokens by id."""

    items: list[TokenOut]


class WhoOut(Out):
    """Who the caller is."""

    role: str
    tenant: str | None


class EventOut(Out):
    """A CloudEvent (1.0). `sequence` is its place in the one order."""

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
    sequence: int = Field(description="The last event that this sample knows of.")
    links: dict[str, float] = Field(description="Gbit/s carried, by link.")
    fibres_down: list[str]
    fibres_drained: list[str]
    frozen: str | None = Field(description="In a sentence, that planned changes are frozen; null where they are not.")
    services: dict[str, ServiceRateOut]


class SessionIn(In):
    """What the page signs in with: a token, or the code that `highroad up` printed."""

    token: str | None = None
    code: str | None = None


class HealthOut(Out):
    """Whether the controller is there, and whether it takes work."""

    status: str = Field(description="`ok`, or what is missing.")
    version: str
