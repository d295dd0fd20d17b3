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
from sqlalchemy import text

from highroad.errors import Unavailable
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Incident, IncidentId, Maintenance, MaintenanceId, MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.service import Service, ServiceId
from highroad.model.webhook import Attempt, Webhook, WebhookId, WebhookSecret
from highroad.planning.admission import Admitted, admit
from highroad.ports import Answer, Commit, EventRecord, Snapshot, TokenRecord
from highroad.storage.codec import pack
from highroad.storage.engines import Where, open_engine
from highroad.storage.migrate import upgrade
from highroad.storage.store import SqlStore
from tests.support.country import country, ports, request, tenants
from tests.unit.planning.ground import NOW_S, ground_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(where: Where) -> Iterator[SqlStore]:
    opened = SqlStore(where)
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


def test_a_new_store_is_empty(store: SqlStore) -> None:
    snapshot = store.load()
    assert snapshot.network is None
    assert (snapshot.network_revision, snapshot.last_sequence, list(snapshot.services)) == (0, 0, [])


def test_gives_back_what_it_was_given(store: SqlStore, where: Where) -> None:
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
        store = SqlStore(where)
    store.close()


def test_later_wins_and_revisions_count(store: SqlStore) -> None:
    store.commit(everything())
    changed = replace(service("svc-a"), version=2)
    store.commit(Commit(services=[service("svc-a"), changed], network=country()))
    snapshot = store.load()
    assert next(one for one in snapshot.services if one.id == "svc-a") == changed
    assert snapshot.network == country()
    assert snapshot.network_revision == 2


def test_a_freeze_is_in_force_until_it_has_ended(store: SqlStore, where: Where) -> None:
    assert store.load().freeze is None
    first = Freeze(id=FreezeId("frz-z"), reason="é", started_s=NOW_S)
    store.commit(Commit(freezes=[first]))
    again = SqlStore(where)
    assert again.load().freeze == first
    again.close()
    store.commit(Commit(freezes=[replace(first, ended_s=NOW_S + 1)]))
    assert store.load().freeze is None
    second = Freeze(id=FreezeId("frz-a"), reason="", started_s=NOW_S + 2)
    store.commit(Commit(freezes=[second]))
    assert store.load().freeze == second


def test_what_has_ended_is_kept_but_not_loaded(store: SqlStore) -> None:
    ended = replace(service("svc-a", State.TERMINATED), leaving=())
    still_leaving = service("svc-b", State.TERMINATED)
    store.commit(Commit(services=[ended, still_leaving]))
    assert [one.id for one in store.load().services] == ["svc-b"]
    assert [one.id for one in store.services(tenant="acme", after=None, limit=9)] == ["svc-a", "svc-b"]
    assert [one.id for one in store.services(tenant="acme", after="svc-a", limit=9)] == ["svc-b"]
    assert store.services(tenant="other", after=None, limit=9) == []
    assert store.service("svc-a") == ended


def test_webhooks_are_kept_until_they_are_removed_with_their_newest_attempts(store: SqlStore) -> None:
    hook = Webhook(
        id=WebhookId("whk-a"),
        tenant="acme",
        url="https://example.org/é",
        secrets=(WebhookSecret(sealed="s", created_s=NOW_S),),
        created_s=NOW_S,
        kinds=("a.*",),
    )

    def attempt(number: int, webhook: str = "whk-a") -> Attempt:
        return Attempt(
            webhook=WebhookId(webhook),
            number=number,
            event=f"evt-acme-{number}",
            kind="a.b",
            at_s=NOW_S,
            duration_ms=1.5,
            status=None if number % 2 else 200,
            error="no answer" if number % 2 else "",
            excerpt="\x00é",
        )

    store.commit(Commit(webhooks=[hook], attempts=[attempt(1)]))
    moved = replace(hook, cursor=2**40, attempts=120)
    store.commit(Commit(webhooks=[hook, moved], attempts=[*map(attempt, range(2, 121)), attempt(7, "whk-b")]))
    assert list(store.load().webhooks) == [moved]
    assert list(store.attempts("whk-a")) == [attempt(number) for number in range(120, 70, -1)]
    assert list(store.attempts("whk-none")) == []
    store.commit(Commit(webhooks=[replace(moved, removed_s=NOW_S, secrets=())]))
    assert list(store.load().webhooks) == []


def test_events_are_in_one_order_and_each_sees_its_own(store: SqlStore) -> None:
    store.commit(Commit(events=[event("a", "acme"), event("b"), event("c", "other")]))
    numbered = store.commit(Commit(events=[event("d", "acme")]))
    assert [one.subject for one in store.events(after=0, limit=9, operator=True)] == ["a", "b", "c", "d"]
    assert [one.sequence for one in store.events(after=0, limit=2, operator=True)] == [1, 2]
    own = store.events(after=0, limit=9, tenant="acme")
    assert [(one.sequence, one.tenant_sequence, one.id) for one in own] == [(1, 1, "evt-acme-1"), (4, 2, "evt-acme-2")]
    assert list(store.events(after=1, limit=9, tenant="acme")) == list(numbered)
    assert store.events(after=0, limit=9, tenant=None) == []
    assert [one.id for one in store.events(after=1, limit=2, operator=True)] == ["evt-2", "evt-other-1"]
    assert (store.last_place(operator=True), store.last_place(tenant="acme"), store.last_place(tenant="new")) == (
        4,
        2,
        0,
    )
    assert store.last_place() == 0
    assert store.times(after=1, limit=2, operator=True) == [(2, NOW_S), (3, NOW_S)]
    assert store.times(after=0, limit=9, tenant="acme") == [(1, NOW_S), (2, NOW_S)]
    assert store.times(after=0, limit=9) == []


def test_events_are_found_by_what_they_tell_of(store: SqlStore) -> None:
    told = [event(name, tenant) for name in ("a", "b", "a", "c") for tenant in ("acme", "other")]
    store.commit(Commit(events=told))
    found = store.events(after=0, limit=99, operator=True, subject="a")
    assert [(one.sequence, one.tenant) for one in found] == [(1, "acme"), (2, "other"), (5, "acme"), (6, "other")]
    assert [one.sequence for one in store.events(after=1, limit=2, operator=True, subject="a")] == [2, 5]
    assert [one.sequence for one in store.events(after=1, limit=99, tenant="acme", subject="a")] == [5]
    assert store.events(after=0, limit=99, subject="a") == []
    assert store.events(after=0, limit=99, operator=True, subject="a\0b") == []
    assert store.service("svc\0") is None


def test_a_tenants_own_sequence_goes_on_over_restarts_and_failed_commits(store: SqlStore, where: Where) -> None:
    store.commit(replace(everything(), events=[event("a", "acme"), event("b", "other"), event("c", "acme")]))
    twin_hash = TokenRecord(id="tok-b", hash="h", tenant=None, label="", created_s=NOW_S)
    with pytest.raises(Unavailable):
        store.commit(Commit(tokens=[twin_hash], events=[event("lost", "acme"), event("lost", "new")]))
    assert [one.tenant_sequence for one in store.commit(Commit(events=[event("d", "acme"), event("e", "new")]))] == [
        3,
        1,
    ]
    again = SqlStore(where)
    assert [one.tenant_sequence for one in again.commit(Commit(events=[event("f", "new"), event("g", "acme")]))] == [
        2,
        4,
    ]
    again.close()


def test_a_store_from_before_tenants_sequences_numbers_what_it_has(where: Where) -> None:
    engine = open_engine(where)
    tenants_of = ["acme", None, "other", "acme", None, "acme"]
    with engine.begin() as connection:
        upgrade(connection, "0003")
        for sequence, tenant in enumerate(tenants_of, 1):
            doc = pack(
                {"kind": "k", "subject": f"s{sequence}", "at_s": 0.0, "tenant": tenant, "data": {}, "sequence": 0}
            )
            statement = "INSERT INTO events (sequence, tenant, doc) VALUES (:sequence, :tenant, :doc)"
            connection.execute(text(statement), {"sequence": sequence, "tenant": tenant, "doc": doc})
    engine.dispose()
    store = SqlStore(where)
    found = store.events(after=0, limit=99, operator=True)
    assert [(one.sequence, one.tenant_sequence) for one in found] == [(1, 1), (2, 0), (3, 1), (4, 2), (5, 0), (6, 3)]
    assert [one.subject for one in store.events(after=1, limit=99, tenant="acme")] == ["s4", "s6"]
    assert [one.sequence for one in store.events(after=0, limit=99, operator=True, subject="s3")] == [3]
    assert store.events(after=0, limit=99, tenant="acme", subject="s3") == []
    assert store.commit(Commit(events=[event("next", "acme")]))[0].tenant_sequence == 4
    store.close()


def test_a_commit_that_fails_leaves_nothing_and_takes_no_number(store: SqlStore) -> None:
    store.commit(everything())
    twin_hash = TokenRecord(id="tok-b", hash="h", tenant=None, label="", created_s=NOW_S)
    with pytest.raises(Unavailable):
        store.commit(Commit(services=[service("svc-new")], tokens=[twin_hash], events=[event("lost")]))
    assert store.service("svc-new") is None
    assert [one.sequence for one in store.commit(Commit(events=[event("next")]))] == [4]
    assert [one.subject for one in store.events(after=3, limit=9, operator=True)] == ["next"]


def test_every_start_has_a_higher_epoch(where: Where) -> None:
    epochs: list[int] = []
    for _ in range(2):
        store = SqlStore(where)
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
def test_every_commit_that_returned_survives_kill_9(where: Where) -> None:
    script = """
        import sys
        from highroad.ports import Commit, EventRecord
        from highroad.storage.store import SqlStore
        store = SqlStore(sys.argv[1])
        while True:
            done = store.commit(Commit(events=[EventRecord(kind="k", subject="s", at_s=0.0, tenant=None, data={})] * 3))
            print(done[-1].sequence, flush=True)
    """
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(where)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *map(int, rest.split())])
        store = SqlStore(where)
        sequences = [one.sequence for one in store.events(after=0, limit=10**6, operator=True)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(sequences) >= acknowledged
        assert len(sequences) % 3 == 0
        store.close()
