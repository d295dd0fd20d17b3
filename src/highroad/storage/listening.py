"""What PostgreSQL tells its sessions: NOTIFY in a transaction, LISTEN on a connection of its own. SQLite tells none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from highroad.storage.engines import CONNECT, libpq_url, on_postgresql

COMMITS = "highroad_commits"
"""The channel on which each commit tells its number."""

AGAIN_S = 0.5
"""How long after a connection was lost another is tried."""


def notify(connection: Connection, channel: str, payload: str = "") -> None:
    """Tell who listens, when this transaction is committed."""
    if on_postgresql(connection):
        connection.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload})


class Listener:
    """A connection of its own that is told. It comes back by itself; what was said meanwhile is lost, so that after
    each connection every channel is told once with an empty payload: look for yourself.
    """

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = libpq_url(url)
        self._channels = tuple(channels)
        self._over = threading.Event()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """(channel, payload), as they come, until `stop`. Blocking."""
        while not self._over.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, application_name="highroad listens", **CONNECT
                ) as connection:
                    for channel in self._channels:
                        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    yield from ((channel, "") for channel in self._channels)
                    while not self._over.is_set():
                        for told in connection.notifies(timeout=0.5):
                            yield told.channel, told.payload
                            if self._over.is_set():
                                break
            except psycopg.Error:
                self._over.wait(AGAIN_S)

    def stop(self) -> None:
        """Listen no more; the iteration ends within half a second."""
        self._over.set()


def listen_in_thread(
    url: str, channels: Sequence[str], heard: Callable[[str, str], None]
) -> tuple[threading.Thread, Listener]:
    """Listen in a thread that calls `heard(channel, payload)`; stop it by the listener."""
    listener = Listener(url, channels)

    def run() -> None:
        for channel, payload in listener:
            heard(channel, payload)

    thread = threading.Thread(target=run, name="listening", daemon=True)
    thread.start()
    return thread, listener
