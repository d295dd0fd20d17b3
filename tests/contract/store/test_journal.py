"""The journal: what was committed is told in order, and the store is known as it was after each commit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from highroad.errors import NotFound, Unavailable
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Incident, IncidentId
from highroad.model.lifecycle import State
from highroad.model.service import ServiceId
from highroad.ports import Commit, Snapshot, TokenRecord
from highroad.storage import journal
from highroad.storage.engines import Where, open_engine
from highroad.storage.listening import COMMITS, Listener
from highroad.storage.store import SqlStore
from tests.contract.store.test_store import event, everything, service
from tests.support.country import country
from tests.support.postgres import Postgres


@pytest.fixture
def store(where: Where) -> Iterator[SqlStore]:
    opened = SqlStore(where)
    yield opened
    opened.close()


def story(store: SqlStore, seed: int, commits: int) -> list[Snapshot]:
    """What the store said of itself after each commit of a made-up life."""
    dice = random.Random(seed)
    base = service("svc")
    seen = [store.load()]
    for number in range(1, commits + 1):
        name = ServiceId(f"svc-{dice.randrange(12)}")
        state = dice.choice([State.RESERVED, State.ACTIVE, State.TERMINATED])
        one = replace(base, id=name, version=number, state=state, leaving=base.leaving if dice.random() < 0.5 else ())
        opened_s = float(number // 3)
        ended_s = opened_s if dice.random() < 0.9 else None
        commit = Commit(
            services=[one],
            incidents=[Incident(id=IncidentId(f"inc-{number}"), fibres=(), opened_s=opened_s, closed_s=ended_s)],
            freezes=[Freeze(id=FreezeId(f"frz-{number // 4}"), reason="", started_s=number // 4, ended_s=ended_s)],
            network=country(conduit=bool(number % 2)) if dice.random() < 0.1 else None,
            events=[event("x", dice.choice(["acme", None]))] * dice.randrange(3),
        )
        store.commit(commit)
        seen.append(store.load())
    return seen


def test_every_commit_is_told_once_in_order_with_its_events(store: SqlStore) -> None:
    first = everything()
    numbered = store.commit(first)
    store.commit(Commit(network=country()))
    last = store.commit(Commit(events=[event("d")]))
    found = store.since(0)
    assert found is not None
    assert [number for number, _ in found] == [1, 2, 3]
    told = found[0][1]
    assert list(told.events) == list(numbered)
    for name in journal.KINDS:
        assert list(getattr(told, name)) == list(getattr(first, name))
    assert told.network == first.network
    assert told.answers == ()
    assert found[1][1] == Commit(network=country())
    assert list(found[2][1].events) == list(last)
    assert store.since(1, limit=1) == [found[1]]
    assert store.since(3) == []
    assert store.since(4) is None
    assert [(one.number, one.first_sequence, one.last_sequence) for one in store.records(0, 9)] == [
        (1, 0, 3),
        (2, 3, 3),
        (3, 3, 4),
    ]
    assert store.load().commit_number == 3


def test_what_was_noted_lies_beside_each_commit_and_is_forgotten_with_it(store: SqlStore) -> None:
    store.commit(replace(everything(), inputs=b"first"))
    store.commit(Commit(events=[event("d")]))
    store.commit(Commit(events=[event("e")], inputs=b"third"))
    assert store.history.inputs(0, 9) == [(1, b"first"), (2, b""), (3, b"third")]
    assert store.history.inputs(1, 1) == [(2, b"")]
    assert store.history.newest() == 3
    assert all(one.inputs == b"" for _, one in store.since(0) or ())
    store.checkpoint()
    store.commit(Commit(events=[event("f")], inputs=b"fourth"))
    assert store.prune(time.time() + 1.0) == 3
    assert store.history.inputs(0, 9) == [(4, b"fourth")]


def test_a_commit_that_fails_is_not_in_the_journal(store: SqlStore) -> None:
    store.commit(everything())
    with pytest.raises(Unavailable):
        store.commit(Commit(tokens=[TokenRecord(id="tok-b", hash="h", tenant=None, label="", created_s=0.0)]))
    store.commit(Commit(events=[event("next")]))
    assert [one.number for one in store.records(0, 9)] == [1, 2]


def test_a_store_is_known_as_it_was_after_each_commit(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "RECENT", 5)
    seen = story(store, 1, 40)
    assert [store.at(number) for number in range(41)] == seen
    assert store.checkpoint() == 40
    store.commit(everything())
    seen += [store.load()]
    assert store.checkpoint() == store.checkpoint() == 41
    seen += story(store, 2, 10)[1:]
    assert [store.at(number) for number in range(52)] == seen
    for unknown in (-1, 52):
        with pytest.raises(NotFound):
            store.at(unknown)


def test_what_a_base_makes_needless_can_be_forgotten(store: SqlStore) -> None:
    seen = story(store, 3, 6)
    assert store.prune(time.time() - 1000.0) == 0
    store.checkpoint()
    seen += story(store, 4, 3)[1:]
    assert store.prune(time.time() + 1.0) == 6
    assert [store.at(number) for number in range(6, 10)] == seen[6:]
    with pytest.raises(NotFound):
        store.at(5)
    assert store.since(5) is None
    assert [number for number, _ in store.since(6) or ()] == [7, 8, 9]
    store.checkpoint()
    assert store.prune(time.time() + 1.0) == 3
    assert store.since(9) == []
    store.commit(Commit(events=[event("next")]))
    assert store.load().commit_number == 10


def test_bases_are_written_as_commits_add_up(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "BASE_BYTES", 2000)
    store = SqlStore(where)
    seen = story(store, 5, 60)
    store.close()
    engine = open_engine(where)
    with engine.connect() as connection:
        bases = connection.exec_driver_sql("SELECT DISTINCT number FROM bases ORDER BY number").scalars().all()
    engine.dispose()
    assert 3 <= len(bases) < 30
    again = SqlStore(where)
    assert [again.at(number) for number in range(61)] == seen
    again.close()


def test_who_listens_is_told_of_each_commit_also_after_the_server_was_away(postgres: Postgres, database: str) -> None:
    store = SqlStore(database)
    listener = Listener(database, [COMMITS])
    told = iter(listener)
    assert next(told) == (COMMITS, "")
    store.commit(Commit(events=[event("a")]))
    assert next(told) == (COMMITS, "1")
    postgres.restart()
    assert next(told) == (COMMITS, "")
    store.commit(Commit(events=[event("b")]))
    assert next(told) == (COMMITS, "2")
    listener.stop()
    assert list(told) == []
    store.close()


def test_a_commit_whose_end_was_not_confirmed_is_looked_for(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut right after the commit was made durable, and right before."""
    store = SqlStore(database)
    store.commit(Commit(events=[event("a")]))
    done: Callable[..., None] = PGDialect_psycopg.do_commit
    written = [True]

    def cut(dialect: PGDialect_psycopg, connection: Any) -> None:
        after = written.pop() if written else None
        if after is not False:
            done(dialect, connection)
        if after is not None:
            raw = connection.driver_connection
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [raw.info.backend_pid])
            raw.execute("SELECT 1")

    monkeypatch.setattr(PGDialect_psycopg, "do_commit", cut)
    assert store.commit(Commit(events=[event("b")]))[0].sequence == 2
    written.append(False)
    with pytest.raises(Unavailable):
        store.commit(Commit(events=[event("lost")]))
    assert [one.subject for one in store.events(after=0, limit=9, operator=True)] == ["a", "b"]
    assert store.commit(Commit(events=[event("c")]))[0].sequence == 3
    store.close()
