"""A store as a backup has it: all of it, or what was there before."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, column, delete, func, insert, inspect, select, table, text, update

from highroad.errors import Conflict, Unavailable
from highroad.storage import tables
from highroad.storage.backup import PASSING, Progress, Summary, quiet, verify
from highroad.storage.election import LEADS
from highroad.storage.engines import (
    Where,
    check_server,
    in_order,
    looking,
    on_postgresql,
    open_engine,
    shown,
    writing,
)
from highroad.storage.migrate import upgrade
from highroad.storage.portable import Head, Rows, frames, sync_folder

EPOCHS_AHEAD = 1_000_000
"""How much higher the epoch is after a restore: starts since the backup, which only routers remember, were fewer."""

AT_FIRST = {"epochs", "bases"} | PASSING
"""What a store has that nobody has ordered anything of."""

WEBHOOK_KEY = "webhooks"
"""Under which name a database has the key that a home has in a file of its own."""


def restore(
    path: Path, where: Where, *, replace: bool = False, progress: Progress = quiet
) -> tuple[Summary, dict[str, bytes]]:
    """Make a store what a backup has, by this release's tables. Returns what is in it, and the keys besides the store.

    Nothing is touched before every row was read and decoded. Raises Invalid for what is no whole backup, Conflict for
    one of a newer release, a store that has something in it and is not to be replaced, or one that is in use.
    """
    if isinstance(where, Path):
        _may_replace_file(where, replace)
    else:
        _may_replace_database(where, replace)
    summary, head = verify(path, progress)
    if isinstance(where, Path):
        return summary, _into_file(path, head, where, progress)
    return summary, _into_database(path, head, where, replace, progress)


# --- SQLite: built beside, and renamed ----------------------------------------------------------------------------


def _may_replace_file(where: Path, replace: bool) -> None:
    if replace or not where.exists():
        return
    engine = open_engine(where)
    try:
        with looking(engine) as connection:
            used = _used(connection)
    except Unavailable as error:
        raise Conflict(f"there is something at {where} that is no store ({error}): --replace takes its place") from None
    finally:
        engine.dispose()
    if used:
        raise _in_the_way(where)


def _into_file(path: Path, head: Head, where: Path, progress: Progress) -> dict[str, bytes]:
    beside = where.with_name(f"{where.name}.restoring")
    _remove(beside)
    before = _epoch_of(where)
    try:
        engine = open_engine(beside)
        try:
            with writing(engine, f"{beside} cannot be written") as connection:
                keys = _fill(connection, path, head, before, progress)
            with looking(engine) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            engine.dispose()
        beside.chmod(0o600)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        _put_to_rest(where)
        beside.replace(where)
        sync_folder(where.parent)
    except OSError as error:
        raise Unavailable(f"{where} was left as it is: {error.strerror}") from error
    finally:
        _remove(beside)
    return keys


def _put_to_rest(where: Path) -> None:
    """Bring the log of the old file into it, so that none is left beside the new one, which it would be taken for."""
    try:
        if where.exists():
            with closing(sqlite3.connect(where, timeout=2, isolation_level=None)) as old:
                old.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise Conflict(f"another process has {where} open: stop it first ({error})") from error
    except sqlite3.DatabaseError:
        pass  # no store
    for end in ("-wal", "-shm"):
        where.with_name(where.name + end).unlink(missing_ok=True)


def _epoch_of(where: Path) -> int:
    """Of a file that may be no store."""
    if not where.exists():
        return 0
    engine = open_engine(where)
    try:
        with looking(engine) as connection:
            return _epoch(connection)
    except Unavailable:
        return 0
    finally:
        engine.dispose()


def _remove(beside: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        beside.with_name(beside.name + end).unlink(missing_ok=True)


# --- PostgreSQL: one transaction ------------------------------------------------------------------------------------


def _may_replace_database(where: str, replace: bool) -> None:
    engine = open_engine(where, application="highroad restores")
    try:
        with looking(engine, f"{shown(where)} cannot be used") as connection:
            check_server(connection)
            _alone(connection)
            if not replace and _used(connection):
                raise _in_the_way(where)
    finally:
        engine.dispose()


def _into_database(path: Path, head: Head, where: str, replace: bool, progress: Progress) -> dict[str, bytes]:
    engine = open_engine(where, application="highroad restores")
    try:
        with writing(engine, f"{shown(where)} was left as it is") as connection:
            in_order(connection)
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(LEADS))):
                raise _is_led(where)
            _alone(connection)
            if not replace and _used(connection):
                raise _in_the_way(where)
            before = _epoch(connection)
            found = set(inspect(connection).get_table_names()) & {*tables.metadata.tables, "alembic_version"}
            for name in sorted(found):
                connection.exec_driver_sql(f'DROP TABLE "{name}"')
            return _fill(connection, path, head, before, progress)
    finally:
        engine.dispose()


def _alone(connection: Connection) -> None:
    """Raises Conflict where a process of Highroad's is connected, which would go on with what it knows."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND application_name LIKE 'highroad%' AND application_name <> 'highroad restores'"
    )
    if connection.scalar(others):
        raise _is_led(str(connection.engine.url.database))


def _is_led(where: str) -> Conflict:
    return Conflict(f"a process of Highroad's is up on {shown(where)}: stop them all first")


# --- both ---------------------------------------------------------------------------------------------------------


def _fill(connection: Connection, path: Path, head: Head, before: int, progress: Progress) -> dict[str, bytes]:
    """Make the tables as they were, fill them, and bring them up to date. Returns the keys besides the store."""
    upgrade(connection, head.revision)
    made = set(inspect(connection).get_table_names())
    for name in sorted(set(head.columns) & made):
        connection.execute(delete(table(name)))
    done: dict[str, int] = {}
    for name, names, rows in _batches(path, head):
        into = table(name, *[column(one) for one in names])
        connection.execute(insert(into), [dict(zip(names, row, strict=True)) for row in rows])
        done[name] = done.get(name, 0) + len(rows)
        progress(name, done[name])
    if on_postgresql(connection):
        _go_on_counting(connection)
    upgrade(connection)
    epoch = max(before, _epoch(connection)) + EPOCHS_AHEAD
    connection.execute(update(tables.epochs).values(epoch=epoch))
    return _keys(connection, head)


def _batches(path: Path, head: Head) -> Iterator[tuple[str, list[str], list[tuple[object, ...]]]]:
    for frame in frames(path):
        if isinstance(frame, Rows) and frame.rows:
            yield frame.table, head.columns[frame.table], list(frame.rows)


def _go_on_counting(connection: Connection) -> None:
    """Sequences of PostgreSQL go on after the highest number that was put into their columns."""
    seen = inspect(connection)
    for name in sorted(set(seen.get_table_names()) & set(tables.metadata.tables)):
        for one in seen.get_columns(name):
            told = func.pg_get_serial_sequence(name, one["name"])
            sequence = connection.scalar(select(told))
            highest = (
                None
                if sequence is None
                else connection.scalar(select(func.max(column(one["name"]))).select_from(table(name)))
            )
            if highest is not None:
                connection.execute(select(func.setval(sequence, highest)))


def _keys(connection: Connection, head: Head) -> dict[str, bytes]:
    """The key of webhooks is in the database, or in the home: it comes along from either to either."""
    secrets = tables.secrets
    kept = connection.scalar(select(secrets.c.value).where(secrets.c.name == WEBHOOK_KEY))
    keys = dict(head.keys)
    if on_postgresql(connection):
        if WEBHOOK_KEY in keys and kept is None:
            connection.execute(insert(secrets), [{"name": WEBHOOK_KEY, "value": keys[WEBHOOK_KEY]}])
    elif kept is not None:
        keys.setdefault(WEBHOOK_KEY, bytes(kept))
    return keys


def _used(connection: Connection) -> bool:
    names = set(inspect(connection).get_table_names()) & set(tables.metadata.tables)
    return any(
        connection.scalar(select(text("1")).select_from(table(name)).limit(1)) for name in sorted(names - AT_FIRST)
    )


def _epoch(connection: Connection) -> int:
    if not inspect(connection).has_table("epochs"):
        return 0
    return connection.scalar(select(func.max(tables.epochs.c.epoch))) or 0


def _in_the_way(where: Where) -> Conflict:
    return Conflict(f"there is something in the store at {shown(where)}: --replace takes its place (back it up before)")
