"""Lists by the page: an opaque cursor says where the last page ended, so that what changes meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Annotated, LiteralString, TypeVar

from fastapi import Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from highroad.errors import Finding, Invalid

DEFAULT = 100
MOST = 1000


def _written_as(kind: LiteralString, message: LiteralString, pattern: str) -> BeforeValidator:
    """Of a query: a number is its digits, and not everything that Python reads as one, as it does `1_0` and ` 10`."""
    right = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not right.fullmatch(value):
            raise PydanticCustomError(kind, message)
        return value

    return BeforeValidator(check)


WHOLE = _written_as("int_parsing", "has to be a whole number", r"-?[0-9]{1,30}")
"""Of every whole number of a query, after its bounds: `Annotated[int, Query(ge=1), WHOLE]`."""

NUMBER = _written_as("float_parsing", "has to be a number", r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
"""The same of a number that need not be whole."""

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most."), WHOLE]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]

Item = TypeVar("Item")


def cursor_after(key: str) -> str:
    """The cursor of what follows a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(cursor: str | None) -> str | None:
    """The key that a cursor follows. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        message = "is no cursor: take `next_cursor` of the page before as it is"
        raise Invalid([Finding(code="cursor", place="cursor", message=message)]) from None


def page(
    items: Sequence[Item], key: Callable[[Item], str], cursor: str | None, limit: int
) -> tuple[list[Item], str | None]:
    """One page of items that are sorted by their key, ascending, and the cursor of the next."""
    after = key_of(cursor)
    rest = [item for item in items if after is None or key(item) > after]
    shown = rest[:limit]
    return shown, cursor_after(key(shown[-1])) if len(rest) > limit else None


def newest_first(at_s: float, name: str) -> str:
    """A key under which later things sort before earlier ones."""
    return f"{10**15 - round(at_s * 1000):016d} {name}"
