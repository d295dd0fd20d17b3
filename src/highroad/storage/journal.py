"""The journal of commits: what each made known, and the book as it was after any of them.

A commit's row has what it wrote but for answers, events (which have a table) and replies. Now and then a base is
written, everything as it is, so that few commits have to be read on top of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import GenericAlias
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select

from highroad.errors import NotFound
from highroad.model.freeze import Freeze
from highroad.model.incident import Incident, Maintenance
from highroad.model.lifecycle import ENDED
from highroad.model.network import Network
from highroad.model.service import Port, Service, Tenant
from highroad.model.webhook import Webhook
from highroad.ports import Commit, CommitRecord, EventRecord, Snapshot, TokenRecord
from highroad.storage import tables
from highroad.storage.codec import pack, unpack, unpack_network

T = TypeVar("T")

RECENT = 200
"""How many closed incidents and maintenances are kept in memory for the pages that list them."""

BASE_BYTES = 4 << 20
"""A new base is written after so many bytes of commits, or twice as many as the last base has."""

PART = 500
"""Values in one part of a base."""

KINDS: dict[str, Any] = {
    "tenants": Tenant,
    "ports": Port,
    "services": Service,
    "incidents": Incident,
    "maintenances": Maintenance,
    "freezes": Freeze,
    "tokens": TokenRecord,
    "webhooks": Webhook,
}
"""What a commit's document holds besides the network."""

LISTS: dict[str, Any] = {name: GenericAlias(list, (kind,)) for name, kind in KINDS.items()}


def pack_commit(network: bytes | None, docs: dict[str, Sequence[bytes]]) -> bytes:
    """A commit's document, of the documents of its values."""
    plain: dict[str, Any] = {name: [msgspec.Raw(doc) for doc in found] for name, found in docs.items() if found}
    if network is not None:
        plain["network"] = msgspec.Raw(network)
    return zlib.compress(msgspec.json.encode(plain), 1)


def unpack_commit(doc: bytes, events: Sequence[EventRecord] = ()) -> Commit:
    """What `pack_commit` made a document of."""
    fields = msgspec.json.decode(zlib.decompress(doc), type=dict[str, msgspec.Raw])
    network = fields.get("network")
    return Commit(
        network=None if network is None else unpack_network(bytes(network)),
        events=events,
        **{name: msgspec.json.decode(fields[name], type=lists) for name, lists in LISTS.items() if name in fields},
    )


def append(
    connection: Connection,
    record: CommitRecord,
    network: bytes | None,
    docs: dict[str, Sequence[bytes]],
    inputs: bytes = b"",
) -> bytes:
    """Write a commit's row. Returns its document."""
    doc = pack_commit(network, docs)
    row = {name: getattr(record, name) for name in ("number", "epoch", "at_s", "first_sequence", "last_sequence")}
    connection.execute(insert(tables.commits), [row | {"doc": doc, "inputs": inputs or None}])
    return doc


def last_number(connection: Connection) -> int:
    """Of the newest commit; 0 where there was none."""
    newest = connection.scalar(select(func.max(tables.commits.c.number)))
    return newest or connection.scalar(select(func.max(tables.bases.c.number))) or 0


def since(connection: Connection, number: int, limit: int) -> Sequence[tuple[int, Commit]] | None:
    """The commits after a number, in order, with their events numbered; None where some of them are forgotten."""
    commits = tables.commits
    if number > last_number(connection):
        return None
    rows = connection.execute(_known().where(commits.c.number > number).order_by(commits.c.number).limit(limit))
    found = rows.all()
    if not found:
        return [] if number == last_number(connection) else None
    if found[0].number != number + 1:
        return None
    events = _events(connection, found[0].first_sequence, found[-1].last_sequence)
    return [
        (row.number, unpack_commit(row.doc, tuple(_between(events, row, found[0].first_sequence)))) for row in found
    ]


def records(connection: Connection, after: int, limit: int) -> Sequence[CommitRecord]:
    """What is known of the commits after a number but for what they wrote, in order."""
    commits = tables.commits
    columns = [column for column in commits.c if column.name not in ("doc", "inputs")]
    rows = connection.execute(select(*columns).where(commits.c.number > after).order_by(commits.c.number).limit(limit))
    return [CommitRecord(**row._mapping) for row in rows]


def inputs(connection: Connection, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
    """What was noted with the commits after a number, in order; nothing with those that nothing was decided for."""
    commits = tables.commits
    query = select(commits.c.number, commits.c.inputs).where(commits.c.number > after).order_by(commits.c.number)
    return [(row.number, row.inputs or b"") for row in connection.execute(query.limit(limit))]


def at(connection: Connection, number: int) -> Snapshot:
    """Everything as it was after a commit. Raises NotFound for one that is forgotten or not yet made."""
    bases, commits = tables.bases, tables.commits
    newest = connection.scalar(select(func.max(bases.c.number)).where(bases.c.number <= number))
    if newest is None or number > last_number(connection):
        raise NotFound(f"there is no commit {number} in the journal")
    state = State()
    for doc in connection.scalars(select(bases.c.doc).where(bases.c.number == newest).order_by(bases.c.part)):
        state.base(doc)
    after = _known().where(commits.c.number > newest, commits.c.number <= number).order_by(commits.c.number)
    for row in connection.execute(after):
        state.add(unpack_commit(row.doc), row.last_sequence)
    return state.snapshot(number)


def _known() -> Select[Any]:
    """Commits without what they were decided from, which is larger."""
    return select(*(column for column in tables.commits.c if column.name != "inputs"))


@dataclass(slots=True)
class State:
    """What a book is made of, as commits are added to it."""

    network: Network | None = None
    network_revision: int = 0
    last_sequence: int = 0
    values: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in KINDS})

    def base(self, doc: bytes) -> None:
        """Know one part of a base."""
        fields = msgspec.json.decode(zlib.decompress(doc), type=dict[str, msgspec.Raw])
        if "revision" in fields:
            self.network_revision = msgspec.json.decode(fields["revision"], type=int)
            self.last_sequence = msgspec.json.decode(fields["sequence"], type=int)
        revision = self.network_revision
        self.add(unpack_commit(doc), self.last_sequence)
        self.network_revision = revision

    def add(self, commit: Commit, last_sequence: int) -> None:
        """Know what a commit wrote."""
        if commit.network is not None:
            self.network = commit.network
            self.network_revision += 1
        for name, known in self.values.items():
            for one in getattr(commit, name):
                if (name == "services" and not is_live(one)) or (name == "webhooks" and one.removed_s is not None):
                    known.pop(one.id, None)
                else:
                    known[one.id] = one
        self.last_sequence = last_sequence

    def snapshot(self, number: int) -> Snapshot:
        """As a store loads it."""
        values = {name: [known[key] for key in sorted(known)] for name, known in self.values.items()}
        freezes = sorted(values.pop("freezes"), key=lambda one: (one.started_s, one.id))
        values["incidents"] = recent(sorted(values["incidents"], key=lambda one: (one.opened_s, one.id)))
        values["maintenances"] = recent(sorted(values["maintenances"], key=lambda one: (one.started_s, one.id)))
        return Snapshot(
            network=self.network,
            network_revision=self.network_revision,
            freeze=freezes[-1] if freezes and freezes[-1].open else None,
            last_sequence=self.last_sequence,
            commit_number=number,
            **values,
        )


def recent(values: Sequence[T]) -> list[T]:
    """Of incidents or maintenances in order, those that go on, and the last of the others."""
    return [value for value in values[:-RECENT] if goes_on(value)] + list(values[-RECENT:])


def goes_on(value: Any) -> bool:
    """Whether an incident or a maintenance has not ended."""
    return bool(value.open) if isinstance(value, Incident) else value.ended_s is None


def is_live(service: Service) -> bool:
    """Whether the controller still has to do with a service."""
    return service.state not in ENDED or bool(service.leaving)


# --- bases ------------------------------------------------------------------------------------------------------


def needs_base(connection: Connection) -> bool:
    """Whether so much was committed since the last base that there should be another, or there is none."""
    bases, commits = tables.bases, tables.commits
    newest = connection.scalar(select(func.max(bases.c.number)))
    if newest is None:
        return True
    size = connection.scalar(select(func.sum(func.length(bases.c.doc))).where(bases.c.number == newest)) or 0
    since = connection.scalar(select(func.sum(func.length(commits.c.doc))).where(commits.c.number > newest)) or 0
    return bool(since > max(BASE_BYTES, 2 * size))


def make_base(connection: Connection, at_s: float) -> list[dict[str, Any]]:
    """The rows of a base of what the store has, as the connection sees it: in a transaction that sees one instant."""
    number = last_number(connection)
    networks = tables.networks
    newest = connection.execute(select(networks).order_by(networks.c.revision.desc()).limit(1)).first()
    head: dict[str, Any] = {
        "revision": 0 if newest is None else newest.revision,
        "sequence": connection.scalar(select(func.max(tables.events.c.sequence))) or 0,
    }
    if newest is not None:
        head["network"] = msgspec.Raw(newest.doc)
    docs = [zlib.compress(msgspec.json.encode(head), 1)]
    docs += [pack_commit(None, {name: part}) for name, found in _all(connection) for part in _parts(found)]
    return [{"number": number, "part": part, "at_s": at_s, "doc": doc} for part, doc in enumerate(docs)]


def keep_base(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write a base, unless there is one of that commit."""
    bases = tables.bases
    if connection.scalar(select(bases.c.number).where(bases.c.number == rows[0]["number"]).limit(1)) is None:
        connection.execute(insert(bases), rows)


def prune(connection: Connection, before_s: float) -> int:
    """Forget what the newest base from before a time makes needless. Returns how many commits that were."""
    bases, commits = tables.bases, tables.commits
    newest = connection.scalar(select(func.max(bases.c.number)).where(bases.c.at_s < before_s))
    if newest is None:
        return 0
    connection.execute(delete(bases).where(bases.c.number < newest))
    return int(connection.execute(delete(commits).where(commits.c.number <= newest)).rowcount)


def _all(connection: Connection) -> Iterator[tuple[str, Sequence[bytes]]]:
    for name, table in (("tenants", tables.tenants), ("ports", tables.ports), ("tokens", tables.tokens)):
        yield name, connection.scalars(select(table.c.doc)).all()
    yield "services", connection.scalars(select(tables.services.c.doc).where(tables.services.c.live == 1)).all()
    yield "webhooks", connection.scalars(select(tables.webhooks.c.doc).where(tables.webhooks.c.live == 1)).all()
    newest = select(tables.freezes.c.doc).order_by(tables.freezes.c.started_s.desc(), tables.freezes.c.id.desc())
    yield "freezes", connection.scalars(newest.limit(1)).all()
    yield "incidents", [pack(one) for one in read_recent(connection, tables.incidents, "opened_s", Incident)]
    yield "maintenances", [pack(one) for one in read_recent(connection, tables.maintenances, "started_s", Maintenance)]


def read_recent(connection: Connection, table: Table, by: str, kind: type[T]) -> list[T]:
    """Those that go on, and the last of the others, in order."""
    docs = connection.scalars(select(table.c.doc).order_by(table.c[by], table.c.id)).all()
    return recent([unpack(doc, kind) for doc in docs])


def _parts(docs: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(docs), PART):
        yield docs[start : start + PART]


def _events(connection: Connection, after: int, last: int) -> list[EventRecord]:
    events = tables.events
    if last <= after:
        return []
    query = select(events).where(events.c.sequence > after, events.c.sequence <= last).order_by(events.c.sequence)
    return [event_of(row) for row in connection.execute(query)]


def event_of(row: Row[Any]) -> EventRecord:
    """The event of a row."""
    return replace(unpack(row.doc, EventRecord), sequence=row.sequence, tenant_sequence=row.tenant_sequence or 0)


def _between(events: Sequence[EventRecord], row: Row[Any], first: int) -> Sequence[EventRecord]:
    return events[row.first_sequence - first : row.last_sequence - first]
