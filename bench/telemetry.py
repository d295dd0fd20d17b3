"""Figures over time: values a second that are kept for good, bytes of each on disk, a month of a large network read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from bench.figure import Figure
from highroad.model.tracks import Subject, series_of
from highroad.telemetry.levels import HOURS, LEVELS, MINUTES, level_table
from highroad.telemetry.rows import Rows
from highroad.telemetry.store import Store

LINKS = 1000
DAYS = 30
DAY_S = 86_400
START_S = 1_790_035_200
SECONDS = 300
ROOM = 8 << 30
NAMES = [f"site-{number:04}>site-{(number * 7) % LINKS:04}" for number in range(LINKS)]


def figures() -> Iterator[Figure]:
    """Kept a second, bytes of each, and reads of a month; SQLite in the same form beside it."""
    chance = np.random.default_rng(1)
    with TemporaryDirectory(prefix="highroad-bench-") as folder:
        yield from _kept(Path(folder), [links(chance, np.array([START_S + at], np.float64)) for at in range(SECONDS)])
        yield from _month(Path(folder) / "month", chance)


def _kept(folder: Path, samples: Sequence[Rows]) -> Iterator[Figure]:
    store = Store(folder / "seconds", limit_bytes=ROOM)
    took = []
    for sample in samples:
        begun = time.perf_counter()
        store.add([sample])
        took.append(time.perf_counter() - begun)
    values = sum(sample.values for sample in samples)
    store.close()
    peer_s, peer_bytes = _sqlite(folder / "peer.db", samples[: SECONDS // 5])
    yield Figure(
        what="telemetry: values kept a second, one durable commit a sample of 1,000 links, minutes thinned in between",
        ours=f"{values / sum(took):,.0f}, longest commit {max(took) * 1000:.0f} ms",
        peer=f"SQLite: {values / 5 / peer_s:,.0f}, without thinning",
    )
    yield Figure(
        what="telemetry: bytes a value on disk, seconds as they came",
        ours=f"{store.size_bytes / values:.1f}",
        peer=f"SQLite: {peer_bytes / (values / 5):.1f}",
    )


def _month(folder: Path, chance: np.random.Generator) -> Iterator[Figure]:
    store = Store(folder, limit_bytes=ROOM)
    store.add([links(chance, np.array([START_S], np.float64))])
    for day in range(DAYS):
        _minutes_of(store, START_S + day * DAY_S)
    kept = DAYS * 1440 * LINKS * len(series_of(Subject.LINK))
    size = store.partitions.size_bytes(*LEVELS)
    yield Figure(
        what=f"telemetry: a month of minutes of 1,000 links, {kept:,} values with least, mean, most and last of each",
        ours=f"{size / 1e6:,.0f} MB, {size / kept:.1f} bytes each",
    )
    month = {"from_s": START_S, "until_s": START_S + DAYS * DAY_S}
    every = ["carried_gbps", "utilisation", "up"]
    asked: dict[str, Callable[[], object]] = {
        "a link, by the hour, all series": lambda: store.read(Subject.LINK, [NAMES[500]], every, step_s=3600, **month),
        "a link, by the minute (43,200 points)": lambda: store.read(
            Subject.LINK, [NAMES[500]], every[:1], step_s=60, **month
        ),
        "all links, by the day": lambda: store.read(Subject.LINK, None, every[1:2], step_s=DAY_S, **month),
    }
    for what, ask in asked.items():
        took_ms = median(_took_s(ask) for _ in range(7)) * 1000
        yield Figure(
            what=f"telemetry: a month of a 1,000-link network read: {what}",
            ours=f"{took_ms:.0f} ms",
            bar="<= 200 ms",
            met=took_ms <= 200,
        )
    store.close()


def _minutes_of(store: Store, from_s: int) -> None:
    """A day of minutes, as thinning makes them, and what follows when it is over: so many samples would take hours."""
    store._batch += 1
    columns = ", ".join(
        f"60 {name}_n, {low} {name}_min, {mean} {name}_mean, {high} {name}_max, {last} {name}_last"
        for name, low, mean, high, last in (
            ("carried_gbps", "c - spread", "c", "c + spread", "c + spread / 3"),
            ("utilisation", "(c - spread) / 100", "c / 100", "(c + spread) / 100", "(c + spread / 3) / 100"),
            ("up", "1", "1", "1", "1"),
        )
    )
    store._db.execute(
        f"INSERT INTO {level_table(MINUTES, Subject.LINK)} SELECT {store._batch}, id, t, {columns} FROM ("
        f"SELECT id, {from_s} + 60 * minute AS t, round(1 + random(), 3)::FLOAT AS spread, "
        f"round(40 + 20 * sin((t + id) / 14000) + 2 * random(), 3)::FLOAT AS c "
        f"FROM range({LINKS}) links(id), range(1440) minutes(minute))"
    )
    store._fresh[HOURS].add(Subject.LINK)
    store._thin(HOURS)
    store._close(MINUTES, "")


def _took_s(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def _sqlite(file: Path, samples: Sequence[Rows]) -> tuple[float, int]:
    """How long SQLite takes over the same rows, and what they take there."""
    peer = sqlite3.connect(file, isolation_level=None)
    peer.execute("PRAGMA journal_mode=wal")
    peer.execute("CREATE TABLE links (id INTEGER, t REAL, c REAL, u REAL, up REAL, PRIMARY KEY (id, t)) WITHOUT ROWID")
    begun = time.perf_counter()
    for sample in samples:
        columns = [sample.at_s.tolist(), *(column.tolist() for column in sample.columns.values())]
        rows = zip(range(LINKS), *columns, strict=True)
        peer.execute("BEGIN")
        peer.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?)", rows)
        peer.execute("COMMIT")
    took_s = time.perf_counter() - begun
    peer.execute("PRAGMA wal_checkpoint(truncate)")
    peer.close()
    return took_s, file.stat().st_size


def links(chance: np.random.Generator, at_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Rows:
    """What every link carries at some instants: by the time of day, and never quite alike."""
    shape = 40 + 20 * np.sin(at_s[:, None] / 14_000 + np.arange(LINKS)[None, :])
    carried = np.round(np.maximum(0.0, shape + chance.normal(0, 2, shape.shape)), 3).astype(np.float32).ravel()
    columns = {"carried_gbps": carried, "utilisation": carried / np.float32(100), "up": np.ones_like(carried)}
    return Rows(subject=Subject.LINK, names=NAMES * len(at_s), at_s=np.repeat(at_s, LINKS), columns=columns)
