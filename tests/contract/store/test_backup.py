"""A backup is a whole one or none, and what is restored from it is what was there, on whichever store."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from highroad.errors import Conflict, HighroadError, Invalid, NotFound, Unavailable
from highroad.model.lifecycle import State
from highroad.model.service import ServiceId
from highroad.model.webhook import Attempt, Webhook, WebhookId, WebhookSecret
from highroad.ports import Answer, Commit
from highroad.storage import tables
from highroad.storage.backup import PASSING, back_up, verify
from highroad.storage.codec import pack
from highroad.storage.election import Election
from highroad.storage.engines import Where, open_engine
from highroad.storage.migrate import upgrade
from highroad.storage.portable import DIGEST_BYTES, Head, Writer
from highroad.storage.restore import EPOCHS_AHEAD, restore
from highroad.storage.store import SqlStore
from tests.contract.store.test_store import event, everything, service
from tests.support.country import country
from tests.support.postgres import Postgres
from tests.unit.planning.ground import NOW_S

Place = Callable[[], Where]


@pytest.fixture(params=list(itertools.product(["sqlite", "postgresql"], repeat=2)), ids="-to-".join)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Where, Where]]:
    """Where the one store is, and where the other will be."""
    places: list[Where] = []
    server: Postgres | None = None
    for number, kind in enumerate(request.param):
        if kind == "postgresql":
            server = request.getfixturevalue("postgres")
            assert server is not None
            places.append(server.create())
        else:
            places.append(tmp_path / f"{number}.db")
    yield places[0], places[1]
    for place in places:
        if server is not None and isinstance(place, str):
            server.drop(place)


def fill(store: SqlStore, seed: int, commits: int) -> None:
    """A made-up life: whatever a store can hold, in a few thousand rows."""
    dice = random.Random(seed)
    store.raise_epoch()
    store.commit(everything())
    base = service("svc")
    hook = Webhook(
        id=WebhookId("whk-a"),
        tenant="acme",
        url="https://example.org/é",
        secrets=(WebhookSecret(sealed="s", created_s=NOW_S),),
        created_s=NOW_S,
    )
    for number in range(commits):
        names = [ServiceId(f"svc-{dice.randrange(10**6):06}") for _ in range(dice.randrange(1, 40))]
        state = dice.choice([State.RESERVED, State.ACTIVE, State.TERMINATED])
        store.commit(
            Commit(
                services=[replace(base, id=one, state=state, leaving=()) for one in names],
                events=[event(one, dice.choice(["acme", "other", None])) for one in names],
                answers=[
                    Answer(scope="acme", key=f"k\u00e9{one}", digest="d", at_s=NOW_S, outcome={}) for one in names
                ],
                network=country(conduit=bool(number % 2)) if dice.random() < 0.1 else None,
                webhooks=[replace(hook, cursor=number)],
                attempts=[
                    Attempt(
                        webhook=hook.id,
                        number=number,
                        event="e",
                        kind="k",
                        at_s=NOW_S,
                        duration_ms=0.1,
                        status=200,
                        error="",
                        excerpt="",
                    )
                ],
            )
        )
    store.checkpoint()


def rows(where: Where) -> dict[str, list[tuple[Any, ...]]]:
    """All that a store keeps, but for its epoch."""
    engine = open_engine(where)
    try:
        with engine.connect() as connection:
            return {
                table.name: [
                    tuple(one) for one in connection.execute(select(table).order_by(*table.primary_key.columns))
                ]
                for table in tables.metadata.sorted_tables
                if table.name not in PASSING | {"epochs"}
            }
    finally:
        engine.dispose()


def make(where: Where, seed: int = 1, commits: int = 5) -> SqlStore:
    store = SqlStore(where)
    fill(store, seed, commits)
    return store


def test_what_is_restored_is_what_was_there(pair: tuple[Where, Where], tmp_path: Path) -> None:
    source, target = pair
    store = make(source, seed=7, commits=60)
    known, told, epoch = store.load(), store.events(after=0, limit=10**6, operator=True), store.raise_epoch()
    file = tmp_path / "backup"
    summary = back_up(source, file, at_s=NOW_S, keys={"webhooks": b"0123456789abcdef"})
    assert sum(summary.counts.values()) > 3000
    assert set(summary.counts) == set(tables.metadata.tables) - PASSING
    assert verify(file)[0] == summary
    assert file.stat().st_mode & 0o077 == 0
    restored, keys = restore(file, target)
    assert restored == summary
    assert keys["webhooks"] == b"0123456789abcdef"
    found, was = rows(target), rows(source)
    if isinstance(target, str):
        assert found["secrets"] == [("webhooks", b"0123456789abcdef")]
        found["secrets"] = []
    assert found == was
    again = SqlStore(target)
    assert again.load() == known
    assert list(again.events(after=0, limit=10**6, operator=True)) == list(told)
    number = known.commit_number
    assert again.at(number) == store.at(number)
    assert again.since(number - 3) == store.since(number - 3)
    assert again.raise_epoch() == epoch + EPOCHS_AHEAD + 1
    next_ = again.commit(Commit(events=[event("next", "acme")], network=country()))
    assert list(next_) == list(store.commit(Commit(events=[event("next", "acme")], network=country())))
    assert again.load() == store.load()
    assert again.log.head() == store.log.head()
    again.close()
    store.close()


def test_the_numbers_of_calls_go_on(where: Where, tmp_path: Path) -> None:
    make(where).close()
    back_up(where, tmp_path / "backup", at_s=NOW_S)
    restore(tmp_path / "backup", where, replace=True)
    engine = open_engine(where)
    with engine.begin() as connection:
        for _ in range(2):
            connection.execute(text("INSERT INTO calls (until_s, doc) VALUES (0, :doc)"), {"doc": b"x"})
    engine.dispose()


def test_a_store_with_something_in_it_is_replaced_only_when_asked(where: Where, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    make(tmp_path / "source.db", seed=1).close()
    back_up(tmp_path / "source.db", file, at_s=NOW_S)
    SqlStore(where).close()
    restore(file, where)  # one that nobody has ordered anything of
    store = SqlStore(where)
    epoch = max(store.raise_epoch() for _ in range(3))
    store.commit(Commit(events=[event("since")]))
    before = store.load()
    store.close()
    with pytest.raises(Conflict, match="--replace"):
        restore(file, where)
    store = SqlStore(where)
    assert store.load() == before
    store.close()
    restore(file, where, replace=True)
    store = SqlStore(where)
    assert store.load().last_sequence == before.last_sequence - 1
    assert store.raise_epoch() > epoch + EPOCHS_AHEAD
    store.close()


def test_a_log_beside_the_old_file_is_not_taken_for_the_new_ones(tmp_path: Path) -> None:
    file, where = tmp_path / "backup", tmp_path / "store.db"
    make(tmp_path / "source.db", seed=2).close()
    back_up(tmp_path / "source.db", file, at_s=NOW_S)
    script = """
        import os, sys
        from pathlib import Path
        from highroad.ports import Commit, EventRecord
        from highroad.storage.store import SqlStore
        store = SqlStore(Path(sys.argv[1]))
        store.commit(Commit(events=[EventRecord(kind="k", subject="s", at_s=0.0, tenant=None, data={})] * 50))
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(where)], check=True)
    assert (tmp_path / "store.db-wal").stat().st_size > 0
    restore(file, where, replace=True)
    assert not (tmp_path / "store.db-wal").exists()
    assert rows(where) == rows(tmp_path / "source.db")


def test_nothing_is_replaced_that_is_in_use(database: str, tmp_path: Path) -> None:
    file, where = tmp_path / "backup", tmp_path / "store.db"
    store = make(where)
    back_up(where, file, at_s=NOW_S)
    with pytest.raises(Conflict, match="open"):
        restore(file, where, replace=True)
    assert store.commit(Commit(events=[event("still")]))
    store.close()
    follower = SqlStore(database)
    follower.load()
    with pytest.raises(Conflict, match="stop them all"):
        restore(file, database)
    follower.close()
    with psycopg.connect(database, autocommit=True) as leader:
        election = Election(database)
        assert election.win()
        with pytest.raises(Conflict, match="stop them all"):
            restore(file, database)
        election.close()
        leader.execute("SELECT 1")
    restore(file, database)


def test_a_file_is_whole_or_not_there(where: Where, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(NotFound):
        back_up(tmp_path / "none.db", folder / "backup", at_s=NOW_S)
    make(where).close()

    def fail(name: str, done: int) -> None:
        if name == "services":
            raise Unavailable("the disk went away")

    with pytest.raises(Unavailable):
        back_up(where, folder / "backup", at_s=NOW_S, progress=fail)
    with pytest.raises(Unavailable, match="No such file"):
        back_up(where, folder / "none" / "backup", at_s=NOW_S)
    assert list(folder.iterdir()) == []
    back_up(where, folder / "backup", at_s=NOW_S)
    with pytest.raises(Conflict, match="already"):
        back_up(where, folder / "backup", at_s=NOW_S)
    back_up(where, folder / "backup", at_s=NOW_S, replace=True)
    assert [one.name for one in folder.iterdir()] == ["backup"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    make(folder / "store.db", commits=1).close()
    back_up(folder / "store.db", folder / "backup", at_s=NOW_S)
    return folder / "broken", (folder / "backup").read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_file_that_was_cut_or_changed_is_refused_in_one_sentence(
    whole: tuple[Path, bytes], place: float, bit: int, cut: bool
) -> None:
    path, data = whole
    at = int(place * len(data))
    path.write_bytes(data[:at] if cut else data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
    with pytest.raises(Invalid) as caught:
        verify(path)
    assert len(caught.value.findings) == 1
    with pytest.raises(Invalid):
        restore(path, path.with_name("target.db"))
    assert not path.with_name("target.db").exists()


def sealed(path: Path, head: Head, added: list[tuple[str, tuple[Any, ...]]]) -> Path:
    """A file with a good checksum, of whatever is put into it."""
    with path.open("wb") as file:
        writer = Writer(file, head)
        for table, row in added:
            writer.add(table, row)
        writer.finish()
    return path


def head(**changes: Any) -> Head:
    columns = {"tenants": ["id", "doc"]}
    given: dict[str, Any] = {"revision": "0001", "release": "9.9", "at_s": 0.0, "store": "sqlite", "columns": columns}
    return Head(**(given | changes))


def test_what_cannot_be_read_is_said_before_anything_is_replaced(where: Where, tmp_path: Path) -> None:
    make(where).close()
    before = rows(where)
    path = tmp_path / "backup"
    wrong: list[tuple[Head, list[tuple[str, tuple[Any, ...]]], type[HighroadError], str]] = [
        (head(revision="9999"), [], Conflict, "newer release, 9.9"),
        (head(columns={"nonsense": ["id"]}), [], Invalid, "no table nonsense"),
        (head(), [("tenants", ("acme", b'{"id": 1}'))], Invalid, "the row `acme` of tenants"),
        (head(), [("tenants", ("acme", None))], Invalid, "the row `acme` of tenants"),
        (head(), [("tenants", ("acme",))], Invalid, "number of columns"),
    ]
    for top, added, kind, message in wrong:
        with pytest.raises(kind) as caught:
            restore(sealed(path, top, added), where, replace=True)
        assert message in str(caught.value)
    path.write_bytes(b"HIGHROAD BACKUP 2\n" + b"x" * DIGEST_BYTES)
    with pytest.raises(Invalid, match="format is 2"):
        restore(path, where, replace=True)
    for nothing in (b"", b"HIGHROAD BACKUP 1\n", b"PGDMP" * 20):
        path.write_bytes(nothing)
        with pytest.raises(Invalid):
            restore(path, where, replace=True)
    assert rows(where) == before


def test_an_older_store_is_restored_as_it_was_and_brought_up_to_date(pair: tuple[Where, Where], tmp_path: Path) -> None:
    source, target = pair
    engine = open_engine(source)
    with engine.begin() as connection:
        upgrade(connection, "0003")
        doc = pack({"kind": "k", "subject": "s", "at_s": 0.0, "tenant": "acme", "data": {}})
        for sequence in (1, 2):
            connection.execute(
                text("INSERT INTO events (sequence, tenant, doc) VALUES (:at, 'acme', :doc)"),
                {"at": sequence, "doc": doc},
            )
    engine.dispose()
    summary = back_up(source, tmp_path / "backup", at_s=NOW_S)
    assert summary.revision == "0003"
    restore(tmp_path / "backup", target)
    store = SqlStore(target)
    assert [one.tenant_sequence for one in store.events(after=0, limit=9, tenant="acme")] == [1, 2]
    store.close()


def test_a_backup_beside_a_writer_is_one_instant(where: Where, tmp_path: Path) -> None:
    store = make(where, commits=1)
    base, stop, made = service("svc"), threading.Event(), itertools.count()

    def write() -> None:
        while not stop.is_set():
            name = ServiceId(f"new-{next(made):06}")
            store.commit(Commit(services=[replace(base, id=name)], events=[event(name)]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            time.sleep(0.05)
            back_up(where, tmp_path / f"{number}", at_s=NOW_S, progress=lambda name, done: time.sleep(0.005))
    finally:
        stop.set()
        writer.join()
        store.close()
    seen = []
    for number in range(3):
        target = tmp_path / f"{number}.db"
        restore(tmp_path / f"{number}", target)
        kept = rows(target)
        services = {row[0] for row in kept["services"] if row[0].startswith("new-")}
        restored = SqlStore(target)
        told = {
            one.subject for one in restored.events(after=0, limit=10**6, operator=True) if one.subject[:4] == "new-"
        }
        last = restored.load().commit_number
        assert services == told
        assert [row[0] for row in kept["commits"]] == list(range(1, last + 1))
        seen.append(len(services))
        restored.close()
    assert seen[0] < seen[-1]


@pytest.mark.process
def test_a_restore_that_is_killed_leaves_the_old_or_the_new(where: Where, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    new = make(tmp_path / "source.db", seed=3, commits=15)
    wanted = new.load()
    new.close()
    back_up(tmp_path / "source.db", file, at_s=NOW_S)
    store = make(where, seed=4, commits=2)
    old = store.load()
    store.close()
    script = """
        import sys
        from pathlib import Path
        from highroad.storage.restore import restore
        where = sys.argv[2]
        print("ready", flush=True)
        restore(Path(sys.argv[1]), where if "://" in where else Path(where), replace=True)
        print("done", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(file), str(where)]
    ends = []
    for wait_s in (0.0, 0.03, 0.1, 0.3, 60.0):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(timeout=wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        told, _ = process.communicate()
        store = SqlStore(where)
        found = store.load()
        store.close()
        assert found in (old, wanted)
        ends.append((found == wanted, "done" in told))
        if "done" in told:
            assert found == wanted
    assert ends[-1] == (True, True)
    assert ends[0] == (False, False)
