"""The asks of what was decided, and why."""

from __future__ import annotations

from dataclasses import replace

from highroad.client.calls import Ask, get, name
from highroad.client.views import PATIENCE_S
from highroad.wire.flight import ExplanationOut, ReplayOut


def replay(incident_id: str) -> Ask[ReplayOut]:
    """Decide an incident again."""
    return replace(get(f"/v1/incidents/{name(incident_id)}/replay", ReplayOut), timeout_s=PATIENCE_S)


def explain(service_id: str, at: int | None) -> Ask[ExplanationOut]:
    """Why a service is where it is."""
    path = f"/v1/services/{name(service_id)}/explanation"
    return replace(get(path, ExplanationOut, at=None if at is None else str(at)), timeout_s=PATIENCE_S)
