"""Who leads among several processes on one PostgreSQL: whoever holds an advisory lock, on a connection of its own.

A holder that dies loses its connection and with it the lock. One that hangs keeps both, but asks nothing any more: when
it last did is known to the database, by the database's clock, and whoever wants to lead ends its session. It may wake
later and not know yet: that it writes nothing then is the epoch's part, which is raised by whoever wins.
"""

from __future__ import annotations

import select
import threading
import time
from contextlib import suppress

import psycopg

from highroad.errors import Unavailable
from highroad.storage.engines import CONNECT, libpq_url

LEADS = 0x48524C44
"""The advisory lock of who leads."""

BEAT_S = 0.4
"""How often a holder asks something."""

DEAD_S = 2.0
"""One that has asked nothing for so long hangs."""

UNSEEN_S = 30.0
"""A holder whose process has not asked `holds` for so long is left to be found dead: its connection may live on in a
thread, but nothing is decided."""

RESIGNS_S = 1.0
"""One that lets another lead waits so long until the database has heard it."""

STUCK_S = 1.0
"""A session that has held the row of epochs for so long without asking anything was stopped half way."""

_BEATEN = """
SELECT pg_terminate_backend(held.pid) FROM pg_locks held JOIN pg_stat_activity session USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.classid = 0 AND held.objid = %s AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND extract(epoch FROM clock_timestamp() - session.query_start) > %s
"""

_STUCK = """
SELECT pg_terminate_backend(held.pid) FROM pg_locks held JOIN pg_stat_activity session USING (pid)
WHERE held.locktype = 'relation' AND held.granted AND held.relation = to_regclass('epochs')
  AND held.mode IN ('RowShareLock', 'RowExclusiveLock') AND session.state = 'idle in transaction'
  AND extract(epoch FROM clock_timestamp() - session.state_change) > %s
"""


class Election:
    """One process's part in it. Blocking, and safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet. Raises Invalid for what is no URL of PostgreSQL."""
        self._url = libpq_url(url)
        self._asking = threading.Lock()
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._held = False
        self._seen_s = 0.0

    def win(self) -> bool:
        """Hold the lock from now on; False while another does, which is ended if it hangs. Raises Unavailable."""
        with self._asking:
            try:
                connection = self._connected()
                self._seen_s = time.monotonic()
                if self._held:
                    return True
                if not _one(connection, "SELECT pg_try_advisory_lock(%s)", LEADS):
                    connection.execute(_BEATEN, (LEADS, DEAD_S))
                    return False
                connection.execute(_STUCK, (STUCK_S,))
                self._held = True
            except psycopg.Error as error:
                self._let_go()
                raise Unavailable(f"who leads cannot be asked: {str(error).splitlines()[0]}") from error
        threading.Thread(target=self._beat, args=(connection,), name="leading", daemon=True).start()
        return True

    def holds(self) -> bool:
        """Whether the lock is ours, as far as the database has told."""
        self._seen_s = time.monotonic()
        return self._held

    def close(self) -> None:
        """Let another lead. Idempotent."""
        with self._asking:
            self._let_go()

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url, autocommit=True, application_name="highroad elects", **CONNECT
            )
        return self._connection

    def _beat(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while time.monotonic() - self._seen_s < UNSEEN_S:
            time.sleep(BEAT_S)
            with self._asking:
                if self._connection is not connection:
                    return
                try:
                    connection.execute("SELECT 1")
                except psycopg.Error:
                    self._let_go()
                    return

    def _let_go(self) -> None:
        connection, held = self._connection, self._held
        self._connection, self._held = None, False
        if connection is not None:
            with suppress(psycopg.Error):
                if held and not connection.closed:
                    # A session that is ended keeps its locks until the server gets round to it.
                    connection.pgconn.send_query(f"SELECT pg_advisory_unlock({LEADS})".encode())
                    select.select([connection.fileno()], [], [], RESIGNS_S)
            with suppress(psycopg.Error):
                connection.close()


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    return None if row is None else row[0]
