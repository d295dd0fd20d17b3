"""Highroad: an open, programmable backbone.

    from highroad import Client, OrderRefused

    with Client.from_home() as client:
        service = client.order("campus-boise", "aws-us-east-1", 400, latency_bound_ms=30, fence=["US"])

The packages, in the order in which to read them:

- `model`: the nouns, as values: sites, fibres, links, services, and the lifecycle in one table.
- `units`, `errors`: conversions; every error that is raised on purpose, as one tree.
- `graph`: shortest paths and distances, the kernels that the next ones stand on.
- `planning`: may this order be admitted, along what, and what is possible instead.
- `siting`: who is within a round trip of a site.
- `formats`: network files in, findings out.
- `ports`: what the control loop needs of the world, as Protocols.
- `control`: the loop: order, reconcile, repair, reroute, maintain.
- `webhooks`, `mail`, `courier`: deliveries of events: their signatures, what they need, and what brings them.
- `storage`, `fabric`: where it is kept, and what carries traffic (the twin).
- `optimiser`: the process in which plans for all that is carried are computed.
- `wire`: the schemas that travel.
- `api`, `client`, `cli`: the doors.
- `offline`: commands that need no controller.
- `settings`, `main`: the environment, and how a process is put together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from highroad.client import AsyncClient, Client, NeedsYes, OrderRefused, Unreachable
    from highroad.errors import (
        ConfirmationRequired,
        Conflict,
        Finding,
        Forbidden,
        HighroadError,
        Invalid,
        KeyReused,
        NotFound,
        Refused,
        TooLarge,
        Unauthenticated,
        Unavailable,
        VersionConflict,
    )

__all__ = [
    "AsyncClient",
    "Client",
    "ConfirmationRequired",
    "Conflict",
    "Finding",
    "Forbidden",
    "HighroadError",
    "Invalid",
    "KeyReused",
    "NeedsYes",
    "NotFound",
    "OrderRefused",
    "Refused",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "VersionConflict",
]

_OF_CLIENT = frozenset({"AsyncClient", "Client", "NeedsYes", "OrderRefused", "Unreachable"})


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first asked for: importing a package of ours costs nothing else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("highroad.client" if name in _OF_CLIENT else "highroad.errors"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
