"""Problem details (RFC 9457) with our own members."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Sparse
from highroad.wire.services import BindingOut, OfferOut


class FindingOut(Sparse):
    """One thing that is wrong, and where."""

    code: str
    place: str
    message: str
    severity: str
    line: int | None = None


class ProblemOut(Sparse):
    """Why a request was not done. `code` is stable; `retryable` says whether the same call may succeed later."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool = False
    request_id: str = Field(default="", description="Of the request, as in `X-Request-Id` and in the logs.")
    checks: dict[str, str] = Field(default={}, description="Of `/healthz` and `/readyz`: what is amiss, or `ok`.")
    findings: list[FindingOut] = Field(default=[])
    binding: BindingOut | None = None
    offers: list[OfferOut] = Field(default=[])
    confirm: str | None = Field(default=None, description="Send it back to say yes to what `preview` shows.")
    preview: NetworkChangeOut | None = None


class ServiceEffectOut(Out):
    """What a change of the network would do to one service."""

    service: str
    tenant: str
    effect: str = Field(description="`rerouted`, `degraded`, `unchanged`.")
    message: str


class NetworkChangeOut(Sparse):
    """The difference between two networks, and what it does to services."""

    from_revision: int
    added: list[str]
    removed: list[str]
    changed: list[str]
    effects: list[ServiceEffectOut]
    confirm: str
    warnings: list[FindingOut] = Field(default=[], description="What is odd about the file and was not an error.")


ProblemOut.model_rebuild()
