"""How finely figures are kept, and for how long; and the few statements of SQL that all of it is made of.

Seconds are rows as they came. A minute's row is made of them, an hour's of minutes: the least, the mean, the most and
the last of each figure, and how many there were. Rows of the same step may be several (the clock was set back, or we
were stopped within the step): they are merged where they are read, so nothing is ever written over.
"""

from __future__ import annotations

from dataclasses import dataclass

from highroad.model.tracks import Subject, series_of

PARTS = ("n", "min", "mean", "max", "last")

_ORDER = "((t * 1000)::BIGINT * 4194304 + batch % 4194304)"
"""Which of two rows is the later: by its time, and of one time by when it came. A whole number is quick to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A step in seconds; `pattern` names the file that rows go to (of time.strftime), of which the newest so many are
    kept, and of the room for all files its `share`.
    """

    name: str
    step_s: int
    pattern: str
    files: int
    share: float


MINUTES = Level(name="minutes", step_s=60, pattern="%Y%m%d", files=32, share=0.7)
"""A day a file: a month, and the day under way."""

HOURS = Level(name="hours", step_s=3600, pattern="%Y%m", files=120, share=0.3)
"""A month a file: ten years."""

LEVELS = (MINUTES, HOURS)

SECONDS_KEPT_S = 3600
PART_S = 600
"""Seconds lie in tables of so many; the oldest is dropped as a whole."""


def seconds_table(subject: Subject, part: int) -> str:
    """The name of a table of rows as they came."""
    return f"seconds_{subject.value}_{part}"


def level_table(level: Level, subject: Subject) -> str:
    """The name of the table of the rows of a level that are in no file yet."""
    return f"{level.name}_{subject.value}"


def create_seconds(subject: Subject, part: int) -> str:
    """A table of rows as they came."""
    columns = ", ".join(f"{name} FLOAT" for name in series_of(subject))
    return f"CREATE TABLE IF NOT EXISTS {seconds_table(subject, part)} (batch BIGINT, id INTEGER, t DOUBLE, {columns})"


def create_level(level: Level, subject: Subject) -> str:
    """A table of thinned rows."""
    columns = ", ".join(
        f"{name}_{part} {'INTEGER' if part == 'n' else 'FLOAT'}" for name in series_of(subject) for part in PARTS
    )
    return f"CREATE TABLE IF NOT EXISTS {level_table(level, subject)} (batch BIGINT, id INTEGER, t BIGINT, {columns})"


def insert_seconds(subject: Subject, part: int) -> str:
    """Puts in what is called `rows`; what is no number is nothing."""
    columns = ", ".join(f"nullif({name}, 'nan'::FLOAT)" for name in series_of(subject))
    return f"INSERT INTO {seconds_table(subject, part)} SELECT ?, id, t, {columns} FROM rows"  # noqa: S608


def as_rows(subject: Subject, part: int) -> str:
    """Seconds in the columns of a level, one sample a row."""
    names = series_of(subject)
    columns = ", ".join(
        f"(CASE WHEN {n} IS NULL THEN 0 ELSE 1 END) {n}_n, {n} {n}_min, {n} {n}_mean, {n} {n}_max, {n} {n}_last"
        for n in names
    )
    return f"SELECT batch, id, t, {columns} FROM {seconds_table(subject, part)}"  # noqa: S608


def merged(names: tuple[str, ...]) -> str:
    """The columns of several rows in one."""
    return ", ".join(
        f"coalesce(sum({n}_n), 0)::INTEGER {n}_n, min({n}_min)::FLOAT {n}_min, "
        f"(sum({n}_mean::DOUBLE * {n}_n) / nullif(sum({n}_n), 0))::FLOAT {n}_mean, "
        f"max({n}_max)::FLOAT {n}_max, arg_max({n}_last, {_ORDER}) FILTER ({n}_last IS NOT NULL) {n}_last"
        for n in names
    )


def thin(level: Level, subject: Subject, source: str) -> str:
    """Makes the rows of a level of finer ones that are newer than the batch ?1, under the batch ?2."""
    step = level.step_s
    return (
        f"INSERT INTO {level_table(level, subject)} SELECT ?2, id, (floor(t / {step}) * {step})::BIGINT AS slot, "  # noqa: S608
        f"{merged(series_of(subject))} FROM ({source}) WHERE batch > ?1 GROUP BY id, slot"
    )
