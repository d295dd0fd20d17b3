"""Stores on SQLite whose tables are migrated once for all tests of a process: migrations have tests of their own."""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Connection

from highroad.storage import store
from highroad.storage.engines import open_engine, writing
from highroad.storage.migrate import upgrade
from highroad.storage.store import SqlStore


def in_memory(kind: type[SqlStore] = SqlStore) -> SqlStore:
    """A store that is gone with the process."""
    with patch.object(store, "upgrade", _filled):
        return kind(":memory:")


def with_tables(path: Path) -> Path:
    """A new file of SQLite that is empty but for its tables."""
    path.write_bytes(_tables())
    return path


@cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tables.db"
        engine = open_engine(path)
        with writing(engine) as connection:
            upgrade(connection)
        engine.dispose()
        return path.read_bytes()


@cache
def _statements() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(with_tables(Path(folder) / "tables.db"))
        dumped = tuple(database.iterdump())
        database.close()
    return dumped[1:-1]  # what makes a transaction of them


def _filled(connection: Connection) -> None:
    for statement in _statements():
        connection.exec_driver_sql(statement)
