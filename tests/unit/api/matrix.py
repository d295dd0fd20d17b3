"""Every operation of the OpenAPI document, as every role, on what is one's own, another tenant's and nobody's.

`EXPECTED` says who may call what. `faults` holds an application against it: what may be called by whom it should not
be, what tells another tenant's thing from none (status, body, headers, or how much work it was), what names another
tenant anywhere, and what has no row here.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import httpx

from highroad.model.access import TENANTS, Role
from tests.support.backbone import Backbone

O, E, A, M, V = Role.OPERATOR, Role.ENGINEER, Role.ADMIN, Role.MEMBER, Role.VIEWER  # noqa: E741 - as columns
EVERYBODY = frozenset({O, E, A, M, V})
ORDERS = frozenset({O, A, M})
NETWORK = frozenset({O, E})
OPERATES = frozenset({O})
HANDS_OUT = frozenset({O, A})
ANYONE: frozenset[Role] = frozenset()

OWN = ("commit", "probe", "checkpoint", "close", "raise_epoch", "lead")
"""What the controller does with its store by itself, whoever asks."""

TIMED = 3
NOISE_S = 0.1
"""The median of so many pairs may differ by so much on a busy machine; what is finer, the counts of work tell."""

EXPECTED: dict[tuple[str, str], frozenset[Role]] = {
    ("get", "/v1/services"): EVERYBODY,
    ("post", "/v1/services"): ORDERS,
    ("get", "/v1/services/{service_id}"): EVERYBODY,
    ("patch", "/v1/services/{service_id}"): ORDERS,
    ("delete", "/v1/services/{service_id}"): ORDERS,
    ("post", "/v1/services/{service_id}/confirm"): ORDERS,
    ("get", "/v1/services/{service_id}/counters"): EVERYBODY,
    ("get", "/v1/services/{service_id}/explanation"): EVERYBODY,
    ("post", "/v1/services/{service_id}/ping"): EVERYBODY,
    ("post", "/v1/services/{service_id}/trace"): EVERYBODY,
    ("get", "/v1/services/{service_id}/measurements"): EVERYBODY,
    ("get", "/v1/network"): EVERYBODY,
    ("put", "/v1/network"): OPERATES,
    ("get", "/v1/network/repairs"): NETWORK,
    ("get", "/v1/incidents"): EVERYBODY,
    ("get", "/v1/incidents/{incident_id}"): EVERYBODY,
    ("get", "/v1/incidents/{incident_id}/replay"): NETWORK,
    ("get", "/v1/maintenances"): NETWORK,
    ("post", "/v1/maintenances"): OPERATES,
    ("get", "/v1/maintenances/{maintenance_id}"): NETWORK,
    ("delete", "/v1/maintenances/{maintenance_id}"): OPERATES,
    ("get", "/v1/freeze"): NETWORK,
    ("put", "/v1/freeze"): OPERATES,
    ("delete", "/v1/freeze"): OPERATES,
    ("get", "/v1/plan"): NETWORK,
    ("get", "/v1/plan/{plan_id}"): NETWORK,
    ("post", "/v1/plan/{plan_id}/apply"): OPERATES,
    ("get", "/v1/lab"): NETWORK,
    ("post", "/v1/lab/cuts"): OPERATES,
    ("delete", "/v1/lab/cuts/{fibre}"): OPERATES,
    ("post", "/v1/lab/groups-cut"): OPERATES,
    ("delete", "/v1/lab/groups-cut/{group}"): OPERATES,
    ("post", "/v1/lab/routers-down"): OPERATES,
    ("delete", "/v1/lab/routers-down/{site}"): OPERATES,
    ("put", "/v1/lab/loads/{service_id}"): OPERATES,
    ("get", "/v1/reach"): EVERYBODY,
    ("get", "/v1/capacity"): EVERYBODY,
    ("get", "/v1/links/booked"): NETWORK,
    ("get", "/v1/links/{link}/calendar"): NETWORK,
    ("get", "/v1/telemetry/links"): NETWORK,
    ("get", "/v1/telemetry/links/{link}"): NETWORK,
    ("get", "/v1/telemetry/moments"): NETWORK,
    ("get", "/v1/proofs/key"): EVERYBODY,
    ("get", "/v1/proofs/services/{service_id}"): EVERYBODY,
    ("get", "/v1/telemetry/services/{service_id}"): EVERYBODY,
    ("get", "/v1/telemetry/services/{service_id}/paths"): EVERYBODY,
    ("get", "/v1/whatif"): NETWORK,
    ("get", "/v1/whatif/outlook"): NETWORK,
    ("get", "/v1/tenants"): NETWORK,
    ("post", "/v1/tenants"): OPERATES,
    ("get", "/v1/tenants/{tenant_id}"): EVERYBODY,
    ("patch", "/v1/tenants/{tenant_id}/quota"): OPERATES,
    ("get", "/v1/ports"): EVERYBODY,
    ("post", "/v1/ports"): OPERATES,
    ("get", "/v1/tokens"): HANDS_OUT,
    ("post", "/v1/tokens"): HANDS_OUT,
    ("delete", "/v1/tokens/{token_id}"): HANDS_OUT,
    ("get", "/v1/events"): EVERYBODY,
    ("get", "/v1/audit"): HANDS_OUT,
    ("get", "/v1/webhooks"): HANDS_OUT,
    ("post", "/v1/webhooks"): HANDS_OUT,
    ("get", "/v1/webhooks/{webhook_id}"): HANDS_OUT,
    ("patch", "/v1/webhooks/{webhook_id}"): HANDS_OUT,
    ("delete", "/v1/webhooks/{webhook_id}"): HANDS_OUT,
    ("post", "/v1/webhooks/{webhook_id}/rotate"): HANDS_OUT,
    ("post", "/v1/webhooks/{webhook_id}/test"): HANDS_OUT,
    ("post", "/v1/webhooks/{webhook_id}/replay"): HANDS_OUT,
    ("get", "/v1/webhooks/{webhook_id}/deliveries"): HANDS_OUT,
    ("get", "/v1/live"): EVERYBODY,
    ("get", "/v1/session"): EVERYBODY,
    ("post", "/v1/session"): ANYONE,
    ("delete", "/v1/session"): EVERYBODY,
    ("get", "/v1/session/ways"): ANYONE,
    ("get", "/v1/session/openid"): ANYONE,
    ("get", "/v1/session/openid/return"): ANYONE,
    ("get", "/healthz"): ANYONE,
    ("get", "/readyz"): ANYONE,
    ("get", "/metrics"): NETWORK,
}
"""A new operation needs a row here, and where its path names a tenant's thing, that thing in `Things`."""

STREAMS = {("get", "/v1/live")}
"""Answers for ever: tests/unit/api/test_streams.py has it."""

QUERY = {"/v1/reach": {"rtt_ms": "5"}, "/v1/capacity": {"from": "campus-east", "to": "cloud-west", "hours": "2"},
         "/v1/whatif": {"cut": "pop-chi"}}  # fmt: skip
BODIES: dict[tuple[str, str], Any] = {
    ("patch", "/v1/services/{service_id}"): {"description": "x"},
    ("post", "/v1/services/{service_id}/ping"): {"count": 1},
    ("post", "/v1/services"): {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 0.01},
    ("patch", "/v1/webhooks/{webhook_id}"): {"description": "x"},
    ("patch", "/v1/tenants/{tenant_id}/quota"): {"services": 1000},
    ("post", "/v1/webhooks/{webhook_id}/rotate"): {},
    ("post", "/v1/webhooks/{webhook_id}/replay"): {"after": 0},
    ("put", "/v1/lab/loads/{service_id}"): {"offered_gbps": None},
    ("post", "/v1/tokens"): {"label": "x", "role": "viewer", "tenant": "acme"},
}
COMMON = {
    "plan_id": "pln-gone",
    "fibre": "pop-chi--pop-den",
    "site": "pop-chi",
    "group": "no-duct",
    "link": "pop-ash%3Epop-chi",
    "maintenance_id": "mnt-none",
}
"""What is no tenant's."""

NONE = {
    "service_id": "svc-nonenonene",
    "incident_id": "inc-nonono",
    "token_id": "tok-nonenone",
    "webhook_id": "whk-nonenone",
    "tenant_id": "nobody",
}

Make = Callable[[str], Awaitable[str]]


@dataclass(slots=True)
class Things:
    """A tenant's things that paths name: of each kind how a new one of a tenant is come by."""

    make: dict[str, Make]
    secrets: set[str] = field(default_factory=set)
    """What may stand in no answer to the other tenant."""


async def faults(world: Backbone, tokens: dict[Role, str], things: Things) -> list[str]:
    """Everything that is wrong."""
    async with world.http() as http:
        world.app.openapi_schema = None
        document = (await http.get("/v1/openapi.json")).json()
    found: list[str] = []
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "put", "post", "patch", "delete"}:
            operation = (method, path)
            if operation not in EXPECTED:
                found.append(f"{method} {path} has no row in the matrix")
            elif unknown := set(_names(path)) - COMMON.keys() - things.make.keys():
                found.append(f"{method} {path} names {', '.join(unknown)}, and the matrix has none")
            elif operation not in STREAMS:
                found += await _operation(world, operation, tokens, things)
    return found


async def _operation(world: Backbone, operation: tuple[str, str], tokens: dict[Role, str], things: Things) -> list[str]:
    method, path = operation
    found: list[str] = []
    if EXPECTED[operation]:
        async with world.http() as http:
            answer = await _ask(http, operation, {**COMMON, **NONE})
            if answer.status_code != 401:
                found.append(f"{method} {path} without a token is {answer.status_code}")
    for role, token in tokens.items():
        async with world.http(token) as http:
            named = {name: await things.make[name]("acme") for name in _names(path) if name in things.make}
            own = await _ask(http, operation, {**COMMON, **named})
            may = role in EXPECTED[operation] or not EXPECTED[operation]
            if (own.status_code not in (401, 403)) != may or (own.status_code in (404, 500) and named and may):
                found.append(f"{method} {path} as {role} is {own.status_code}: {own.text[:200]}")
            if role in TENANTS:
                found += [f"{method} {path} as {role} tells {one}" for one in _told(own, things.secrets)]
            if may and named:
                found += await _compared(world, http, operation, role, things)
    return found


async def _compared(
    world: Backbone, http: httpx.AsyncClient, operation: tuple[str, str], role: Role, things: Things
) -> list[str]:
    """What tells another tenant's thing from none."""
    method, path = operation
    names = [name for name in _names(path) if name in things.make]
    theirs = {name: await things.make[name]("rival") for name in names}
    with work(world) as for_theirs:
        others = await _ask(http, operation, {**COMMON, **theirs})
    with work(world) as for_none:
        none = await _ask(http, operation, {**COMMON, **NONE})
    found: list[str] = []
    if none.status_code != 404:
        found.append(f"{method} {path} as {role} of what is not is {none.status_code}")
    if role not in TENANTS:
        return found
    if _seen(others, theirs) != _seen(none, NONE):
        found.append(f"{method} {path} as {role} tells another's from none: {others.text[:200]} {none.text[:200]}")
    if for_theirs != for_none:
        found.append(f"{method} {path} as {role} does more for another's than for none: {for_theirs} {for_none}")
    longer_s = [await _took_s(http, operation, theirs) - await _took_s(http, operation, NONE) for _ in range(TIMED)]
    if abs(median(longer_s)) > NOISE_S:
        found.append(f"{method} {path} as {role} takes {median(longer_s):.3f} s longer for another's than for none")
    return found


async def _took_s(http: httpx.AsyncClient, operation: tuple[str, str], ids: dict[str, str]) -> float:
    begun = time.perf_counter()
    await _ask(http, operation, {**COMMON, **ids})
    return time.perf_counter() - begun


def _seen(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str, list[tuple[str, str]]]:
    """An answer but for the ids that were asked for."""
    text, headers = answer.text, str(sorted(answer.headers.items()))
    for one in ids.values():
        text, headers = text.replace(one, "ID"), headers.replace(one, "ID")
    shown = [(name, value.replace(str(len(answer.content)), "n")) for name, value in answer.headers.items()
             if name not in ("content-length",) and not name.startswith("ratelimit")]  # fmt: skip
    return answer.status_code, text, shown


def _told(answer: httpx.Response, secrets: set[str]) -> Iterator[str]:
    everything = answer.text + str(answer.headers)
    return (one for one in secrets if one in everything)


def _names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


async def _ask(http: httpx.AsyncClient, operation: tuple[str, str], ids: dict[str, str]) -> httpx.Response:
    method, path = operation
    url = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)
    headers = {"X-Request-Id": "same"}
    if method in ("patch",):
        headers["If-Match"] = '"1"'
    body = BODIES.get(operation)
    content = {"json": body} if body is not None else {}
    return await http.request(method, url, params=QUERY.get(path), headers=headers, **content)


@contextmanager
def work(world: Backbone) -> Iterator[Counter[str]]:
    """Counts what takes time: whatever is read of the store, and decisions of the planner."""
    counts: Counter[str] = Counter()
    seat: Any = world.controller.seat
    store: Any = world.controller._store
    planner, submit = seat.planner, seat.planner.submit
    reads = [name for name in dir(type(store)) if not name.startswith("_") and name not in OWN]
    real = {name: getattr(store, name) for name in reads if callable(getattr(type(store), name))}

    async def submitted(*args: Any, **options: Any) -> Any:
        counts["decisions"] += not options.get("urgent")
        return await submit(*args, **options)

    def counting(name: str) -> Callable[..., Any]:
        def was_read(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return real[name](*args, **options)

        return was_read

    planner.submit = submitted
    for name in real:
        setattr(store, name, counting(name))
    try:
        yield counts
    finally:
        planner.submit = submit
        for name in real:
            delattr(store, name)
