"""What can be asked of the API, each as a value: both clients send these, so both can do the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from highroad.errors import Finding, Invalid
from highroad.model.lifecycle import State
from highroad.wire.audit import AuditPage
from highroad.wire.invalid import findings_of
from highroad.wire.networks import (
    CutIn,
    CutOut,
    GroupCutIn,
    GroupCutOut,
    LabOut,
    LoadIn,
    LoadOut,
    NetworkOut,
    ReachOut,
    RouterDownIn,
    RouterOut,
)
from highroad.wire.operations import (
    EventPage,
    FreezeIn,
    FreezeOut,
    HealthOut,
    IncidentOut,
    IncidentPage,
    MaintenanceIn,
    MaintenanceOut,
    MaintenancePage,
    PortIn,
    PortOut,
    PortPage,
    QuotaIn,
    TenantIn,
    TenantOut,
    TenantPage,
    TokenIn,
    TokenIssuedOut,
    TokenPage,
    WhoOut,
)
from highroad.wire.probes import MeasurementsOut, PingIn, PingOut, TraceOut
from highroad.wire.problems import NetworkChangeOut
from highroad.wire.services import (
    AutoscaleIn,
    CountersOut,
    EndIn,
    OfferOut,
    OrderIn,
    PreviewOut,
    RecurrenceIn,
    ServiceChangeIn,
    ServiceOut,
    ServicePage,
    WindowIn,
)

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
Params = Mapping[str, str | Sequence[str]]

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[T]):
    """One request, and how its answer is read. `repeatable`: sending it twice does what sending it once does."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Params = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    repeatable: bool = True
    timeout_s: float | None = None
    """How long an answer may take, if not as long as the client gives every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What an order says besides its ends and its bandwidth; as in the API."""

    burst_gbps: float | None = None
    latency_bound_ms: float | None = None
    fence: Sequence[str] | None = None
    start: datetime | str | None = None
    end: datetime | str | None = None
    windows: Sequence[WindowIn] | None = None
    recurrence: RecurrenceIn | None = None
    max_paths: int | None = None
    kind: str = "ip"
    traffic_class: str = "assured"
    protection: str = "none"
    hold_s: float | None = None
    autoscale: AutoscaleIn | None = None
    description: str = ""


# --- services -------------------------------------------------------------------------------------------------


def order_body(a: str | EndIn, b: str | EndIn, bandwidth_gbps: float | None, more: Ordering) -> OrderIn:
    """An order as it travels. Raises Invalid with every finding that needs no controller to be seen."""
    fields: dict[str, Any] = {
        name: getattr(more, name) for name in Ordering.__dataclass_fields__ if getattr(more, name) is not None
    }
    if more.fence is not None:
        fields["fence"] = list(more.fence)
    if bandwidth_gbps is not None:
        fields["bandwidth_gbps"] = bandwidth_gbps
    return checked(OrderIn, {"a": a, "b": b, **fields})


def order(body: OrderIn | Mapping[str, Any], *, tenant: str | None, key: str | None) -> Ask[ServiceOut]:
    """Order; under a key of its own, so that it may be sent again."""
    return Ask(
        method="POST",
        path="/v1/services",
        params=given(tenant=tenant),
        headers={"Content-Type": JSON, "Idempotency-Key": key or str(uuid.uuid4())},
        content=written(body if isinstance(body, OrderIn) else checked(OrderIn, body)),
        read=reader(ServiceOut),
    )


def preview(body: OrderIn | Mapping[str, Any], *, tenant: str | None) -> Ask[PreviewOut]:
    """What an order would come to."""
    return Ask(
        method="POST",
        path="/v1/services",
        params=given(tenant=tenant, dry_run="true"),
        headers={"Content-Type": JSON},
        content=written(body if isinstance(body, OrderIn) else checked(OrderIn, body)),
        read=reader(PreviewOut),
    )


def take(offer: OfferOut, *, tenant: str | None, key: str | None) -> Ask[ServiceOut]:
    """Order a counter-offer as it is. Raises Invalid for one of a change in place, which has no order."""
    if offer.order is None:
        message = "is of a change in place: send its `changes` with `change`"
        raise Invalid([Finding(code="offer-of-change", place="offer", message=message)])
    return order(offer.order, tenant=tenant, key=key)


def service(service_id: str) -> Ask[ServiceOut]:
    """One service."""
    return get(f"/v1/services/{name(service_id)}", ServiceOut)


def services(cursor: str | None, *, state: State | str | None, tenant: str | None) -> Ask[ServicePage]:
    """A page of services."""
    return get("/v1/services", ServicePage, cursor=cursor, state=state and str(state), tenant=tenant, limit="500")


class Changes(TypedDict, total=False):
    """What may be changed of a service in place, by the API's names (`a` is `from`, `b` is `to`): `ServiceChangeIn`."""

    a: str | EndIn
    b: str | EndIn
    bandwidth_gbps: float
    burst_gbps: float | None
    latency_bound_ms: float | None
    fence: Sequence[str] | None
    start: datetime
    end: datetime | None
    windows: Sequence[WindowIn]
    recurrence: RecurrenceIn
    traffic_class: str
    protection: str
    max_paths: int | None
    autoscale: AutoscaleIn | None
    description: str


def change(service_id: str, version: int, changes: Changes) -> Ask[ServiceOut]:
    """Change a service in place, if it is still at a version."""
    return _change(service_id, version, changes, ServiceOut)


def preview_change(service_id: str, version: int, changes: Changes) -> Ask[PreviewOut]:
    """What a change would come to."""
    return _change(service_id, version, changes, PreviewOut)


def _change(service_id: str, version: int, changes: Changes, answer: type[Model]) -> Ask[Model]:
    body = checked(ServiceChangeIn, dict(changes))
    return Ask(
        method="PATCH",
        path=f"/v1/services/{name(service_id)}",
        params={"dry_run": "true"} if answer is PreviewOut else {},
        headers={"Content-Type": JSON, "If-Match": f'"{version}"'},
        content=body.model_dump_json(exclude_unset=True, by_alias=True).encode(),
        read=reader(answer),
        repeatable=answer is PreviewOut,
    )


def release(service_id: str, version: int | None) -> Ask[ServiceOut]:
    """Give a service back."""
    return Ask(
        method="DELETE",
        path=f"/v1/services/{name(service_id)}",
        headers={} if version is None else {"If-Match": f'"{version}"'},
        read=reader(ServiceOut),
        repeatable=False,
    )


def confirm(service_id: str) -> Ask[ServiceOut]:
    """Take a hold."""
    return Ask(method="POST", path=f"/v1/services/{name(service_id)}/confirm", read=reader(ServiceOut))


def counters(service_id: str) -> Ask[CountersOut]:
    """What was carried of a service."""
    return get(f"/v1/services/{name(service_id)}/counters", CountersOut)


def ping(service_id: str, *, count: int, interval_ms: float, size_bytes: int) -> Ask[PingOut]:
    """Send packets along a service."""
    body = checked(PingIn, {"count": count, "interval_ms": interval_ms, "size_bytes": size_bytes})
    return post(f"/v1/services/{name(service_id)}/ping", body, PingOut, repeatable=True)


def trace(service_id: str) -> Ask[TraceOut]:
    """Every router on a service's way."""
    return Ask(method="POST", path=f"/v1/services/{name(service_id)}/trace", read=reader(TraceOut))


def measurements(service_id: str) -> Ask[MeasurementsOut]:
    """What was measured of a service within the last seconds."""
    return get(f"/v1/services/{name(service_id)}/measurements", MeasurementsOut)


# --- the network ----------------------------------------------------------------------------------------------


def network() -> Ask[NetworkOut]:
    """The network in force."""
    return get("/v1/network", NetworkOut)


def load_network(text: str, *, confirm: str | None, dry_run: bool) -> Ask[NetworkChangeOut]:
    """Put a network file in force."""
    return Ask(
        method="PUT",
        path="/v1/network",
        params=given(confirm=confirm, dry_run="true" if dry_run else None),
        headers={"Content-Type": JSON if text.lstrip().startswith("{") else "application/yaml"},
        content=text.encode(),
        read=reader(NetworkChangeOut),
        repeatable=dry_run,
    )


def reach(rtt_ms: float, *, kind: str, without: Sequence[str]) -> Ask[ReachOut]:
    """The population within a round trip."""
    return get("/v1/reach", ReachOut, rtt_ms=repr(rtt_ms), kind=kind, without=list(without) or None)


def lab() -> Ask[LabOut]:
    """Its routers, and what is broken."""
    return get("/v1/lab", LabOut)


def cut(fibre: str, *, silent: bool, one_way: str | None, loss: float) -> Ask[CutOut]:
    """Cut a fibre."""
    asked: dict[str, Any] = {"fibre": fibre, "silent": silent}
    if one_way is not None:
        asked["one_way"] = one_way
    if loss != 1.0:
        asked["loss"] = loss
    return post("/v1/lab/cuts", checked(CutIn, asked), CutOut, repeatable=True)


def uncut(fibre: str) -> Ask[LabOut]:
    """Splice a fibre."""
    return Ask(method="DELETE", path=f"/v1/lab/cuts/{name(fibre)}", read=reader(LabOut))


def cut_group(group: str, *, silent: bool, loss: float) -> Ask[GroupCutOut]:
    """Cut a risk group."""
    asked = {"risk_group": group, "silent": silent, "loss": loss}
    return post("/v1/lab/groups-cut", checked(GroupCutIn, asked), GroupCutOut, repeatable=True)


def uncut_group(group: str) -> Ask[LabOut]:
    """Splice a risk group."""
    return Ask(method="DELETE", path=f"/v1/lab/groups-cut/{name(group)}", read=reader(LabOut))


def kill_router(site: str, *, silent: bool) -> Ask[RouterOut]:
    """Kill a router."""
    asked = {"site": site, "silent": True} if silent else {"site": site}
    return post("/v1/lab/routers-down", checked(RouterDownIn, asked), RouterOut, repeatable=True)


def revive_router(site: str) -> Ask[LabOut]:
    """Start it again."""
    return Ask(method="DELETE", path=f"/v1/lab/routers-down/{name(site)}", read=reader(LabOut))


def load(service_id: str, offered_gbps: float | None) -> Ask[LoadOut]:
    """Set what a service's hosts offer."""
    body = written(checked(LoadIn, {"offered_gbps": offered_gbps}))
    path = f"/v1/lab/loads/{name(service_id)}"
    return Ask(method="PUT", path=path, headers={"Content-Type": JSON}, content=body, read=reader(LoadOut))


# --- operating ------------------------------------------------------------------------------------------------


def incident(incident_id: str) -> Ask[IncidentOut]:
    """One incident."""
    return get(f"/v1/incidents/{name(incident_id)}", IncidentOut)


def incidents(cursor: str | None) -> Ask[IncidentPage]:
    """A page of incidents."""
    return get("/v1/incidents", IncidentPage, cursor=cursor)


def maintenance(maintenance_id: str) -> Ask[MaintenanceOut]:
    """One drain."""
    return get(f"/v1/maintenances/{name(maintenance_id)}", MaintenanceOut)


def maintenances(cursor: str | None) -> Ask[MaintenancePage]:
    """A page of drains."""
    return get("/v1/maintenances", MaintenancePage, cursor=cursor)


def drain(
    target: str,
    *,
    start: datetime | str | None,
    end: datetime | str | None,
    lead_s: float | None,
    dry_run: bool,
) -> Ask[MaintenanceOut]:
    """Drain a fibre, a site or a risk group, or book that."""
    said = {"target": target, "start": start, "end": end, "lead_s": lead_s}
    body = checked(MaintenanceIn, {field: value for field, value in said.items() if value is not None})
    ask = post("/v1/maintenances", body, MaintenanceOut)
    return replace(ask, params={"dry_run": "true"}, repeatable=True) if dry_run else ask


def end_maintenance(maintenance_id: str) -> Ask[MaintenanceOut]:
    """End a drain."""
    path = f"/v1/maintenances/{name(maintenance_id)}"
    return Ask(method="DELETE", path=path, read=reader(MaintenanceOut), repeatable=False)


def frozen() -> Ask[FreezeOut]:
    """Whether changes are frozen."""
    return get("/v1/freeze", FreezeOut)


def freeze(reason: str) -> Ask[FreezeOut]:
    """Freeze changes."""
    body = written(checked(FreezeIn, {"reason": reason}))
    return Ask(method="PUT", path="/v1/freeze", headers={"Content-Type": JSON}, content=body, read=reader(FreezeOut))


def thaw() -> Ask[FreezeOut]:
    """Let changes go on."""
    return Ask(method="DELETE", path="/v1/freeze", read=reader(FreezeOut))


def tenants(cursor: str | None) -> Ask[TenantPage]:
    """A page of tenants."""
    return get("/v1/tenants", TenantPage, cursor=cursor)


def add_tenant(tenant_id: str, tenant_name: str) -> Ask[TenantOut]:
    """Add a tenant."""
    return post("/v1/tenants", checked(TenantIn, {"id": tenant_id, "name": tenant_name}), TenantOut)


def tenant(tenant_id: str) -> Ask[TenantOut]:
    """One tenant."""
    return get(f"/v1/tenants/{name(tenant_id)}", TenantOut)


def set_quota(tenant_id: str, limits: Mapping[str, float | None]) -> Ask[TenantOut]:
    """Set the quotas that are named."""
    return Ask(
        method="PATCH",
        path=f"/v1/tenants/{name(tenant_id)}/quota",
        headers={"Content-Type": JSON},
        content=written(checked(QuotaIn, limits)),
        read=reader(TenantOut),
    )


def ports(cursor: str | None) -> Ask[PortPage]:
    """A page of ports."""
    return get("/v1/ports", PortPage, cursor=cursor)


def add_port(tenant: str, site: str, rate_gbps: float, *, port_id: str | None, mtu_bytes: int) -> Ask[PortOut]:
    """Give a tenant a port."""
    fields = {"id": port_id, "tenant": tenant, "site": site, "rate_gbps": rate_gbps, "mtu_bytes": mtu_bytes}
    return post("/v1/ports", checked(PortIn, fields), PortOut)


def tokens(cursor: str | None) -> Ask[TokenPage]:
    """A page of tokens."""
    return get("/v1/tokens", TokenPage, cursor=cursor)


def issue_token(
    tenant: str | None,
    label: str,
    *,
    role: str | None = None,
    scopes: Sequence[str] | None = None,
    expires_s: float | None = None,
) -> Ask[TokenIssuedOut]:
    """Issue a token."""
    said = {"tenant": tenant, "role": role, "scopes": None if scopes is None else list(scopes), "expires_s": expires_s}
    fields = {"label": label} | {name: value for name, value in said.items() if value is not None}
    return post("/v1/tokens", checked(TokenIn, fields), TokenIssuedOut)


def revoke_token(token_id: str) -> Ask[None]:
    """Revoke a token."""
    return Ask(method="DELETE", path=f"/v1/tokens/{name(token_id)}", read=lambda body: None)


def audit(cursor: str | None) -> Ask[AuditPage]:
    """A page of the audit log."""
    return get("/v1/audit", AuditPage, cursor=cursor, limit="1000")


def past_events(after: int, limit: int, subject: str | None = None) -> Ask[EventPage]:
    """A page of events."""
    return get("/v1/events", EventPage, after=str(after), limit=str(limit), subject=subject)


def who() -> Ask[WhoOut]:
    """Who the token belongs to."""
    return get("/v1/session", WhoOut)


def ready() -> Ask[HealthOut]:
    """Whether the controller takes orders."""
    return get("/readyz", HealthOut)


def alive() -> Ask[HealthOut]:
    """Whether its process is alive."""
    return get("/healthz", HealthOut)


def metrics() -> Ask[str]:
    """What it counts of itself, as Prometheus text."""
    return Ask(method="GET", path="/metrics", read=bytes.decode)


# --- how they are made ----------------------------------------------------------------------------------------


def get(path: str, schema: type[Model], **params: str | Sequence[str] | None) -> Ask[Model]:
    """A reading."""
    return Ask(method="GET", path=path, params=given(**params), read=reader(schema))


def post(path: str, body: BaseModel, schema: type[Model], *, repeatable: bool = False) -> Ask[Model]:
    """A making."""
    return Ask(
        method="POST",
        path=path,
        headers={"Content-Type": JSON},
        content=written(body),
        read=reader(schema),
        repeatable=repeatable,
    )


def reader(schema: type[Model]) -> Callable[[bytes], Model]:
    """How an answer of a schema is read."""
    return schema.model_validate_json


def checked(schema: type[Model], fields: Mapping[str, Any]) -> Model:
    """A body of a schema. Raises Invalid where it could not travel."""
    try:
        return schema.model_validate(fields)
    except ValidationError as error:
        raise Invalid(findings_of(error.errors(include_url=False, include_input=False))) from None


def written(body: BaseModel) -> bytes:
    """A body as JSON, without what was left out."""
    return body.model_dump_json(by_alias=True, exclude_unset=True).encode()


def given(**params: str | Sequence[str] | None) -> Params:
    """Query parameters, without those that were left out."""
    return {key: value for key, value in params.items() if value is not None}


def name(text: str) -> str:
    """A name as one part of a path, whatever is in it."""
    return quote(text, safe="") if text not in (".", "..") else quote(text).replace(".", "%2E")
