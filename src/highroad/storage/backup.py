"""A backup of a store: all of its rows as they were at one instant, while whoever uses it goes on."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, column, inspect, select, table

from highroad.errors import Conflict, Finding, Invalid, NotFound
from highroad.model.audit import row_of
from highroad.model.webhook import Attempt
from highroad.ports import Answer, EventRecord
from highroad.storage import journal, tables
from highroad.storage.codec import unpack, unpack_network
from highroad.storage.engines import Where, is_url, open_engine, reading, shown
from highroad.storage.migrate import newest, revision, revisions
from highroad.storage.portable import Cell, End, Head, Rows, Writer, check, frames, refuse_row, writing_to

PASSING = {"calls", "replies", "board"}
"""What processes tell each other while they run: by the time of a restore nobody waits for it any more."""

READ_AT_ONCE = 200
"""How many rows are asked for at once: bounded memory, whatever a store holds."""

Progress = Callable[[str, int], None]
"""Told a table, and how many of its rows are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is in a backup."""

    revision: str
    release: str
    at_s: float
    store: str
    sha256: str
    size_bytes: int
    counts: Mapping[str, int]


def quiet(_table: str, _rows: int) -> None:
    """Progress that nobody looks at."""


def back_up(
    where: Where,
    to: Path,
    *,
    at_s: float,
    keys: Mapping[str, bytes] | None = None,
    replace: bool = False,
    progress: Progress = quiet,
) -> Summary:
    """Write all of a store into a file, which is there when it is whole.

    Raises NotFound where there is no store, Conflict for one of a newer release or a file that is there, Unavailable.
    """
    if isinstance(where, Path) and not where.is_file():
        raise NotFound(f"there is no store at {where}")
    engine = open_engine(where)
    try:
        with reading(engine, f"the store at {shown(where)} cannot be read") as connection:
            at = revision(connection)
            if at is None:
                raise NotFound(f"there is no store at {shown(where)}: no Highroad was started on it yet")
            if at not in revisions():
                raise Conflict(
                    f"the store was written by a newer release (its tables are at {at}): back it up with that"
                )
            head = Head(
                revision=at,
                release=metadata.version("highroad"),
                at_s=at_s,
                store="postgresql" if is_url(where) else "sqlite",
                columns=columns_of(connection),
                keys=dict(keys or {}),
            )
            with writing_to(to, replace=replace) as file:
                writer = Writer(file, head)
                for name, names in head.columns.items():
                    _add(connection, writer, name, names, progress)
                writer.finish()
    finally:
        engine.dispose()
    return _summary(to, head, writer.counts, check(to))


def columns_of(connection: Connection) -> dict[str, list[str]]:
    """The tables that are kept, as the store has them now, with their columns."""
    seen = inspect(connection)
    names = sorted(set(seen.get_table_names()) & set(tables.metadata.tables) - PASSING)
    return {name: [str(one["name"]) for one in seen.get_columns(name)] for name in names}


def _add(connection: Connection, writer: Writer, name: str, names: list[str], progress: Progress) -> None:
    keys = inspect(connection).get_pk_constraint(name)["constrained_columns"]
    query: Any = select(*map(column, names)).select_from(table(name)).order_by(*map(column, keys))
    options = {"stream_results": True, "yield_per": READ_AT_ONCE}
    done = 0
    with connection.execute(query, execution_options=options) as result:
        for rows in result.partitions():
            for row in rows:
                writer.add(name, tuple(_cell(cell) for cell in row))
            done += len(rows)
            progress(name, done)


def _cell(cell: Any) -> Cell:
    return bytes(cell) if isinstance(cell, memoryview) else cell


def verify(path: Path, progress: Progress = quiet) -> tuple[Summary, Head]:
    """Hold a file against its checksum and its counts, and decode every row; its head has the keys too.

    Raises Invalid where it is not whole, and Conflict for one of a newer release.
    """
    sha256 = check(path)
    head: Head | None = None
    places: dict[str, int] = {}
    done: dict[str, int] = {}
    for frame in frames(path):
        match frame:
            case Head():
                head = frame
                _known(path, frame)
                places = {name: names.index("doc") for name, names in frame.columns.items() if "doc" in names}
            case Rows(table=name, rows=rows):
                if name in places and name in DOCUMENTS:
                    _decode(path, name, rows, places[name])
                done[name] = done.get(name, 0) + len(rows)
                progress(name, done[name])
            case End(counts=counts) if head is not None:
                return _summary(path, head, counts, sha256), head
            case _:
                break
    raise Invalid([Finding(code="backup", place=str(path), message="it has no end")])


def _known(path: Path, head: Head) -> None:
    if head.revision not in revisions():
        raise Conflict(
            f"{path} was written by a newer release, {head.release} (its tables are at {head.revision}, this release "
            f"knows them up to {newest()}): install that release"
        )
    unknown = sorted(set(head.columns) - set(tables.metadata.tables))
    if unknown:
        raise Invalid([Finding(code="backup", place=str(path), message=f"there is no table {', '.join(unknown)}")])


def _decode(path: Path, name: str, rows: list[tuple[Cell, ...]], place: int) -> None:
    decode = DOCUMENTS[name]
    for row in rows:
        try:
            decode(row[place])
        except (ValueError, TypeError, KeyError, msgspec.MsgspecError, zlib.error) as error:
            refuse_row(path, name, row, error)


def _kind(kind: Any) -> Callable[[Any], object]:
    return lambda doc: unpack(doc, kind)


DOCUMENTS: dict[str, Callable[[Any], object]] = {
    **{name: _kind(kind) for name, kind in journal.KINDS.items()},
    "networks": unpack_network,
    "answers": _kind(Answer),
    "events": _kind(EventRecord),
    "webhook_attempts": _kind(Attempt),
    "audit": row_of,
    "commits": journal.unpack_commit,
    "bases": journal.unpack_commit,
}
"""How the documents of each table are read."""


def _summary(path: Path, head: Head, counts: Mapping[str, int], sha256: str) -> Summary:
    return Summary(
        revision=head.revision,
        release=head.release,
        at_s=head.at_s,
        store=head.store,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        counts=dict(counts),
    )
