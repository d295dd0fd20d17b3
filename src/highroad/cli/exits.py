"""Exit codes: the one place where they are decided. docs/cli.md tells the same."""

from __future__ import annotations

from enum import IntEnum

from highroad.errors import (
    Conflict,
    Forbidden,
    HighroadError,
    Invalid,
    NotFound,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)


class ExitCode(IntEnum):
    """What a script may branch on."""

    OK = 0
    UNEXPECTED = 1
    INVALID = 2
    REFUSED = 3
    NOT_FOUND = 4
    NOT_ALLOWED = 5
    CONFLICT = 6
    UNAVAILABLE = 7


UNKNOWN = frozenset({"unknown-fibre", "unknown-site", "unknown-target"})


def as_not_found(error: Invalid) -> HighroadError:
    """What a command that only names a thing says where there is no such thing: not found; else the error as it is."""
    only = error.findings[0] if len(error.findings) == 1 else None
    return NotFound(only.message) if only is not None and only.code in UNKNOWN else error


def exit_code(error: BaseException) -> ExitCode:
    """The exit code of an error."""
    match error:
        case Invalid() | TooLarge():
            return ExitCode.INVALID
        case Refused():
            return ExitCode.REFUSED
        case NotFound():
            return ExitCode.NOT_FOUND
        case Forbidden() | Unauthenticated():
            return ExitCode.NOT_ALLOWED
        case Conflict():
            return ExitCode.CONFLICT
        case Unavailable() | TimeoutError():
            return ExitCode.UNAVAILABLE
        case HighroadError():
            status = error.facts.get("status", 500)
            return ExitCode.INVALID if isinstance(status, int) and 400 <= status < 500 else ExitCode.UNEXPECTED
        case _:
            return ExitCode.UNEXPECTED
