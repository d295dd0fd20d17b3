"""The store on a database that SQLAlchemy speaks to: one transaction a commit, durable when `commit` returns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from highroad.errors import Unavailable
from highroad.model.freeze import Freeze
from highroad.model.incident import Incident, Maintenance
from highroad.model.lifecycle import ENDED
from highroad.model.service import Port, Service, Tenant
from highroad.ports import Answer, Commit, EventRecord, Snapshot, TokenRecord
from highroad.storage import tables
from highroad.storage.codec import pack, pack_network, unpack, unpack_network
from highroad.storage.migrate import upgrade

T = TypeVar("T")

RECENT = 200
"""How many closed incidents and maintenances are kept in memory for the pages that list them."""


class SqlStore:
    """A `Store` on SQLite: WAL, and synchronous=FULL, so that a commit survives the loss of power."""

    def __init__(self, path: Path | Literal[":memory:"]) -> None:
        """Open or make the database and bring its tables up to date. Raises Unavailable where it cannot."""
        self._writing = threading.Lock()
        self._engine = _engine(path)
        try:
            with self._engine.begin() as connection:
                upgrade(connection)
            with self._engine.connect() as connection:
                self._sequence = connection.scalar(select(func.max(tables.events.c.sequence))) or 0
        except DBAPIError as error:
            self._engine.dispose()
            raise Unavailable(f"the store at {path} cannot be opened: {error.orig}") from error

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        """Write all of it durably, or raise Unavailable and write none. Returns the events, numbered."""
        with self._writing:
            numbered = [
                replace(record, sequence=self._sequence + place) for place, record in enumerate(commit.events, 1)
            ]
            try:
                with self._engine.begin() as connection:
                    self._write(connection, commit, numbered)
            except DBAPIError as error:
                raise Unavailable(f"nothing was written: {error.orig}") from error
            self._sequence += len(numbered)
            return numbered

    def load(self) -> Snapshot:
        """Everything that the controller starts from, with the recent incidents and maintenances."""
        with self._engine.connect() as connection:
            newest = connection.execute(
                select(tables.networks).order_by(tables.networks.c.revision.desc()).limit(1)
            ).first()
            return Snapshot(
                network=None if newest is None else unpack_network(newest.doc),
                network_revision=0 if newest is None else newest.revision,
                tenants=_docs(connection, tables.tenants, Tenant),
                ports=_docs(connection, tables.ports, Port),
                services=_docs(connection, tables.services, Service, tables.services.c.live == 1),
                incidents=_recent(connection, tables.incidents, "opened_s", Incident, lambda one: one.open),
                maintenances=_recent(
                    connection, tables.maintenances, "started_s", Maintenance, lambda one: one.ended_s is None
                ),
                freeze=_freeze(connection),
                tokens=_docs(connection, tables.tokens, TokenRecord),
                last_sequence=self._sequence,
            )

    def answer(self, scope: str, key: str) -> Answer | None:
        """What was answered under an Idempotency-Key, if anything."""
        answers = tables.answers
        query = select(answers.c.doc).where(answers.c.scope == scope, answers.c.key == key)
        with self._engine.connect() as connection:
            doc = connection.scalar(query)
        return None if doc is None else unpack(doc, Answer)

    def service(self, service_id: str) -> Service | None:
        """One service, live or ended."""
        query = select(tables.services.c.doc).where(tables.services.c.id == service_id)
        with self._engine.connect() as connection:
            doc = connection.scalar(query)
        return None if doc is None else unpack(doc, Service)

    def events(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False
    ) -> Sequence[EventRecord]:
        """Events after a sequence number, in order: a tenant's own, or all for an operator."""
        query = select(tables.events).where(tables.events.c.sequence > after)
        if tenant is None and not operator:
            return []
        if not operator:
            query = query.where(tables.events.c.tenant == tenant)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(tables.events.c.sequence).limit(limit)).all()
        return [replace(unpack(row.doc, EventRecord), sequence=row.sequence) for row in rows]

    def services(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Service]:
        """Services, live and ended, by id."""
        query = select(tables.services.c.doc)
        if tenant is not None:
            query = query.where(tables.services.c.tenant == tenant)
        if after is not None:
            query = query.where(tables.services.c.id > after)
        with self._engine.connect() as connection:
            docs = connection.scalars(query.order_by(tables.services.c.id).limit(limit)).all()
        return [unpack(doc, Service) for doc in docs]

    def raise_epoch(self) -> int:
        """One more than it has ever returned, durably. Raises Unavailable."""
        epochs = tables.epochs
        raised = update(epochs).values(epoch=epochs.c.epoch + 1).returning(epochs.c.epoch)
        with self._writing:
            try:
                with self._engine.begin() as connection:
                    return int(connection.execute(raised).scalar_one())
            except DBAPIError as error:
                raise Unavailable(f"the epoch could not be raised: {error.orig}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _write(self, connection: Connection, commit: Commit, events: Sequence[EventRecord]) -> None:
        if commit.network is not None:
            connection.execute(insert(tables.networks), [{"doc": pack_network(commit.network)}])
        _put(connection, tables.tenants, [{"id": one.id, "doc": pack(one)} for one in commit.tenants])
        _put(
            connection,
            tables.ports,
            [{"id": one.id, "tenant": one.tenant, "doc": pack(one)} for one in commit.ports],
        )
        _put(
            connection,
            tables.services,
            [
                {"id": one.id, "tenant": one.tenant, "live": int(is_live(one)), "doc": pack(one)}
                for one in commit.services
            ],
        )
        _put(
            connection,
            tables.incidents,
            [{"id": one.id, "opened_s": one.opened_s, "doc": pack(one)} for one in commit.incidents],
        )
        _put(
            connection,
            tables.maintenances,
            [{"id": one.id, "started_s": one.started_s, "doc": pack(one)} for one in commit.maintenances],
        )
        _put(
            connection,
            tables.freezes,
            [{"id": one.id, "started_s": one.started_s, "doc": pack(one)} for one in commit.freezes],
        )
        _put(
            connection,
            tables.tokens,
            [{"id": one.id, "hash": one.hash, "doc": pack(one)} for one in commit.tokens],
        )
        _put(
            connection,
            tables.answers,
            [{"scope": one.scope, "key": one.key, "doc": pack(one)} for one in commit.answers],
        )
        if events:
            connection.execute(
                insert(tables.events),
                [{"sequence": one.sequence, "tenant": one.tenant, "doc": pack(one)} for one in events],
            )


def is_live(service: Service) -> bool:
    """Whether the controller still has to do with a service."""
    return service.state not in ENDED or bool(service.leaving)


def _put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, or replace those with the same key; of two with one key the later wins."""
    if not rows:
        return
    statement = upsert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), rows)


def _docs(connection: Connection, table: Table, kind: type[T], *where: Any) -> list[T]:
    rows = connection.scalars(select(table.c.doc).where(*where).order_by(table.c.id)).all()
    return [unpack(doc, kind) for doc in rows]


def _freeze(connection: Connection) -> Freeze | None:
    """The one in force: the newest, unless it has ended."""
    freezes = tables.freezes
    doc = connection.scalar(select(freezes.c.doc).order_by(freezes.c.started_s.desc()).limit(1))
    newest = None if doc is None else unpack(doc, Freeze)
    return newest if newest is not None and newest.open else None


def _recent(connection: Connection, table: Table, by: str, kind: type[T], keep: Callable[[T], bool]) -> list[T]:
    values = [unpack(doc, kind) for doc in connection.scalars(select(table.c.doc).order_by(table.c[by])).all()]
    ongoing = [value for value in values[:-RECENT] if keep(value)]
    return ongoing + values[-RECENT:]


def _engine(path: Path | Literal[":memory:"]) -> Engine:
    if path == ":memory:":
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver would begin only at the first write, and never for a change of tables (sqlalchemy.org, pysqlite).
        connection.exec_driver_sql("BEGIN")

    return engine
