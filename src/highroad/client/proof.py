"""The asks of proofs."""

from __future__ import annotations

from datetime import datetime

from highroad.client import views
from highroad.client.calls import Ask, get
from highroad.client.calls import name as quoted
from highroad.wire.proof import ProofKeyOut, ProofPage


def key() -> Ask[ProofKeyOut]:
    """The key that signs them."""
    return get("/v1/proofs/key", ProofKeyOut)


def entries(
    service: str, cursor: str | None, *, start: datetime | str | None, end: datetime | str | None
) -> Ask[ProofPage]:
    """A page of the chain of a service."""
    asked = {"from": views.time(start), "to": views.time(end), "cursor": cursor, "limit": "200"}
    return get(f"/v1/proofs/services/{quoted(service)}", ProofPage, **asked)
