"""What nobody will ask for any more is forgotten: old commits of the journal, and old answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, and_, delete, or_, select

from highroad.errors import Conflict, NotFound
from highroad.ports import Answer
from highroad.storage import journal, tables
from highroad.storage.codec import unpack
from highroad.storage.engines import Where, looking, open_engine, shown, writing
from highroad.storage.migrate import newest, revision

AT_ONCE = 1000
"""Answers that are looked at in one transaction: whoever commits meanwhile waits for so many at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many of each were forgotten."""

    commits: int
    answers: int


def prune(where: Where, *, commits_before_s: float | None = None, answers_before_s: float | None = None) -> Pruned:
    """Forget what is older, while whoever uses the store goes on.

    Of the journal only what the newest base from before that time makes needless. Raises NotFound where there is no
    store, Conflict for one of another release, Unavailable.
    """
    if isinstance(where, Path) and not where.is_file():
        raise NotFound(f"there is no store at {where}")
    engine = open_engine(where)
    try:
        with looking(engine, f"the store at {shown(where)} cannot be read") as connection:
            at = revision(connection)
        if at is None:
            raise NotFound(f"there is no store at {shown(where)}: no Highroad was started on it yet")
        if at != newest():
            raise Conflict(f"the store's tables are at {at}, this release's at {newest()}: use the release that is up")
        commits = 0
        if commits_before_s is not None:
            with writing(engine, "nothing was forgotten") as connection:
                commits = journal.prune(connection, commits_before_s)
        answers = 0 if answers_before_s is None else _answers(engine, answers_before_s)
        return Pruned(commits=commits, answers=answers)
    finally:
        engine.dispose()


def _answers(engine: Engine, before_s: float) -> int:
    found, forgotten = tables.answers, 0
    scope = key = ""
    while True:
        after = or_(found.c.scope > scope, and_(found.c.scope == scope, found.c.key > key))
        with writing(engine, "not all answers were forgotten") as connection:
            rows = connection.execute(
                select(found).where(after).order_by(found.c.scope, found.c.key).limit(AT_ONCE)
            ).all()
            for row in rows:
                if unpack(row.doc, Answer).at_s < before_s:
                    mine = and_(found.c.scope == row.scope, found.c.key == row.key)
                    forgotten += connection.execute(delete(found).where(mine)).rowcount
        if not rows:
            return forgotten
        scope, key = rows[-1].scope, rows[-1].key
