"""The rows of a store, by plain SQL, and their documents, by the standard library's JSON."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a store has: the newest network, services by id with whether they are live, events and answers in order."""

    network: Doc | None
    services: dict[str, tuple[bool, Doc]]
    events: list[tuple[int, Doc]]
    answers: list[tuple[str, str, Doc]]
    policies: dict[str, Doc] | None = None
    """What the twin's routers hold, where that is known."""


NETWORK = "SELECT doc FROM networks ORDER BY revision DESC LIMIT 1"
SERVICES = "SELECT id, live, doc FROM services"
EVENTS = "SELECT sequence, doc FROM events ORDER BY sequence"
ANSWERS = "SELECT scope, key, doc FROM answers"


def of_sqlite(store: Path, twin: Path | None = None) -> Rows:
    """The rows of a database file, of a copy: who reads the file itself would mend it. Whoever writes it has ended."""
    with _copied(store) as database:
        if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise AssertionError(f"{store} is broken")
        rows = _of(database)
    return _with_policies(rows, twin)


def of_postgres(url: str, twin: Path | None = None) -> Rows:
    """The rows of a PostgreSQL database, as of one instant."""
    import psycopg

    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return _with_policies(_of(connection), twin)


def _with_policies(rows: Rows, twin: Path | None) -> Rows:
    if twin is None or not twin.exists():
        return rows
    with _copied(twin) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'policy'").fetchall():
            return rows  # a plant syncs now and then: of a new one a power cut leaves nothing
        held = {name: json.loads(doc) for name, doc in database.execute("SELECT service, value FROM policy")}
        for (noted,) in database.execute("SELECT value FROM change ORDER BY id"):
            for one in json.loads(noted):
                if isinstance(one, str):
                    held.pop(one, None)
                else:
                    held[one["service"]] = one
    return replace(rows, policies=held)


def _of(database: Any) -> Rows:
    network = database.execute(NETWORK).fetchone()
    return Rows(
        network=None if network is None else json.loads(bytes(network[0])),
        services={name: (bool(live), json.loads(bytes(doc))) for name, live, doc in database.execute(SERVICES)},
        events=[(sequence, json.loads(bytes(doc))) for sequence, doc in database.execute(EVENTS)],
        answers=[(scope, key, json.loads(bytes(doc))) for scope, key, doc in database.execute(ANSWERS)],
    )


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, f"{path.name}-wal"):
            if (path.parent / name).exists():
                shutil.copyfile(path.parent / name, Path(folder) / name)
        database = sqlite3.connect(Path(folder) / path.name)
        try:
            yield database
        finally:
            database.close()
