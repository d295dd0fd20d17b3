"""Brings the tables of a database up to date, by Alembic, on a connection that somebody else opened."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from highroad.errors import Conflict


def upgrade(connection: Connection, to: str = "head") -> None:
    """Apply every migration that the database has not had, up to one, in the connection's transaction.

    Raises Conflict for a database that a newer release has written, and leaves it alone.
    """
    has, known = revision(connection), revisions()
    if has is not None and has not in known:
        raise Conflict(
            f"the store was written by a newer release (its tables are at {has}, this release knows them up to "
            f"{known[-1]}): install that release again, or restore a backup from before"
        )
    if has == (known[-1] if to == "head" else to):
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(connection: Connection) -> str | None:
    """Which migration a database has had last; None for one without tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


@cache
def revisions() -> tuple[str, ...]:
    """Every migration that this release knows, the first one first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in scripts)[::-1]


def newest() -> str:
    """The revision that `upgrade` brings a database to."""
    return revisions()[-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
