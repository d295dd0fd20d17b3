"""Force in its short form: kill -9 and power cuts under load, judged by who shares no code with the controller.

`make soak` and `python -m bench force` do the same for as long as asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.force import away, disk
from tests.support.force.disk import Disk
from tests.support.force.life import Starter, starting
from tests.support.force.trials import Postgresql, Sqlite, Store, Trial, Verdict, kills, kills_apart, power_cuts
from tests.support.postgres import binaries

Away = Callable[[Postgresql], AbstractContextManager[None]]

pytestmark = pytest.mark.process

KILLS = 3
"""Of these some come at any instant and some just after somebody has asked; `bench.force` does hundreds."""

KILLS_APART = 2
POWER_CUTS = 2


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    with starting() as one:
        yield one


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[list[Disk]]:
    if (why := disk.why_not()) is not None:
        pytest.skip(why)
    with disk.disk(tmp_path / "power", 256) as held:
        yield held


@pytest.fixture
def postgresql() -> Iterator[Postgresql]:
    if binaries() is None:
        pytest.skip("there is no PostgreSQL here: install Debian's `postgresql`")
    store = Postgresql()
    yield store
    store.forget()


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue("postgresql") if request.param == "PostgreSQL" else Sqlite()
    return found


def good(verdict: Verdict) -> None:
    """Nothing was wrong, and something was done."""
    print(verdict)
    assert verdict.faults == []
    assert verdict.counts["orders"] > 2


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, starter: Starter, store: Store) -> None:
    good(kills(Trial(starter, store, tmp_path, seed=7), KILLS))


def test_who_decides_and_who_answers_are_killed_apart(tmp_path: Path, starter: Starter, postgresql: Postgresql) -> None:
    good(kills_apart(Trial(starter, postgresql, tmp_path, seed=7), KILLS_APART))


def test_a_power_cut_takes_what_was_not_synced_and_nothing_else(disks: list[Disk]) -> None:
    folder = disks[0].folder
    kept, gone = folder / "kept", folder / "gone"
    with kept.open("wb") as file:
        file.write(b"kept")
        file.flush()
        os.fsync(file.fileno())
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    with kept.open("ab") as file:
        file.write(b", and this is not")
    gone.write_bytes(b"gone")
    disks[0] = disks[0].lose_power(disks[0].as_after_power_loss())
    assert kept.read_bytes() == b"kept"
    assert not gone.exists()


def test_what_was_acknowledged_survives_power_cuts(
    tmp_path: Path, starter: Starter, disks: list[Disk], store: Store
) -> None:
    good(power_cuts(Trial(starter, store, tmp_path, seed=8, home=disks[0].folder / "home"), disks, POWER_CUTS))


def test_a_store_that_does_not_sync_is_caught(tmp_path: Path, starter: Starter, disks: list[Disk]) -> None:
    trial = Trial(starter, Sqlite(), tmp_path, seed=9, home=disks[0].folder / "home")
    trial.start().stop()
    os.sync()
    life = trial.start(unsynced="PRAGMA synchronous=OFF")
    trial.load.begin(life)
    trial.load.get_going(6)
    life.pause()
    left = disks[0].as_after_power_loss()
    life.kill()
    trial.load.end()
    disks[0] = disks[0].lose_power(left)
    trial.judge()
    assert trial.verdict.kinds["lost"] > 0


def test_a_full_disk_is_told_and_when_there_is_room_again_it_goes_on(
    tmp_path: Path, starter: Starter, disks: list[Disk], store: Store
) -> None:
    trial = Trial(starter, store, tmp_path, seed=10, home=disks[0].folder / "home")
    good(away.without(trial, trial.start(), away.full(disks[0]), 1.5, "disk full"))


def test_while_somebody_else_holds_the_database_readers_go_on(tmp_path: Path, starter: Starter) -> None:
    trial = Trial(starter, Sqlite(), tmp_path, seed=11)
    good(away.without(trial, trial.start(), away.locked(trial.home / "highroad.db"), 6.0, "database locked"))


@pytest.mark.parametrize(("way", "for_s"), [(away.gone, 2.0), (away.stopped, 6.0)])
def test_while_the_server_is_away_readers_go_on(
    way: Away, for_s: float, tmp_path: Path, starter: Starter, postgresql: Postgresql
) -> None:
    trial = Trial(starter, postgresql, tmp_path, seed=11)
    good(away.without(trial, trial.start(), way(postgresql), for_s, "database away"))


def test_a_clock_that_is_set_does_no_harm(tmp_path: Path, starter: Starter) -> None:
    good(away.clock_set(Trial(starter, Sqlite(), tmp_path, seed=12), between=False))


def test_of_two_leaders_one_writes(tmp_path: Path, starter: Starter) -> None:
    good(away.two_leaders(Trial(starter, Sqlite(), tmp_path, seed=13), 1))


def test_a_leader_that_was_stopped_and_wakes_writes_nothing(
    tmp_path: Path, starter: Starter, postgresql: Postgresql
) -> None:
    good(away.woken(Trial(starter, postgresql, tmp_path, seed=13), 1))


def test_a_slow_disk_is_slow_and_nothing_else(tmp_path: Path, starter: Starter) -> None:
    good(away.slow(Trial(starter, Sqlite(), tmp_path, seed=14), 0.1))
