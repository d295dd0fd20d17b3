"""How series are read: one query over the files and the tables that have rows of a time, merged step by step."""

from __future__ import annotations

from collections.abc import Sequence
from time import gmtime, strftime
from typing import Any

import duckdb
import numpy as np

from highroad.errors import Finding, Invalid
from highroad.model.tracks import MOST_MOMENTS, MOST_POINTS, Moments, Point, Subject, Track, Tracks
from highroad.telemetry import levels as sql
from highroad.telemetry.levels import HOURS, MINUTES, PARTS, Level
from highroad.telemetry.partitions import Part

PASSING = ("No files found", "No such file", "Permission denied", "Too many open files", "No space left")
"""What a file is not damaged by."""

LOOKING_MB = "64MB"


def source(
    subject: Subject,
    level: Level | None,
    seconds: Sequence[int],
    parts: Sequence[Part],
    names: Sequence[str] | None,
    series: Sequence[str],
    from_s: int,
    until_s: int,
) -> tuple[str, list[Any]]:
    """The rows of a time, of some things, with what is given to the query; newer ones that are not thinned yet too."""
    columns = ", ".join(f"{name}_{part}" for name in series for part in PARTS)
    named, given = _named(names)
    rows = " UNION ALL ".join(sql.as_rows(subject, part) for part in seconds)
    tables = []
    if level is None:
        tables.append(f"({rows})")
    else:
        tables.append(f"(SELECT * FROM {sql.level_table(level, subject)})")  # noqa: S608
        tables.append(f"(SELECT * FROM ({rows}) WHERE batch > {_mark(MINUTES, subject)})")  # noqa: S608
        if level is HOURS:
            finer = sql.level_table(MINUTES, subject)
            tables.append(f"(SELECT * FROM {finer} WHERE batch > {_mark(HOURS, subject)})")  # noqa: S608
    when = f"t >= {from_s} AND t < {until_s}"
    which = f"names.subject = '{subject.value}' AND {named}"
    pieces = [
        f"SELECT names.name, batch, t, {columns} FROM {one} AS rows JOIN names USING (id) WHERE {when} AND {which}"  # noqa: S608
        for one in tables
    ]
    values = given * len(pieces)
    if level is not None:
        first, last = (strftime(level.pattern, gmtime(at_s)) for at_s in (from_s, max(from_s, until_s - 1)))
        files = [f"'{part.path}'" for part in parts if first <= part.stamp <= last]
        if files:
            pieces.append(
                f"SELECT name, batch, t, {columns} FROM read_parquet([{', '.join(files)}]) "  # noqa: S608
                f"WHERE {when} AND {named}"
            )
            values += given
    return " UNION ALL ".join(pieces), values


def history(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    given: list[Any],
    series: Sequence[str],
    from_s: int,
    until_s: int,
    step_s: int,
) -> Tracks:
    """What a source has, merged into steps."""
    found = cursor.execute(
        f"SELECT name, (floor(t)::BIGINT - {from_s}) // {step_s} AS slot, {sql.merged(tuple(series))} "  # noqa: S608
        f"FROM ({query}) GROUP BY 1, 2",
        given,
    ).fetchnumpy()
    steps = max(0, (until_s - from_s) // step_s)
    of_row, slots = found["name"].tolist(), found["slot"].tolist()
    names = sorted(set(of_row))
    if steps * len(names) * len(series) > MOST_POINTS:
        message = f"that is more than {MOST_POINTS:,} points: ask for a longer step, or for less"
        raise Invalid([Finding(code="too-many-points", place="step", message=message)])
    tracks = []
    for one in series:
        points: dict[str, list[Point | None]] = {name: [None] * steps for name in names}
        rows = zip(of_row, slots, *(found[f"{one}_{part}"].tolist() for part in PARTS), strict=True)
        for name, slot, n, least, mean, most, last in rows:
            if n:
                points[name][slot] = Point(least=least, mean=mean, most=most, last=last, count=n)
        tracks += [Track(name=name, series=one, points=tuple(points[name])) for name in names]
    return Tracks(from_s=from_s, until_s=until_s, step_s=step_s, tracks=tuple(tracks))


def moments(
    cursor: duckdb.DuckDBPyConnection, query: str, given: list[Any], from_s: int, until_s: int, step_s: int
) -> Moments:
    """What a source of links has, with the series `carried_gbps` and `up`, merged into steps."""
    steps = max(0, (until_s - from_s) // step_s)
    found = cursor.execute(
        f"SELECT name, (floor(t)::BIGINT - {from_s}) // {step_s} AS slot, "  # noqa: S608
        "(sum(carried_gbps_mean::DOUBLE * carried_gbps_n) / nullif(sum(carried_gbps_n), 0))::FLOAT AS mean, "
        f"coalesce(min(up_min), 1)::FLOAT AS up FROM ({query}) GROUP BY 1, 2",
        given,
    ).fetchnumpy()
    of_row = found["name"].tolist()
    links = sorted(set(of_row))
    if steps * len(links) > MOST_MOMENTS:
        message = f"that is more than {MOST_MOMENTS:,} links times steps: ask for a longer step, or for less"
        raise Invalid([Finding(code="too-many-points", place="step", message=message)])
    place = {name: at for at, name in enumerate(links)}
    of_link = np.fromiter((place[name] for name in of_row), np.int64, len(of_row))
    slots = np.asarray(found["slot"], np.int64)
    carried = np.full((steps, len(links)), np.nan, "<f4")
    carried[slots, of_link] = np.ma.filled(np.ma.asarray(found["mean"], "<f4"), np.nan)
    without = np.ma.filled(np.ma.asarray(found["up"]), 1.0) < 1.0
    dark: list[list[int]] = [[] for _ in range(steps)]
    for slot, at in sorted(zip(slots[without].tolist(), of_link[without].tolist(), strict=True)):
        dark[slot].append(at)
    return Moments(
        from_s=from_s,
        until_s=until_s,
        step_s=step_s,
        links=tuple(links),
        carried_gbps=carried.tobytes(),
        dark=tuple(tuple(one) for one in dark),
    )


def damage(part: Part) -> str | None:
    """Why a file cannot be read, in words; None where it can, or where it may be read another time.

    It is read to its end, in a database of its own: what a damaged file does to that one harms nobody.
    """
    try:
        with duckdb.connect(config={"threads": 1, "memory_limit": LOOKING_MB}) as db:
            db.execute("SELECT max(hash(rows)) FROM read_parquet(?) rows", [str(part.path)]).fetchall()
    except duckdb.Error as error:
        passing = isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException)
        if passing or any(one in str(error) for one in PASSING):
            return None
        return str(error).split("\n", 1)[0]
    return None


def _named(names: Sequence[str] | None) -> tuple[str, list[Any]]:
    """A condition on the column `name`, and what is given to it."""
    if names is None:
        return "true", []
    if len(names) == 1 and not names[0].endswith("/"):
        return "name = ?", [names[0]]
    whole = [name for name in names if not name.endswith("/")]
    conditions = ["starts_with(name, ?)" for name in names if name.endswith("/")]
    if whole:
        conditions.append(f"name IN ({', '.join('?' for _ in whole)})")
    given = [name for name in names if name.endswith("/")] + whole
    return f"({' OR '.join(conditions)})" if conditions else "false", given


def _mark(level: Level, subject: Subject) -> str:
    return f"(SELECT batch FROM marks WHERE level = '{level.name}' AND subject = '{subject.value}')"  # noqa: S608
