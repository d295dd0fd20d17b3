"""Two that write to one store: only who has raised the epoch last does, and numbers have no gaps."""

from __future__ import annotations

import threading

import pytest

from highroad.errors import Conflict, Deposed, Invalid, Unavailable
from highroad.ports import Commit, EventRecord
from highroad.storage.engines import Where, open_engine, shown
from highroad.storage.store import SqlStore
from tests.support.country import country
from tests.support.postgres import Postgres


def event(subject: str, tenant: str | None = None) -> EventRecord:
    return EventRecord(kind="highroad.test", subject=subject, at_s=0.0, tenant=tenant, data={})


def sequences(store: SqlStore) -> list[tuple[int, str]]:
    return [(one.sequence, one.subject) for one in store.events(after=0, limit=10**6, operator=True)]


def test_who_was_deposed_writes_nothing_more(where: Where) -> None:
    old, new = SqlStore(where), SqlStore(where)
    old.lead(old.raise_epoch())
    old.commit(Commit(events=[event("a", "acme")]))
    new.lead(new.raise_epoch())
    with pytest.raises(Deposed) as told:
        old.commit(Commit(network=country(), events=[event("lost", "acme")]))
    assert told.value.retryable
    assert [one.tenant_sequence for one in new.commit(Commit(events=[event("b", "acme")]))] == [2]
    assert new.load().network is None
    assert sequences(old) == [(1, "a"), (2, "b")]
    old.lead(old.raise_epoch())
    assert [one.tenant_sequence for one in old.commit(Commit(events=[event("c", "acme")]))] == [3]
    with pytest.raises(Deposed):
        new.commit(Commit(events=[event("lost")]))
    old.close()
    new.close()


def test_raising_waits_for_the_commit_that_has_begun_and_then_none_follows(where: Where) -> None:
    old, new = SqlStore(where), SqlStore(where)
    old.lead(old.raise_epoch())
    over = threading.Event()
    written: list[int] = []

    def write() -> None:
        try:
            while True:
                written.append(old.commit(Commit(events=[event("old")]))[0].sequence)
        except Deposed:
            over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while len(written) < 5:
        pass
    new.lead(new.raise_epoch())
    first = new.commit(Commit(events=[event("new")]))[0].sequence
    assert over.wait(10)
    writer.join()
    assert max(written) == first - 1
    assert [number for number, _ in sequences(new)] == list(range(1, first + 1))
    old.close()
    new.close()


def test_without_a_leader_several_write_one_sequence_without_gaps(where: Where) -> None:
    stores = [SqlStore(where) for _ in range(3)]

    def write(store: SqlStore) -> None:
        for _ in range(15):
            store.commit(Commit(events=[event("a", "acme"), event("b")]))

    writers = [threading.Thread(target=write, args=(store,)) for store in stores]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [number for number, _ in sequences(stores[0])] == list(range(1, 91))
    own = stores[0].events(after=0, limit=99, tenant="acme")
    assert [one.tenant_sequence for one in own] == list(range(1, 46))
    for store in stores:
        store.close()


def test_two_that_open_a_new_store_at_once_make_it_once(where: Where) -> None:
    opened: list[SqlStore | BaseException] = []

    def start() -> None:
        try:
            opened.append(SqlStore(where))
        except BaseException as error:
            opened.append(error)

    starting = [threading.Thread(target=start) for _ in range(4)]
    for one in starting:
        one.start()
    for one in starting:
        one.join()
    stores = [one for one in opened if isinstance(one, SqlStore)]
    assert len(stores) == 4, opened
    assert sorted(store.raise_epoch() for store in stores) == [1, 2, 3, 4]
    for store in stores:
        store.close()


def test_a_store_of_a_newer_release_is_refused_and_left_alone(where: Where) -> None:
    SqlStore(where).close()
    engine = open_engine(where)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match=r"newer release .*9999"):
        SqlStore(where)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"
    engine.dispose()


def test_a_server_that_went_away_refuses_and_is_used_again_when_it_is_back(postgres: Postgres, database: str) -> None:
    store = SqlStore(database)
    store.commit(Commit(events=[event("a")]))
    postgres.stop()
    try:
        for call in (lambda: store.commit(Commit(events=[event("lost")])), store.load, store.raise_epoch):
            with pytest.raises(Unavailable) as told:
                call()
            assert "\n" not in told.value.message
    finally:
        postgres.start()
    assert sequences(store) == [(1, "a")]
    assert store.commit(Commit(events=[event("b")]))[0].sequence == 2
    postgres.kill()
    postgres.start()
    assert store.commit(Commit(events=[event("c")]))[0].sequence == 3
    store.close()


def test_a_session_on_a_server_is_durable_and_waits_for_nobody_for_ever(database: str) -> None:
    store = SqlStore(database + "?options=-c%20synchronous_commit%3Doff")
    with store._engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("synchronous_commit", "application_name", "statement_timeout", "lock_timeout")
        }
    assert found == {
        "synchronous_commit": "on",
        "application_name": "highroad",
        "statement_timeout": "1min",
        "lock_timeout": "10s",
    }
    store.close()


def test_what_is_no_database_of_ours_is_refused_in_one_sentence(postgres: Postgres, database: str) -> None:
    for wrong in ("mysql://db/x", "postgresql://h:port/x"):
        with pytest.raises(Invalid, match=r"postgresql://highroad@db\.example/highroad"):
            SqlStore(wrong)
    with pytest.raises(Unavailable) as told:
        SqlStore(database.replace("highroad@", "highroad:secret@") + "_not?password=secret")
    assert "secret" not in str(told.value)
    assert "does not exist" in str(told.value)
    assert shown("postgresql://u:secret@h/d?password=secret") == "postgresql://u:***@h/d?password=hidden"
    latin = postgres.create(like="ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(Unavailable, match="LATIN1"):
        SqlStore(latin)
    postgres.drop(latin)


def test_a_database_that_is_read_only_refuses_and_writes_again(database: str) -> None:
    store = SqlStore(database)
    with store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store._engine.dispose()
    with pytest.raises(Unavailable, match="read-only"):
        store.commit(Commit(events=[event("lost")]))
    with store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.exec_driver_sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    store._engine.dispose()
    assert store.commit(Commit(events=[event("a")]))[0].sequence == 1
    store.close()
