"""Trials by force, each over one home on one store: what was counted, and what was wrong."""

from __future__ import annotations

import random
import shutil
import stat
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support.force import ground
from tests.support.force.audit import KINDS, STUCK, Fault, audit
from tests.support.force.disk import Disk
from tests.support.force.ledger import Ledger
from tests.support.force.life import Life, Starter
from tests.support.force.load import Load
from tests.support.force.rows import Rows, of_postgres, of_sqlite
from tests.support.postgres import Postgres, made

SETTLING_S = 20.0
"""So long what is under way may take once everything is quiet."""


class Store(Protocol):
    """A kind of store, as `highroad up` is told of it and as a judge reads it."""

    name: str

    def begin(self, at: Path) -> tuple[str, ...]:
        """Whatever has to run before a controller does, on data in a folder; what to tell `highroad up`."""

    def rows(self, home: Path) -> Rows:
        """What it has; no controller writes."""

    def pause(self) -> None:
        """From now on it writes nothing."""

    def kill(self) -> None:
        """Whatever was begun ends at once."""

    def forget(self) -> None:
        """It has ended, and the next beginning is on other files."""


class Sqlite:
    """The store that comes with Highroad."""

    name = "SQLite"

    def begin(self, at: Path) -> tuple[str, ...]:
        """Nothing runs."""
        return ()

    def rows(self, home: Path) -> Rows:
        """The store's, and what the twin's routers hold."""
        return of_sqlite(home / "highroad.db", home / "twin.db")

    def pause(self) -> None:
        """Nothing runs."""

    def kill(self) -> None:
        """Nothing runs."""

    def forget(self) -> None:
        """Nothing is known of files."""


class Postgresql:
    """A PostgreSQL of its own, whose files are where the trial is."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self.server: Postgres | None = None

    def begin(self, at: Path) -> tuple[str, ...]:
        """It runs, on what is there."""
        if self.server is None:
            folder = at / "postgresql"
            folder.mkdir()
            for above in (folder, *folder.parents):
                if above != Path("/") and not above.stat().st_mode & stat.S_IXOTH:
                    above.chmod(above.stat().st_mode | stat.S_IXOTH)  # the server runs as somebody else
            self.server = made(folder, "--wal-segsize=1", fast=False)
        self.server.start()
        return ("--database", self.server.url())

    def rows(self, home: Path) -> Rows:
        """The store's, and what the twin's routers hold."""
        return of_postgres(self._server.url(), home / "twin.db")

    def pause(self) -> None:
        """SIGSTOP of all of it."""
        self._server.pause()

    def resume(self) -> None:
        """It goes on."""
        self._server.resume()

    def kill(self) -> None:
        """SIGKILL of all of it."""
        self._server.kill()

    def forget(self) -> None:
        """It has ended, and the next one is another."""
        if self.server is not None:
            self.server.kill()
        self.server = None

    @property
    def _server(self) -> Postgres:
        assert self.server is not None
        return self.server


@dataclass(slots=True)
class Verdict:
    """What a trial counted, and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def found(self, faults: list[Fault]) -> None:
        """The judge's."""
        self.faults += map(str, faults)
        self.kinds.update(fault.kind for fault in faults)

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(self.counts + other.counts, self.faults + other.faults, self.kinds + other.kinds)

    def __str__(self) -> str:
        wrong = ", ".join(f"{what} {self.kinds[kind]}" for kind, what in zip(KINDS, _WORDS, strict=True))
        others = len(self.faults) - self.kinds.total()
        return f"{', '.join(f'{count:,} {what}' for what, count in self.counts.items())}: {wrong}, others {others}"


_WORDS = ("acknowledged and lost", "links oversold", "services stuck", "events lost or doubled", "orders doubled")


class Trial:
    """A home on a store, the clients of it, and the controllers that live there one after the other."""

    def __init__(self, starter: Starter, store: Store, at: Path, seed: int, *, home: Path | None = None) -> None:
        """`at` has room for what is no part of the home."""
        at.mkdir(parents=True, exist_ok=True)
        self.starter, self.store, self.at = starter, store, at
        self.home = at / "home" if home is None else home
        self.dice = random.Random(seed)
        self.ledger = Ledger(at / "ledger")
        self.load = Load(self.ledger, seed)
        self.verdict = Verdict()
        self.arguments = ("--network", str(ground.write(at)))
        self.told = store.begin(self.home.parent)
        self.began = False
        self.clock = at / "clock"
        self.set_clock(0.0)

    def set_clock(self, offset_s: float) -> None:
        """From now on it is so much later, for clients and for controllers whose clock is ours."""
        self.load.offset_s = offset_s
        with self.clock.open("r+b" if self.clock.exists() else "w+b") as file:
            file.write(struct.pack("d", offset_s))

    def now_s(self) -> float:
        """By that clock."""
        return time.time() + self.load.offset_s

    def start(self, **wrong: Any) -> Life:
        """The next life."""
        first = () if self.began else self.arguments
        life = Life(self.starter, self.home, *self.told, *first, said=self.at, wrong=wrong)
        self.began = True
        return life

    def beside(self, *words: str) -> Life:
        """Another process on the same store, with a home of its own."""
        home = self.at / "beside"
        home.mkdir(exist_ok=True)
        shutil.copy(self.home / "credentials.json", home)
        return Life(self.starter, home, *self.told, *words, said=home)

    def judge(self) -> None:
        """Look at everything; no controller runs."""
        self.verdict.found(self._faults())

    def last_look(self, **wrong: Any) -> Verdict:
        """Start once more, let everybody hear their answers and everything settle, and judge what is left."""
        life = self.start(**wrong)
        self.settle(life)
        life.kill()
        self.store.kill()
        self.verdict.counts.update(self.ledger.counts)
        self.verdict.faults += self.ledger.faults
        self.load.ledger.faults = []
        return self.verdict

    def settle(self, life: Life) -> None:
        """Let it come to rest, and judge what is not at rest after `SETTLING_S` in which nobody asked for anything."""
        self.load.settle(life)
        quiet_since_s, deadline = self.now_s(), time.monotonic() + SETTLING_S
        while True:
            time.sleep(0.5)
            self.load.catch_up(life)
            life.pause()
            faults = self._faults(quiet_since_s=quiet_since_s)
            life.resume()
            if not any(fault.kind == STUCK for fault in faults) or time.monotonic() > deadline:
                self.verdict.found(faults)
                return

    def _faults(self, *, quiet_since_s: float | None = None) -> list[Fault]:
        return audit(self.store.rows(self.home), self.ledger, self.now_s(), quiet_since_s=quiet_since_s)


def kills(trial: Trial, count: int) -> Verdict:
    """kill -9 under load, half of them at any instant, half some milliseconds after somebody has asked."""
    for _ in range(count):
        life = trial.start()
        trial.load.begin(life)
        if trial.dice.random() < 0.7:
            trial.load.get_going()
        time.sleep(trial.dice.uniform(0.02, 0.5))
        if trial.dice.random() < 0.5:
            trial.load.asked.clear()
            trial.load.asked.wait(1.0)
            time.sleep(trial.dice.uniform(0.0, 0.008))
        if not life.alive:
            trial.verdict.faults.append(f"it ended by itself: {life.errors.read_text()[-500:]}")
        life.kill()
        trial.load.end()
        trial.judge()
        trial.verdict.counts["kill -9"] += 1
    return trial.last_look()


def kills_apart(trial: Trial, count: int) -> Verdict:
    """kill -9 of who decides, or of who only answers, whichever chance says, while the other goes on: two processes on
    one store, of which the clients know the second.
    """
    leader, doors = trial.start(), None
    trial.load.cuts = False
    for _ in range(count):
        if doors is None:
            doors = trial.beside("--role", "api")
            trial.load.begin(doors)
        if trial.dice.random() < 0.7:
            trial.load.get_going()
        time.sleep(trial.dice.uniform(0.0, 0.5))
        if trial.dice.random() < 0.5:
            doors.kill()
            trial.load.end()
            doors = None
            trial.verdict.counts["kill -9 of the API"] += 1
        else:
            leader.kill()
            leader = trial.start()
            trial.verdict.counts["kill -9 of the leader"] += 1
        trial.judge()
    if doors is not None:
        doors.kill()
        trial.load.end()
    leader.kill()
    return trial.last_look()


def power_cuts(trial: Trial, held: list[Disk], count: int, **wrong: Any) -> Verdict:
    """The power goes at any instant under load: what was not synced is gone. The trial's home is on the disk."""
    for _ in range(count):
        life = trial.start(**wrong)
        trial.load.begin(life)
        trial.load.get_going()
        time.sleep(trial.dice.uniform(0.0, 0.5))
        life.pause()
        trial.store.pause()
        left = held[0].as_after_power_loss()
        life.kill()
        trial.load.end()
        trial.store.kill()
        held[0] = held[0].lose_power(left)
        trial.store.begin(trial.home.parent)
        trial.judge()
        trial.verdict.counts["power cuts"] += 1
    return trial.last_look()
