"""What can be asked of the API, each as a value: both clients send these, so both can do the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from highroad.errors import Invalid
from highroad.model.lifecycle import State
from highroad.wire.invalid import findings_of
from highroad.wire.networks import CutIn, CutOut, LabOut, NetworkOut, ReachOut, RouterDownIn, RouterOut
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
    TenantIn,
    TenantOut,
    TenantPage,
    TokenIn,
    TokenIssuedOut,
    TokenPage,
    WhoOut,
)
from highroad.wire.probes import PingIn, PingOut, TraceOut
from highroad.wire.problems import NetworkChangeOut
from highroad.wire.services import (
    CountersOut,
    EndIn,
    OfferOut,
    OrderIn,
    PreviewOut,
    ServiceChangeIn,
    ServiceOut,
    ServicePage,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What an order says besides its ends and its bandwidth; as in the API."""

    burst_gbps: float | None = None
    latency_bound_ms: float | None = None
    fence: Sequence[str] | None = None
    start: datetime | str | None = None
    end: datetime | str | None = None
    kind: str = "ip"
    traffic_class: str = "assured"
    protection: str = "none"
    description: str = ""


# --- services -------------------------------------------------------------------------------------------------


def order_body(a: str | EndIn, b: str | EndIn, bandwidth_gbps: float, more: Ordering) -> OrderIn:
    """An order as it travels. Raises Invalid with every finding that needs no controller to be seen."""
    fields: dict[str, Any] = {
        name: getattr(more, name) for name in Ordering.__dataclass_fields__ if getattr(more, name) is not None
    }
    if more.fence is not None:
        fields["fence"] = list(more.fence)
    return checked(OrderIn, {"a": a, "b": b, "bandwidth_gbps": bandwidth_gbps, **fields})


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
    """Order a counter-offer as it is."""
    return order(offer.order, tenant=tenant, key=key)


def service(service_id: str) -> Ask[ServiceOut]:
    """One service."""
    return get(f"/v1/services/{name(service_id)}", ServiceOut)


def services(cursor: str | None, *, state: State | str | None, tenant: str | None) -> Ask[ServicePage]:
    """A page of services."""
    return get("/v1/services", ServicePage, cursor=cursor, state=state and str(state), tenant=tenant, limit="500")


def change(
    service_id: str, version: int, *, bandwidth_gbps: float | None, protection: str | None, description: str | None
) -> Ask[ServiceOut]:
    """Change a service in place, if it is still at a version."""
    return _change(service_id, version, bandwidth_gbps, protection, description, ServiceOut)


def preview_change(
    service_id: str, version: int, *, bandwidth_gbps: float | None, protection: str | None, description: str | None
) -> Ask[PreviewOut]:
    """What a change would come to."""
    return _change(service_id, version, bandwidth_gbps, protection, description, PreviewOut)


def _change(
    service_id: str,
    version: int,
    bandwidth_gbps: float | None,
    protection: str | None,
    description: str | None,
    answer: type[Model],
) -> Ask[Model]:
    body = checked(
        ServiceChangeIn, {"bandwidth_gbps": bandwidth_gbps, "protection": protection, "description": description}
    )
    return Ask(
        method="PATCH",
        path=f"/v1/services/{name(service_id)}",
        params={"dry_run": "true"} if answer is PreviewOut else {},
        headers={"Content-Type": JSON, "If-Match": f'"{version}"'},
        content=body.model_dump_json(exclude_none=True).encode(),
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


def cut(fibre: str, *, silent: bool) -> Ask[CutOut]:
    """Cut a fibre."""
    return post("/v1/lab/cuts", checked(CutIn, {"fibre": fibre, "silent": silent}), CutOut, repeatable=True)


def uncut(fibre: str) -> Ask[LabOut]:
    """Splice a fibre."""
    return Ask(method="DELETE", path=f"/v1/lab/cuts/{name(fibre)}", read=reader(LabOut))


def kill_router(site: str) -> Ask[RouterOut]:
    """Kill a router."""
    return post("/v1/lab/routers-down", checked(RouterDownIn, {"site": site}), RouterOut, repeatable=True)


def revive_router(site: str) -> Ask[LabOut]:
    """Start it again."""
    return Ask(method="DELETE", path=f"/v1/lab/routers-down/{name(site)}", read=reader(LabOut))


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


def drain(target: str) -> Ask[MaintenanceOut]:
    """Drain a fibre, a site or a risk group."""
    return post("/v1/maintenances", checked(MaintenanceIn, {"target": target}), MaintenanceOut)


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


def issue_token(tenant: str | None, label: str) -> Ask[TokenIssuedOut]:
    """Issue a token."""
    return post("/v1/tokens", checked(TokenIn, {"tenant": tenant, "label": label}), TokenIssuedOut)


def revoke_token(token_id: str) -> Ask[None]:
    """Revoke a token."""
    return Ask(method="DELETE", path=f"/v1/tokens/{name(token_id)}", read=lambda body: None)


def past_events(after: int, limit: int) -> Ask[EventPage]:
    """A page of events."""
    return get("/v1/events", EventPage, after=str(after), limit=str(limit))


def who() -> Ask[WhoOut]:
    """Who the token belongs to."""
    return get("/v1/session", WhoOut)


def ready() -> Ask[HealthOut]:
    """Whether the controller takes orders."""
    return get("/readyz", HealthOut)


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
