"""Networks, reach and what the lab does, as they travel."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import In, Out, Time
from highroad.wire.measured import Measured


class SiteOut(Out):
    """A site."""

    id: str
    name: str
    kind: str
    lat: float
    lon: float
    jurisdiction: str
    operator: str | None = None
    carbon_g_per_kwh: float | None = None


class FibreOut(Out):
    """A fibre."""

    id: str
    a: str
    b: str
    length_km: float
    medium: str
    jurisdictions: list[str]
    risk_groups: list[str]


class LinkOut(Out):
    """A directed link, with what the calendar keeps on it now."""

    id: str
    tail: str
    head: str
    capacity_gbps: float
    latency_ms: float
    fibres: list[str]
    booked_gbps: float = Field(default=0.0, description="Guaranteed on it at this moment.")


class RiskGroupOut(Out):
    """What fails together."""

    id: str
    name: str
    failure_probability: float | None = None


class NetworkOut(Out):
    """The network in force. A tenant gets the sites; fibres and links are the operator's to see."""

    revision: int
    name: str
    assumptions: list[str]
    sites: list[SiteOut]
    fibres: list[FibreOut]
    links: list[LinkOut]
    risk_groups: list[RiskGroupOut]


class RingOut(Out):
    """Where users may be and still make the round trip: a circle about a site through which they enter."""

    site: str
    serves: str
    radius_km: float


class ReachOut(Out):
    """The population within a round trip of a site of a kind, over the network as it stands."""

    rtt_ms: float
    kind: str
    population_total: int
    population_within: int
    share: float
    without: list[str] = Field(description="Fibres left out: those that are dark now, and those asked to be.")
    by_site: dict[str, int]
    rings: list[RingOut]
    farthest: list[str] = Field(description="The largest cities that are not within it.")


class CutIn(In):
    """A fibre to cut."""

    fibre: str
    silent: bool = Field(default=False, description="Without loss of light: nothing arrives, and no port goes down.")
    one_way: str | None = Field(
        default=None,
        description="Only in this direction, as `a>b` of the fibre's ends or a link over it; light stays on.",
    )
    loss: float = Field(
        default=1.0, gt=0, le=1, description="The share of packets that is lost; below 1 light stays on."
    )


class CutOut(Out):
    """A fibre that is cut."""

    fibre: str
    since: Time
    silent: bool = False
    one_way: str | None = Field(default=None, description="From one end of the fibre to the other; null for both ways.")
    loss: float = Field(default=1.0, description="The share of packets that is lost.")


class GroupCutIn(In):
    """A risk group to cut: every fibre of it at once."""

    risk_group: str
    silent: bool = Field(default=False, description="Without loss of light: nothing arrives, and no port goes down.")
    loss: float = Field(
        default=1.0, gt=0, le=1, description="The share of packets that is lost; below 1 light stays on."
    )


class GroupCutOut(Out):
    """A risk group that is cut."""

    risk_group: str
    name: str
    fibres: list[str]
    since: Time
    silent: bool = False
    loss: float = Field(default=1.0, description="The share of packets that is lost.")


class RouterDownIn(In):
    """A router to kill."""

    site: str
    silent: bool = Field(default=False, description="Without loss of light: nothing passes, and no port goes down.")


class RouterOut(Out):
    """A router of the lab."""

    site: str
    name: str
    up: bool
    killed: Time | None = Field(default=None, description="Since when.")
    note: str = ""
    silent: bool = Field(default=False, description="Whether the light of its ports stayed on when it was killed.")


class LoadIn(In):
    """What a service's hosts are to offer."""

    offered_gbps: float | None = Field(description="Each way; null for the lab's own traffic.")


class LoadOut(Out):
    """What a service's hosts offer from now on, where they were told."""

    service: str
    offered_gbps: float | None


class HostOut(Out):
    """The customer's host behind a port of the lab."""

    port: str
    site: str
    namespace: str = Field(description="The network namespace that it is.")


class LabOut(Measured):
    """The lab as it stands."""

    cuts: list[CutOut]
    groups: list[GroupCutOut] = Field(default=[], description="Risk groups that are cut as a whole.")
    routers: list[RouterOut] = Field(default=[])
    hosts: list[HostOut] = Field(default=[], description="By port; none where hosts are modelled.")


class LocalRepairOut(Out):
    """Where what is to go over a link goes in the moment it is lost, for the services of one fence."""

    link: str
    fence: list[str] | None = Field(description="Null: for services without one.")
    links: list[str] | None = Field(description="The way around. Null: there is none, and traffic is dropped there.")
    latency_ms: float | None = Field(description="Of the way around.")


class LocalRepairsOut(Out):
    """Every link that a service may go over, for each fence of such services."""

    items: list[LocalRepairOut]
