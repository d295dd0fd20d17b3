"""What the flight recorder noted gives the same decisions again, byte for byte, whatever happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from highroad.control import flight, recorder
from highroad.control.player import Player, Replayed
from highroad.model.network import FibreId
from highroad.model.service import ServiceId
from highroad.ports import Commit, EventRecord, Snapshot
from highroad.storage.store import SqlStore
from tests.unit.control import rig as rigs
from tests.unit.control import test_random_walk as walks


class Journal(SqlStore):
    """A store that keeps what was noted with each commit, and what it held before those where a replay may begin."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.rows: list[tuple[int, bytes]] = []
        self.before: dict[int, Snapshot] = {}

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        number = len(self.rows) + 1
        if any(isinstance(one, flight.Started | flight.Whole) for one in flight.unpack(commit.inputs)):
            self.before[number - 1] = self.load()
        self.rows.append((number, commit.inputs))
        return super().commit(commit)


def replay(journal: Journal, first: int = 0) -> Replayed:
    return Player(journal.before.__getitem__).play(journal.rows[first:])


async def _nothing(here: rigs.Rig, acknowledged: dict[ServiceId, float]) -> None:
    """What is asked of each step here is asked of the record of all of them."""


def walked(monkeypatch: pytest.MonkeyPatch, seed: int, planned: float) -> Journal:
    journal = Journal()
    monkeypatch.setattr(rigs, "in_memory", lambda: journal)
    monkeypatch.setattr(walks, "check_promises", _nothing)  # the walks' own tests hold them to these
    asyncio.run(walks.walk(random.Random(seed), steps=60, ways=2 + seed % 2, planned=planned, booked=0.1))
    return journal


@pytest.mark.parametrize("planned", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_all_of_a_random_walk_from_its_start(seed: int, planned: float, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = walked(monkeypatch, seed, planned)
    found = replay(journal)
    assert found.differences == []
    assert found.commits == len(journal.rows)
    assert found.decisions > 40


@pytest.mark.parametrize("planned", [0.0, 0.5])
def test_the_rest_of_it_from_each_place_where_something_failed(planned: float, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 0
    for seed in range(30, 36):
        journal = walked(monkeypatch, seed, planned)
        for place, (_, doc) in enumerate(journal.rows):
            if any(isinstance(one, flight.Whole) and one.clean for one in flight.unpack(doc)):
                found = replay(journal, place)
                assert found.differences == [], (seed, place)
                begun += found.commits == len(journal.rows) - place
    assert begun > 3


def test_a_place_to_begin_is_made_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "WHOLE_EACH", 5)
    begun = 0
    for seed, planned in ((40, 0.0), (41, 0.5), (42, 0.5)):
        journal = walked(monkeypatch, seed, planned)
        clean = [
            place
            for place, (_, doc) in enumerate(journal.rows)
            if any(isinstance(one, flight.Whole) and one.clean for one in flight.unpack(doc))
        ]
        assert len(clean) > len(journal.rows) / 40
        for place in clean[::4]:
            found = replay(journal, place)
            assert found.differences == [], (seed, place)
            begun += 1
    assert begun > 5


def test_another_history_is_told_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of what decisions are made from, changed by a hair, comes to something else."""
    journal = walked(monkeypatch, 0, 0.0)
    seen: set[str] = set()
    for place, (number, doc) in enumerate(journal.rows):
        for index, entry in enumerate(flight.unpack(doc)):
            entries = flight.unpack(doc)
            changed = entries[index]
            match changed:
                case flight.Told():
                    changed.at_s += 1e-6
                case flight.Read() if changed.down_since_s:
                    changed.down_since_s = {FibreId(fibre): at_s + 1e-6 for fibre, at_s in changed.down_since_s.items()}
                case flight.Wrote():
                    changed.digest = bytes(32)
                case _:
                    continue
            kind = type(entry).__name__
            if kind in seen:
                continue
            rows = list(journal.rows)
            rows[place] = (number, flight.pack(entries))
            if Player(journal.before.__getitem__).play(rows).differences:
                seen.add(kind)
    assert seen == {"Told", "Read", "Wrote"}
