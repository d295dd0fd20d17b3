"""What processes on one store leave there for each other: calls to the leader, its replies, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, literal, select, update

from highroad.errors import Unavailable
from highroad.ports import Call, Reply
from highroad.storage import tables
from highroad.storage.engines import looking, on_postgresql, writing

CALLS = "highroad_calls"
"""Where PostgreSQL tells the leader that there is something to answer."""

KEPT_S = 60.0
"""How long a reply is kept, and a call that nobody waits for."""


class SqlCalls:
    """`Calls` and `Board` on the database of a store. Times are the database's own: a host's clock may be wrong."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- calls ------------------------------------------------------------------------------------------------

    def put(self, docs: Sequence[tuple[bytes, float]]) -> Sequence[int]:
        """Ask. Raises Unavailable."""
        if not docs:
            return []
        with self._writing() as connection:
            asked_s = now_s(connection)
            calls = [
                connection.execute(
                    insert(tables.calls).values(until_s=asked_s + wait_s, doc=doc).returning(tables.calls.c.id)
                ).scalar_one()
                for doc, wait_s in docs
            ]
            if on_postgresql(connection):
                connection.exec_driver_sql(f"NOTIFY {CALLS}")
        return calls

    def withdraw(self, call: int) -> bool:
        """Ask no more. Raises Unavailable."""
        with self._writing() as connection:
            gone = connection.execute(delete(tables.calls).where(tables.calls.c.id == call))
            return gone.rowcount == 1

    def replies(self, calls: Collection[int]) -> Mapping[int, bytes]:
        """What was answered. Raises Unavailable."""
        query = select(tables.replies.c.call, tables.replies.c.doc).where(tables.replies.c.call.in_(list(calls)))
        with looking(self._engine) as connection:
            return {row.call: row.doc for row in connection.execute(query)}

    def waiting(self, limit: int, besides: Collection[int] = ()) -> Sequence[Call]:
        """What is not answered, in order. Raises Unavailable."""
        calls = tables.calls
        query = select(calls).where(calls.c.id.not_in(list(besides))).order_by(calls.c.id).limit(limit)
        with looking(self._engine) as connection:
            read_s = now_s(connection)
            return [
                Call(id=row.id, doc=row.doc, left_s=row.until_s - read_s)
                for row in connection.execute(query.where(calls.c.until_s > read_s))
            ]

    def clear(self) -> None:
        """Forget what nobody waits for any more. Raises Unavailable."""
        with self._writing() as connection:
            before_s = now_s(connection) - KEPT_S
            connection.execute(delete(tables.calls).where(tables.calls.c.until_s < before_s))
            connection.execute(delete(tables.replies).where(tables.replies.c.at_s < before_s))

    # --- board ------------------------------------------------------------------------------------------------

    def show(self, name: str, doc: bytes, epoch: int) -> None:
        """Show this under a name. Raises Unavailable."""
        board = tables.board
        with self._writing() as connection:
            newer = update(board).where(board.c.name == name, board.c.epoch <= epoch)
            done = connection.execute(newer.values(doc=doc, epoch=epoch, showing=board.c.showing + 1))
            if not done.rowcount:
                missing = ~select(board.c.name).where(board.c.name == name).exists()
                row = select(
                    bindparam("n", name), literal(epoch), literal(1), bindparam("d", doc, type_=board.c.doc.type)
                ).where(missing)
                connection.execute(insert(board).from_select(["name", "epoch", "showing", "doc"], row))

    def look(self, name: str, but: int = 0) -> tuple[int, bytes] | None:
        """What is shown under a name. Raises Unavailable."""
        board = tables.board
        query = select(board.c.showing, board.c.doc).where(board.c.name == name, board.c.showing != but)
        with looking(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.showing, row.doc)

    # --- below ------------------------------------------------------------------------------------------------

    # --- keys -------------------------------------------------------------------------------------------------

    def secret(self, name: str, new: Callable[[], bytes]) -> bytes:
        """What every process on this store has under a name, made by the first that asks. Raises Unavailable."""
        secrets = tables.secrets
        known = select(secrets.c.value).where(secrets.c.name == name)
        with looking(self._engine) as connection:
            value = connection.scalar(known)
        if value is None:
            with suppress(Unavailable), writing(self._engine) as connection:
                connection.execute(insert(secrets), [{"name": name, "value": new()}])
            with looking(self._engine) as connection:
                value = connection.execute(known).scalar_one()
        return bytes(value)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that need not survive a crash of the database: then who asked hears of it in time."""
        with writing(self._engine) as connection:
            if on_postgresql(connection):
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection


def write_replies(connection: Connection, replies: Sequence[Reply]) -> None:
    """Answer calls, in the transaction of what was decided. Raises Unavailable where one of them was withdrawn."""
    if not replies:
        return
    calls = [one.call for one in replies]
    gone = connection.execute(delete(tables.calls).where(tables.calls.c.id.in_(calls)))
    if gone.rowcount != len(calls):
        raise Unavailable("nothing was written: who asked has given up meanwhile")
    at_s = now_s(connection)
    connection.execute(insert(tables.replies), [{"call": one.call, "at_s": at_s, "doc": one.doc} for one in replies])


def now_s(connection: Connection) -> float:
    """What time it is by the database's clock, UTC seconds since 1970."""
    if on_postgresql(connection):
        return float(connection.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)
    days = func.julianday("now") - 2440587.5
    return float(connection.scalar(select(days * 86400.0)) or 0.0)
