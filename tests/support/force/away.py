"""Trials in which something is taken away and comes back: the room on the disk, the database, time, and who leads.

In each the clients go on. They may be told to come again, with when; readers are answered from what is known; what was
acknowledged stays; and once it is back everything goes on without anybody's doing.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.force.disk import Disk
from tests.support.force.life import Life
from tests.support.force.trials import Postgresql, Trial, Verdict

BACK_S = 20.0
"""So long after it is back an order may have to wait."""

NOTICED_S = 20.0
"""So much longer it is away, where a busy machine has nobody ask for anything meanwhile."""

READ_S = 8.0
"""A reader waits for the store for five seconds at most; the machine may be busy."""


def without(trial: Trial, life: Life, away: AbstractContextManager[None], for_s: float, what: str) -> Verdict:
    """Under load something is away for a time."""
    trial.load.begin(life)
    trial.load.get_going(6)
    before = trial.ledger.counts.get("not now", 0)

    def noticed() -> bool:
        return trial.ledger.counts.get("not now", 0) > before

    with away:
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + (for_s if noticed() else for_s + NOTICED_S):
            _read(trial, life)
            time.sleep(0.2)
    _order(trial, life)
    time.sleep(0.3)
    trial.load.end()
    if not noticed():
        trial.verdict.faults.append(f"{what}: nobody noticed")
    if not life.alive:
        trial.verdict.faults.append(f"{what}: it ended: {life.errors.read_text()[-500:]}")
    trial.verdict.counts[what] += 1
    trial.settle(life)
    life.kill()
    trial.judge()
    return trial.last_look()


def _read(trial: Trial, life: Life) -> None:
    """What lives can be looked at."""
    mine = [name for name, one in trial.ledger.services.items() if one.given_back is False and not one.passing]
    begun_s = time.monotonic()
    with life.client() as client:
        for path in ["/v1/network", *(f"/v1/services/{name}" for name in mine[:3])]:
            answer = client.get(path)
            while answer.status_code == 503 and time.monotonic() < begun_s + READ_S:
                time.sleep(0.3)  # it has only just lost it: who asks again is answered
                answer = client.get(path)
            if answer.status_code != 200:
                trial.verdict.faults.append(f"{path} was answered with {answer.status_code}: {answer.text[:200]}")
    took_s = time.monotonic() - begun_s
    if took_s > READ_S:
        trial.verdict.faults.append(f"a reader waited for {took_s:.1f} s")


def _order(trial: Trial, life: Life) -> None:
    """Somebody who asks again hears a yes or a no in time."""
    before, begun_s = len(trial.ledger.services) + len(trial.ledger.refused_keys), time.monotonic()
    while len(trial.ledger.services) + len(trial.ledger.refused_keys) < before + 3:
        if time.monotonic() > begun_s + BACK_S:
            trial.verdict.faults.append(f"no order was answered for {BACK_S:g} s after everything was there again")
            return
        time.sleep(0.05)


@contextmanager
def full(disk: Disk) -> Iterator[None]:
    """No room on a disk."""
    disk.fill()
    try:
        yield
    finally:
        disk.empty()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Somebody else writes into SQLite's file, and does not come to an end."""
    other = sqlite3.connect(database, timeout=30.0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def gone(store: Postgresql) -> Iterator[None]:
    """No PostgreSQL: it ended at once, and nobody listens."""
    store.kill()
    try:
        yield
    finally:
        store.begin(Path())


@contextmanager
def stopped(store: Postgresql) -> Iterator[None]:
    """A PostgreSQL that answers nothing: every connection stays open."""
    store.pause()
    try:
        yield
    finally:
        store.resume()


HOUR_S = 3600.0


def clock_set(trial: Trial, *, between: bool = True) -> Verdict:
    """The clock is set an hour ahead, right and an hour behind, while it runs and between lives; each time it comes to
    rest as ever.
    """
    wrong = {"clock": str(trial.clock)}
    life = trial.start(**wrong)
    for offset_s in (HOUR_S, 0.0, -HOUR_S):
        trial.load.begin(life)
        time.sleep(0.5)
        trial.set_clock(offset_s)
        before = len(trial.load.yeses)
        time.sleep(1.0)
        trial.load.end()
        if len(trial.load.yeses) == before:
            trial.verdict.faults.append(f"no order was made once the clock was set to {offset_s:+g} s")
        trial.settle(life)
        trial.verdict.counts["clock set while it runs"] += 1
    life.kill()
    for offset_s in (HOUR_S, 0.0) if between else ():
        trial.set_clock(offset_s)
        life = trial.start(**wrong)
        trial.load.begin(life)
        time.sleep(0.7)
        trial.load.end()
        trial.settle(life)
        life.kill()
        trial.judge()
        trial.verdict.counts["clock set between lives"] += 1
    return trial.last_look(**wrong)


def two_leaders(trial: Trial, times: int = 3) -> Verdict:
    """A second controller starts on the same store while the first serves: one of them writes."""
    one = trial.start()
    first = trial.load
    for place in range(times):
        home = trial.at / f"home-{place + 2}"
        home.mkdir()
        (home / "highroad.db").symlink_to((trial.home / "highroad.db").resolve())
        shutil.copy(trial.home / "credentials.json", home)
        first.begin(one)
        time.sleep(0.5)
        other = Life(trial.starter, home, *trial.told, said=home)
        time.sleep(0.5)
        first.end()
        first.begin(other)
        time.sleep(0.5)
        first.end()
        one.kill()
        one = other
        trial.verdict.counts["two leaders"] += 1
    one.kill()
    trial.judge()
    return trial.last_look()


def woken(trial: Trial, times: int = 2) -> Verdict:
    """A leader is stopped until another one leads, and wakes: it writes nothing any more. Of PostgreSQL's replicas."""
    one = trial.start()
    for place in range(times):
        home = trial.at / f"home-{place + 2}"
        home.mkdir()
        shutil.copy(trial.home / "credentials.json", home)
        other = Life(trial.starter, home, *trial.told, "--plant", str(trial.home), said=home)
        trial.load.begin(one)
        time.sleep(0.7)
        one.pause()
        deadline = time.monotonic() + BACK_S
        with other.client(timeout_s=5.0) as client:
            while client.get("/readyz").status_code != 200 and time.monotonic() < deadline:
                time.sleep(0.1)
        one.resume()
        trial.load.end()
        trial.load.begin(other)
        time.sleep(0.7)
        trial.load.end()
        one.kill()
        one = other
        trial.verdict.counts["leaders that woke"] += 1
    trial.settle(one)
    one.kill()
    trial.judge()
    return trial.last_look()


def slow(trial: Trial, commit_s: float) -> Verdict:
    """Every commit takes so long."""
    life = trial.start(commit_s=commit_s)
    trial.load.begin(life)
    time.sleep(2.5)
    trial.load.end()
    trial.verdict.counts["slow commits of ms"] = round(commit_s * 1000)
    trial.verdict.counts["median ms to a yes"] = round(sorted(trial.load.yeses)[len(trial.load.yeses) // 2] * 1000)
    trial.settle(life)
    life.kill()
    trial.judge()
    return trial.last_look()
