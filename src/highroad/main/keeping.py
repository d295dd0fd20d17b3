"""`highroad backup`, `restore` and `prune`: the store of `highroad up` into a file, out of one, and trimmed."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from highroad.offline.terminal import Json, attempt, print_json, say

if TYPE_CHECKING:
    from highroad.settings import Settings
    from highroad.storage.backup import Summary
    from highroad.storage.engines import Where

HomeOption = Annotated[Path | None, typer.Option(help="The home whose store it is; as `highroad up` takes it.")]
DatabaseOption = Annotated[
    str | None,
    typer.Option(help="The PostgreSQL that the store is in instead, `postgresql://user@host/name`."),
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]

TOLD_EACH_S = 1.0


class _FileFirst(TyperGroup):
    """`backup FILE` is `backup write FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] != "--help" and args[0] not in self.commands:
            args = ["write", *args]
        return super().parse_args(ctx, args)


backup = typer.Typer(cls=_FileFirst, no_args_is_help=True)


@backup.callback()
def _backup() -> None:
    """Back up the store into one file, while the controller runs; or verify a file (`highroad backup verify FILE`).

    `highroad backup FILE` is short for `highroad backup write FILE`. The file has all that the store has, whichever
    store, and can be restored into either. It is as secret as the store.

    Example: highroad backup /var/backups/highroad.backup
    """


@backup.command("write")
def write_command(
    file: File,
    home: HomeOption = None,
    database: DatabaseOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a file that is there.")] = False,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="With the home's webhook.key, without which the file opens no secret.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Back up the store as it is at one instant, while whoever uses it goes on. The file is there when it is whole.

    Example: highroad backup /var/backups/highroad.backup --json
    """
    from highroad.storage.backup import back_up

    where, folder = _where(_settings(home, database))
    keys = _keys_in(folder) if with_key and folder is not None else {}
    summary = attempt(
        lambda: back_up(where, file, at_s=time.time(), keys=keys, replace=replace, progress=_told("written")), as_json
    )
    _show(summary, f"{file}: written", as_json)


@backup.command("verify")
def verify_command(file: File, as_json: Json = False) -> None:
    """Hold a backup against its checksum and its counts, and decode every row of it.

    Example: highroad backup verify /var/backups/highroad.backup
    """
    from highroad.storage.backup import verify

    summary, _ = attempt(lambda: verify(file, _told("verified")), as_json)
    _show(summary, f"{file}: whole", as_json)


def restore(
    file: File,
    home: HomeOption = None,
    database: DatabaseOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a store that has something in it, for ever.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the store what a backup has, of this release's form. Everything is restored, or nothing is touched.

    Stop the controller first, and every process that is up on the database. What was ordered since the backup is not
    in the store afterwards, and the controller takes it from the routers.

    Example: highroad restore /var/backups/highroad.backup --home /var/lib/highroad
    """
    from highroad.storage.restore import WEBHOOK_KEY
    from highroad.storage.restore import restore as put_back

    where, folder = _where(_settings(home, database))

    def work() -> Summary:
        from highroad.main.home import claim

        if folder is None:
            return put_back(file, where, replace=replace, progress=_told("done"))[0]
        with claim(folder) as claimed:
            summary, keys = put_back(file, claimed.store, replace=replace, progress=_told("done"))
            if WEBHOOK_KEY in keys:
                _keep(claimed.webhook_key, keys[WEBHOOK_KEY])
            return summary

    _show(attempt(work, as_json), f"{file}: restored", as_json)


def prune(
    journal_days: Annotated[
        float | None, typer.Option(min=0, help="Forget commits of the journal that are older, as far as a base allows.")
    ] = None,
    answers_days: Annotated[
        float | None, typer.Option(min=1, help="Forget what was answered under Idempotency-Keys that are older.")
    ] = None,
    home: HomeOption = None,
    database: DatabaseOption = None,
    as_json: Json = False,
) -> None:
    """Forget old commits and old answers, while the controller runs; without this they are kept for ever.

    What is, events and the audit log stay. The store can be read as it was, and incidents replayed, as far back as the
    journal goes; a key that is forgotten may be used anew, so nobody may send again what is older than its answer.

    Example: highroad prune --journal-days 365 --answers-days 7
    """
    from highroad.storage.pruning import prune as forget

    where, _ = _where(_settings(home, database))
    now_s = time.time()
    done = attempt(
        lambda: forget(
            where,
            commits_before_s=None if journal_days is None else now_s - journal_days * 86_400,
            answers_before_s=None if answers_days is None else now_s - answers_days * 86_400,
        ),
        as_json,
    )
    if as_json:
        print_json(asdict(done))
    else:
        say(f"forgotten: {done.commits:,} commits, {done.answers:,} answers")


def _settings(home: Path | None, database: str | None) -> Settings:
    """A place that is asked for goes before one that the environment names."""
    from highroad.main.up import settings_from

    found = settings_from(home=home, database=database)
    return found.model_copy(update={"database": None}) if home is not None and database is None else found


def _where(settings: Settings) -> tuple[Where, Path | None]:
    """The store, and the home that it is in, if it is in one."""
    from highroad.client.home import home_dir
    from highroad.main.home import Home

    if settings.database is not None:
        return settings.database.get_secret_value(), None
    folder = (settings.home or home_dir()).expanduser().resolve()
    return Home(folder).store, folder


def _keys_in(folder: Path) -> dict[str, bytes]:
    from highroad.main.home import Home
    from highroad.storage.restore import WEBHOOK_KEY

    try:
        return {WEBHOOK_KEY: Home(folder).webhook_key.read_bytes().strip()}
    except OSError:
        return {}


def _keep(path: Path, key: bytes) -> None:
    """The key in a file of its owner's, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".webhook-key-")
    with os.fdopen(handle, "wb") as file:
        file.write(key + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)


def _told(what: str) -> Callable[[str, int], None]:
    """Says on a terminal, once a second, how far it is."""
    last_s = time.monotonic()

    def tell(table: str, rows: int) -> None:
        nonlocal last_s
        if sys.stderr.isatty() and time.monotonic() - last_s > TOLD_EACH_S:
            last_s = time.monotonic()
            typer.echo(f"{table}: {rows:,} rows {what}", err=True)

    return tell


def _show(summary: Summary, what: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(summary) | {"at": _iso(summary.at_s)})
        return
    say(f"{what}, {sum(summary.counts.values()):,} rows, {summary.size_bytes:,} bytes")
    say(f"of {_iso(summary.at_s)}, {summary.store}, release {summary.release}, tables {summary.revision}")
    say(f"sha256 {summary.sha256}")


def _iso(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
