"""Orders, services, refusals and counter-offers as they travel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from highroad.model.lifecycle import State
from highroad.model.service import Protection, ServiceKind, TrafficClass
from highroad.wire.base import In, Out, Page, Sparse, Time, Whole
from highroad.wire.measured import Measured


class EndIn(In):
    """One end of an order, in full. A plain string in its place is a site or a port."""

    at: str = Field(description="A port of yours, or a site where you have one.")
    vlan: Whole | None = Field(
        default=None, description="VLAN tag, 1 to 4094; one that is free is found if you give none."
    )
    whole_port: bool = Field(default=False, description="Take the port untagged, for this service alone.")
    prefixes: list[str] = Field(default=[], description="For `ip`: the prefixes behind this end, e.g. `10.1.0.0/16`.")


class WindowIn(In):
    """One of several windows."""

    start: Time
    end: Time


class RecurrenceIn(In):
    """A window that comes again, by a rule of RFC 5545 and the clocks of a time zone."""

    rule: str = Field(description="RFC 5545, 3.3.10: `FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR`.")
    time_zone: str = Field(description="IANA: `Europe/Berlin`.")
    start: datetime = Field(description="The first start by the clock there, without an offset: `2027-01-04T18:00`.")
    duration_s: float = Field(description="How long each lasts, elapsed seconds.")


class AutoscaleIn(In):
    """A rule by which the guarantee follows the load; each step is admitted like an order, and raises the version."""

    floor_gbps: float = Field(description="Never below this.")
    ceiling_gbps: float = Field(description="Never above this; a burst has to be at least as much.")


class OrderIn(In):
    """Connectivity between two ends: everything but the ends and the bandwidth may be left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["bandwidth_gbps"], "properties": {"bandwidth_gbps": {"type": "number"}}},
                {"required": ["autoscale"], "properties": {"autoscale": {"type": "object"}}},
            ]
        }
    )

    autoscale: AutoscaleIn | None = Field(default=None, description="Follow the load between two rates.")

    a: str | EndIn = Field(
        validation_alias="from", serialization_alias="from", description="A site or a port, or an end in full."
    )
    b: str | EndIn = Field(
        validation_alias="to", serialization_alias="to", description="A site or a port, or an end in full."
    )
    bandwidth_gbps: float | None = Field(
        default=None,
        validate_default=True,
        description="Guaranteed each way; sold in steps of 0.001. Needed, but with `autoscale`: then its floor.",
    )
    burst_gbps: float | None = Field(
        default=None, description="Up to so much where there is room; at least the guarantee."
    )
    latency_bound_ms: float | None = Field(default=None, description="One way, held in both directions.")
    fence: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="The only jurisdictions that it may touch: ISO 3166 (`US`, `US-CO`) or `EU`."
    )
    start: Time | None = Field(default=None, description="Now if left out.")
    end: Time | None = Field(default=None, description="Open if left out.")
    windows: Annotated[list[WindowIn], Field(min_length=1)] | None = Field(
        default=None, description="Instead of `start` and `end`: several windows, in order and apart."
    )
    recurrence: RecurrenceIn | None = Field(
        default=None,
        description="Instead of `start` and `end`: a window that comes again. Without an end it is sold for two years.",
    )
    kind: ServiceKind = ServiceKind.IP
    traffic_class: TrafficClass = TrafficClass.ASSURED
    protection: Protection = Protection.NONE
    max_paths: Whole | None = Field(
        default=None,
        description="Over how many paths it may be split where one does not suffice: 1 to 4; 4 if left out, 1 for "
        "`ethernet`. A flow stays on one.",
    )
    hold_s: float | None = Field(
        default=None,
        description="Only keep it for so long (60 to 900): HELD until it is confirmed, cancelled or expires.",
    )
    description: str = ""

    @field_validator("bandwidth_gbps")
    @classmethod
    def _needed(cls, rate_gbps: float | None, info: ValidationInfo) -> float | None:
        if rate_gbps is None and info.data.get("autoscale", ...) is None:
            raise PydanticCustomError("missing", "Field required")
        return rate_gbps


class ServiceChangeIn(In):
    """What may be changed in place, as in an order. Left out stays as it is; null is none, where there can be none."""

    a: str | EndIn | None = Field(
        default=None,
        validation_alias="from",
        serialization_alias="from",
        description="Another port, another tag or other prefixes: the end in full.",
    )
    b: str | EndIn | None = Field(default=None, validation_alias="to", serialization_alias="to")
    bandwidth_gbps: float | None = None
    burst_gbps: float | None = Field(default=None, description="Null for none.")
    latency_bound_ms: float | None = Field(default=None, description="Null for none.")
    fence: Annotated[list[str], Field(min_length=1)] | None = Field(default=None, description="Null for none.")
    start: Time | None = Field(default=None, description="Of a window that has not begun.")
    end: Time | None = Field(default=None, description="Null for an open end.")
    windows: Annotated[list[WindowIn], Field(min_length=1)] | None = Field(
        default=None, description="Null only with what takes their place: a `recurrence`, or `start` and `end`."
    )
    recurrence: RecurrenceIn | None = Field(
        default=None, description="Null only with what takes its place: `windows`, or `start` and `end`."
    )
    traffic_class: TrafficClass | None = None
    protection: Protection | None = None
    max_paths: Whole | None = None
    autoscale: AutoscaleIn | None = Field(
        default=None, description="Null for none: then it keeps the rate that it has."
    )
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


class BranchOut(Out):
    """One of several ways of a service, and its share of the rate; both directions."""

    share: float = Field(description="Of the whole, in sixteenths.")
    there: PathOut | None
    back: PathOut | None


class WindowOut(Out):
    """One of several windows."""

    start: Time
    end: Time


class RecurrenceOut(Out):
    """A window that comes again."""

    rule: str
    time_zone: str
    start: datetime
    duration_s: float


class BackupOut(Out):
    """The ways that are kept for when a path fails: they share no risk group with it."""

    there: PathOut | None
    back: PathOut | None


class ScaleStepOut(Out):
    """A step by which a service followed its load."""

    at: Time
    from_gbps: float
    to_gbps: float


class ScaleRefusalOut(Out):
    """A step up that was refused, and what stood in its way."""

    at: Time
    wanted_gbps: float
    message: str


class AutoscaleOut(Out):
    """A rule by which a service follows its load, and what came of it."""

    floor_gbps: float
    ceiling_gbps: float
    last_step: ScaleStepOut | None
    last_refusal: ScaleRefusalOut | None


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
    windows: list[WindowOut] = Field(
        default=[], description="Of several windows the next ten, the one that is open included."
    )
    windows_left: int = Field(default=1, description="How many windows are still to come or open.")
    recurrence: RecurrenceOut | None = None
    kind: ServiceKind
    traffic_class: TrafficClass
    protection: Protection
    max_paths: int = 1
    notes: list[str] = Field(default=[], description="What to know of its windows, such as nights when clocks change.")
    description: str
    there: PathOut | None
    back: PathOut | None
    branches: list[BranchOut] = Field(
        default=[],
        description="Where one path does not suffice: every way with its share, `there` and `back` first.",
    )
    backup: BackupOut | None = Field(
        default=None, description="Of a protected service: where it goes when its path fails. Null while it has none."
    )
    autoscale: AutoscaleOut | None = Field(
        default=None, description="Of a service that follows its load: `bandwidth_gbps` is what it has now."
    )
    unrepairable_links: list[str] = Field(
        default=[],
        description="Of what is carried: the links that there is no way around inside its fence. What is on one when "
        "it is lost is dropped until the headend moves it.",
    )
    availability: float | None = Field(
        default=None,
        description="For how much of the time its own ways, or its backup, are up (1: always), by how often fibres, "
        "conduits and sites fail; what is found beyond when they do is not counted. Null while it has no way.",
    )
    hold_until: Time | None = Field(default=None, description="Of a hold that was not taken: when it expires.")
    created: Time
    changed: Time


class PreviewOut(Out):
    """What `dry_run` answers: what would be, had it been meant."""

    dry_run: bool = True
    service: ServiceOut
    message: str
    effects: list[str] = Field(
        default=[],
        description="What a change does, in words; of an order what it does to others, if they make room for it: to "
        "whom is told to an operator only.",
    )


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


class HolderOut(Sparse):
    """A service that has some of what is full."""

    service: str
    bandwidth_gbps: float
    standby: bool = Field(default=False, description="For its backup only.")


class BindingOut(Sparse):
    """The constraint that stands in the way, where and when.

    For a tenant free capacity is rounded down to the steps in which it is sold, for an operator it is exact.
    """

    constraint: str = Field(description="`capacity`, `latency`, `fence`, `port`, `vlan`, `path` or `protection`.")
    message: str
    link: str | None = None
    site: str | None = None
    at: Time | None = None
    available_gbps: float | None = None
    least_latency_ms: float | None = None
    outside: list[str] = Field(default=[])
    risk_groups: list[str] = Field(default=[], description="What a path and a backup cannot both avoid.")
    holders: list[HolderOut] = Field(
        default=[], description="Who has most of the link or port at that time; told to an operator only."
    )


class OfferOut(Sparse):
    """What you can have instead: POST `order` as it is and it is admitted, if nobody was faster.

    Of a change in place there is no `order`: PATCH the service with `changes`.
    """

    message: str
    changes: dict[str, Any]
    order: dict[str, Any] | None = None
    latency_ms: float
