"""Orders, services, refusals and counter-offers as they travel."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from highroad.model.lifecycle import State
from highroad.model.service import Protection, ServiceKind, TrafficClass
from highroad.wire.base import In, Out, Page, Time
from highroad.wire.measured import Measured


class EndIn(In):
    """One end of an order, in full. A plain string in its place is a site or a port."""

    at: str = Field(description="A port of yours, or a site where you have one.")
    vlan: int | None = Field(
        default=None, description="VLAN tag, 1 to 4094; one that is free is found if you give none."
    )
    whole_port: bool = Field(default=False, description="Take the port untagged, for this service alone.")
    prefixes: list[str] = Field(default=[], description="For `ip`: the prefixes behind this end, e.g. `10.1.0.0/16`.")


class OrderIn(In):
    """Connectivity between two ends: everything but the ends and the bandwidth may be left out."""

    a: str | EndIn = Field(
        validation_alias="from", serialization_alias="from", description="A site or a port, or an end in full."
    )
    b: str | EndIn = Field(
        validation_alias="to", serialization_alias="to", description="A site or a port, or an end in full."
    )
    bandwidth_gbps: float = Field(description="Guaranteed each way; sold in steps of 0.001.")
    burst_gbps: float | None = Field(
        default=None, description="Up to so much where there is room; at least the guarantee."
    )
    latency_bound_ms: float | None = Field(default=None, description="One way, held in both directions.")
    fence: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="The only jurisdictions that it may touch: ISO 3166 (`US`, `US-CO`) or `EU`."
    )
    start: Time | None = Field(default=None, description="Now if left out.")
    end: Time | None = Field(default=None, description="Open if left out.")
    kind: ServiceKind = ServiceKind.IP
    traffic_class: TrafficClass = TrafficClass.ASSURED
    protection: Protection = Protection.NONE
    description: str = ""


class ServiceChangeIn(In):
    """What may be changed in place. Left out stays as it is."""

    bandwidth_gbps: float | None = None
    protection: Protection | None = None
    description: str | None = None


class EndOut(Out):
    """One end of a service."""

    site: str
    port: str
    vlan: int | None = Field(
        description="Its VLAN tag; null for a whole port, and in a lab, where every end is an interface of its own."
    )
    whole_port: bool
    prefixes: list[str]


class PathOut(Out):
    """One direction: the sites that it passes, its links, its latency one way."""

    sites: list[str]
    links: list[str]
    latency_ms: float
    length_km: float
    jurisdictions: list[str]


class BackupOut(Out):
    """The ways that are kept for when a path fails: they share no risk group with it."""

    there: PathOut | None
    back: PathOut | None


class ServiceOut(Out):
    """A service as it stands. `version` is its ETag."""

    id: str
    version: int
    state: State
    reason: str | None
    tenant: str
    a: EndOut = Field(validation_alias="from", serialization_alias="from")
    b: EndOut = Field(validation_alias="to", serialization_alias="to")
    bandwidth_gbps: float
    burst_gbps: float | None
    latency_bound_ms: float | None
    fence: list[str] | None
    start: Time
    end: Time | None
    kind: ServiceKind
    traffic_class: TrafficClass
    protection: Protection
    description: str
    there: PathOut | None
    back: PathOut | None
    backup: BackupOut | None = Field(
        default=None, description="Of a protected service: where it goes when its path fails. Null while it has none."
    )
    created: Time
    changed: Time


class PreviewOut(Out):
    """What `dry_run` answers: what would be, had it been meant."""

    dry_run: bool = True
    service: ServiceOut
    message: str


class CountersOut(Measured):
    """What was carried of a service, both directions together, and how it goes now."""

    at: Time
    offered_bytes: int
    carried_bytes: int
    lost_bytes: int
    dark_ms: float
    offered_gbps: float
    carried_gbps_there: float
    carried_gbps_back: float
    latency_ms_there: float | None = Field(description="One way, of what arrives; null while nothing does.")
    latency_ms_back: float | None = Field(description="Likewise.")


class ServicePage(Page):
    """Services by id."""

    items: list[ServiceOut]


class BindingOut(Out):
    """The constraint that stands in the way, where and when."""

    constraint: str = Field(description="`capacity`, `latency`, `fence`, `port`, `vlan`, `path` or `protection`.")
    message: str
    link: str | None = None
    site: str | None = None
    at: Time | None = None
    available_gbps: float | None = None
    least_latency_ms: float | None = None
    outside: list[str] = Field(default=[])
    risk_groups: list[str] = Field(default=[], description="What a path and a backup cannot both avoid.")


class OfferOut(Out):
    """What you can have instead: POST `order` as it is and it is admitted, if nobody was faster."""

    message: str
    changes: dict[str, Any]
    order: dict[str, Any]
    latency_ms: float
