"""Every error that Highroad raises on purpose, as one tree.

    HighroadError                what the caller may do is on the class: `code`, `retryable`
    ├── Invalid                  the input is wrong; carries every finding, not only the first
    ├── Refused                  the input is right and the answer is no; says what binds
    ├── NotFound                 no such thing, or not yours
    ├── Forbidden                yours to see, not yours to do
    ├── Unauthenticated          no token, or one that is not valid
    ├── Conflict                 the thing is in a state that does not allow it
    │   ├── VersionConflict      somebody changed it since you read it (If-Match)
    │   ├── KeyReused            an Idempotency-Key came again with another body
    │   ├── Frozen               the operator wants nothing changed but what repairs
    │   ├── PlanStale            the network or the calendar is not what the plan was made for any more
    │   ├── HoldLimit            the tenant holds as much as it may
    │   ├── QuotaExceeded        the tenant has as much as the operator lets it have
    │   └── ConfirmationRequired the change has consequences that need a yes
    ├── TooLarge                 a body over the limit
    └── Unavailable              nothing was done; try again
        ├── Deposed              another process leads by now: what this one decided was not written
        └── SlowDown             the tenant asked too often; a little later

`facts` are the machine-readable half of the message: they go into problem details as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, ClassVar


class Severity(StrEnum):
    """How bad a finding is: an ERROR forbids, a WARNING only tells, a NOTE says what was derived by which rule."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, where it is, and what would be right.

    `place` is a path into what was checked, e.g. `fibres[denver--boise].length_km`; `line` is the line of the
    file that it came from, where there was a file.
    """

    code: str
    place: str
    message: str
    severity: Severity = Severity.ERROR
    line: int | None = None

    def __str__(self) -> str:
        at = f"line {self.line}: " if self.line is not None else ""
        return f"{at}{self.place}: {self.message}" if self.place else f"{at}{self.message}"


class HighroadError(Exception):
    """The root. `code` is stable and documented; `retryable` says whether the same call may succeed later."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts: dict[str, Any] = facts


class Invalid(HighroadError):
    """The input is wrong. `findings` has everything that is wrong with it."""

    code = "invalid"

    def __init__(self, findings: Sequence[Finding], message: str | None = None, **facts: Any) -> None:
        self.findings = tuple(findings)
        super().__init__(message or _summary(self.findings), **facts)


class Refused(HighroadError):
    """The order was understood and cannot be met. `facts` has the binding constraint and the counter-offers."""

    code = "refused"


class NotFound(HighroadError):
    """There is no such thing, or it belongs to somebody else, which is the same to the caller."""

    code = "not-found"


class Forbidden(HighroadError):
    """The caller is known and may not do this."""

    code = "forbidden"


class Unauthenticated(HighroadError):
    """The caller is not known."""

    code = "unauthenticated"


class Conflict(HighroadError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class VersionConflict(Conflict):
    """The thing was changed since the caller read it: read it again."""

    code = "version-conflict"


class KeyReused(Conflict):
    """This Idempotency-Key was used before, for another request."""

    code = "idempotency-key-reused"


class Frozen(Conflict):
    """Changes to the network are frozen: the same call may succeed after the thaw."""

    code = "frozen"
    retryable = True


class PlanStale(Conflict):
    """What a plan was made for has changed since: `changed` says what. A new plan may be applied."""

    code = "plan-stale"


class HoldLimit(Conflict):
    """A tenant holds as much as it may: the same call may succeed when it has taken, cancelled or lost a hold."""

    code = "hold-limit"
    retryable = True


class QuotaExceeded(Conflict):
    """A tenant would have more than its quota: `quota` says of what, beside it `allowed`, `used`, `asked`, `fits`."""

    code = "quota-exceeded"


class ConfirmationRequired(Conflict):
    """The change has consequences: look at them, then send it again with the `confirm` that is in the facts."""

    code = "confirmation-required"


class TooLarge(HighroadError):
    """The body is over the limit."""

    code = "too-large"


class Unavailable(HighroadError):
    """Nothing was done; the same call may succeed later."""

    code = "unavailable"
    retryable = True


class Deposed(Unavailable):
    """Another process leads by now, and this one may not write any more: nothing was done."""


class SlowDown(Unavailable):
    """A tenant asked too often; nothing was done. `retry_after_s` is among the facts."""

    code = "slow-down"


def errors_in(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that forbid."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _summary(findings: Sequence[Finding]) -> str:
    first = str(findings[0]) if findings else "invalid"
    more = len(findings) - 1
    return first if more <= 0 else f"{first} (and {more} more)"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` with the nearest name that is known, or nothing: what a message about a name ends with.

    Nearest is one of the same words in another order: `omaha--denver` is the fibre `denver--omaha`, not a site.
    """
    asked, names = name[:100].lower(), list(known)
    words = _words(asked)
    near = [one for one in names if words and _words(one) == words] or get_close_matches(asked, names, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _words(name: str) -> list[str]:
    return sorted(re.findall(r"[^\W_]+", name.lower()))
