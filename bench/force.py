"""Force, counted: `python -m bench.force` kills, cuts the power and takes things away; `make bench` prints the last.

Every count is what the judge found who reads the stores by plain SQL and the clients' own ledgers
(`tests/support/force`). Results are kept as they come, so that a part may be run anew by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.force import away, disk, trials
from tests.support.force.life import Starter, starting
from tests.support.force.trials import Store, Trial, Verdict
from tests.support.postgres import binaries

RESULT = Path(__file__).parent / "results" / "force.json"

ROUND = 25
"""kill -9 of one home; then another one is begun, so that the judge does not read for ever longer."""


def tell(found: Verdict) -> None:
    """Say how it stands, and what is wrong so far."""
    print("\n".join([f"  {found}", *(f"    {fault}" for fault in found.faults[:20])]), flush=True)


def killed(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
    """Many kills, on one home after the other."""
    found = Verdict()
    for place in range(0, count, ROUND):
        with ended(store):
            trial = Trial(starter, store, at / f"kills-{place}", seed + place)
            found += trials.kills(trial, min(ROUND, count - place))
        tell(found)
    return found


def powerless(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
    """Many power cuts, on one disk after the other."""
    found = Verdict()
    for place in range(0, count, ROUND):
        with disk.disk(at / f"power-{place}", 256) as held, ended(store):
            trial = Trial(starter, store, at / f"power-{place}", seed + place, home=held[0].folder / "home")
            found += trials.power_cuts(trial, held, min(ROUND, count - place))
        tell(found)
    return found


def apart(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
    """Many kills of the leader or of a process that only answers."""
    found = Verdict()
    for place in range(0, count, ROUND):
        with ended(store):
            trial = Trial(starter, store, at / f"apart-{place}", seed + place)
            found += trials.kills_apart(trial, min(ROUND, count - place))
        tell(found)
    return found


def gone(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
    """No database for half a minute."""
    found = Verdict()
    for place in range(count):
        with ended(store):
            trial = Trial(starter, store, at / f"gone-{place}", seed + place)
            life = trial.start()
            ways = [away.gone, away.stopped]
            here = (
                ways[place % 2](store)
                if isinstance(store, trials.Postgresql)
                else away.locked(trial.home / "highroad.db")
            )
            found += away.without(trial, life, here, AWAY_S, f"database away for {AWAY_S:g} s")
    return found


def full(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
    """No room on the disk of the home, and of the store where that is beside it."""
    found = Verdict()
    for place in range(count):
        with disk.disk(at / f"full-{place}", 256) as held, ended(store):
            trial = Trial(starter, store, at / f"full-{place}", seed + place, home=held[0].folder / "home")
            found += away.without(trial, trial.start(), away.full(held[0]), 5.0, "disk full")
    return found


def once(run: Callable[[Trial], Verdict]) -> Run:
    """A trial over one home."""

    def trial_of(starter: Starter, store: Store, at: Path, count: int, seed: int) -> Verdict:
        found = Verdict()
        for place in range(count):
            with ended(store):
                found += run(Trial(starter, store, at / f"{place}", seed + place))
        return found

    return trial_of


def leaders(trial: Trial) -> Verdict:
    """Two at once, as the store allows it."""
    return away.woken(trial) if isinstance(trial.store, trials.Postgresql) else away.two_leaders(trial)


@contextmanager
def ended(store: Store) -> Iterator[None]:
    """Whatever the store runs has ended with the context, and begins anew on other files."""
    try:
        yield
    finally:
        store.forget()


Run = Callable[[Starter, Store, Path, int, int], Verdict]

AWAY_S = 30.0

TRIALS: dict[str, tuple[Run, int]] = {
    "kill -9": (killed, 500),
    "kill -9 apart": (apart, 500),
    "power cuts": (powerless, 50),
    "disk full": (full, 2),
    "database gone": (gone, 2),
    "clock set": (once(away.clock_set), 2),
    "two leaders": (once(leaders), 3),
    "slow disk": (once(partial(away.slow, commit_s=0.2)), 1),
}
"""Each with how often it is done unless somebody says otherwise."""

REPLICAS_ONLY = {"kill -9 apart"}


def stores() -> Iterator[Store]:
    """Those that can run here."""
    yield trials.Sqlite()
    if binaries() is not None:
        yield trials.Postgresql()


def keep(store: str, trial: str, verdict: Verdict, took_s: float) -> None:
    """Note a result in place of the one before."""
    known: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    known[f"{store}, {trial}"] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "summary": f"{verdict} ({took_s:.0f} s)",
        "faults": len(verdict.faults),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(known, indent=1) + "\n")


def last() -> Iterator[tuple[str, str, bool]]:
    """What was found last: what it was, its counts, and whether nothing was wrong."""
    if RESULT.exists():
        for name, one in json.loads(RESULT.read_text()).items():
            yield f"force on {name}, {one['at']}", one["summary"], not one["faults"]


FEW = {"kill -9": 25, "kill -9 apart": 10, "power cuts": 10}


def soak(for_s: float, seed: int) -> int:
    """A few of every trial on every store, over and over for a time. Returns an exit code."""
    until_s, found = time.monotonic() + for_s, Verdict()
    with starting() as starter:
        while time.monotonic() < until_s:
            for store in stores():
                for name, (run, _) in TRIALS.items():
                    if name in REPLICAS_ONLY and not isinstance(store, trials.Postgresql):
                        continue
                    if time.monotonic() < until_s:
                        with tempfile.TemporaryDirectory() as folder:
                            found += run(starter, store, Path(folder), FEW.get(name, 1), seed)
                    seed += 1
            print(found, flush=True)
    keep("every store", f"soak of {for_s:.0f} s", found, for_s)
    print("\n".join(found.faults[:20]))
    return int(bool(found.faults))


def main() -> int:
    """Run trials; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=f"of {', '.join(TRIALS)}; all by default")
    parser.add_argument("--store", help="only this one")
    parser.add_argument("--count", type=int, help="how often, instead of as often as is usual")
    parser.add_argument("--for", dest="for_s", type=float, help="instead, a few of everything over and over, so many s")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what chance begins with")
    asked = parser.parse_args()
    unknown = set(asked.trials) - TRIALS.keys()
    if unknown:
        parser.error(f"there is no trial {', '.join(unknown)}: there are {', '.join(TRIALS)}")
    if asked.for_s is not None:
        return soak(asked.for_s, asked.seed)
    wrong = False
    with tempfile.TemporaryDirectory() as folder, starting() as starter:
        for store in stores():
            if asked.store not in (None, store.name):
                continue
            for name in asked.trials or TRIALS:
                if name in REPLICAS_ONLY and not isinstance(store, trials.Postgresql):
                    continue
                run, usual = TRIALS[name]
                print(f"{store.name}: {name}, seed {asked.seed}", flush=True)
                begun_s = time.monotonic()
                verdict = run(starter, store, Path(folder) / store.name / name, asked.count or usual, asked.seed)
                keep(store.name, name, verdict, time.monotonic() - begun_s)
                for fault in verdict.faults[:20]:
                    print(f"  {fault}", flush=True)
                wrong |= bool(verdict.faults)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
