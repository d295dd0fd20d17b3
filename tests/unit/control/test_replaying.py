"""An incident is decided again from the store, to the same bytes; and where it is not the same, that is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from highroad.control import flight, recorder, repair, reroute
from highroad.control.replaying import commit_of, replay_incident
from highroad.errors import NotFound
from highroad.model.incident import IncidentId
from highroad.model.lifecycle import State
from highroad.model.service import ServiceId
from highroad.storage import tables
from highroad.storage.engines import Where, open_engine
from highroad.storage.store import SqlStore
from tests.support.stores import in_memory
from tests.unit.control.rig import Rig, rig


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """Where a new store is made."""
    if request.param == "sqlite":
        return tmp_path / "store.db"
    url: str = request.getfixturevalue("database")
    return url


def lived(store: SqlStore, life: Callable[[Rig], Awaitable[None]], *, furnish: bool = True) -> None:
    """A controller on a store, for as long as a life lasts."""

    async def inside() -> None:
        async with rig(store=store, furnish=furnish) as here:
            await life(here)

    asyncio.run(inside())


async def broken(here: Rig) -> None:
    """Orders, one of which is refused; a cut, the repair, and the way home."""
    for gbps in (10.0, 20.0, 60.0):
        await here.order(gbps)
    with pytest.raises(Exception, match="no"):
        await here.order(50.0)
    await here.cut("west--east")
    await here.order(5.0)
    await here.pass_s(20.0)
    await here.uncut("west--east")
    await here.pass_s(60.0)


def incident_of(store: SqlStore) -> IncidentId:
    (incident,) = store.load().incidents
    assert not incident.open
    return incident.id


def test_all_of_an_incident_is_decided_again(where: Where) -> None:
    store = SqlStore(where)
    lived(store, broken)
    incident = incident_of(store)
    found = replay_incident(store, incident)
    assert found.identical, (found.differences, found.stopped)
    assert found.first <= found.opened < (found.closed or 0) == found.last
    assert found.commits == found.last - found.first + 1
    assert found.decisions > 5
    assert found.asked > 2
    assert {line.what for line in found.lines} == {"noticed", "moved", "state", "asked"}
    moved = [line.text for line in found.lines if line.what == "moved"]
    assert "from campus → west → east → cloud to campus → west → south → east → cloud" in moved[0]
    assert "from campus → west → south → east → cloud to campus → west → east → cloud" in moved[-1]
    assert [line.at_s for line in found.lines if line.what == "moved"] == sorted(
        line.at_s for line in found.lines if line.what == "moved"
    )
    store.close()

    store = SqlStore(where)  # another process, and a controller that goes on
    again = replay_incident(store, incident)
    assert (again.identical, again.lines) == (True, found.lines)

    async def another(here: Rig) -> None:
        await here.order(1.0)

    lived(store, another, furnish=False)
    assert replay_incident(store, incident) == again
    store.close()


def rows(store: SqlStore) -> list[tuple[int, bytes]]:
    return list(store.inputs(0, 10**6))


def alter(where: Where, number: int, **values: bytes) -> None:
    """Lay hands on the row of a commit."""
    engine = open_engine(where)
    with engine.begin() as connection:
        done = connection.execute(update(tables.commits).where(tables.commits.c.number == number).values(**values))
        assert done.rowcount == 1
    engine.dispose()


def test_whatever_is_altered_is_told(where: Where) -> None:
    store = SqlStore(where)
    lived(store, broken)
    incident = incident_of(store)
    whole = replay_incident(store, incident)
    noted = {number: doc for number, doc in rows(store) if whole.opened < number <= whole.last and doc}

    number, doc = next(iter(noted.items()))
    alter(where, number, inputs=doc[:-9] + bytes([doc[-9] ^ 1]) + doc[-8:])
    (difference,) = replay_incident(store, incident).differences
    assert difference.commit == number
    assert "cannot be read" in difference.what
    alter(where, number, inputs=b"")
    found = replay_incident(store, incident)
    assert not found.identical
    assert found.differences[0].commit == number
    alter(where, number, inputs=doc)

    number, doc = next((n, d) for n, d in noted.items() if any(isinstance(e, flight.Told) for e in flight.unpack(d)))
    entries = flight.unpack(doc)
    told = next(one for one in entries if isinstance(one, flight.Told))
    told.at_s += 0.5
    alter(where, number, inputs=flight.pack(entries))
    difference = replay_incident(store, incident).differences[0]
    assert difference.commit == number
    assert f"created_s was {told.at_s - 0.5}" in difference.what
    alter(where, number, inputs=doc)

    engine = open_engine(where)
    with engine.begin() as connection:
        was = connection.scalar(select(tables.commits.c.doc).where(tables.commits.c.number == number))
        other = connection.scalar(select(tables.commits.c.doc).where(tables.commits.c.number == whole.opened))
    engine.dispose()
    assert was is not None
    assert other is not None
    alter(where, number, doc=other)
    assert replay_incident(store, incident).differences[0].commit == number
    alter(where, number, doc=was)
    assert replay_incident(store, incident) == whole
    store.close()


def test_another_planner_is_told_of_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_memory()
    lived(store, broken)
    incident = incident_of(store)
    monkeypatch.setattr(repair, "ON_BACKUP", "never mind")
    assert replay_incident(store, incident).identical  # nothing here is protected
    monkeypatch.setattr(reroute, "WORTH_MS", 100.0)
    found = replay_incident(store, incident)
    assert not found.identical
    assert found.opened < found.differences[0].commit < found.last
    assert "of svc-001 placement was campus>west west>east east>cloud, and now" in found.differences[0].what
    store.close()


def test_a_replay_is_bounded_and_says_so() -> None:
    store = in_memory()
    lived(store, broken)
    incident = incident_of(store)
    whole = replay_incident(store, incident)
    part = replay_incident(store, incident, most=3)
    assert (part.commits, part.identical, part.differences) == (3, False, ())
    assert part.stopped == f"it goes on to commit {whole.last}, and 3 commits are decided again at most"
    with pytest.raises(NotFound, match="no incident inc-none"):
        replay_incident(store, "inc-none")
    store.close()


def test_what_is_forgotten_is_not_replayed() -> None:
    store = in_memory()
    lived(store, broken)
    incident = incident_of(store)
    store.checkpoint()

    async def another(here: Rig) -> None:
        await here.order(1.0)

    lived(store, another, furnish=False)
    assert store.prune(float("inf")) > 0
    with pytest.raises(NotFound, match="does not reach back"):
        replay_incident(store, incident)
    store.close()


def test_the_commit_of_every_event_is_found() -> None:
    store = in_memory()
    lived(store, broken)
    for record in store.records(0, 10**6):
        for sequence in range(record.first_sequence + 1, record.last_sequence + 1):
            assert commit_of(store, sequence) == record
    newest = store.records(store.newest() - 1, 1)[0]
    assert commit_of(store, newest.last_sequence + 1) is None
    store.close()


def test_a_recorder_that_fails_breaks_no_decision_and_no_replay_crosses_the_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever part of it fails: the services are ordered and moved as ever."""

    class Full(Exception):
        pass

    def full(*_: object, **__: object) -> None:
        raise Full("no more")

    for broken_part in ("Told", "Looked", "Read", "Asked", "digest_of", "digest_of_changes"):
        store = in_memory()

        async def life(here: Rig, part: str = broken_part) -> None:
            first = await here.order(10.0)
            with monkeypatch.context() as patched:
                await here.cut("west--east")
                patched.setattr(flight, part, type(part, (), {"__init__": full}) if part[0].isupper() else full)
                second = await here.order(5.0)
                await here.uncut("west--east")
                await here.pass_s(60.0)
            for one in (first, second):
                assert (await here.now(one.id)).state is State.ACTIVE
            assert here.controller._planner.recorder.gaps > 0, part

        lived(store, life)
        found = replay_incident(store, incident_of(store))
        assert "Full: no more" in found.stopped, broken_part
        assert not found.identical
        assert found.differences == ()
        store.close()


def test_a_recorder_keeps_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_ENTRIES", 20)
    noting = recorder.Recorder()
    for at_s in range(1000):
        with noting.deciding(recorder.Order(command=b"x"), float(at_s), lambda: False):
            noting.answered(lambda scope, key: None)("a", "b")
        assert noting.waiting <= 20
    assert noting.gaps > 40
    for at_s in range(1000):
        with noting.deciding(recorder.Look(sample=None, refusals={}, busy=False), float(at_s), lambda: True):
            pass
        assert noting.waiting <= 20


def test_no_secret_is_noted() -> None:
    store = in_memory()
    made: list[str] = []

    async def life(here: Rig) -> None:
        _, token = await here.run(here.controller.issue_token(tenant=None, label="ours"))
        made.append(token)

    lived(store, life)
    noted = [one for _, doc in rows(store) if doc for one in flight.unpack(doc)]
    commands = b"".join(one.command for one in noted if isinstance(one, flight.Told))
    assert b"IssueToken" in commands
    assert b"ours" in commands
    assert made[0].encode() not in commands
    store.close()


def test_a_decision_that_broke_off_breaks_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a fault of ours: what came before and after is replayed; and where it does not break off now, it is told."""
    store = in_memory()
    fault = monkeypatch.context()

    class Fault(Exception):
        pass

    def fails(*_: object, **__: object) -> None:
        raise Fault

    async def life(here: Rig) -> None:
        await here.order(10.0)
        await here.cut("west--east")
        with fault as patched:
            patched.setattr("highroad.control.commands.orders.release", fails)
            with pytest.raises(Fault):
                await here.run(here.controller.release(ServiceId("svc-001"), tenant=None))
        await here.order(5.0)
        await here.uncut("west--east")
        await here.pass_s(60.0)

    lived(store, life)
    incident = incident_of(store)
    found = replay_incident(store, incident)
    said = "of a decision it was noted that it broke off with Fault, and now it did not break off"
    assert found.differences[0].what == said
    with monkeypatch.context() as patched:
        patched.setattr("highroad.control.commands.orders.release", fails)
        assert replay_incident(store, incident).identical
    store.close()
