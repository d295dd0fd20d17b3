"""What every schema builds on: strictness, and times with a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from highroad.units import iso_from_s

Time = Annotated[
    AwareDatetime, PlainSerializer(lambda time: iso_from_s(time.timestamp()), return_type=str, when_used="json")
]
"""An instant, written as RFC 3339 in UTC to the millisecond; one without a zone is refused."""

_EXACT = 2**53


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number that comes in: 16.0 is one, in JSON Schema as in languages that know no other numbers."""


class In(BaseModel):
    """A body that comes in: unknown fields are an error, because a misspelt bound is no bound."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Out(BaseModel):
    """A body that goes out: a client ignores fields that it does not know."""

    model_config = ConfigDict(
        extra="ignore",
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )


class Sparse(Out):
    """A body, or a part of one, in which what is as it is by default is left out."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)


class Page(Out):
    """What every list adds: the cursor of the next page, None on the last."""

    next_cursor: str | None = None


def time_from_s(at_s: float) -> datetime:
    """An aware time from UTC seconds."""
    return datetime.fromtimestamp(at_s, UTC)


def maybe_time(at_s: float | None) -> datetime | None:
    """The same for what may not have happened."""
    return None if at_s is None else time_from_s(at_s)
