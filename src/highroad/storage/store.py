"""The store on a database that SQLAlchemy speaks to: one transaction a commit, durable when `commit` returns."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_upsert
from sqlalchemy.dialects.sqlite import insert as sqlite_upsert

from highroad.errors import Deposed, HighroadError, Unavailable
from highroad.model.freeze import Freeze
from highroad.model.incident import Incident, Maintenance
from highroad.model.network import Network
from highroad.model.proof import Entry
from highroad.model.service import Port, Service, Tenant
from highroad.model.webhook import KEPT_ATTEMPTS, Attempt, Webhook
from highroad.ports import Answer, Commit, CommitRecord, EventRecord, Snapshot, TokenRecord
from highroad.storage import audit, journal, proofs, tables
from highroad.storage.calls import SqlCalls, write_replies
from highroad.storage.codec import pack, pack_network, unpack, unpack_all, unpack_network
from highroad.storage.engines import (
    Where,
    check_server,
    in_order,
    looking,
    lost,
    on_postgresql,
    open_engine,
    shown,
    writing,
)
from highroad.storage.engines import reading as read_at_once
from highroad.storage.listening import COMMITS, notify
from highroad.storage.migrate import upgrade

T = TypeVar("T")

log = logging.getLogger(__name__)

FINDING_OUT_S = 30.0
"""How long a commit whose end was not confirmed is looked for, before nobody knows."""

KEYED: dict[str, tuple[Table, Callable[[Any], dict[str, Any]]]] = {
    "tenants": (tables.tenants, lambda one: {}),
    "ports": (tables.ports, lambda one: {"tenant": one.tenant}),
    "services": (tables.services, lambda one: {"tenant": one.tenant, "live": int(journal.is_live(one))}),
    "incidents": (tables.incidents, lambda one: {"opened_s": one.opened_s}),
    "maintenances": (tables.maintenances, lambda one: {"started_s": one.started_s}),
    "freezes": (tables.freezes, lambda one: {"started_s": one.started_s}),
    "tokens": (tables.tokens, lambda one: {"hash": one.hash}),
    "webhooks": (tables.webhooks, lambda one: {"live": int(one.removed_s is None)}),
}
"""What a commit holds with an id: its table, and the columns that are searched by."""


@dataclass(frozen=True, slots=True)
class _Time:
    """Of an event, when it happened: the rest of its document is passed over."""

    at_s: float


class SqlStore:
    """A `Store` on SQLite (WAL, synchronous=FULL) or PostgreSQL (synchronous_commit): a commit survives the loss of
    power. After an error of the database the same object works again as soon as the database does.
    """

    def __init__(self, where: Where) -> None:
        """Open or make the database and bring its tables up to date. Raises Unavailable where it cannot, Conflict for
        one of a newer release, and Invalid for a URL that is not one of PostgreSQL.
        """
        self._writing = threading.Lock()
        self._places: dict[str, int] = {}
        """The newest event of each tenant, by its place among the tenant's own, as of `_sequence`."""
        self._epoch: int | None = None
        self._unbased = journal.BASE_BYTES
        """How many bytes of commits there may be since the last base."""
        self._basing: threading.Thread | None = None
        self._in_memory = where == ":memory:"
        self._engine = open_engine(where)
        try:
            with writing(self._engine, f"the store at {shown(where)} cannot be opened") as connection:
                check_server(connection)
                in_order(connection)
                upgrade(connection)
                self._sequence = _last_place(connection, None)
                connection.execute(select(tables.epochs.c.epoch).with_for_update())
                if connection.scalar(select(tables.bases.c.number).limit(1)) is None:
                    journal.keep_base(connection, journal.make_base(connection, time.time()))
        except HighroadError:
            self._engine.dispose()
            raise

    @property
    def calls(self) -> SqlCalls:
        """What processes on this database leave there for each other."""
        return SqlCalls(self._engine)

    @property
    def log(self) -> audit.AuditLog:
        """The audit log, to be read."""
        return audit.AuditLog(self._engine)

    @property
    def proofs(self) -> proofs.Proofs:
        """What was delivered."""
        return proofs.Proofs(self._engine, self._seal)

    def _seal(self, entries: Sequence[Entry]) -> None:
        with self._writing, writing(self._engine, "nothing was sealed") as connection:
            self._claim(connection)
            proofs.append(connection, entries)

    @property
    def history(self) -> SqlStore:
        """What was committed."""
        return self

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        """Write all of it durably, or raise Unavailable and write none. Returns the events, numbered."""
        with self._writing:
            asked: list[tuple[int, bytes]] = []
            numbered: list[EventRecord] = []
            places: dict[str, int] = {}
            try:
                with writing(self._engine) as connection:
                    epoch = self._claim(connection)
                    places = self._last_places(connection, commit.events)
                    numbered = number(commit.events, self._sequence, places)
                    network, docs = self._write(connection, commit, numbered)
                    record = CommitRecord(
                        number=journal.last_number(connection) + 1,
                        epoch=epoch,
                        at_s=time.time(),
                        first_sequence=self._sequence,
                        last_sequence=self._sequence + len(numbered),
                    )
                    audit.append(connection, commit.audits, record.last_sequence)
                    doc = journal.append(connection, record, network, docs, commit.inputs)
                    notify(connection, COMMITS, str(record.number))
                    asked.append((record.number, doc))  # all but the end of the transaction
            except Unavailable as error:
                if not asked or not lost(error) or not self._is_written(*asked[0]):
                    raise
            self._sequence += len(numbered)
            self._places |= places
            self._unbased += len(asked[0][1])
        if self._unbased > journal.BASE_BYTES:
            self._checkpoint()
        return numbered

    def _is_written(self, number: int, doc: bytes) -> bool:
        """Whether a commit is in the store after whose end the connection was lost. Raises Unavailable."""
        commits = tables.commits
        until_s = time.monotonic() + FINDING_OUT_S
        while True:
            try:
                with writing(self._engine, "it is not known whether this was written") as connection:
                    connection.execute(select(tables.epochs.c.epoch).with_for_update())
                    return connection.scalar(select(commits.c.doc).where(commits.c.number == number)) == doc
            except Unavailable:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.2)

    def since(self, number: int, limit: int = 500) -> Sequence[tuple[int, Commit]] | None:
        """The commits after a number, with their events numbered; None where some of them are forgotten."""
        with read_at_once(self._engine) as connection:
            return journal.since(connection, number, limit)

    def records(self, after: int, limit: int) -> Sequence[CommitRecord]:
        """What is known of the commits after a number but for what they wrote, in order."""
        with looking(self._engine) as connection:
            return journal.records(connection, after, limit)

    def newest(self) -> int:
        """The number of the newest commit; 0 where there was none."""
        with looking(self._engine) as connection:
            return journal.last_number(connection)

    def inputs(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """What was noted with the commits after a number, in order."""
        with looking(self._engine) as connection:
            return journal.inputs(connection, after, limit)

    def at(self, number: int) -> Snapshot:
        """Everything as it was after a commit. Raises NotFound for one that is forgotten or not yet made."""
        with read_at_once(self._engine) as connection:
            return journal.at(connection, number)

    def checkpoint(self) -> int:
        """Write a base of what there is. Returns the number of its commit. Raises Unavailable."""
        with read_at_once(self._engine) as connection:
            rows = journal.make_base(connection, time.time())
        with writing(self._engine, "no base was written") as connection:
            journal.keep_base(connection, rows)
        return int(rows[0]["number"])

    def prune(self, before_s: float) -> int:
        """Forget what the newest base from before a time makes needless. Returns how many commits that were."""
        with self._writing, writing(self._engine) as connection:
            return journal.prune(connection, before_s)

    def _checkpoint(self) -> None:
        """Beside what goes on, if it is time: a base takes long where there is much."""
        if self._basing is not None and self._basing.is_alive():
            return

        def base() -> None:
            try:
                with looking(self._engine) as connection:
                    due = journal.needs_base(connection)
                if due:
                    self.checkpoint()
                    self._unbased = 0
                else:
                    self._unbased = journal.BASE_BYTES // 2
            except HighroadError as error:
                log.warning("%s; it is tried again with the next commit", error)

        self._basing = threading.Thread(target=base, name="base", daemon=True)
        self._basing.start()
        if self._in_memory:
            self._basing.join()

    def load(self) -> Snapshot:
        """Everything that the controller starts from, with the recent incidents and maintenances."""
        with read_at_once(self._engine) as connection:
            newest = _newest(connection)
            return Snapshot(
                network=None if newest is None else unpack_network(newest.doc),
                network_revision=0 if newest is None else newest.revision,
                tenants=_docs(connection, tables.tenants, Tenant),
                ports=_docs(connection, tables.ports, Port),
                services=_docs(connection, tables.services, Service, tables.services.c.live == 1),
                incidents=journal.read_recent(connection, tables.incidents, "opened_s", Incident),
                maintenances=journal.read_recent(connection, tables.maintenances, "started_s", Maintenance),
                freeze=_freeze(connection),
                tokens=_docs(connection, tables.tokens, TokenRecord),
                webhooks=_docs(connection, tables.webhooks, Webhook, tables.webhooks.c.live == 1),
                last_sequence=_last_place(connection, None),
                commit_number=journal.last_number(connection),
            )

    def network(self) -> Network | None:
        """The network in force."""
        with looking(self._engine) as connection:
            newest = _newest(connection)
        return None if newest is None else unpack_network(newest.doc)

    def answer(self, scope: str, key: str) -> Answer | None:
        """What was answered under an Idempotency-Key, if anything."""
        answers = tables.answers
        query = select(answers.c.doc).where(answers.c.scope == scope, answers.c.key == key)
        with looking(self._engine) as connection:
            doc = connection.scalar(query)
        return None if doc is None else unpack(doc, Answer)

    def service(self, service_id: str) -> Service | None:
        """One service, live or ended."""
        if "\0" in service_id:
            return None  # PostgreSQL would not even be asked for it
        query = select(tables.services.c.doc).where(tables.services.c.id == service_id)
        with looking(self._engine) as connection:
            doc = connection.scalar(query)
        return None if doc is None else unpack(doc, Service)

    def events(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False, subject: str | None = None
    ) -> Sequence[EventRecord]:
        """Events in order: a tenant's own after a place in its own sequence, or all after one in that of operators; of
        one subject only, if one is given.
        """
        if (tenant is None and not operator) or "\0" in (subject or ""):
            return []
        events = tables.events
        place = events.c.sequence if operator else events.c.tenant_sequence
        query = select(events).where(place > after).order_by(place).limit(limit)
        if not operator:
            query = query.where(events.c.tenant == tenant)
        if subject is not None:
            query = query.where(events.c.subject == subject)
        with looking(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            replace(unpack(row.doc, EventRecord), sequence=row.sequence, tenant_sequence=row.tenant_sequence or 0)
            for row in rows
        ]

    def times(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False
    ) -> Sequence[tuple[int, float]]:
        """The places and times, in seconds, of the same events: a clock that was set back shows in them."""
        if tenant is None and not operator:
            return []
        events = tables.events
        place = events.c.sequence if operator else events.c.tenant_sequence
        query = select(place, events.c.doc).where(place > after).order_by(place).limit(limit)
        if not operator:
            query = query.where(events.c.tenant == tenant)
        with looking(self._engine) as connection:
            return [(at, unpack(doc, _Time).at_s) for at, doc in connection.execute(query)]

    def last_place(self, *, tenant: str | None = None, operator: bool = False) -> int:
        """The place of the newest event in the same sequences; 0 where there is none."""
        if tenant is None and not operator:
            return 0
        with looking(self._engine) as connection:
            return _last_place(connection, None if operator else tenant)

    def attempts(self, webhook: str) -> Sequence[Attempt]:
        """The newest attempts of a webhook, the newest first."""
        attempts = tables.webhook_attempts
        query = select(attempts.c.doc).where(attempts.c.webhook == webhook)
        with looking(self._engine) as connection:
            docs = connection.scalars(query).all()
        return sorted((unpack(doc, Attempt) for doc in docs), key=lambda one: -one.number)

    def services(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Service]:
        """Services, live and ended, by id."""
        query = select(tables.services.c.doc)
        if tenant is not None:
            query = query.where(tables.services.c.tenant == tenant)
        if after is not None:
            query = query.where(tables.services.c.id > after)
        with looking(self._engine) as connection:
            docs = connection.scalars(query.order_by(tables.services.c.id).limit(limit)).all()
        return [unpack(doc, Service) for doc in docs]

    def raise_epoch(self) -> int:
        """One more than it has ever returned, durably. Raises Unavailable."""
        epochs = tables.epochs
        raised = update(epochs).values(epoch=epochs.c.epoch + 1).returning(epochs.c.epoch)
        with self._writing, writing(self._engine, "the epoch could not be raised") as connection:
            return int(connection.execute(raised).scalar_one())

    def lead(self, epoch: int) -> None:
        """Write from now on only for as long as nobody has raised the epoch: else a commit raises Deposed."""
        self._epoch = epoch

    def probe(self) -> None:
        """Write something that changes nothing, durably. Raises Unavailable where nothing can be written."""
        with self._writing, writing(self._engine, "nothing can be written") as connection:
            connection.execute(update(tables.epochs).values(epoch=tables.epochs.c.epoch))

    def close(self) -> None:
        """Let go of the file or the connections."""
        if self._basing is not None:
            self._basing.join()
        self._engine.dispose()

    def _write(
        self, connection: Connection, commit: Commit, events: Sequence[EventRecord]
    ) -> tuple[bytes | None, dict[str, Sequence[bytes]]]:
        """All but the journal's row. Returns the documents of which that is made."""
        network = None if commit.network is None else pack_network(commit.network)
        if network is not None:
            revision = 1 + (connection.scalar(select(func.max(tables.networks.c.revision))) or 0)
            connection.execute(insert(tables.networks), [{"revision": revision, "doc": network}])
        docs: dict[str, Sequence[bytes]] = {}
        for name, (table, columns) in KEYED.items():
            values = getattr(commit, name)
            docs[name] = [pack(one) for one in values]
            rows = zip(values, docs[name], strict=True)
            _put(connection, table, [{"id": one.id, "doc": doc} | columns(one) for one, doc in rows])
        _put(
            connection,
            tables.answers,
            [{"scope": one.scope, "key": one.key, "doc": pack(one)} for one in commit.answers],
        )
        _put(
            connection,
            tables.webhook_attempts,
            [{"webhook": one.webhook, "slot": one.number % KEPT_ATTEMPTS, "doc": pack(one)} for one in commit.attempts],
        )
        if events:
            connection.execute(
                insert(tables.events),
                [
                    {
                        "sequence": one.sequence,
                        "tenant": one.tenant,
                        "tenant_sequence": None if one.tenant is None else one.tenant_sequence,
                        "subject": one.subject,
                        "doc": pack(one),
                    }
                    for one in events
                ],
            )
        write_replies(connection, commit.replies)
        return network, docs

    def _claim(self, connection: Connection) -> int:
        """Hold the one row that every commit holds, see that the epoch is still ours, and know where events end."""
        holding = select(tables.epochs.c.epoch).with_for_update()
        epoch = connection.execute(holding).scalar_one()
        if self._epoch is not None and epoch != self._epoch:
            raise Deposed(f"nothing was written: epoch {epoch} leads by now, and this process has {self._epoch}")
        last = _last_place(connection, None)
        if last != self._sequence:
            self._sequence, self._places = last, {}
        return int(epoch)

    def _last_places(self, connection: Connection, events: Sequence[EventRecord]) -> dict[str, int]:
        """The place of the newest event of each tenant of some."""
        tenants = {one.tenant for one in events if one.tenant is not None}
        return {
            tenant: self._places[tenant] if tenant in self._places else _last_place(connection, tenant)
            for tenant in tenants
        }


def number(events: Sequence[EventRecord], last: int, places: dict[str, int]) -> list[EventRecord]:
    """Events in order after the last one of all and, in `places`, which is brought up to date, of each tenant."""
    numbered: list[EventRecord] = []
    for sequence, record in enumerate(events, last + 1):
        if record.tenant is not None:
            places[record.tenant] += 1
        place = 0 if record.tenant is None else places[record.tenant]
        numbered.append(replace(record, sequence=sequence, tenant_sequence=place))
    return numbered


def _last_place(connection: Connection, tenant: str | None) -> int:
    events = tables.events
    query = select(func.max(events.c.sequence))
    if tenant is not None:
        query = select(func.max(events.c.tenant_sequence)).where(events.c.tenant == tenant)
    return connection.scalar(query) or 0


def _put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows, or replace those with the same key; of two with one key the later wins."""
    if rows:
        connection.execute(_putting(table, on_postgresql(connection)), rows)


@cache
def _putting(table: Table, on_server: bool) -> Any:
    statement = postgresql_upsert(table) if on_server else sqlite_upsert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def _newest(connection: Connection) -> Any:
    return connection.execute(select(tables.networks).order_by(tables.networks.c.revision.desc()).limit(1)).first()


def _docs(connection: Connection, table: Table, kind: type[T], *where: Any) -> list[T]:
    rows = connection.scalars(select(table.c.doc).where(*where).order_by(table.c.id)).all()
    return unpack_all(rows, kind)


def _freeze(connection: Connection) -> Freeze | None:
    """The one in force: the newest, unless it has ended."""
    freezes = tables.freezes
    doc = connection.scalar(select(freezes.c.doc).order_by(freezes.c.started_s.desc(), freezes.c.id.desc()).limit(1))
    newest = None if doc is None else unpack(doc, Freeze)
    return newest if newest is not None and newest.open else None
