"""Highroad's errors as gRPC's status, and back: the message says all, and the facts travel beside it.

A status has room for a few kilobytes (HTTP/2 header lists are bounded), so of very many findings the first are told,
and how many more there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import msgspec

from highroad.errors import (
    Conflict,
    Finding,
    Forbidden,
    HighroadError,
    Invalid,
    NotFound,
    Refused,
    Severity,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

FACTS = "highroad-error-bin"
"""The trailing metadata with the error as JSON: its code, its findings and facts."""

MESSAGE_BYTES = 2_000
FACTS_BYTES = 3_000

_STATUS: tuple[tuple[type[HighroadError], grpc.StatusCode], ...] = (
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Forbidden, grpc.StatusCode.PERMISSION_DENIED),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Conflict, grpc.StatusCode.FAILED_PRECONDITION),
    (Refused, grpc.StatusCode.FAILED_PRECONDITION),
    (TooLarge, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
)
_TRANSIENT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
)


class Unimplemented(HighroadError):
    """gNMI has it and this router does not."""

    code = "unimplemented"


def status_of(error: HighroadError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """The status, its message and its trailing metadata."""
    if isinstance(error, Unimplemented):
        code = grpc.StatusCode.UNIMPLEMENTED
    else:
        code = next((status for kind, status in _STATUS if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    findings = error.findings if isinstance(error, Invalid) else ()
    return code, _message(error, findings), ((FACTS, _facts(error, findings)),)


def error_of(error: grpc.aio.AioRpcError, who: str) -> HighroadError:
    """What a router answered, as one of our errors; `who` names the router to people."""
    told = _told(error)
    message = f"{who}: {error.details() or error.code().name}"
    code = error.code()
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        findings = [_finding(one) for one in told.get("findings", ())]
        return Invalid(findings or [Finding(code="refused", place="", message=error.details() or "")], message)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Unimplemented(message)
    if code in _TRANSIENT:
        return Unavailable(message)
    if code is grpc.StatusCode.FAILED_PRECONDITION and told.get("code") == Refused.code:
        return Refused(message, **told.get("facts", {}))
    kind = next((kind for kind, status in _STATUS if status is code), HighroadError)
    return kind(message, **told.get("facts", {}))


def _message(error: HighroadError, findings: Sequence[Finding]) -> str:
    if len(findings) < 2:
        return _fitting(error.message, MESSAGE_BYTES)
    lines: list[str] = []
    size = 0
    for place, finding in enumerate(findings):
        line = _fitting(str(finding), MESSAGE_BYTES // 4)
        size += _cost(line) + 2
        if size > MESSAGE_BYTES:
            lines.append(f"and {len(findings) - place} more")
            break
        lines.append(line)
    return "; ".join(lines)


def _facts(error: HighroadError, findings: Sequence[Finding]) -> bytes:
    told: dict[str, Any] = {"code": error.code, "findings": []}
    size = len(msgspec.json.encode(told))
    for one in findings:
        entry = {"code": one.code, "place": _cut(one.place, 200), "message": _cut(one.message, 500)}
        entry["severity"] = one.severity.value
        size += len(msgspec.json.encode(entry)) + 1
        if size > FACTS_BYTES:
            break
        told["findings"].append(entry)
    try:
        facts = msgspec.json.encode(error.facts)
    except TypeError:
        facts = b"{}"
    if size + len(facts) <= FACTS_BYTES:
        told["facts"] = error.facts
    return msgspec.json.encode(told)


def _told(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    trailing: Any = error.trailing_metadata()
    for name, value in trailing or ():
        if name == FACTS and isinstance(value, bytes):
            try:
                told = msgspec.json.decode(value)
            except msgspec.DecodeError:
                return {}
            return told if isinstance(told, dict) else {}
    return {}


def _finding(told: dict[str, Any]) -> Finding:
    return Finding(
        code=str(told.get("code", "refused")),
        place=str(told.get("place", "")),
        message=str(told.get("message", "")),
        severity=Severity(told.get("severity", "error")),
    )


def _cost(text: str) -> int:
    """The size of a message in a header: what is not plain ASCII is written as %XX (gRPC over HTTP/2, Responses)."""
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode())


def _fitting(text: str, size: int) -> str:
    if len(text) <= size and _cost(text) <= size:
        return text
    room, fits = size - _cost("…"), 0
    for letter in text:
        room -= _cost(letter)
        if room < 0:
            break
        fits += 1
    return text[:fits] + "…"


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
