"""What follows from an answer: where its ids are good for the next request, in OpenAPI's `links`.

One table, by the operation that answers and its status; a test holds every name in it against the document.
"""

from __future__ import annotations

from typing import Any

ID = "$response.body#/id"
ETAG = "$response.header.ETag"
SERVICE = {"service_id": ID}
FIRST = "$response.body#/items/0/id"
NEXT = {"cursor": "$response.body#/next_cursor"}

LINKS: dict[tuple[str, str], dict[str, tuple[str, dict[str, str]]]] = {
    ("post_services", "201"): {
        "look": ("get_services_service_id", SERVICE),
        "change": ("patch_services_service_id", SERVICE | {"header.If-Match": ETAG}),
        "confirm": ("post_services_service_id_confirm", SERVICE),
        "counters": ("get_services_service_id_counters", SERVICE),
        "ping": ("post_services_service_id_ping", SERVICE),
        "trace": ("post_services_service_id_trace", SERVICE),
        "measurements": ("get_services_service_id_measurements", SERVICE),
        "offer": ("put_lab_loads_service_id", SERVICE),
        "release": ("delete_services_service_id", SERVICE),
    },
    ("get_services_service_id", "200"): {
        "change": ("patch_services_service_id", SERVICE | {"header.If-Match": ETAG}),
        "release": ("delete_services_service_id", SERVICE),
    },
    ("patch_services_service_id", "200"): {
        "look": ("get_services_service_id", {"service_id": "$request.path.service_id"}),
        "release": ("delete_services_service_id", {"service_id": "$request.path.service_id"}),
    },
    ("get_services", "200"): {
        "look": ("get_services_service_id", {"service_id": FIRST}),
        "next": ("get_services", NEXT),
    },
    ("post_tenants", "201"): {
        "order": ("post_services", {"query.tenant": ID}),
        "services": ("get_services", {"query.tenant": ID}),
        "look": ("get_tenants_tenant_id", {"tenant_id": ID}),
        "limit": ("patch_tenants_tenant_id_quota", {"tenant_id": ID}),
    },
    ("get_tenants", "200"): {"look": ("get_tenants_tenant_id", {"tenant_id": FIRST}), "next": ("get_tenants", NEXT)},
    ("get_ports", "200"): {"next": ("get_ports", NEXT)},
    ("post_tokens", "201"): {"revoke": ("delete_tokens_token_id", {"token_id": ID})},
    ("get_tokens", "200"): {"next": ("get_tokens", NEXT)},
    ("post_maintenances", "201"): {
        "look": ("get_maintenances_maintenance_id", {"maintenance_id": ID}),
        "end": ("delete_maintenances_maintenance_id", {"maintenance_id": ID}),
    },
    ("get_maintenances", "200"): {
        "look": ("get_maintenances_maintenance_id", {"maintenance_id": FIRST}),
        "next": ("get_maintenances", NEXT),
    },
    ("get_incidents", "200"): {
        "look": ("get_incidents_incident_id", {"incident_id": FIRST}),
        "next": ("get_incidents", NEXT),
    },
    ("post_lab_cuts", "201"): {
        "splice": ("delete_lab_cuts_fibre", {"fibre": "$response.body#/fibre"}),
        "whatif": ("get_whatif", {"cut": "$response.body#/fibre"}),
    },
    ("post_lab_groups-cut", "201"): {
        "splice": ("delete_lab_groups-cut_group", {"group": "$response.body#/risk_group"}),
        "whatif": ("get_whatif", {"cut": "$response.body#/risk_group"}),
    },
    ("post_lab_routers-down", "201"): {
        "revive": ("delete_lab_routers-down_site", {"site": "$response.body#/site"}),
    },
    ("get_network", "200"): {"calendar": ("get_links_link_calendar", {"link": "$response.body#/links/0/id"})},
    ("put_network", "409"): {"confirm": ("put_network", {"confirm": "$response.body#/confirm"})},
    ("get_events", "200"): {"next": ("get_events", {"after": "$response.body#/next_cursor"})},
    ("get_plan", "200"): {
        "diff": ("get_plan_plan_id", {"plan_id": "$response.body#/plan/id"}),
        "apply": ("post_plan_plan_id_apply", {"plan_id": "$response.body#/plan/id"}),
    },
    ("put_freeze", "200"): {"thaw": ("delete_freeze", {})},
}


def links_of(operation: str, status: str) -> dict[str, Any]:
    """The `links` of one answer, as OpenAPI has them; a parameter's `header.` or `query.` says where it goes."""
    found = LINKS.get((operation, status), {})
    return {name: {"operationId": target, "parameters": given} for name, (target, given) in found.items()}
