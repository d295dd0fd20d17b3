"""Problems as exceptions: the tree of `highroad.errors`, rebuilt from what the API answered."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from highroad.errors import (
    ConfirmationRequired,
    Conflict,
    Finding,
    Forbidden,
    Frozen,
    HighroadError,
    HoldLimit,
    Invalid,
    KeyReused,
    NotFound,
    QuotaExceeded,
    Refused,
    Severity,
    SlowDown,
    TooLarge,
    Unauthenticated,
    Unavailable,
    VersionConflict,
)
from highroad.wire.problems import FindingOut, NetworkChangeOut, ProblemOut
from highroad.wire.services import BindingOut, OfferOut


class OrderRefused(Refused):
    """No, and why: `binding` stands in the way, `offers` can be had instead (`client.take(offer)`)."""

    binding: BindingOut | None = None
    offers: tuple[OfferOut, ...] = ()


class NeedsYes(ConfirmationRequired):
    """The change has consequences: look at `preview`, and say yes by sending it again with `confirm`."""

    preview: NetworkChangeOut | None = None
    confirm: str = ""


class Unreachable(Unavailable):
    """Nothing answered at the address, or the answer was lost on the way."""

    code = "unreachable"


_TITLES = {
    "invalid": "The input is wrong",
    "not-found": "There is no such thing",
    "unauthenticated": "Who are you?",
    "conflict": "Its state does not allow this",
    "confirmation-required": "This needs a yes",
    "unreachable": "Nobody answers",
    "late": "It took too long",
}
"""Titles of what fails on this side of the wire already."""


_CLASSES: dict[str, type[HighroadError]] = {
    kind.code: kind
    for kind in (
        NotFound,
        Forbidden,
        Unauthenticated,
        Conflict,
        Frozen,
        HoldLimit,
        QuotaExceeded,
        VersionConflict,
        KeyReused,
        TooLarge,
        Unavailable,
        SlowDown,
    )
}
_BY_STATUS: dict[int, type[HighroadError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: VersionConflict,
    413: TooLarge,
    428: Conflict,
    429: SlowDown,
    503: Unavailable,
}


def error_of(status: int, body: bytes) -> HighroadError:
    """The exception of an answer that is not a success, whoever wrote it."""
    try:
        document = json.loads(body)
        problem = ProblemOut.model_validate(document)
    except (ValueError, ValidationError):
        kind = _BY_STATUS.get(status, HighroadError)
        return kind(f"HTTP {status}: {body[:200].decode(errors='replace').strip() or 'no words'}", status=status)
    facts: dict[str, Any] = {"problem": problem, "status": problem.status}
    facts |= {name: value for name, value in document.items() if name not in ProblemOut.model_fields}
    if problem.code == Refused.code:
        refused = OrderRefused(problem.detail, **facts)
        refused.binding, refused.offers = problem.binding, tuple(problem.offers)
        return refused
    if problem.code == ConfirmationRequired.code:
        asked = NeedsYes(problem.detail, **facts)
        asked.preview, asked.confirm = problem.preview, problem.confirm or ""
        return asked
    if problem.findings:
        findings = [
            Finding(
                code=found.code,
                place=found.place,
                message=found.message,
                severity=Severity(found.severity),
                line=found.line,
            )
            for found in problem.findings
        ]
        return Invalid(findings, problem.detail, **facts)
    kind = _CLASSES.get(problem.code) or _BY_STATUS.get(status, HighroadError)
    return kind(problem.detail, **facts)


def problem_of(error: HighroadError) -> dict[str, Any]:
    """An exception as a problem document again: the one that it came from, or one made of it, without a status."""
    known = error.facts.get("problem")
    if isinstance(known, ProblemOut):
        return known.model_dump(mode="json", by_alias=True)
    problem = ProblemOut(
        type=f"/problems/{error.code}",
        title=_TITLES.get(error.code, "Something broke here"),
        status=0,
        detail=error.message,
        code=error.code,
        retryable=error.retryable,
    )
    if isinstance(error, Invalid):
        problem.findings = [
            FindingOut(code=one.code, place=one.place, message=one.message, severity=one.severity.value, line=one.line)
            for one in error.findings
        ]
    if isinstance(error, NeedsYes):
        problem.preview, problem.confirm = error.preview, error.confirm or None
    return problem.model_dump(mode="json", by_alias=True, exclude={"status"})
