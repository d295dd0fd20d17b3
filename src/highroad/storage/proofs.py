"""Proofs as a table: entries are only added, each after the one before it, by who leads."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, insert, select

from highroad.errors import Unavailable
from highroad.model.proof import Entry
from highroad.storage import tables
from highroad.storage.engines import looking

LOT = 500


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add entries; the connection holds the lock that every commit holds. Raises Unavailable where one does not follow
    what there is: another process has sealed meanwhile.
    """
    if not entries:
        return
    newest = _newest(connection, {one.service for one in entries})
    for one in entries:
        if one.sequence != newest.get(one.service, 0) + 1:
            raise Unavailable(f"nothing was sealed: {one.service} has entry {newest.get(one.service, 0)} by now")
        newest[one.service] = one.sequence
    connection.execute(
        insert(tables.proofs),
        [
            {
                "service": one.service,
                "sequence": one.sequence,
                "tenant": one.tenant,
                "from_s": one.from_s,
                "until_s": one.until_s,
                "signature": one.signature,
                "doc": zlib.compress(one.doc),
            }
            for one in entries
        ],
    )


class Proofs:
    """All chains. `seal` adds to them as a commit is written: while this process leads."""

    def __init__(self, engine: Engine, seal: Callable[[Sequence[Entry]], None]) -> None:
        self._engine = engine
        self.seal = seal

    def heads(self, services: Collection[str]) -> Mapping[str, Entry]:
        """The newest entry of each of some services."""
        proofs, found = tables.proofs, {}
        every = sorted(services)
        for at in range(0, len(every), LOT):
            some = every[at : at + LOT]
            newest = (
                select(proofs.c.service, func.max(proofs.c.sequence).label("sequence"))
                .where(proofs.c.service.in_(some))
                .group_by(proofs.c.service)
                .subquery()
            )
            both = and_(proofs.c.service == newest.c.service, proofs.c.sequence == newest.c.sequence)
            with looking(self._engine) as connection:
                for row in connection.execute(select(proofs).join(newest, both)):
                    found[row.service] = _entry(row)
        return found

    def entries(
        self, service: str, *, after: int, limit: int, from_s: float | None = None, until_s: float | None = None
    ) -> Sequence[Entry]:
        """Entries of a service in order after a place, of those that have some of a time."""
        proofs = tables.proofs
        query = select(proofs).where(proofs.c.service == service, proofs.c.sequence > after)
        if from_s is not None:
            query = query.where(proofs.c.until_s > from_s)
        if until_s is not None:
            query = query.where(proofs.c.from_s < until_s)
        with looking(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query.order_by(proofs.c.sequence).limit(limit))]


def _newest(connection: Connection, services: Collection[str]) -> dict[str, int]:
    proofs = tables.proofs
    query = select(proofs.c.service, func.max(proofs.c.sequence)).where(proofs.c.service.in_(sorted(services)))
    return {row[0]: row[1] for row in connection.execute(query.group_by(proofs.c.service))}


def _entry(row: Row[Any]) -> Entry:
    try:
        doc = zlib.decompress(row.doc)
    except zlib.error:
        doc = bytes(row.doc)  # whoever verifies it will say so
    return Entry(
        service=row.service,
        tenant=row.tenant,
        sequence=row.sequence,
        from_s=row.from_s,
        until_s=row.until_s,
        doc=doc,
        signature=row.signature,
    )
