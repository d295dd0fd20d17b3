"""What the controller needs of a store, held against every store there is."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from highroad.errors import Unavailable
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Incident, IncidentId, Maintenance, MaintenanceId, MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.service import Service, ServiceId
from highroad.planning.admission import Admitted, admit
from highroad.ports import Answer, Commit, EventRecord, Snapshot, Store, TokenRecord
from highroad.storage.store import SqlStore
from tests.support.country import country, ports, request, tenants
from tests.unit.planning.ground import NOW_S, ground_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = SqlStore(path)
    yield opened
    opened.close()


def service(name: str, state: State = State.RESERVED) -> Service:
    decision = admit(ground_of(), request(bound_ms=9.0, fence=("US", "CA"), end_s=NOW_S + 60), NOW_S)
    assert isinstance(decision, Admitted)
    return Service(
        id=ServiceId(name),
        version=1,
        state=state,
        order=decision.order,
        created_s=NOW_S,
        changed_s=NOW_S,
        placement=decision.placement,
        leaving=(decision.placement,),
    )


def event(subject: str, tenant: str | None = None) -> EventRecord:
    return EventRecord(kind="highroad.test", subject=subject, at_s=NOW_S, tenant=tenant, data={"n": [1, None, "é"]})


def everything() -> Commit:
    return Commit(
        network=country(conduit=True),
        tenants=tenants(),
        ports=ports(),
        services=[service("svc-a"), service("svc-b")],
        incidents=[Incident(id=IncidentId("inc-a"), fibres=(), opened_s=NOW_S)],
        maintenances=[
            Maintenance(
                id=MaintenanceId("mnt-a"),
                target="x",
                fibres=(),
                state=MaintenanceState.DRAINING,
                started_s=NOW_S,
            )
        ],
        tokens=[TokenRecord(id="tok-a", hash="h", tenant="acme", label="", created_s=NOW_S)],
        answers=[Answer(scope="acme", key="k", digest="d", at_s=NOW_S, outcome={"service": "svc-a"})],
        events=[event("svc-a", "acme"), event("fibre"), event("svc-b", "other")],
    )


def matches(snapshot: Snapshot, commit: Commit) -> bool:
    return all(
        list(getattr(snapshot, name)) == sorted(getattr(commit, name), key=lambda one: one.id)
        for name in ("tenants", "ports", "services", "incidents", "maintenances", "tokens")
    )


def test_a_new_store_is_empty(store: Store) -> None:
    snapshot = store.load()
    assert snapshot.network is None
    assert (snapshot.network_revision, snapshot.last_sequence, list(snapshot.services)) == (0, 0, [])


def test_gives_back_what_it_was_given(store: Store, path: Path) -> None:
    commit = everything()
    numbered = store.commit(commit)
    assert [one.sequence for one in numbered] == [1, 2, 3]
    for _ in range(2):
        snapshot = store.load()
        assert snapshot.network == commit.network
        assert snapshot.network_revision == 1
        assert matches(snapshot, commit)
        assert snapshot.last_sequence == 3
        assert store.answer("acme", "k") == commit.answers[0]
        assert store.answer("acme", "other") is None
        assert store.service("svc-b") == commit.services[1]
        assert list(store.events(after=0, limit=10, operator=True)) == list(numbered)
        store.close()
        store = SqlStore(path)
    store.close()


def test_later_wins_and_revisions_count(store: Store) -> None:
    store.commit(everything())
    changed = replace(service("svc-a"), version=2)
    store.commit(Commit(services=[service("svc-a"), changed], network=country()))
    snapshot = store.load()
    assert next(one for one in snapshot.services if one.id == "svc-a") == changed
    assert snapshot.network == country()
    assert snapshot.network_revision == 2


def test_a_freeze_is_in_force_until_it_has_ended(store: Store, path: Path) -> None:
    assert store.load().freeze is None
    first = Freeze(id=FreezeId("frz-z"), reason="é", started_s=NOW_S)
    store.commit(Commit(freezes=[first]))
    again = SqlStore(path)
    assert again.load().freeze == first
    again.close()
    store.commit(Commit(freezes=[replace(first, ended_s=NOW_S + 1)]))
    assert store.load().freeze is None
    second = Freeze(id=FreezeId("frz-a"), reason="", started_s=NOW_S + 2)
    store.commit(Commit(freezes=[second]))
    assert store.load().freeze == second


def test_a_store_from_before_freezes_gains_them_and_loses_nothing(path: Path) -> None:
    store = SqlStore(path)
    store.commit(everything())
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE freezes")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    store.close()
    store = SqlStore(path)
    assert matches(store.load(), everything())
    assert store.load().freeze is None
    store.commit(Commit(freezes=[Freeze(id=FreezeId("frz-a"), reason="", started_s=NOW_S)]))
    store.close()


def test_what_has_ended_is_kept_but_not_loaded(store: Store) -> None:
    ended = replace(service("svc-a", State.TERMINATED), leaving=())
    still_leaving = service("svc-b", State.TERMINATED)
    store.commit(Commit(services=[ended, still_leaving]))
    assert [one.id for one in store.load().services] == ["svc-b"]
    assert [one.id for one in store.services(tenant="acme", after=None, limit=9)] == ["svc-a", "svc-b"]
    assert [one.id for one in store.services(tenant="acme", after="svc-a", limit=9)] == ["svc-b"]
    assert store.services(tenant="other", after=None, limit=9) == []
    assert store.service("svc-a") == ended


def test_events_are_in_one_order_and_each_sees_its_own(store: Store) -> None:
    store.commit(Commit(events=[event("a", "acme"), event("b"), event("c", "other")]))
    store.commit(Commit(events=[event("d", "acme")]))
    assert [one.subject for one in store.events(after=0, limit=9, operator=True)] == ["a", "b", "c", "d"]
    assert [one.sequence for one in store.events(after=0, limit=9, tenant="acme")] == [1, 4]
    assert [one.sequence for one in store.events(after=1, limit=9, tenant="acme")] == [4]
    assert [one.sequence for one in store.events(after=0, limit=2, operator=True)] == [1, 2]
    assert store.events(after=0, limit=9, tenant=None) == []


def test_a_commit_that_fails_leaves_nothing_and_takes_no_number(store: Store) -> None:
    store.commit(everything())
    twin_hash = TokenRecord(id="tok-b", hash="h", tenant=None, label="", created_s=NOW_S)
    with pytest.raises(Unavailable):
        store.commit(Commit(services=[service("svc-new")], tokens=[twin_hash], events=[event("lost")]))
    assert store.service("svc-new") is None
    assert [one.sequence for one in store.commit(Commit(events=[event("next")]))] == [4]
    assert [one.subject for one in store.events(after=3, limit=9, operator=True)] == ["next"]


def test_every_start_has_a_higher_epoch(path: Path) -> None:
    epochs: list[int] = []
    for _ in range(2):
        store = SqlStore(path)
        epochs += [store.raise_epoch(), store.raise_epoch()]
        store.close()
    assert epochs == [1, 2, 3, 4]


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match="cannot be opened"):
        SqlStore(path)
    assert path.read_bytes().startswith(b"not a database")


def test_writes_through_to_the_disk(path: Path) -> None:
    store = SqlStore(path)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    store.close()


@pytest.mark.process
def test_every_commit_that_returned_survives_kill_9(path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from highroad.ports import Commit, EventRecord
        from highroad.storage.store import SqlStore
        store = SqlStore(Path(sys.argv[1]))
        while True:
            done = store.commit(Commit(events=[EventRecord(kind="k", subject="s", at_s=0.0, tenant=None, data={})] * 3))
            print(done[-1].sequence, flush=True)
    """
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *map(int, rest.split())])
        store = SqlStore(path)
        sequences = [one.sequence for one in store.events(after=0, limit=10**6, operator=True)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= acknowledged
        assert len(sequences) % 3 == 0
        store.close()
