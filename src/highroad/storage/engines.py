"""Connections to a database: SQLite in a file or in memory, PostgreSQL by a URL. What else differs between the two is
here: how a writer gets in front of all others, how a reader sees one instant, and what an error says.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from highroad.errors import Finding, Invalid, Unavailable

Where = Path | str
"""A file of SQLite, `:memory:`, or a URL that begins with `postgresql://`."""

SQLITE_WAITS_S = 10.0
"""How long one waits for another who writes the same file."""

OLDEST_POSTGRESQL = 13

UPGRADING = 0x48524D47
"""The advisory lock of PostgreSQL under which tables are brought up to date."""

SESSION = {
    "synchronous_commit": "on",
    "statement_timeout": "60s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
"""What every session on PostgreSQL is told: a commit is on disk when it returns, and nobody waits for ever."""

CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "client_encoding": "utf8",
}

_WRITES = "highroad_writes"


def is_url(where: Where) -> bool:
    """Whether that is a database on a server."""
    return isinstance(where, str) and "://" in where


def shown(where: Where) -> str:
    """As it may be printed: without a password."""
    if not is_url(where):
        return str(where)
    try:
        url = make_url(str(where))
    except (ArgumentError, ValueError):
        return "the database"
    hidden = {name: "hidden" for name in url.query if name == "password"}
    return url.set(query={**url.query, **hidden}).render_as_string(hide_password=True)


def open_engine(where: Where, *, application: str = "highroad", size: int = 5) -> Engine:
    """An engine, not yet connected. Raises Invalid for a URL of anything but PostgreSQL."""
    if where == ":memory:":
        return _sqlite(create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}))
    if not is_url(where):
        return _sqlite(create_engine(f"sqlite:///{where}", connect_args={"timeout": SQLITE_WAITS_S}))
    url = postgresql_url(str(where))
    told = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    asked = url.query.get("options", ())
    options = " ".join([*([asked] if isinstance(asked, str) else asked), told])
    return create_engine(
        url.difference_update_query(["options"]),
        connect_args={"application_name": application, **CONNECT, "options": options},
        pool_size=size,
        max_overflow=size,
        pool_timeout=10,
        pool_pre_ping=True,
    )


def postgresql_url(text: str) -> URL:
    """A URL as the driver is given it. Raises Invalid where it is none, or of another kind of database."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _not_a_url("this is no URL") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise _not_a_url(f"`{url.drivername}://` is not spoken")
    return url.set(drivername="postgresql+psycopg")


def libpq_url(text: str) -> str:
    """The same as the client library of PostgreSQL takes it. Raises Invalid."""
    return postgresql_url(text).set(drivername="postgresql").render_as_string(hide_password=False)


def _not_a_url(what: str) -> Invalid:
    example = "postgresql://highroad@db.example/highroad"
    return Invalid([Finding(code="database-url", place="database", message=f"{what}; right would be {example}")])


def check_server(connection: Connection) -> None:
    """Raises Unavailable for a server that is too old, or a database that cannot hold every character."""
    if not on_postgresql(connection):
        return
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < OLDEST_POSTGRESQL * 10_000:
        raise Unavailable(f"PostgreSQL {version // 10_000} is too old: it has to be {OLDEST_POSTGRESQL} or newer")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise Unavailable(f"the database's encoding is {encoding}; it has to be made with ENCODING 'UTF8'")


def on_postgresql(connection: Connection) -> bool:
    """Whether this is PostgreSQL, and not SQLite."""
    return connection.dialect.name == "postgresql"


@contextmanager
def writing(engine: Engine, what: str = "nothing was written") -> Iterator[Connection]:
    """A transaction that writes: on SQLite it is the only one from its first moment. Raises Unavailable."""
    with told(what), engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine, what: str = "the store cannot be read") -> Iterator[Connection]:
    """A transaction that sees one instant of the database, however long it reads. Raises Unavailable."""
    with told(what), engine.connect() as connection:
        if on_postgresql(connection):
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextmanager
def looking(engine: Engine, what: str = "the store cannot be read") -> Iterator[Connection]:
    """A connection for one query. Raises Unavailable."""
    with told(what), engine.connect() as connection:
        yield connection


@contextmanager
def told(what: str) -> Iterator[None]:
    """Errors of the database as Unavailable, with what did not come of it."""
    try:
        yield
    except SQLAlchemyError as error:
        raise Unavailable(f"{what}: {reason(error)}") from error


def reason(error: SQLAlchemyError) -> str:
    """One sentence of an error, without the statement that met it."""
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__


def lost(error: Unavailable) -> bool:
    """Whether the connection went away, so that what was asked last may have been done all the same."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and cause.connection_invalidated


def in_order(connection: Connection) -> None:
    """Wait until nobody else brings the tables up to date, for as long as this transaction lasts."""
    if on_postgresql(connection):
        connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADING})")


def _write_ahead(cursor: Any) -> None:
    # Of several that make a new file's journal at once, SQLite tells all but one that it is locked, and lets none wait
    # (sqlite.org/c3ref/busy_handler.html: where waiting could be for ever, it is not called).
    until_s = time.monotonic() + SQLITE_WAITS_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver would begin only at the first write, and never for a change of tables (sqlalchemy.org, pysqlite).
        kind: Literal["BEGIN", "BEGIN IMMEDIATE"] = "BEGIN"
        if connection.get_execution_options().get(_WRITES):
            kind = "BEGIN IMMEDIATE"
        connection.exec_driver_sql(kind)

    return engine
