"""The audit log as a table: rows are only added, in the commit of what they tell of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Select,
    and_,
    case,
    cast,
    func,
    insert,
    or_,
    select,
)

from highroad.model.audit import ZERO, Link, Row, chained, named, readable
from highroad.storage import tables
from highroad.storage.engines import looking

LOT = 1000
"""How many rows are read at once."""

TYPES = {
    "sequence": ("integer",),
    "hash": ("text",),
    "doc": ("blob",),
    "asker": ("text", "null"),
    "owner": ("text", "null"),
}
"""What SQLite calls the types of what is written into each column."""


def append(connection: Connection, rows: Sequence[Row], event: int) -> None:
    """Chain rows to what there is. The connection holds the lock that every commit holds."""
    if not rows:
        return
    last, head = _head(connection)
    links = chained(rows, last, head, event)
    connection.execute(
        insert(tables.audit),
        [
            {"sequence": link.sequence, "hash": link.hash, "asker": row.asked.tenant, "owner": row.of, "doc": link.doc}
            for row, link in zip(rows, links, strict=True)
        ],
    )


class AuditLog:
    """What is read of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def head(self) -> tuple[int, str]:
        """The place and the hash of the newest row."""
        with looking(self._engine) as connection:
            return _head(connection)

    def links(self, *, after: int | None = None, skip: int = 0, limit: int = LOT) -> Sequence[Link]:
        """Rows in order after a place, without the first so many, as they are stored; without a place from the very
        first, also where that is before 1.
        """
        with looking(self._engine) as connection:
            query = _stored(connection).offset(skip).limit(limit)
            if after is not None:
                query = query.where(tables.audit.c.sequence > after)
            return [_link(one) for one in connection.execute(query)]

    def rows(self, tenant: str, *, skip: int, limit: int) -> Sequence[Row]:
        """What is a tenant's to see, in order, without the first so many; never what stands before 1."""
        log = tables.audit
        own = or_(log.c.asker == tenant, log.c.owner == tenant)
        with looking(self._engine) as connection:
            query = _stored(connection).where(own, _written(connection)).offset(skip).limit(limit)
            return [readable(_link(one)) for one in connection.execute(query)]

    def every(self) -> Iterator[Link]:
        """All of it in order, as of one instant."""
        with looking(self._engine) as connection:
            query = _stored(connection).execution_options(yield_per=LOT)
            for one in connection.execute(query):
                yield _link(one)


def _head(connection: Connection) -> tuple[int, str]:
    newest = connection.execute(
        _stored(connection).where(_written(connection)).order_by(None).order_by(tables.audit.c.sequence.desc()).limit(1)
    ).first()
    return (0, ZERO) if newest is None else (newest.sequence, _link(newest).hash)


def _written(connection: Connection) -> ColumnElement[bool]:
    """Of rows that stand where one may: at 1 or after it. In SQLite a text is greater than any number."""
    place = tables.audit.c.sequence
    if connection.dialect.name != "sqlite":
        return place > 0
    return and_(place > 0, func.typeof(place) == "integer")


def _stored(connection: Connection) -> Select[Any]:
    """All rows in order. SQLite keeps whatever is put into a column, so that each is asked for its type too."""
    log = tables.audit
    if connection.dialect.name != "sqlite":
        return select(log).order_by(log.c.sequence)
    place = case((func.typeof(log.c.sequence) == "integer", log.c.sequence), else_=None).label("sequence")
    others = [log.c[name] for name in TYPES if name != "sequence"]
    return select(
        place,
        *(cast(column, LargeBinary).label(column.name) for column in others),
        *(func.typeof(log.c[name]).label(f"{name}_type") for name in TYPES),
    ).order_by(log.c.sequence)


def _link(found: Any) -> Link:
    """A row as it is stored, and what of it is of another type than was ever written."""
    odd = [
        f"its {name} is {kind.upper()}"
        for name, right in TYPES.items()
        if (kind := getattr(found, f"{name}_type", right[0])) not in right
    ]
    return Link(
        sequence=found.sequence,
        hash=_text(found.hash) or "",
        doc=bytes(found.doc or b""),
        asker=_text(found.asker),
        owner=_text(found.owner),
        odd=f"{named(found.sequence)} was edited: {', '.join(odd)}" if odd else "",
    )


def _text(stored: bytes | str | None) -> str | None:
    return stored.decode(errors="replace") if isinstance(stored, bytes) else stored
