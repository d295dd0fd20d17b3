"""Figures over time on disk, in DuckDB: seconds for an hour, minutes for a month, hours for years, within a limit.

New rows and those of the day under way lie in one database, whose log makes a commit survive a kill at any instant.
What is closed (a day of minutes, a month of hours) goes to a file of its own (`partitions`), so that making room is
letting go of the oldest files. Times are those of the samples; nothing here asks a clock, so one that jumps makes rows
where it says, and neither loses nor changes what was there.

A level is always made of all finer rows that are newer than the batch up to which it was made (`marks`), in one
transaction: a process that is killed in between goes on where it was.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np

from highroad.errors import Unavailable
from highroad.model.tracks import Moments, Subject, Tracks
from highroad.telemetry import gaps
from highroad.telemetry import levels as sql
from highroad.telemetry.levels import HOURS, LEVELS, MINUTES, PART_S, SECONDS_KEPT_S, Level
from highroad.telemetry.partitions import Partitions, sync
from highroad.telemetry.reading import damage, history, moments, source
from highroad.telemetry.rows import Rows
from highroad.units import iso_from_s

log = logging.getLogger(__name__)

T = TypeVar("T")

RECENT = "recent.duckdb"
REWRITTEN = "rewritten.duckdb"
ASIDE = "set-aside-*"
MEMORY_MB = 256


class Store:
    """One folder of them. One thread writes; any may read."""

    def __init__(self, folder: Path, *, limit_bytes: int, memory_mb: int = MEMORY_MB) -> None:
        """Raises Unavailable where it can neither be opened nor begun anew."""
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._memory_mb = memory_mb
        self._moving = threading.Lock()
        """Held while rows move from the database to a file, and while both are read."""
        self.given_up = 0
        """Files that went before their time, for want of room."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.partitions = Partitions(folder)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error.strerror}") from error
        self._open()

    # --- writing ----------------------------------------------------------------------------------------------

    def add(self, several: Sequence[Rows]) -> None:
        """Keep rows, durably, all of them or none. Raises Unavailable where there is no room for them."""
        rows = [one for one in several if len(one.names)]
        if not rows:
            return
        at_s = max(float(one.at_s.max()) for one in rows)
        for again in (True, False):
            try:
                self._turn(at_s)
                self._insert(rows)
            except (duckdb.Error, OSError) as error:
                self._recover(error)
                if not again:
                    raise Unavailable(f"samples cannot be kept: {_line(error)}") from error
            else:
                return

    def tidy(self) -> None:
        """Keep within the limit, the oldest going first."""
        for level in LEVELS:
            self.partitions.drop(self.partitions.surplus(level))
        while (size := self.size_bytes) > self._limit_bytes:
            if not self._make_room() and not self._shrink():
                log.warning("telemetry takes %d bytes, more than its limit, and has nothing older to let go of", size)
                return

    @property
    def damaged(self) -> int:
        """Files that are set aside because they cannot be read."""
        return len(self.partitions.damaged)

    @property
    def size_bytes(self) -> int:
        """What all of it takes on disk, but for damaged files: those are not ours to remove."""
        return self.partitions.size_bytes(*LEVELS) + self.recent_bytes

    @property
    def recent_bytes(self) -> int:
        """What the database takes, with those that were set aside."""
        size = 0
        for path in (*self.folder.glob(f"{RECENT}*"), *self.folder.glob(ASIDE)):
            with suppress(OSError):
                size += path.stat().st_size
        return size

    def close(self) -> None:
        """Let go of the database."""
        with suppress(duckdb.Error):
            self._db.close()

    # --- reading ----------------------------------------------------------------------------------------------

    def read(
        self,
        subject: Subject,
        names: Sequence[str] | None,
        series: Sequence[str],
        *,
        from_s: float,
        until_s: float,
        step_s: int,
    ) -> Tracks:
        """Series of some things, or of all for None; a name that ends with `/` is of all that begin so.

        The step is made a multiple of what is kept of that time.
        """

        def read(cursor: duckdb.DuckDBPyConnection, query: str, given: list[Any], *slots: int) -> Tracks:
            return history(cursor, query, given, series, *slots)

        return self._sure(subject, lambda: self._read(read, subject, names, series, from_s, until_s, step_s))

    def moments(self, *, from_s: float, until_s: float, step_s: int) -> Moments:
        """Every link over a time. The step is made a multiple of what is kept of that time."""
        series, links = ("carried_gbps", "up"), Subject.LINK
        return self._sure(links, lambda: self._read(moments, links, None, series, from_s, until_s, step_s))

    def _sure(self, subject: Subject, read: Callable[[], T]) -> T:
        """Once more where a damaged file was in the way. Raises Unavailable."""
        for again in (True, False):
            try:
                return read()
            except duckdb.Error as error:
                if not again or not self._sift(subject):
                    raise Unavailable(f"telemetry cannot be read: {_line(error)}") from error
        raise AssertionError

    def _read(
        self,
        read: Callable[..., T],
        subject: Subject,
        names: Sequence[str] | None,
        series: Sequence[str],
        from_s: float,
        until_s: float,
        step_s: int,
    ) -> T:
        with self._moving:
            # Gaps are few: how finely they are kept is what is kept of the services that they are of.
            step_s, level = self._finest(Subject.SERVICE if subject is Subject.GAP else subject, from_s, step_s)
            begin = int(from_s // step_s) * step_s
            end = int(-(-until_s // step_s)) * step_s
            parts = [] if level is None else self.partitions.parts(level, subject)
            cursor = self._db.cursor()
            try:
                query, given = source(subject, level, self._parts[subject], parts, names, series, begin, end)
                return read(cursor, query, given, begin, end, step_s)
            finally:
                cursor.close()

    def _sift(self, subject: Subject) -> bool:
        """Set damaged files aside, after something could not be read. Whether there were any."""
        found = False
        with self._moving:
            for level in LEVELS:
                for part in self.partitions.parts(level, subject):
                    why = damage(part)
                    if why is None:
                        continue
                    try:
                        aside = self.partitions.set_aside(part)
                    except OSError as error:
                        log.warning("telemetry: %s is damaged, and cannot be set aside: %s", part.path, error.strerror)
                        continue
                    found = True
                    log.error("telemetry: a file is damaged and set aside, its time is a gap: %s: %s", aside, why)
        return found

    def first_s(self, subject: Subject) -> float | None:
        """When the oldest of the seconds was measured that are kept."""
        found = self._db.cursor().execute(
            f"SELECT min(t) FROM {sql.seconds_table(subject, self._parts[subject][0])}"  # noqa: S608
        )
        row = found.fetchone()
        return None if row is None or row[0] is None else float(row[0])

    # --- below ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._connect()
        except duckdb.Error as error:
            if _passes(error):
                raise Unavailable(f"telemetry cannot be opened: {_line(error)}") from error
            self._anew(error)

    def _connect(self) -> None:
        config: dict[str, Any] = {
            "threads": 1,
            "memory_limit": f"{self._memory_mb}MB",
            "temp_directory": str(self.folder / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._db = duckdb.connect(str(self.folder / RECENT), config=config)
        run = self._db.execute
        run("SET TimeZone = 'UTC'")
        run("SET GLOBAL parquet_metadata_cache = true")  # a month is 30 files, and what is in each is long to read
        run("CREATE TABLE IF NOT EXISTS names (id INTEGER, subject VARCHAR, name VARCHAR)")
        run("CREATE TABLE IF NOT EXISTS marks (level VARCHAR, subject VARCHAR, batch BIGINT)")
        self._ids: dict[tuple[Subject, str], int] = {}
        for number, subject, name in run("SELECT id, subject, name FROM names").fetchall():
            self._ids[Subject(subject), name] = number
        self._next_id = max(self._ids.values(), default=-1) + 1
        tables = {row[0] for row in run("SELECT table_name FROM duckdb_tables()").fetchall()}
        self._parts: dict[Subject, list[int]] = {}
        self._batch = 0
        for subject in Subject:
            stem = f"seconds_{subject.value}_"
            self._parts[subject] = sorted(int(one.removeprefix(stem)) for one in tables if one.startswith(stem))
            if not self._parts[subject]:
                self._begin_part(subject, 0)
            self._take_up(subject)
        run(gaps.CREATE)
        self._last = gaps.Last()
        self._recall()
        self._now: tuple[int, int] | None = None
        self._stamps: dict[Level, str] = {}
        self._part_began: float | None = None
        self._added_s = 0.0
        self._fresh = {level: set(Subject) for level in LEVELS}
        """Of what there may be finer rows that a level is not made of yet."""

    def _take_up(self, subject: Subject) -> None:
        """What is in a file is in no table, and what was counted is counted on."""
        run = self._db.execute
        for level in LEVELS:
            table = sql.level_table(level, subject)
            run(sql.create_level(level, subject))
            known = run("SELECT 1 FROM marks WHERE level = ? AND subject = ?", [level.name, subject.value]).fetchone()
            if known is None:
                run("INSERT INTO marks VALUES (?, ?, 0)", [level.name, subject.value])
            for part in self.partitions.parts(level, subject):
                self._batch = max(self._batch, part.batch)
                gone = f"DELETE FROM {table} WHERE batch <= ? AND {_stamp(level)} = ?"  # noqa: S608
                run(gone, [part.batch, part.stamp])
            self._batch = max(self._batch, self._newest(table))
        for number in self._parts[subject]:
            self._batch = max(self._batch, self._newest(sql.seconds_table(subject, number)))

    def _recall(self) -> None:
        """At what counters stood in the last sample that is here, and when that was."""
        seen = " UNION ALL ".join(
            f"SELECT id, batch, t FROM {sql.seconds_table(Subject.SERVICE, part)}"  # noqa: S608
            for part in self._parts[Subject.SERVICE]
        )
        found = self._db.execute(
            f"SELECT stood.id, coalesce(seen.t, stood.t) t, offered, lost, dark FROM ({gaps.NEWEST}) stood LEFT JOIN "  # noqa: S608
            f"(SELECT id, max_by(t, batch) t FROM ({seen}) GROUP BY id) seen ON seen.id = stood.id"
        ).fetchnumpy()
        stood = np.stack([np.asarray(found[name], np.float64) for name in ("offered", "lost", "dark")], axis=1)
        self._last.recall(np.asarray(found["id"], np.int32), np.asarray(found["t"], np.float64), stood)

    def _newest(self, table: str) -> int:
        row = self._db.execute(f"SELECT max(batch) FROM {table}").fetchone()  # noqa: S608
        return 0 if row is None or row[0] is None else int(row[0])

    def _begin_part(self, subject: Subject, part: int) -> None:
        self._db.execute(sql.create_seconds(subject, part))
        self._parts[subject].append(part)

    def _insert(self, several: Sequence[Rows]) -> None:
        run = self._db.execute
        new: dict[tuple[Subject, str], int] = {}
        numbered = [(one, self._numbers(one, new)) for one in several]
        ended = [self._last.gaps(numbers, one) for one, numbers in numbered if one.totals]
        numbered += [(one, self._numbers(one, new)) for one in ended if one is not None]
        run("BEGIN")
        if new:
            known = {  # noqa: F841 - DuckDB reads it by its name
                "id": np.fromiter(new.values(), np.int32, len(new)),
                "subject": np.array([subject.value for subject, _ in new], dtype=object),
                "name": np.array([name for _, name in new], dtype=object),
            }
            run("INSERT INTO names SELECT id, subject, name FROM known")
        took: list[tuple[Rows, gaps.Ids, gaps.Stand | None]] = []
        for one, numbers in numbered:
            rows = {"id": numbers, "t": one.at_s, **one.columns}  # noqa: F841
            run(sql.insert_seconds(one.subject, self._parts[one.subject][-1]), [self._batch + 1])
            if one.totals:
                stand = self._last.to_write(numbers, one)
                if stand is not None:
                    run(gaps.INSERT, [self._batch + 1])
                took.append((one, numbers, stand))
        run("COMMIT")
        self._batch += 1
        for one, numbers, stand in took:
            self._last.took(numbers, one, stand)
        for level in LEVELS:
            self._fresh[level].update(one.subject for one, _ in numbered)
        self._ids.update(new)
        self._next_id += len(new)

    def _numbers(self, rows: Rows, new: dict[tuple[Subject, str], int]) -> gaps.Ids:
        """The number of each thing, with those that have none yet in `new`."""
        found = np.empty(len(rows.names), np.int32)
        for at, name in enumerate(rows.names):
            key = (rows.subject, name)
            number = self._ids.get(key)
            found[at] = new.setdefault(key, self._next_id + len(new)) if number is None else number
        return found

    def _turn(self, at_s: float) -> None:
        """Do what is to be done when a minute, an hour, a day or a month is over, or the clock has jumped."""
        now = (int(at_s // 60), int(at_s // 3600))
        before, self._now = self._now, now
        if before is None or before[0] != now[0]:
            self._thin(MINUTES)
            self.tidy()
        if before is None or before[1] != now[1]:
            self._thin(HOURS)
        for level in LEVELS:
            stamp = _stamp_of(level, at_s)
            if self._stamps.get(level) != stamp:
                self._thin(MINUTES)
                self._thin(HOURS)
                self._close(level, stamp)
                self._stamps[level] = stamp
        # By how long was added, not by what the clock said: seconds of an hour stay whatever it does.
        self._added_s += 0.0 if self._part_began is None else min(abs(at_s - self._part_began), PART_S)
        self._part_began = at_s
        if self._added_s >= PART_S:
            self._added_s = 0.0
            self._next_part(at_s)
            self.tidy()

    def _next_part(self, at_s: float) -> None:
        self._thin(MINUTES)
        for subject in Subject:
            parts = self._parts[subject]
            self._begin_part(subject, parts[-1] + 1)
            while len(parts) > SECONDS_KEPT_S // PART_S + 1:
                self._db.execute(f"DROP TABLE {sql.seconds_table(subject, parts[0])}")
                parts.pop(0)
        stand = self._last.all(at_s)  # noqa: F841
        run = self._db.execute
        run("BEGIN")
        run(gaps.FORGET)
        run(gaps.INSERT, [self._batch])
        run("COMMIT")

    def _thin(self, level: Level) -> None:
        """Make a level of all that is newer than what it was made of."""
        for subject in sorted(self._fresh[level]):
            if level is MINUTES:
                finer = " UNION ALL ".join(sql.as_rows(subject, part) for part in self._parts[subject][-2:])
            else:
                finer = f"SELECT * FROM {sql.level_table(MINUTES, subject)}"  # noqa: S608
            run = self._db.execute
            run("BEGIN")
            made = run(
                "SELECT batch FROM marks WHERE level = ? AND subject = ?", [level.name, subject.value]
            ).fetchone()
            run(sql.thin(level, subject, finer), [0 if made is None else made[0], self._batch])
            run("UPDATE marks SET batch = ? WHERE level = ? AND subject = ?", [self._batch, level.name, subject.value])
            run("COMMIT")
        self._fresh[level].clear()

    def _close(self, level: Level, stamp: str) -> None:
        """Put the rows of every day or month but that one into files."""
        for subject in Subject:
            table = sql.level_table(level, subject)
            found = self._db.execute(
                f"SELECT {_stamp(level)} s, max(batch) FROM {table} GROUP BY s HAVING s <> ? ORDER BY s",  # noqa: S608
                [stamp],
            ).fetchall()
            for old, batch in found:
                self._export(level, subject, old, batch)

    def _export(self, level: Level, subject: Subject, stamp: str, batch: int) -> None:
        table = sql.level_table(level, subject)
        written = self.partitions.folder(level, subject) / f"{stamp}-{batch}.part"
        where = f"batch <= {int(batch)} AND {_stamp(level)} = '{stamp}'"
        self._db.execute(
            f"COPY (SELECT names.name AS name, {table}.* EXCLUDE (id) FROM {table} JOIN names ON names.id = {table}.id "  # noqa: S608
            f"WHERE {where} ORDER BY names.name, t) TO '{_quoted(written)}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)"
        )
        with self._moving:
            self.partitions.keep(written, level, subject, stamp, batch)
            self._db.execute(f"DELETE FROM {table} WHERE {where}")  # noqa: S608
        log.info("telemetry of %s is closed: %s %s", stamp, subject.value, level.name)

    def _finest(self, subject: Subject, from_s: float, step_s: int) -> tuple[int, Level | None]:
        """The step, and the level that has it (None for seconds), of what is kept from a time on."""
        if step_s < MINUTES.step_s:
            first_s = self.first_s(subject)
            begun = self._parts[subject][0] == 0 and not self._is_older(subject, from_s, first_s)
            if begun or (first_s is not None and from_s >= first_s):
                return max(1, step_s), None
        if step_s < HOURS.step_s and not self._only_hours(subject, from_s):
            return -(-max(step_s, MINUTES.step_s) // MINUTES.step_s) * MINUTES.step_s, MINUTES
        return -(-max(step_s, HOURS.step_s) // HOURS.step_s) * HOURS.step_s, HOURS

    def _is_older(self, subject: Subject, from_s: float, first_s: float | None) -> bool:
        """Whether there are minutes from a time on of days before the first second: where a database was set aside."""
        first = "9" if first_s is None else _stamp_of(MINUTES, first_s)
        return any(_stamp_of(MINUTES, from_s) <= one.stamp < first for one in self.partitions.parts(MINUTES, subject))

    def _only_hours(self, subject: Subject, from_s: float) -> bool:
        """Whether there is something from a time on of which the minutes have gone."""
        days = self.partitions.parts(MINUTES, subject)
        if not days or _stamp_of(MINUTES, from_s) >= days[0].stamp:
            return False
        pieces = [sql.level_table(HOURS, subject)]
        months = [part for part in self.partitions.parts(HOURS, subject) if part.stamp >= _stamp_of(HOURS, from_s)]
        if months:
            pieces.append(f"read_parquet([{', '.join(repr(str(part.path)) for part in months)}])")
        union = " UNION ALL ".join(f"SELECT t FROM {piece}" for piece in pieces)  # noqa: S608
        row = self._db.cursor().execute(
            f"SELECT 1 FROM ({union}) WHERE t >= ? AND {_stamp(MINUTES)} < ? LIMIT 1",  # noqa: S608
            [from_s, days[0].stamp],
        )
        return row.fetchone() is not None

    def _make_room(self) -> bool:
        """Let go of what cannot be read, then of the oldest; False where there is nothing to let go of."""
        aside = list(self.folder.glob(ASIDE))
        if aside:
            for path in aside:
                path.unlink(missing_ok=True)
            log.warning("telemetry has no room: what was set aside went")
            return True
        found = self.partitions.oldest()
        if found is None:
            return False
        level, parts = found
        self.partitions.drop(parts)
        self.given_up += len(parts)
        log.warning("telemetry has no room: %s of %s went, the oldest", level.name, parts[0].stamp)
        return True

    def _shrink(self) -> bool:
        """Let go of the oldest of what is in no file yet, and give back its room; whether there was something.

        Minutes of the day under way go first, then seconds, then hours: until there is a tenth of the limit to spare,
        so that it is not done again at once.
        """
        room = 0.9 * self._limit_bytes - self.partitions.size_bytes(*LEVELS)
        self._db.execute("CHECKPOINT")
        went = False
        while self._live_bytes() > room and (what := self._let_go()):
            went = True
            self.given_up += 1
            log.warning("telemetry has no room: %s went, the oldest", what)
            self._db.execute("CHECKPOINT")
        before = self.recent_bytes
        try:
            self._copy()
        except (duckdb.Error, OSError) as error:
            with suppress(duckdb.Error):
                self._db.execute("DETACH DATABASE IF EXISTS rewritten")
            log.warning("telemetry cannot give back the room of what went: %s", _line(error))
            return went
        added_s, began = self._added_s, self._part_began
        with self._moving:
            self._db.close()
            (self.folder / REWRITTEN).replace(self.folder / RECENT)
            sync(self.folder)
            self._connect()
        self._added_s, self._part_began = added_s, began
        return went or self.recent_bytes < before

    def _live_bytes(self) -> int:
        """What the database would take if it had no room of what went."""
        row = self._db.execute("SELECT used_blocks * block_size FROM pragma_database_size()").fetchone()
        return 0 if row is None else int(row[0])

    def _let_go(self) -> str:
        """The older half of the minutes that are in no file, or the oldest seconds, or hours: what went, in words."""
        spans = {level: self._span(level) for level in LEVELS}
        seconds = max(self._parts.values(), key=len)
        for level in (MINUTES, HOURS):
            first_s, last_s = spans[level]
            if level is HOURS and len(seconds) > 1:
                for subject in Subject:
                    if len(parts := self._parts[subject]) > 1:
                        self._db.execute(f"DROP TABLE {sql.seconds_table(subject, parts.pop(0))}")
                return "seconds of ten minutes"
            if last_s - first_s >= level.step_s:
                until_s = first_s + max(level.step_s, (last_s - first_s) / 2)
                for subject in Subject:
                    self._db.execute(f"DELETE FROM {sql.level_table(level, subject)} WHERE t < ?", [until_s])  # noqa: S608
                return f"{level.name} before {iso_from_s(until_s)}"
        return ""

    def _span(self, level: Level) -> tuple[float, float]:
        """The first and the last time of the rows of a level that are in no file."""
        union = " UNION ALL ".join(f"SELECT t FROM {sql.level_table(level, subject)}" for subject in Subject)  # noqa: S608
        row = self._db.execute(f"SELECT min(t), max(t) FROM ({union})").fetchone()  # noqa: S608
        return (0.0, 0.0) if row is None or row[0] is None else (float(row[0]), float(row[1]))

    def _copy(self) -> None:
        """The same database beside it, in as much room as it needs; whole, or not at all."""
        new = self.folder / REWRITTEN
        run = self._db.execute
        try:
            new.unlink(missing_ok=True)
            run(f"ATTACH '{_quoted(new)}' AS rewritten")
            run(f"COPY FROM DATABASE {Path(RECENT).stem} TO rewritten")
            run("CHECKPOINT rewritten")
            run("DETACH rewritten")
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        finally:
            new.with_name(f"{new.name}.wal").unlink(missing_ok=True)

    def _recover(self, error: duckdb.Error | OSError) -> None:
        """After a statement failed: nothing is under way, and there is room if there can be."""
        with suppress(duckdb.Error):
            self._db.execute("ROLLBACK")
        if _no_room(error):
            self._make_room()
        self.close()
        if _is_broken(error):
            self._anew(error)
        else:
            self._open()

    def _anew(self, error: duckdb.Error | OSError) -> None:
        """Begin an empty database in place of one that cannot be read."""
        try:
            aside = self._set_aside()
            log.error("telemetry of the last hour to day cannot be read and is set aside as %s: %s", aside, error)
            self._connect()
        except (duckdb.Error, OSError) as again:
            raise Unavailable(f"telemetry cannot be opened: {_line(again)}") from again

    def _set_aside(self) -> Path:
        """Move a database away that cannot be read."""
        number = 1
        while (aside := self.folder / f"set-aside-{number}.duckdb").exists():
            number += 1
        (self.folder / RECENT).rename(aside)
        wal = self.folder / f"{RECENT}.wal"
        if wal.exists():
            wal.rename(aside.with_suffix(".duckdb.wal"))
        return aside


def _stamp(level: Level) -> str:
    """SQL: of which day or month a row is."""
    return f"strftime(make_timestamp(t * 1000000), '{level.pattern}')"


def _stamp_of(level: Level, at_s: float) -> str:
    from time import gmtime, strftime

    return strftime(level.pattern, gmtime(at_s))


def _no_room(error: duckdb.Error | OSError) -> bool:
    return "No space left" in str(error) or "No space left" in str(error.__cause__)


def _passes(error: duckdb.Error) -> bool:
    """Whether nothing is wrong with the file: it is somebody else's now, or the disk is full."""
    passing = ("Could not set lock", "Permission denied", "Too many open files")
    return _no_room(error) or any(one in str(error) for one in passing)


def _is_broken(error: duckdb.Error | OSError) -> bool:
    """Whether the file is not what was written."""
    return any(one in str(error) for one in ("Corrupt database file", "Could not read enough bytes"))


def _line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
