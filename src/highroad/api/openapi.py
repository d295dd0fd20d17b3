"""The OpenAPI document: FastAPI's, with the bodies, the problems and who may call what."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from highroad.api.access import ANYONE, DRY_ROLES, PROBLEMS, ROLES, SCOPE
from highroad.api.links import links_of
from highroad.api.problems import KINDS, MEDIA_TYPE
from highroad.wire.networks import CutIn, GroupCutIn, LoadIn, RouterDownIn
from highroad.wire.operations import (
    ChangesOut,
    EventOut,
    FreezeIn,
    MaintenanceIn,
    PortIn,
    QuotaIn,
    SampleOut,
    SessionIn,
    TenantIn,
    TokenIn,
)
from highroad.wire.probes import PingIn
from highroad.wire.problems import ProblemOut
from highroad.wire.services import OrderIn, ServiceChangeIn
from highroad.wire.webhooks import ReplayIn, RotateIn, WebhookChangeIn, WebhookIn

BODIES: tuple[type[BaseModel], ...] = (
    OrderIn,
    ServiceChangeIn,
    CutIn,
    GroupCutIn,
    RouterDownIn,
    LoadIn,
    PingIn,
    FreezeIn,
    MaintenanceIn,
    TenantIn,
    QuotaIn,
    PortIn,
    TokenIn,
    SessionIn,
    WebhookIn,
    WebhookChangeIn,
    RotateIn,
    ReplayIn,
)
STREAMED: tuple[type[BaseModel], ...] = (EventOut, SampleOut, ChangesOut, ProblemOut)

EXAMPLES: dict[str, dict[str, Any]] = {
    "OrderIn": {
        "from": "campus-sioux-falls",
        "to": "aws-us-west-2",
        "bandwidth_gbps": 400,
        "latency_bound_ms": 40,
        "fence": ["US"],
        "traffic_class": "interactive",
    },
    "ServiceChangeIn": {"bandwidth_gbps": 200},
    "CutIn": {"fibre": "albany--syracuse"},
    "GroupCutIn": {"risk_group": "conduit-albany-west"},
    "RouterDownIn": {"site": "albany"},
    "LoadIn": {"offered_gbps": 25},
    "PingIn": {"count": 5},
    "FreezeIn": {"reason": "incident 4711"},
    "MaintenanceIn": {"target": "albany--syracuse"},
    "QuotaIn": {"services": 200, "gbps": 1200, "holds": None},
    "TenantIn": {"id": "acme", "name": "Acme Models"},
    "PortIn": {"tenant": "acme", "site": "campus-sioux-falls", "rate_gbps": 800},
    "TokenIn": {"tenant": "acme", "role": "viewer", "label": "dashboard", "expires_s": 2592000},
    "SessionIn": {"token": "highroad_..."},
    "WebhookIn": {"url": "https://example.org/highroad", "kinds": ["highroad.service.*"], "from": "now"},
    "WebhookChangeIn": {"enabled": True},
    "RotateIn": {"overlap_s": 3600},
    "ReplayIn": {"after": 0},
}

ABOUT = """\
An open, programmable backbone: order connectivity in one request, see it placed, proven and healed.

Send `Authorization: Bearer <token>`. Times are RFC 3339 with a zone; latency is one way unless a name says `rtt`.
What cannot be done is answered with a problem (RFC 9457): `code` is stable, `findings` has everything at once.
Unknown fields and unknown query parameters are errors. Lists come in pages: give `next_cursor` back as `cursor`.
"""

ALWAYS = ("invalid", "internal", "not-here", "headers-too-large", "address-too-long")
WITH_TOKEN = ("unauthenticated", "forbidden", "slow-down", "unavailable")
WITH_BODY = ("malformed", "unsupported-media-type", "too-large", "slow-body")
_METHODS = ("get", "put", "post", "patch", "delete")


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=ABOUT, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    modes: list[Any] = [(body, "validation") for body in BODIES]
    modes += [(model, "serialization") for model in STREAMED]
    _, extra = models_json_schema(modes, ref_template=template)
    for name, schema in extra.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    _bound(schemas)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of an operator or a tenant."},
    }
    document["security"] = [{"token": []}]
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _finish(operations[method], path, method)
    app.openapi_schema = document
    return document


def _bound(schema: Any) -> None:
    """Bounds in JSON Schema's words: pydantic leaves its own where a value is looked at before it is checked."""
    if isinstance(schema, list):
        for one in schema:
            _bound(one)
    elif isinstance(schema, dict):
        if "type" in schema:
            for ours, theirs in (("ge", "minimum"), ("le", "maximum")):
                if isinstance(schema.get(ours), int | float):
                    schema[theirs] = schema.pop(ours)
        for one in schema.values():
            _bound(one)


def _finish(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    codes = [*operation.pop(PROBLEMS, ()), *ALWAYS]
    operation.pop("x-highroad-cookie", None)
    roles = operation[ROLES]
    if ANYONE not in roles:
        codes += WITH_TOKEN
        said = f"Roles: {', '.join(roles)}"
        if DRY_ROLES in operation:
            said += f"; with `dry_run`: {', '.join(operation[DRY_ROLES])}"
        if SCOPE in operation:
            said += f". Scope: `{operation[SCOPE]}`"
        operation["description"] = f"{operation.get('description', '')}\n\n{said}.".strip()
    if "requestBody" in operation:
        codes += WITH_BODY
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, names in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "; ".join(f"`{name}`: {KINDS[name].title}" for name in names),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
    operation["operationId"] = f"{method}{path.replace('/v1', '').replace('/', '_').replace('{', '').replace('}', '')}"
    for status_text, response in responses.items():
        if links := links_of(operation["operationId"], status_text):
            response["links"] = links
