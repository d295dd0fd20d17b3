"""Who asks, and what is written of it: a row of the audit log in the same commit as the change that it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from highroad.control.book import Draft
from highroad.model.audit import Asked, Row

if TYPE_CHECKING:
    from highroad.control.commands import Decision, Means

T = TypeVar("T")

OURSELVES = Asked(role="controller")

ASKED: ContextVar[Asked] = ContextVar("highroad_asked", default=OURSELVES)
"""Of the request for which something is done; the controller's own where there is none."""


def decided(command: Decision[T], draft: Draft, means: Means) -> T:
    """What a command decides, with a row of the audit log where that is a change."""
    result = command.decide(draft, means)
    if not draft.empty and not command.own:
        subject, of = _of(result)
        draft.audit(Row(at_us=_us(draft), asked=ASKED.get(), what=type(command).__name__, subject=subject, of=of))
    return result


def note(draft: Draft, asked: Sequence[tuple[Asked, int]], what: str) -> None:
    """Rows of what is in no commit: refusals, each with how many there were, or what the fabric did."""
    for one, count in asked:
        draft.audit(Row(at_us=_us(draft), asked=one, what=what, of=one.tenant, count=count))


def _us(draft: Draft) -> int:
    return round(draft.now_s * 1e6)


def _of(result: Any) -> tuple[str, str | None]:
    """The id of what was made or changed, and whose it is, as far as an answer tells."""
    made = getattr(result, "made", result)
    subject = str(getattr(made, "id", ""))
    kind = type(made).__name__
    return subject, subject if kind == "Tenant" else getattr(made, "tenant", None)
