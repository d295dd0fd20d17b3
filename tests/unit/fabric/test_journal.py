"""The plant's memory: all of it comes back, nothing half; what is not a journal is said to be none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from highroad.errors import Invalid, Unavailable
from highroad.fabric.twin import journal as journal_module
from highroad.fabric.twin.journal import Journal
from highroad.fabric.twin.plant import Memory, Plant
from highroad.model.network import FibreId, SiteId
from highroad.model.service import ServiceId
from highroad.ports import Change, CutState, Install, Withdraw
from tests.unit.fabric.small import START_S, backbone, policy

SQUARE = backbone("a-b", "b-d", "a-c", "c-d")


def plant_of() -> Plant:
    return Plant(SQUARE, START_S, seed=5, detection_s=0.015, restoration_s=0.05)


def busy_plant() -> Plant:
    plant = plant_of()
    plant.apply([Install(policy=policy("s", "a>b>d")), Install(policy=policy("t", "a>c>d", gbps=1.0 / 3.0))])
    plant.offer(ServiceId("t"), 0.1)
    plant.advance(START_S + 3.3)
    plant.cut(FibreId("a-b"))
    plant.advance(START_S + 4.4)
    plant.cut(FibreId("a-c"), silent=True)
    plant.kill_router(SiteId("d"))
    return plant


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "plant.db"


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, file: Path) -> Iterator[Journal]:
    journal = Journal(file if request.param == "file" else None)
    yield journal
    journal.close()


def test_a_new_journal_remembers_nothing(journal: Journal) -> None:
    assert journal.load() is None


def test_all_of_it_comes_back_to_the_bit(journal: Journal) -> None:
    memory = busy_plant().memory()
    journal.write(memory, changed=memory.policies, network=True)
    assert journal.load() == memory


def test_only_what_changed_is_written(journal: Journal) -> None:
    plant = busy_plant()
    journal.write(plant.memory(), changed=plant.memory().policies, network=True)
    _, changed = plant.apply([Withdraw(service=ServiceId("s")), Install(policy=policy("u", "a>b"))])
    plant.uncut(FibreId("a-b"))
    journal.write(plant.memory(), changed=changed)
    assert journal.load() == plant.memory()


def test_a_restart_is_as_if_it_had_gone_on(file: Path) -> None:
    """The process ends when the first cut has been noticed and the dead router and the silent cut have not."""
    plant = busy_plant()
    journal = Journal(file)
    journal.write(plant.memory(), changed=plant.memory().policies, network=True)
    journal.close()

    journal = Journal(file)
    back = plant_of()
    memory = journal.load()
    assert isinstance(memory, Memory)
    back.recall(memory)
    journal.close()
    for each in (plant, back):
        each.advance(START_S + 94.0)
    assert back.memory() == plant.memory()
    assert back.observed() == plant.observed()
    assert back.sample() == plant.sample()
    assert set(back.observed().down_since_s) == {"a-b", "a-c", "b-d", "c-d"}


def test_what_is_dark_in_an_older_journal_was_cut(file: Path) -> None:
    plant = plant_of()
    plant.cut(FibreId("a-b"))
    journal = Journal(file)
    journal.write(plant.memory(), network=True)
    journal.close()
    db = sqlite3.connect(file)
    state = msgspec.msgpack.decode(db.execute("SELECT value FROM state").fetchone()[0])
    del state["cuts"], state["killed"]
    db.execute("UPDATE state SET value = ?", (msgspec.msgpack.encode(state),))
    db.commit()
    db.close()
    journal = Journal(file)
    memory = journal.load()
    journal.close()
    assert isinstance(memory, Memory)
    assert memory.cuts == {"a-b": CutState(since_s=START_S)}
    back = plant_of()
    back.recall(memory)
    assert back.uncut(FibreId("a-b"))
    assert back.observed().down_since_s == {}


def test_an_older_journal_is_read(file: Path) -> None:
    plant = busy_plant()
    memory = plant.memory()
    journal = Journal(file)
    journal.write(memory, changed=memory.policies, network=True)
    journal.close()
    db = sqlite3.connect(file)
    state = msgspec.msgpack.decode(db.execute("SELECT value FROM state").fetchone()[0])
    del state["names"], state["counts"]
    state["services"] = dict(memory.services)
    db.execute("UPDATE state SET value = ?", (msgspec.msgpack.encode(state),))
    db.execute("DROP TABLE change")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    journal = Journal(file)
    assert journal.load() == memory
    assert journal.changes() == []
    journal.close()


def test_what_was_noted_is_in_what_is_written_next(journal: Journal) -> None:
    plant = busy_plant()
    journal.write(plant.memory(), changed=plant.memory().policies, network=True)
    changes: list[Change] = [Withdraw(service=ServiceId("s")), Install(policy=policy("u", "a>b"))]
    journal.note(START_S + 5.0, changes)
    journal.note(START_S + 6.0, changes[:1])
    assert journal.changes() == [(START_S + 5.0, changes), (START_S + 6.0, changes[:1])]
    _, changed = plant.apply(changes)
    journal.write(plant.memory(), changed=changed)
    assert journal.changes() == []
    assert journal.load() == plant.memory()


def test_a_write_that_fails_leaves_what_was_there(journal: Journal) -> None:
    plant = busy_plant()
    journal.write(plant.memory(), changed=plant.memory().policies, network=True)
    before = journal.load()

    class Odd:
        def __iter__(self) -> Iterator[ServiceId]:
            yield ServiceId("s")
            raise RuntimeError

    plant.advance(START_S + 9.0)
    with pytest.raises(RuntimeError):
        journal.write(plant.memory(), changed=Odd())
    assert journal.load() == before


def test_a_file_belongs_to_one_process(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_LOCK_PATIENCE_S", 0.05)
    first = Journal(file)
    with pytest.raises(Unavailable, match="locked"):
        Journal(file)
    first.close()
    Journal(file).close()


def test_what_is_no_journal_is_said_to_be_none(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"this is not a database, it is a text" * 100)
    with pytest.raises(Invalid, match="no journal"):
        Journal(file)


def test_a_journal_of_another_version_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(Invalid, match="version 99"):
        Journal(file)


def test_another_database_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE service (id)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(Invalid, match="no journal"):
        Journal(file)
    assert file.read_bytes() == before
