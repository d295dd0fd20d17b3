"""Errors as RFC 9457 problem details: one table from codes to statuses, one function that writes the answer."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from highroad.api.shapes.refusals import binding_out, network_change_out, offer_out
from highroad.control.figures import REQUEST
from highroad.errors import Conflict, Finding, HighroadError, Invalid, NotFound
from highroad.wire.invalid import findings_of
from highroad.wire.problems import FindingOut, ProblemOut

LONGEST = 4_000
"""Characters of a sentence in a problem: a name in it may be as long as its sender likes."""

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code stands for: its HTTP status, its title, and what the caller can do."""

    status: int
    title: str
    remedy: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read", "Send a body that is JSON."),
    "unauthenticated": Kind(401, "Who are you?", "Send `Authorization: Bearer` with a token that is not revoked."),
    "forbidden": Kind(403, "You may not do this", "Ask with a token of the role that `detail` names."),
    "not-found": Kind(404, "There is no such thing", "Look at the list; it may be gone, or not yours."),
    "no-lab": Kind(404, "There is no lab", "Only a fabric that is a lab can be broken on purpose."),
    "method-not-allowed": Kind(405, "That cannot be done here", "Look at `Allow` and at /v1/openapi.json."),
    "slow-body": Kind(408, "The body took too long", "Send it again over a faster connection."),
    "conflict": Kind(409, "Its state does not allow this", "Read it again; `detail` says what it can do."),
    "frozen": Kind(409, "Changes are frozen", "Send it again after the thaw; repairs go on meanwhile."),
    "plan-stale": Kind(
        409,
        "The plan is for what is not so any more",
        "`changed` says what has changed; read `GET /v1/plan` for a new one.",
    ),
    "hold-limit": Kind(
        409, "You hold as much as you may", "Take or cancel a hold, or wait: `next_expires` is when one is over."
    ),
    "quota-exceeded": Kind(
        409, "Your quota is used up", "Ask for no more than `fits`, give something back, or ask the operator for more."
    ),
    "refused": Kind(409, "The answer is no", "`binding` says what stands in the way, `offers` what is possible."),
    "confirmation-required": Kind(
        409, "This needs a yes", "Look at `preview`, then send it again with the `confirm` that it has."
    ),
    "version-conflict": Kind(412, "It was changed meanwhile", "Read it again and send its new ETag in If-Match."),
    "too-large": Kind(413, "The body is too large", "Send less; `limit_bytes` is the most."),
    "address-too-long": Kind(414, "The address is too long", "Send fewer or shorter query parameters."),
    "unsupported-media-type": Kind(
        415, "The body is of another type", "Send `Content-Type: application/json`, UTF-8 and not compressed."
    ),
    "not-here": Kind(
        421, "This name is not ours", "Use the address that the controller printed, or configure the name."
    ),
    "invalid": Kind(422, "The input is wrong", "`findings` has everything that is wrong, with its place."),
    "idempotency-key-reused": Kind(
        422, "This key was used for another request", "Take a new Idempotency-Key for a new request."
    ),
    "precondition-required": Kind(428, "If-Match is needed", "Read the service and send its ETag in If-Match."),
    "slow-down": Kind(429, "Too many questions", "Nothing was done: send it again after `Retry-After` seconds."),
    "too-many-streams": Kind(429, "Too many streams are open", "Close one, or let one stream serve many readers."),
    "headers-too-large": Kind(431, "The header is too large", "Send fewer or shorter header fields."),
    "internal": Kind(500, "Something broke here", "Try again; if it stays, tell the operator its `request_id`."),
    "error": Kind(500, "Something broke here", "Try again; if it stays, tell the operator its `request_id`."),
    "unavailable": Kind(
        503, "Not now", "Send the same request again a little later; an order under the same Idempotency-Key."
    ),
}
"""Every code that the API answers with; docs/problems.md tells the same."""


class Malformed(HighroadError):
    """The body cannot be read at all."""

    code = "malformed"


class NoLab(NotFound):
    """The fabric is no lab."""

    code = "no-lab"


class PreconditionRequired(HighroadError):
    """A change without If-Match."""

    code = "precondition-required"


class UnsupportedMediaType(HighroadError):
    """The body is not said to be JSON in UTF-8, or is compressed."""

    code = "unsupported-media-type"


class MethodNotAllowed(HighroadError):
    """The path is right and the method is not."""

    code = "method-not-allowed"


class Internal(HighroadError):
    """A fault of ours, of which the caller learns nothing but that."""

    code = "internal"
    retryable = True


def problem_of(error: HighroadError) -> ProblemOut:
    """The problem document of an error."""
    code = error.code if error.code in KINDS else "conflict" if isinstance(error, Conflict) else "error"
    kind = KINDS[code]
    problem = ProblemOut(
        type=f"/problems/{code}",
        title=kind.title,
        status=kind.status,
        detail=error.message[:LONGEST],
        code=code,
        retryable=error.retryable,
        request_id=REQUEST.get(),
    )
    facts = dict(error.facts)
    if isinstance(error, Invalid):
        problem.findings = [finding_out(finding) for finding in error.findings]
    if facts.get("binding") is not None:
        problem.binding = binding_out(facts["binding"])
    if facts.get("offers"):
        problem.offers = [offer_out(offer) for offer in facts["offers"]]
    if facts.get("preview") is not None:
        problem.preview = network_change_out(facts["preview"])
    if facts.get("checks"):
        problem.checks = dict(facts["checks"])
    if facts.get("confirm") is not None:
        problem.confirm = str(facts["confirm"])
    return problem


def respond(error: HighroadError) -> Response:
    """The HTTP answer of an error."""
    problem = problem_of(error)
    body = problem.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"status": problem.status}
    reserved = ProblemOut.model_fields.keys()
    body |= {name: _plain(fact) for name, fact in error.facts.items() if name not in reserved}
    body.setdefault("retryable", problem.retryable)
    headers: dict[str, str] = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="highroad"'
    if problem.status == 503:
        headers["Retry-After"] = str(error.facts.get("retry_after_s", 1))
    if problem.status == 429:
        headers["Retry-After"] = str(error.facts.get("retry_after_s", 1))
    if problem.status in (408, 413, 414, 431):
        headers["Connection"] = "close"
    if isinstance(error, MethodNotAllowed) and "allow" in error.facts:
        headers["Allow"] = str(error.facts["allow"])
    return Response(json.dumps(body, ensure_ascii=False), problem.status, headers, MEDIA_TYPE)


def finding_out(finding: Finding) -> FindingOut:
    """A finding as it travels."""
    return FindingOut(
        code=finding.code,
        place=finding.place,
        message=finding.message[:LONGEST],
        severity=finding.severity.value,
        line=finding.line,
    )


async def on_error(request: Request, error: Exception) -> Response:
    """The answer to anything that is raised: never a traceback, never a framework's own body."""
    match error:
        case HighroadError():
            return respond(error)
        case RequestValidationError():
            return respond(Invalid(findings_of(error.errors(), skip=1)))
        case HTTPException(status_code=404):
            return respond(NotFound("there is nothing at this address"))
        case HTTPException(status_code=405):
            methods = _methods_at(request)
            return respond(MethodNotAllowed(f"{request.method} cannot be done here", allow=", ".join(methods)))
        case HTTPException(status_code=status) if status < 500:
            return respond(Malformed("the request cannot be read"))
        case _:
            log.error("unhandled error at %s %s", request.method, request.url.path, exc_info=error)
            return respond(Internal("the controller failed to answer; what was acknowledged is kept"))


def _methods_at(request: Request) -> list[str]:
    """What can be done at an address: the union over its routes."""
    ways = getattr(request.app.state, "ways", ())
    found = {method for pattern, methods in ways if pattern.match(request.url.path) for method in methods}
    return sorted(found or {"GET"})


def _plain(fact: Any) -> Any:
    """A fact as JSON has it."""
    if isinstance(fact, Enum):
        return fact.value
    if isinstance(fact, float):
        return fact if math.isfinite(fact) else None
    if fact is None or isinstance(fact, str | int):
        return fact
    if isinstance(fact, Mapping):
        return {str(key): _plain(value) for key, value in fact.items()}
    if is_dataclass(fact) and not isinstance(fact, type):
        return {field.name: _plain(getattr(fact, field.name)) for field in fields(fact)}
    if isinstance(fact, list | tuple | set | frozenset):
        return [_plain(item) for item in fact]
    return str(fact)
