"""Lists by the page: an opaque cursor says where the last page ended, so that what changes meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from highroad.errors import Finding, Invalid

DEFAULT = 100
MOST = 1000

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]
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
